"""A STAMP reflector behind a modelled link: live probes meet the delays and losses that the model's messages meet.

    probe ──▶ relay ──up──▶ reflector        the relay holds every datagram back
      ◀────── relay ◀─down────┘              for as long as the model's way takes at that moment

Both are real sockets: what the sender measures has really been waited for, and the kernel
dates what arrives. The link is asked at plant time, the waiting is in real seconds at any
pace, so delays are those of the profile however fast the plant runs.

The reflector is stateless (RFC 8762 §4.3.1): it returns the sender's own sequence number and
keeps nothing about anybody. It does not claim to be synchronised; a sender on the same
machine knows better.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from plant.clock import SECOND
from plant.errors import Unavailable
from plant.quality import Quality
from simulators.faces.endpoint import Endpoint, PortPolicy
from simulators.faces.layout import StampLayout
from simulators.kernel.signals import Signal, SignalTable
from simulators.network.datagrams import arrived, opened
from simulators.network.link import Direction
from simulators.network.route import Way
from simulators.network.udp_relay import Heard, UdpRelay, nobody

_SENDER = struct.Struct(">IQHH28x")
_REFLECTOR = struct.Struct(">IQHHQIQH2xB3x")
_NTP_TO_UNIX = 2_208_988_800  # seconds from 1900 to 1970
_NO_IDEA = 36 << 8 | 1  # error estimate: not synchronised, NTP format, 1 · 2**(36 - 32) = 16 s
_HOPS_UNKNOWN = 255
_REMEMBERED = 10_000


@asynccontextmanager
async def serve_stamp(
    layout: StampLayout,
    signals: SignalTable,
    *,
    now: Callable[[], int],
    listen: Endpoint,
    ports: PortPolicy,
    heard: Heard = nobody,
) -> AsyncIterator[StampFace]:
    """Reflect at the far end of a layout's way while the context is open. Raises Unavailable.

    `now`: plant time in ns UTC, at which the way is asked. `heard` is told of what passes.
    """
    reflector = _Reflector(listen.host)
    try:
        passage = _Passage(layout.way, signals[layout.reflector], now)
        relay = _listening(passage, reflector, (listen, ports), heard)
        try:
            yield StampFace(Endpoint("stamp", *relay.address), passage)
        finally:
            relay.close()
    finally:
        reflector.close()


class StampFace:
    """A reflector that is served.

    `lateness`: by how many seconds the last datagrams were delivered after they were due.
    """

    def __init__(self, endpoint: Endpoint, passage: _Passage) -> None:
        self.endpoint = endpoint
        self._passage = passage

    @property
    def lateness(self) -> deque[float]:
        """What this machine added to the link."""
        return self._passage.lateness

    async def flush(self) -> None:
        """Do nothing: a reflector only answers."""

    async def reach(self, *, reachable: bool) -> None:
        """Lose every packet, or let them pass again."""
        self._passage.open = reachable


class _Passage:
    """A way of the model, as a relay asks it."""

    def __init__(self, way: Way, reflector: Signal, now: Callable[[], int]) -> None:
        self.lateness: deque[float] = deque(maxlen=_REMEMBERED)
        self.open = True
        self._way = way
        self._reflector = reflector
        self._now = now

    def datagram(self, size: int, direction: Direction, *, sent: float) -> float | None:
        if not self.open or self._reflector.quality == Quality.BAD_NO_COMMUNICATION:
            return None
        delay = self._way.delay(self._now(), size, direction)
        return None if delay is None else sent + delay


def _listening(
    passage: _Passage, reflector: _Reflector, wanted_at: tuple[Endpoint, PortPolicy], heard: Heard
) -> UdpRelay:
    listen, ports = wanted_at
    wanted = 0 if ports is PortPolicy.ANY else listen.port
    for port in (wanted, 0) if ports is PortPolicy.PREFER else (wanted,):
        try:
            return UdpRelay(passage, (listen.host, port), reflector.address, heard=heard)
        except OSError as error:
            reason = f"{listen.host}:{port}: {error.strerror}"
    raise Unavailable(f"cannot listen on {reason}")


class _Reflector:
    def __init__(self, host: str) -> None:
        try:
            self._socket = opened((host, 0))
        except OSError as error:
            raise Unavailable(f"cannot listen on {host}: {error.strerror}") from error
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._socket.getsockname()[:2]
        return host, port

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        for data, sender, came in arrived(self._socket):
            waited = round((time.monotonic() - came) * SECOND)
            with suppress(struct.error, OSError):  # too short for STAMP, or nobody there any more: no answer
                self._socket.sendto(reply(data, received=time.time_ns() - waited), sender)


def reply(data: bytes, *, received: int) -> bytes:
    """Return the answer to a test packet that arrived at `received` (ns UTC): as long, its padding as it was.

    Raises struct.error when it is too short to be one.
    """
    sequence, timestamp, error, session = _SENDER.unpack_from(data)
    head = _REFLECTOR.pack(
        sequence,
        _ntp(time.time_ns()),
        _NO_IDEA,
        session,
        _ntp(received),
        sequence,
        timestamp,
        error,
        _HOPS_UNKNOWN,
    )
    return head + data[_REFLECTOR.size :]


def _ntp(ns: int) -> int:
    seconds, rest = divmod(ns, SECOND)
    return (seconds + _NTP_TO_UNIX) % 2**32 << 32 | (rest << 32) // SECOND
