"""A TCP relay under a path: octets arrive whole and in order, and loss only makes them late.

The stream is cut into segments as it is read. Each is due by the link's reliable delivery
(retransmission timeouts included), never before the one ahead of it. A connection holds a
bounded number of octets; when it is full, the relay stops reading and TCP itself slows the sender.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from simulators.network.delay_line import DelayLine
from simulators.network.link import Direction
from simulators.network.path import Path

CONNECTIONS = 256
"""Connections served at once; a further one is closed at once."""

_SEGMENT = 16_384  # octets read at once; loss is a matter of time, not of segment size
_HELD = 1 << 20  # octets per connection and direction
_CONNECT = 10.0  # seconds

Address = tuple[str, int]


class TcpRelay:
    """The listening socket and the connections through it."""

    def __init__(self, path: Path, target: Address) -> None:
        self._path = path
        self._target = target
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, address: Address) -> None:
        """Accept connections on `address`. Raises OSError when it cannot be had."""
        self._server = await asyncio.start_server(self._accept, *address)

    @property
    def address(self) -> Address:
        """Host and port the relay listens on."""
        if self._server is None:
            raise RuntimeError("not listening")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="tcp relay")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # Not in the task itself: one that is cancelled before its first step never gets to its `finally`.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Either side may cut the connection, and a station may leave coverage: then it is over for both.
        with suppress(OSError, TimeoutError):
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_CONNECT):
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        pumps = [
            asyncio.create_task(_Pump(self._path, Direction.UP, reader, far_writer).run()),
            asyncio.create_task(_Pump(self._path, Direction.DOWN, far_reader, writer).run()),
        ]
        try:
            await asyncio.gather(*pumps)
            for end in (far_writer, writer):
                end.close()
                await end.wait_closed()  # until what is still unsent is sent
        finally:
            far_writer.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


class _Pump:
    """One direction of one connection."""

    def __init__(
        self, path: Path, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._path = path
        self._direction = direction
        self._reader = reader
        self._writer = writer
        self._held = 0
        self._room = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Pass the stream on until it ends. Raises OSError when it is cut, TimeoutError out of coverage."""
        line, last = DelayLine(lateness=self._path.lateness, limit=2 * _HELD), 0.0
        try:
            while not self._ended.is_set():
                data = await self._reader.read(_SEGMENT)
                last = max(last, self._path.segment(len(data), self._direction, sent=time.monotonic()))
                self._held += len(data)
                self._room.clear()
                line.push(data, due=last, deliver=self._deliver)
                if not data:  # the end of the stream takes its time as its octets do
                    await self._ended.wait()
                elif self._held >= _HELD:
                    await self._room.wait()
                await self._writer.drain()
        finally:
            line.close()

    def _deliver(self, data: bytes) -> None:
        self._held -= len(data)
        self._room.set()
        if data:
            self._writer.write(data)
            return
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()
        self._ended.set()
