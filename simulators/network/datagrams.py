"""UDP sockets whose datagrams are dated by the kernel when they arrive (Linux), not when Python reads them."""

from __future__ import annotations

import socket
import struct
import sys
import time
from contextlib import suppress

from plant.clock import SECOND

Address = tuple[str, int]

_LIMIT = 65_535
_BURST = 64
_BUFFER = 1 << 21
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")


def opened(address: Address) -> socket.socket:
    """Return a bound, non-blocking socket whose datagrams the kernel dates. Raises OSError."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        if sys.platform.startswith("linux"):
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def arrived(sock: socket.socket) -> list[tuple[bytes, Address, float]]:
    """Return what has arrived: datagram, sender, and when in monotonic seconds."""
    found: list[tuple[bytes, Address, float]] = []
    # An error here is the news that an earlier datagram reached nobody: on a link, just silence.
    with suppress(OSError):
        while len(found) < _BURST:
            data, ancillary, _, sender = sock.recvmsg(_LIMIT, socket.CMSG_SPACE(_TIMESPEC.size))
            found.append((data, sender, time.monotonic() - _age(ancillary)))
    return found


def _age(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, ns = _TIMESPEC.unpack_from(data)
            dated: int = seconds * SECOND + ns
            return max(0, time.time_ns() - dated) / SECOND
    return 0.0
