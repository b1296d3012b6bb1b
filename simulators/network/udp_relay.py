"""A UDP relay under a path: each client gets a socket of its own towards the target, as behind a NAT.

The kernel dates datagrams on arrival (Linux), and a datagram is due so long after *that*: the
time it waited for this process to be scheduled is part of the delay, not added to it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections import OrderedDict
from contextlib import suppress
from functools import partial

from plant.clock import SECOND
from simulators.network.delay_line import DelayLine
from simulators.network.link import Direction
from simulators.network.path import Path

CLIENTS = 256
"""Clients served at once; the one silent for longest makes way."""

_LIMIT = 65_535
_BURST = 64
_BUFFER = 1 << 21
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")

Address = tuple[str, int]


class UdpRelay:
    """The listening socket, the clients' sockets, and a delay line each way."""

    def __init__(self, path: Path, listen: Address, target: Address) -> None:
        self._path = path
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._lines = {direction: DelayLine(lateness=path.lateness) for direction in Direction}
        self._clients: OrderedDict[Address, socket.socket] = OrderedDict()
        self._server = _open(listen)
        self._loop.add_reader(self._server.fileno(), self._from_clients)

    @property
    def address(self) -> Address:
        """Host and port the relay listens on."""
        host, port = self._server.getsockname()[:2]
        return host, port

    @property
    def dropped(self) -> int:
        """Datagrams dropped because a delay line was full."""
        return sum(line.dropped for line in self._lines.values())

    def close(self) -> None:
        """Close every socket; datagrams under way are lost."""
        for client in list(self._clients):
            self._forget(client)
        self._loop.remove_reader(self._server.fileno())
        self._server.close()
        for line in self._lines.values():
            line.close()

    def _from_clients(self) -> None:
        for data, sender, sent in _read(self._server):
            upstream = self._upstream(sender)
            due = self._path.datagram(len(data), Direction.UP, sent=sent)
            if due is not None:
                self._lines[Direction.UP].push(data, due=due, deliver=partial(_send, upstream))

    def _from_target(self, client: Address, upstream: socket.socket) -> None:
        for data, _, sent in _read(upstream):
            due = self._path.datagram(len(data), Direction.DOWN, sent=sent)
            if due is not None:
                self._lines[Direction.DOWN].push(data, due=due, deliver=partial(_send, self._server, to=client))

    def _upstream(self, client: Address) -> socket.socket:
        upstream = self._clients.get(client)
        if upstream is None:
            if len(self._clients) >= CLIENTS:
                self._forget(next(iter(self._clients)))
            upstream = self._clients[client] = _open((self.address[0], 0))
            upstream.connect(self._target)
            self._loop.add_reader(upstream.fileno(), self._from_target, client, upstream)
        self._clients.move_to_end(client)
        return upstream

    def _forget(self, client: Address) -> None:
        upstream = self._clients.pop(client)
        self._loop.remove_reader(upstream.fileno())
        upstream.close()


def _open(address: Address) -> socket.socket:
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


def _read(sock: socket.socket) -> list[tuple[bytes, Address, float]]:
    """Return what has arrived: datagram, sender, and when in monotonic seconds."""
    arrived: list[tuple[bytes, Address, float]] = []
    # An error here is the news that an earlier datagram reached nobody: on a link, just silence.
    with suppress(OSError):
        while len(arrived) < _BURST:
            data, ancillary, _, sender = sock.recvmsg(_LIMIT, socket.CMSG_SPACE(_TIMESPEC.size))
            arrived.append((data, sender, time.monotonic() - _age(ancillary)))
    return arrived


def _age(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, ns = _TIMESPEC.unpack_from(data)
            arrived: int = seconds * SECOND + ns
            return max(0, time.time_ns() - arrived) / SECOND
    return 0.0


def _send(sock: socket.socket, data: bytes, to: Address | None = None) -> None:
    # A datagram that cannot be sent now is lost, and so is one whose client has been forgotten.
    with suppress(OSError):
        if to is None:
            sock.send(data)
        else:
            sock.sendto(data, to)
