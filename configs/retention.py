"""How long samples are kept, and what stands for them afterwards. For ever, unless it is said here.

    retention:
      raw: 400d                                        # measured values, meters and counters
      rollups: [{step: 1min, keep: 730d}, {step: 1h}]  # then 1 min values for two years, 1 h values for ever
      rules:
        - {id: vibration, roles: [vibration], raw: 60d, rollups: [{step: 1min}]}
        - {id: states, kinds: [state, event, text], raw: 1500d}

      holds:
        - {id: dispute, scenes: [press], start: "2026-03-01T00:00:00+08:00", stop: "2026-04-01T00:00:00+08:00",
           reason: claim 17}

States, events and texts are changes, few, and cannot be summed up: what stands above is not
for them. Only a rule that names their kind lets them go, and then nothing stands for them.
A tag is under one rule at most; which one, is never a matter of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import AwareDatetime, Field, model_validator

from configs.base import Identifier, Seconds, Strict
from plant.tags import Kind, Role

DAY = 86_400
LEAST_RAW = 35 * DAY
"""Seconds that samples stay at least: the figures of a month, and what counters look back for, need them."""
SUMMED = frozenset({Kind.ANALOG, Kind.COUNTER, Kind.ENERGY})
"""Kinds whose samples buckets can stand for."""


class RollupConfig(Strict):
    """Buckets that stand for samples: `step` long each, kept until they are `keep` old."""

    step: Seconds
    keep: Seconds | None = Field(default=None, description="counted from when they happened; none = for ever")


class KeepConfig(Strict):
    """How long samples are kept, then buckets, each step coarser than the one before."""

    raw: Seconds | None = Field(default=None, description="how long samples are kept; none = for ever")
    rollups: tuple[RollupConfig, ...] = Field(default=(), max_length=4)

    @model_validator(mode="after")
    def _in_order(self) -> KeepConfig:
        if self.raw is None and self.rollups:
            raise ValueError("samples that are kept for ever need no rollups; say how long with `raw`")
        if self.raw is not None and self.raw < LEAST_RAW:
            raise ValueError(f"raw: below {LEAST_RAW // DAY}d, which the figures of a month need")
        for rollup in self.rollups:
            if rollup.step < 1 or DAY % rollup.step:
                raise ValueError(f"a step of {rollup.step:g} s does not divide a day; write 1min, 15min or 1h")
        for finer, coarser in pairwise(self.rollups):
            if coarser.step <= finer.step or coarser.step % finer.step:
                raise ValueError(f"a step of {coarser.step:g} s is no multiple of the {finer.step:g} s before it")
        ages = [self.raw, *(rollup.keep for rollup in self.rollups)]
        for earlier, later in pairwise(ages):
            if earlier is None:
                raise ValueError("after what is kept for ever nothing can follow")
            if later is not None and later <= earlier:
                raise ValueError("each step must be kept longer than the one before, or it never stands for anything")
        return self


class RetentionRule(KeepConfig):
    """Some tags that are kept for another time: those of all its kinds, roles and scenes that are named."""

    id: Identifier
    kinds: frozenset[Kind] = frozenset()
    roles: frozenset[Role] = frozenset()
    scenes: frozenset[Identifier] = frozenset()

    @model_validator(mode="after")
    def _means_something(self) -> RetentionRule:
        if not (self.kinds or self.roles or self.scenes):
            raise ValueError("names no kinds, roles or scenes; what is for all tags stands above the rules")
        if self.rollups and self.kinds - SUMMED:
            wrong = ", ".join(sorted(self.kinds - SUMMED))
            raise ValueError(f"tags of kind {wrong} cannot be summed up; give them a rule without rollups")
        return self

    def means(self, scene: str, kind: Kind, role: Role | None) -> bool:
        """Say whether a declared tag is under this rule; what cannot be summed up is so only by its kind."""
        if self.scenes and scene not in self.scenes:
            return False
        if self.roles and role not in self.roles:
            return False
        return kind in (self.kinds or SUMMED)


class HoldConfig(Strict):
    """A time of which nothing is dropped, whatever the rules say. `scenes`: none = all."""

    id: Identifier
    start: AwareDatetime
    stop: AwareDatetime
    scenes: frozenset[Identifier] = frozenset()
    reason: str = Field(min_length=3, max_length=500)

    @model_validator(mode="after")
    def _forward(self) -> HoldConfig:
        if self.stop <= self.start:
            raise ValueError("a hold ends after it starts")
        return self


class RetentionConfig(KeepConfig):
    """What is for all tags that can be summed up, `rules` for those that are kept otherwise, and `holds`."""

    rules: tuple[RetentionRule, ...] = Field(default=(), max_length=50)
    holds: tuple[HoldConfig, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _each_once(self) -> RetentionConfig:
        for noun, ids in (("rules", [one.id for one in self.rules]), ("holds", [one.id for one in self.holds])):
            twice = next((name for name in ids if ids.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"two {noun} are called {twice!r}")
        return self

    @property
    def lets_go(self) -> bool:
        """Whether anything is ever dropped."""
        return any(keep.raw is not None for keep in (self, *self.rules))


@dataclass(frozen=True, slots=True)
class Kept:
    """A declared tag as a rule sees it. `scene`: its id."""

    path: str
    scene: str
    kind: Kind
    role: Role | None


def doubtful(
    config: RetentionConfig, tags: Sequence[Kept], *, queued: float
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield (place below `retention`, message, hint) for what the tags and the edge's queue make of the rules.

    `queued`: seconds for which an edge may hold samples back.
    """
    for place, keep in _each(config):
        if keep.raw is not None and keep.raw < queued + DAY:
            days = queued / DAY
            hint = "what is delivered again after its samples have gone would count twice; keep them longer"
            yield (*place, "raw"), f"an edge may deliver samples that are {days:g} days old", hint
    scenes = {tag.scene for tag in tags}
    named = [("rules", number, rule.scenes) for number, rule in enumerate(config.rules)]
    named += [("holds", number, hold.scenes) for number, hold in enumerate(config.holds)]
    for noun, number, asked in named:
        for scene in sorted(asked - scenes):
            hint = f"there are: {', '.join(sorted(scenes))}"
            yield (noun, number, "scenes"), f"no scene {scene!r} is declared", hint
    for number, rule in enumerate(config.rules):
        if not rule.scenes - scenes and tags and not any(_means(rule, tag) for tag in tags):
            yield ("rules", number), "means no tag", "kinds, roles and scenes must all fit; leave out what need not"
    yield from _overlaps(config, tags)


def _overlaps(config: RetentionConfig, tags: Iterable[Kept]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    told: set[tuple[int, int]] = set()
    for tag in tags:
        meaning = [number for number, rule in enumerate(config.rules) if _means(rule, tag)]
        for first, second in pairwise(meaning):
            if (first, second) not in told:
                told.add((first, second))
                other = config.rules[first].id
                yield ("rules", second), f"means {tag.path!r}, and so does rule {other!r}", "let each tag be under one"


def _each(config: RetentionConfig) -> Iterator[tuple[tuple[str | int, ...], KeepConfig]]:
    yield (), config
    yield from ((("rules", number), rule) for number, rule in enumerate(config.rules))


def _means(rule: RetentionRule, tag: Kept) -> bool:
    return rule.means(tag.scene, tag.kind, tag.role)
