"""Rollups in plain NumPy: what a bucket is, and how samples are summed up in one.

Bucket `i` of `n` over `[start, stop)` begins at the first instant `t` with
`(t - start) * n >= i * (stop - start)`. Usable numbers are the samples that are not bad and
not NaN; texts have none.
"""

from __future__ import annotations

import numpy as np

from historian.port import Rollup
from plant.batch import Batch, Ints
from plant.quality import usable

MOST_BUCKETS = 10_000


def starts(start: int, stop: int, buckets: int) -> Ints:
    """Return the first instant of each bucket.

    Raises ValueError when the window is empty or the number of buckets is out of range.
    """
    if stop <= start:
        raise ValueError(f"the window ends ({stop}) before it begins ({start})")
    if not 1 <= buckets <= MOST_BUCKETS:
        raise ValueError(f"{buckets} buckets; between 1 and {MOST_BUCKETS} are possible")
    span = stop - start
    return np.array([start - (-i * span // buckets) for i in range(buckets)], np.int64)


def empty(start: int, stop: int, buckets: int) -> Rollup:
    """Return the rollup of no samples."""
    nothing = np.full(buckets, np.nan)
    zeros = np.zeros(buckets, np.int64)
    return Rollup(
        start=starts(start, stop, buckets),
        count=zeros,
        usable=zeros.copy(),
        minimum=nothing,
        maximum=nothing.copy(),
        mean=nothing.copy(),
        last=nothing.copy(),
        quality=np.zeros(buckets, np.uint32),
        step=zeros.copy(),
    )


def rollup(samples: Batch, start: int, stop: int, buckets: int) -> Rollup:
    """Sum up one tag's samples of the window, which are sorted by time."""
    result = empty(start, stop, buckets)
    if not len(samples):
        return result
    bucket = np.searchsorted(result.start, samples.time, side="right") - 1
    result.count[:] = np.bincount(bucket, minlength=buckets)
    np.maximum.at(result.quality, bucket, samples.quality)
    good = usable(samples.quality)
    result.usable[:] = np.bincount(bucket[good], minlength=buckets)
    numbers = samples.numbers
    rows = np.flatnonzero(good & ~np.isnan(numbers))
    if len(rows):
        at, values = bucket[rows], numbers[rows]
        edges = np.flatnonzero(np.diff(at, prepend=-1))
        filled = at[edges]
        sizes = np.diff(np.append(edges, len(at)))
        result.minimum[filled] = np.minimum.reduceat(values, edges)
        result.maximum[filled] = np.maximum.reduceat(values, edges)
        with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs have no mean
            result.mean[filled] = np.add.reduceat(values, edges) / sizes
        result.last[filled] = values[np.append(edges[1:], len(at)) - 1]
    return result
