"""The constants of control charts, computed from the normal distribution instead of typed from tables.

For samples of n from a normal process with standard deviation σ, with W the range and s the
standard deviation of a sample:

    d2 = E(W) / σ      d3 = sd(W) / σ      c4 = E(s) / σ

Source: ISO 7870-2, table 2, which these reproduce; W after Tippett, Biometrika 17 (1925).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from analytics.distributions import normal_below
from plant.batch import Floats

LARGEST_RANGE = 25
"""Ranges waste information in larger samples; use standard deviations there."""

# The integrands fall off like exp(-x²/2): beyond these ends nothing is left in 64-bit floats.
_X = np.linspace(-9.5, 9.5, 801)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)
_W = (_NODES + 1) * 9.5


@lru_cache
def d2(size: int) -> float:
    """Return the mean range of samples in σ. Raises ValueError unless 2 <= size <= 25."""
    _check(size, LARGEST_RANGE)
    return float(_WEIGHTS @ (1 - _range_below(size)) * 9.5)


@lru_cache
def d3(size: int) -> float:
    """Return the standard deviation of the range of samples in σ. Raises ValueError unless 2 <= size <= 25."""
    _check(size, LARGEST_RANGE)
    square = float(_WEIGHTS @ (2 * _W * (1 - _range_below(size))) * 9.5)
    return math.sqrt(square - d2(size) ** 2)


@lru_cache
def c4(size: int) -> float:
    """Return the mean standard deviation of samples in σ. Raises ValueError for less than two values."""
    _check(size, math.inf)
    return c4_of(size - 1)


def c4_of(degrees: float) -> float:
    """Return c4 for degrees of freedom, whole or not: E(s) / σ of an estimate that has them."""
    return math.sqrt(2 / degrees) * math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))


def _range_below(size: int) -> Floats:
    # P(W ≤ w) = n ∫ φ(x) [Φ(x + w) − Φ(x)]ⁿ⁻¹ dx at the nodes; the smallest value lies at x.
    density = np.exp(-(_X**2) / 2) / math.sqrt(2 * math.pi)
    between = normal_below(_X[None, :] + _W[:, None]) - normal_below(_X)[None, :]
    below: Floats = size * (between ** (size - 1) @ density) * (_X[1] - _X[0])
    return below


def _check(size: int, largest: float) -> None:
    if not 2 <= size <= largest:
        raise ValueError(f"no chart constant for samples of {size}; at least 2 and at most {largest} values are needed")
