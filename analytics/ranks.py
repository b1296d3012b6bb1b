"""Exact order statistics of columns that need not fit into memory.

A float's bits, sign turned, sort like the float. So the value of a rank is found sixteen
bits at a time: count how many values begin with each pattern, choose the one the rank falls
into, and look closer there in the next pass. Four passes give the value itself, not an
estimate; memory holds one chunk and a table of 65 536 counts for each rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from plant.batch import Floats

Chunks = Callable[[], Iterable[Floats]]
"""Gives the same columns of finite numbers each time it is called."""

_BITS = 16
_TABLE = 1 << _BITS
_SIGN = np.uint64(1 << 63)


def select(chunks: Chunks, ranks: Iterable[int]) -> dict[int, float]:
    """Return the values of ranks, counted from 1, of all chunks together.

    Raises ValueError for a rank beyond the last value.
    """
    prefix = dict.fromkeys(ranks, 0)
    left = {rank: rank for rank in prefix}
    for shift in range(64 - _BITS, -1, -_BITS):
        tables = _tables(chunks, set(prefix.values()), shift)
        for rank, known in prefix.items():
            passed = np.cumsum(tables[known])
            if left[rank] < 1 or left[rank] > int(passed[-1]):
                raise ValueError(f"there is no value of rank {rank}")
            pattern = int(np.searchsorted(passed, left[rank]))
            left[rank] -= int(passed[pattern - 1]) if pattern else 0
            prefix[rank] = known << _BITS | pattern
    return {rank: _value(key) for rank, key in prefix.items()}


def _tables(chunks: Chunks, prefixes: set[int], shift: int) -> dict[int, npt.NDArray[np.int64]]:
    tables = {prefix: np.zeros(_TABLE, np.int64) for prefix in prefixes}
    for chunk in chunks():
        keys = _keys(chunk)
        patterns = keys >> np.uint64(shift)
        before = patterns >> np.uint64(_BITS)
        for prefix in tables:
            inside = patterns[before == np.uint64(prefix)] & np.uint64(_TABLE - 1)
            tables[prefix] += np.bincount(inside.view(np.int64), minlength=_TABLE)
    return tables


def _keys(values: Floats) -> npt.NDArray[np.uint64]:
    bits = np.ascontiguousarray(values, np.float64).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(key: int) -> float:
    bits = np.array([key], np.uint64)
    return float(np.where(bits & _SIGN, bits ^ _SIGN, ~bits).view(np.float64)[0])
