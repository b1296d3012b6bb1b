"""Delay percentiles over all packets, the lost ones included.

A lost packet has an infinite delay, so loss moves every percentile instead of vanishing from
it. A percentile is the delay of one real packet (nearest rank, RFC 2330), never a mean of
two. It is only given where packets beyond it exist: n packets support the p-quantile when
n (1 - p) >= 1, so P99.9 takes a thousand packets. Its interval comes from the order
statistics of the binomial distribution and assumes nothing about the delays, except that
packets are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from analytics.distributions import binomial_quantile
from analytics.formulas import FORMULAS, PERCENTILES, quantities
from analytics.indicator import Basis, Indicator, Quantity, evaluate, report
from analytics.ranks import Chunks, select
from plant.batch import Floats
from plant.text import Text

CONFIDENCE = 0.95
"""Of the interval that is given with a percentile."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """One percentile of delay. `value`: infinite when it falls among the lost, None when unsupported.

    `rank`: of the packet it is, counted from 1. `interval`: where the true percentile lies
    with `CONFIDENCE`; its upper end may be infinite.
    """

    share: Fraction
    value: float | None
    rank: int
    interval: tuple[float, float] | None


def needed(share: Fraction) -> int:
    """Return how many packets it takes to support a percentile."""
    return math.ceil(1 / (1 - share))


def percentiles(delays: Floats, lost: int, shares: Iterable[Fraction]) -> list[Percentile]:
    """Return percentiles by nearest rank over received delays (any unit, any order) and lost packets.

    Shares are exact: `Fraction("0.999")`, between 0 and 1 exclusive; anything else raises ValueError.
    """
    return _percentiles(len(delays), lost, shares, lambda ranks: _select(delays, ranks))


def chunked_percentiles(chunks: Chunks, lost: int, shares: Iterable[Fraction]) -> list[Percentile]:
    """Return what `percentiles` does, of more delays than fit into memory."""
    received = sum(len(chunk) for chunk in chunks())

    def at(ranks: set[int]) -> dict[int, float]:
        found = select(chunks, {rank for rank in ranks if 0 < rank <= received})
        return found | {rank: math.inf for rank in ranks if rank > received}

    return _percentiles(received, lost, shares, at)


def _percentiles(
    received: int, lost: int, shares: Iterable[Fraction], select_ranks: Callable[[set[int]], dict[int, float]]
) -> list[Percentile]:
    wanted = list(shares)
    if any(not 0 < share < 1 for share in wanted):
        raise ValueError("a percentile lies between 0 and 100, both exclusive")
    count = received + lost
    supported = [share for share in wanted if count >= needed(share)]
    ranks = {share: _ranks(share, count) for share in supported}
    at = select_ranks({rank for trio in ranks.values() for rank in trio})
    found = []
    for share in wanted:
        if share not in ranks:
            found.append(Percentile(share, None, 0, None))
            continue
        low, rank, high = ranks[share]
        found.append(Percentile(share, at[rank], rank, (at[low] if low else -math.inf, at[high])))
    return found


def indicators(
    delays: Floats, lost: int, basis: Basis, *, shares: Iterable[str] = ("50", "95", "99", "99.9")
) -> list[Indicator]:
    """Compute delay percentiles, given in per cent, and loss; `delays` of the received packets in ms.

    Raises KeyError for a percentile that the catalogue does not have.
    """
    texts = list(shares)
    found = percentiles(delays, lost, [Fraction(text) / 100 for text in texts])
    count = len(delays) + lost
    packets = quantities({"N": float(count), "LOST": float(lost)})
    result = []
    for text, one in zip(texts, found, strict=True):
        formula = PERCENTILES[text]
        inputs = {**packets, "RANK": Quantity(float(one.rank) if one.rank else None)}
        least = needed(one.share)
        note = Text(
            f"样本数 {count} 不足，至少需要 {least} 个。", f"{count} packets do not support it; {least} are needed."
        )
        interval = one.interval if one.interval and all(map(math.isfinite, one.interval)) else None
        result.append(
            report(formula, one.value, inputs, basis, uncertainty=interval, note=note if one.value is None else Text())
        )
    result.append(evaluate(FORMULAS["loss-ratio"], packets, basis))
    return result


def _ranks(share: Fraction, count: int) -> tuple[int, int, int]:
    # Nearest rank, and the ranks between which the true percentile lies (0: below all).
    tail = (1 - CONFIDENCE) / 2
    low, high = (binomial_quantile(count, float(share), p) for p in (tail, 1 - tail))
    return low, math.ceil(share * count), high + 1


def _select(delays: Floats, ranks: set[int]) -> dict[int, float]:
    # Selection, not sorting: linear in the number of packets. Beyond the received are the lost.
    finite = sorted(rank for rank in ranks if 0 < rank <= len(delays))
    chosen = {rank: math.inf for rank in ranks if rank > len(delays)}
    if finite:
        parted = np.partition(delays, [rank - 1 for rank in finite])
        chosen |= {rank: float(parted[rank - 1]) for rank in finite}
    return chosen
