"""The raw samples of a package: Parquet that anybody can read, and a hash of the rows themselves.

Parquet written twice is seldom the same file, so the file's hash says only that it was not
touched. The logical hash is over what the rows say, in order, column by column:

    path      runs: length of the path, the path, how many rows
    others    64-bit times, the number's bits, the integer, quality, form, origin; little endian
    text      a length for each row (-1: none), then all characters

`Recording` reads such a file back as a historian, so that the same functions compute from it
that computed from the live store.
"""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from historian.buckets import none
from historian.export import stream, to_arrow
from historian.port import EXPORT_SCHEMA, Buckets, Hole, Rollup
from historian.rollup import rollup
from plant.batch import Batch, Form
from plant.errors import Rejected

GROUP = 250_000
MOST_ROWS = 60_000_000
"""Rows one file may have; more is refused before any is read."""
MOST_BYTES = 6 << 30
"""What a file may say it unpacks to."""

_NAME = b"provenline rows 1"
_FIXED = ("time", "received", "number", "integer", "quality", "form", "origin")
_NULLABLE = ("number", "integer")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file of samples holds. `paths`: samples of each tag, in the order of the file."""

    count: int
    paths: Mapping[str, int]
    sha256: str


class Readable(Protocol):
    """What is needed of a store to copy samples from it; any `Historian`, or one that is only read."""

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        """As `Historian.history`."""

    def before(self, paths: Sequence[str], moment: int) -> Batch:
        """As `Historian.before`."""

    def close(self) -> None:
        """Release everything."""


def record(historian: Readable, paths: Sequence[str], spans: Iterable[tuple[int, int]], file: Path) -> Rows:
    """Write the samples of some tags in some spans (ns UTC), with what was in force before each span.

    Sorted by tag, then time. `paths` are written in sorted order whatever order they come in.
    """
    ordered, wanted = sorted(set(paths)), sorted(spans)
    with pq.ParquetWriter(file, EXPORT_SCHEMA, compression="zstd", write_statistics=True) as writer:
        for path in ordered:
            parts = []
            for start, stop in wanted:
                parts += [historian.before([path], start), historian.history([path], start, stop)]
            samples = Batch.concat([part for part in parts if len(part)])
            if not len(samples):
                continue
            _, rows = np.unique(samples.time, return_index=True)
            table = pa.Table.from_batches([to_arrow(samples.take(rows))], EXPORT_SCHEMA)
            writer.write_table(table, row_group_size=GROUP)
    return inspect(file)


def inspect(file: Path) -> Rows:
    """Read a file once and return what it holds, with its logical hash.

    Raises Rejected for anything that is not such a file, is too large, or is not in order.
    """
    hasher = _Hasher()
    for batch in _batches(file):
        hasher.add(batch)
    return hasher.rows()


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file) as parquet:
            if parquet.schema_arrow.remove_metadata() != EXPORT_SCHEMA:
                raise Rejected(f"{file.name}: its columns are not those of samples")
            held = parquet.metadata
            unpacked = sum(held.row_group(i).total_byte_size for i in range(held.num_row_groups))
            if held.num_rows > MOST_ROWS or unpacked > MOST_BYTES:
                raise Rejected(f"{file.name}: more than {MOST_ROWS} rows or {MOST_BYTES} bytes")
            for batch in parquet.iter_batches(batch_size=GROUP):
                batch.validate(full=True)  # a file may name a path by a number that its dictionary does not have
                yield batch
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Rejected(f"{file.name}: not readable as Parquet: {str(error).splitlines()[0][:200]}") from error


class _Hasher:
    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in ("path", *_FIXED, "length", "text")}
        self._paths: dict[str, int] = {}
        self._run: tuple[str, int] | None = None
        self._last = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next rows. Raises Rejected when they are not in order or say two things at once."""
        self._check(batch)
        for name in _FIXED:
            self._columns[name].update(_fixed(batch, name))
        texts = batch.column("text")
        lengths = pc.fill_null(pc.binary_length(texts), -1)
        self._columns["length"].update(np.ascontiguousarray(lengths.to_numpy(zero_copy_only=False), "<i4").tobytes())
        self._columns["text"].update("".join(pc.drop_null(texts).to_pylist()).encode())
        self._runs(batch)

    def rows(self) -> Rows:
        """Return the result."""
        self._end_run()
        count = sum(self._paths.values())
        total = hashlib.sha256(_NAME + struct.pack("<q", count))
        for name in sorted(self._columns):
            total.update(self._columns[name].digest())
        return Rows(count, self._paths, total.hexdigest())

    def _check(self, batch: pa.RecordBatch) -> None:
        if any(batch.column(name).null_count for name in ("path", "time", "received", "quality", "form", "origin")):
            raise Rejected("samples: a row lacks its path, time, quality or form")
        form = batch.column("form").to_numpy()
        text, whole = form == Form.TEXT, (form == Form.INTEGER) | (form == Form.BOOLEAN)
        masks = {"number": ~text, "integer": whole, "text": text}
        for name, expected in masks.items():
            if (batch.column(name).is_valid().to_numpy(zero_copy_only=False) != expected).any():
                raise Rejected(f"samples: {name} is there, or missing, against the form of its row")

    def _runs(self, batch: pa.RecordBatch) -> None:
        times = batch.column("time").cast(pa.int64()).to_numpy()
        start = 0
        for path, stop in runs(batch.column("path")):
            inner = times[start:stop]
            if (np.diff(inner) <= 0).any():
                raise Rejected(f"samples of {path}: not in order of time")
            if self._run is not None and self._run[0] == path:
                if len(inner) and inner[0] <= self._last:
                    raise Rejected(f"samples of {path}: not in order of time")
                self._run = (path, self._run[1] + stop - start)
            else:
                self._end_run()
                if self._paths and path <= next(reversed(self._paths)):
                    raise Rejected(f"samples of {path}: not in order of tags")
                self._run = (path, stop - start)
            self._last = int(inner[-1])
            start = stop

    def _end_run(self) -> None:
        if self._run is not None:
            path, count = self._run
            name = path.encode()
            self._columns["path"].update(struct.pack("<i", len(name)) + name + struct.pack("<q", count))
            self._paths[path] = count
            self._run = None


def _fixed(batch: pa.RecordBatch, name: str) -> bytes:
    column = batch.column(name)
    if name in ("time", "received"):
        column = column.cast(pa.int64())
    if name in _NULLABLE:
        column = pc.fill_null(column, 0)
    values = column.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()


def runs(column: pa.DictionaryArray) -> Iterator[tuple[str, int]]:
    """Yield each run of equal paths with the row at which it ends."""
    indices = column.indices.to_numpy()
    names = column.dictionary.to_pylist()
    ends = [*(np.flatnonzero(np.diff(indices)) + 1).tolist(), len(indices)] if len(indices) else []
    for end in ends:
        yield names[indices[end - 1]], end


class Recording:
    """A file of samples as a read-only historian; it keeps what was asked for in memory.

    Raises Rejected as `inspect` does. Needs about 40 bytes a sample.
    """

    def __init__(self, file: Path) -> None:
        parts: dict[str, list[Batch]] = defaultdict(list)
        hasher = _Hasher()
        for batch in _batches(file):
            hasher.add(batch)
            start = 0
            for path, stop in runs(batch.column("path")):
                parts[path].append(_samples(path, batch.slice(start, stop - start)))
                start = stop
        self.rows = hasher.rows()
        self._tags = {path: Batch.concat(found) for path, found in parts.items()}

    def write(self, batch: Batch) -> None:
        """Refuse: evidence is not written to. Raises Rejected."""
        raise Rejected(f"a recording takes no samples, nor these {len(batch)}")

    def paths(self) -> tuple[str, ...]:
        """Return every tag path that has samples, sorted."""
        return tuple(self._tags)

    def latest(self, paths: Sequence[str]) -> Batch:
        """Return the newest sample of each tag."""
        return self._joined(self._tags[path].take(slice(-1, None)) for path in paths if path in self._tags)

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        """Return all samples of the tags in the window, sorted by tag (in the order asked), then time."""
        return self._joined(self._between(path, start, stop) for path in paths)

    def before(self, paths: Sequence[str], moment: int) -> Batch:
        """Return the newest sample of each tag earlier than `moment`."""
        return self._joined(self._between(path, None, moment).take(slice(-1, None)) for path in paths)

    def thinned(self, paths: Sequence[str], start: int, stop: int) -> tuple[Hole, ...]:  # noqa: ARG002 - the port's
        """Return no holes: a recording is whole."""
        return ()

    def buckets(self, path: str, start: int, stop: int) -> Buckets:  # noqa: ARG002 - the port's
        """Return none: a recording has samples only."""
        return none()

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        """Sum one tag up in equal parts of the window."""
        return rollup(self._between(path, start, stop), start, stop, buckets)

    def export(self, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
        """Stream the window's samples as Arrow."""
        return stream(self, paths, start, stop)

    def counts(self, paths: Sequence[str], start: int, stop: int) -> Mapping[str, int]:
        """Return how many samples each tag has in the window."""
        return {path: len(self._between(path, start, stop)) for path in paths}

    def close(self) -> None:
        """Let go of the samples."""
        self._tags.clear()

    def _between(self, path: str, start: int | None, stop: int) -> Batch:
        samples = self._tags.get(path)
        if samples is None:
            return Batch.empty()
        low = 0 if start is None else int(np.searchsorted(samples.time, start))
        return samples.take(slice(low, int(np.searchsorted(samples.time, stop))))

    @staticmethod
    def _joined(parts: Iterable[Batch]) -> Batch:
        return Batch.concat([part for part in parts if len(part)])


def _samples(path: str, rows: pa.RecordBatch) -> Batch:
    form = rows.column("form").to_numpy()
    texts = rows.column("text").dictionary_encode()
    raw = np.zeros(len(rows), np.int64)
    floats, whole, text = form == Form.FLOAT, (form == Form.INTEGER) | (form == Form.BOOLEAN), form == Form.TEXT
    if floats.any():
        numbers = np.ascontiguousarray(pc.fill_null(rows.column("number"), 0.0).to_numpy())
        raw[floats] = numbers.view(np.int64)[floats]
    if whole.any():
        raw[whole] = pc.fill_null(rows.column("integer"), 0).to_numpy()[whole]
    if text.any():
        raw[text] = pc.fill_null(texts.indices, 0).to_numpy()[text]
    return Batch(
        names=(path,),
        tag=np.zeros(len(rows), np.uint32),
        time=rows.column("time").cast(pa.int64()).to_numpy(),
        received=rows.column("received").cast(pa.int64()).to_numpy(),
        raw=raw,
        quality=rows.column("quality").to_numpy(),
        form=form,
        origin=rows.column("origin").to_numpy(),
        texts=tuple(texts.dictionary.to_pylist()),
    )
