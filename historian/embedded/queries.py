"""The questions, in SQL: each works on one consistent view of segments and log tail.

Where a sample may be in two places (written twice, or late), the row with the highest
`order` holds. Settled segments never overlap each other, and whatever is fresh is newer than
what is settled for the same time; so a rollup sums settled segments up inside DuckDB, less
the rows that fresher ones replace.
"""

# ruff: noqa: S608 - what is put into the SQL is integers and our own words
from __future__ import annotations

import errno
import glob
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from historian.buckets import none
from historian.embedded import rolls, segments
from historian.embedded.catalogue import Listed
from historian.embedded.rolls import Hole, Roll
from historian.embedded.segments import Rows, Segment
from historian.embedded.tail import Piece
from historian.port import Buckets, Rollup
from plant.batch import INT64_MAX, INT64_MIN, Batch, Ints
from plant.errors import Unavailable


class Unreadable(Exception):
    """A segment is gone or damaged; which one, only looking at them tells."""


_SHORTAGES = tuple(os.strerror(code) for code in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES))
_COLUMNS = ", ".join(f'"{name}"' for name in segments.SCHEMA.names)
_AGAIN = 0.05
_USABLE = "quality < 2147483648"
_SUMS = f"""count(*) AS count, count(*) FILTER ({_USABLE}) AS usable,
    min(number) FILTER (fit) AS minimum, max(number) FILTER (fit) AS maximum, avg(number) FILTER (fit) AS mean,
    arg_max(number, time) FILTER (fit) AS last, max(quality) AS quality,
    count(*) FILTER (fit) AS numbers, max(time) FILTER (fit) AS last_at"""
_FIT = f"{_USABLE} AND number IS NOT NULL AND NOT isnan(number)"


@dataclass(frozen=True, slots=True)
class View:
    """A consistent state of the historian for one query.

    `wanted`: the asked paths and their place in the answer. `ids`: the catalogue's id of
    each, 0 if it has none. `rolls`: files of stored buckets. `holes`: from where samples of wanted
    tags were dropped.
    """

    listed: Sequence[Listed]
    pieces: Sequence[Piece]
    wanted: Mapping[str, int]
    ids: Sequence[int]
    rolls: Sequence[Roll] = ()
    holes: Sequence[Hole] = ()

    def tail(self, first: int, last: int) -> list[Rows]:
        """Return the wanted rows of the log's tail between two times, inclusive."""
        return [rows for piece in self.pieces if (rows := piece.of(self.wanted, first, last))]


class Engine:
    """An in-memory DuckDB that reads the segments in `folder`; safe to use from any thread."""

    def __init__(self, folder: Path, *, memory_limit: str, threads: int) -> None:
        self._folder = folder
        self._asked: set[duckdb.DuckDBPyConnection] = set()
        self._change = threading.Condition()
        self._closed = False
        self._duck = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "temp_directory": str(folder.parent / "temporary"),
            }
        )
        self._duck.execute("SET parquet_metadata_cache = true")
        # Parquet's bounds leave NaN out, and DuckDB 2.0 concludes from them that `isnan` is false.
        self._duck.execute("SET disabled_optimizers = 'statistics_propagation'")

    def query(self, sql: str, listed: Iterable[Listed | Roll], **tables: pa.Table) -> pa.Table:
        """Run a query in which `$files` stands for the rows of the listed files, all segments or all of buckets.

        Raises Unreadable when one of them is gone or damaged, Unavailable when memory or files do not suffice,
        or when the engine is closed meanwhile.
        """
        files = [str(self._folder / one.segment.name) for one in listed]
        quoted = ", ".join("'" + glob.escape(file).replace("'", "''") + "'" for file in files)
        with self._asking() as cursor:
            try:
                for name, table in tables.items():
                    cursor.register(name, table)
                if not files:
                    cursor.register("nothing", segments.SCHEMA.empty_table())
                source = f"read_parquet([{quoted}])" if files else "nothing"
                return cursor.sql(sql.replace("$files", source)).to_arrow_table()
            except duckdb.InterruptException as error:
                raise Unavailable("the historian was closed before the question was answered") from error
            except duckdb.OutOfMemoryException as error:
                raise Unavailable(f"the question needs more memory than DuckDB may use: {error}") from error
            except duckdb.Error as error:
                if any(shortage in str(error) for shortage in _SHORTAGES):
                    raise Unavailable(str(error)) from error
                raise Unreadable(str(error)) from error

    def sound(self, name: str) -> bool:
        """Return whether a segment can be read to its end and every page matches its checksum.

        Raises Unavailable when that cannot be told now.
        """
        if not segments.sound(self._folder / name):
            return False
        try:
            self.query("SELECT bit_xor(hash(COLUMNS(*))) FROM $files", [Listed(Segment(name, 0, 0, 0, 0, 0), 0)])
        except Unreadable:
            return False
        return True

    def close(self) -> None:
        """Break off the questions being asked, and release DuckDB, which refuses to go while one of them runs."""
        with self._change:
            self._closed = True
            while self._asked:
                for cursor in self._asked:
                    cursor.interrupt()
                self._change.wait(_AGAIN)  # one that had not begun to run heard nothing
        self._duck.close()

    @contextmanager
    def _asking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._change:
            if self._closed:
                raise Unavailable("the historian is closed")
            cursor = self._duck.cursor()
            self._asked.add(cursor)
        try:
            yield cursor
        finally:
            with self._change:
                cursor.close()
                self._asked.discard(cursor)
                self._change.notify_all()


def history(engine: Engine, view: View, first: int, last: int) -> Rows:
    """Return the wanted rows between two times, inclusive, sorted by tag, then time, each time once."""
    return Rows.join([_stored(engine, view, view.listed, first, last), *view.tail(first, last)]).settled()


def before(engine: Engine, view: View, last: int) -> Rows:
    """Return each wanted tag's newest row not later than `last`.

    Goes back from the newest segment in groups that double, and stops when no segment left
    reaches as far as what was found.
    """
    found = _last_of_each(Rows.join(view.tail(INT64_MIN, last)).settled())
    remaining = sorted(view.listed, key=lambda listed: listed.segment.last)
    ids = np.array(view.ids)
    size = 1
    while remaining:
        newest = np.full(len(ids), INT64_MIN)
        newest[found.batch.tag] = found.batch.time
        reached = np.isin(np.arange(len(ids)), found.batch.tag) & (newest > remaining[-1].segment.last)
        sought = ids[(ids > 0) & ~reached]
        if not len(sought):
            break
        group, remaining = remaining[-size:], remaining[:-size]
        sql = f"""SELECT {_COLUMNS} FROM $files SEMI JOIN (SELECT tag, max(time) AS time FROM $files
            WHERE {_among(sought.tolist())} AND time <= {last} GROUP BY tag) USING (tag, time)"""
        rows = segments.from_table(engine.query(sql, group), tuple(view.wanted), view.ids)
        found = _last_of_each(Rows.join([found, rows]).settled())
        size *= 2
    return _past_holes(engine, view, last, found) if view.holes else found


def _past_holes(engine: Engine, view: View, last: int, found: Rows) -> Rows:
    """Put what stored buckets say last in place of older rows; nothing where samples went without buckets since."""
    rank = {tag: place for place, tag in enumerate(view.ids) if tag}
    reach = {hole.tag: hole.stop for hole in view.holes if not hole.bare}  # of several the newest, as they are in order
    remaining = sorted((roll for roll in view.rolls if roll.segment.first <= last), key=_ends)
    size = 1
    while remaining:
        newest = _newest(found)
        sought = [
            tag for tag, stop in reach.items() if newest.get(rank[tag], INT64_MIN) < min(stop, _ends(remaining[-1]))
        ]
        if not sought:
            break
        group, remaining = remaining[-size:], remaining[:-size]
        sql = f"""SELECT * FROM $files WHERE {_among(sought)} AND end_time <= {last}
            QUALIFY row_number() OVER (PARTITION BY tag ORDER BY end_time DESC) = 1"""
        rows = rolls.ends(engine.query(sql, group), tuple(view.wanted), view.ids)
        found = _last_of_each(Rows.join([found, rows]).settled())
        size *= 2
    bare = {rank[hole.tag]: hole.start for hole in view.holes if hole.bare}
    known = np.array([time >= bare.get(place, INT64_MIN) for place, time in _newest(found).items()], np.bool_)
    return Rows(found.batch.take(np.flatnonzero(known)), found.order[known])


def _ends(roll: Roll) -> int:
    return roll.segment.last + roll.step


def _newest(rows: Rows) -> dict[int, int]:
    """Return when each tag's row is, of rows that are one a tag; in their order."""
    return dict(zip(rows.batch.tag.tolist(), rows.batch.time.tolist(), strict=True))


def stored(engine: Engine, view: View, first: int, last: int) -> Buckets:
    """Return the stored buckets of the one wanted tag that begin between two times, inclusive."""
    if not view.rolls:
        return none()
    sql = f"SELECT * FROM $files WHERE {_among(view.ids)} AND {between(first, last)}"
    return rolls.to_buckets(engine.query(sql, view.rolls))


def counts(engine: Engine, view: View, first: int, last: int) -> Mapping[str, int]:
    """Return how many rows each wanted tag has between two times, superseded ones included."""
    sql = f"""SELECT tag, count(*) AS n FROM $files
        WHERE {_among(view.ids)} AND {between(first, last)} GROUP BY tag"""
    names = dict(zip(view.ids, view.wanted, strict=True))
    found = {names[row["tag"]]: int(row["n"]) for row in engine.query(sql, view.listed).to_pylist()}
    for rows in view.tail(first, last):
        tags, sizes = np.unique(rows.batch.tag, return_counts=True)
        for tag, size in zip(tags.tolist(), sizes.tolist(), strict=True):
            path = rows.batch.names[tag]
            found[path] = found.get(path, 0) + size
    return found


def rollup(engine: Engine, view: View, start: int, stop: int, result: Rollup) -> Rollup:
    """Fill `result`, which is empty, with the sums of the one wanted tag."""
    fresh = [listed for listed in view.listed if not listed.settled]
    settled = [listed for listed in view.listed if listed.settled]
    parts = view.tail(start, stop - 1)
    if fresh:
        parts = [_stored(engine, view, fresh, start, stop - 1), *parts]
    rows = Rows.join(parts).settled()
    overlay = pa.table(
        {
            "time": pa.array(rows.batch.time),
            "number": pa.array(rows.batch.numbers),
            "quality": pa.array(rows.batch.quality),
        }
    )
    sql = _rollup_sql(view, rows.batch, start, stop, len(result.start))
    table = engine.query(sql, settled, overlay=overlay)
    at = table.column("bucket").to_numpy().astype(np.int64)
    for name in ("count", "usable", "minimum", "maximum", "mean", "last", "quality"):
        getattr(result, name)[at] = table.column(name).to_numpy()
    if view.rolls:
        numbers, last_at = (_spread(table, name, at, len(result.start)) for name in ("numbers", "last_at"))
        _add_stored(engine, view, (start, stop), result, numbers=numbers, last_at=last_at)
    return result


def _add_stored(
    engine: Engine, view: View, window: tuple[int, int], result: Rollup, *, numbers: Ints, last_at: Ints
) -> None:
    """Add the stored buckets that begin in the window to what its samples came to.

    `numbers`, `last_at`: how many numbers the samples of each part had, and when the last was.
    """
    start, stop = window
    sql = f"""SELECT {_part("time", start, stop, len(result.start))} AS bucket, sum(count) AS count,
        sum(usable) AS usable, sum(numbers) AS numbers, min(minimum) AS minimum, max(maximum) AS maximum,
        sum(total) AS total, arg_max(last, last_at) AS last, max(last_at) AS last_at, max(quality) AS quality,
        max(step) AS step
        FROM $files WHERE {_among(view.ids)} AND {between(start, stop - 1)} GROUP BY bucket"""
    table = engine.query(sql, view.rolls)
    at = table.column("bucket").to_numpy().astype(np.int64)
    column = {name: table.column(name).to_numpy() for name in table.column_names}
    for name, join in (("count", np.add), ("usable", np.add), ("quality", np.maximum), ("step", np.maximum)):
        mine = getattr(result, name)
        mine[at] = join(mine[at], column[name].astype(mine.dtype))
    result.minimum[at] = np.fmin(result.minimum[at], column["minimum"])
    result.maximum[at] = np.fmax(result.maximum[at], column["maximum"])
    here, more = numbers[at], column["numbers"].astype(np.int64)
    sums = np.where(here > 0, result.mean[at] * here, 0.0) + np.where(more > 0, column["total"], 0.0)
    result.mean[at] = np.where(here + more > 0, sums / np.maximum(here + more, 1), np.nan)
    later = np.nan_to_num(column["last_at"].astype(np.float64), nan=-np.inf) > last_at[at]
    result.last[at] = np.where((more > 0) & (later | (here == 0)), column["last"], result.last[at])


def _spread(table: pa.Table, name: str, at: Ints, size: int) -> Ints:
    found = np.full(size, INT64_MIN if name == "last_at" else 0, np.int64)
    found[at] = table.column(name).fill_null(INT64_MIN).to_numpy()
    return found


def _rollup_sql(view: View, overlay: Batch, start: int, stop: int, buckets: int) -> str:
    rows = f"SELECT time, number, quality FROM $files WHERE {_among(view.ids)} AND {between(start, stop - 1)}"
    if len(overlay):
        rows = f"SELECT * FROM ({rows}) ANTI JOIN overlay USING (time) UNION ALL SELECT * FROM overlay"
    return f"""WITH held AS ({rows}),
        placed AS (SELECT *, {_part("time", start, stop, buckets)} AS bucket, {_FIT} AS fit FROM held)
        SELECT bucket, {_SUMS} FROM placed GROUP BY bucket"""


def _part(column: str, start: int, stop: int, buckets: int) -> str:
    span = stop - start
    time = column if span * buckets <= INT64_MAX else f"{column}::HUGEINT"
    return f"(({time} - {start}) * {buckets}) // {span}"


def between(first: int, last: int) -> str:
    """Write the condition that a row's time is in a span, both ends included."""
    # 2**63 is no BIGINT to the parser, even with a minus before it: it would widen the whole column.
    low = "true" if first <= INT64_MIN else f"time >= {first}"
    return f"({low} AND time <= {last})"


def _stored(engine: Engine, view: View, listed: Sequence[Listed], first: int, last: int) -> Rows:
    # In the order of the files, which is that of time: mostly nothing is left to sort.
    sql = f"SELECT {_COLUMNS} FROM $files WHERE {_among(view.ids)} AND {between(first, last)}"
    return segments.from_table(engine.query(sql, listed), tuple(view.wanted), view.ids)


def _last_of_each(rows: Rows) -> Rows:
    tag = rows.batch.tag
    ends = np.flatnonzero(np.append(tag[1:] != tag[:-1], True)) if len(tag) else np.zeros(0, np.int64)
    return Rows(rows.batch.take(ends), rows.order[ends])


def _among(ids: Sequence[int]) -> str:
    known = sorted({int(i) for i in ids} - {0}) or [0]
    if len(known) == 1:
        return f"tag = {known[0]}"
    return f"tag BETWEEN {known[0]} AND {known[-1]} AND tag IN ({', '.join(map(str, known))})"
