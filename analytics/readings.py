"""The columns a scene's figures need, read from the historian once.

The window with a margin on both sides, the sample in force before it, and, for counters
whose last sample was bad, the last usable reading, for an increment is counted from there.
After that everything is arithmetic on columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from analytics.counters import Increments, increments
from analytics.states import Intervals, intervals
from analytics.steps import Steps, ordered, steps
from historian.port import Historian, Hole
from plant.batch import Batch, Floats, Form, Origin
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import usable
from plant.tags import Kind, Tag
from plant.units import convert

T = TypeVar("T")

LOOK_BACK = tuple(hours * 3600 * SECOND for hours in (1, 24, 31 * 24))
"""How far back the last usable reading of a counter is looked for, in ns, step by step."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Samples by tag path around a window.

    `around`: the window with its margins, as far as it has happened; a stop that is still
    running at its end is as long as it has lasted until then. `holes`: from where samples were
    dropped; nothing of their tags is among the samples.
    """

    window: Span
    around: Span
    samples: Mapping[str, Batch]
    holes: tuple[Hole, ...] = ()
    _read: dict[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, tag: Tag) -> Batch:
        """Return one tag's samples in order of time, one per time."""
        return self.samples.get(tag.path, _NOTHING)

    def states(self, tag: Tag) -> Intervals:
        """Return a state tag's intervals over the window and its margins."""
        return self._once(
            "states", tag, lambda: intervals(self.of(tag), self.around, states=tag.states or None, max_gap=max_gap(tag))
        )

    def increments(self, tag: Tag) -> Increments:
        """Return a counter's increments in the window."""
        return self._once(
            "increments",
            tag,
            lambda: increments(self.of(tag), self.window, policy=tag.counter, max_gap=max_gap(tag)),
        )

    def held(self, tag: Tag) -> Steps:
        """Return which sample of a value that stays valid until changed was in force when."""
        return self._once("held", tag, lambda: steps(self.of(tag), self.around, max_gap=None))

    def believed(self, tag: Tag) -> Steps:
        """Return which sample was in force when, for as long as the tag may be silent."""
        return self._once("believed", tag, lambda: steps(self.of(tag), self.around, max_gap=max_gap(tag)))

    def texts(self, tag: Tag) -> tuple[str, ...]:
        """Return a tag's values as texts, one per sample."""
        return self._once("texts", tag, lambda: _texts(self.of(tag)))

    def seconds(self, tag: Tag) -> Floats:
        """Return the values of a tag whose unit is a time, in seconds, one per sample."""
        return self.of(tag).numbers * convert(1.0, tag.unit, "s")

    def simulated(self, tags: Iterable[Tag]) -> bool:
        """Return whether anything about these tags was simulated, by declaration or by sample."""
        return any(tag.simulated or bool((self.of(tag).origin & np.uint8(Origin.SIMULATED)).any()) for tag in tags)

    def _once(self, what: str, tag: Tag, read_: Callable[[], T]) -> T:
        # A machine's counters stand behind many figures; each is worked out once.
        key = what, tag.path
        if key not in self._read:
            self._read[key] = read_()
        found: T = self._read[key]
        return found


def _texts(samples: Batch) -> tuple[str, ...]:
    if (samples.form == Form.TEXT).all():
        return tuple(samples.texts[raw] for raw in samples.raw.tolist())
    return tuple(str(samples.value(row)) for row in range(len(samples)))


def max_gap(tag: Tag) -> float | None:
    """Return the seconds of silence a tag allows, None when it may be silent for ever."""
    return tag.stale_after if tag.stale_after > 0 else None


def read(historian: Historian, tags: Sequence[Tag], window: Span, *, margin: int, now: int | None = None) -> Readings:
    """Read what is needed to know the tags throughout a window; `margin` in ns.

    `now`: nothing has happened after it; by default, after the newest sample there is.
    """
    start, stop = window[0] - margin, window[1] + margin
    if not tags:
        return Readings(window, window, {})
    holes = historian.thinned([tag.path for tag in tags], start, stop)
    thinned = {hole.path for hole in holes}
    paths = [tag.path for tag in tags if tag.path not in thinned]
    batches = [historian.before(paths, start), historian.history(paths, start, stop)]
    found = _split(Batch.concat([batch for batch in batches if len(batch)]))
    counters = [tag.path for tag in tags if tag.kind in (Kind.COUNTER, Kind.ENERGY) and tag.path not in thinned]
    earlier = _usable_before(historian, [path for path in counters if _starts_bad(found.get(path))], start)
    merged = {path: Batch.concat([earlier[path], batch]) if path in earlier else batch for path, batch in found.items()}
    newest = _newest(historian, [tag.path for tag in tags]) if now is None else now
    around = (start, max(window[1], min(stop, newest)))
    return Readings(window, around, {path: ordered(batch) for path, batch in merged.items()}, holes)


def _newest(historian: Historian, paths: Sequence[str]) -> int:
    latest = historian.latest(paths)
    return int(latest.time.max()) if len(latest) else 0


def _starts_bad(samples: Batch | None) -> bool:
    return samples is not None and len(samples) > 0 and not bool(usable(samples.quality[:1])[0])


def _usable_before(historian: Historian, paths: list[str], moment: int) -> dict[str, Batch]:
    found: dict[str, Batch] = {}
    # An older reading from before a hole would count what happened in it.
    thinned = {hole.path for hole in historian.thinned(paths, moment - LOOK_BACK[-1], moment)} if paths else set()
    paths = [path for path in paths if path not in thinned]
    stop = moment
    for back in LOOK_BACK:
        missing = [path for path in paths if path not in found]
        if not missing:
            break
        for path, samples in _split(historian.history(missing, moment - back, stop)).items():
            rows = np.flatnonzero(usable(samples.quality))
            if len(rows):
                found[path] = samples.take(rows[-1:])
        stop = moment - back
    return found


def _split(batch: Batch) -> dict[str, Batch]:
    # A stable sort keeps the order of time within a tag.
    if not len(batch):
        return {}
    tag = batch.tag
    if (tag[1:] < tag[:-1]).any():
        batch = batch.take(np.argsort(tag, kind="stable"))
        tag = batch.tag
    edges = np.concatenate(([0], np.flatnonzero(tag[1:] != tag[:-1]) + 1, [len(tag)])).tolist()
    return {batch.names[tag[first]]: batch.take(slice(first, last)) for first, last in itertools.pairwise(edges)}


_NOTHING = Batch.empty()
