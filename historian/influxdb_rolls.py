"""Stored buckets as points of an InfluxDB: rows of sums that can be added, as lines and back.

    sample_rollup,device=…,line=…,scene=…,signal=…,site=…,slot=a,step=60 count=2i,…,end=…i,v=…,q=0i,lat=…i 17…
                                                           ────────────── where the bucket begins, ns UTC ──┘

Beside what `Buckets` has, a row keeps when its first and its last number were, and the newest
sample it stands for in full: its time in `end`, the rest in the fields that a sample has. `step`
is in seconds. A day of a tag is in one of two slots, `a` and `b`, so that new buckets can be
written and read back while the old ones still hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import isfinite

import numpy as np
import pyarrow as pa

from historian import influxql
from historian.buckets import none, sum_up
from historian.port import Buckets, Rollup
from plant import wire
from plant.batch import INT64_MAX, INT64_MIN, Batch, Floats, Form, Ints
from plant.clock import SECOND
from plant.quality import usable

ROLLUP = f"{wire.MEASUREMENT}_rollup"
_COUNTS = ("count", "usable", "good", "numbers")
_VALUES = ("minimum", "maximum", "total", "first", "last")
_WHOLE = (*_COUNTS, "quality", "origin")
_TIMES = ("first_at", "last_at")
SELECTED = ", ".join(f'"{name}"' for name in (*_WHOLE, *_VALUES, *_TIMES, "end")) + f", {influxql.FIELDS}"
"""The fields of a row, as a question asks for them."""
TYPES = {
    **influxql.SAMPLE,
    **dict.fromkeys((*_WHOLE, *_TIMES, "end"), pa.int64()),
    **dict.fromkeys(_VALUES, pa.float64()),
}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One tag's stored buckets. `first_at`, `last_at`: when `first` and `last` were; `ends`: a sample a bucket."""

    buckets: Buckets
    first_at: Ints
    last_at: Ints
    ends: Batch

    def __len__(self) -> int:
        return len(self.first_at)

    def take(self, chosen: Ints) -> Rows:
        """Return the rows with these numbers."""
        columns = {field.name: getattr(self.buckets, field.name)[chosen] for field in fields(Buckets)}
        return Rows(Buckets(**columns), self.first_at[chosen], self.last_at[chosen], self.ends.take(chosen))

    def same(self, other: Rows) -> bool:
        """Say whether both are the same to the last digit."""
        pairs = [(getattr(self.buckets, field.name), getattr(other.buckets, field.name)) for field in fields(Buckets)]
        pairs += [(self.first_at, other.first_at), (self.last_at, other.last_at)]
        return all(np.array_equal(*pair, equal_nan=pair[0].dtype.kind == "f") for pair in pairs) and _same_samples(
            self.ends, other.ends
        )


def _same_samples(mine: Batch, its: Batch) -> bool:
    columns = ("time", "received", "quality", "form", "origin")
    if not all(np.array_equal(getattr(mine, name), getattr(its, name)) for name in columns):
        return False
    whole = (mine.form == Form.INTEGER) | (mine.form == Form.BOOLEAN)
    texts = np.flatnonzero(mine.form == Form.TEXT).tolist()
    return (
        np.array_equal(mine.raw[whole], its.raw[whole])
        and np.array_equal(mine.numbers, its.numbers, equal_nan=True)
        and [mine.value(row) for row in texts] == [its.value(row) for row in texts]
    )


def nothing() -> Rows:
    """Return no rows."""
    return Rows(none(), np.zeros(0, np.int64), np.zeros(0, np.int64), Batch.empty())


# ---------------------------------------------------------------------------------- adding
def of_samples(samples: Batch, step: int) -> Rows:
    """Sum up one tag's samples, sorted by time, in buckets of `step` ns."""
    if not len(samples):
        return nothing()
    begin = samples.time // step * step
    edges = np.flatnonzero(np.diff(begin, prepend=begin[0] - 1))
    fit = usable(samples.quality) & ~np.isnan(samples.numbers)
    return Rows(
        buckets=sum_up(samples, step),
        first_at=np.minimum.reduceat(np.where(fit, samples.time, INT64_MAX), edges),
        last_at=np.maximum.reduceat(np.where(fit, samples.time, INT64_MIN), edges),
        ends=samples.take(np.append(edges[1:], len(fit)) - 1),
    )


def joined(parts: Sequence[Rows]) -> Rows:
    """Put rows after each other, as they are."""
    columns = {f.name: np.concatenate([getattr(part.buckets, f.name) for part in parts]) for f in fields(Buckets)}
    return Rows(
        buckets=Buckets(**columns),
        first_at=np.concatenate([part.first_at for part in parts]),
        last_at=np.concatenate([part.last_at for part in parts]),
        ends=Batch.concat([part.ends for part in parts]),
    )


def added(parts: Sequence[Rows], step: int) -> Rows:
    """Add up one tag's rows, of `step` ns or finer, to buckets of that step."""
    rows = joined(parts)
    if not len(rows):
        return rows
    b, begin = rows.buckets, rows.buckets.start // step * step
    by_end = np.lexsort((rows.ends.time, begin))
    edges = np.flatnonzero(np.diff(begin[by_end], prepend=begin[by_end[0]] - 1))
    last_of = np.append(edges[1:], len(rows)) - 1
    earliest = np.lexsort((rows.first_at, begin))[edges]  # each group lies where it lies in `by_end`
    latest = np.lexsort((rows.last_at, begin))[last_of]
    total = np.where(b.numbers > 0, b.total, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = Buckets(
            start=begin[by_end][edges],
            step=np.full(len(edges), step, np.int64),
            **{name: np.add.reduceat(getattr(b, name)[by_end], edges) for name in _COUNTS},
            minimum=np.fmin.reduceat(b.minimum[by_end], edges),
            maximum=np.fmax.reduceat(b.maximum[by_end], edges),
            total=np.add.reduceat(total[by_end], edges),
            first=b.first[earliest],
            last=b.last[latest],
            quality=np.maximum.reduceat(b.quality[by_end], edges),
            origin=np.bitwise_or.reduceat(b.origin[by_end], edges),
        )
    return Rows(sums, rows.first_at[earliest], rows.last_at[latest], rows.ends.take(by_end[last_of]))


def add_to(result: Rollup, rows: Rows, samples: Batch) -> None:
    """Add rows that begin in a rollup's window to it, where it is the sum of `samples` so far."""
    if not len(rows):
        return
    b, size = rows.buckets, len(result.start)
    fit = usable(samples.quality) & ~np.isnan(samples.numbers)
    place = np.searchsorted(result.start, samples.time[fit], side="right") - 1
    numbers = np.bincount(place, minlength=size)
    last_at = np.full(size, INT64_MIN)
    np.maximum.at(last_at, place, samples.time[fit])
    at = np.searchsorted(result.start, b.start, side="right") - 1
    touched = np.unique(at)
    sums = np.where(numbers > 0, result.mean * numbers, 0.0)
    np.add.at(sums, at, np.where(b.numbers > 0, b.total, 0.0))
    np.add.at(numbers, at, b.numbers)
    with np.errstate(invalid="ignore"):
        mean = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    result.mean[touched] = mean[touched]
    np.add.at(result.count, at, b.count)
    np.add.at(result.usable, at, b.usable)
    np.fmin.at(result.minimum, at, b.minimum)
    np.fmax.at(result.maximum, at, b.maximum)
    np.maximum.at(result.quality, at, b.quality)
    np.maximum.at(result.step, at, b.step)
    order = np.argsort(rows.last_at, kind="stable")
    later = order[(b.numbers[order] > 0) & (rows.last_at[order] > last_at[at[order]])]
    result.last[at[later]] = b.last[later]  # in order of time: of several in one part the newest holds


# ---------------------------------------------------------------------------- as points
def lines(path: str, rows: Rows, slot: str) -> Iterator[bytes]:
    """Write rows as lines of line protocol, each ended by a newline."""
    series = f"{ROLLUP},{influxql.series_of(path)},slot={slot},step="
    b = rows.buckets
    whole = {name: getattr(b, name).tolist() for name in _WHOLE}
    values = {name: getattr(b, name).tolist() for name in _VALUES}
    times = {"first_at": rows.first_at.tolist(), "last_at": rows.last_at.tolist()}
    for row, (start, step, end, newest) in enumerate(
        zip(b.start.tolist(), b.step.tolist(), rows.ends.time.tolist(), _newest(path, rows.ends), strict=True)
    ):
        said = [f"{name}={column[row]}i" for name, column in whole.items()]
        if whole["numbers"][row]:
            said += [f"{name}={column[row]!r}" for name, column in values.items() if isfinite(column[row])]
            said += [f"{name}={column[row]}i" for name, column in times.items()]
        yield f"{series}{step // SECOND} {','.join(said)},end={end}i,{newest} {start}\n".encode("utf-8", "replace")


def _newest(path: str, ends: Batch) -> Iterator[str]:
    """Yield the fields of each sample, as the wire has them."""
    head = len(f"{wire.MEASUREMENT},{influxql.series_of(path)} ")
    if (ends.form == Form.TEXT).any():  # a text may hold newlines
        written = [wire.encode(ends.take(slice(row, row + 1))).decode() for row in range(len(ends))]
    else:
        written = wire.encode(ends).decode().splitlines()
    return (line.rstrip("\n")[head:].rpartition(" ")[0] for line in written)


def read(table: pa.Table, path: str) -> tuple[Rows, tuple[str, ...]]:
    """Read an answer with `SELECTED` for one tag: its rows in order of time, then step, and the slot of each."""
    series, place = _series(table)
    tags = [influxql.tags_of(one) for one in series]
    step = np.array([int(one["step"]) * SECOND for one in tags], np.int64)[place]

    def whole(name: str, missing: int = 0) -> Ints:
        values: Ints = table.column(name).fill_null(missing).to_numpy()
        return values

    def value(name: str) -> Floats:
        values: Floats = table.column(name).fill_null(np.nan).to_numpy()
        return values

    numbers = whole("numbers")
    rows = Rows(
        buckets=Buckets(
            start=whole("time"),
            step=step,
            count=whole("count"),
            usable=whole("usable"),
            good=whole("good"),
            numbers=numbers,
            minimum=value("minimum"),
            maximum=value("maximum"),
            total=np.where(numbers > 0, value("total"), 0.0),
            first=value("first"),
            last=value("last"),
            quality=whole("quality").astype(np.uint32),
            origin=whole("origin").astype(np.uint8),
        ),
        first_at=whole("first_at", INT64_MAX),
        last_at=whole("last_at", INT64_MIN),
        ends=ends(table, [path]),
    )
    order = np.lexsort((step, rows.buckets.start))
    return rows.take(order), tuple(tags[row]["slot"] for row in place[order].tolist())


def ends(table: pa.Table, paths: Sequence[str]) -> Batch:
    """Return the newest sample that each row of an answer stands for."""
    series, place = _series(table)
    tags = pa.array([influxql.series_of(influxql.path_of(one)) for one in series]).take(pa.array(place))
    names = [name for name in influxql.SAMPLE if name not in ("tags", "time")]
    columns = {name: table.column(name) for name in names}
    return influxql.to_batch(pa.table({"tags": tags, "time": table.column("end"), **columns}), paths)


def _series(table: pa.Table) -> tuple[list[str], Ints]:
    """Return the series of an answer, and which of them each row is of."""
    encoded = table.column("tags").combine_chunks().dictionary_encode()
    place: Ints = encoded.indices.to_numpy().astype(np.int64)
    return encoded.dictionary.to_pylist(), place
