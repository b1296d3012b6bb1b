"""Look through a server's address space, to draft a configuration from what is there."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds

from collectors.opcua.addresses import local_id, path_part
from collectors.opcua.link import Link, connect
from configs.sources import OpcuaSource
from plant.clock import Clock

_OBJECTS = ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))
_SERVER = ua.NodeId(ua.Int32(ObjectIds.Server))
_PROPERTY = ua.NodeId(ua.Int32(ObjectIds.HasProperty))


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
                    if child.BrowseName == ua.QualifiedName("EngineeringUnits", ua.UInt16(0)):
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
