"""Look through a server's address space, to draft a configuration from what is there."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.uaerrors import UaError

from collectors.opcua.addresses import local_id, path_part
from collectors.opcua.link import Link, connect
from configs.sources import OpcuaSource
from plant.clock import Clock
from plant.errors import Rejected

_OBJECTS = ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))
_SERVER = ua.NodeId(ua.Int32(ObjectIds.Server))
_PROPERTY = ua.NodeId(ua.Int32(ObjectIds.HasProperty))
_ENGINEERING_UNITS = ua.QualifiedName("EngineeringUnits", ua.UInt16(0))
LEVEL = 200
"""Most entries shown below one node."""
_PROPERTIES = 50
_TEXT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable that could become a tag.

    `node` and `path` are written as an `OpcuaAddress` has them. `data_type`: the type's name, or its
    node id where it is a vendor's own. `unit`: what the server shows behind the value, or "".
    """

    node: str
    path: str
    data_type: str
    unit: str = ""


@dataclass(slots=True)
class _Found:
    node: ua.NodeId
    path: str
    unit: ua.NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object or variable directly below another; `value` and `quality` are those of now, for a variable."""

    node: str
    name: str
    variable: bool
    data_type: str = ""
    unit: str = ""
    value: str = ""
    quality: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """What is directly below a node; `complete` is false when there is more than was asked for."""

    entries: tuple[Entry, ...]
    complete: bool


async def level(config: OpcuaSource, node: str | None, *, clock: Clock, limit: int = LEVEL) -> Level:
    """Return what is directly below a node, or below Objects, with values, types and units.

    Raises Disconnected or ConfigError as `OpcuaSource.open` does, Rejected for what is no node id.
    """
    parent = _OBJECTS if node is None else _parsed(node)
    async with connect(config, clock) as link:
        (references,) = await link.children([parent], most=limit + 1)
        below = {
            local_id(one): one for one in references if one.ReferenceTypeId != _PROPERTY and local_id(one) != _SERVER
        }
        kept = dict(list(below.items())[:limit])
        variables = [id_ for id_, one in kept.items() if one.NodeClass == ua.NodeClass.Variable]
        types = await link.read(variables, AttributeIds.DataType)
        values = await link.read_values(variables)
        units = await _units(link, variables)
    told = {id_: (types[n], values[n], units.get(id_, "")) for n, id_ in enumerate(variables)}
    return Level(tuple(_entry(id_, one, told.get(id_)) for id_, one in kept.items()), complete=len(below) <= limit)


def _parsed(node: str) -> ua.NodeId:
    try:
        return ua.NodeId.from_string(node)
    except (UaError, ValueError) as error:
        raise Rejected(f"{node[:100]!r} is no node id: {error}") from error


async def _units(link: Link, variables: list[ua.NodeId]) -> dict[ua.NodeId, str]:
    """Read the EngineeringUnits of those variables that have them."""
    where: dict[ua.NodeId, ua.NodeId] = {}
    for variable, children in zip(variables, await link.children(variables, most=_PROPERTIES), strict=True):
        for child in children:
            if child.ReferenceTypeId == _PROPERTY and child.BrowseName == _ENGINEERING_UNITS:
                where[variable] = local_id(child)
    found = await link.read(list(where.values()), AttributeIds.Value)
    return {variable: _unit(value) for variable, value in zip(where, found, strict=True)}


def _entry(
    node: ua.NodeId, reference: ua.ReferenceDescription, told: tuple[ua.DataValue, ua.DataValue, str] | None
) -> Entry:
    name = (reference.BrowseName.Name or "")[:_TEXT]
    if told is None:
        return Entry(node=node.to_string(), name=name, variable=False)
    data_type, value, unit = told
    shown = "" if value.Value is None or value.Value.Value is None else str(value.Value.Value)[:_TEXT]
    quality = int(value.StatusCode.value) if value.StatusCode is not None else 0
    return Entry(
        node=node.to_string(),
        name=name,
        variable=True,
        data_type=_type_name(data_type),
        unit=unit[:_TEXT],
        value=shown,
        quality=quality,
    )


async def browse(config: OpcuaSource, *, clock: Clock, depth: int = 8, limit: int = 2_000) -> tuple[Variable, ...]:
    """Return the variables below Objects, the server's own diagnostics left out.

    At most `limit` of them, at most `depth` levels down, in the order of the levels.
    Raises Disconnected or ConfigError as `OpcuaSource.open` does.
    """
    async with connect(config, clock) as link:
        found = await _search(link, depth, limit)
        types = await link.read([item.node for item in found], AttributeIds.DataType)
        with_unit = [item for item in found if item.unit is not None]
        units = await link.read([item.unit for item in with_unit if item.unit is not None], AttributeIds.Value)
    unit_of = {item.path: _unit(value) for item, value in zip(with_unit, units, strict=True)}
    return tuple(
        Variable(
            node=item.node.to_string(),
            path=item.path,
            data_type=_type_name(data_type),
            unit=unit_of.get(item.path, ""),
        )
        for item, data_type in zip(found, types, strict=True)
    )


async def _search(link: Link, depth: int, limit: int) -> list[_Found]:
    found: list[_Found] = []
    level = {_OBJECTS: _Found(_OBJECTS, "")}
    seen = {_OBJECTS, _SERVER}
    for _ in range(depth):
        below: dict[ua.NodeId, _Found] = {}
        for parent, children in zip(level.values(), await link.children(list(level), most=limit), strict=True):
            for child in children:
                node = local_id(child)
                if child.ReferenceTypeId == _PROPERTY:
                    if child.BrowseName == _ENGINEERING_UNITS:
                        parent.unit = node
                elif node not in seen:
                    seen.add(node)
                    path = f"{parent.path}/{path_part(child.BrowseName)}".lstrip("/")
                    below[node] = _Found(node, path)
                    if child.NodeClass == ua.NodeClass.Variable:
                        found.append(below[node])
        level = dict(list(below.items())[:limit])
        if not level or len(found) >= limit:
            break
    return found[:limit]


def _type_name(value: ua.DataValue) -> str:
    node = value.Value.Value if value.Value is not None else None
    if not isinstance(node, ua.NodeId):
        return ""
    if node.NamespaceIndex == 0 and isinstance(node.Identifier, int):
        return ObjectIdNames.get(node.Identifier, node.to_string())
    return node.to_string()


def _unit(value: ua.DataValue) -> str:
    information = value.Value.Value if value.Value is not None else None
    return (information.DisplayName.Text or "") if isinstance(information, ua.EUInformation) else ""
