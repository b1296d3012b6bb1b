"""Early warning: a signal that drifts, changes, or runs towards its limit.

    drift      since when is it not what it was?     two-sided CUSUM against a healthy baseline
    change     at which instants did its level jump?  penalised least squares (ruptures)
    trend      when will it reach the limit?          straight line with Fieller's interval

Samples of a machine follow each other closely and are not independent, so drift and change
look at the means of blocks long enough to be nearly so. The CUSUM's threshold follows from how
rarely it may be wrong, not from a habit. Nothing is extrapolated from a slope that could as
well be none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analytics.distributions import root, student_quantile
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, Quantity, evaluate, report
from analytics.intervals import CONFIDENCE
from plant.batch import Batch, Floats, Ints
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import usable
from plant.text import Text

LEAST_BLOCKS = 20
"""A baseline of fewer blocks knows its own spread too badly."""
MOST_BLOCKS = 20_000
"""Change points are searched in at most as many blocks."""


def block_means(samples: Batch, window: Span, length: int) -> tuple[Ints, Floats]:
    """Return when each block of a window begins, ns UTC, and the mean of its usable samples, NaN without any.

    `samples`: of one tag, `ordered`; `length`: ns. A last block that is cut short is left out.
    Raises ValueError unless the length is positive.
    """
    if length <= 0:
        raise ValueError("a block lasts longer than nothing")
    blocks = max((window[1] - window[0]) // length, 0)
    starts = window[0] + length * np.arange(blocks, dtype=np.int64)
    inside = usable(samples.quality) & np.isfinite(samples.numbers)
    inside &= (samples.time >= window[0]) & (samples.time < window[0] + blocks * length)
    row = (samples.time[inside] - window[0]) // length
    count = np.bincount(row, minlength=blocks)
    total = np.bincount(row, weights=samples.numbers[inside], minlength=blocks)
    return starts, np.where(count > 0, total / np.maximum(count, 1), math.nan)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What block means looked like while all was well; frozen, like limits of phase I."""

    mean: float
    sigma: float
    blocks: int


def baseline(values: Floats) -> Baseline:
    """Learn a baseline from healthy block means; NaN are left out.

    Raises ValueError for fewer than 20 blocks, or blocks that do not vary.
    """
    healthy = values[np.isfinite(values)]
    if len(healthy) < LEAST_BLOCKS:
        raise ValueError(f"a baseline takes at least {LEAST_BLOCKS} known blocks; there are {len(healthy)}")
    sigma = float(healthy.std(ddof=1))
    if not sigma > 1e-12 * max(1.0, abs(float(healthy.mean()))):
        raise ValueError("a signal that does not vary has no spread to hold a drift against")
    return Baseline(float(healthy.mean()), sigma, len(healthy))


def run_length(threshold: float, allowance: float) -> float:
    """Return the mean number of blocks between false alarms of a two-sided CUSUM.

    Source: Siegmund, Sequential Analysis (1985), with b = h + 1.166.
    """
    reach = threshold + 1.166
    return (math.exp(2 * allowance * reach) - 2 * allowance * reach - 1) / (4 * allowance**2)


def threshold(blocks_between_alarms: float, allowance: float) -> float:
    """Return the threshold, in standard deviations, that is wrong once in so many blocks."""
    if not 2 <= blocks_between_alarms <= 1e12:
        raise ValueError("false alarms come once in 2 to 10¹² blocks")
    least = run_length(0.0, allowance)
    if blocks_between_alarms <= least:
        return 0.0
    return root(lambda h: run_length(h, allowance) - blocks_between_alarms, 0.0, 40.0 / allowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRule:
    """How drift is watched for.

    `allowance`: half the smallest shift worth a warning, in standard deviations of a block.
    `blocks_between_alarms`: how many blocks of a healthy signal there are, in the mean, to a
    false alarm; 1440 with blocks of a minute is one a day.
    """

    allowance: float = 0.5
    blocks_between_alarms: float = 10_000.0

    def __post_init__(self) -> None:
        if not 0.05 <= self.allowance <= 5:
            raise ValueError("an allowance lies between 0.05 and 5 standard deviations")
        threshold(self.blocks_between_alarms, self.allowance)

    @property
    def decision(self) -> float:
        """The decision interval h, in standard deviations."""
        return threshold(self.blocks_between_alarms, self.allowance)


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """A signal held against its baseline, block by block.

    `up`, `down`: the two cumulative sums; `decision`: where they warn. `warned`: first block
    that does, None without; `onset`: block since which, most likely, the signal drifts.
    """

    up: Floats
    down: Floats
    decision: float
    warned: int | None
    onset: int | None


def drift(values: Floats, healthy: Baseline, rule: DriftRule | None = None) -> Drift:
    """Hold block means, in order of time, against a baseline; a block without a mean changes nothing."""
    rule = rule or DriftRule()
    distance = np.where(np.isfinite(values), (values - healthy.mean) / healthy.sigma, math.nan)
    up, down = _cusum(distance - rule.allowance), _cusum(-distance - rule.allowance)
    over = np.flatnonzero(np.maximum(up, down) > rule.decision)
    if not len(over):
        return Drift(up, down, rule.decision, None, None)
    warned = int(over[0])
    rising = up if up[warned] >= down[warned] else down
    quiet = np.flatnonzero(rising[:warned] == 0)
    return Drift(up, down, rule.decision, warned, int(quiet[-1]) + 1 if len(quiet) else 0)


def _cusum(steps: Floats) -> Floats:
    # C(i) = max(0, C(i-1) + step) without a loop: the sum less its lowest point so far.
    walked = np.cumsum(np.nan_to_num(steps, nan=0.0))
    found: Floats = walked - np.minimum(np.minimum.accumulate(walked), 0.0)
    return found


def drift_indicator(found: Drift, basis: Basis) -> Indicator:
    """Compute the drift index at the end of a window; at 100 % it is a warning."""
    last = {"CUSUP": float(found.up[-1]), "CUSDN": float(found.down[-1])} if len(found.up) else {}
    return evaluate(FORMULAS["drift-index"], quantities({**last, "CUSH": found.decision}), basis)


@dataclass(frozen=True, slots=True)
class Change:
    """A jump of level before block `at`: the means of the stretches before and after it."""

    at: int
    before: float
    after: float


def changes(values: Floats, *, least: int = 5) -> list[Change]:
    """Find the jumps of level in block means, in order of time; NaN are left out of the search.

    `least`: blocks a level must last. The penalty per jump is 3 ln n, after Yao's criterion for
    noise of known variance, which is estimated from successive differences. Raises ValueError
    for more than 20 000 blocks or a `least` below 2.
    """
    if least < 2:
        raise ValueError("a level lasts at least two blocks")
    known = np.flatnonzero(np.isfinite(values))
    if len(known) > MOST_BLOCKS:
        raise ValueError(f"{len(known)} blocks are too many; at most {MOST_BLOCKS}, so make them longer")
    level = values[known]
    if len(known) < 2 * least:
        return []
    noise = float(np.median(np.abs(np.diff(level)))) / (0.6745 * math.sqrt(2))
    if noise <= 0:
        noise = float(np.abs(np.diff(level)).mean()) or 1.0
    import ruptures  # noqa: PLC0415 - takes seconds to import, and only this asks for it

    search = ruptures.KernelCPD(kernel="linear", min_size=least).fit((level / noise)[:, None])
    edges = [0, *(int(edge) for edge in search.predict(pen=3 * math.log(len(level))))]
    means = [float(level[a:b].mean()) for a, b in itertools.pairwise(edges)]
    return [
        Change(int(known[edge]), before, after)
        for edge, before, after in zip(edges[1:-1], means, means[1:], strict=False)
    ]


class Shape(StrEnum):
    """How a signal runs towards its limit."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    """Linear in its logarithm: damage that feeds itself. All values and the limit are positive."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A fitted line at the end of its data, in the value's unit or its logarithm.

    `hours`: until it reaches the limit, 0 where it has; None where it does not run there.
    `interval`: of the hours with the confidence asked for; its upper end may be infinite.
    `independent`: how many independent values the data are worth.
    """

    value: float
    slope: float
    limit: float
    hours: float | None
    interval: tuple[float, float] | None
    independent: float


def trend(
    time: Ints, values: Floats, limit: float, *, shape: Shape = Shape.LINEAR, confidence: float = CONFIDENCE
) -> Trend | None:
    """Fit a line and extrapolate it to a limit; None for fewer than five values or a single instant.

    `time`: ns UTC; values that are no number are left out. Residuals that follow each other
    make the data worth fewer values than they are, which widens the interval. Raises
    ValueError for a limit that is no number, or not positive for an exponential.
    """
    if not math.isfinite(limit) or (shape is Shape.EXPONENTIAL and limit <= 0):
        raise ValueError("a limit is a finite number, and positive for an exponential trend")
    fine = np.isfinite(values) & ((values > 0) if shape is Shape.EXPONENTIAL else True)
    if fine.sum() < 5 or np.ptp(time[fine]) == 0:
        return None
    hours = (time[fine] - time[fine][-1]) / (3600 * SECOND)
    y, goal = values[fine].astype(np.float64), limit
    if shape is Shape.EXPONENTIAL:
        y, goal = np.log(y), math.log(limit)
    middle = float(hours.mean())
    spread = float(((hours - middle) ** 2).sum())
    slope = float(((hours - middle) * (y - y.mean())).sum()) / spread
    rest = y - y.mean() - slope * (hours - middle)
    value = float(y.mean()) - slope * middle
    worth = _independent(rest)
    interval = _fieller(rest, float(y.mean()), slope, goal, middle, spread, worth, confidence)
    left = (goal - value) / slope if slope else math.inf
    # The limit is behind only where the trend has passed it: on which side it lies is told by the start.
    passed = slope != 0 and left <= 0 and (goal - (value + slope * float(hours[0]))) / slope > 0
    if passed:
        return Trend(value, slope, goal, 0.0, interval, worth)
    return Trend(value, slope, goal, left if interval is not None and left > 0 else None, interval, worth)


def _independent(rest: Floats) -> float:
    # n (1 - r) / (1 + r) for residuals with autocorrelation r at lag one; never more than n.
    power = float((rest**2).sum())
    r = float((rest[1:] * rest[:-1]).sum()) / power if power > 0 else 0.0
    return max(len(rest) * (1 - max(r, 0.0)) / (1 + max(r, 0.0)), 2.5)


def _fieller(
    rest: Floats, mean: float, slope: float, goal: float, middle: float, spread: float, worth: float, confidence: float
) -> tuple[float, float] | None:
    # The hours u from the middle at which the line could be at the goal:
    # (D - b u)² <= t² s² (1/n + u²/Sxx). Without a certain slope they have no end.
    freedom = max(worth - 2, 0.5)
    factor = student_quantile(freedom, (1 + confidence) / 2) ** 2 * float((rest**2).sum()) / (len(rest) - 2)
    share = worth / len(rest)
    square = slope**2 - factor / (spread * share)
    if square <= 0:
        return None
    gap = goal - mean
    root = (gap * slope) ** 2 - square * (gap**2 - factor / worth)
    reach = math.sqrt(max(root, 0.0))
    low, high = ((gap * slope + sign * reach) / square + middle for sign in (-1, 1))
    return max(low, 0.0), max(high, 0.0)


def remaining_life(found: Trend | None, basis: Basis) -> Indicator:
    """Compute the hours until a trend reaches its limit, with their interval; no value without a certain trend."""
    formula = FORMULAS["remaining-life"]
    if found is None:
        return report(formula, None, {"TRV": Quantity(None)}, basis)
    worth = Text(f"相当于 {found.independent:.0f} 个独立值", f"worth {found.independent:.0f} independent values")
    inputs = quantities({"TRL": found.limit, "TRV": found.value, "TRS": found.slope}, {"TRV": worth})
    note = Text("没有朝向限值的显著趋势。", "There is no significant trend towards the limit.")
    if found.hours is None:
        return report(formula, None, inputs, basis, note=note)
    return report(formula, found.hours, inputs, basis, uncertainty=found.interval)


@dataclass(frozen=True, slots=True)
class Score:
    """How warnings compare with known faults: seconds until each was found, faults missed, false alarms a day."""

    delays: tuple[float, ...]
    missed: int
    false_per_day: float


def score(warnings: Sequence[int], faults: Sequence[Span], watched: Span) -> Score:
    """Compare warnings (ns UTC) with the spans of faults within the watched time.

    A fault is found by the first warning within it; further ones within it are not false.
    False alarms are those outside all faults, per day of time without a fault.
    """
    times = np.sort(np.array(warnings, np.int64))
    times = times[(times >= watched[0]) & (times < watched[1])]
    delays, within = [], np.zeros(len(times), np.bool_)
    healthy = watched[1] - watched[0]
    for begin, end in faults:
        inside = (times >= begin) & (times < end)
        within |= inside
        healthy -= max(min(end, watched[1]) - max(begin, watched[0]), 0)
        if inside.any():
            delays.append(float(times[inside][0] - begin) / SECOND)
    days = healthy / (86_400 * SECOND)
    wrong = int((~within).sum())
    return Score(tuple(delays), len(faults) - len(delays), wrong / days if days > 0 else math.nan)
