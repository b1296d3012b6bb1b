"""A percentile of single values by nearest rank, with an interval from order statistics.

A lost packet is infinite and stays in the sample. Delays come in bursts, so the ranks of the
interval are those of as many *independent* values as the sample is worth: the design effect of
"at or above the percentile" in time.
"""

from __future__ import annotations

import math

import numpy as np

from analytics.acceptance import notes
from analytics.acceptance.clusters import TOLD, along
from analytics.acceptance.outcome import Outcome, SideFigure
from analytics.acceptance.sides import Counted
from analytics.distributions import binomial_quantile
from configs.catalogue import IndicatorConfig
from plant.batch import Floats
from plant.units import convert


def percentile(config: IndicatorConfig, improved: Counted, confidence: float) -> Outcome:
    """Return the percentile of all windows' samples together."""
    samples = [one.sample for one in improved.windows]
    together = np.concatenate(samples)
    count, share = len(together), float(config.percentile or "50") / 100
    rank = _rank(share, count)
    value = _at(together, (rank,))[0]
    effect = along([sample >= value for sample in samples])
    worth = max(int(count / effect), 1)
    remarks = [notes.clustered(effect, worth)] if effect >= TOLD else []
    supported = math.ceil(round(1 / (1 - share), 6))
    if count < supported:
        figure = SideFigure(None, None, float(count))
        return Outcome(improved=figure, blocked=(notes.cannot_support(config.percentile or "", count, supported),))
    low, high = _interval_ranks(share, worth, confidence)
    ends = _at(together, (max(math.floor(low / worth * count), 0), math.ceil(high / worth * count)))
    error = improved.clock_error()
    off = convert(error, "s", config.unit) if error else 0.0
    interval = (ends[0] - off, ends[1] + off)
    remarks += [notes.clock(error)] if error else []
    remarks += [notes.unbounded()] if math.isinf(value) else []
    needed = math.ceil(math.log((1 - confidence) / 2) / math.log(share))
    return Outcome(
        estimate=value,
        interval=interval,
        improved=SideFigure(value, interval, float(count)),
        unprovable=(notes.cannot_prove(count, needed),) if count < needed else (),
        notes=tuple(remarks),
    )


def _rank(share: float, count: int) -> int:
    # Rounded, because 0.999 as a float times a thousand is a little more than 999.
    return max(math.ceil(round(share * count, 6)), 1)


def _interval_ranks(share: float, count: int, confidence: float) -> tuple[int, int]:
    tail = (1 - confidence) / 2
    return binomial_quantile(count, share, tail), binomial_quantile(count, share, 1 - tail) + 1


def _at(values: Floats, ranks: tuple[int, ...]) -> list[float]:
    """Return the values of ranks counted from 1; rank 0 lies below all, and beyond the last is infinity."""
    inside = sorted({rank for rank in ranks if 0 < rank <= len(values)})
    parted = np.partition(values, [rank - 1 for rank in inside]) if inside else values
    return [-math.inf if rank < 1 else math.inf if rank > len(values) else float(parted[rank - 1]) for rank in ranks]
