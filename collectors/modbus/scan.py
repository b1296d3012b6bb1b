"""Look at a range of a device's registers, gently, to find out what is where.

One request at a time, `PAUSE` apart, sixteen places each. A device that refuses a piece is asked
for its halves, down to a single register, so that one unmapped register hides no other; what
stays refused is shown as refused. Values are decoded by the collector's own decoder: what is
seen here is what a tag with that address will read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.modbus.decode import Layout
from collectors.modbus.link import Link, NoAnswer, Refused
from collectors.modbus.plan import Block, Cell
from configs.sources import ModbusAddress, ModbusSource, ModbusTable
from plant.batch import Form
from plant.clock import Clock

MOST = 256
"""Registers, or bits, of one scan."""
PIECE = 16
PAUSE = 0.02
"""Seconds between two requests: at most fifty in a second."""
LONGEST = 20.0
"""Seconds after which a scan ends with what it has."""

_BITS = (ModbusTable.COIL, ModbusTable.DISCRETE)
DECODINGS = (
    ("uint16", "ABCD"),
    ("int16", "ABCD"),
    ("uint32", "ABCD"),
    ("uint32", "CDAB"),
    ("int32", "ABCD"),
    ("int32", "CDAB"),
    ("float32", "ABCD"),
    ("float32", "CDAB"),
)
"""Format and order in which each register is shown, those of two registers together with the next one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One register or bit: its word, None when it was not read, and the exception code when it was refused.

    `values`: as each of `DECODINGS` reads it; None where the next register is missing or no number results.
    """

    register: int
    word: int | None
    refused: int | None = None
    values: tuple[float | int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """What was seen, the maker if the unit names one, and whether time sufficed for all."""

    seen: tuple[Seen, ...]
    vendor: str
    complete: bool


async def scan(config: ModbusSource, *, unit: int, table: ModbusTable, start: int, count: int, clock: Clock) -> Scan:
    """Read `count` places of a table from `start`. Raises Disconnected; NoAnswer when the unit never answers."""
    link = Link(config.link, timeout=config.timeout, clock=clock)
    words: dict[int, int] = {}
    refused: dict[int, int] = {}
    ends, complete = clock.monotonic() + LONGEST, True
    try:
        await link.connect()
        waiting = list(reversed(list(_pieces(start, count))))
        while waiting:
            if clock.monotonic() > ends:
                complete = False
                break
            first, size = waiting.pop()
            try:
                words |= await _read(link, unit, table, first, size)
            except Refused as error:
                if size == 1:
                    refused[first] = error.code
                else:
                    waiting += [(first + size // 2, size - size // 2), (first, size // 2)]
            except NoAnswer:
                if not words and not refused:
                    raise
                complete = False
                break
            await clock.sleep(PAUSE)
        vendor = await _vendor(link, unit)
    finally:
        link.close()
        await clock.sleep(0)  # one turn of the loop, in which the socket is really closed
    decoded = {} if table in _BITS else await asyncio.to_thread(_decode, words, unit, table)
    places = range(start, start + count)
    return Scan(tuple(Seen(n, words.get(n), refused.get(n), decoded.get(n, ())) for n in places), vendor, complete)


def _pieces(start: int, count: int) -> Iterator[tuple[int, int]]:
    for first in range(start, start + count, PIECE):
        yield first, min(PIECE, start + count - first)


async def _read(link: Link, unit: int, table: ModbusTable, first: int, size: int) -> dict[int, int]:
    data = await link.read(Block(unit, table, first, size, (Cell(first, size, (0,)),)))
    if table in _BITS:
        return {first + n: data[n // 8] >> n % 8 & 1 for n in range(size)}
    return {first + n: int.from_bytes(data[2 * n : 2 * n + 2], "big") for n in range(size)}


async def _vendor(link: Link, unit: int) -> str:
    try:
        return (await link.vendor(unit))[:100]
    except (NoAnswer, Refused):
        return ""


def _decode(words: dict[int, int], unit: int, table: ModbusTable) -> dict[int, tuple[float | int | None, ...]]:
    return {
        register: tuple(_value(words, register, unit, table, how) for how in DECODINGS) for register in sorted(words)
    }


def _value(
    words: dict[int, int], register: int, unit: int, table: ModbusTable, how: tuple[str, str]
) -> float | int | None:
    address = ModbusAddress.model_validate(
        {"unit": unit, "table": table, "register": min(register, 65_534), "format": how[0], "order": how[1]}
    )
    needed = range(register, register + address.width)
    if any(place not in words for place in needed):
        return None
    cell = Cell(address.register_, address.width, (0,))
    payload = b"".join(words[place].to_bytes(2, "big") for place in needed)
    block = Block(unit, table, address.register_, address.width, (cell,))
    columns = Layout(block, [address]).decode(payload, [])
    if columns.form[0] == Form.FLOAT:
        value = float(columns.raw.view("float64")[0])
        return value if math.isfinite(value) else None
    return int(columns.raw[0])
