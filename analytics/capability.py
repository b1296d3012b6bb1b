"""What a process can do against its tolerance: Cp, Cpk, Pp, Ppk, Cpm, Cm, Cmk with intervals.

    Cp, Cpk     σ̂ within subgroups: R̄/d2, s̄/c4, pooled, or MR̄/d2 of single values
    Pp, Ppk     s of all values together; Cm, Cmk the same of one machine's run
    Cpm         s about the target: being centred counts

A tolerance with one side has no Cp and no Pp; its Cpk is that side's. An index without its
interval misleads: thirty values put a Cp of 1.33 anywhere between 1.0 and 1.7.

Intervals assume a stable, normal process. Cp, Pp: chi-square (Montgomery, Introduction to
Statistical Quality Control, §8.3). Cpk, Ppk and one-sided: Bissell, Applied Statistics 39
(1990). Cpm: Boyles, J. Quality Technology 23 (1991). For σ̂ other than pooled, degrees of
freedom are those of the estimate with the same relative variance (Patnaik, Biometrika 37).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from analytics.chart_constants import c4, c4_of, d2, d3
from analytics.distributions import chi_square_exceeded, normal_quantile, root
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.intervals import CONFIDENCE
from plant.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is allowed: `lower` and `upper` limit, one of which may be missing, and a `target`.

    Raises ValueError without any limit, with limits that leave nothing, or numbers that are none.
    """

    lower: float | None = None
    upper: float | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        given = [edge for edge in (self.lower, self.upper, self.target) if edge is not None]
        if not all(map(math.isfinite, given)):
            raise ValueError("limits and target are finite numbers")
        if self.lower is None and self.upper is None:
            raise ValueError("a tolerance has at least one limit")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("the lower limit lies below the upper one")


class Within(StrEnum):
    """How the standard deviation within subgroups is estimated."""

    RANGE = "r-bar/d2"
    DEVIATION = "s-bar/c4"
    POOLED = "pooled"
    MOVING_RANGE = "mr-bar/d2"
    """Of single values in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a sample says about a process.

    `s`: standard deviation of all values, None for less than two. `sigma`: the one within
    subgroups, by `within`, with its `degrees` of freedom, which need not be whole.
    """

    count: int
    mean: float
    s: float | None
    sigma: float | None = None
    degrees: float = 0.0
    within: Within | None = None


def subgrouped(subgroups: npt.ArrayLike, within: Within = Within.POOLED) -> Sample:
    """Describe subgroups, a row each, of the same size of at least two finite values."""
    data = np.asarray(subgroups, np.float64)
    if data.ndim != 2 or not len(data) or data.shape[1] < 2 or not np.isfinite(data).all():
        raise ValueError("subgroups are rows of the same length, at least two finite numbers each")
    groups, size = data.shape
    match within:
        case Within.RANGE:
            sigma = float(np.ptp(data, axis=1).mean()) / d2(size)
        case Within.DEVIATION:
            sigma = float(data.std(axis=1, ddof=1).mean()) / c4(size)
        case Within.POOLED:
            sigma = math.sqrt(float(data.var(axis=1, ddof=1).mean()))
        case Within.MOVING_RANGE:
            raise ValueError("moving ranges are for single values, not for subgroups")
    return Sample(
        count=data.size,
        mean=float(data.mean()),
        s=float(data.std(ddof=1)),
        sigma=sigma,
        degrees=degrees(within, groups, size),
        within=within,
    )


def single(values: npt.ArrayLike) -> Sample:
    """Describe single values in order of time; values that are no finite numbers raise ValueError."""
    data = np.asarray(values, np.float64)
    if data.ndim != 1 or not np.isfinite(data).all():
        raise ValueError("single values are one column of finite numbers")
    if len(data) < 2:
        return Sample(count=len(data), mean=float(data[0]) if len(data) else math.nan, s=None)
    return Sample(
        count=len(data),
        mean=float(data.mean()),
        s=float(data.std(ddof=1)),
        sigma=float(np.abs(np.diff(data)).mean()) / d2(2),
        degrees=degrees(Within.MOVING_RANGE, len(data), 1),
        within=Within.MOVING_RANGE,
    )


def degrees(within: Within, groups: int, size: int) -> float:
    """Return the degrees of freedom of σ̂ from `groups` subgroups of `size` values (for MR: single values)."""
    match within:
        case Within.POOLED:
            return groups * (size - 1.0)
        case Within.RANGE:
            relative = (d3(size) / d2(size)) ** 2 / groups
        case Within.DEVIATION:
            relative = (1 / c4(size) ** 2 - 1) / groups
        case Within.MOVING_RANGE:
            relative = _moving_range_variance(groups)
    # The ν for which an ordinary standard deviation varies as much: 1/c4² − 1 falls with ν.
    return root(lambda nu: 1 / c4_of(nu) ** 2 - 1 - relative, 1e-2, 1 / relative + 1)


def _moving_range_variance(count: int) -> float:
    # Neighbouring ranges share a value: for unit normals Var|x − y| = 2 − 4/π and
    # Cov(|x − y|, |y − z|) = (4/π)(√3/2 + π/12) − 4/π.
    one = 2 - 4 / math.pi
    shared = (4 / math.pi) * (math.sqrt(3) / 2 + math.pi / 12 - 1)
    ranges = count - 1
    return (ranges * one + 2 * (ranges - 1) * shared) / ranges**2 / d2(2) ** 2


def indicators(
    sample: Sample, tolerance: Tolerance, basis: Basis, *, confidence: float = CONFIDENCE
) -> list[Indicator]:
    """Compute every index that tolerance and sample support: Cp, Cpk within; Pp, Ppk, Cm, Cmk, Cpm overall.

    No index has a value where nothing varies, for then the divisor is zero.
    """
    whole = sample.count - 1.0
    tau = _about_target(sample, tolerance)
    symbols = {"USL": tolerance.upper, "LSL": tolerance.lower, "TAU": tau}
    inputs = quantities(
        {**symbols, "MEAN": sample.mean if sample.count else None, "S": sample.s, "SIGMA": sample.sigma},
        {
            "S": Text(f"{sample.count} 个值", f"{sample.count} values"),
            "SIGMA": Text("", f"{sample.within or '–'}, ν = {sample.degrees:.1f}"),
        },
    )
    both = tolerance.lower is not None and tolerance.upper is not None
    upper = tolerance.upper is not None
    plans: list[tuple[str, str, float]] = []
    if both:
        plans += [("cp", "cp", sample.degrees), ("cpk", "cpk", sample.degrees), ("pp", "pp", whole)]
        plans += [("ppk", "ppk", whole), ("cm", "cm", whole), ("cmk", "cmk", whole)]
    else:
        plans += [("cpk", "cpu" if upper else "cpl", sample.degrees)]
        plans += [(kpi, "ppu" if upper else "ppl", whole) for kpi in ("ppk", "cmk")]
    found = []
    for kpi, formula, nu in plans:
        plain = evaluate(FORMULAS[formula], inputs, basis)
        interval = _interval(kpi, plain.value, sample.count, nu, confidence)
        found.append(evaluate(FORMULAS[formula], inputs, basis, kpi=kpi, uncertainty=interval))
    if both and tolerance.target is not None:
        plain = evaluate(FORMULAS["cpm"], inputs, basis)
        interval = _boyles(plain.value, sample, tolerance.target, confidence)
        found.append(evaluate(FORMULAS["cpm"], inputs, basis, uncertainty=interval))
    return found


def chi_square_interval(index: float, nu: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of an index that is a constant over an estimate with `nu` degrees of freedom."""
    tail = (1 - confidence) / 2
    low, high = (math.sqrt(chi_square_exceeded(nu, p) / nu) for p in (1 - tail, tail))
    return index * low, index * high


def bissell_interval(index: float, count: int, nu: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the normal interval of Cpk or of a one-sided index: ± z √(1/(9 N) + Cpk²/(2 ν))."""
    half = -normal_quantile((1 - confidence) / 2) * math.sqrt(1 / (9 * count) + index**2 / (2 * nu))
    return index - half, index + half


def _interval(kpi: str, index: float | None, count: int, nu: float, confidence: float) -> tuple[float, float] | None:
    if index is None or nu <= 0:
        return None
    if kpi in ("cp", "pp", "cm"):
        return chi_square_interval(index, nu, confidence)
    return bissell_interval(index, count, nu, confidence)


def _about_target(sample: Sample, tolerance: Tolerance) -> float | None:
    if sample.s is None or tolerance.target is None:
        return None
    return math.hypot(sample.s, sample.mean - tolerance.target)


def _boyles(index: float | None, sample: Sample, target: float, confidence: float) -> tuple[float, float] | None:
    if index is None or not sample.s:
        return None
    off = ((sample.mean - target) / sample.s) ** 2
    return chi_square_interval(index, sample.count * (1 + off) ** 2 / (1 + 2 * off), confidence)
