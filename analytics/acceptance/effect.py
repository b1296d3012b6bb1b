"""Standardised effect sizes: how large a difference is beside the usual spread."""

from __future__ import annotations

import math

from plant.batch import Floats


def hedges(before: Floats, after: Floats) -> float | None:
    """Return Hedges' g, the difference of means in pooled standard deviations, freed of small-sample bias.

    None with less than two values on a side or no spread at all. Source: Hedges, Journal of
    Educational Statistics 6 (1981).
    """
    freedom = len(before) + len(after) - 2
    if min(len(before), len(after)) < 2:
        return None
    squares = float(((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum())
    if squares <= 0:
        return None
    difference = float(after.mean() - before.mean())
    return difference / math.sqrt(squares / freedom) * (1 - 3 / (4 * freedom - 1))


def cohen(share: float, reference: float) -> float:
    """Return Cohen's h of two shares, on the arcsine scale (Cohen, Statistical Power Analysis, 1988, chapter 6)."""
    return 2 * (math.asin(math.sqrt(share)) - math.asin(math.sqrt(reference)))
