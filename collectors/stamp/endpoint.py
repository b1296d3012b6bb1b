"""A UDP socket that knows when a datagram arrived, not only when Python came to read it.

On Linux the kernel dates each datagram on arrival; the difference to the moment of reading
is the datagram's `age`. Taking the age off the clock's reading gives the arrival in the
clock's own terms, and the scheduler's share of the delay is gone. Elsewhere the age is 0.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

_LIMIT = 2048  # octets read of a datagram; a STAMP packet has at most 1472
_BURST = 64  # datagrams read before other callbacks get their turn
_ANCILLARY = 256
_BUFFER = 1 << 20  # octets the kernel may hold while Python is away

_FULL = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS}

# Linux's numbers; the socket module of Python 3.11 lacks the names.
_SO_TIMESTAMPNS = 35
_IP_RECVTTL, _IP_TTL = 12, 2
_IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 51, 52
_TIMESPEC = struct.Struct("@ll")
_INT = struct.Struct("@i")

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram as it came. `age`: ns it waited for us. `ttl`: hops left, 255 when unknown."""

    data: bytes
    sender: SocketAddress
    age: int
    ttl: int


class Endpoint:
    """A non-blocking UDP socket in the running event loop; `close` gives it back.

    `on_error` is told what the kernel has against the last packet, such as a refused port.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        on_datagram: Callable[[Datagram], None],
        on_error: Callable[[OSError], None],
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        _ask_for_arrival(sock)
        self._loop.add_reader(sock.fileno(), self._read)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port this end has."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def peer(self) -> str:
        """The address of the other end of a connected socket."""
        return str(self._socket.getpeername()[0])

    def send(self, data: bytes, to: SocketAddress | None = None) -> None:
        """Send now or never: what the kernel cannot take is lost, as on any network."""
        try:
            if to is None:
                self._socket.send(data)
            else:
                self._socket.sendto(data, to)
        except OSError as error:
            if error.errno not in _FULL:
                self._on_error(error)

    def close(self) -> None:
        """Leave the event loop and close the socket."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, ancillary, _, sender = self._socket.recvmsg(_LIMIT, _ANCILLARY)
            except BlockingIOError:
                return
            except OSError as error:
                self._on_error(error)
                return
            age, ttl = _arrival(ancillary)
            self._on_datagram(Datagram(data, sender, age, ttl))
            if self._socket.fileno() < 0:  # the callback closed us
                return


def _ask_for_arrival(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    if not sys.platform.startswith("linux"):
        return
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    age, ttl = 0, 255
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, ns = _TIMESPEC.unpack_from(data)
            # A step of the wall clock between arrival and now must not make time run backwards.
            age = max(0, time.time_ns() - seconds * 1_000_000_000 - ns)
        elif (level, kind) in {(socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)}:
            ttl = _INT.unpack_from(data)[0]
    return age, ttl
