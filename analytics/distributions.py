"""The distributions that intervals and charts ask for, and a root: scipy's, under the names of the field.

scipy is imported when the first of them is asked for. That takes most of a second, and a page
with live values needs none of them to open.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from plant.batch import Floats


def normal_below(values: Floats) -> Floats:
    """Return the share of a standard normal distribution below each value."""
    from scipy.special import ndtr

    below: Floats = ndtr(values)
    return below


def normal_quantile(share: float) -> float:
    """Return the value that `share` of a standard normal distribution is below."""
    from scipy.special import ndtri

    return float(ndtri(share))


def student_quantile(freedom: float, share: float) -> float:
    """Return the value that `share` of Student's t with `freedom` degrees is below."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def chi_square_exceeded(freedom: float, share: float) -> float:
    """Return the value that `share` of chi-square with `freedom` degrees is above."""
    from scipy.special import chdtri

    return float(chdtri(freedom, share))


def beta_quantile(a: float, b: float, share: float) -> float:
    """Return the value that `share` of the beta distribution with shapes `a` and `b` is below."""
    from scipy.special import betaincinv

    return float(betaincinv(a, b, share))


def binomial_quantile(trials: int, chance: float, share: float) -> int:
    """Return the smallest number k of successes with P(at most k) ≥ `share`."""
    from scipy.special import bdtr, bdtrik  # `scipy.stats` has it too, but takes a second more

    k = max(math.ceil(float(bdtrik(share, trials, chance))), 0)
    return k - 1 if k and float(bdtr(k - 1, trials, chance)) >= share else k


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where `function` is 0 between two ends at which its sign differs. Raises ValueError where it does not."""
    from scipy.optimize import brentq

    return float(brentq(function, low, high))
