"""The edge's rules over columns, for runs in virtual time: no tasks, no waiting, the same outcome.

A live edge gives each source a supervisor that filters its batches and gives it up when it
is silent for too long. Here a source's samples are at hand for minutes at a time, so the
filters are the edge's own and silence is a gap between two moments of receipt.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from configs.configuration import Binding
from edge.filters import Filters
from plant.batch import Batch, BatchBuilder, Ints, Origin
from plant.clock import SECOND
from plant.quality import Quality
from provenline.sources import silence


class VirtualEdge:
    """The edge's rules for every source of a scene: what is worth recording, and what silence means."""

    def __init__(self, bindings: Sequence[Binding], start: int) -> None:
        self._feeds = [_Feed(binding, start) for binding in bindings]
        self._feed_of = {tag.path: i for i, binding in enumerate(bindings) for tag, _ in binding.points}

    def pass_on(self, batch: Batch, until: int) -> Batch:
        """Return what is left of, and added to, what was received up to `until`, in order of receipt."""
        owner = np.array([self._feed_of[name] for name in batch.names], np.int64)[batch.tag]
        parts = [feed.pass_on(batch.take(owner == i), until) for i, feed in enumerate(self._feeds)]
        whole = Batch.concat([part for part in parts if len(part)])
        return whole.take(np.argsort(whole.received, kind="stable"))


class _Feed:
    """One source's filters and watchdog, as `edge.supervisor` has them, on columns."""

    def __init__(self, binding: Binding, start: int) -> None:
        self._tags = tuple(tag for tag, _ in binding.points)
        self._filters = Filters(self._tags)
        self._silence = silence(binding.source, self._tags)
        self._heard = start
        self._lost = False

    def pass_on(self, batch: Batch, until: int) -> Batch:
        lost = self._losses(batch.received, until)
        kept = self._filters(batch)
        return Batch.concat([kept, *(self._all_bad(moment) for moment in lost)]) if lost else kept

    def _losses(self, received: Ints, until: int) -> list[int]:
        """Return when the source was given up: once a silence, as long after its begin as the edge waits."""
        if self._silence is None:
            return []
        limit = round(self._silence * SECOND)
        marks = np.concatenate(([self._heard], received, [until])).astype(np.int64)
        silent = np.diff(marks) > limit
        moments: list[int] = (marks[:-1][silent] + limit).tolist()
        known = self._lost and bool(silent[0])
        self._heard, self._lost = int(marks[-2]), bool(silent[-1])
        return moments[known:]

    def _all_bad(self, now: int) -> Batch:
        builder = BatchBuilder()
        for tag in self._tags:
            quality, origin = Quality.BAD_NO_COMMUNICATION, Origin.SIMULATED
            builder.add(tag.path, now, float("nan"), received=now, quality=quality, origin=origin)
        return builder.build()
