"""Housekeeping of the embedded historian: seal the log, merge segments, let go of the old.

    log ──seal──▶ level 0 ──eight at a time──▶ level 1 ──▶ level 2 …    fresh: any times, newest writes
                     └───────── settle ─────────┴──▶ one segment an hour, later one a day

Sealing keeps the log short. Merging keeps the number of files small: eight fresh segments
of a level become one of the next, and once an hour is over its rows move to the segment of
that hour, once a day is over to that of the day. Rows that are too few to be worth their
own segment (late data, devices with a wrong clock) stay fresh. Every step is bounded in
memory: a merge goes through its inputs in bands of tags and time.

A crash at any point leaves either the old state and a stray file, which `sweep` removes, or
the new state and files that nothing names any more, which `purge` removes.
"""

# ruff: noqa: S608 - what is put into the SQL is integers and our own words
from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from historian.embedded import catalogue, rolls, segments
from historian.embedded.catalogue import SETTLED, Listed
from historian.embedded.queries import Engine, Unreadable, between
from historian.embedded.rolls import Roll
from historian.embedded.segments import Rows
from plant.batch import INT64_MAX, INT64_MIN, Origin
from plant.batchlog import BatchLog, Entry
from plant.clock import SECOND, Clock
from plant.errors import Unavailable

logger = logging.getLogger(__name__)

HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
ASIDE = "aside"

_SEAL_ROWS = 500_000  # of one seal: more would hold memory and the processor for too long
_SEAL_READ = 32  # log rows read at once: the log is locked while they are
_BAND_ROWS = 1_000_000
_FAN = 8  # fresh segments of a level that become one of the next
_UPSERT = 2_000  # tags moved forward in one transaction: writers wait for no more than that
_WORTH_SETTLING = 10_000
_LATE = 120 * SECOND  # after the end of an hour or a day, until it is settled
_SCRUB_REST = 50  # times as long as checking a segment took, nothing is checked

Span = tuple[int, int]
"""First and last time, inclusive."""


class Keeper:
    """Does the housekeeping when told to; `seal` and merging may run in different threads."""

    def __init__(self, folder: Path, log: BatchLog, engine: Engine, *, clock: Clock, grace: float) -> None:
        self._folder = folder
        self._log = log
        self._database = log.database
        self._engine = engine
        self._clock = clock
        self._grace = grace
        self._sealing = threading.Lock()
        self.merging = threading.RLock()
        self._settled_until = INT64_MIN
        self._scrubbed = ""
        self._scrub_after = 0.0

    # ------------------------------------------------------------------------------ seal
    def seal(self) -> int:
        """Move the oldest part of the log into a segment; return how many log rows went, 0 when it was empty.

        Raises Unavailable when the disk does not take it; the log keeps everything then.
        """
        with self._sealing:
            entries = self._oldest()
            if not entries:
                return 0
            rows = Rows.join([Rows(e.batch, np.full(len(e.batch), e.id, np.int64)) for e in entries])
            with self._database.transaction() as connection:
                catalogue.register(connection, [rows.batch.names[i] for i in np.unique(rows.batch.tag).tolist()])
                known = {path: i for i, path in catalogue.ids(connection)}
            ids = np.array([known.get(name, 0) for name in rows.batch.names], np.uint32)
            chosen = segments.settle(ids[rows.batch.tag], rows.batch.time, rows.order)
            if chosen is not None:
                rows = Rows(rows.batch.take(chosen), rows.order[chosen])
            segment = self.write([segments.to_table(rows, ids)])
            self._advance(rows)
            with self._database.transaction() as connection:
                if segment is not None:
                    catalogue.add(connection, Listed(segment, 0))
                self._log.forget(entries[-1].id)
            return len(entries)

    def _oldest(self) -> list[Entry]:
        entries: list[Entry] = []
        held = 0
        while held < _SEAL_ROWS:
            more = self._log.oldest(_SEAL_READ, after=entries[-1].id if entries else 0)
            if not more:
                break
            for entry in more:
                entries.append(entry)
                held += len(entry.batch)
                if held >= _SEAL_ROWS:
                    break
        return entries

    def _advance(self, rows: Rows) -> None:
        """Move the newest samples forward, some tags at a time; the log still has the rows, so order is free."""
        batch = rows.batch
        live = np.flatnonzero((batch.origin & Origin.REPLAYED) == 0)
        newest = live[np.flatnonzero(np.append(np.diff(batch.tag[live].astype(np.int64)) != 0, True))[: len(live)]]
        ends = np.flatnonzero(np.append(np.diff(batch.tag.astype(np.int64)) != 0, True))
        lasts = [(batch.names[batch.tag[i]], int(batch.time[i])) for i in ends.tolist()]
        for at in range(0, len(lasts), _UPSERT):
            some = newest[at : at + _UPSERT]
            with self._database.transaction() as connection:
                catalogue.reach(connection, lasts[at : at + _UPSERT])
                catalogue.advance(connection, batch.take(some), rows.order[some].tolist())

    # ----------------------------------------------------------------------------- merge
    def merge(self) -> bool:
        """Do the most useful merge there is; return whether there was one.

        Raises Unavailable when the disk does not take it or an input is damaged; a damaged
        one is put aside, so that the next call can go on without it.
        """
        with self.merging:
            listed = self.listed()
            closed = (self._clock.now() - _LATE) // HOUR * HOUR
            levels: dict[int, list[Listed]] = defaultdict(list)
            for one in listed:
                levels[one.level].append(one)
            full = [level for level in sorted(levels) if level != SETTLED and len(levels[level]) >= _FAN]
            if closed > self._settled_until or (full and full[-1] >= 2):
                self._settled_until = closed
                if self._settle(listed, closed):
                    return True
            if not full:
                return False
            inputs = levels[full[0]][:_FAN]
            self._replace(inputs, [(full[0] + 1, (INT64_MIN, INT64_MAX))])
            return True

    def _settle(self, listed: Sequence[Listed], closed: int) -> bool:
        targets = self._targets(listed, closed)
        if not targets:
            return False
        inputs = [one for one in listed if any(_meet(one, target) for target in targets)]
        level = max((one.level for one in inputs), default=0)
        edges = [INT64_MIN - 1, *(edge for target in targets for edge in (target[0] - 1, target[1])), INT64_MAX]
        rest = [(a + 1, b) for a, b in list(pairwise(edges))[::2] if b > a]
        self._replace(inputs, [(SETTLED, target) for target in targets], rest=rest, rest_level=max(level, 0))
        return True

    def _targets(self, listed: Sequence[Listed], closed: int) -> list[Span]:
        """Return the hours and days, in order, that are over and worth a settled segment of their own."""
        fresh = [one for one in listed if not one.settled and one.segment.last >= 0 and one.segment.first < closed]
        counted = f"SELECT time // {HOUR} AS hour, count(*) AS n FROM $files WHERE time >= 0 AND time < {closed}"
        table = self._read(f"{counted} GROUP BY hour", fresh)
        hours = dict(zip(table.column("hour").to_pylist(), table.column("n").to_pylist(), strict=True))
        today = closed // DAY
        gains: dict[Span, int] = defaultdict(int)
        for hour, n in hours.items():
            day = hour * HOUR // DAY
            gains[_span(day, DAY) if day < today else _span(hour, HOUR)] += n
        parts: dict[Span, int] = defaultdict(int)
        held: dict[Span, int] = defaultdict(int)
        for one in listed:
            if one.settled:
                day = one.segment.first // DAY
                span = _span(day, DAY) if day < today else _span(one.segment.first // HOUR, HOUR)
                parts[span] += 1
                held[span] += one.segment.rows
        return sorted(
            span
            for span in gains.keys() | parts.keys()
            if parts[span] > 1 or gains[span] >= max(_WORTH_SETTLING, held[span] // 10)
        )

    def _replace(
        self,
        inputs: Sequence[Listed],
        outputs: Sequence[tuple[int, Span]],
        *,
        rest: Sequence[Span] = (),
        rest_level: int = 0,
    ) -> None:
        """Write the rows of `inputs` anew, one segment a span and one for the rest, and exchange them."""
        self.check(inputs)
        written = [(level, self.write(self._bands(inputs, [span]))) for level, span in outputs]
        fresh = [one for one in inputs if not one.settled]
        written.append((rest_level, self.write(self._bands(fresh, rest))))
        with self._database.transaction() as connection:
            catalogue.retire(connection, [one.segment.name for one in inputs], time.time())
            for level, segment in written:
                if segment is not None:
                    catalogue.add(connection, Listed(segment, level))

    def _bands(self, inputs: Sequence[Listed], spans: Sequence[Span]) -> Iterator[pa.Table]:
        """Yield the inputs' rows within the spans, sorted and each once, a bounded number at a time."""
        if not spans or not inputs:
            return
        within = " OR ".join(between(first, last) for first, last in spans)
        inputs = [one for one in inputs if any(_meet(one, span) for span in spans)]
        counted = f"SELECT tag, count(*) AS n, min(time) AS a, max(time) AS b FROM $files WHERE {within}"
        for condition in cut(self._read(f"{counted} GROUP BY tag ORDER BY tag", inputs).to_pylist()):
            table = self._read(f"SELECT * FROM $files WHERE ({within}) AND {condition}", inputs)
            tag, moment, order = (table.column(c).to_numpy() for c in ("tag", "time", "order"))
            chosen = segments.settle(tag, moment, order)
            yield (table if chosen is None else table.take(pa.array(chosen))).cast(segments.SCHEMA)

    def _read(self, sql: str, inputs: Sequence[Listed]) -> pa.Table:
        try:
            return self._engine.query(sql, inputs)
        except Unreadable as error:
            self.check(inputs)
            raise Unavailable(f"cannot merge: {error}") from error

    def check(self, inputs: Sequence[Listed | Roll]) -> None:
        """Put damaged segments aside and raise Unavailable; nothing else may be made of them.

        DuckDB does not compare checksums, so merging would make damage permanent.
        """
        damaged = [name for name in (one.segment.name for one in inputs) if not self._engine.sound(name)]
        for name in damaged:
            self.lose(name)
        if damaged:
            raise Unavailable(f"cannot merge: damaged and put aside: {', '.join(damaged)}")

    def write(self, tables: Iterable[pa.Table], schema: pa.Schema = segments.SCHEMA) -> segments.Segment | None:
        """Write a file as `segments.write` does. Raises Unavailable when the disk does not take it."""
        try:
            return segments.write(self._folder, tables, schema)
        except OSError as error:
            raise Unavailable(f"{self._folder}: {error.strerror or error}") from error

    def listed(self) -> list[Listed]:
        """Return every segment there is, in order of time."""
        with self._database.reading() as connection:
            return catalogue.segments(connection, INT64_MIN, INT64_MAX)

    def scrub(self) -> str | None:
        """Check one segment against its checksums, the next one at the next call; return its name when it was damaged.

        Does nothing while the last check has not been made up for, so that checking never
        takes more than a fiftieth of a processor.
        """
        if time.monotonic() < self._scrub_after:
            return None
        names = self._names()
        name = next((n for n in names if n > self._scrubbed), names[0] if names else "")
        began = time.monotonic()
        damaged = bool(name) and not self._engine.sound(name)
        self._scrubbed = name
        self._scrub_after = time.monotonic() + _SCRUB_REST * (time.monotonic() - began)
        if not damaged or name not in self._names():
            return None
        self.lose(name)
        return name

    def _names(self) -> list[str]:
        with self._database.reading() as connection:
            found = connection.execute("SELECT name FROM segment UNION SELECT name FROM roll ORDER BY name")
            return [row[0] for row in found]

    # ------------------------------------------------------------------- letting go of files
    def purge(self) -> int:
        """Delete retired files that no reader can still be using; return how many."""
        before = time.time() - self._grace
        with self._database.reading() as connection:
            names = [r[0] for r in connection.execute("SELECT name FROM retired WHERE at <= ?", (before,))]
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
        if names:
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM retired WHERE name = ?", [(name,) for name in names])
        return len(names)

    def sweep(self) -> int:
        """Remove files that a crash left behind and nothing names; return how many.

        After a rescue the catalogue may have forgotten good segments: then they are put aside, not deleted.
        """
        with self._database.reading() as connection:
            named = "SELECT name FROM segment UNION SELECT name FROM roll UNION SELECT name FROM retired"
            known = {r[0] for r in connection.execute(named)}
            rescued = connection.execute("SELECT count(*) FROM rescued").fetchone()[0] > 0
        strays = [file for file in self._folder.iterdir() if file.is_file() and file.name not in known]
        for file in strays:
            if rescued and file.suffix == ".parquet":
                self._put_aside(file.name)
            else:
                file.unlink()
        return len(strays)

    def lose(self, name: str) -> None:
        """Put a damaged segment aside, keep the parts of it that are sound, and record the others as lost.

        Raises Unavailable, with nothing changed, when the disk does not take the parts.
        """
        with self.merging:  # else a merge under way could bring back what is kept here, a second time
            with self._database.reading() as connection:
                level, step = catalogue.level(connection, name), rolls.step(connection, name)
            if level is None and step is None:
                return
            schema = segments.SCHEMA if step is None else rolls.SCHEMA
            kept = self.write(segments.sound_parts(self._folder / name, schema), schema)
            saved = 0 if kept is None else kept.rows
            with self._database.transaction() as connection:
                table: catalogue.Table = "segment" if step is None else "roll"
                catalogue.lose(connection, name, self._clock.now(), saved=saved, table=table)
                if kept is not None and level is not None:
                    catalogue.add(connection, Listed(kept, level))
                elif kept is not None and step is not None:
                    rolls.add(connection, Roll(kept, step))
            self._put_aside(name)
        aside = self._folder.parent / ASIDE
        logger.error("segment %s is damaged and was put aside in %s; %d of its samples were saved", name, aside, saved)

    def _put_aside(self, name: str) -> None:
        aside = self._folder.parent / ASIDE
        aside.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            (self._folder / name).rename(aside / name)


def _span(index: int, length: int) -> Span:
    return index * length, index * length + length - 1


def _meet(one: Listed, span: Span) -> bool:
    return one.segment.first <= span[1] and one.segment.last >= span[0]


def cut(tags: Sequence[dict[str, int]]) -> Iterator[str]:
    """Yield conditions that cut rows, counted by tag, into bands of tags, and large tags into bands of time."""
    held, low, high = 0, None, 0
    for row in tags:
        tag, n = row["tag"], row["n"]
        if low is not None and held + n > _BAND_ROWS:
            yield f"tag BETWEEN {low} AND {high}"
            held, low = 0, None
        if n > _BAND_ROWS:
            slices = -(-n // _BAND_ROWS)
            edges = [row["a"] + (row["b"] + 1 - row["a"]) * i // slices for i in range(slices + 1)]
            yield from (f"tag = {tag} AND time BETWEEN {a} AND {b - 1}" for a, b in pairwise(edges))
            continue
        held, low, high = held + n, tag if low is None else low, tag
    if low is not None:
        yield f"tag BETWEEN {low} AND {high}"
