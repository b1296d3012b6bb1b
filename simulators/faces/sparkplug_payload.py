"""Sparkplug B payloads as an edge node writes them, and the one command it obeys.

Only what a plant's signals need: integers as Int64, numbers as Double, truth values, texts.
The collectors' reader of the same format is a page of its own, by intention: what one side
writes wrongly the other must not read wrongly in the same way.
Source: Sparkplug 3.0.0, clause 6.4; protobuf encoding guide.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from plant.batch import Value
from plant.clock import MILLISECOND

REBIRTH = "Node Control/Rebirth"
_INT64, _DOUBLE, _BOOLEAN, _STRING = 4, 10, 11, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One metric in a payload. `time`: ns UTC. A birth gives `name` and `alias`, data the alias only."""

    value: Value
    time: int
    name: str = ""
    alias: int | None = None


def payload(entries: list[Entry], *, time: int, seq: int | None) -> bytes:
    """Write a payload; `time` in ns UTC, `seq` None for a death certificate."""
    parts = [_number(1, time // MILLISECOND), *(_chunk(2, _metric(entry)) for entry in entries)]
    if seq is not None:
        parts.append(_number(3, seq))
    return b"".join(parts)


def asks_for_rebirth(message: bytes) -> bool:
    """Tell whether an NCMD payload asks for a birth certificate; bytes that are none ask for nothing."""
    try:
        metrics = [dict(_fields(content)) for field, content in _fields(message) if field == 2]
    except ValueError:
        return False
    return any(metric.get(1) == REBIRTH.encode() and metric.get(14) == 1 for metric in metrics)


def _metric(entry: Entry) -> bytes:
    value = entry.value
    if isinstance(value, bool):
        kind, content = _BOOLEAN, _number(14, int(value))
    elif isinstance(value, int):
        kind, content = _INT64, _number(11, value & 0xFFFF_FFFF_FFFF_FFFF)
    elif isinstance(value, float):
        kind, content = _DOUBLE, _varint(13 << 3 | 1) + struct.pack("<d", value)
    else:
        kind, content = _STRING, _chunk(15, value.encode())
    name = _chunk(1, entry.name.encode()) if entry.name else b""
    alias = _number(2, entry.alias) if entry.alias is not None else b""
    return b"".join((name, alias, _number(3, entry.time // MILLISECOND), _number(4, kind), content))


# ---------------------------------------------------------------------------------- wire
def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _chunk(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _fields(message: int | bytes) -> list[tuple[int, int | bytes]]:
    """Return each field's number and content. Raises ValueError where it is no message."""
    if isinstance(message, int):
        raise ValueError("a number where a message belongs")
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(message):
        key, at = _read(message, at)
        if key & 7 == 0:
            number, at = _read(message, at)
            found.append((key >> 3, number))
            continue
        if key & 7 == 2:
            size, at = _read(message, at)
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
        else:
            raise ValueError("no such wire type")
        if at + size > len(message):
            raise ValueError("cut short")
        found.append((key >> 3, message[at : at + size]))
        at += size
    return found


def _read(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no number")
