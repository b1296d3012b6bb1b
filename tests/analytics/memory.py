"""A historian that is a batch in memory, for tests of what is computed from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytics.steps import ordered
from plant.batch import Batch


class MemoryHistorian:
    """Keeps every sample; reads as `historian.port` promises. Counts its reads."""

    def __init__(self, *batches: Batch) -> None:
        self._batch = Batch.concat(batches)
        self.reads = 0

    def write(self, batch: Batch) -> None:
        self._batch = Batch.concat([self._batch, batch])

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        self.reads += 1
        return Batch.concat([self._between(path, start, stop) for path in paths])

    def latest(self, paths: Sequence[str]) -> Batch:
        return Batch.concat([self._between(path, -(2**62), 2**62).take(slice(-1, None)) for path in paths])

    def before(self, paths: Sequence[str], moment: int) -> Batch:
        self.reads += 1
        return Batch.concat([self._between(path, -(2**62), moment).take(slice(-1, None)) for path in paths])

    def thinned(self, paths: Sequence[str], start: int, stop: int) -> tuple[()]:
        return ()

    def _between(self, path: str, start: int, stop: int) -> Batch:
        samples = ordered(self._batch.of(path))
        return samples.take(np.flatnonzero((samples.time >= start) & (samples.time < stop)))
