"""A reply's bytes as columns: all values of one format at once, no object per value.

The order of words is settled once, in the index that picks them; the order of bytes is one
swap of a whole array; then the picked bytes are simply looked at as what they are:

    reply   .. 42 F6 E9 79 ..      pick [[7, 6]]  →  E979 42F6  (CDAB)  →  view as ">f4"

What a value becomes: integers stay exact integers unless scaled, a scaled one is a float,
a bit is a boolean, an unsigned 64-bit integer beyond 2^63-1 the nearest float. A float that
is no number (NaN or infinite, the usual sign of a broken sensor wire) is kept as it came
with BAD_SENSOR_FAILURE: it must not enter any mean. A string ends at its first NUL, padding
blanks are cut, and bytes that are not UTF-8 are shown as replacement characters with
UNCERTAIN. In a string only the order of bytes counts: BADC and DCBA swap the two characters
of each register, the registers themselves always come in reading order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.modbus.plan import Block
from configs.sources import ModbusAddress, ModbusFormat, ModbusTable
from plant.batch import INT64_MAX, Floats, Form, Ints
from plant.quality import Quality

Words = npt.NDArray[np.uint16]

_DTYPES = {
    ModbusFormat.INT16: ">i2",
    ModbusFormat.UINT16: ">u2",
    ModbusFormat.INT32: ">i4",
    ModbusFormat.UINT32: ">u4",
    ModbusFormat.INT64: ">i8",
    ModbusFormat.UINT64: ">u8",
    ModbusFormat.FLOAT32: ">f4",
    ModbusFormat.FLOAT64: ">f8",
    ModbusFormat.BIT: ">u2",
}
_BIT_TABLES = (ModbusTable.COIL, ModbusTable.DISCRETE)
_LITTLE_WORDS = ("CDAB", "DCBA")
_SWAPPED_BYTES = ("BADC", "DCBA")


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Decoded values of one block, row by row as in `Layout.rows`; see `plant.batch` for the meaning."""

    raw: Ints
    form: npt.NDArray[np.uint8]
    quality: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What values must share to be decoded in one go."""

    format: ModbusFormat
    swapped: bool
    scaled: bool
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Values of one kind. `pick`: shape (values, width), where each one's words lie in the block."""

    kind: _Kind
    rows: slice
    pick: npt.NDArray[np.intp]
    bit: npt.NDArray[np.uint16]
    scale: Floats
    offset: Floats


class Layout:
    """Where the values of one block lie in its reply. Made once, used for every poll.

    `rows`: for each decoded row the index of its address.
    """

    def __init__(self, block: Block, addresses: Sequence[ModbusAddress]) -> None:
        kinds: dict[_Kind, list[int]] = defaultdict(list)
        for index in block.wanted:
            kinds[_kind(addresses[index])].append(index)
        self.rows = np.array([index for members in kinds.values() for index in members], np.uint32)
        self._bits = block.table in _BIT_TABLES
        self._form = np.empty(len(self.rows), np.uint8)
        self._good = np.zeros(len(self.rows), np.uint32)
        self._groups: list[_Group] = []
        at = 0
        for kind, members in kinds.items():
            group = _group(kind, [addresses[index] for index in members], start=block.start, at=at)
            self._form[group.rows] = _form(kind)
            self._groups.append(group)
            at += len(members)

    def decode(self, payload: bytes, texts: list[str]) -> Columns:
        """Turn the data bytes of a reply into columns; strings are appended to `texts`.

        `payload`: big-endian registers, or packed bits (lowest first) for the bit tables,
        exactly as long as the block asks for.
        """
        if self._bits:
            words = np.unpackbits(np.frombuffer(payload, np.uint8), bitorder="little").astype(">u2")
        else:
            words = np.frombuffer(payload, ">u2")
        columns = Columns(np.empty(len(self.rows), np.int64), self._form, self._good)
        for group in self._groups:
            if group.kind.format is ModbusFormat.STRING:
                columns = _fill_texts(group, words, columns, texts)
            else:
                columns = _fill_numbers(group, words, columns)
        return columns


def _kind(address: ModbusAddress) -> _Kind:
    text = address.format is ModbusFormat.STRING
    # A coil is a bit whatever its format says: `uint16` is only the default nobody wrote.
    bit = address.table in _BIT_TABLES
    return _Kind(
        ModbusFormat.BIT if bit else address.format,
        swapped=not bit and address.order in _SWAPPED_BYTES,
        scaled=not text and (address.scale, address.offset) != (1.0, 0.0),
        length=address.width,
    )


def _form(kind: _Kind) -> Form:
    if kind.format is ModbusFormat.STRING:
        return Form.TEXT
    if kind.scaled or kind.format in (ModbusFormat.FLOAT32, ModbusFormat.FLOAT64):
        return Form.FLOAT
    return Form.BOOLEAN if kind.format is ModbusFormat.BIT else Form.INTEGER


def _group(kind: _Kind, members: Sequence[ModbusAddress], *, start: int, at: int) -> _Group:
    pick = np.empty((len(members), kind.length), np.intp)
    for row, address in enumerate(members):
        first = address.register_ - start
        words = range(first, first + kind.length)
        little = kind.format is not ModbusFormat.STRING and address.order in _LITTLE_WORDS
        pick[row] = words[::-1] if little else words
    return _Group(
        kind,
        slice(at, at + len(members)),
        pick,
        # A coil has no bit number: it stands in the lowest bit of its word.
        bit=np.array([0 if m.table in _BIT_TABLES else m.bit or 0 for m in members], np.uint16),
        scale=np.array([m.scale for m in members]),
        offset=np.array([m.offset for m in members]),
    )


def _fill_numbers(group: _Group, words: Words, columns: Columns) -> Columns:
    kind, cells = group.kind, words[group.pick]
    if kind.swapped:
        cells = cells.byteswap()
    values = cells.view(_DTYPES[kind.format])[:, 0]
    if kind.format is ModbusFormat.BIT:
        values = values >> group.bit & 1
    if _form(kind) is Form.FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is marked below
            floats = values * group.scale + group.offset if kind.scaled else values.astype(np.float64)
        columns.raw[group.rows] = floats.view(np.int64)
        return _marked(columns, group.rows, ~np.isfinite(floats), Quality.BAD_SENSOR_FAILURE)
    columns.raw[group.rows] = values.astype(np.int64)
    if kind.format is ModbusFormat.UINT64 and (beyond := values > INT64_MAX).any():
        form = columns.form.copy()
        form[group.rows][beyond] = Form.FLOAT
        columns.raw[group.rows][beyond] = values[beyond].astype(np.float64).view(np.int64)
        return Columns(columns.raw, form, columns.quality)
    return columns


def _fill_texts(group: _Group, words: Words, columns: Columns, texts: list[str]) -> Columns:
    cells = words[group.pick]
    if group.kind.swapped:
        cells = cells.byteswap()
    broken = np.zeros(len(cells), np.bool_)
    for row, cell in enumerate(cells):
        letters = cell.tobytes().partition(b"\0")[0]
        text = letters.decode("utf-8", errors="replace")
        broken[row] = text.encode() != letters
        columns.raw[group.rows.start + row] = len(texts)
        texts.append(text.rstrip(" "))
    return _marked(columns, group.rows, broken, Quality.UNCERTAIN)


def _marked(columns: Columns, rows: slice, which: npt.NDArray[np.bool_], quality: Quality) -> Columns:
    if not which.any():
        return columns
    marked = columns.quality.copy()
    marked[rows][which] = quality
    return Columns(columns.raw, columns.form, marked)
