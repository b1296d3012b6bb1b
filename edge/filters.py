"""What is worth recording, decided per tag from its declaration.

- a number outside `low`…`high` is kept and marked uncertain, if it was good
- a change smaller than `deadband` is left out
- a sample sooner than `min_interval` after the last one kept is left out

Neither of the last two ever hides a change of quality, and both let a sample through before
half of `stale_after` has passed, so that a steady signal does not look like a dead one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from plant.batch import Batch, Mask
from plant.clock import SECOND
from plant.quality import Quality, good
from plant.tags import Tag

_Kept = tuple[int, float, int]
"""Time, number and quality of the last sample of a tag that was let through."""


class Filters:
    """The filters of one source's tags; remembers the last sample kept of each."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._tags = {tag.path: tag for tag in tags}
        self._kept: dict[str, _Kept] = {}

    def __call__(self, batch: Batch) -> Batch:
        """Return what is worth recording, with qualities marked. Texts always are."""
        batch = self._mark_range(batch)
        thinned = [i for i, name in enumerate(batch.names) if self._thins(name)]
        if not thinned:
            return batch
        candidates = np.isin(batch.tag, thinned)
        keep = ~candidates
        self._thin(batch, np.flatnonzero(candidates).tolist(), keep)
        return batch if keep.all() else batch.take(keep)

    def _thins(self, path: str) -> bool:
        tag = self._tags.get(path)
        return tag is not None and (tag.deadband > 0 or tag.min_interval > 0)

    def _mark_range(self, batch: Batch) -> Batch:
        ranged = [(i, tag) for i, n in enumerate(batch.names) if (tag := self._tags.get(n)) and _has_range(tag)]
        if not ranged:
            return batch
        low, high = np.full(len(batch.names), -np.inf), np.full(len(batch.names), np.inf)
        for index, tag in ranged:
            low[index] = -np.inf if tag.low is None else tag.low
            high[index] = np.inf if tag.high is None else tag.high
        numbers = batch.numbers
        outside = ((numbers < low[batch.tag]) | (numbers > high[batch.tag])) & good(batch.quality)
        if not outside.any():
            return batch
        return replace(batch, quality=np.where(outside, np.uint32(Quality.UNCERTAIN_OUT_OF_RANGE), batch.quality))

    def _thin(self, batch: Batch, rows: list[int], keep: Mask) -> None:
        numbers = batch.numbers
        for row in rows:
            path = batch.names[batch.tag[row]]
            sample = (int(batch.time[row]), float(numbers[row]), int(batch.quality[row]))
            if _worth(self._tags[path], self._kept.get(path), sample):
                self._kept[path] = sample
                keep[row] = True


def _has_range(tag: Tag) -> bool:
    return tag.low is not None or tag.high is not None


def _worth(tag: Tag, last: _Kept | None, sample: _Kept) -> bool:
    if last is None or sample[2] != last[2]:
        return True
    waited = (sample[0] - last[0]) / SECOND
    if waited < 0 or waited >= tag.stale_after / 2:
        return True
    if waited < tag.min_interval:
        return False
    return not abs(sample[1] - last[1]) < tag.deadband
