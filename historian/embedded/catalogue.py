"""The catalogue: which segments there are, what ids paths have, and the newest sample of each tag.

It lives in the same SQLite file as the log, so that one transaction takes rows out of the
log and makes the segment that holds them known: a sample is always in exactly one of them.

    log ──seal──▶ fresh segments (any times, level 0, 1, 2 …) ──settle──▶ settled segments (an hour or a day)

Settled segments never overlap each other in time; fresh ones may overlap anything. Settling
takes in every segment that reaches into its hour or day, so for one tag and time a fresh row
is always a later write than a settled one.
"""

# ruff: noqa: S608 - what is put into the SQL is the name of one of two tables
from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from historian.embedded.segments import Segment
from plant.batch import Batch, Form
from plant.batchlog import COUNTED, DERIVED, SCRIPT
from plant.database import Schema

SCHEMA = Schema(
    version=2,
    derived=DERIVED,
    counted=COUNTED,
    script=SCRIPT
    + """
CREATE TABLE IF NOT EXISTS tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    last INTEGER,                         -- latest source time of all; the rest is the latest that was not replayed
    time INTEGER, received INTEGER, value, form INTEGER, quality INTEGER, origin INTEGER, ord INTEGER);
CREATE TABLE IF NOT EXISTS segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    level INTEGER NOT NULL,               -- fresh: how often merged; settled: -1
    first INTEGER NOT NULL, last INTEGER NOT NULL,
    tag_min INTEGER NOT NULL, tag_max INTEGER NOT NULL,
    rows INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS segment_time ON segment (first, last);
CREATE TABLE IF NOT EXISTS retired (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS lost (id INTEGER PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL, at INTEGER);
CREATE TABLE IF NOT EXISTS roll (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    step INTEGER NOT NULL,                -- of its buckets, ns
    first INTEGER NOT NULL, last INTEGER NOT NULL,
    tag_min INTEGER NOT NULL, tag_max INTEGER NOT NULL,
    rows INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS roll_time ON roll (first, last);
CREATE TABLE IF NOT EXISTS hole (         -- from where samples were dropped
    id INTEGER PRIMARY KEY, tag INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    bare INTEGER NOT NULL);               -- 1: no buckets stand for them; a span of 0 covers it too
CREATE INDEX IF NOT EXISTS hole_tag ON hole (tag, start);
CREATE TABLE IF NOT EXISTS thinning (     -- what was dropped when
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL, day INTEGER NOT NULL, step INTEGER NOT NULL,
    samples INTEGER NOT NULL, buckets INTEGER NOT NULL, bytes INTEGER NOT NULL);
""",
)
SETTLED = -1


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as the catalogue lists it."""

    segment: Segment
    level: int

    @property
    def settled(self) -> bool:
        """Whether it is the only settled segment of its hour or day."""
        return self.level == SETTLED


class Newest(NamedTuple):
    """A tag's newest sample that is not a replay. Its value is as SQLite holds it: floats as bits."""

    path: str
    time: int
    received: int
    value: int | str
    form: int
    quality: int
    origin: int
    order: int


Table = Literal["segment", "roll"]
"""Which files are meant: those of samples, or of stored buckets (see `rolls`)."""


def segments(connection: sqlite3.Connection, first: int, last: int) -> list[Listed]:
    """Return the segments that may hold times `first` to `last`, inclusive, in order of time."""
    return [
        Listed(Segment(*row[1:]), row[0])
        for row in connection.execute(
            """SELECT level, name, first, last, tag_min, tag_max, rows FROM segment
               WHERE last >= ? AND first <= ? ORDER BY first, id""",
            (first, last),
        )
    ]


def add(connection: sqlite3.Connection, listed: Listed) -> None:
    """Make a segment known."""
    s = listed.segment
    connection.execute(
        "INSERT INTO segment (name, level, first, last, tag_min, tag_max, rows) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (s.name, listed.level, s.first, s.last, s.tag_min, s.tag_max, s.rows),
    )


def retire(connection: sqlite3.Connection, names: Iterable[str], at: float, *, table: Table = "segment") -> None:
    """Forget files whose rows are elsewhere or too old; they go later, readers may still use them."""
    for name in names:
        connection.execute(f"DELETE FROM {table} WHERE name = ?", (name,))
        connection.execute("INSERT INTO retired (name, at) VALUES (?, ?)", (name, at))


def level(connection: sqlite3.Connection, name: str) -> int | None:
    """Return the level of a segment, None when it is not known (any more)."""
    row = connection.execute("SELECT level FROM segment WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def lose(connection: sqlite3.Connection, name: str, at: int, *, saved: int, table: Table = "segment") -> None:
    """Record a file that cannot be read any more, less the rows of it that were saved."""
    connection.execute(
        f"INSERT INTO lost (name, rows, at) SELECT name, rows - ?, ? FROM {table} WHERE name = ?", (saved, at, name)
    )
    connection.execute(f"DELETE FROM {table} WHERE name = ?", (name,))


def register(connection: sqlite3.Connection, paths: Sequence[str]) -> None:
    """Give ids to paths that have none."""
    connection.executemany("INSERT OR IGNORE INTO tag (path) VALUES (?)", [(path,) for path in paths])


def paths(connection: sqlite3.Connection) -> list[str]:
    """Return the paths of tags that have samples."""
    return [row[0] for row in connection.execute("SELECT path FROM tag WHERE last IS NOT NULL")]


def ids(connection: sqlite3.Connection, *, after: int = 0) -> list[tuple[int, str]]:
    """Return (id, path) of every tag whose id is beyond `after`."""
    return connection.execute("SELECT id, path FROM tag WHERE id > ? ORDER BY id", (after,)).fetchall()


def advance(connection: sqlite3.Connection, newest: Batch, orders: Sequence[int]) -> None:
    """Move the newest sample of tags forward; rows that are not newer change nothing."""
    connection.executemany(
        """UPDATE tag SET time = ?2, received = ?3, value = ?4, form = ?5, quality = ?6, origin = ?7, ord = ?8
           WHERE path = ?1 AND (time IS NULL OR time < ?2 OR (time = ?2 AND ord <= ?8))""",
        [(*newest_row, order) for newest_row, order in zip(_newest_rows(newest), orders, strict=True)],
    )


def reach(connection: sqlite3.Connection, lasts: Iterable[tuple[str, int]]) -> None:
    """Note the latest source time of tags, replays included."""
    connection.executemany(
        "UPDATE tag SET last = max(coalesce(last, ?2), ?2) WHERE path = ?1",
        lasts,
    )


def _newest_rows(batch: Batch) -> Iterable[tuple[str, int, int, int | str, int, int, int]]:
    names, texts = batch.names, batch.texts
    columns = (batch.tag, batch.time, batch.received, batch.raw, batch.form, batch.quality, batch.origin)
    for tag, time, received, raw, form, quality, origin in zip(*(c.tolist() for c in columns), strict=True):
        yield names[tag], time, received, texts[raw] if form == Form.TEXT else raw, form, quality, origin


def newest(connection: sqlite3.Connection, paths: Sequence[str]) -> list[Newest]:
    """Return the newest sealed sample of those of `paths` that have one."""
    query = "SELECT path, time, received, value, form, quality, origin, ord FROM tag WHERE time IS NOT NULL"
    if len(paths) > 500:
        wanted = set(paths)
        return [Newest(*row) for row in connection.execute(query) if row[0] in wanted]
    marks = ",".join("?" * len(paths))
    return [Newest(*row) for row in connection.execute(f"{query} AND path IN ({marks})", tuple(paths))]
