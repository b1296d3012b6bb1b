"""How many independent samples a run of correlated ones is worth.

    design effect = variance of the sum as found / variance were they independent

It is never taken below 1: samples are worth at most themselves (Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analytics.distributions import student_quantile

TOLD = 1.2
"""The least design effect worth a reader's time."""

_BLOCKS = 16
"""Fewest blocks from which a variance is taken."""

_EVENTS = 5
"""Fewest events that can come in clusters."""


def between(found: Sequence[int], trials: Sequence[int], confidence: float) -> tuple[float, float]:
    """Return the design effect of trials that come in windows, and how many independent trials they are worth.

    A variance from few windows is itself uncertain, so where there is an effect the trials are
    worth less by the ratio of Student's quantiles, squared (Korn and Graubard, Survey
    Methodology 24, 1998). Fewer than `_EVENTS` events cannot tell clusters from chance.
    """
    hits, totals = np.asarray(found, float), np.asarray(trials, float)
    total, events = float(totals.sum()), float(hits.sum())
    share, freedom = events / total, len(hits) - 1
    if freedom < 1 or min(events, total - events) < _EVENTS:
        return 1.0, total
    effect = float(((hits - share * totals) ** 2 / (share * (1 - share) * totals)).sum()) / freedom
    if effect <= 1:
        return 1.0, total
    quantile = (1 + confidence) / 2
    return effect, total / effect * (student_quantile(total - 1, quantile) / student_quantile(freedom, quantile)) ** 2


def along(events: Sequence[npt.NDArray[np.bool_]]) -> float:
    """Return the design effect of 0/1 series in time, one a window, over blocks of 1, 2, 4 … samples.

    The largest over block lengths counts, as long as there are enough blocks to tell.
    """
    count = sum(map(len, events))
    share = sum(float(one.sum()) for one in events) / count
    if not 0 < share < 1:
        return 1.0
    effect = 1.0
    blocks = [np.asarray(one, float) - share for one in events]
    length = 1
    while sum(map(len, blocks)) >= _BLOCKS:
        number = sum(map(len, blocks))
        effect = max(effect, sum(float(one @ one) for one in blocks) / (number * length * share * (1 - share)))
        blocks = [one[: len(one) // 2 * 2].reshape(-1, 2).sum(axis=1) for one in blocks]
        length *= 2
    return effect
