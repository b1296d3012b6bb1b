"""How far a ratio of sums over few windows can be off, when neighbouring windows resemble each other.

The log of a ratio of sums is, to first order, the mean of one term a window (`Costs.influence`).
For 3 to 20 windows its interval is Student's (Welch's for two sides), with two corrections
that the Monte Carlo in `bench/acceptance_statistics.py` asks for:

- the variance of the mean is inflated for the lag-one correlation of the terms; as a few
  windows hardly show it, what they show is drawn towards a cautious guess
- from `RESAMPLED` windows on, a circular block bootstrap is done besides, and the outer of
  both ends is taken: it sees skewness that Student's interval does not

Resampling alone promises too much here: three windows can only be drawn in ten ways.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.distributions import student_quantile
from plant.batch import Floats

RESAMPLED = 8
"""Windows on each side from which on the bootstrap has a say."""

_GUESS, _GUESS_WINDOWS = 0.3, 20
"""The correlation taken for likely before any data, and how many windows that guess is worth."""

_ROUNDING = 1e-12  # relative; windows that are all alike differ by that much
_STRONGEST = 0.7  # beyond it so few windows tell a correlation from a drift no more


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of a side's log figure, and the degrees of freedom it was estimated with."""

    variance: float
    freedom: float


def correlation(sides: Sequence[Floats]) -> float:
    """Return the lag-one correlation of the terms of all sides together, at least 0.

    Each side has its own mean removed, which pulls the plain estimate down by about
    (1 + 4 r) / n (Marriott and Pope, Biometrika 41, 1954); that much is given back. Then it
    is averaged with the guess, each by the number of windows it is worth.
    """
    weighted = [(len(side), _lag_one(side)) for side in sides]
    count = sum(n for n, _ in weighted)
    plain = sum(n * r for n, r in weighted) / count
    corrected = plain + (1 + 4 * max(plain, 0.0)) * len(sides) / count
    drawn = (count * corrected + _GUESS_WINDOWS * _GUESS) / (count + _GUESS_WINDOWS)
    return min(max(drawn, 0.0), _STRONGEST)


def spread(terms: Floats, correlated: float) -> Spread:
    """Return the spread of the mean of a side's terms, at least two of them."""
    count = len(terms)
    inflated = inflation(count, correlated)
    variance = float(terms @ terms) / (count - 1)
    # Correlated windows also hide part of their variance in their common level.
    unhidden = variance * (count - 1) / (count - inflated)
    return Spread(unhidden * inflated / count, count - 1)


def inflation(count: int, correlated: float) -> float:
    """Return the factor by which a first-order autoregression raises the variance of a mean of `count`."""
    lags = np.arange(1, count)
    return float(1 + 2 * np.sum((1 - lags / count) * correlated**lags))


def margin(spreads: Sequence[Spread], confidence: float) -> float:
    """Return half the width of the interval of a sum or difference of independent sides (Welch)."""
    variance = sum(one.variance for one in spreads)
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(one.variance**2 / one.freedom for one in spreads)
    return student_quantile(freedom, (1 + confidence) / 2) * math.sqrt(variance)


def block_length(count: int, correlated: float) -> int:
    """Return the length of blocks that suits a first-order autoregression.

    Source: Carlstein, Annals of Statistics 14 (1986).
    """
    wanted = math.pow(math.sqrt(6) * correlated / (1 - correlated**2), 2 / 3) * math.pow(count, 1 / 3)
    return min(max(math.ceil(wanted), 1), max(count // 2, 1))


def resample(count: int, *, length: int, resamples: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw windows in circular blocks: `resamples` rows of `count` indices (Politis and Romano, 1992)."""
    blocks = -(-count // length)
    # Only uniform doubles are drawn: their stream is the same in every version of NumPy.
    starts = (random.random((resamples, blocks)) * count).astype(np.intp)
    indices = (starts[:, :, None] + np.arange(length)) % count
    return indices.reshape(resamples, -1)[:, :count]


def _lag_one(terms: Floats) -> float:
    total = float(terms @ terms)
    return float(terms[1:] @ terms[:-1]) / total if total > len(terms) * _ROUNDING**2 else 0.0
