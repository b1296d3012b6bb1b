"""Sparkplug B payloads: the protobuf wire format, read strictly and only as far as tags need it.

    Payload        1 timestamp · 2 metric* · 3 seq · 5 body
    Metric         1 name · 2 alias · 3 timestamp · 4 datatype · 5 is_historical · 7 is_null · 9 properties
                   10 int · 11 long · 12 float · 13 double · 14 bool · 15 string · 16 … bytes, data set, template
    PropertySet    1 key* · 2 PropertyValue*
    PropertyValue  1 type · 2 is_null · 3 int · 4 long · 5 float · 6 double · 7 bool · 8 string

Read by hand rather than by the protobuf library: the schema is fixed, three messages of it
are needed, and what comes from a broker is untrusted. Nothing here recurses or allocates by a
length that was not checked; data sets and templates are skipped unread. The price is this
page, and the judge is the reference implementation that the tests run against.
Source: Sparkplug 3.0.0, clause 6.4; protobuf encoding guide.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, cast

from collectors.mqtt.payload import Unreadable
from plant.batch import Value
from plant.clock import MILLISECOND

MOST_METRICS = 20_000

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_Wire = tuple[int, int | bytes]
Property = int | float | bool | str


class DataType(IntEnum):
    """The data types whose values fit a tag; the others are data sets, templates, bytes and arrays."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15


_BITS = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_INTEGERS = frozenset({*_BITS, DataType.UINT8, DataType.UINT16, DataType.UINT32, DataType.UINT64, DataType.DATETIME})
_TEXTS = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})


class Metric(NamedTuple):
    """One metric as it came. `time`: ns UTC or None. `field`, `raw`: the value, by its field number.

    The data type may be missing after the birth, so `value` is asked with the born one.
    """

    name: str | None
    alias: int | None
    time: int | None
    datatype: int
    historical: bool
    null: bool
    properties: dict[str, Property]
    field: int
    raw: int | bytes

    def value(self, datatype: int) -> Value:
        """Return the value in the form of `datatype`; a date is ms since 1970 UTC. Raises Unreadable."""
        try:
            kind = DataType(datatype)
        except ValueError as error:
            raise Unreadable(f"data type {datatype} has no single value") from error
        raw = self.raw
        if kind in _INTEGERS and self.field in (10, 11) and isinstance(raw, int):
            return _signed(raw, _BITS[kind]) if kind in _BITS else raw
        if kind is DataType.BOOLEAN and self.field == 14:
            return bool(raw)
        if kind in _TEXTS and self.field == 15:
            return _text(raw)
        if (kind, self.field) in ((DataType.FLOAT, 12), (DataType.DOUBLE, 13)):
            return _float(raw)
        raise Unreadable(f"data type {kind.name} with its value in field {self.field}")


class Payload(NamedTuple):
    """One Sparkplug message. `time`: ns UTC or None. `seq`: 0 to 255 or None (NDEATH)."""

    time: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def decode(payload: bytes) -> Payload:
    """Read a payload. Raises Unreadable when it is not one, whatever the bytes are."""
    time: int | None = None
    seq: int | None = None
    metrics: list[Metric] = []
    for field, value in _fields(payload):
        if field == 1:
            time = _milliseconds(value)
        elif field == 2:
            if len(metrics) >= MOST_METRICS:
                raise Unreadable(f"more than {MOST_METRICS} metrics")
            metrics.append(_metric(value))
        elif field == 3:
            seq = _integer(value)
            if seq > 255:
                raise Unreadable(f"seq {seq} is beyond 255")
        elif field == 5:
            raise Unreadable("its content is in `body`, compressed or foreign")
    return Payload(time, seq, tuple(metrics))


def rebirth_request(now: int) -> bytes:
    """Write the NCMD payload that asks an edge node for its birth certificate; `now` in ns UTC."""
    stamp = _varint(now // MILLISECOND)
    name = b"Node Control/Rebirth"
    metric = b"".join((b"\x0a", _varint(len(name)), name, b"\x18", stamp, b"\x20\x0b", b"\x70\x01"))
    return b"".join((b"\x08", stamp, b"\x12", _varint(len(metric)), metric))


# ------------------------------------------------------------------------------ messages
def _metric(message: int | bytes) -> Metric:
    name: str | None = None
    alias: int | None = None
    time: int | None = None
    datatype, historical, null = 0, False, False
    properties: dict[str, Property] = {}
    place: int = 0
    raw: int | bytes = 0
    for field, value in _fields(message):
        if field == 1:
            name = _text(value)
        elif field == 2:
            alias = _integer(value)
        elif field == 3:
            time = _milliseconds(value)
        elif field == 4:
            datatype = _integer(value)
        elif field == 5:
            historical = bool(value)
        elif field == 7:
            null = bool(value)
        elif field == 9:
            properties = _properties(value)
        elif 10 <= field <= 19:
            place, raw = field, value
    return Metric(name, alias, time, datatype, historical, null or place == 0, properties, place, raw)


def _properties(message: int | bytes) -> dict[str, Property]:
    keys, values = [], []
    for field, value in _fields(message):
        if field == 1:
            keys.append(_text(value))
        elif field == 2:
            values.append(_property(value))
    return {key: value for key, value in zip(keys, values, strict=False) if value is not None}


def _property(message: int | bytes) -> Property | None:
    datatype, found = 0, cast("Property | None", None)
    for field, value in _fields(message):
        if field == 1:
            datatype = _integer(value)
        elif field in (3, 4):
            number = _integer(value)
            found = _signed(number, _BITS[DataType(datatype)]) if datatype in _BITS else number
        elif field in (5, 6):
            found = _float(value)
        elif field == 7:
            found = bool(value)
        elif field == 8:
            found = _text(value)
    return found


# ---------------------------------------------------------------------------------- wire
def _fields(message: int | bytes) -> Iterator[_Wire]:
    """Yield each field's number and content: an integer, or the bytes of anything else."""
    if isinstance(message, int):
        raise Unreadable("a number where a message belongs")
    at, end = 0, len(message)
    while at < end:
        key, at = _read_varint(message, at)
        field, wire = key >> 3, key & 0b111
        if field == 0:
            raise Unreadable("field 0 does not exist")
        if wire == _VARINT:
            number, at = _read_varint(message, at)
            yield field, number
            continue
        if wire == _LENGTH:
            size, at = _read_varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise Unreadable(f"wire type {wire} is not in use")
        if at + size > end:
            raise Unreadable("cut short")
        yield field, message[at : at + size]
        at += size


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise Unreadable("cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise Unreadable("a number of more than ten bytes")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise Unreadable("bytes where a number belongs")
    return value


def _milliseconds(value: int | bytes) -> int:
    return _integer(value) * MILLISECOND


def _signed(value: int, bits: int) -> int:
    # Encoders differ in how far they extend the sign of a small integer; its own bits decide.
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _float(value: int | bytes) -> float:
    if isinstance(value, int) or len(value) not in (4, 8):
        raise Unreadable("a floating-point number of neither four nor eight bytes")
    return float(struct.unpack("<f" if len(value) == 4 else "<d", value)[0])


def _text(value: int | bytes) -> str:
    if isinstance(value, int):
        raise Unreadable("a number where a text belongs")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("a text that is not UTF-8") from error
