"""Following every condition of a plant as its data arrives, in columns and without looking back.

    rows of watched tags ──sorted by tag, time──▶ condition.marks ──▶ detect ──▶ RAISE, CLEAR
                                                        ▲                ▲
                                    a few samples before them     memory of each condition

What was there before is not asked from the store: a condition that needs the past keeps the
few samples it needs. A row that is not newer than what is known of its tag says nothing.
Only the owner of a `Watch` calls it, one call at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from analytics.alarms.conditions import OutOfControl, Rate, figure_marks
from analytics.alarms.detection import Delays, Detector, Marks, detect
from analytics.alarms.rules import AlarmRule, Condition, OfFigure, OfSilence, OfTag
from analytics.alarms.states import Action, Alarm, Do
from analytics.indicator import Indicator
from plant.batch import Batch, Ints, Origin
from plant.clock import SECOND
from plant.quality import usable

Done = tuple[str, Action]
"""An alarm's id and what happened to it."""

SETTLES = 30 * SECOND
"""Time after a start in which nobody is called silent, in ns."""
_CHART_MEMORY = 15
"""Values before a new one that a rule of a control chart can ask for."""
_MOST_REMEMBERED = 4_096
_DICTIONARIES = 256
_NEVER = np.iinfo(np.int64).min // 2
_NO_MARKS: Marks = (np.zeros(0, np.int64), np.zeros(0, np.int8))
_RAISING, _SUPPRESSING = (Do.RAISE, Do.CLEAR), (Do.SUPPRESS, Do.UNSUPPRESS)
_FIRST = {Do.SUPPRESS: 0, Do.UNSUPPRESS: 2}
"""Of what happens in one instant, what comes first: nothing shall be annunciated for no time at all."""


@dataclass(slots=True, kw_only=True)
class _Follower:
    """One condition on its way: memory of detection, the samples it looks back on, what it saw last."""

    alarm: str
    does: tuple[Do, Do]
    delays: Delays
    memory: Detector
    condition: Condition | None = None
    tail: Batch = field(default_factory=Batch.empty)
    value: float | None = None
    simulated: bool = False

    def samples(self, fresh: Batch, now: int) -> Iterator[Done]:
        """Follow new samples of the tag, ordered, newer than all before."""
        assert self.condition is not None
        memory = _memory(self.condition)
        whole = Batch.concat([self.tail, fresh]) if memory else fresh
        marks = self.condition.marks(whole, (int(fresh.time[0]), int(fresh.time[-1]) + 1))
        if memory:
            kept = whole.time >= whole.time[-1] - memory[1]
            kept[: -min(memory[0], len(whole))] = False
            self.tail = whole.take(kept)
        seen = fresh.take(usable(fresh.quality))
        numbers = seen.numbers
        for action in self._moved(marks, now):
            row = int(np.searchsorted(seen.time, action.time, side="right")) - 1
            if row >= 0:
                value = float(numbers[row])
                self.value = value if np.isfinite(value) else None
                self.simulated = bool(seen.origin[row] & Origin.SIMULATED)
            yield self._done(action)
        if len(seen):
            last = float(numbers[-1])
            self.value, self.simulated = last if np.isfinite(last) else None, bool(seen.origin[-1] & Origin.SIMULATED)

    def marked(self, marks: Marks, now: int) -> Iterator[Done]:
        """Follow marks that come from elsewhere, or none: then only time has passed."""
        for action in self._moved(marks, now):
            yield self._done(action)

    @property
    def waits(self) -> bool:
        """Whether a delay is running."""
        return self.memory.holds != self.memory.raised

    def _moved(self, marks: Marks, now: int) -> tuple[Action, ...]:
        self.memory, actions = detect(self.memory, marks, now, delays=self.delays)
        return actions

    def _done(self, action: Action) -> Done:
        do = self.does[0] if action.do is Do.RAISE else self.does[1]
        raising = do is Do.RAISE
        return self.alarm, replace(
            action, do=do, value=self.value if raising else None, simulated=self.simulated and raising
        )


class Watch:
    """All conditions of some rules. `alarms`: what is known of each alarm, as a restart left it.

    `start`: ns UTC; silence is counted from `SETTLES` after it, when collectors have connected.
    """

    def __init__(self, rules: Iterable[AlarmRule], alarms: Mapping[str, Alarm], *, start: int) -> None:
        self._index: dict[str, int] = {}
        self._places: dict[tuple[str, ...], Ints] = {}
        self._of_tags: dict[int, list[_Follower]] = {}
        self._of_figures: dict[str, list[tuple[OfFigure, _Follower]]] = {}
        self._silences: list[tuple[Ints, int, int, _Follower]] = []
        self._suppressions: list[tuple[int, int, _Follower]] = []
        self._waiting: dict[int, _Follower] = {}
        for rule in rules:
            self._add(rule, alarms[rule.definition.id], start)
        self._start = start
        self._heard = np.full(len(self._index), _NEVER, np.int64)
        self._newest = np.full(len(self._index), _NEVER, np.int64)
        self._followed = np.array([i in self._of_tags for i in range(len(self._index))], np.bool_)

    def figures_wanted(self) -> frozenset[tuple[str, float]]:
        """Return which figures are watched, as scene id and window (see `OfFigure`)."""
        return frozenset((of.scene, of.window) for found in self._of_figures.values() for of, _ in found)

    def watched(self, batch: Batch) -> Batch:
        """Return the rows that some condition could be interested in."""
        places = self._places_of(batch.names)[batch.tag]
        return batch.take(places >= 0)

    def samples(self, batch: Batch, now: int) -> list[Done]:
        """Follow samples, in any order, none later than `now`; return what happened, in order."""
        places = self._places_of(batch.names)[batch.tag]
        self._heard[places[(places >= 0) & usable(batch.quality)]] = now
        rows = np.flatnonzero((places >= 0) & self._followed[places] & (batch.time > self._newest[places]))
        rows = rows[np.lexsort((batch.time[rows], places[rows]))]
        done: list[Done] = []
        ends = np.flatnonzero(np.diff(places[rows], append=-1)) + 1
        start = 0
        for end in ends.tolist():
            place, fresh = int(places[rows[start]]), batch.take(rows[start:end])
            self._newest[place] = fresh.time[-1]
            for follower in self._of_tags[place]:
                done += follower.samples(fresh, now)
                self._note(follower)
            start = end
        return _in_order(done)

    def time_passes(self, now: int) -> list[Done]:
        """Follow the clock: delays that end, devices that have fallen silent; return what happened, in order."""
        done: list[Done] = []
        for places, after, known, follower in self._silences:
            last = int(self._heard[places].max())
            heard = last if last > _NEVER else known
            if (now - heard > after) != follower.memory.holds:
                moment = min(heard + after + 1, now) if not follower.memory.holds else min(heard, now)
                done += follower.marked(_mark(follower, moment, holds=not follower.memory.holds), now)
                self._note(follower)
        for place, after, follower in self._suppressions:
            if follower.memory.holds and now - max(int(self._heard[place]), self._start) > after:
                done += follower.marked(_mark(follower, now, holds=False), now)
        for follower in tuple(self._waiting.values()):
            done += follower.marked(_NO_MARKS, now)
            self._note(follower)
        return _in_order(done)

    def figures(self, found: Iterable[Indicator], window: float, now: int) -> list[Done]:
        """Follow figures of one window."""
        done: list[Done] = []
        for indicator in found:
            for of, follower in self._of_figures.get(indicator.key, ()):
                if of.window != window:
                    continue
                follower.value, follower.simulated = indicator.value, indicator.simulated
                done += follower.marked(figure_marks(of.limit, [indicator]), now)
                self._note(follower)
        return _in_order(done)

    def _add(self, rule: AlarmRule, alarm: Alarm, start: int) -> None:
        memory = Detector(holds=alarm.active, since=alarm.active_since, raised=alarm.active)
        follower = _Follower(alarm=rule.definition.id, does=_RAISING, delays=rule.delays, memory=memory)
        match rule.watched:
            case OfTag(path=path, condition=condition):
                follower.condition = condition
                self._of_tags.setdefault(self._place(path), []).append(follower)
            case OfSilence(paths=paths, after=after):
                places = np.array([self._place(path) for path in paths], np.int64)
                # What was silent before a restart stays so until it is heard; the others get their time.
                known = _NEVER if alarm.active else start + SETTLES
                self._silences.append((places, round(after * SECOND), known, follower))
            case OfFigure(key=key):
                self._of_figures.setdefault(key, []).append((rule.watched, follower))
        if rule.suppression is not None:
            held = Detector(holds=alarm.suppressed, since=alarm.since, raised=alarm.suppressed)
            within = _Follower(
                alarm=rule.definition.id,
                does=_SUPPRESSING,
                delays=Delays(),
                memory=held,
                condition=rule.suppression.within,
            )
            place = self._place(rule.suppression.path)
            self._of_tags.setdefault(place, []).append(within)
            self._suppressions.append((place, round(rule.suppression.stale_after * SECOND), within))

    def _note(self, follower: _Follower) -> None:
        if follower.waits:
            self._waiting[id(follower)] = follower
        else:
            self._waiting.pop(id(follower), None)

    def _place(self, path: str) -> int:
        return self._index.setdefault(path, len(self._index))

    def _places_of(self, names: tuple[str, ...]) -> Ints:
        known = self._places.get(names)
        if known is None:
            if len(self._places) >= _DICTIONARIES:
                self._places.clear()
            known = np.array([self._index.get(name, -1) for name in names], np.int64)
            self._places[names] = known
        return known


def _mark(follower: _Follower, moment: int, *, holds: bool) -> Marks:
    # Never before what is known already: a device may be heard again before its silence was noticed.
    moment = max(moment, follower.memory.since or moment)
    return np.array([moment], np.int64), np.array([1 if holds else -1], np.int8)


def _memory(condition: Condition) -> tuple[int, int] | None:
    """Return how many samples and how many ns of them a condition looks back on, None for none."""
    match condition:
        case Rate(over=over):
            return _MOST_REMEMBERED, round(over * SECOND)
        case OutOfControl():
            return _CHART_MEMORY, -_NEVER
        case _:
            return None


def _in_order(done: list[Done]) -> list[Done]:
    return sorted(done, key=lambda one: (one[1].time, _FIRST.get(one[1].do, 1)))
