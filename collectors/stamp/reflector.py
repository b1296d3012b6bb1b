"""The far end of a STAMP measurement: sends every test packet back with the times it saw.

It is stateful (RFC 8762 §4.3): each session has a sequence of its own, so that the sender
can tell a packet lost on the way out from one lost on the way back. A session is one
sender's address, port and session id. There is room for a fixed number of them; when it is
full, only one that has long been silent makes way, so a flood of forged addresses cannot
push out a running measurement. A reply is exactly as long as its request: there is nothing
to amplify.

Run one with `python -m collectors.stamp.reflector [--host HOST] [PORT]`.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from collectors.stamp.endpoint import Datagram, Endpoint, SocketAddress
from collectors.stamp.packet import SIZE, ErrorEstimate, ReflectorPacket, SenderPacket, encode_time
from collectors.stamp.timebase import clock_error
from plant.clock import Clock, SystemClock

PORT = 862
"""The well-known port of STAMP (RFC 8762 §4.1)."""

SESSIONS = 1024
IDLE = 30.0
"""Seconds of silence after which a session may make way for a new one."""

_SEQUENCES = 2**32
_ERROR_AGE = 1.0  # seconds a reading of the kernel's clock state serves

SessionKey = tuple[SocketAddress, int]


@dataclass(slots=True)
class _Session:
    sequence: int
    heard: float


class Reflector:
    """The reflector's state and its one step; `reflect` puts it on a socket.

    `reflected`, `malformed`, `refused`: packets answered, unreadable, and turned away for
    want of room.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        error: Callable[[], ErrorEstimate] = clock_error,
        sessions: int = SESSIONS,
        idle: float = IDLE,
    ) -> None:
        self._clock = clock
        self._read_error = error
        self._error = error()
        self._error_read = clock.monotonic()
        self._limit = sessions
        self._idle = idle
        self._sessions: OrderedDict[SessionKey, _Session] = OrderedDict()
        self.reflected = 0
        self.malformed = 0
        self.refused = 0

    def answer(self, datagram: Datagram) -> bytes | None:
        """Return the reply to a test packet, or None when it gets none."""
        received = self._clock.now() - datagram.age
        try:
            packet = SenderPacket.from_bytes(datagram.data)
        except ValueError:
            self.malformed += 1
            return None
        session = self._session((datagram.sender, packet.session))
        if session is None:
            self.refused += 1
            return None
        error = self._clock_error()
        reply = ReflectorPacket(
            sequence=session.sequence,
            timestamp=encode_time(self._clock.now(), error.format),
            error=error,
            received=encode_time(received, error.format),
            sender_sequence=packet.sequence,
            sender_timestamp=packet.timestamp,
            sender_error=packet.error,
            sender_ttl=datagram.ttl,
            session=packet.session,
        )
        session.sequence = (session.sequence + 1) % _SEQUENCES
        self.reflected += 1
        return reply.to_bytes(datagram.data[SIZE:])

    def _session(self, key: SessionKey) -> _Session | None:
        now = self._clock.monotonic()
        session = self._sessions.get(key)
        if session is None:
            if len(self._sessions) >= self._limit:
                oldest = next(iter(self._sessions))
                if now - self._sessions[oldest].heard < self._idle:
                    return None
                del self._sessions[oldest]
            session = self._sessions[key] = _Session(0, now)
        self._sessions.move_to_end(key)
        session.heard = now
        return session

    def _clock_error(self) -> ErrorEstimate:
        now = self._clock.monotonic()
        if now - self._error_read > _ERROR_AGE:
            self._error, self._error_read = self._read_error(), now
        return self._error


@asynccontextmanager
async def reflect(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    clock: Clock | None = None,
    error: Callable[[], ErrorEstimate] = clock_error,
) -> AsyncIterator[tuple[str, int]]:
    """Reflect STAMP packets while the context is open; yields the host and port in use.

    Port 0 takes any free one. Raises OSError when the address cannot be had.
    """
    reflector = Reflector(clock=clock or SystemClock(), error=error)

    def turn_round(datagram: Datagram) -> None:
        reply = reflector.answer(datagram)
        if reply is not None:
            endpoint.send(reply, datagram.sender)

    # An unreachable sender is the sender's trouble, not the reflector's: nothing to do on error.
    endpoint = Endpoint(_bind(host, port), on_datagram=turn_round, on_error=lambda _: None)
    try:
        yield endpoint.address
    finally:
        endpoint.close()


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


async def _serve(host: str, port: int) -> None:
    async with reflect(host, port) as (bound, number):
        sys.stdout.write(f"reflecting STAMP on {bound} port {number}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Run a reflector until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m collectors.stamp.reflector", description="STAMP reflector")
    parser.add_argument("port", nargs="?", type=int, default=PORT)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments.host, arguments.port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
