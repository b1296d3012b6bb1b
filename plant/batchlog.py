"""A durable queue of batches: put, read the oldest, forget what has arrived elsewhere.

    put ──▶ │ 41 │ 42 │ 43 │ 44 │ ──▶ oldest(2) → 41, 42 ──▶ the far side acknowledges
                                      forget(42)

A batch is one blob row, so a thousand samples cost one commit, and a commit is on the disk
when `put` returns. Nothing leaves the queue before `forget`, except the oldest when a bound
is reached: those are counted in `dropped`, never silently. A row whose checksum or content
is wrong is moved to the table `aside` and counted in `damaged`; a damaged page makes the
database rebuild itself (see `plant.database`). Neither holds up the rows behind it.

The edge's outbox is one `BatchLog` on a file of its own. The embedded historian keeps its
log beside its other tables and wraps `forget` and its own statements in one
`database.transaction()`.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from plant.batch import Batch
from plant.clock import SECOND, Clock, SystemClock
from plant.database import Database, Schema
from plant.errors import Rejected

LARGEST = 512 * 2**20
"""Bytes of the largest batch a log takes; SQLite's own bound is near 1e9."""

SCRIPT = """
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    put_at INTEGER NOT NULL,            -- ns UTC
    samples INTEGER NOT NULL,
    size INTEGER NOT NULL,              -- bytes of blob
    first INTEGER NOT NULL,             -- earliest and latest source time inside
    last INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS aside (id INTEGER PRIMARY KEY, put_at INTEGER, samples INTEGER, reason TEXT, blob BLOB);
CREATE TABLE IF NOT EXISTS log_count (id INTEGER PRIMARY KEY, dropped INTEGER, damaged INTEGER);
INSERT OR IGNORE INTO log_count VALUES (1, 0, 0);
CREATE TABLE IF NOT EXISTS log_size (id INTEGER PRIMARY KEY, batches INTEGER, samples INTEGER, bytes INTEGER);
INSERT OR IGNORE INTO log_size VALUES (1, 0, 0, 0);
CREATE TRIGGER IF NOT EXISTS log_grows AFTER INSERT ON log BEGIN
    UPDATE log_size SET batches = batches + 1, samples = samples + new.samples, bytes = bytes + new.size; END;
CREATE TRIGGER IF NOT EXISTS log_shrinks AFTER DELETE ON log BEGIN
    UPDATE log_size SET batches = batches - 1, samples = samples - old.samples, bytes = bytes - old.size; END;
"""
DERIVED = frozenset({"log_size"})
COUNTED = {"log": "SELECT batches FROM log_size"}
SCHEMA = Schema(version=1, script=SCRIPT, derived=DERIVED, counted=COUNTED)

_KEPT_ASIDE = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a log may hold before it drops its oldest: blob bytes, and seconds since `put`."""

    bytes: int | None = 2 * 2**30
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch in the log. `put_at`: ns UTC."""

    id: int
    put_at: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Totals:
    """What a log holds and has lost. `dropped`: samples given up to the bounds, ever.

    `damaged`: batches that could not be read again, ever.
    """

    batches: int
    samples: int
    bytes: int
    dropped: int
    damaged: int


class BatchLog:
    """The queue; safe to use from any thread. Every method raises Unavailable when the disk fails."""

    def __init__(self, database: Database, *, bounds: Bounds | None = None, clock: Clock | None = None) -> None:
        self.database = database
        self._bounds = bounds or Bounds()
        self._clock = clock or SystemClock()

    @classmethod
    def open(cls, path: Path, *, bounds: Bounds | None = None, clock: Clock | None = None) -> BatchLog:
        """Open or create a log in a file of its own."""
        return cls(Database(path, SCHEMA), bounds=bounds, clock=clock)

    def put(self, batch: Batch) -> int:
        """Append one batch and return its id; it survives a power cut from then on.

        Raises Rejected when it is larger than the log's bound.
        """
        return self.put_many((batch,))

    def put_many(self, batches: Iterable[Batch]) -> int:
        """Append several batches in one commit, all or none; return the last one's id.

        Their ids follow each other without a gap. Empty batches are passed over; 0 when nothing
        was appended.
        """
        now = self._clock.now()
        rows = [_row(batch, now) for batch in batches if len(batch)]
        if not rows:
            return 0
        largest = min(LARGEST, self._bounds.bytes or LARGEST)
        if any(len(row[-1]) > largest for row in rows):
            raise Rejected(f"a batch is larger than the {largest} bytes that the log may hold")
        last = 0
        with self.database.transaction() as connection:
            for row in rows:
                insert = "INSERT INTO log (put_at, samples, size, first, last, crc, blob) VALUES (?, ?, ?, ?, ?, ?, ?)"
                last = connection.execute(insert, row).lastrowid or 0
            self._drop_oldest(connection, now)
        return last

    def oldest(self, limit: int, *, after: int = 0, most: int | None = None) -> list[Entry]:
        """Return up to `limit` of the oldest batches in order; with `after`, only ids beyond it.

        `most`: samples in all of them together, unless the first alone has more. What cannot be
        read is set aside on the way and does not count.
        """
        entries: list[Entry] = []
        held = 0
        while len(entries) < limit:
            start = entries[-1].id if entries else after
            left = None if most is None else most - held
            found, faults = self._read(start, limit - len(entries), left, first=not entries)
            entries += found
            held += sum(len(entry.batch) for entry in found)
            if not faults:
                break
            self._set_aside(faults)
        return entries

    def forget(self, through: int) -> None:
        """Remove every batch up to and including the id `through`: it is safe elsewhere."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM log WHERE id <= ?", (through,))

    def forget_each(self, ids: Iterable[int]) -> None:
        """Remove the batches of these ids, wherever they stand; those that are gone already are passed over."""
        with self.database.transaction() as connection:
            connection.executemany("DELETE FROM log WHERE id = ?", [(i,) for i in ids])

    @property
    def totals(self) -> Totals:
        """What the log holds and has lost, read from running totals, not by scanning."""
        query = """SELECT batches, samples, bytes, dropped,
            damaged + (SELECT coalesce(sum(lost), 0) FROM rescued WHERE name = 'log') FROM log_size, log_count"""
        with self.database.reading() as connection:
            return Totals(*connection.execute(query).fetchone())

    @property
    def oldest_put_at(self) -> int | None:
        """When the oldest batch was put, ns UTC; None when the log is empty."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT put_at FROM log ORDER BY id LIMIT 1").fetchone()
        return int(row[0]) if row else None

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def _read(self, after: int, limit: int, most: int | None, *, first: bool) -> tuple[list[Entry], dict[int, str]]:
        query = "SELECT id, put_at, crc, blob, samples FROM log WHERE id > ? ORDER BY id LIMIT ?"
        rows: list[tuple[int, int, int, bytes]] = []
        with self.database.reading() as connection:
            for row_id, put_at, crc, blob, samples in connection.execute(query, (after, limit)):
                if most is not None and samples > most and (rows or not first):
                    break
                most = None if most is None else most - samples
                rows.append((row_id, put_at, crc, blob))
        entries, faults = [], {}
        for row_id, put_at, crc, blob in rows:
            try:
                entries.append(Entry(row_id, put_at, decode(blob, crc)))
            except ValueError as error:
                faults[row_id] = str(error)
        return entries, faults

    def _set_aside(self, faults: dict[int, str]) -> None:
        with self.database.transaction() as connection:
            for row_id, reason in faults.items():
                connection.execute(
                    "INSERT OR REPLACE INTO aside SELECT id, put_at, samples, ?, blob FROM log WHERE id = ?",
                    (reason, row_id),
                )
                connection.execute("DELETE FROM log WHERE id = ?", (row_id,))
            connection.execute("UPDATE log_count SET damaged = damaged + ?", (len(faults),))
            connection.execute(
                "DELETE FROM aside WHERE id NOT IN (SELECT id FROM aside ORDER BY id DESC LIMIT ?)", (_KEPT_ASIDE,)
            )

    def _drop_oldest(self, connection: sqlite3.Connection, now: int) -> None:
        """Delete from the old end until both bounds hold, and count what went."""
        held = connection.execute("SELECT bytes FROM log_size").fetchone()[0]
        most = held if self._bounds.bytes is None else self._bounds.bytes
        eldest = 0 if self._bounds.age is None else now - round(self._bounds.age * SECOND)
        through, dropped = 0, 0
        for row_id, put_at, samples, size in connection.execute(
            "SELECT id, put_at, samples, size FROM log ORDER BY id"
        ):
            if held <= most and put_at >= eldest:
                break
            through, dropped, held = row_id, dropped + samples, held - size
        if through:
            connection.execute("DELETE FROM log WHERE id <= ?", (through,))
            connection.execute("UPDATE log_count SET dropped = dropped + ?", (dropped,))


def decode(blob: bytes, crc: int) -> Batch:
    """Read a log row's blob. Raises ValueError when its checksum or its content is wrong."""
    if zlib.crc32(blob) != crc:
        raise ValueError("the checksum of a batch in the log is wrong")
    return Batch.from_bytes(blob)


def _row(batch: Batch, now: int) -> tuple[int, int, int, int, int, int, bytes]:
    blob = batch.compact().to_bytes()
    return now, len(batch), len(blob), int(batch.time.min()), int(batch.time.max()), zlib.crc32(blob), blob
