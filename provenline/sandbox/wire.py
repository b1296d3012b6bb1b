"""A tap on the wire: a relay in front of each server keeps the last messages of this sandbox.

A stream is cut into the protocol's own messages as it passes, which takes a look at a few octets
of each; what a message says is worked out when somebody asks (`decoding`). What is kept is
bounded, and of a long message only the begin is.

Probes of a link are not relayed once more, which would delay them: the emulated link tells of
each datagram that passes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from labs.sandboxes import Direction
from plant.clock import Clock
from simulators.faces.endpoint import Endpoint
from simulators.network import link

MOST = 4_000
"""Messages that are kept."""
_MOST_OCTETS = 4 << 20
_KEPT = 8_192
_CONNECTIONS = 64
_SEGMENT = 65_536
_REQUESTS = 128
_ITEMS = 64
_POLICY_BY = 80
"""Octets of an OpenSecureChannel message by which its security policy has been named."""
STAMP = "stamp"


@dataclass(slots=True)
class Talk:
    """One connection. `version`: of MQTT. `secured`: its OPC UA channel is.

    `items`: OPC UA requests that gave handles to nodes, in order.
    """

    source: str
    scheme: str
    version: int = 4
    secured: bool = False
    items: deque[bytes] = field(default_factory=lambda: deque(maxlen=_ITEMS))
    requests: dict[int, bytes] = field(default_factory=dict)

    def note(self, direction: Direction, message: bytes) -> bytes:
        """Remember what later messages refer to, and return the request that this one answers, if any."""
        if self.scheme == "mqtt":
            if message[0] >> 4 == 1 and b"MQTT" in message[:8]:  # CONNECT says which version is spoken
                self.version = message[message.index(b"MQTT") + 4]
            return b""
        if self.scheme == "opc.tcp" and message[:3] == b"OPN":  # which says the policy in clear, whatever it is
            self.secured = b"SecurityPolicy#None" not in message[:_POLICY_BY]
        key = None if self.scheme == STAMP else _exchange(self.scheme, message)
        if key is None:
            return b""
        if direction is Direction.RECEIVED:
            return self.requests.pop(key, b"")
        if self.scheme == "opc.tcp" and message[24:28] == b"\x01\x00\xef\x02":  # CreateMonitoredItems
            self.items.append(message)
        self.requests[key] = message
        if len(self.requests) > _REQUESTS:
            del self.requests[next(iter(self.requests))]
        return b""


def _exchange(scheme: str, message: bytes) -> int | None:
    """Return the number by which a request and its answer belong together."""
    if scheme == "modbus":
        return int.from_bytes(message[:2], "big")
    if message[:3] == b"MSG" and len(message) >= 28:
        return int.from_bytes(message[20:24], "little")
    return None


@dataclass(frozen=True, slots=True)
class Caught:
    """One message as it passed. `octets`: its begin; `size`: all of it; `request`: what it answers."""

    number: int
    time: int
    talk: Talk
    direction: Direction
    octets: bytes
    size: int
    request: bytes = b""


class Tap:
    """The messages of one sandbox, the oldest forgotten first; counts are for good."""

    def __init__(self, clock: Clock) -> None:
        self.counts: dict[str, int] = {}
        self._clock = clock
        self._probed: dict[str, Talk] = {}
        self._caught: deque[Caught] = deque()
        self._octets = 0
        self._last = 0

    def after(self, number: int, limit: int) -> list[Caught]:
        """Return up to `limit` messages of numbers above `number`, oldest first."""
        found = [caught for caught in self._caught if caught.number > number]
        return found[:limit]

    def catch(self, talk: Talk, direction: Direction, octets: bytes, size: int) -> None:
        """Keep one message."""
        self._last += 1
        self.counts[talk.source] = self.counts.get(talk.source, 0) + 1
        request = talk.note(direction, octets)
        self._caught.append(Caught(self._last, self._clock.now(), talk, direction, octets, size, request))
        self._octets += len(octets)
        while len(self._caught) > MOST or self._octets > _MOST_OCTETS:
            self._octets -= len(self._caught.popleft().octets)

    def probe(self, source: str, direction: link.Direction, datagram: bytes) -> None:
        """Keep one STAMP packet."""
        way = Direction.SENT if direction is link.Direction.UP else Direction.RECEIVED
        talk = self._probed.setdefault(source, Talk(source, STAMP))
        self.catch(talk, way, datagram[:_KEPT], len(datagram))

    @asynccontextmanager
    async def before(self, source: str, server: Endpoint) -> AsyncIterator[Endpoint]:
        """Relay to `server` while the context is open; yields where to connect instead."""
        relay = _Relay(self, source, server)
        listener = await asyncio.start_server(relay.accept, server.host, 0)
        try:
            port = int(listener.sockets[0].getsockname()[1])
            yield Endpoint(server.scheme, server.host, port)
        finally:
            listener.close()
            await relay.close()


class _Relay:
    """The connections through one tap."""

    def __init__(self, tap: Tap, source: str, server: Endpoint) -> None:
        self._tap = tap
        self._source = source
        self._server = server
        self._connections: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name=f"tap {self._source}")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # Not in the task itself: one that is cancelled before its first step never gets to its `finally`.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def close(self) -> None:
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Either side may cut the connection: then it is over for both.
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(self._server.host, self._server.port)
            talk = Talk(self._source, self._server.scheme)
            pumps = [
                asyncio.create_task(self._pump(talk, Direction.SENT, reader, far_writer)),
                asyncio.create_task(self._pump(talk, Direction.RECEIVED, far_reader, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait(pumps, timeout=1.0)  # what the other side still says
            finally:
                far_writer.transport.abort()
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, talk: Talk, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        cutter = Cutter(talk.scheme)
        while data := await reader.read(_SEGMENT):
            writer.write(data)
            for octets, size in cutter.cut(data):
                self._tap.catch(talk, direction, octets, size)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


# ------------------------------------------------------------------------------ cutting streams
Measure = Callable[[bytes], int | None]
"""The length of the message that some octets begin with; None while that cannot be told. Raises ValueError."""


def _modbus(head: bytes) -> int | None:
    return None if len(head) < 7 else 6 + int.from_bytes(head[4:6], "big")


def _opcua(head: bytes) -> int | None:
    if len(head) < 8:
        return None
    size = int.from_bytes(head[4:8], "little")
    if size < 8:
        raise ValueError("shorter than its own header")
    return size


def _mqtt(head: bytes) -> int | None:
    size = 0
    for position, octet in enumerate(head[1:5]):
        size |= (octet & 0x7F) << 7 * position
        if not octet & 0x80:
            return 2 + position + size
    if len(head) >= 5:
        raise ValueError("a length of five octets")
    return None


_MEASURES: dict[str, Measure] = {"modbus": _modbus, "opc.tcp": _opcua, "mqtt": _mqtt}
TAPPED = frozenset(_MEASURES)
"""Schemes whose messages can be told apart."""


class Cutter:
    """Cuts one direction of a stream into messages; of one that makes no sense it gives up, and passes it on."""

    def __init__(self, scheme: str) -> None:
        self._measure = _MEASURES[scheme]
        self._buffer = b""
        self._skip = 0
        self._lost = False

    def cut(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield the begin and the size of every message whose begin is now complete."""
        if self._skip:
            data, self._skip = data[self._skip :], max(0, self._skip - len(data))
        if self._lost or not data:
            return
        self._buffer += data
        while self._buffer:
            try:
                size = self._measure(self._buffer)
            except ValueError:
                self._lost, self._buffer = True, b""
                return
            if size is None or len(self._buffer) < min(size, _KEPT):
                return
            yield self._buffer[: min(size, _KEPT)], size
            self._skip = max(0, size - len(self._buffer))
            self._buffer = self._buffer[size:]
