"""The shape a publish response has after decoding: rows in columns, values as on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plant.batch import INT64_MIN, Ints, Mask

EPOCH = 116_444_736_000_000_000
"""1970-01-01 in OPC UA's ticks of 100 ns since 1601."""
MISSING = INT64_MIN
"""The time that stands for "no usable timestamp"."""
_LAST_TICK = EPOCH + (2**63 - 1) // 100 - 1


class BuiltIn(IntEnum):
    """The built-in types of a value (Part 6 table 1); NULL is no value."""

    NULL = 0
    BOOLEAN = 1
    SBYTE = 2
    BYTE = 3
    INT16 = 4
    UINT16 = 5
    INT32 = 6
    UINT32 = 7
    INT64 = 8
    UINT64 = 9
    FLOAT = 10
    DOUBLE = 11
    STRING = 12
    DATETIME = 13
    GUID = 14
    BYTESTRING = 15
    XML_ELEMENT = 16
    NODE_ID = 17
    EXPANDED_NODE_ID = 18
    STATUS_CODE = 19
    QUALIFIED_NAME = 20
    LOCALIZED_TEXT = 21
    STRUCTURE = 22
    DATA_VALUE = 23
    VARIANT = 24
    DIAGNOSTIC_INFO = 25


Row = tuple[int, int, int, int, int, int, int]
"""handle, kind, bits, status, source ticks, source picoseconds / 10, server ticks."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The items of one response. All arrays have the same length.

    `kind`: a `BuiltIn`; `bits`: the value as it is on the wire, widened to 64 bits, or an
    index into `texts`. `source`, `server`: ns since 1970 UTC or `MISSING`. `refused`: why a
    handle's value cannot be a tag's; its status says so too.
    """

    handle: npt.NDArray[np.uint32]
    kind: npt.NDArray[np.uint8]
    bits: Ints
    status: npt.NDArray[np.uint32]
    source: Ints
    server: Ints
    texts: tuple[str, ...] = ()
    refused: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.handle)


@dataclass(frozen=True, slots=True)
class Publication:
    """One publish response. `sent`: ns UTC by the server's clock, or `MISSING`.

    `ended`: the StatusCode with which the server gave the subscription up, if it did.
    `rows` is empty in a keep-alive, whose `sequence` is that of the message to come.
    """

    subscription: int
    sequence: int
    sent: int
    rows: Rows
    keep_alive: bool = False
    ended: int | None = None


class Segment(NamedTuple):
    """Some items in a row, as columns that are not widened yet; the order is that of `Row`."""

    handle: npt.NDArray[Any]
    kind: npt.NDArray[Any] | int
    bits: npt.NDArray[Any] | int
    status: npt.NDArray[Any] | int
    source: npt.NDArray[Any] | int
    source_ps: npt.NDArray[Any] | int
    server: npt.NDArray[Any] | int


def to_rows(segments: Sequence[Segment], texts: Iterable[str], refused: dict[int, str]) -> Rows:
    """Join segments into one set of rows; timestamps become ns here."""
    lengths = [len(segment.handle) for segment in segments]
    total = sum(lengths)
    joined: list[npt.NDArray[Any]] = []
    for column, code in zip(range(7), ("u4", "u1", "i8", "u4", "i8", "i8", "i8"), strict=True):
        whole = np.empty(total, code)
        at = 0
        for segment, length in zip(segments, lengths, strict=True):
            whole[at : at + length] = segment[column]
            at += length
        joined.append(whole)
    handle, kind, bits, status, source, source_ps, server = joined
    return Rows(handle, kind, bits, status, _ns(source, source_ps), _ns(server, 0), tuple(texts), refused)


def _ns(ticks: Ints, tens_of_ps: Ints | int) -> Ints:
    usable = ticks_in_range(ticks)
    ns: Ints = (ticks - EPOCH) * 100 + tens_of_ps // 100
    return ns if usable.all() else np.where(usable, ns, MISSING)


def ticks_in_range(ticks: Ints) -> Mask:
    """Say which OPC UA times can be written as ns since 1970: years 1970 to 2262."""
    return (ticks >= EPOCH) & (ticks <= _LAST_TICK)


def ticks_to_ns(ticks: int) -> int:
    """Turn one OPC UA time into ns since 1970, or `MISSING` where it has no such time."""
    return (ticks - EPOCH) * 100 if EPOCH <= ticks <= _LAST_TICK else MISSING
