"""A process value on a control chart: limits learned from one stretch of time, points and signals of another.

    ├── learn: phase I ──▶ limits ──┤├── shown: phase II ──▶ points, signals

One point a piece where the device counts pieces, else one a sample; see `per_piece`. Neighbouring
moving ranges share a value and their distribution is skew, so that runs of them mean nothing: of a
range only a point beyond its limits is a signal (ISO 7870-2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics import spc
from analytics.per_piece import READ_ROLES, one_a_piece
from analytics.readings import read
from analytics.runs import NELSON, WESTERN_ELECTRIC, Signal, signals
from configs.alarms import RunRule
from historian.port import Historian
from plant.assets import Device
from plant.batch import Floats, Ints
from plant.calendar import Span
from plant.clock import SECOND
from plant.tags import Tag

MOST_POINTS = 5_000
_FEWEST = 2
_MARGIN = 300 * SECOND


@dataclass(frozen=True, slots=True, eq=False)
class Charted:
    """An I or MR chart: when each point was made, ns UTC, the points with their lines, and what they signal."""

    time: Ints
    plotted: spc.Plotted
    signals: tuple[Signal, ...]


def chart(device: Device, tag: Tag, historian: Historian, learn: Span, shown: Span) -> tuple[Charted, Charted]:
    """Learn I-MR limits from one window and hold another one's values against them.

    Raises ValueError where either has fewer than two values, or the shown one more than `MOST_POINTS`.
    """
    (_, known), (time, values) = (_values(device, tag, historian, window) for window in (learn, shown))
    if len(known) < _FEWEST:
        raise ValueError(f"the time to learn from has {len(known)} values, and limits need two at least")
    if len(values) < _FEWEST:
        raise ValueError(f"the time to show has {len(values)} values, and a chart needs two at least")
    if len(values) > MOST_POINTS:
        raise ValueError(f"{len(values)} points are too many, {MOST_POINTS} at most; choose a shorter window")
    individuals, ranges = spc.individuals(known)
    single = _held(time, spc.plot(individuals, values), (*WESTERN_ELECTRIC, *NELSON))
    return single, _held(time[1:], spc.plot(ranges, values), (RunRule.WE_1, RunRule.NELSON_1))


def _held(time: Ints, plotted: spc.Plotted, rules: Sequence[RunRule]) -> Charted:
    return Charted(time, plotted, tuple(signals(plotted.distance, rules)))


def _values(device: Device, tag: Tag, historian: Historian, window: Span) -> tuple[Ints, Floats]:
    counters = [one for one in device.tags if one.role in READ_ROLES]
    readings = read(historian, [tag, *counters], window, margin=_MARGIN)
    time, rows = one_a_piece(device, tag, readings)
    told = rows >= 0
    values = np.where(told, readings.of(tag).numbers[rows], np.nan) if len(readings.of(tag)) else np.zeros(len(rows))
    fine = told & np.isfinite(values)
    return time[fine], values[fine]
