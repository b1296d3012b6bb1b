"""Overall equipment effectiveness: sums first, the ratios last.

`Sums` is everything the OEE family is computed from. It adds: over shifts to a day, over
machines side by side to a line, over lines to a scene and a site, and the ratios of a sum
are the ratios of the whole. Ratios themselves are never added, averaged or capped.

Times are whole nanoseconds, pieces whole millionths, and ideal time is their product in
femtoseconds (ns × millionths), so sums are exact in whatever order they are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from analytics.counters import MICRO
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import MIN_COVERAGE, Basis, Flag, Formula, Indicator, Quantity, evaluate
from analytics.time_model import Times
from plant.calendar import Span
from plant.clock import SECOND
from plant.text import Text

FAMILY = (
    "oee",
    "availability",
    "effectiveness",
    "quality-ratio",
    "nee",
    "teep",
    "ooe",
    "allocation-efficiency",
    "utilization-efficiency",
    "technical-efficiency",
    "setup-ratio",
    "utilization",
    "defect-rate",
    "scrap-ratio",
    "rework-ratio",
)
"""The indicators that follow from `Sums`, in the order in which they are shown."""

PIECES = ("quality-ratio", "defect-rate", "scrap-ratio", "rework-ratio")
"""Those that take nothing but counters."""

TIME = (
    "availability",
    "allocation-efficiency",
    "utilization-efficiency",
    "technical-efficiency",
    "setup-ratio",
    "utilization",
)
"""Those that take nothing but states."""

_UNIT_FS = SECOND * MICRO  # femtoseconds in a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Pieces in millionths and their ideal time in fs; None where it is not measured.

    `produced`, `good`, `scrap`, `rework`: counted in known planned time.
    `ideal_produced`, `ideal_good`: Σ ideal cycle × pieces. `left_out`: pieces of the window
    that were made at unknown or unplanned times and are in none of the above.
    """

    produced: int | None = 0
    good: int | None = 0
    scrap: int | None = 0
    rework: int | None = 0
    ideal_produced: int | None = 0
    ideal_good: int | None = 0
    left_out: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            produced=_plus(self.produced, other.produced),
            good=_plus(self.good, other.good),
            scrap=_plus(self.scrap, other.scrap),
            rework=_plus(self.rework, other.rework),
            ideal_produced=_plus(self.ideal_produced, other.ideal_produced),
            ideal_good=_plus(self.ideal_good, other.ideal_good),
            left_out=self.left_out + other.left_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the OEE family of a unit, line, scene or site is computed from; see the module docstring.

    `measured`: ns of planned busy time in which all signals were known; `measured_good`: in
    which they were good, not merely uncertain. `resets`: counters that started anew.
    `origins`: where the inputs come from, by symbol, for people.
    """

    times: Times = Times()
    counts: Counts = Counts()
    measured: int = 0
    measured_good: int = 0
    resets: int = 0
    simulated: bool = False
    origins: dict[str, Text] = field(default_factory=dict, compare=False, hash=False)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            times=self.times + other.times,
            counts=self.counts + other.counts,
            measured=self.measured + other.measured,
            measured_good=self.measured_good + other.measured_good,
            resets=self.resets + other.resets,
            simulated=self.simulated or other.simulated,
        )

    @property
    def coverage(self) -> float | None:
        """Measured share of planned busy time, None when nothing was planned."""
        return self.measured / self.times.busy if self.times.busy else None

    def basis(self, scope: str, window: Span, *, min_coverage: float = MIN_COVERAGE) -> Basis:
        """Return what the indicators of these sums have in common."""
        return Basis(
            scope=scope,
            window=window,
            coverage=self.coverage,
            quality_share=self.measured_good / self.measured if self.measured else 0.0,
            planned=self.times.busy > 0,
            simulated=self.simulated,
            min_coverage=min_coverage,
        )

    def inputs(self) -> dict[str, Quantity]:
        """Return times in seconds, pieces, and ideal times in seconds, by symbol."""
        counts = self.counts
        pieces = {"PQ": counts.produced, "GQ": counts.good, "SQ": counts.scrap, "RQ": counts.rework}
        ideal = {"IPT": counts.ideal_produced, "IGT": counts.ideal_good}
        return quantities(
            {
                **self.times.symbols(),
                **{symbol: None if n is None else n / MICRO for symbol, n in pieces.items()},
                **{symbol: None if fs is None else fs / _UNIT_FS for symbol, fs in ideal.items()},
            },
            self.origins,
        )


def total(parts: Iterable[Sums]) -> Sums:
    """Add up what works side by side, or follows in time; `Sums()` when there is nothing."""
    whole = Sums()
    for part in parts:
        whole += part
    return whole


def by_numbers(
    *,
    planned_busy_time: float,
    down_time: float,
    ideal_cycle: float,
    produced: float,
    rejected: float,
    setup_time: float = 0.0,
    calendar_time: float | None = None,
    planned_down_time: float = 0.0,
) -> Sums:
    """Return the sums of one unit from plain numbers: times in seconds, quantities in pieces.

    `down_time`: every stop within planned busy time except set-up. Raises ValueError on
    numbers that contradict each other.
    """
    stops = down_time + setup_time
    if planned_busy_time <= 0:
        raise ValueError("planned busy time must be longer than nothing")
    if min(down_time, setup_time, planned_down_time, ideal_cycle, produced, rejected) < 0:
        raise ValueError("times and quantities cannot be negative")
    if stops > planned_busy_time:
        raise ValueError("down time and set-up time together exceed planned busy time")
    if rejected > produced:
        raise ValueError("more pieces are rejected than produced")
    operation = planned_busy_time + planned_down_time
    if calendar_time is not None and calendar_time < operation:
        raise ValueError("planned time exceeds calendar time")
    good = produced - rejected
    return Sums(
        times=Times(
            calendar=_ns(operation if calendar_time is None else calendar_time),
            operation=_ns(planned_busy_time) + _ns(planned_down_time),
            busy=_ns(planned_busy_time),
            production=_ns(planned_busy_time) - _ns(down_time) - _ns(setup_time),
            setup=_ns(setup_time),
            delay=_ns(down_time),
        ),
        counts=Counts(
            produced=round(produced * MICRO),
            good=round(good * MICRO),
            scrap=round(rejected * MICRO),
            ideal_produced=round(produced * MICRO) * _ns(ideal_cycle),
            ideal_good=round(good * MICRO) * _ns(ideal_cycle),
        ),
        measured=_ns(planned_busy_time),
        measured_good=_ns(planned_busy_time),
    )


def indicators(sums: Sums, basis: Basis, *, ids: Iterable[str] = FAMILY) -> list[Indicator]:
    """Compute the OEE family of some sums."""
    inputs = sums.inputs()
    flags = _flags(sums)
    return [
        evaluate(_formula(kpi, sums), inputs, basis, kpi=kpi, uncertainty=_bounds(kpi, sums), flags=flags[kpi])
        for kpi in ids
    ]


def _formula(kpi: str, sums: Sums) -> Formula:
    # Without ideal cycles pieces cannot be weighted by them, but they can be counted.
    by_pieces = kpi == "quality-ratio" and sums.counts.ideal_produced is None
    return FORMULAS["quality-ratio-by-pieces" if by_pieces else kpi]


def _flags(sums: Sums) -> dict[str, tuple[Flag, ...]]:
    ideal, production = sums.counts.ideal_produced, sums.times.production
    too_fast = ideal is not None and ideal > production * MICRO
    found: dict[str, tuple[Flag, ...]] = {}
    for kpi in FAMILY:
        flags = {
            Flag.EFFECTIVENESS_ABOVE_ONE: too_fast and kpi not in (*TIME, *PIECES),
            Flag.PARTLY_UNKNOWN: sums.times.unknown > 0 and kpi != "utilization",
            Flag.UNCOUNTED_PARTS: sums.counts.left_out > 0 and kpi not in TIME,
            Flag.METER_RESET: sums.resets > 0 and kpi not in TIME,
        }
        found[kpi] = tuple(flag for flag, raised in flags.items() if raised)
    return found


def _bounds(kpi: str, sums: Sums) -> tuple[float, float] | None:
    """Return what the unknown time could make of a share of time: all lost, or all of it gained."""
    times, counts = sums.times, sums.counts
    good = None if counts.ideal_good is None else counts.ideal_good / MICRO
    share = {
        "availability": (times.production, times.busy),
        "allocation-efficiency": (times.unit_busy, times.busy),
        "oee": (good, times.busy),
        "teep": (good, times.calendar),
        "ooe": (good, times.operation),
    }.get(kpi)
    if share is None or not times.unknown:
        return None
    part, whole = share
    return None if part is None or not whole else (part / whole, (part + times.unknown) / whole)


def _plus(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def _ns(seconds: float) -> int:
    return round(seconds * SECOND)
