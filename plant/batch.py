"""A batch is columns of samples, and the only thing that flows through the system.

    path dictionary   names:    ("cq/first/line/press/state", "cq/first/line/press/good")
    one row a sample  tag:      0                1                1            u4, index into names
                      time:     …000000000       …000000000       …500000000   i8, ns UTC, the device's
                      received: …003000000       …003000000       …504000000   i8, ns UTC, the collector's
                      quality:  0                0                0x808C0000   u4, OPC UA StatusCode
                      form:     INTEGER          INTEGER          FLOAT        u1, how to read `raw`
                      origin:   SIMULATED        SIMULATED        SIMULATED    u1, flags
                      raw:      6                1041             (bits)       i8, the value
    text dictionary   texts:    ()

`raw` is one 64-bit slot that holds an integer exactly, a float by its bits, a boolean as
0/1, or an index into `texts`. So a batch is fixed-width, self-describing (it can be read
after the configuration has changed), exact for 64-bit counters, and cheap: one sample is a
batch of one, ten thousand are the same nine objects.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Value = float | int | bool | str
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Form(IntEnum):
    """How a sample's `raw` slot is read."""

    FLOAT = 0
    INTEGER = 1
    BOOLEAN = 2
    TEXT = 3


class Origin(IntFlag):
    """Where a sample came from. Set by collectors, never cleared afterwards."""

    DEVICE = 0
    SIMULATED = 1
    """A simulator made it."""
    REPLAYED = 2
    """A recording is played again; it must not move the live value."""


class Sample(NamedTuple):
    """One row of a batch as Python values; for edges of the system, not for the hot path."""

    path: str
    time: int
    received: int
    value: Value
    quality: int
    origin: Origin


_Row = tuple[int, int, int, int, int, int, int]
_HEADER = struct.Struct("<4sIIII")
_MAGIC = b"PVL1"
_COLUMNS: tuple[tuple[str, str], ...] = (
    ("time", "<i8"),
    ("received", "<i8"),
    ("raw", "<i8"),
    ("tag", "<u4"),
    ("quality", "<u4"),
    ("form", "u1"),
    ("origin", "u1"),
)
_ROW_BYTES = sum(np.dtype(code).itemsize for _, code in _COLUMNS)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples in columns; see the module docstring for the layout. Arrays are not written to.

    All arrays have the same length; `tag` indexes `names`; a row of form TEXT indexes `texts`.
    """

    names: tuple[str, ...]
    tag: npt.NDArray[np.uint32]
    time: Ints
    received: Ints
    raw: Ints
    quality: npt.NDArray[np.uint32]
    form: npt.NDArray[np.uint8]
    origin: npt.NDArray[np.uint8]
    texts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tag)

    @property
    def numbers(self) -> Floats:
        """The values as float64: booleans 0/1, text NaN. No copy when all rows are floats."""
        floats = self.raw.view(np.float64)
        if not self.form.any():
            return floats
        whole = (self.form == Form.INTEGER) | (self.form == Form.BOOLEAN)
        numbers = np.where(whole, self.raw.astype(np.float64), floats)
        numbers[self.form == Form.TEXT] = np.nan
        return numbers

    def value(self, row: int) -> Value:
        """Return one row's value in its own type."""
        raw, form = int(self.raw[row]), self.form[row]
        if form == Form.FLOAT:
            return float(self.raw[row : row + 1].view(np.float64)[0])
        if form == Form.INTEGER:
            return raw
        return bool(raw) if form == Form.BOOLEAN else self.texts[raw]

    def samples(self) -> Iterator[Sample]:
        """Yield the rows one by one as Python values."""
        for i in range(len(self)):
            yield Sample(
                self.names[self.tag[i]],
                int(self.time[i]),
                int(self.received[i]),
                self.value(i),
                int(self.quality[i]),
                Origin(int(self.origin[i])),
            )

    def take(self, rows: Mask | Ints | slice) -> Batch:
        """Return the chosen rows; the dictionaries are shared."""
        return replace(
            self,
            tag=self.tag[rows],
            time=self.time[rows],
            received=self.received[rows],
            raw=self.raw[rows],
            quality=self.quality[rows],
            form=self.form[rows],
            origin=self.origin[rows],
        )

    def of(self, path: str) -> Batch:
        """Return the rows of one tag."""
        try:
            index = self.names.index(path)
        except ValueError:
            return self.take(slice(0, 0))
        return self.take(self.tag == index)

    def compact(self) -> Batch:
        """Return the same samples with a dictionary of no more names than there are rows."""
        if len(self.names) <= len(self):
            return self
        used, tag = np.unique(self.tag, return_inverse=True)
        return replace(self, names=tuple(self.names[i] for i in used.tolist()), tag=tag.astype(np.uint32))

    def marked(self, origin: Origin) -> Batch:
        """Return the batch with `origin` added to every row; origins are never removed."""
        return replace(self, origin=self.origin | np.uint8(origin))

    def to_bytes(self) -> bytes:
        """Write the batch as one self-describing blob; `from_bytes` reads it."""
        names, texts = _pack_names(self.names), _pack(self.texts)
        head = _HEADER.pack(_MAGIC, len(self), len(names), len(texts), 0)
        columns = [np.ascontiguousarray(getattr(self, c), dtype=t).tobytes() for c, t in _COLUMNS]
        return b"".join((head, names, texts, *columns))

    @staticmethod
    def from_bytes(blob: bytes | memoryview) -> Batch:
        """Read what `to_bytes` wrote, without copying the columns.

        Raises ValueError on anything else: wrong magic, wrong length, index out of range.
        """
        if len(blob) < _HEADER.size:
            raise ValueError("a batch blob is cut short")
        magic, rows, names_size, texts_size, _ = _HEADER.unpack_from(blob)
        at = _HEADER.size
        if magic != _MAGIC or len(blob) != at + names_size + texts_size + rows * _ROW_BYTES:
            raise ValueError("not a batch blob, or one of another version or length")
        names = _unpack_names(bytes(blob[at : at + names_size]))
        at += names_size
        texts = _unpack(bytes(blob[at : at + texts_size]))
        at += texts_size
        columns = {}
        for column, code in _COLUMNS:
            columns[column] = np.frombuffer(blob, np.dtype(code), rows, at)
            at += columns[column].nbytes
        batch = Batch(names=names, texts=texts, **columns)
        _check(batch)
        return batch

    @staticmethod
    def floats(
        names: tuple[str, ...],
        tag: npt.NDArray[np.uint32],
        time: Ints,
        values: Floats,
        *,
        received: int | Ints,
        quality: int | npt.NDArray[np.uint32] = 0,
        origin: Origin = Origin.DEVICE,
    ) -> Batch:
        """Build a batch of float samples from columns; scalars are spread over all rows."""
        n = len(tag)
        return Batch(
            names=names,
            tag=np.asarray(tag, np.uint32),
            time=np.asarray(time, np.int64),
            received=np.broadcast_to(np.asarray(received, np.int64), n),
            raw=np.ascontiguousarray(values, np.float64).view(np.int64),
            quality=np.broadcast_to(np.asarray(quality, np.uint32), n),
            form=np.zeros(n, np.uint8),
            origin=np.full(n, int(origin), np.uint8),
        )

    @staticmethod
    def empty() -> Batch:
        """Return a batch without samples."""
        return BatchBuilder().build()

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """Join batches in order, merging their dictionaries."""
        if len(batches) == 1:
            return batches[0]
        if not batches:
            return Batch.empty()
        names, tags = _merge([b.names for b in batches], [b.tag for b in batches])
        texts: tuple[str, ...] = ()
        raws = [b.raw for b in batches]
        if any(b.texts for b in batches):
            texts, raws = _merge_texts(batches)
        return Batch(
            names=names,
            texts=texts,
            tag=np.concatenate(tags).astype(np.uint32, copy=False),
            raw=np.concatenate(raws),
            time=np.concatenate([b.time for b in batches]),
            received=np.concatenate([b.received for b in batches]),
            quality=np.concatenate([b.quality for b in batches]),
            form=np.concatenate([b.form for b in batches]),
            origin=np.concatenate([b.origin for b in batches]),
        )


class BatchBuilder:
    """Collects samples one at a time where the protocol gives them one at a time."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}
        self._texts: dict[str, int] = {}
        self._rows: list[_Row] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        path: str,
        time: int,
        value: Value,
        *,
        received: int,
        quality: int = 0,
        origin: int = Origin.DEVICE,
    ) -> None:
        """Append one sample. An integer beyond 64 bits is kept as the nearest float."""
        raw: int
        if isinstance(value, str):
            form, raw = Form.TEXT, self._texts.setdefault(value, len(self._texts))
        elif isinstance(value, (bool, np.bool_)):
            form, raw = Form.BOOLEAN, int(value)
        elif isinstance(value, (int, np.integer)) and INT64_MIN <= value <= INT64_MAX:
            form, raw = Form.INTEGER, int(value)
        else:
            form, raw = Form.FLOAT, _FLOAT_BITS.unpack(_FLOAT.pack(float(value)))[0]
        index = self._index.setdefault(path, len(self._index))
        self._rows.append((index, time, received, raw, quality, form, origin))

    def build(self) -> Batch:
        """Return everything added so far as a batch, and start anew."""
        columns: Sequence[Iterable[int]] = list(zip(*self._rows, strict=True)) or [()] * 7
        tag, time, received, raw, quality, form, origin = columns
        batch = Batch(
            names=tuple(self._index),
            texts=tuple(self._texts),
            tag=np.array(tag, np.uint32),
            time=np.array(time, np.int64),
            received=np.array(received, np.int64),
            raw=np.array(raw, np.int64),
            quality=np.array(quality, np.uint32),
            form=np.array(form, np.uint8),
            origin=np.array(origin, np.uint8),
        )
        self._index, self._texts, self._rows = {}, {}, []
        return batch


_FLOAT, _FLOAT_BITS = struct.Struct("<d"), struct.Struct("<q")


def _pack(words: tuple[str, ...]) -> bytes:
    # Length-prefixed, because a text may hold any character.
    parts = []
    for word in words:
        encoded = word.encode("utf-8", "surrogatepass")
        parts += [len(encoded).to_bytes(4, "little"), encoded]
    return b"".join(parts)


def _unpack(packed: bytes) -> tuple[str, ...]:
    words, at = [], 0
    while at < len(packed):
        size = int.from_bytes(packed[at : at + 4], "little")
        at += 4
        if at + size > len(packed):
            raise ValueError("a batch blob's dictionary is cut short")
        words.append(packed[at : at + size].decode("utf-8", "surrogatepass"))
        at += size
    return tuple(words)


# A source sends the same names with every batch, texts hardly ever twice.
_pack_names = lru_cache(maxsize=256)(_pack)
_unpack_names = lru_cache(maxsize=256)(_unpack)


def _check(batch: Batch) -> None:
    if not len(batch):
        return
    if int(batch.tag.max()) >= len(batch.names):
        raise ValueError("a batch blob names a tag that its dictionary does not have")
    if int(batch.form.max()) > Form.TEXT:
        raise ValueError("a batch blob has a value of unknown form")
    text = batch.raw[batch.form == Form.TEXT]
    if text.size and not (int(text.min()) >= 0 and int(text.max()) < len(batch.texts)):
        raise ValueError("a batch blob names a text that its dictionary does not have")


def _merge(
    words: Sequence[tuple[str, ...]], indices: Sequence[npt.NDArray[np.uint32]]
) -> tuple[tuple[str, ...], list[npt.NDArray[np.uint32]]]:
    if all(w is words[0] or w == words[0] for w in words):
        return words[0], list(indices)
    merged: dict[str, int] = {}
    tables: dict[int, npt.NDArray[np.uint32]] = {}  # by identity: most batches share a few dictionaries
    mapped = []
    for batch_words, index in zip(words, indices, strict=True):
        table = tables.get(id(batch_words))
        if table is None:
            table = np.array([merged.setdefault(w, len(merged)) for w in batch_words], np.uint32)
            tables[id(batch_words)] = table
        mapped.append(table[index] if len(table) else index)
    return tuple(merged), mapped


def _merge_texts(batches: Sequence[Batch]) -> tuple[tuple[str, ...], list[Ints]]:
    merged: dict[str, int] = {}
    raws = []
    for batch in batches:
        raw = batch.raw
        if batch.texts:
            table = np.array([merged.setdefault(t, len(merged)) for t in batch.texts], np.int64)
            rows = batch.form == Form.TEXT
            raw = raw.copy()
            raw[rows] = table[raw[rows]]
        raws.append(raw)
    return tuple(merged), raws
