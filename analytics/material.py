"""How far the record of material can be trusted: is it there in time, and is it true.

Real-time rate: the share of events that were visible within the agreed time; one that never
became visible counts as too late. Record accuracy: the share of cycle counts at which the
record equalled what was really there. Both are shares of a sample and carry exact intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.intervals import clopper_pearson
from analytics.steps import Steps
from plant.batch import Batch, Floats, Ints
from plant.clock import SECOND
from plant.quality import usable
from plant.text import Text


def visible_after(samples: Batch) -> Floats:
    """Return the seconds from each event to its arrival; NaN where its own time is not to be trusted.

    An event that arrives before it happens shows clocks that disagree; it is no measurement.
    """
    delay = (samples.received - samples.time) / SECOND
    return np.where(usable(samples.quality) & (delay >= 0), delay, math.nan)


@dataclass(frozen=True, slots=True)
class Timely:
    """Events by whether they were visible in time; `unmeasured`: whose own time is not to be trusted."""

    timely: int = 0
    events: int = 0
    unmeasured: int = 0

    def __add__(self, other: Timely) -> Timely:
        return Timely(self.timely + other.timely, self.events + other.events, self.unmeasured + other.unmeasured)


def timely(delay: Floats, limit: float) -> Timely:
    """Count events visible within `limit` seconds.

    `delay`: seconds per event, inf = never became visible, NaN = not measured. Raises
    ValueError unless the limit is a positive number.
    """
    if not (limit > 0 and math.isfinite(limit)):
        raise ValueError("the agreed time is longer than 0 s")
    measured = delay[~np.isnan(delay)]
    return Timely(int((measured <= limit).sum()), len(measured), len(delay) - len(measured))


def timely_indicator(found: Timely, limit: float, basis: Basis) -> Indicator:
    """Compute the share of events visible within `limit` seconds; unmeasured ones lower the coverage."""
    origin = Text(f"{limit:g} s 内可见", f"visible within {limit:g} s")
    inputs = quantities({"EVV": float(found.timely), "EVT": float(found.events)}, {"EVV": origin})
    covered = _covered(basis, found.events, found.events + found.unmeasured)
    interval = clopper_pearson(found.timely, found.events)
    return evaluate(FORMULAS["real-time-rate"], inputs, covered, uncertainty=interval)


def real_time_rate(delay: Floats, limit: float, basis: Basis) -> Indicator:
    """Compute the share of events visible within `limit` seconds from their delays; see `timely`."""
    return timely_indicator(timely(delay, limit), limit, basis)


@dataclass(frozen=True, slots=True, eq=False)
class CycleCounts:
    """Counts of real stock: what the record said at that moment, NaN where it said nothing, and what was there."""

    recorded: Floats
    counted: Floats

    def __post_init__(self) -> None:
        if len(self.recorded) != len(self.counted):
            raise ValueError(f"{len(self.recorded)} records but {len(self.counted)} counts")
        if not (np.isfinite(self.counted) & (self.counted >= 0)).all():
            raise ValueError("a count is a number of at least 0")


def cycle_counts(stock: Steps, values: Floats, moments: Ints, counted: Floats) -> CycleCounts:
    """Look up what the record said at each count. `values`: of the samples behind `stock`; `moments`: ns UTC."""
    rows = stock.at(moments)
    recorded = np.where(rows >= 0, values[rows], math.nan) if len(values) else np.full(len(moments), math.nan)
    return CycleCounts(recorded, counted)


@dataclass(frozen=True, slots=True)
class Matched:
    """Cycle counts by whether the record was true. `known`: those a record stood against, of `counts`.

    `deviation`, `quantity`: pieces the record was off by, and pieces counted, where it was known.
    """

    matching: int = 0
    known: int = 0
    counts: int = 0
    deviation: float = 0.0
    quantity: float = 0.0

    def __add__(self, other: Matched) -> Matched:
        return Matched(
            self.matching + other.matching,
            self.known + other.known,
            self.counts + other.counts,
            self.deviation + other.deviation,
            self.quantity + other.quantity,
        )


def matched(found: CycleCounts, *, tolerance: float = 0.0) -> Matched:
    """Sum counts up.

    `tolerance`: a record matches when it differs by at most this; 0 for pieces, more for what
    is weighed. Raises ValueError below 0.
    """
    if not tolerance >= 0:
        raise ValueError("a tolerance is at least 0")
    known = np.isfinite(found.recorded)
    off = np.abs(found.recorded[known] - found.counted[known])
    return Matched(
        matching=int((off <= tolerance).sum()),
        known=int(known.sum()),
        counts=len(found.counted),
        deviation=float(off.sum()),
        quantity=float(found.counted[known].sum()),
    )


def matched_indicators(found: Matched, basis: Basis) -> list[Indicator]:
    """Compute record accuracy and the deviation of quantity."""
    inputs = quantities(
        {
            "CCOK": float(found.matching),
            "CCN": float(found.known),
            "CCDEV": found.deviation,
            "CCQ": found.quantity,
        }
    )
    covered = _covered(basis, found.known, found.counts)
    interval = clopper_pearson(found.matching, found.known)
    return [
        evaluate(FORMULAS["record-accuracy"], inputs, covered, uncertainty=interval),
        evaluate(FORMULAS["stock-deviation"], inputs, covered),
    ]


def accuracy(found: CycleCounts, basis: Basis, *, tolerance: float = 0.0) -> list[Indicator]:
    """Compute record accuracy and the deviation of quantity from counts; see `matched`."""
    return matched_indicators(matched(found, tolerance=tolerance), basis)


def _covered(basis: Basis, known: int, whole: int) -> Basis:
    return replace(basis, coverage=known / whole if known else None)
