"""Thinning: a day's samples of some tags make room for buckets, in one transaction.

    segments that reach into the day ──▶ buckets, added to those of the period ──▶ a new file of buckets
                                     └─▶ the same segments without those rows  ──▶ new segments
    one transaction: the old files are forgotten, the new ones known, the hole noted

A crash before it leaves the old state and stray files, which `Keeper.sweep` removes; after it
everything is done. So a sample is always in a segment or in a bucket, and never in both.
"""

# ruff: noqa: S608 - what is put into the SQL is integers and our own words
from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from historian.buckets import DAY, check_step
from historian.embedded import catalogue, rolls, segments
from historian.embedded.catalogue import Listed
from historian.embedded.keeper import Keeper, cut
from historian.embedded.queries import Engine, Unreadable, between
from historian.embedded.rolls import Roll
from historian.embedded.segments import Segment
from historian.port import Dropped
from plant.clock import Clock
from plant.database import Database
from plant.errors import Unavailable

_BAND_ROWS = 500_000
_MEANT = "tag IN (SELECT tag FROM wanted)"


@dataclass(frozen=True, slots=True)
class _Work:
    """What one thinning has before it. `target`: files that the new buckets are added to."""

    ids: tuple[int, ...]
    start: int
    stop: int
    step: int
    samples: Sequence[Listed]
    finer: Sequence[Roll]
    target: Sequence[Roll]

    @property
    def files(self) -> list[Listed | Roll]:
        """Every file that is exchanged."""
        return [*self.samples, *self.finer, *self.target]

    @property
    def wanted(self) -> pa.Table:
        """The tags, as a table to join with."""
        return pa.table({"tag": pa.array(self.ids, pa.uint32())})

    @property
    def meant(self) -> str:
        """The condition that a row is to go."""
        return f"({_MEANT} AND {between(self.start, self.stop - 1)})"


class Thinner:
    """Thins when told to, one at a time and never during a merge."""

    def __init__(self, folder: Path, database: Database, engine: Engine, keeper: Keeper, *, clock: Clock) -> None:
        self._folder = folder
        self._database = database
        self._engine = engine
        self._keeper = keeper
        self._clock = clock

    def thin(self, paths: Sequence[str], day: int, step: int) -> Dropped:
        """Do what `Thinnable.thin` promises for what is sealed. Raises Unavailable, with nothing changed."""
        check_step(step)
        with self._keeper.merging:
            work = self._work(frozenset(paths), day, step)
            if not work.samples and not work.finer:
                return Dropped(bytes=0)
            self._keeper.check(work.files)
            try:
                return self._exchange(work)
            except Unreadable as error:
                self._keeper.check(work.files)
                raise Unavailable(f"cannot thin: {error}") from error

    def _work(self, paths: frozenset[str], day: int, step: int) -> _Work:
        start, stop = day * DAY, (day + 1) * DAY
        first, last = rolls.period(step, start) if step else (start, stop)
        with self._database.reading() as connection:
            ids = tuple(i for i, path in catalogue.ids(connection) if path in paths)
            listed = catalogue.segments(connection, start, stop - 1)
            rolled = rolls.listed(connection, first, last - 1)
        finer = [roll for roll in rolled if not step or roll.step < step]
        bare = _Work(ids, start, stop, step, (), (), [roll for roll in rolled if step and roll.step == step])
        samples = [one for one in listed if self._touched(one, bare)]
        finer = [one for one in finer if self._touched(one, bare)]
        return _Work(ids, start, stop, step, samples, finer, bare.target)

    def _touched(self, one: Listed | Roll, work: _Work) -> bool:
        s = one.segment
        if not work.ids or s.last < work.start or s.first >= work.stop:
            return False
        if s.tag_max < min(work.ids) or s.tag_min > max(work.ids):
            return False
        try:
            sql = f"SELECT count(*) AS n FROM (SELECT 1 FROM $files WHERE {work.meant} LIMIT 1)"
            return bool(self._engine.query(sql, [one], wanted=work.wanted).column("n")[0].as_py())
        except Unreadable as error:
            self._keeper.check([one])
            raise Unavailable(f"cannot thin: {error}") from error

    # -------------------------------------------------------------------------- the exchange
    def _exchange(self, work: _Work) -> Dropped:
        counted = self._count(work)
        bare = [*counted, *(tag for tag in self._stood_for(work) if tag not in counted)]
        stored = self._keeper.write(self._buckets(work), rolls.SCHEMA) if work.step else None
        kept = [(one, self._keeper.write(self._rest(one, work))) for one in work.samples]
        left = [(one, self._keeper.write(self._rest(one, work), rolls.SCHEMA)) for one in work.finer]
        old = [one.segment for one in work.files]
        new = [s for s in (stored, *(s for _, s in kept), *(s for _, s in left)) if s is not None]
        dropped = Dropped(
            samples=sum(counted.values()),
            buckets=sum(one.segment.rows for one in work.finer) - sum(s.rows for _, s in left if s is not None),
            bytes=self._bytes(old) - self._bytes(new),
        )
        with self._database.transaction() as connection:
            catalogue.retire(connection, [one.segment.name for one in work.samples], time.time())
            gone = [one.segment.name for one in (*work.finer, *work.target)]
            catalogue.retire(connection, gone, time.time(), table="roll")
            for one, segment in kept:
                if segment is not None:
                    catalogue.add(connection, Listed(segment, one.level))
            for step, segment in [*((roll.step, segment) for roll, segment in left), (work.step, stored)]:
                if segment is not None:
                    rolls.add(connection, Roll(segment, step))
            rolls.dig(connection, counted, work.start, work.stop, bare=False)
            if not work.step:
                rolls.dig(connection, bare, work.start, work.stop, bare=True)
            row = (self._clock.now(), work.start // DAY, work.step, dropped.samples, dropped.buckets, dropped.bytes)
            connection.execute(
                "INSERT INTO thinning (at, day, step, samples, buckets, bytes) VALUES (?, ?, ?, ?, ?, ?)", row
            )
        return dropped

    def _bytes(self, files: Sequence[Segment]) -> int:
        return sum((self._folder / one.name).stat().st_size for one in files)

    def _count(self, work: _Work) -> dict[int, int]:
        """Return how many samples of each tag go."""
        rows = f"SELECT DISTINCT tag, time FROM $files WHERE {work.meant}"
        sql = f"SELECT tag, count(*) AS n FROM ({rows}) GROUP BY tag"
        found = self._engine.query(sql, work.samples, wanted=work.wanted)
        return {row["tag"]: row["n"] for row in found.to_pylist()}

    def _stood_for(self, work: _Work) -> list[int]:
        """Return the tags for which finer buckets stand in the day."""
        sql = f"SELECT DISTINCT tag FROM $files WHERE {work.meant}"
        found: list[int] = self._engine.query(sql, work.finer, wanted=work.wanted).column("tag").to_pylist()
        return found

    def _buckets(self, work: _Work) -> Iterator[pa.Table]:
        """Yield the target's buckets with what the day adds to them, a bounded number at a time."""
        tags = set(work.ids)
        if work.target:
            tags |= set(self._engine.query("SELECT DISTINCT tag FROM $files", work.target).column("tag").to_pylist())
        first, last = rolls.period(work.step, work.start)
        size = max(1, _BAND_ROWS // ((last - first) // work.step))
        ordered = sorted(tags)
        for at in range(0, len(ordered), size):
            band = ordered[at : at + size]
            yield self._band(work, f"tag BETWEEN {band[0]} AND {band[-1]}")

    def _band(self, work: _Work, band: str) -> pa.Table:
        once = 'QUALIFY row_number() OVER (PARTITION BY tag, time ORDER BY "order" DESC) = 1'
        rows = f"SELECT * FROM $files WHERE {band} AND {work.meant} {once if len(work.samples) > 1 else ''}"
        parts: list[tuple[str, Sequence[Listed | Roll]]] = [
            (rolls.OF_SAMPLES.replace("$rows", f"({rows})"), work.samples),
            (rolls.OF_BUCKETS.replace("$rows", f"(SELECT * FROM $files WHERE {band} AND {work.meant})"), work.finer),
        ]
        found = [self._ask(sql, files, work) for sql, files in parts if files]
        if work.target:
            found.append(
                self._engine.query(f"SELECT * FROM $files WHERE {band}", work.target)
                .select(rolls.SCHEMA.names)
                .cast(rolls.SCHEMA)
            )
        together = rolls.OF_BUCKETS.replace("$rows", "found")
        return self._ask(together, (), work, found=pa.concat_tables(found))

    def _ask(self, sql: str, files: Sequence[Listed | Roll], work: _Work, **tables: pa.Table) -> pa.Table:
        laid_out = rolls.LAID_OUT.replace("$buckets", sql).replace("$step", str(work.step)) + " ORDER BY tag, time"
        table = self._engine.query(laid_out, files, wanted=work.wanted, **tables)
        return table.select(rolls.SCHEMA.names).cast(rolls.SCHEMA)

    def _rest(self, one: Listed | Roll, work: _Work) -> Iterator[pa.Table]:
        """Yield what stays of a file, sorted, a bounded number of rows at a time."""
        schema = rolls.SCHEMA if isinstance(one, Roll) else segments.SCHEMA
        counted = f"SELECT tag, count(*) AS n, min(time) AS a, max(time) AS b FROM $files WHERE NOT {work.meant}"
        tags = self._engine.query(f"{counted} GROUP BY tag ORDER BY tag", [one], wanted=work.wanted).to_pylist()
        for condition in cut(tags):
            sql = f"SELECT * FROM $files WHERE NOT {work.meant} AND {condition} ORDER BY tag, time"
            table = self._engine.query(sql, [one], wanted=work.wanted)
            yield table.select(schema.names).cast(schema)


def held(
    engine: Engine, files: Sequence[Listed | Roll], groups: Sequence[Sequence[int]], before: int
) -> list[dict[int, int]]:
    """Return how many rows each group of tags has in every UTC day that ends by `before`.

    What devices dated before 1970 belongs to no day and is never thinned.
    """
    found: list[dict[int, int]] = [{} for _ in groups]
    tags = np.concatenate([np.zeros(0, np.uint32), *(np.asarray(group, np.uint32) for group in groups)])
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    if not files or not len(tags):
        return found
    wanted = pa.table({"tag": pa.array(tags.astype(np.uint32)), "grp": pa.array(numbers)})
    end = before // DAY * DAY
    sql = f"""SELECT grp, time // {DAY} AS day, count(*) AS n FROM $files JOIN wanted USING (tag)
        WHERE time >= 0 AND time < {end} GROUP BY ALL"""
    for row in engine.query(sql, files, wanted=wanted).to_pylist():
        found[row["grp"]][row["day"]] = row["n"]
    return found


def average_bytes(folder: Path, files: Sequence[Listed | Roll]) -> float:
    """Return the bytes that a row takes on the disk; 0 without rows."""
    rows = sum(one.segment.rows for one in files)
    return sum((folder / one.segment.name).stat().st_size for one in files) / rows if rows else 0.0
