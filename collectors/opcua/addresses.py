"""Which node an address means: a node id as it stands, or a browse path to be looked up.

All paths are walked together, one level of the address space at a time, so a thousand
paths through one folder browse that folder once. A path survives when a server numbers its
nodes anew, and a node id whose namespace is given by its URI survives when it numbers its namespaces anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError

from collectors.opcua.link import Link
from configs.sources import OpcuaAddress
from plant.quality import Quality

BREADTH = 20_000
"""Most nodes looked at on one level, and most children taken of one node."""

_WORD = r"(?:&.|[^/&])+"
_WORDS = re.compile(_WORD, re.DOTALL)
_NAMED = re.compile(r"nsu=([^;]+);(.+)", re.DOTALL)
_NAMESPACES = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
_PATH = re.compile(rf"/?{_WORD}(?:/{_WORD})*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BadAddress:
    """An address that leads to no node: the quality its tag reads, and why."""

    quality: int
    reason: str


Part = tuple[int, str] | None
"""A browse name as namespace index and name, or None for any."""


def parse_path(path: str) -> tuple[Part, ...]:
    """Split a browse path into parts; `&` before `/`, `&` or `*` takes its meaning away.

    Raises ValueError on an empty part.
    """
    if _PATH.fullmatch(path) is None:
        raise ValueError(f"browse path {path!r} has an empty part, or ends in a lone '&'")
    return tuple(None if word == "*" else _browse_name(word) for word in _WORDS.findall(path))


def _browse_name(word: str) -> tuple[int, str]:
    index, _, name = word.partition(":")
    if not (name and index.isdecimal()):
        index, name = "0", word
    return int(index), re.sub(r"&(.)", r"\1", name, flags=re.DOTALL)


def path_part(name: ua.QualifiedName) -> str:
    """Write a browse name as a part of a path that `parse_path` reads."""
    escaped = re.sub(r"([&/*])", r"&\1", name.Name or "")
    return f"{name.NamespaceIndex}:{escaped}"


async def resolve(link: Link, addresses: Sequence[OpcuaAddress]) -> list[ua.NodeId | BadAddress]:
    """Find the node of each address. Raises Disconnected when the link is lost."""
    found: dict[int, ua.NodeId | BadAddress] = {}
    paths: dict[int, tuple[Part, ...]] = {}
    namespaces = await _namespaces(link, addresses)
    for index, address in enumerate(addresses):
        try:
            if address.node is not None:
                found[index] = _node_id(address.node, namespaces)
            else:
                paths[index] = parse_path(address.path or "")
        except ValueError as error:
            found[index] = BadAddress(Quality.BAD_CONFIGURATION_ERROR, str(error))
    for index, nodes in (await _walk(link, paths)).items():
        found[index] = _only(nodes, addresses[index].path or "")
    return [found[index] for index in range(len(addresses))]


async def _namespaces(link: Link, addresses: Sequence[OpcuaAddress]) -> list[str]:
    """Return the URIs that the server numbers, in its order; none if no address asks for one."""
    if not any(address.node and address.node.startswith("nsu=") for address in addresses):
        return []
    (told,) = await link.read_values([_NAMESPACES])
    names = told.Value.Value if told.Value is not None else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _node_id(text: str, namespaces: list[str]) -> ua.NodeId:
    if named := _NAMED.fullmatch(text):
        uri, rest = unquote(named[1]), named[2]
        if uri not in namespaces:
            raise ValueError(f"the server has no namespace {uri!r}")
        text = f"ns={namespaces.index(uri)};{rest}"
    try:
        return ua.NodeId.from_string(text)
    except (ValueError, UaError) as error:
        raise ValueError(f"{text!r} is not a node id") from error


def _only(nodes: list[ua.NodeId], path: str) -> ua.NodeId | BadAddress:
    if len(nodes) == 1:
        return nodes[0]
    if not nodes:
        return BadAddress(Quality.BAD_NODE_UNKNOWN, f"no variable matches {path}")
    some = ", ".join(node.to_string() for node in nodes[:3])
    return BadAddress(Quality.BAD_CONFIGURATION_ERROR, f"{len(nodes)} variables match {path}: {some}, …")


async def _walk(link: Link, paths: dict[int, tuple[Part, ...]]) -> dict[int, list[ua.NodeId]]:
    """Return every variable that each path matches."""
    ends: dict[int, list[ua.NodeId]] = {index: [] for index in paths}
    level: dict[ua.NodeId, set[int]] = {ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder)): set(paths)}
    depth = 0
    while level := {node: alive for node, alive in level.items() if alive}:
        nodes = list(level)[:BREADTH]
        below: dict[ua.NodeId, set[int]] = {}
        for node, children in zip(nodes, await link.children(nodes, most=BREADTH), strict=True):
            wanted: dict[Part, set[int]] = {}
            for index in level[node]:
                wanted.setdefault(paths[index][depth], set()).add(index)
            for child in children:
                name = (child.BrowseName.NamespaceIndex, child.BrowseName.Name or "")
                for index in wanted.get(name, set()) | wanted.get(None, set()):
                    if len(paths[index]) > depth + 1:
                        below.setdefault(local_id(child), set()).add(index)
                    elif child.NodeClass == ua.NodeClass.Variable and local_id(child) not in ends[index]:
                        ends[index].append(local_id(child))
        level, depth = below, depth + 1
    return ends


def local_id(child: ua.ReferenceDescription) -> ua.NodeId:
    """Return the id of a referenced node, which a browse of one server always finds in that server."""
    node = child.NodeId
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
