"""A UDP relay under a path: each client gets a socket of its own towards the target, as behind a NAT.

A datagram is due so long after the kernel saw it *arrive*: the time it waited for this process
to be scheduled is part of the delay, not added to it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from simulators.network.datagrams import Address, arrived, opened
from simulators.network.delay_line import DelayLine
from simulators.network.link import Direction

CLIENTS = 256
"""Clients served at once; the one silent for longest makes way."""


class Underway(Protocol):
    """What decides when a datagram is due; a `Path` does."""

    @property
    def lateness(self) -> deque[float]:
        """Where to note by how many seconds each datagram was delivered after it was due."""

    def datagram(self, size: int, direction: Direction, *, sent: float) -> float | None:
        """Return when a datagram sent at `sent` is due (both monotonic seconds), or None when it is lost."""


Heard = Callable[[Direction, bytes], None]
"""Is told of every datagram that a client sent, and of every one that was delivered to a client."""


def nobody(_: Direction, _datagram: bytes) -> None:
    """Hear nothing."""


class UdpRelay:
    """The listening socket, the clients' sockets, and a delay line each way."""

    def __init__(self, path: Underway, listen: Address, target: Address, *, heard: Heard = nobody) -> None:
        self._path = path
        self._heard = heard
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._lines = {direction: DelayLine(lateness=path.lateness) for direction in Direction}
        self._clients: OrderedDict[Address, socket.socket] = OrderedDict()
        self._server = opened(listen)
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
        for data, sender, sent in arrived(self._server):
            self._heard(Direction.UP, data)
            upstream = self._upstream(sender)
            due = self._path.datagram(len(data), Direction.UP, sent=sent)
            if due is not None:
                self._lines[Direction.UP].push(data, due=due, deliver=partial(_send, upstream))

    def _from_target(self, client: Address, upstream: socket.socket) -> None:
        for data, _, sent in arrived(upstream):
            due = self._path.datagram(len(data), Direction.DOWN, sent=sent)
            if due is not None:
                self._lines[Direction.DOWN].push(data, due=due, deliver=partial(self._deliver, client))

    def _deliver(self, client: Address, data: bytes) -> None:
        self._heard(Direction.DOWN, data)
        _send(self._server, data, to=client)

    def _upstream(self, client: Address) -> socket.socket:
        upstream = self._clients.get(client)
        if upstream is None:
            if len(self._clients) >= CLIENTS:
                self._forget(next(iter(self._clients)))
            upstream = self._clients[client] = opened((self.address[0], 0))
            upstream.connect(self._target)
            self._loop.add_reader(upstream.fileno(), self._from_target, client, upstream)
        self._clients.move_to_end(client)
        return upstream

    def _forget(self, client: Address) -> None:
        upstream = self._clients.pop(client)
        self._loop.remove_reader(upstream.fileno())
        upstream.close()


def _send(sock: socket.socket, data: bytes, to: Address | None = None) -> None:
    # A datagram that cannot be sent now is lost, and so is one whose client has been forgotten.
    with suppress(OSError):
        if to is None:
            sock.send(data)
        else:
            sock.sendto(data, to)
