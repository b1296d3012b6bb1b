"""Thinning in an InfluxDB: no transactions there, so a ledger says what holds, and each step can be done again.

    samples of a day ─▶ buckets in the free slot ─▶ read back ─▶ ledger: this slot holds, samples are to go
                        ─▶ samples and the old slot are deleted ─▶ gone? ─▶ ledger: done

The ledger is a point for each thinned day of a tag, written whole, and that point is the moment
at which buckets take the samples' place. Broken off before it, all is as it was, and what lies in
the free slot means nothing. Broken off after it, the samples that are still there are counted
already: they are left out of sums, and deleted before anything else is written to that day.

A deletion knows no samples, only a span; so while a day of a tag is thinned, nothing that this
process writes gets into it. What others write into the server themselves, into a day that old
and in the moment between the last count and the deletion, is beyond us.
"""

# ruff: noqa: S608 - what is put into InfluxQL is integers and our own words; paths are bound
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from historian import influxql
from historian.buckets import DAY, check_step
from historian.influxdb_link import THINNED, Deletion, Link
from historian.influxdb_rolls import (
    ROLLUP,
    SELECTED,
    TYPES,
    Rows,
    added,
    ends,
    joined,
    lines,
    nothing,
    of_samples,
    read,
)
from historian.influxdb_turns import Turns, meet
from historian.port import Dropped, Hole
from plant import wire
from plant.batch import Batch
from plant.clock import SECOND
from plant.errors import Unavailable

LIMIT = 2**63 - 2
"""Beyond which, on both sides, InfluxDB has no times."""
_LINES = 5_000  # of one write request; a bucket's line is three times as long as a sample's
_NO_SLOT = "-"
_NEWEST = "ORDER BY time DESC LIMIT 1"
_LEDGER = f"slot, bare, pending, samples, buckets FROM {THINNED}"
_LEDGER_TYPES = {
    "tags": pa.string(),
    "time": pa.int64(),
    "slot": pa.string(),
    **dict.fromkeys(("bare", "pending", "samples", "buckets"), pa.int64()),
}


@dataclass(frozen=True, slots=True)
class Day:
    """What the ledger says of a UTC day of a tag, which begins at `start`.

    `slot`: where the buckets are that hold. `bare`: samples went without buckets. `pending`: its
    samples are counted already, and still to be deleted. `samples`, `buckets`: dropped so far.
    """

    path: str
    start: int
    slot: str = _NO_SLOT
    bare: bool = False
    pending: bool = False
    samples: int = 0
    buckets: int = 0

    @property
    def last(self) -> int:
        """The last instant of the day."""
        return self.start + DAY - 1

    @property
    def line(self) -> bytes:
        """The day as a point."""
        counts = f"samples={self.samples}i,buckets={self.buckets}i"
        said = f'slot="{self.slot}",bare={int(self.bare)}i,pending={int(self.pending)}i,{counts}'
        return f"{THINNED},{influxql.series_of(self.path)} {said} {self.start}\n".encode()


class Thinner:
    """The buckets and the ledger of one server; safe to use from any thread.

    `samples`, `counts`: ask for the samples of tags in a window, and how many they are.
    """

    def __init__(
        self,
        link: Link,
        *,
        samples: Callable[[Sequence[str], int, int], Batch],
        counts: Callable[[Sequence[str], int, int], Mapping[str, int]],
    ) -> None:
        self._link = link
        self._samples = samples
        self._counts = counts
        self._turns = Turns()
        self._can = link.server.dialect.deletion is not Deletion.NONE
        self._pending: dict[tuple[str, int], Day] | None = None if self._can else {}

    @contextmanager
    def admitted(self, first: int, last: int) -> Iterator[None]:
        """Write samples of a span, both ends included: never into a day that is being deleted."""
        while True:
            with self._turns.among(first, last):
                if not any(meet((day.start, day.last), (first, last)) for day in self._unfinished()):
                    yield
                    return
            self._finish()

    @contextmanager
    def still(self, first: int, last: int) -> Iterator[None]:
        """Read samples and buckets of a span that belong together."""
        with self._turns.among(first, last):
            yield

    # ------------------------------------------------------------------------------- asking
    def holes(self, paths: Sequence[str], start: int, stop: int) -> tuple[Hole, ...]:
        """Return the holes that reach into a window, one for days that touch; by tag in the order asked."""
        found: list[Hole] = []
        for day in self._ledger(paths, _days(start, stop)):
            before = found[-1] if found else None
            if before is not None and (before.path, before.stop) == (day.path, day.start):
                found[-1] = replace(before, stop=day.start + DAY)
            else:
                found.append(Hole(day.path, day.start, day.start + DAY))
        return tuple(found)

    def rows(self, path: str, start: int, stop: int) -> Rows:
        """Return the rows of one tag that begin in a window and hold."""
        slots = {day.start: day.slot for day in self._ledger([path], _days(start, stop))}
        return self._rows(path, start, stop, slots) if slots else nothing()

    def uncounted(self, samples: Batch) -> Batch:
        """Leave out what one tag's buckets stand for already: samples that are about to be deleted."""
        path = samples.names[0] if samples.names else ""
        days = [day.start for day in self._unfinished() if day.path == path]
        return samples.take(~np.isin(samples.time // DAY * DAY, days)) if days else samples

    def past(self, found: Batch, paths: Sequence[str], last: int) -> Batch:
        """Put newest samples that buckets stand for in place of older ones; none where days went without buckets."""
        wanted = list(dict.fromkeys(paths))
        reached = self._ledger(wanted, f"time <= {last}", _NEWEST)
        if not reached:
            return found
        newest = dict.fromkeys((day.path for day in reached), -LIMIT)
        for path, time in zip([found.names[tag] for tag in found.tag.tolist()], found.time.tolist(), strict=True):
            newest[path] = time
        asked = [day.path for day in reached if newest[day.path] <= day.last]
        ending = f'"end" <= {last} AND time <= {last} GROUP BY * {_NEWEST}'
        answers = self._link.select(f"{SELECTED} FROM {ROLLUP}", asked, ending, types=TYPES)
        known = Batch.concat([found, *(ends(table, some) for table, some in answers)])
        bare = {day.path: day.start for day in self._ledger(asked, f"bare = 1 AND time <= {last}", _NEWEST)}
        since = np.array([bare.get(name, -LIMIT) for name in known.names] or [0], np.int64)
        known = known.take(known.time >= since[known.tag])
        order = np.lexsort((known.time, known.tag))
        tags = known.tag[order]
        return known.take(order[np.append(tags[1:] != tags[:-1], True)] if len(tags) else order)

    def held(self, groups: Sequence[Sequence[str]], before: int, step: int) -> list[Mapping[int, int]]:
        """Do what `Surveyed.held` promises."""
        what, end = f"count(q) AS n FROM {wire.MEASUREMENT}", before // DAY * DAY
        if step:
            what = f"count(q) AS n FROM {ROLLUP}"
        ending = f"time >= 0 AND time < {end}"
        ending += f" AND step = '{step // SECOND}'" if step else ""
        ending += " GROUP BY *, time(1d) fill(none)"
        paths = list(dict.fromkeys(path for group in groups for path in group)) if end > 0 else []
        found: dict[str, dict[int, int]] = {}
        types = {"tags": pa.string(), "time": pa.int64(), "n": pa.int64()}
        for table, _ in self._link.select(what, paths, ending, types=types) if self._can or not step else ():
            columns = (table.column(name).to_pylist() for name in ("tags", "time", "n"))
            for tags, time, rows in zip(*columns, strict=True):
                days = found.setdefault(influxql.path_of(tags), {})
                days[time // DAY] = days.get(time // DAY, 0) + rows
        return [_together(found.get(path, {}) for path in dict.fromkeys(group)) for group in groups]

    def dropped(self) -> Dropped:
        """Return what was dropped, ever."""
        if not self._can:
            return Dropped()
        text = self._link.ask(f"SELECT sum(samples) AS samples, sum(buckets) AS buckets FROM {THINNED}")
        table = influxql.read_csv(text, _LEDGER_TYPES)
        return Dropped(*(table.column(name)[0].as_py() for name in ("samples", "buckets"))) if table else Dropped()

    # ------------------------------------------------------------------------------ the work
    def thin(self, paths: Sequence[str], day: int, step: int) -> Dropped:
        """Do what `Thinnable.thin` promises."""
        check_step(step)
        self._finish()
        start, wanted = day * DAY, list(dict.fromkeys(paths))
        known = {one.path: one for one in self._ledger(wanted, f"time = {start}")}
        touched = {*known, *self._counts(wanted, start, start + DAY)}
        done = [self._thin(known.get(path) or Day(path, start), step) for path in wanted if path in touched]
        return Dropped(samples=sum(one.samples for one in done), buckets=sum(one.buckets for one in done))

    def _thin(self, day: Day, step: int) -> Dropped:
        with self._turns.alone(day.start, day.last):
            samples = self._samples([day.path], day.start, day.last + 1)
            old = self._rows(day.path, day.start, day.last + 1, {day.start: day.slot})
            finer = old.buckets.step < step if step else np.ones(len(old), np.bool_)
            if not len(samples) and not finer.any():
                return Dropped()
            parts = [old.take(np.flatnonzero(old.buckets.step <= step)), of_samples(samples, step)] if step else []
            coarser = old.take(np.flatnonzero(old.buckets.step > step)) if step else nothing()
            new = joined([coarser, added(parts, step)]) if parts else nothing()
            slot = self._written(day, new)
            if self._counts([day.path], day.start, day.last + 1).get(day.path, 0) != len(samples):
                raise Unavailable(f"somebody writes to {day.path} while its day is thinned; it is left for later")
            done = Dropped(samples=len(samples), buckets=int(finer.sum()))
            self._clear(
                replace(
                    day,
                    slot=slot,
                    bare=day.bare or not step,
                    pending=True,
                    samples=day.samples + done.samples,
                    buckets=day.buckets + done.buckets,
                )
            )
            return done

    def _written(self, day: Day, new: Rows) -> str:
        """Write rows into the free slot, read them back, and return its name; Unavailable when they are not there."""
        if not len(new):
            return _NO_SLOT
        slot = "b" if day.slot == "a" else "a"
        self._empty(day, [slot])
        written = list(lines(day.path, new, slot))
        for at in range(0, len(written), _LINES):
            self._link.write(b"".join(written[at : at + _LINES]))
        found = self._rows(day.path, day.start, day.last + 1, {day.start: slot})
        if not found.same(new.take(np.lexsort((new.buckets.step, new.buckets.start)))):
            raise Unavailable(f"InfluxDB does not give back the buckets of {day.path} that it took; nothing is dropped")
        return slot

    def _clear(self, day: Day) -> None:
        """Note that a day's buckets hold, delete what they stand for, and note that it is done."""
        self._link.write(day.line)
        if self._pending is not None:
            self._pending[day.path, day.start] = day
        if self._counts([day.path], day.start, day.last + 1):
            self._link.delete(wire.MEASUREMENT, _levels(day.path), day.start, day.last)
        self._empty(day, [slot for slot in ("a", "b") if slot != day.slot])
        if self._counts([day.path], day.start, day.last + 1):
            raise Unavailable(f"InfluxDB still has samples of {day.path} that it was to delete; they count once")
        self._link.write(replace(day, pending=False).line)
        if self._pending is not None:
            self._pending.pop((day.path, day.start), None)

    def _empty(self, day: Day, slots: Sequence[str]) -> None:
        for slot in slots:
            if len(self._rows(day.path, day.start, day.last + 1, {day.start: slot})):
                self._link.delete(ROLLUP, {**_levels(day.path), "slot": slot}, day.start, day.last)

    def _finish(self) -> None:
        """Delete what was still to be deleted when this or an earlier process was broken off."""
        for day in self._unfinished():
            with self._turns.alone(day.start, day.last):
                if (day.path, day.start) in (self._pending or {}):
                    self._clear(day)

    def _unfinished(self) -> list[Day]:
        if self._pending is None:
            found = influxql.read_csv(self._link.ask(f"SELECT {_LEDGER} WHERE pending = 1 GROUP BY *"), _LEDGER_TYPES)
            self._pending = {(day.path, day.start): day for day in _read(found)} if found else {}
        return list(self._pending.values())

    # ---------------------------------------------------------------------------- the points
    def _ledger(self, paths: Sequence[str], window: str, ending: str = "") -> list[Day]:
        """Return what the ledger says of tags in a window, by tag in the order asked, then time."""
        wanted = {path: place for place, path in enumerate(dict.fromkeys(paths))}
        if not self._can:
            return []
        answers = self._link.select(_LEDGER, list(wanted), f"{window} GROUP BY * {ending}", types=_LEDGER_TYPES)
        days = [day for table, _ in answers for day in _read(table)]
        return sorted(days, key=lambda day: (wanted[day.path], day.start))

    def _rows(self, path: str, start: int, stop: int, slots: Mapping[int, str]) -> Rows:
        """Return the rows of a window that are in the slot of their day."""
        window = f"time >= {max(start, -LIMIT)} AND time < {min(stop, LIMIT)} GROUP BY *"
        for table, _ in self._link.select(f"{SELECTED} FROM {ROLLUP}", [path], window, types=TYPES):
            rows, found = read(table, path)
            days = (rows.buckets.start // DAY * DAY).tolist()
            return rows.take(np.flatnonzero([slots.get(day) == slot for day, slot in zip(days, found, strict=True)]))
        return nothing()


def _read(table: pa.Table) -> Iterator[Day]:
    for row in table.to_pylist():
        path, flags = influxql.path_of(row["tags"]), (bool(row["bare"]), bool(row["pending"]))
        yield Day(path, row["time"], row["slot"], *flags, row["samples"], row["buckets"])


def _days(start: int, stop: int) -> str:
    """Write the condition that a day reaches into a window."""
    return f"time > {max(start - DAY, -LIMIT)} AND time < {min(stop, LIMIT)}"


def _levels(path: str) -> dict[str, str]:
    return influxql.tags_of(influxql.series_of(path))


def _together(parts: Iterator[Mapping[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for part in parts:
        for day, rows in part.items():
            found[day] = found.get(day, 0) + rows
    return found
