"""Keeping and thinning: which samples are due to go, which are protected, and the work itself.

    rules   ──▶ groups of tags, each with its ladder: samples 400 d ─▶ 1 min 730 d ─▶ 1 h for ever
    store   ──▶ what it holds of each group, by UTC day
    windows of campaigns, holds ──▶ days that stay as they are
    plan    ──▶ day by day: from what, to what, how much; or why not

A plan changes nothing. Carrying it out goes day by day, oldest first, and each day is safe in
itself, so it may be broken off anywhere and done again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from configs.configuration import Configuration
from configs.retention import SUMMED, KeepConfig, RetentionConfig
from evidence.campaign import Campaign
from evidence.plan import RecordedArm
from historian.buckets import DAY
from historian.port import Dropped, Surveyed, Thinnable
from plant.clock import SECOND
from plant.tags import Tag

OTHERS = "default"
"""What the rule is called that stands above the others."""
_BESIDE = DAY
"""What is kept before and after a protected window: figures look a little beyond their window."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of a ladder: buckets of `step` ns, 0 for the samples themselves, until `keep` ns old; None: for ever."""

    step: int
    keep: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """The tags of one scene that one rule means."""

    rule: str
    scene: str
    paths: tuple[str, ...]
    ladder: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Protected:
    """A window of a scene that stays as it is, and for whose sake. `scene`: empty for all."""

    scene: str
    start: int
    stop: int
    why: str

    def covers(self, scene: str, day: int) -> bool:
        """Say whether a UTC day of a scene stays because of it."""
        near = self.start - _BESIDE < (day + 1) * DAY and self.stop + _BESIDE > day * DAY
        return near and self.scene in ("", scene)


@dataclass(frozen=True, slots=True)
class Due:
    """A day of a group that is due: `rows` samples (`source` 0) or buckets make room for buckets of `target`, 0: none.

    `protected`: why it stays nevertheless; empty when it goes.
    """

    group: Group
    day: int
    source: int
    target: int
    rows: int
    protected: str = ""


@dataclass(slots=True)
class Done:
    """What carrying out a plan came to."""

    samples: int = 0
    buckets: int = 0
    bytes: int = 0
    days: int = 0
    left: list[Due] = field(default_factory=list)


def ladder(keep: KeepConfig) -> tuple[Rung, ...]:
    """Return what is kept how long, finest first."""
    rungs = [(0, keep.raw), *((round(one.step * SECOND), one.keep) for one in keep.rollups)]
    return tuple(Rung(step, None if age is None else round(age * SECOND)) for step, age in rungs)


def groups(configuration: Configuration, stored: Iterable[str]) -> list[Group]:
    """Put declared tags and those that are only stored under their rules; nothing that is kept for ever is in it."""
    retention = configuration.centre.retention
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    keeps: dict[str, KeepConfig] = {OTHERS: retention, **{rule.id: rule for rule in retention.rules}}
    declared = {tag.path: (scene.id, tag) for scene in configuration.site.scenes for tag in scene.tags}
    for path in sorted({*declared, *stored}):
        scene, tag = declared.get(path, (path.split("/")[1], None))
        rule = _rule(retention, scene, tag)
        if rule and keeps[rule].raw is not None:
            found[rule, scene].append(path)
    return [Group(rule, scene, tuple(paths), ladder(keeps[rule])) for (rule, scene), paths in found.items()]


def _rule(retention: RetentionConfig, scene: str, tag: Tag | None) -> str:
    """Return the rule that means a tag, empty for none. Tags that nobody declared are under that for all."""
    if tag is None:
        return OTHERS
    named = next((rule.id for rule in retention.rules if rule.means(scene, tag.kind, tag.role)), "")
    return named or (OTHERS if tag.kind in SUMMED else "")


def protections(configuration: Configuration, campaigns: Iterable[Campaign]) -> list[Protected]:
    """Return what stays: the windows of every campaign there is, in all its revisions, and what is held."""
    found = []
    for campaign in campaigns:
        for frozen in campaign.revisions:
            for arm in (frozen.plan.baseline, frozen.plan.improved):
                if isinstance(arm, RecordedArm):
                    scene = frozen.plan.scene or ""
                    found += [Protected(scene, one.start, one.stop, f"campaign {campaign.id}") for one in arm.windows]
    for hold in configuration.centre.retention.holds:
        span = (_ns(hold.start), _ns(hold.stop))
        scenes = sorted(hold.scenes) or [""]
        found += [Protected(scene, *span, f"hold {hold.id}: {hold.reason}") for scene in scenes]
    return sorted(set(found), key=lambda one: (one.start, one.scene, one.why))


def _ns(moment: datetime) -> int:
    return round((moment - datetime.fromtimestamp(0, UTC)).total_seconds()) * SECOND


def plan(store: Surveyed, chosen: Sequence[Group], spared: Sequence[Protected], *, now: int) -> list[Due]:
    """Return what is due, oldest first, and what would be but is protected; reads the store, changes nothing."""
    found: list[Due] = []
    for rung, before, some in _asked(chosen, now):
        days = store.held([group.paths for group in some], before, step=rung.step)
        for group, held in zip(some, days, strict=True):
            for day, rows in held.items():
                target = _target(group.ladder, day, now)
                if target is None or (target and target <= rung.step):
                    continue
                why = next((one.why for one in spared if one.covers(group.scene, day)), "")
                found.append(Due(group, day, rung.step, target, rows, why))
    return sorted(found, key=lambda due: (due.day, due.source, due.group.rule, due.group.scene))


def _asked(chosen: Sequence[Group], now: int) -> Iterator[tuple[Rung, int, list[Group]]]:
    """Yield each rung that is left one day, until when, and the groups that have it: one question each."""
    by_rung: dict[Rung, list[Group]] = defaultdict(list)
    for group in chosen:
        for rung in group.ladder:
            if rung.keep is not None:
                by_rung[rung].append(group)
    for rung, some in by_rung.items():
        if rung.keep is not None:
            yield rung, now - rung.keep, some


def _target(rungs: Sequence[Rung], day: int, now: int) -> int | None:
    """Return the step that a day belongs to by its age, 0 for none at all; None while its samples stay."""
    age = now - (day + 1) * DAY
    for number, rung in enumerate(rungs):
        if rung.keep is None or age < rung.keep:
            return rung.step if number else None
    return 0


def carry_out(
    store: Thinnable, due: Iterable[Due], *, first: Callable[[str, int], None], going: Callable[[], bool]
) -> Done:
    """Thin what is due and not protected, as long as `going`; see `Thinnable.thin` for what it raises.

    `first`: called with scene and day before samples go, to compute what is kept of them.
    """
    done = Done()
    for one in due:
        if one.protected:
            continue
        if not going():
            done.left.append(one)
            continue
        if not one.source:
            first(one.group.scene, one.day)
        _add(done, store.thin(one.group.paths, one.day, one.target))
    return done


def _add(done: Done, dropped: Dropped) -> None:
    done.samples += dropped.samples
    done.buckets += dropped.buckets
    done.bytes += dropped.bytes or 0
    done.days += 1
