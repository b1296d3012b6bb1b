"""Proportions and tallies: what was counted.

A proportion is k of n trials with the exact binomial interval (Clopper and Pearson); where
windows differ more than trials by chance would, n is divided by the design effect before
(Korn and Graubard, Survey Methodology 24, 1998). A tally is exact: nothing was sampled.
"""

from __future__ import annotations

import math

from analytics.acceptance import notes
from analytics.acceptance.clusters import TOLD, between
from analytics.acceptance.effect import cohen
from analytics.acceptance.outcome import Interval, Outcome, SideFigure
from analytics.acceptance.sides import Counted
from analytics.distributions import beta_quantile
from analytics.intervals import trials_needed
from analytics.measures.measurement import Measurement, Part
from configs.catalogue import Comparison, IndicatorConfig, Kind, Pooling


def proportion(config: IndicatorConfig, improved: Counted, confidence: float) -> Outcome:
    """Return the share of successes with its exact interval."""
    trials = [one.trials for one in improved.windows if one.trials is not None]
    found, total = sum(one.successes for one in trials), sum(one.total for one in trials)
    effect, effective = between([one.successes for one in trials], [one.total for one in trials], confidence)
    share = found / total
    interval = binomial(share, effective, confidence)
    needed = _needed(config, confidence)
    return Outcome(
        estimate=share,
        interval=interval,
        improved=SideFigure(share, interval, float(total)),
        effect=cohen(share, config.value) if 0 <= config.value <= 1 else None,
        effect_kind="cohen-h-to-bound",
        unprovable=(notes.cannot_prove(total, needed),) if total < needed else (),
        notes=(notes.clustered(effect, effective),) if effect >= TOLD else (),
    )


def binomial(share: float, trials: float, confidence: float) -> Interval:
    """Return the Clopper-Pearson interval of a share of trials, whose number may be fractional."""
    tail = (1 - confidence) / 2
    none = -math.expm1(math.log(tail) / trials)  # the bound when nothing was found, in closed form
    found, missed = share * trials, (1 - share) * trials
    low = 0.0 if share == 0 else 1 - none if share == 1 else beta_quantile(found, missed + 1, tail)
    high = 1.0 if share == 1 else none if share == 0 else beta_quantile(found + 1, missed, 1 - tail)
    return low, high


def tally(config: IndicatorConfig, improved: Counted) -> Outcome:
    """Return a count, or a share of a whole; its interval is what the unknown part could change."""
    if config.kind is Kind.COUNT:
        value = _count(config.pooling, improved)
        figure = SideFigure(value, (value, value), value)
    else:
        figure = _census(improved)
    return Outcome(estimate=figure.value, interval=figure.interval, improved=figure)


def _count(pooling: Pooling, improved: Counted) -> float:
    parts = [_part(one) for one in improved.windows]
    match pooling:
        case Pooling.SUM:
            return sum(part.numerator for part in parts)
        case Pooling.LEAST:
            return min(part.numerator for part in parts)
        case Pooling.MEAN:
            return sum(part.numerator for part in parts) / sum(part.denominator for part in parts)


def _census(improved: Counted) -> SideFigure:
    parts = [_part(one) for one in improved.windows]
    whole = sum(part.denominator for part in parts)
    value = sum(part.numerator for part in parts) / whole
    doubts = [one.indicator.uncertainty for one in improved.windows if one.indicator.uncertainty]
    low = min((low for low, _ in doubts), default=value)
    high = max((high for _, high in doubts), default=value)
    return SideFigure(value, (min(low, value), max(high, value)), whole)


def _part(one: Measurement) -> Part:
    return one.whole or Part(*(one.trials or (0.0, 0.0)))


def _needed(config: IndicatorConfig, confidence: float) -> int:
    """Return how many trials without a single failure would prove the bound."""
    tolerated = config.value if config.op in (Comparison.AT_MOST, Comparison.BELOW) else 1 - config.value
    return trials_needed(tolerated, confidence=(1 + confidence) / 2) if 0 < tolerated < 1 else 1
