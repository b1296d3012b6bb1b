"""The log's tail, decoded: what was written but not sealed yet, as seen by one reader.

Every log row is decoded once and kept until it is sealed. Small pieces are joined whenever
the last two are of a size, so each sample is copied a few times in its life and a query
meets a handful of pieces, not one a batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from historian.embedded.segments import Rows
from plant.batch import INT64_MIN, Batch, Origin
from plant.batchlog import decode


class Piece:
    """Some consecutive log rows; never changed, so readers share it."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.first = int(rows.batch.time.min())
        self.last = int(rows.batch.time.max())

    def __len__(self) -> int:
        return len(self.rows.batch)

    @cached_property
    def index(self) -> dict[str, int]:
        """Where each path stands in the batch's names."""
        return {name: i for i, name in enumerate(self.rows.batch.names)}

    @cached_property
    def newest(self) -> dict[str, int]:
        """The row of each path's newest sample that is not a replay; the last written of equals."""
        batch = self.rows.batch
        live = (batch.origin & Origin.REPLAYED) == 0
        tag, time = batch.tag[live], batch.time[live]
        newest = np.full(len(batch.names), INT64_MIN)
        np.maximum.at(newest, tag, time)
        rows = np.flatnonzero(live)[time == newest[tag]]
        # Rows stand in the order they were written, so of equals the last one put here stays.
        return {batch.names[tag]: row for tag, row in zip(batch.tag[rows].tolist(), rows.tolist(), strict=True)}

    def of(self, wanted: Mapping[str, int], first: int, last: int) -> Rows | None:
        """Return the rows of `wanted` paths between two times, inclusive, tags numbered as `wanted` says."""
        if self.last < first or self.first > last:
            return None
        batch = self.rows.batch
        table = np.full(len(batch.names), -1, np.int64)
        if len(wanted) < len(batch.names):
            found = [(self.index[path], i) for path, i in wanted.items() if path in self.index]
            for own, i in found:
                table[own] = i
        else:
            table[:] = [wanted.get(name, -1) for name in batch.names]
        tag = table[batch.tag]
        rows = np.flatnonzero((tag >= 0) & (batch.time >= first) & (batch.time <= last))
        if not len(rows):
            return None
        taken = batch.take(rows)
        names = tuple(wanted)
        numbered = Batch(
            names=names,
            texts=taken.texts,
            tag=tag[rows].astype(np.uint32),
            time=taken.time,
            received=taken.received,
            raw=taken.raw,
            quality=taken.quality,
            form=taken.form,
            origin=taken.origin,
        )
        return Rows(numbered, self.rows.order[rows])

    def beyond(self, order: int) -> Piece | None:
        """Return what was written after `order`."""
        if self.rows.order[0] > order:
            return self
        rows = self.rows.order > order
        return Piece(Rows(self.rows.batch.take(rows), self.rows.order[rows])) if rows.any() else None


class Tail:
    """The decoded log as of the last `refresh`."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._through = 0

    def refresh(self, connection: sqlite3.Connection) -> Sequence[Piece]:
        """Take in what was written and let go of what was sealed since; must run in a read transaction."""
        oldest = connection.execute("SELECT min(id) FROM log").fetchone()[0]
        if oldest is None:
            self._pieces = []
            return ()
        if self._pieces and self._pieces[0].rows.order[0] < oldest:
            self._pieces = [piece for old in self._pieces if (piece := old.beyond(oldest - 1))]
        query = "SELECT id, crc, blob FROM log WHERE id > ? ORDER BY id"
        fresh = []
        for row_id, crc, blob in connection.execute(query, (max(self._through, oldest - 1),)):
            self._through = row_id
            try:
                batch = decode(blob, crc)
            except ValueError:
                continue  # sealing sets it aside and counts it
            fresh.append(Rows(batch, np.full(len(batch), row_id, np.int64)))
        if fresh:
            self._append(Piece(Rows.join(fresh)))
        return tuple(self._pieces)

    def _append(self, piece: Piece) -> None:
        self._pieces.append(piece)
        while len(self._pieces) > 1 and len(self._pieces[-2]) <= 2 * len(self._pieces[-1]):
            last = self._pieces.pop()
            self._pieces[-1] = Piece(Rows.join([self._pieces[-1].rows, last.rows]))
