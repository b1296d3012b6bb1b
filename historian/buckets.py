"""Stored buckets in plain NumPy: none of them, and those that stand for some samples.

Bucket `i` of a step is `[i * step, (i + 1) * step)`, counted from 1970, so buckets of a
step that divides another one's lie within it, and all lie within UTC days.
"""

from __future__ import annotations

import numpy as np

from historian.port import Buckets
from plant.batch import Batch, Floats, Ints
from plant.clock import SECOND
from plant.quality import good, usable

DAY = 86_400 * SECOND


def none() -> Buckets:
    """Return no buckets."""
    ints, floats = np.zeros(0, np.int64), np.zeros(0)
    return Buckets(
        start=ints,
        step=ints,
        count=ints,
        usable=ints,
        good=ints,
        numbers=ints,
        minimum=floats,
        maximum=floats,
        total=floats,
        first=floats,
        last=floats,
        quality=np.zeros(0, np.uint32),
        origin=np.zeros(0, np.uint8),
    )


def check_step(step: int) -> None:
    """Raise ValueError unless a step, in ns, divides a day; 0 stands for no buckets."""
    if step and (step < SECOND or DAY % step):
        raise ValueError(f"a step of {step / SECOND:g} s does not divide a day, or is below a second")


def sum_up(samples: Batch, step: int) -> Buckets:
    """Sum up one tag's samples, sorted by time, in buckets of `step` ns."""
    if not len(samples):
        return none()
    begin = samples.time // step * step
    edges = np.flatnonzero(np.diff(begin, prepend=begin[0] - 1))
    numbers = samples.numbers
    fit = usable(samples.quality) & ~np.isnan(numbers)
    found = np.add.reduceat(fit.astype(np.int64), edges)
    with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs have no mean
        total = np.add.reduceat(np.where(fit, numbers, 0.0), edges)
    rows = np.where(fit, np.arange(len(fit)), -1)
    last = np.maximum.reduceat(rows, edges)
    first = np.minimum.reduceat(np.where(fit, rows, len(fit)), edges)
    return Buckets(
        start=begin[edges],
        step=np.full(len(edges), step, np.int64),
        count=np.diff(np.append(edges, len(fit))),
        usable=np.add.reduceat(usable(samples.quality).astype(np.int64), edges),
        good=np.add.reduceat(good(samples.quality).astype(np.int64), edges),
        numbers=found,
        minimum=_where(found, np.minimum.reduceat(np.where(fit, numbers, np.inf), edges)),
        maximum=_where(found, np.maximum.reduceat(np.where(fit, numbers, -np.inf), edges)),
        total=total,
        first=_at(found, numbers, first),
        last=_at(found, numbers, last),
        quality=np.maximum.reduceat(samples.quality, edges),
        origin=np.bitwise_or.reduceat(samples.origin, edges),
    )


def _where(found: Ints, values: Floats) -> Floats:
    chosen: Floats = np.where(found > 0, values, np.nan)
    return chosen


def _at(found: Ints, numbers: Floats, rows: Ints) -> Floats:
    return _where(found, numbers[np.clip(rows, 0, len(numbers) - 1)])
