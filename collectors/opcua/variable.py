"""Values without a fixed width: texts are read, what can never be a tag is stepped over.

A node that turns out to be an array or a structure costs its own tag, not the batch and
not the fast path of its neighbours: its row reads `BAD_TYPE_MISMATCH`, with a reason.
"""

from __future__ import annotations

import struct
import uuid

from collectors.opcua.columns import BuiltIn, Row
from plant.quality import Quality

TEXT_LIMIT = 65_536
"""Longest text taken, in bytes of UTF-8."""
BAD_ENCODING_LIMITS_EXCEEDED = 0x80080000

_U16, _U32, _I32, _I64 = (struct.Struct("<" + code).unpack_from for code in "HIiq")
_BAD = int(Quality.BAD)
_SIZE = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: 16, 19: 4}
_ARRAY, _DIMENSIONS, _TYPE = 0x80, 0x40, 0x3F


class Unusual(Exception):
    """The message is legal, but holds something only the generic decoder reads."""


class Malformed(ValueError):
    """The bytes are not a publish response."""


class Values:
    """The values of one message that are no numbers: texts by index, refusals by handle."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.refused: dict[int, str] = {}

    def text(self, handle: int, status: int, text: bytes | None) -> tuple[int, int, int]:
        """Keep a text; return its kind, bits and status."""
        if text is None:
            return BuiltIn.NULL, 0, status
        if len(text) > TEXT_LIMIT:
            self.refused[handle] = f"a text of {len(text)} bytes; at most {TEXT_LIMIT} are taken"
            return BuiltIn.NULL, 0, status if status >= _BAD else BAD_ENCODING_LIMITS_EXCEEDED
        words = text.decode("utf-8", "replace")
        return BuiltIn.STRING, self.texts.setdefault(words, len(self.texts)), status

    def refuse(self, handle: int, status: int, kind: int, *, array: bool) -> tuple[int, int, int]:
        """Note that a value cannot be a tag's; return its kind, bits and status."""
        name = BuiltIn(kind).name.replace("_", " ").lower()
        self.refused[handle] = f"{'an array of' if array else 'a value of type'} {name} cannot be a tag's value"
        return BuiltIn.NULL, 0, status if status >= _BAD else Quality.BAD_TYPE_MISMATCH


def read_item(message: bytes, at: int, key: int, values: Values) -> tuple[Row, int]:
    """Read the item at an offset; return its row and where the next one starts."""
    (handle,) = _U32(message, at)
    mask, form = key & 0xFF, key >> 8
    if mask & 0xC0:
        raise Malformed("a data value has parts that nobody defined")
    text, at = _array(message, form, at + 6) if form & _ARRAY else _scalar(message, form & _TYPE, at + 6)
    status = source = source_ps = server = 0
    if mask & 2:
        (status,) = _U32(message, at)
        at += 4
    if mask & 4:
        (source,) = _I64(message, at)
        at += 8
    if mask & 16:
        (source_ps,) = _U16(message, at)
        at += 2
    if mask & 8:
        (server,) = _I64(message, at)
        at += 8
    if mask & 32:
        at += 2
    if isinstance(text, _NotATag):
        kind, bits, status = values.refuse(handle, status, form & _TYPE, array=bool(form & _ARRAY))
    else:
        kind, bits, status = values.text(handle, status, text)
    return (handle, kind, bits, status, source, source_ps, server), at


class _NotATag:
    """What stands for a value that was stepped over."""


_SKIPPED = _NotATag()


def _scalar(message: bytes, kind: int, at: int) -> tuple[bytes | _NotATag | None, int]:
    match kind:
        case BuiltIn.STRING:
            return _bytes(message, at)
        case BuiltIn.BYTESTRING | BuiltIn.XML_ELEMENT:
            return _SKIPPED, _bytes(message, at)[1]
        case BuiltIn.LOCALIZED_TEXT:
            parts, at = message[at], at + 1
            if parts & 1:
                _, at = _bytes(message, at)
            return _bytes(message, at) if parts & 2 else (None, at)
        case BuiltIn.QUALIFIED_NAME:
            return _bytes(message, at + 2)
        case BuiltIn.GUID:
            if at + 16 > len(message):
                raise Malformed("a Guid is cut short")
            return str(uuid.UUID(bytes_le=message[at : at + 16])).encode(), at + 16
        case BuiltIn.NODE_ID:
            return _SKIPPED, skip_node_id(message, at)
        case BuiltIn.STRUCTURE:
            at = skip_node_id(message, at)
            return _SKIPPED, _bytes(message, at + 1)[1] if message[at] else at + 1
    raise Unusual(f"a value of built-in type {kind}")


def _array(message: bytes, form: int, at: int) -> tuple[_NotATag, int]:
    kind = form & _TYPE
    count = max(_I32(message, at)[0], 0)
    at += 4
    if kind in _SIZE:
        at += count * _SIZE[kind]
    else:
        for _ in range(count):
            _, at = _scalar(message, kind, at)
    if form & _DIMENSIONS:
        at += 4 + 4 * max(_I32(message, at)[0], 0)
    if at > len(message):
        raise Malformed("an array reaches past the message")
    return _SKIPPED, at


def _bytes(message: bytes, at: int) -> tuple[bytes | None, int]:
    (size,) = _I32(message, at)
    at += 4
    if size < 0:
        return None, at
    if at + size > len(message):
        raise Malformed("a text is cut short")
    return message[at : at + size], at + size


def skip_node_id(message: bytes, at: int) -> int:
    """Return where the node id that starts at an offset ends."""
    form = message[at]
    if form in (0, 1, 2):
        return at + (2, 4, 7)[form]
    if form == 4:
        return at + 19
    if form in (3, 5):
        (size,) = _I32(message, at + 3)
        return at + 7 + max(int(size), 0)
    raise Unusual("an expanded node id")
