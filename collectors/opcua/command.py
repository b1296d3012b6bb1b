"""Writing one OPC UA variable: in a session of its own, in the type the server says it has, and read back."""

from __future__ import annotations

import math

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from collectors.command import NotWritable, Setpoint, Unconfirmed, Written
from collectors.opcua.addresses import resolve
from collectors.opcua.link import Link, connect
from configs.sources import OpcuaAddress, OpcuaSource
from plant.clock import Clock
from plant.errors import Disconnected

_WHOLE = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
_REAL = (ua.VariantType.Float, ua.VariantType.Double)


async def write(config: OpcuaSource, address: OpcuaAddress, value: Setpoint, *, clock: Clock) -> Written:
    """Write a value, in the tag's unit, once. Raises NotWritable, Unconfirmed, and what `connect` raises."""
    async with connect(config, clock) as link:
        (node,) = await resolve(link, [address])
        if not isinstance(node, ua.NodeId):
            raise NotWritable(f"the server has no such variable: {node}")
        variant = _variant(await _type(link, node), address, value)
        try:
            status = await link.write(node, variant)
        except Disconnected as error:
            raise Unconfirmed(str(error)) from error
        if not status.is_good():
            raise NotWritable(f"the server refuses: {status.name}")
        try:
            (held,) = await link.read_values([node])
        except Disconnected:
            return Written(None)
    return Written(_read_back(held, address))


async def _type(link: Link, node: ua.NodeId) -> ua.VariantType:
    (found,) = await link.read([node], AttributeIds.DataType)
    kind = found.Value.Value if found.Value is not None else None
    if isinstance(kind, ua.NodeId) and kind.NamespaceIndex == 0 and isinstance(kind.Identifier, int):
        try:
            return ua.VariantType(int(kind.Identifier))
        except ValueError:
            pass
    raise NotWritable("its type is none that is written from here")


def _variant(kind: ua.VariantType, address: OpcuaAddress, value: Setpoint) -> ua.Variant:
    if kind is ua.VariantType.Boolean:
        if value not in (0, 1):
            raise NotWritable(f"it is true or false, and {value:g} is neither")
        return ua.Variant(bool(value), kind)
    raw = (float(value) - address.offset) / address.scale
    if kind in _REAL:
        return ua.Variant(raw, kind)
    if kind not in _WHOLE:
        raise NotWritable(f"its type is {kind.name}, which is not written from here")
    whole, (low, high) = round(raw), _WHOLE[kind]
    if not math.isclose(raw, whole, abs_tol=1e-9) or not low <= whole <= high:
        raise NotWritable(f"{raw:g} is no {kind.name}")
    return ua.Variant(whole, kind)


def _read_back(held: ua.DataValue, address: OpcuaAddress) -> float | bool | None:
    value = held.Value.Value if held.Value is not None else None
    if isinstance(value, bool):
        return value
    return value * address.scale + address.offset if isinstance(value, (int, float)) else None
