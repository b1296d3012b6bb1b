"""Stored buckets of the embedded historian: their files, and the questions asked of them.

A file holds the buckets of one step and one period (a day for fine steps, 32 days for coarse
ones), sorted by tag, then time. Beside what `Buckets` has, a row keeps the newest sample it
stands for in full (`end_…`), so that what was in force when a window began stays known.
Rows are sums that can be added: two of a tag and bucket make one.
"""

# ruff: noqa: S608 - what is put into the SQL is integers and our own words
from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from historian.buckets import DAY
from historian.embedded import segments
from historian.embedded.segments import Rows, Segment
from historian.port import Buckets
from plant.batch import Floats, Ints
from plant.clock import SECOND

_END = (
    ("time", pa.int64()),
    ("late", pa.int64()),
    ("number", pa.float64()),
    ("integer", pa.int64()),
    ("text", pa.string()),
    ("quality", pa.uint32()),
    ("form", pa.uint8()),
    ("origin", pa.uint8()),
)
SCHEMA = pa.schema(
    [
        ("tag", pa.uint32()),
        ("time", pa.int64()),
        ("step", pa.int64()),
        *((name, pa.int64()) for name in ("count", "usable", "good", "numbers")),
        *((name, pa.float64()) for name in ("minimum", "maximum", "total", "first", "last")),
        ("first_at", pa.int64()),
        ("last_at", pa.int64()),
        ("quality", pa.uint32()),
        ("origin", pa.uint8()),
        *((f"end_{name}", kind) for name, kind in _END),
    ]
)
_FINE = 600 * SECOND
_COARSE_PERIOD = 32 * DAY
_USABLE, _GOOD = "quality < 2147483648", "quality < 1073741824"
_FIT = f"{_USABLE} AND number IS NOT NULL AND NOT isnan(number)"
_ENDS = ", ".join(f"n.{name} AS end_{name}" for name, _ in _END)

_SAMPLE_ROW = ", ".join(f"'{name}': rows.{name}" for name, _ in _END)
_BUCKET_ROW = ", ".join(f"'{name}': rows.end_{name}" for name, _ in _END)

OF_SAMPLES = f"""SELECT tag, time // $step * $step AS time, $step::BIGINT AS step,
    count(*) AS count, count(*) FILTER ({_USABLE}) AS usable, count(*) FILTER ({_GOOD}) AS good,
    count(*) FILTER ({_FIT}) AS numbers, min(number) FILTER ({_FIT}) AS minimum,
    max(number) FILTER ({_FIT}) AS maximum, sum(number) FILTER ({_FIT}) AS total,
    arg_min(number, time) FILTER ({_FIT}) AS first, arg_max(number, time) FILTER ({_FIT}) AS last,
    min(time) FILTER ({_FIT}) AS first_at, max(time) FILTER ({_FIT}) AS last_at,
    max(quality) AS quality, bit_or(origin) AS origin,
    arg_max({{{_SAMPLE_ROW}}}, time) AS n
    FROM $rows AS rows GROUP BY ALL"""
"""Buckets of `$step` of the samples in `$rows`."""
OF_BUCKETS = f"""SELECT tag, time // $step * $step AS time, $step::BIGINT AS step,
    sum(count) AS count, sum(usable) AS usable, sum(good) AS good, sum(numbers) AS numbers,
    min(minimum) AS minimum, max(maximum) AS maximum, sum(total) AS total,
    arg_min("first", first_at) AS first, arg_max("last", last_at) AS last,
    min(first_at) AS first_at, max(last_at) AS last_at, max(quality) AS quality, bit_or(origin) AS origin,
    arg_max({{{_BUCKET_ROW}}}, end_time) AS n
    FROM $rows AS rows GROUP BY ALL"""
"""Buckets of `$step` of the finer ones, or of that step, in `$rows`."""
LAID_OUT = f"SELECT * EXCLUDE (n), {_ENDS} FROM ($buckets)"
"""Either of those as `SCHEMA` has it."""


@dataclass(frozen=True, slots=True)
class Roll:
    """One file of buckets; `segment` gives the times at which its buckets begin."""

    segment: Segment
    step: int


@dataclass(frozen=True, slots=True)
class Thinning:
    """What was dropped, ever: samples, buckets that coarser ones or none replaced, bytes; `at`: the last time, ns."""

    samples: int = 0
    buckets: int = 0
    bytes: int = 0
    at: int | None = None


def totals(connection: sqlite3.Connection) -> Thinning:
    """Sum up what was dropped."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < 2:
        return Thinning()
    sums = "coalesce(sum(samples), 0), coalesce(sum(buckets), 0), coalesce(sum(bytes), 0), max(at)"
    return Thinning(*connection.execute(f"SELECT {sums} FROM thinning").fetchone())


def period(step: int, moment: int) -> tuple[int, int]:
    """Return the span whose buckets of a step share a file."""
    length = DAY if step < _FINE else _COARSE_PERIOD
    return moment // length * length, (moment // length + 1) * length


# ------------------------------------------------------------------------------- the catalogue
def listed(connection: sqlite3.Connection, first: int, last: int) -> list[Roll]:
    """Return the files that may hold buckets which begin within `first` to `last`, inclusive, in order of time."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < 2:
        return []  # an older version wrote here, and nobody has brought it up yet
    return [
        Roll(Segment(*row[1:]), row[0])
        for row in connection.execute(
            """SELECT step, name, first, last, tag_min, tag_max, rows FROM roll
               WHERE last >= ? AND first <= ? ORDER BY first, id""",
            (first, last),
        )
    ]


def add(connection: sqlite3.Connection, roll: Roll) -> None:
    """Make a file known."""
    s = roll.segment
    connection.execute(
        "INSERT INTO roll (name, step, first, last, tag_min, tag_max, rows) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (s.name, roll.step, s.first, s.last, s.tag_min, s.tag_max, s.rows),
    )


def step(connection: sqlite3.Connection, name: str) -> int | None:
    """Return the step of a file, None when it is not known (any more)."""
    row = connection.execute("SELECT step FROM roll WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


class Hole(NamedTuple):
    """A span from which samples of a tag were dropped. `bare`: no buckets stand for them."""

    tag: int
    start: int
    stop: int
    bare: bool


def dig(connection: sqlite3.Connection, ids: Iterable[int], start: int, stop: int, *, bare: bool) -> None:
    """Note that samples of some tags were dropped from a span; spans that touch become one."""
    for tag in ids:
        touching = connection.execute(
            "SELECT id, start, stop FROM hole WHERE tag = ? AND bare = ? AND start <= ? AND stop >= ?",
            (tag, bare, stop, start),
        ).fetchall()
        low = min([start, *(row[1] for row in touching)])
        high = max([stop, *(row[2] for row in touching)])
        connection.executemany("DELETE FROM hole WHERE id = ?", [(row[0],) for row in touching])
        connection.execute("INSERT INTO hole (tag, start, stop, bare) VALUES (?, ?, ?, ?)", (tag, low, high, bare))


def holes(connection: sqlite3.Connection, ids: Sequence[int], first: int, last: int) -> list[Hole]:
    """Return the holes of some tags that meet a span, both ends included, in order of tag, then time."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < 2:
        return []
    query = "SELECT tag, start, stop, bare FROM hole WHERE start <= ? AND stop > ? ORDER BY tag, start"
    wanted = set(ids) - {0}
    found = (Hole(row[0], row[1], row[2], bool(row[3])) for row in connection.execute(query, (last, first)))
    return [hole for hole in found if hole.tag in wanted]


# ------------------------------------------------------------------------------------ answers
def to_buckets(table: pa.Table) -> Buckets:
    """Give rows of one tag as buckets, in order of time, then step."""
    table = table.sort_by([("time", "ascending"), ("step", "ascending")])

    def ints(name: str) -> Ints:
        values: Ints = table.column(name).to_numpy().astype(np.int64, copy=False)
        return values

    def floats(name: str) -> Floats:
        values: Floats = table.column(name).to_numpy().astype(np.float64, copy=False)
        return values

    quality: npt.NDArray[np.uint32] = table.column("quality").to_numpy()
    origin: npt.NDArray[np.uint8] = table.column("origin").to_numpy()
    return Buckets(
        start=ints("time"),
        step=ints("step"),
        count=ints("count"),
        usable=ints("usable"),
        good=ints("good"),
        numbers=ints("numbers"),
        minimum=floats("minimum"),
        maximum=floats("maximum"),
        total=np.where(ints("numbers") > 0, floats("total"), 0.0),
        first=floats("first"),
        last=floats("last"),
        quality=quality,
        origin=origin,
    )


def ends(table: pa.Table, paths: Sequence[str], ids: Sequence[int]) -> Rows:
    """Give the newest sample that each row stands for."""
    columns = [table.column("tag"), *(table.column(f"end_{name}") for name, _ in _END)]
    samples = pa.table(columns, names=["tag", *(name for name, _ in _END)])
    samples = samples.append_column("order", pa.array(np.full(len(table), -1, np.int64)))
    return segments.from_table(samples.select(segments.SCHEMA.names).cast(segments.SCHEMA), paths, ids)
