"""Publish responses as columns: pure bytes in, NumPy arrays out, no object per sample.

A response is a header and a list of items (OPC UA Part 4 §7.25.2, Part 6 §5.2.2.17):

    handle u4 | mask u1 | type u1, value | status u4 | source i8 | ps u2 | server i8 | ps u2
                 └── says which of the parts behind it are there ──┘

Items of one `(mask, type)` with a value of fixed width all have the same size. A run of
them is therefore a NumPy structured array lying ready in the message, and is read without
a loop. Short runs are read item by item with precompiled `struct`s, strings by hand.
Values stay what they are on the wire, 64 bits with a type beside them, until `batches`
gives them meaning. What is too rare to be worth a line here raises `Unusual`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from collectors.opcua.columns import BuiltIn, Publication, Row, Rows, Segment, ticks_to_ns, to_rows
from collectors.opcua.variable import Malformed, Unusual, Values, read_item, skip_node_id

_SHORTEST_RUN, _LONGEST_RUN = 8, 4096
_DATA_CHANGE, _STATUS_CHANGE = 811, 820
_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PS, _SERVER_PS = 1, 2, 4, 8, 16, 32


# Every width is read as an integer: the bits of a float are what a batch stores anyway.
_WIDTH = {
    BuiltIn.BOOLEAN: "B",
    BuiltIn.SBYTE: "b",
    BuiltIn.BYTE: "B",
    BuiltIn.INT16: "h",
    BuiltIn.UINT16: "H",
    BuiltIn.INT32: "i",
    BuiltIn.UINT32: "I",
    BuiltIn.INT64: "q",
    BuiltIn.UINT64: "q",
    BuiltIn.FLOAT: "I",
    BuiltIn.DOUBLE: "q",
    BuiltIn.DATETIME: "q",
    BuiltIn.STATUS_CODE: "I",
}
_U16, _U32, _I32, _I64 = (struct.Struct("<" + code).unpack_from for code in "HIiq")


@dataclass(frozen=True, slots=True)
class _Layout:
    """How an item of one `(mask, type)` lies in the message."""

    size: int
    unpack: Callable[[bytes, int], tuple[int, ...]]
    tail: tuple[int, int]
    pick: Callable[[tuple[int, ...]], Row]
    columns: np.dtype[np.void]
    kind: int


_NUMPY = {"B": "u1", "b": "i1", "H": "<u2", "h": "<i2", "I": "<u4", "i": "<i4", "q": "<i8"}


@cache
def _layout(mask: int, kind: int | None) -> _Layout:
    """Lay out an item with these parts; `kind` is None where the mask has no value."""
    width = _WIDTH.get(BuiltIn(kind), "") if kind is not None else ""
    parts = [("handle", "I", True), ("key", "B" if kind is None else "H", True), ("bits", width, bool(width))]
    parts += [("status", "I", bool(mask & _STATUS)), ("source", "q", bool(mask & _SOURCE))]
    parts += [("source_ps", "H", bool(mask & _SOURCE_PS)), ("server", "q", bool(mask & _SERVER))]
    parts += [("server_ps", "H", bool(mask & _SERVER_PS))]
    there = [(name, code) for name, code, present in parts if present]
    record = struct.Struct("<" + "".join(code for _, code in there))
    # What is not in the message is picked from `tail`, which `unpack`'s result is joined with.
    where = {name: at for at, (name, _) in enumerate(there)}
    zero, kind_at = len(there), len(there) + 1
    rest = (where.get(name, zero) for name in ("bits", "status", "source", "source_ps", "server"))
    return _Layout(
        size=record.size,
        unpack=record.unpack_from,
        tail=(0, kind or 0),
        pick=itemgetter(where["handle"], kind_at, *rest),
        columns=np.dtype([(name, _NUMPY[code]) for name, code in there]),
        kind=kind or 0,
    )


_LAYOUTS: dict[int, _Layout] = {
    mask | kind << 8: _layout(mask, kind) for mask in range(1, 64, 2) for kind in (BuiltIn.NULL, *_WIDTH)
} | {mask: _layout(mask, None) for mask in range(0, 64, 2)}
"""By the two bytes that begin a data value; an even mask has no type byte and is its own key."""


def decode(message: bytes) -> Publication:
    """Read a publish response from its type id on.

    Raises Unusual for what only a generic decoder reads, Malformed for anything else.
    """
    try:
        return _publication(message)
    except (struct.error, IndexError, ValueError) as error:
        raise Malformed(f"a publish response cannot be read: {error}") from error


def _publication(message: bytes) -> Publication:
    at = skip_node_id(message, 0)
    (sent,) = _I64(message, at)
    at += 16  # timestamp, request handle, service result
    if message[at]:
        raise Unusual("diagnostics in the header")
    if _I32(message, at + 1)[0] > 0:
        raise Unusual("a string table in the header")
    at = skip_node_id(message, at + 5)
    if message[at]:
        raise Unusual("an additional header")
    subscription, available = struct.unpack_from("<Ii", message, at + 1)
    at += 9 + 4 * max(available, 0)
    sequence, _, parts = struct.unpack_from("<xIqi", message, at)
    at += 17
    walk, ended = _Walk(message), None
    for _ in range(max(parts, 0)):
        code, start, end = _extension(message, at)
        if code == _DATA_CHANGE:
            walk.items(start, end)
        elif code == _STATUS_CHANGE:
            (ended,) = _U32(message, start)
        else:
            raise Unusual(f"a notification of type i={code}")
        at = end
    rows = walk.rows()
    return Publication(subscription, sequence, ticks_to_ns(sent), rows, keep_alive=parts <= 0, ended=ended)


def _extension(message: bytes, at: int) -> tuple[int, int, int]:
    """Return the numeric type id of an extension object, and where its body starts and ends."""
    if message[at] != 1 or message[at + 1]:
        raise Unusual("a notification of a vendor's own type")
    (code,) = _U16(message, at + 2)
    if message[at + 4] != 1:
        raise Unusual("a notification that is not binary")
    (size,) = _I32(message, at + 5)
    start, end = at + 9, at + 9 + size
    if size < 0 or end > len(message):
        raise Malformed("a notification is cut short")
    return code, start, end


class _Walk:
    """Goes through the items of a message and keeps what it saw as segments of columns."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._segments: list[Segment] = []
        self._loose: list[Row] = []
        self._values = Values()

    def items(self, at: int, end: int) -> None:
        """Read a DataChangeNotification's items between two offsets."""
        message, loose = self._message, self._loose
        (count,) = _I32(message, at)
        at += 4
        if count > (end - at) // 5:
            raise Malformed("more items are announced than there is room for")
        while count > 0:
            (key,) = _U16(message, at + 4)
            layout = _LAYOUTS.get(key if key & 1 else key & 0xFF)
            if layout is None:
                row, at = read_item(message, at, key, self._values)
                loose.append(row)
                count -= 1
                continue
            run = self._run(at, end, count, key, layout) if count >= _SHORTEST_RUN else 0
            if run:
                self._tie()
                self._segments.append(_run_segment(message, at, run, layout))
                at += run * layout.size
                count -= run
            else:
                loose.append(layout.pick(layout.unpack(message, at) + layout.tail))
                at += layout.size
                count -= 1
            if at > end:
                raise Malformed("an item reaches past its notification")

    def _run(self, at: int, end: int, count: int, key: int, layout: _Layout) -> int:
        """Return how many items from here on look alike, or 0 where looking is not worth it.

        The first is known to be of this layout, so the second starts right behind it; if its
        key is the same the third does, and so on: equal keys at equal distances are items.
        """
        if not key & 1:
            return 0
        fit = min(count, (end - at) // layout.size, _LONGEST_RUN)
        if fit < _SHORTEST_RUN or _U16(self._message, at + 4 + (_SHORTEST_RUN - 1) * layout.size)[0] != key:
            return 0
        keys: npt.NDArray[np.uint16] = np.ndarray(fit, "<u2", self._message, at + 4, (layout.size,))
        alike = keys == key
        run = fit if alike.all() else int(alike.argmin())
        return run if run >= _SHORTEST_RUN else 0

    def _tie(self) -> None:
        if self._loose:
            columns = [np.array(column, np.int64) for column in zip(*self._loose, strict=True)]
            self._segments.append(Segment(*columns))
            self._loose.clear()

    def rows(self) -> Rows:
        """Return everything read so far."""
        self._tie()
        return to_rows(self._segments, self._values.texts, self._values.refused)


def _run_segment(message: bytes, at: int, run: int, layout: _Layout) -> Segment:
    items = np.frombuffer(message, layout.columns, run, at)
    names = layout.columns.names or ()
    rest = (items[name] if name in names else 0 for name in ("bits", "status", "source", "source_ps", "server"))
    return Segment(items["handle"], layout.kind, *rest)
