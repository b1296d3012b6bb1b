"""Ratios of sums over windows: a side's own figure, or the change from one side to the other.

All on the logarithm of the cost (see `costs`), where a change is a difference and its
interval is nearly symmetric; then read back as the clause puts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.acceptance import notes
from analytics.acceptance.costs import Costs, costs, made_is_numerator
from analytics.acceptance.effect import hedges
from analytics.acceptance.finding import Mix
from analytics.acceptance.mix import Weighing, weigh
from analytics.acceptance.outcome import Draws, Interval, Outcome, SideFigure
from analytics.acceptance.sides import Counted
from analytics.acceptance.spread import RESAMPLED, block_length, correlation, margin, resample, spread
from configs.catalogue import IndicatorConfig, Kind
from plant.batch import Floats
from plant.text import Text

_TOLD = 0.4  # a correlation well above what is assumed anyway

_READ: Mapping[Kind, Callable[[float], float]] = {
    Kind.CHANGE_UP: math.expm1,
    Kind.INVERSE_UP: math.expm1,
    Kind.CHANGE_DOWN: lambda saving: -math.expm1(-saving),
}
"""From log cost 0 - log cost 1 to the change a clause speaks of; each rises with the saving."""


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """A side's costs under one weighing. `log`: of its cost."""

    table: Costs
    weights: Floats

    @property
    def log(self) -> float:
        cost = self.table.cost(self.weights)
        return math.log(cost) if cost > 0 else -math.inf

    @property
    def terms(self) -> Floats:
        return self.table.influence(self.weights)

    def drawn(self, draws: Draws, length: int, random: np.random.Generator) -> Floats:
        """Return the log cost of each resample of the windows."""
        count = len(self.table.made)
        chosen = resample(count, length=length, resamples=draws.resamples, random=random)
        times = np.zeros((draws.resamples, count))
        np.add.at(times, (np.arange(draws.resamples)[:, None], chosen), 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log((times @ self.table.spent) / (times @ self.table.made) @ self.weights))


def absolute(improved: Counted, draws: Draws) -> Outcome:
    """Return the improved side's own ratio with its interval."""
    table = costs(improved.windows, made_is_numerator=True).crude()
    arm = _Arm(table, np.ones(1))
    figure, remarks = _own(arm, rate=True, draws=draws)
    return Outcome(
        estimate=figure.value,
        interval=figure.interval,
        improved=figure,
        notes=() if figure.interval else (notes.one_window(),),
    ).and_notes(remarks)


def change(
    config: IndicatorConfig, baseline: Counted, improved: Counted, mix: Mapping[str, float], draws: Draws
) -> Outcome:
    """Return the change between the sides, with one product mix on both where products are told apart."""
    numerator = made_is_numerator(config.kind)
    before, after = (costs(side.windows, made_is_numerator=numerator) for side in (baseline, improved))
    crude = (_Arm(before.crude(), np.ones(1)), _Arm(after.crude(), np.ones(1)))
    weighing = weigh(before, after, mix)
    arms = _arms(before, after, weighing) or crude
    rate = numerator
    (old, _), (new, _) = (_own(arm, rate=rate, draws=draws) for arm in arms)
    blocked = list(weighing.forbids)
    if not math.isfinite(arms[0].log):
        blocked.append(notes.zero_baseline())
    if blocked:
        return Outcome(baseline=old, improved=new, blocked=tuple(blocked))
    read = _READ[config.kind]
    interval, remarks = _saving_interval(arms, draws)
    estimate = read(arms[0].log - arms[1].log)
    return Outcome(
        estimate=estimate,
        interval=interval and (read(interval[0]), read(interval[1])),
        baseline=old,
        improved=new,
        effect=hedges(_values(arms[0], rate=rate), _values(arms[1], rate=rate)),
        effect_kind="hedges-g",
        points=_points(old, new, baseline),
        mix=_mix(read(crude[0].log - crude[1].log), estimate, weighing),
        notes=(*remarks, *weighing.remarks),
    )


def _arms(before: Costs, after: Costs, weighing: Weighing) -> tuple[_Arm, _Arm] | None:
    if not weighing.weights:
        return None
    weights = np.array(list(weighing.weights.values()))
    products = tuple(weighing.weights)
    return _Arm(before.of(products), weights), _Arm(after.of(products), weights)


def _own(arm: _Arm, *, rate: bool, draws: Draws) -> tuple[SideFigure, list[Text]]:
    """Return an arm's figure (a rate or a cost) with its own interval."""
    sign = -1.0 if rate else 1.0
    samples = float(arm.table.made.sum())
    if not math.isfinite(arm.log):
        nothing = (arm.log > 0) == rate
        return SideFigure(0.0 if nothing else None, None, samples), []
    value = math.exp(sign * arm.log)
    found = _log_interval((arm,), (1.0,), draws)
    if found is None:
        return SideFigure(value, None, samples), []
    (low, high), remarks = found
    ends = sorted((math.exp(sign * low), math.exp(sign * high)))
    return SideFigure(value, (ends[0], ends[1]), samples), remarks


def _saving_interval(arms: tuple[_Arm, _Arm], draws: Draws) -> tuple[Interval | None, list[Text]]:
    if math.isfinite(arms[1].log):
        found = _log_interval(arms, (1.0, -1.0), draws)
        return found or (None, [notes.one_window()])
    if arms[1].log > 0 or len(arms[0].table.made) < 2:
        return None, []
    # Not one event on the improved side: its Poisson bound, and half of the doubt for each side.
    tail = (1 - draws.confidence) / 2
    bound = -math.log(tail / 2) / float(arms[1].table.made.sum())
    before = margin([spread(arms[0].terms, correlation([arms[0].terms]))], 1 - tail)
    return (arms[0].log - before - math.log(bound), math.inf), [notes.zero_counted()]


def _log_interval(arms: Sequence[_Arm], signs: Sequence[float], draws: Draws) -> tuple[Interval, list[Text]] | None:
    """Return the interval of Σ sign × log cost; None with less than two windows on a side."""
    terms = [arm.terms for arm in arms]
    if min(map(len, terms)) < 2:
        return None
    correlated = correlation(terms)
    middle = sum(sign * arm.log for sign, arm in zip(signs, arms, strict=True))
    half = margin([spread(one, correlated) for one in terms], draws.confidence)
    low, high = middle - half, middle + half
    if min(map(len, terms)) >= RESAMPLED:
        ends = _bootstrap(arms, signs, [block_length(len(one), correlated) for one in terms], draws)
        low, high = min(low, ends[0]), max(high, ends[1])
    return (low, high), [notes.serial(correlated)] if correlated >= _TOLD else []


def _bootstrap(arms: Sequence[_Arm], signs: Sequence[float], lengths: Sequence[int], draws: Draws) -> Interval:
    """Return the ends between which the resampled sums Σ sign × log cost lie."""
    random = np.random.Generator(np.random.PCG64(draws.seed))
    with np.errstate(invalid="ignore"):
        drawn = np.sum(
            [sign * arm.drawn(draws, length, random) for sign, arm, length in zip(signs, arms, lengths, strict=True)],
            axis=0,
        )
    drawn = drawn[~np.isnan(drawn)]  # a product that no drawn window made says nothing
    tail = (1 - draws.confidence) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), method="nearest") if len(drawn) else (math.inf, -math.inf)
    return float(low), float(high)


def _values(arm: _Arm, *, rate: bool) -> Floats:
    """Return each window's own figure, where it has one."""
    terms = arm.terms if math.isfinite(arm.log) else np.empty(0)
    return np.asarray(np.exp((-1.0 if rate else 1.0) * arm.log) * (1 + (-terms if rate else terms)))


def _points(old: SideFigure, new: SideFigure, side: Counted) -> float | None:
    """Return the change of a share in percentage points."""
    if side.windows[0].indicator.unit != "1" or old.value is None or new.value is None:
        return None
    return (new.value - old.value) * 100


def _mix(crude: float, estimate: float, weighing: Weighing) -> Mix | None:
    return Mix(crude=crude, standardised=estimate, trap=False) if weighing.weights else None
