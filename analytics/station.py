"""What one station did in a window: its signals read together into `Sums`.

A machine is a station. A serial line is one too, seen at its boundary: the times of its
bottleneck, the good output of its last machine, the rejects of all of them, and the ideal
cycle of the slowest. Both are read by the same function.

Only time in which state *and* counters are known is measured. Pieces count at the instant
they are read, if that instant is measured; everything else would put production without
its time, or time without its production, into a ratio.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analytics.counters import Increments, Reading
from analytics.oee import Counts, Sums
from analytics.spans import Spans, common
from analytics.states import Intervals
from analytics.steps import Steps
from analytics.time_model import TimeModel, times
from plant.batch import Floats, Ints
from plant.calendar import Plan
from plant.clock import SECOND
from plant.text import Text


@dataclass(frozen=True, slots=True, eq=False)
class IdealCycle:
    """Design seconds per piece at any moment: by product, or from a tag, or both.

    `cycles`: seconds by product, `""` for all others. `product`, `products`: which product
    was made when (`products` names the samples behind the steps). `told`, `seconds`: a tag
    that sends the ideal cycle itself; where known and positive, it wins.
    """

    cycles: Mapping[str, float] = field(default_factory=dict)
    product: Steps | None = None
    products: tuple[str, ...] = ()
    told: Steps | None = None
    seconds: Floats | None = None

    def at(self, moments: Ints) -> Ints:
        """Return ns per piece at each moment, 0 where there is no ideal cycle."""
        found = np.full(len(moments), _ns(self.cycles.get("", 0.0)), np.int64)
        if self.product is not None and self.products:
            # Once a product, not once a sample that repeats it.
            of = {p: _ns(self.cycles.get(p, self.cycles.get("", 0.0))) for p in set(self.products)}
            by_sample = np.array([of[p] for p in self.products], np.int64)
            found = _where_known(self.product.at(moments), by_sample, found)
        if self.told is not None and self.seconds is not None and len(self.seconds):
            distinct, which = np.unique(self.seconds, return_inverse=True)
            told = np.array([_ns(s) for s in distinct.tolist()], np.int64)[which]
            rows = self.told.at(moments)
            found = _where_known(np.where((rows >= 0) & (told[rows] > 0), rows, -1), told, found)
        return found


def _where_known(rows: npt.NDArray[np.int64], values: Ints, otherwise: Ints) -> Ints:
    return np.where(rows >= 0, values[rows], otherwise)


def _ns(seconds: float) -> int:
    # A cycle beyond a year, or one that is no number, is no ideal cycle.
    return round(seconds * SECOND) if 0 < seconds < 366 * 86_400 else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """The signals of one station in and around a window.

    `states`: None when the station has no state signal. `good`, `scrap`, `rework`, `total`:
    one entry per counter; none = not measured. `ideal`: one per machine of the station, the
    slowest decides. `origins`: where each comes from, by symbol.
    """

    states: Intervals | None
    good: tuple[Increments, ...] = ()
    scrap: tuple[Increments, ...] = ()
    rework: tuple[Increments, ...] = ()
    total: tuple[Increments, ...] = ()
    ideal: tuple[IdealCycle, ...] = ()
    simulated: bool = False
    origins: Mapping[str, Text] = field(default_factory=dict)

    @property
    def counters(self) -> tuple[Increments, ...]:
        """All counters of the station."""
        return (*self.good, *self.scrap, *self.rework, *self.total)

    def ideal_at(self, moments: Ints) -> Ints:
        """Return ns per piece at each moment by the slowest machine, 0 where one has no ideal cycle."""
        cycles = [cycle.at(moments) for cycle in self.ideal]
        if not cycles:
            return np.zeros(len(moments), np.int64)
        known = np.all([cycle > 0 for cycle in cycles], axis=0)
        return np.where(known, np.max(cycles, axis=0), 0)

    def measured(self, plan: Plan) -> Spans:
        """Return the planned busy time in which state and counters are all known."""
        parts = [counter.known for counter in self.counters]
        return common([Spans.of(plan.busy), *([self.states.known] if self.states is not None else []), *parts])

    def measured_good(self, plan: Plan) -> Spans:
        """Return the part of `measured` in which all of them are good, not merely uncertain."""
        parts = [counter.known_good for counter in self.counters]
        return common([Spans.of(plan.busy), *([self.states.known_good] if self.states is not None else []), *parts])


def sums(signals: Signals, plan: Plan, *, model: TimeModel, measured: Spans) -> Sums:
    """Return everything the OEE family of a station is computed from; `measured` as `Signals` says it."""
    states = signals.states if signals.states is not None else _NO_STATES
    return Sums(
        times=times(states, plan, model=model, measured=measured),
        counts=counts(signals, measured),
        measured=measured.total,
        measured_good=signals.measured_good(plan).total,
        resets=sum(int((c.reading == Reading.RESET).sum()) for c in signals.counters),
        simulated=signals.simulated,
        origins=dict(signals.origins),
    )


def counts(signals: Signals, measured: Spans | None) -> Counts:
    """Return pieces and their ideal time, as far as they were counted in measured time.

    Without `measured`, everything the window's readings showed is counted, at whatever time.
    Of good, reject and total, any two give the third. Good alone does not say that nothing
    was rejected, nor total alone that everything was good.
    """
    good, scrap, rework, whole = (
        _Tally.of(group, signals, measured) for group in (signals.good, signals.scrap, signals.rework, signals.total)
    )
    rework = rework or _Tally()
    if whole is None and good is not None and scrap is not None:
        whole = good + scrap + rework
    if good is None and whole is not None and scrap is not None:
        good = whole - scrap - rework
    if scrap is None and whole is not None and good is not None:
        scrap = whole - good - rework
    return Counts(
        produced=None if whole is None else whole.micro,
        good=None if good is None else good.micro,
        scrap=None if scrap is None else scrap.micro,
        rework=rework.micro,
        ideal_produced=None if whole is None else whole.known_ideal,
        ideal_good=None if good is None else good.known_ideal,
        left_out=0 if whole is None else whole.left_out,
    )


@dataclass(frozen=True, slots=True)
class _Tally:
    # Pieces (millionths), their ideal time (fs), those without an ideal cycle, those left out.
    micro: int = 0
    ideal: int = 0
    without_ideal: int = 0
    left_out: int = 0

    @staticmethod
    def of(group: Iterable[Increments], signals: Signals, measured: Spans | None) -> _Tally | None:
        tallies = [_Tally._one(counter, signals, measured) for counter in group]
        if not tallies:
            return None
        first, *others = tallies
        for other in others:
            first = first + other
        return first

    @staticmethod
    def _one(counter: Increments, signals: Signals, measured: Spans | None) -> _Tally:
        counted = counter.micro > 0
        if measured is not None:
            counted &= counter.in_time & measured.holds(counter.time)
        micro, cycle = counter.micro[counted], signals.ideal_at(counter.time[counted])
        # Summed per distinct cycle in Python's integers, for femtoseconds outgrow 64 bits.
        different = np.unique(cycle) if len(cycle) and (cycle != cycle[0]).any() else cycle[:1]
        per_cycle = {int(c): int(micro[cycle == c].sum()) for c in different}
        ideal = sum(c * n for c, n in per_cycle.items())
        return _Tally(int(micro.sum()), ideal, per_cycle.get(0, 0), counter.total - int(micro.sum()))

    @property
    def known_ideal(self) -> int | None:
        return None if self.without_ideal else self.ideal

    def __add__(self, other: _Tally) -> _Tally:
        return self._combined(other, 1)

    def __sub__(self, other: _Tally) -> _Tally:
        return self._combined(other, -1)

    def _combined(self, other: _Tally, sign: int) -> _Tally:
        return _Tally(
            self.micro + sign * other.micro,
            self.ideal + sign * other.ideal,
            self.without_ideal + other.without_ideal,
            self.left_out + sign * other.left_out,
        )


_NO_STATES = Intervals(
    np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.bool_)
)
