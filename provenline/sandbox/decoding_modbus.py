"""Modbus TCP messages in words (MODBUS Application Protocol V1.1b3, MODBUS Messaging on TCP/IP V1.0b)."""

from __future__ import annotations

from labs.sandboxes import Direction
from provenline.sandbox.meaning import Fields, Meaning
from provenline.sandbox.wire import Caught

_FUNCTIONS = {
    1: "Read Coils",
    2: "Read Discrete Inputs",
    3: "Read Holding Registers",
    4: "Read Input Registers",
    5: "Write Single Coil",
    6: "Write Single Register",
    15: "Write Multiple Coils",
    16: "Write Multiple Registers",
    43: "Read Device Identification",
}
_EXCEPTIONS = {
    1: "ILLEGAL FUNCTION",
    2: "ILLEGAL DATA ADDRESS",
    3: "ILLEGAL DATA VALUE",
    4: "SERVER DEVICE FAILURE",
    10: "GATEWAY PATH UNAVAILABLE",
    11: "GATEWAY TARGET DEVICE FAILED TO RESPOND",
}
_BITS = (1, 2)
_READS = (1, 2, 3, 4)
_FAILED = 0x80


def modbus(caught: Caught) -> Meaning:
    """Return what a Modbus message says. Raises IndexError for one that is cut short."""
    octets = caught.octets
    transaction, unit, code = int.from_bytes(octets[:2], "big"), octets[6], octets[7]
    function = code & ~_FAILED
    name = _FUNCTIONS.get(function, f"function {function}")
    fields: Fields = (("transaction", str(transaction)), ("unit", str(unit)), ("function", f"{function} {name}"))
    if code & _FAILED:
        exception = f"{octets[8]} {_EXCEPTIONS.get(octets[8], '?')}"
        return Meaning(f"unit {unit} · {name} · exception {exception}", (*fields, ("exception", exception)))
    if function not in _READS:
        return Meaning(f"unit {unit} · {name}", (*fields, ("data", octets[8:].hex())))
    if caught.direction is Direction.SENT:
        return _asked(octets, f"unit {unit} · {name}", fields)
    start = int.from_bytes(caught.request[8:10], "big") if len(caught.request) >= 12 else None
    count = int.from_bytes(caught.request[10:12], "big") if start is not None else 0
    return _answered(octets, f"unit {unit} · {name}", fields, start, count)


def _asked(octets: bytes, summary: str, fields: Fields) -> Meaning:
    start, count = int.from_bytes(octets[8:10], "big"), int.from_bytes(octets[10:12], "big")
    more = (("address", str(start)), ("quantity", str(count)))
    return Meaning(f"{summary} · {start}…{start + count - 1}", (*fields, *more))


def _answered(octets: bytes, summary: str, fields: Fields, start: int | None, count: int) -> Meaning:
    data = octets[9 : 9 + octets[8]]
    first = start or 0
    if octets[7] in _BITS:
        bits = [data[i // 8] >> i % 8 & 1 for i in range(min(count or 8 * len(data), 8 * len(data)))]
        values = tuple((f"{first + i}", str(bit)) for i, bit in enumerate(bits))
    else:
        words = [data[i : i + 2] for i in range(0, len(data) - 1, 2)]
        values = tuple(
            (f"{first + i}", f"{int.from_bytes(word, 'big')} (0x{word.hex().upper()})") for i, word in enumerate(words)
        )
    place = "" if start is None else f" · {start}…{start + max(len(values) - 1, 0)}"
    return Meaning(f"{summary}{place} · {len(values)} values", (*fields, *values))
