"""The standard OPC UA address space, built once a process and shared by its servers.

The standard's own six thousand nodes take a second and tens of megabytes to build, and a
server of a simulated device touches a few dozen of them. So every server looks at one copy
that nobody writes to, and takes a node of its own from it when it first touches that node.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, MutableMapping
from functools import cache
from pathlib import Path
from typing import cast

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData, NodeManagementService
from asyncua.server.internal_server import InternalServer


class SharingServer(InternalServer):
    """A server whose standard nodes are those of all such servers until it touches them."""

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        del shelf_file
        standard = await asyncio.to_thread(_standard)
        self.aspace._nodes = cast("dict[ua.NodeId, NodeData]", _OnTouch(standard))  # noqa: SLF001 - no other way in


def prepare() -> None:
    """Build the standard address space now: a process whose forks serve devices builds it once for them all."""
    _standard()


@cache
def _standard() -> dict[ua.NodeId, NodeData]:
    from asyncua.server.standard_address_space import standard_address_space  # noqa: PLC0415 - a second of its own

    space = AddressSpace()
    standard_address_space.fill_address_space(NodeManagementService(space))  # type: ignore[no-untyped-call]
    nodes: dict[ua.NodeId, NodeData] = space._nodes  # noqa: SLF001 - as above
    return nodes


class _OnTouch(MutableMapping[ua.NodeId, NodeData]):
    """`standard`, copied node by node when touched, and whatever is added."""

    def __init__(self, standard: dict[ua.NodeId, NodeData]) -> None:
        self._standard = standard
        self._own: dict[ua.NodeId, NodeData] = {}
        self._deleted: set[ua.NodeId] = set()

    def __getitem__(self, key: ua.NodeId) -> NodeData:
        node = self._own.get(key)
        if node is None:
            if key in self._deleted:
                raise KeyError(key)
            node = self._own[key] = copy.deepcopy(self._standard[key])
        return node

    def __setitem__(self, key: ua.NodeId, node: NodeData) -> None:
        self._own[key] = node

    def __delitem__(self, key: ua.NodeId) -> None:
        if key not in self:
            raise KeyError(key)
        self._own.pop(key, None)
        self._deleted.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._own or (key in self._standard and key not in self._deleted)

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from self._own
        yield from (key for key in self._standard if key not in self._own and key not in self._deleted)

    def __len__(self) -> int:
        return sum(1 for _ in self)
