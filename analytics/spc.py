"""Shewhart control charts: limits learned once from a stable phase, then applied unchanged.

    phase I    data of a stable time ──▶ Limits (frozen)
    phase II   Limits + new data     ──▶ Plotted ──▶ signals (see `analytics.runs`)

A chart of averages comes with its chart of spread, for the first is only meaningful while the
second is in control. Limits lie three standard deviations of the plotted statistic from the
centre; those of p, np and u charts follow the size of each subgroup. Source: ISO 7870-2;
constants from `analytics.chart_constants`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from analytics.chart_constants import LARGEST_RANGE, c4, d2, d3
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from plant.batch import Floats
from plant.text import Text

SIGMAS = 3.0
"""How far limits lie from the centre, in standard deviations of what is plotted."""


class Chart(StrEnum):
    """What a chart plots of each subgroup."""

    INDIVIDUALS = "i"
    MOVING_RANGE = "mr"
    AVERAGE = "x-bar"
    RANGE = "r"
    DEVIATION = "s"
    FRACTION = "p"
    """Share of defective pieces."""
    NUMBER = "np"
    """Number of defective pieces."""
    COUNT = "c"
    """Number of defects on a constant area of opportunity."""
    RATE = "u"
    """Defects per unit."""


_NEVER_NEGATIVE = frozenset(set(Chart) - {Chart.INDIVIDUALS, Chart.AVERAGE})


@dataclass(frozen=True, slots=True)
class Limits:
    """What phase I found: all that phase II needs, and nothing that phase II could change.

    `mean`: of the process, or of its spread for charts of spread; the share or rate for
    counted charts. `sigma`: standard deviation of the process within subgroups, 0 for counted
    charts, whose spread follows from the mean. `size`: values or pieces per subgroup, 0 where it
    varies. `subgroups`: how many it was learned from.
    """

    chart: Chart
    mean: float
    sigma: float
    size: int
    subgroups: int

    def line(self, sizes: Floats) -> tuple[Floats, Floats]:
        """Return centre and standard deviation of the plotted statistic for subgroups of these sizes."""
        match self.chart:
            case Chart.INDIVIDUALS:
                spread = np.full(len(sizes), self.sigma)
            case Chart.AVERAGE:
                spread = self.sigma / np.sqrt(sizes)
            case Chart.MOVING_RANGE | Chart.RANGE:
                spread = np.full(len(sizes), d3(self.size) * self.sigma)
            case Chart.DEVIATION:
                spread = np.full(len(sizes), math.sqrt(1 - c4(self.size) ** 2) * self.sigma)
            case Chart.FRACTION:
                spread = np.sqrt(self.mean * (1 - self.mean) / sizes)
            case Chart.NUMBER:
                return self.mean * sizes, np.sqrt(sizes * self.mean * (1 - self.mean))
            case Chart.COUNT | Chart.RATE:
                spread = np.sqrt(self.mean / sizes)
        return np.full(len(sizes), self.mean), spread


@dataclass(frozen=True, slots=True, eq=False)
class Plotted:
    """A chart's points with the line each is held against; columns of the same length."""

    limits: Limits
    value: Floats
    centre: Floats
    deviation: Floats
    lower: Floats
    upper: Floats

    @property
    def distance(self) -> Floats:
        """How far each point lies from its centre, in standard deviations."""
        off = self.value - self.centre
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = off / self.deviation
        return np.where(off == 0, 0.0, distance)


def individuals(values: npt.ArrayLike) -> tuple[Limits, Limits]:
    """Learn the limits of an I-MR pair from single values in order of time, at least two."""
    data = _column(values, at_least=2)
    span = float(np.abs(np.diff(data)).mean())
    sigma = span / d2(2)
    first = Limits(Chart.INDIVIDUALS, float(data.mean()), sigma, 1, len(data))
    return first, Limits(Chart.MOVING_RANGE, span, sigma, 2, len(data) - 1)


def averages(subgroups: npt.ArrayLike, *, spread: Chart = Chart.RANGE) -> tuple[Limits, Limits]:
    """Learn the limits of an X̄-R pair, or with `spread=Chart.DEVIATION` of an X̄-S pair.

    `subgroups`: a row per subgroup, all of the same size of at least two values (at most 25
    for R). Raises ValueError for anything else, and for a `spread` that is neither R nor S.
    """
    data = _table(subgroups)
    size = data.shape[1]
    within = float(_spread(data, spread).mean())
    sigma = within / (d2(size) if spread is Chart.RANGE else c4(size))
    return (
        Limits(Chart.AVERAGE, float(data.mean()), sigma, size, len(data)),
        Limits(spread, within, sigma, size, len(data)),
    )


def counted(chart: Chart, found: npt.ArrayLike, sizes: npt.ArrayLike = 1) -> Limits:
    """Learn the limits of a p, np, c or u chart.

    `found`: defective pieces (p, np) or defects (c, u) per subgroup. `sizes`: pieces or units
    per subgroup, one number where all are alike. Sums first: the mean is Σ found / Σ sizes.
    """
    count, size = _counts(chart, found, sizes)
    same = bool((size == size[0]).all())
    return Limits(chart, float(count.sum() / size.sum()), 0.0, int(size[0]) if same else 0, len(count))


def plot(limits: Limits, data: npt.ArrayLike, sizes: npt.ArrayLike | None = None) -> Plotted:
    """Hold new data against frozen limits: values, subgroups by row, or counts with their `sizes`.

    Raises ValueError for subgroups of another size than the limits were learned for.
    """
    value, size = _statistic(limits, data, sizes)
    centre, deviation = limits.line(size)
    lower, upper = centre - SIGMAS * deviation, centre + SIGMAS * deviation
    if limits.chart in _NEVER_NEGATIVE:
        lower = np.maximum(lower, 0.0)
    if limits.chart is Chart.FRACTION:
        upper = np.minimum(upper, 1.0)
    if limits.chart is Chart.NUMBER:
        upper = np.minimum(upper, size)
    return Plotted(limits, value, centre, deviation, lower, upper)


def indicators(limits: Limits, basis: Basis) -> list[Indicator]:
    """Return centre and control limits for the limits' own subgroup size, under the scope `…#chart=KIND`.

    Where sizes vary there is no one limit, so only the centre is given, per piece or unit.
    """
    origin = Text(f"由 {limits.subgroups} 个子组得出", f"learned from {limits.subgroups} subgroups")
    part = replace(basis, scope=f"{basis.scope}#chart={limits.chart}")
    if not limits.size:
        return [evaluate(FORMULAS["control-centre"], quantities({"CL": limits.mean}, {"CL": origin}), part)]
    centre, deviation = (float(column[0]) for column in limits.line(np.array([float(limits.size)])))
    inputs = quantities({"CL": centre, "SDP": deviation}, {"CL": origin, "SDP": origin})
    ids = ["control-centre", "control-upper"]
    if limits.chart not in _NEVER_NEGATIVE or centre - SIGMAS * deviation > 0:
        ids.append("control-lower")
    return [evaluate(FORMULAS[kpi], inputs, part) for kpi in ids]


def _statistic(limits: Limits, data: npt.ArrayLike, sizes: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    match limits.chart:
        case Chart.INDIVIDUALS:
            value = _column(data, at_least=1)
        case Chart.MOVING_RANGE:
            value = np.abs(np.diff(_column(data, at_least=2)))
        case Chart.AVERAGE | Chart.RANGE | Chart.DEVIATION:
            table = _table(data)
            if table.shape[1] != limits.size:
                raise ValueError(f"the limits are for subgroups of {limits.size}, not of {table.shape[1]}")
            value = table.mean(axis=1) if limits.chart is Chart.AVERAGE else _spread(table, limits.chart)
        case _:
            if sizes is None and not limits.size:
                raise ValueError("the limits were learned for varying sizes, so the sizes are needed here too")
            count, size = _counts(limits.chart, data, limits.size if sizes is None else sizes)
            return count / size if limits.chart in (Chart.FRACTION, Chart.RATE) else count, size
    return value, np.full(len(value), float(limits.size))


def _spread(table: Floats, spread: Chart) -> Floats:
    if spread is Chart.RANGE:
        if table.shape[1] > LARGEST_RANGE:
            raise ValueError(f"ranges are for subgroups of at most {LARGEST_RANGE} values; use standard deviations")
        ranges: Floats = np.ptp(table, axis=1)
        return ranges
    if spread is Chart.DEVIATION:
        deviations: Floats = table.std(axis=1, ddof=1)
        return deviations
    raise ValueError(f"a chart of averages goes with a chart of ranges or standard deviations, not {spread}")


def _column(values: npt.ArrayLike, *, at_least: int) -> Floats:
    data = np.asarray(values, np.float64)
    if data.ndim != 1 or len(data) < at_least or not np.isfinite(data).all():
        raise ValueError(f"a chart needs one column of at least {at_least} finite numbers")
    return data


def _table(values: npt.ArrayLike) -> Floats:
    data = np.asarray(values, np.float64)
    if data.ndim != 2 or not len(data) or data.shape[1] < 2 or not np.isfinite(data).all():
        raise ValueError("subgroups are rows of the same length, at least two finite numbers each")
    return data


def _counts(chart: Chart, found: npt.ArrayLike, sizes: npt.ArrayLike) -> tuple[Floats, Floats]:
    if chart not in (Chart.FRACTION, Chart.NUMBER, Chart.COUNT, Chart.RATE):
        raise ValueError(f"{chart} is not a chart of counts")
    count = _column(found, at_least=1)
    size = np.broadcast_to(np.asarray(sizes, np.float64), count.shape)
    if not ((size > 0) & np.isfinite(size)).all() or (count < 0).any():
        raise ValueError("counts are at least 0 and sizes more than 0")
    if chart is Chart.COUNT and (size != size[0]).any():
        raise ValueError("a c chart needs a constant area of opportunity; use a u chart")
    if chart in (Chart.FRACTION, Chart.NUMBER) and (count > size).any():
        raise ValueError("more pieces are defective than there are")
    return count, size
