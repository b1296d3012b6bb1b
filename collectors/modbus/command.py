"""Writing one coil or holding register: over the connection there is, in one request, and read back.

A bit inside a register cannot be written without reading the register first, and whatever
changed in between would be undone; so that is refused.
"""

from __future__ import annotations

import math
import struct

from collectors.command import NotWritable, Setpoint, Unconfirmed, Written
from collectors.modbus.held import reached
from collectors.modbus.link import Link, NoAnswer, Refused
from collectors.modbus.plan import Block, Cell
from configs.sources import ModbusAddress, ModbusFormat, ModbusSource, ModbusTable
from plant.clock import Clock
from plant.errors import Disconnected

_PACKED = {
    ModbusFormat.INT16: ">h",
    ModbusFormat.UINT16: ">H",
    ModbusFormat.INT32: ">i",
    ModbusFormat.UINT32: ">I",
    ModbusFormat.INT64: ">q",
    ModbusFormat.UINT64: ">Q",
    ModbusFormat.FLOAT32: ">f",
    ModbusFormat.FLOAT64: ">d",
}
_REAL = (ModbusFormat.FLOAT32, ModbusFormat.FLOAT64)
_MEANINGS = {1: "illegal function", 2: "illegal address", 3: "illegal value", 4: "device failure", 6: "busy"}


async def write(config: ModbusSource, address: ModbusAddress, value: Setpoint, *, clock: Clock) -> Written:
    """Write a value, in the tag's unit, once.

    Raises NotWritable when the device or the address refuses, Unconfirmed when no answer came,
    Disconnected when nothing was sent.
    """
    words = encoded(address, value)
    async with reached(config, clock=clock) as link:
        try:
            await link.write(address.unit, address.table, address.register_, words)
        except Refused as error:
            raise NotWritable(f"the device refuses: {_MEANINGS.get(error.code, str(error))}") from error
        except (NoAnswer, Disconnected) as error:
            raise Unconfirmed(str(error)) from error
        try:
            return Written(await _read_back(link, address, words, value))
        except (NoAnswer, Refused, Disconnected):
            return Written(None)


def encoded(address: ModbusAddress, value: Setpoint) -> list[int]:
    """Return the registers, or the one bit, of a value. Raises NotWritable for what does not fit."""
    if address.table is ModbusTable.COIL:
        if value not in (0, 1):
            raise NotWritable(f"a coil is 0 or 1, and {value:g} is neither")
        return [int(value)]
    if address.table is not ModbusTable.HOLDING or address.format not in _PACKED:
        raise NotWritable(f"a {address.format.value} among the {address.table.value} registers cannot be written")
    raw = (float(value) - address.offset) / address.scale
    whole = round(raw)
    if address.format not in _REAL and not math.isclose(raw, whole, abs_tol=1e-9):
        raise NotWritable(f"{raw:g} is no {address.format.value}")
    try:
        packed = struct.pack(_PACKED[address.format], raw if address.format in _REAL else whole)
    except (struct.error, OverflowError) as error:
        raise NotWritable(f"{raw:g} is no {address.format.value}") from error
    parts = [packed[at : at + 2] for at in range(0, len(packed), 2)]
    if address.order in ("CDAB", "DCBA"):
        parts.reverse()
    if address.order in ("BADC", "DCBA"):
        parts = [part[::-1] for part in parts]
    return [int.from_bytes(part, "big") for part in parts]


async def _read_back(link: Link, address: ModbusAddress, words: list[int], value: Setpoint) -> float | bool:
    cell = Cell(address.register_, address.width, (0,))
    block = Block(address.unit, address.table, address.register_, address.width, (cell,))
    data = await link.read(block)
    if address.table is ModbusTable.COIL:
        return bool(data[0] & 1)
    held = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return value if held == words else _decoded(held, address)


def _decoded(held: list[int], address: ModbusAddress) -> float:
    parts = [word.to_bytes(2, "big") for word in held]
    if address.order in ("BADC", "DCBA"):
        parts = [part[::-1] for part in parts]
    if address.order in ("CDAB", "DCBA"):
        parts.reverse()
    (raw,) = struct.unpack(_PACKED[address.format], b"".join(parts))
    return float(raw) * address.scale + address.offset
