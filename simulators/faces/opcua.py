"""An OPC UA server in front of a model, by asyncua.

Every change of a signal is written once, in order, with the model's time as source
timestamp and the signal's quality as status; a client that subscribes with a queue gets
them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, timedelta
from typing import Any

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server

from plant.batch import Value
from plant.clock import MICROSECOND, SECOND
from plant.errors import Unavailable
from plant.quality import Severity, severity
from simulators.faces.endpoint import Endpoint, PortPolicy, free_port
from simulators.faces.layout import NAMESPACE, OpcuaLayout
from simulators.faces.opcua_guard import Guard
from simulators.faces.opcua_space import SharingServer
from simulators.kernel.signals import Signal, SignalTable, watching

_TYPES = {float: ua.VariantType.Double, bool: ua.VariantType.Boolean, int: ua.VariantType.Int32}
_EPOCH = ua.DateTime(1970, 1, 1, tzinfo=UTC)
_GOOD = ua.StatusCode(ua.UInt32(0))


class _Reported(ua.DataValue):
    """A data value that is never altered, so that monitored items may share instead of copying it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Reported:
        return self


@asynccontextmanager
async def serve_opcua(
    layout: OpcuaLayout, signals: SignalTable, *, listen: Endpoint, ports: PortPolicy, guard: Guard | None = None
) -> AsyncIterator[OpcuaFace]:
    """Serve a layout while the context is open, to everybody or as `guard` demands. Raises Unavailable."""
    endpoint = Endpoint("opc.tcp", listen.host, free_port(listen, ports))
    server = Server(SharingServer())
    await server.init()
    await server.set_application_uri(f"urn:provenline:simulator:{layout.name}")
    server.set_server_name(f"provenline simulator {layout.name}")
    server.set_endpoint(endpoint.url)
    if guard is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    else:
        await guard.protect(server)
    space = _AddressSpace(server, await server.register_namespace(NAMESPACE))
    nodes: dict[str, list[ua.NodeId]] = {}
    for variable in layout.variables:
        node = await space.add(variable.path, signals[variable.signal])
        nodes.setdefault(variable.signal, []).append(node)
    for path, text in layout.nameplate.items():
        await space.engrave(path, text)
    face = OpcuaFace(endpoint, server, nodes)
    try:
        await server.start()
    except OSError as error:
        raise Unavailable(f"cannot listen on {endpoint.url}: {error.strerror}") from error
    try:
        with watching((signals[name] for name in nodes), face.note):
            yield face
    finally:
        await _stop(server)


class OpcuaFace:
    """A served layout: its variables below Objects, in the namespace `layout.NAMESPACE` (index 2)."""

    def __init__(self, endpoint: Endpoint, server: Server, nodes: dict[str, list[ua.NodeId]]) -> None:
        self.endpoint = endpoint
        self._server = server
        self._nodes = nodes
        self._pending: list[tuple[str, ua.DataValue]] = []
        self._shown: dict[str, tuple[Value, int]] = {}

    def note(self, signal: Signal) -> None:
        """Remember a change for the next flush; what only repeats itself is none."""
        now = (signal.value, signal.quality)
        if self._shown.get(signal.name) != now:
            self._shown[signal.name] = now
            self._pending.append((signal.name, _reported(signal)))

    async def flush(self) -> None:
        """Write the changes since the last call, in order."""
        pending, self._pending = self._pending, []
        for name, reported in pending:
            for node in self._nodes[name]:
                await self._server.write_attribute_value(node, reported)

    async def reach(self, *, reachable: bool) -> None:
        """Close the listener and every connection, or listen again at the same address."""
        if self._server.bserver is None:
            return
        if reachable:
            await self._server.bserver.start()
        else:
            await self._server.bserver.stop()


class _AddressSpace:
    """Lays dotted paths out as objects and variables below Objects."""

    def __init__(self, server: Server, index: int) -> None:
        self._server = server
        self._index = index
        self._objects: dict[str, Node] = {"": server.nodes.objects}

    async def add(self, path: str, signal: Signal) -> ua.NodeId:
        """Add a variable that shows `signal`."""
        parent, name = await self._place(path)
        node = self._id(path)
        await parent.add_variable(node, name, _variant(signal.value))
        await self._server.write_attribute_value(node, _reported(signal))
        return node

    async def engrave(self, path: str, text: str) -> None:
        """Add a property that never changes."""
        parent, name = await self._place(path)
        await parent.add_property(self._id(path), name, text)

    async def _place(self, path: str) -> tuple[Node, ua.QualifiedName]:
        above, _, name = path.rpartition(".")
        if above not in self._objects:
            parent, folder = await self._place(above)
            self._objects[above] = await parent.add_object(self._id(above), folder)
        return self._objects[above], ua.QualifiedName(name, self._index)

    def _id(self, path: str) -> ua.NodeId:
        return ua.NodeId(ua.String(path), ua.Int16(self._index))


async def _stop(server: Server) -> None:
    # The server's clock task sleeps a second at a time; waiting for it would make every end slow.
    ticking = server.iserver.time_task
    if ticking is not None:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        server.iserver.time_task = None
    await server.stop()


def _variant(value: Value) -> ua.Variant:
    return ua.Variant(value, _TYPES.get(type(value), ua.VariantType.String))


def _reported(signal: Signal) -> _Reported:
    stamp = _EPOCH + timedelta(seconds=signal.time // SECOND, microseconds=signal.time % SECOND // MICROSECOND)
    bad = severity(signal.quality) is Severity.BAD
    return _Reported(
        Value=ua.Variant(None, ua.VariantType.Null) if bad else _variant(signal.value),
        StatusCode=ua.StatusCode(ua.UInt32(signal.quality)) if signal.quality else _GOOD,
        SourceTimestamp=stamp,
        ServerTimestamp=stamp,
    )
