"""Intervals of the log of a ratio of two means that one would pick instead, for many comparisons at once.

Each takes baseline and improved rates, comparisons by shifts, and returns the lower and upper
ends of the interval of log(improved / baseline).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

RESAMPLES = 400
TAIL = 0.025


def welch(before, after, random):
    """Student's interval with Welch's degrees of freedom, as if shifts were independent."""
    del random
    middle = np.log(after.mean(1)) - np.log(before.mean(1))
    parts = [(side.std(1, ddof=1) / side.mean(1)) ** 2 / side.shape[1] for side in (before, after)]
    freedom = (parts[0] + parts[1]) ** 2 / sum(
        part**2 / (side.shape[1] - 1) for part, side in zip(parts, (before, after), strict=True)
    )
    half = stdtrit(freedom, 1 - TAIL) * np.sqrt(parts[0] + parts[1])
    return middle - half, middle + half


def percentile_bootstrap(before, after, random, *, block=1):
    """Percentiles of resampled comparisons; `block`: shifts drawn together."""
    drawn = np.log(_resampled(after, random, block)) - np.log(_resampled(before, random, block))
    low, high = np.quantile(drawn, (TAIL, 1 - TAIL), axis=1)
    return low, high


def block_bootstrap(before, after, random):
    """The same with blocks of about the cube root of the number of shifts, at least two."""
    return percentile_bootstrap(before, after, random, block=max(round(before.shape[1] ** (1 / 3)), 2))


def bca(before, after, random):
    """Bias-corrected and accelerated bootstrap (Efron 1987), acceleration from the jackknife of both sides."""
    drawn = np.sort(np.log(_resampled(after, random, 1)) - np.log(_resampled(before, random, 1)), axis=1)
    middle = np.log(after.mean(1)) - np.log(before.mean(1))
    below = (drawn < middle[:, None]).mean(1).clip(1 / RESAMPLES, 1 - 1 / RESAMPLES)
    bias = ndtri(below)
    left = np.concatenate([-_influence(before), _influence(after)], axis=1)
    acceleration = (left**3).sum(1) / (6 * (left**2).sum(1) ** 1.5)
    ends = []
    for z in (ndtri(TAIL), ndtri(1 - TAIL)):
        share = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
        rank = np.clip((share * RESAMPLES).astype(int), 0, RESAMPLES - 1)
        ends.append(np.take_along_axis(drawn, rank[:, None], axis=1)[:, 0])
    return ends[0], ends[1]


def bootstrap_t(before, after, random):
    """Studentised bootstrap: each resample by its own standard error."""
    middle, error = _difference(before, after)
    shape = (before.shape[0], RESAMPLES, before.shape[1])
    samples = [np.take_along_axis(side[:, None, :], random.integers(0, shape[2], shape), 2) for side in (before, after)]
    drawn, errors = _difference(*samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(errors > 0, (drawn - middle[:, None]) / errors, 0.0)
    low, high = np.quantile(scores, (TAIL, 1 - TAIL), axis=1)
    return middle - high * error, middle - low * error


def _difference(before, after):
    error = sum(side.var(-1, ddof=1) / side.mean(-1) ** 2 / side.shape[-1] for side in (before, after))
    return np.log(after.mean(-1)) - np.log(before.mean(-1)), np.sqrt(error)


def _influence(side):
    return (side / side.mean(1, keepdims=True) - 1) / side.shape[1]


def _resampled(side, random, block):
    comparisons, count = side.shape
    starts = random.integers(0, count, (comparisons, RESAMPLES, -(-count // block)))
    chosen = (starts[..., None] + np.arange(block)).reshape(comparisons, RESAMPLES, -1)[..., :count] % count
    return np.take_along_axis(side[:, None, :], chosen, 2).mean(2)


RIVALS = {
    "percentile bootstrap": percentile_bootstrap,
    "block bootstrap": block_bootstrap,
    "BCa": bca,
    "bootstrap-t": bootstrap_t,
    "Welch, independent": welch,
}
"""By the name that the tables show."""
