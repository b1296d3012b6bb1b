"""How sure a share is that was counted: exact binomial bounds, and how many trials show how little.

The Clopper–Pearson interval covers the true probability at least as often as it says, for
any number of trials, none found included. Source: Clopper and Pearson, Biometrika 26 (1934).
"""

from __future__ import annotations

import math

from analytics.distributions import beta_quantile

CONFIDENCE = 0.95


def clopper_pearson(found: int, trials: int, *, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return the two-sided interval of a probability; None without trials, for then nothing is known.

    Raises ValueError for counts that are negative or more than the trials.
    """
    _check(found, trials, confidence)
    if not trials:
        return None
    tail = (1 - confidence) / 2
    low = beta_quantile(found, trials - found + 1, tail) if found else 0.0
    return low, _upper(found, trials, tail)


def upper_bound(found: int, trials: int, *, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound of a probability; 1 without trials."""
    _check(found, trials, confidence)
    return _upper(found, trials, 1 - confidence) if trials else 1.0


def trials_needed(limit: float, *, found: int = 0, confidence: float = CONFIDENCE) -> int:
    """Return the fewest trials that show a probability below `limit` when `found` are found among them.

    For none found it is the least n with (1 - limit)ⁿ < 1 - confidence. Raises ValueError
    unless 0 < limit < 1.
    """
    if not 0 < limit < 1:
        raise ValueError("a limit on a probability lies between 0 and 1, both exclusive")
    _check(found, found, confidence)
    few, many = found, max(found, 1)
    while upper_bound(found, many, confidence=confidence) >= limit:
        few, many = many, many * 2
    while many - few > 1:
        middle = (few + many) // 2
        if upper_bound(found, middle, confidence=confidence) < limit:
            many = middle
        else:
            few = middle
    return many


def _upper(found: int, trials: int, tail: float) -> float:
    if found == trials:
        return 1.0
    # Without a find the bound has a closed form that stays exact where the beta function runs out of digits.
    return -math.expm1(math.log(tail) / trials) if not found else beta_quantile(found + 1, trials - found, 1 - tail)


def _check(found: int, trials: int, confidence: float) -> None:
    if not 0 <= found <= trials:
        raise ValueError(f"{found} of {trials} is not a share")
    if not 0 < confidence < 1:
        raise ValueError("a confidence lies between 0 and 1, both exclusive")
