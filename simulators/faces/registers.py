"""How a value is laid into 16-bit Modbus registers, in every byte and word order."""

from __future__ import annotations

import math
import struct

from configs.sources import ModbusAddress, ModbusFormat
from plant.batch import Value

_CODES = {
    ModbusFormat.INT16: "h",
    ModbusFormat.UINT16: "H",
    ModbusFormat.INT32: "i",
    ModbusFormat.UINT32: "I",
    ModbusFormat.INT64: "q",
    ModbusFormat.UINT64: "Q",
    ModbusFormat.FLOAT32: "f",
    ModbusFormat.FLOAT64: "d",
}
_FLOATS = (ModbusFormat.FLOAT32, ModbusFormat.FLOAT64)


def raw(value: Value, address: ModbusAddress) -> Value:
    """Return the number or text that registers at `address` can hold for `value`.

    Undoes the address's scale and offset; integers are rounded and kept in range as a PLC
    keeps them, except that unsigned counters wrap.
    """
    form = address.format
    if form is ModbusFormat.STRING:
        return str(value)
    if form is ModbusFormat.BIT:
        return bool(value)
    number = 0 if isinstance(value, str) else value
    if address.scale != 1.0 or address.offset != 0.0:
        number = (number - address.offset) / address.scale
    if form is ModbusFormat.FLOAT64:
        return float(number)
    if form is ModbusFormat.FLOAT32:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    bits = 16 * address.width
    whole = round(number) if math.isfinite(number) else 0
    if form in (ModbusFormat.UINT16, ModbusFormat.UINT32, ModbusFormat.UINT64):
        return max(0, whole) % (1 << bits)
    return min(max(whole, -(1 << bits - 1)), (1 << bits - 1) - 1)


def encode(content: Value, address: ModbusAddress) -> list[int]:
    """Return the registers for what `raw` returned; a bit is not laid into registers here.

    `order` names the bytes of each word pair as they arrive, A being the most significant.
    """
    if address.format is ModbusFormat.STRING:
        text = str(content).encode("ascii", "replace")[: 2 * address.width]
        data = text.ljust(2 * address.width, b"\0")
        return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    data = struct.pack(f">{_CODES[address.format]}", content)
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if address.order in ("CDAB", "DCBA"):
        words.reverse()
    if address.order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]
