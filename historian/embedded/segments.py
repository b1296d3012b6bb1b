"""Segments: Parquet files of samples sorted by tag, then time, that any Parquet reader can open.

    tag     u32   id of the path in the catalogue          integer i64?  INTEGER and BOOLEAN, exact
    time    i64   ns UTC, the device's                     text    str?  TEXT
    late    i64   received minus time, ns                  quality u32   OPC UA StatusCode
    number  f64?  the value as a number; null for texts    form    u8, origin u8
    order   i64   which write it came with

Within one file a tag has one row a time. Between files, and between files and the log, the
row with the highest `order` holds: it is the id of the log row that brought the sample, so
the last write wins wherever merging has carried it.

A file is complete or absent: it is written under another name, synced, renamed, and its
folder synced, before the catalogue mentions it.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from plant.batch import Batch, Form, Ints
from plant.errors import Unavailable

SCHEMA = pa.schema(
    [
        pa.field("tag", pa.uint32(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("late", pa.int64(), nullable=False),
        pa.field("number", pa.float64()),
        pa.field("integer", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.uint32(), nullable=False),
        pa.field("form", pa.uint8(), nullable=False),
        pa.field("origin", pa.uint8(), nullable=False),
        pa.field("order", pa.int64(), nullable=False),
    ]
)
_DICTIONARIES = {"number", "text", "quality", "form", "origin"}
_ROW_GROUP = 122_880  # what DuckDB writes and skips by; smaller groups cost more than they skip


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: what the catalogue knows without opening it. `first`, `last`: times, inclusive."""

    name: str
    first: int
    last: int
    tag_min: int
    tag_max: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Samples with the order they were written in; `batch.tag` indexes `batch.names`."""

    batch: Batch
    order: Ints

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        """Put parts one after the other."""
        if len(parts) == 1:
            return parts[0]
        orders = [p.order for p in parts] or [np.zeros(0, np.int64)]
        return Rows(Batch.concat([p.batch for p in parts]), np.concatenate(orders))

    def settled(self) -> Rows:
        """Sort by tag, then time, and keep the last written row of each tag and time."""
        batch = self.batch
        chosen = settle(batch.tag, batch.time, self.order)
        return self if chosen is None else Rows(batch.take(chosen), self.order[chosen])


def settle(tag: npt.NDArray[np.uint32], time: Ints, order: Ints) -> Ints | None:
    """Return the rows to keep, sorted by tag, then time, the last written of equals; None for all as they are."""
    if _ascending(tag, time):
        return None
    # Rows mostly come in order of time, so sorting by tag alone is nearly always enough; 16-bit
    # keys are sorted by radix.
    key = tag.astype(np.uint16) if len(tag) and int(tag.max()) < 2**16 else tag
    chosen: Ints = np.argsort(key, kind="stable")
    if _ascending(tag[chosen], time[chosen]):
        return chosen
    chosen = np.lexsort((order, time, tag)).astype(np.int64, copy=False)
    tag, time = tag[chosen], time[chosen]
    superseded = (tag[1:] == tag[:-1]) & (time[1:] == time[:-1])
    kept: Ints = chosen[np.append(~superseded, True)]
    return kept


def _ascending(tag: npt.NDArray[np.uint32], time: Ints) -> bool:
    same = tag[1:] == tag[:-1]
    return bool(np.all(np.where(same, time[1:] > time[:-1], tag[1:] > tag[:-1])))


def to_table(rows: Rows, ids: npt.NDArray[np.uint32]) -> pa.Table:
    """Lay rows out as a segment has them; `ids` gives the catalogue's id for each of the batch's names."""
    batch = rows.batch
    text = batch.form == Form.TEXT
    whole = (batch.form == Form.INTEGER) | (batch.form == Form.BOOLEAN)
    columns = [
        pa.array(ids[batch.tag] if len(batch) else np.zeros(0, np.uint32)),
        pa.array(batch.time),
        pa.array(batch.received - batch.time),
        pa.array(batch.numbers, mask=text if text.any() else None),
        pa.array(batch.raw, mask=~whole) if whole.any() else pa.nulls(len(batch), pa.int64()),
        _texts(batch, text),
        pa.array(batch.quality),
        pa.array(batch.form),
        pa.array(batch.origin),
        pa.array(rows.order),
    ]
    return pa.table(columns, schema=SCHEMA)


def _texts(batch: Batch, text: npt.NDArray[np.bool_]) -> pa.Array:
    if not text.any():
        return pa.nulls(len(batch), pa.string())
    return pa.array(batch.texts, pa.string()).take(pa.array(batch.raw, mask=~text))


def from_table(table: pa.Table, paths: Sequence[str], ids: Sequence[int]) -> Rows:
    """Read segment rows back into samples; all tags in the table are among `ids`, which name `paths`."""
    columns = {name: table.column(name).combine_chunks() for name in SCHEMA.names}
    time = _ints(columns["time"])
    form = columns["form"].to_numpy(zero_copy_only=False)
    raw = _ints(columns["integer"].fill_null(0)).copy()
    floats = form == Form.FLOAT
    numbers = columns["number"].fill_null(0.0).to_numpy(zero_copy_only=False)
    raw[floats] = numbers.view(np.int64)[floats]
    texts: tuple[str, ...] = ()
    if (form == Form.TEXT).any():
        words = pc.dictionary_encode(columns["text"])
        texts = tuple(words.dictionary.to_pylist())
        rows = form == Form.TEXT
        raw[rows] = words.indices.fill_null(0).to_numpy(zero_copy_only=False)[rows]
    known = np.asarray(ids, np.uint32)
    place = np.argsort(known)
    tag = place[np.searchsorted(known[place], columns["tag"].to_numpy(zero_copy_only=False))]
    batch = Batch(
        names=tuple(paths),
        texts=texts,
        tag=tag.astype(np.uint32),
        time=time,
        received=time + _ints(columns["late"]),
        raw=raw,
        quality=columns["quality"].to_numpy(zero_copy_only=False),
        form=form,
        origin=columns["origin"].to_numpy(zero_copy_only=False),
    )
    return Rows(batch, _ints(columns["order"]))


def _ints(column: pa.Array) -> Ints:
    values: Ints = column.to_numpy(zero_copy_only=False)
    return values


def write(folder: Path, tables: Iterable[pa.Table], schema: pa.Schema = SCHEMA) -> Segment | None:
    """Write sorted tables, one after the other, as one durable file; None when they hold no rows.

    `schema`: theirs; it begins with `tag` and `time` as that of samples does.
    Raises OSError when the disk does not take it; nothing is left behind then.
    """
    name = f"{secrets.token_hex(8)}.parquet"
    temporary = folder / f"{name}.tmp"
    found = _Extent()
    try:
        with temporary.open("wb") as file:
            with pq.ParquetWriter(
                file,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in schema.names if _repeats(name)],
                column_encoding={
                    field.name: "DELTA_BINARY_PACKED"
                    for field in schema
                    if pa.types.is_integer(field.type) and not _repeats(field.name)
                },
                write_page_checksum=True,
            ) as writer:
                for table in tables:
                    if len(table):
                        writer.write_table(table, row_group_size=_ROW_GROUP)
                        found.add(table)
            file.flush()
            os.fsync(file.fileno())
        if not found.rows:
            temporary.unlink()
            return None
        temporary.rename(folder / name)
        _sync_folder(folder)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return Segment(name, found.first, found.last, found.tag_min, found.tag_max, found.rows)


def _repeats(name: str) -> bool:
    return name.removeprefix("end_") in _DICTIONARIES


class _Extent:
    """What a file's tables reach over, gathered while they are written."""

    def __init__(self) -> None:
        self.rows = 0
        self.first = self.tag_min = 2**63 - 1
        self.last = self.tag_max = -(2**63)

    def add(self, table: pa.Table) -> None:
        time = pc.min_max(table.column("time"))
        self.rows += len(table)
        self.first = min(self.first, time["min"].as_py())
        self.last = max(self.last, time["max"].as_py())
        self.tag_min = min(self.tag_min, table.column("tag")[0].as_py())
        self.tag_max = max(self.tag_max, table.column("tag")[-1].as_py())


def sound(path: Path) -> bool:
    """Return whether every page of a segment can be read and matches its checksum.

    Raises Unavailable when this machine cannot look now: a process that has run out of files or
    memory must not take its segments for damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except MemoryError as error:
        raise Unavailable(f"{path}: not enough memory to check it") from error
    except OSError as error:
        _insist_on_damage(path, error)
        return False
    except pa.ArrowException:
        return False
    return True


def sound_parts(path: Path, schema: pa.Schema = SCHEMA) -> Iterator[pa.Table]:
    """Yield the row groups of a damaged segment that can still be read and match their checksums.

    `schema`: as for `write`. Raises Unavailable as `sound` does.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                try:
                    part = file.read_row_group(group).cast(schema)
                except OSError as error:
                    _insist_on_damage(path, error)
                except pa.ArrowException:
                    continue
                else:
                    yield part
    except OSError as error:
        _insist_on_damage(path, error)
    except pa.ArrowException:
        return


def _insist_on_damage(path: Path, error: OSError) -> None:
    # Arrow reports damage as an OSError that no system call gave.
    if error.errno not in (None, errno.ENOENT, errno.EIO):
        raise Unavailable(f"{path}: {os.strerror(error.errno)}") from error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a rename is durable without it, and a folder cannot be opened
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
