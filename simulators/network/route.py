"""A way that packets take there and back: a station's own link, or two links in a row.

    near ──up──▶ network ──down──▶ far        there
    near ◀─down── network ◀──up─── far        and back

Two devices of one radio network do not hear each other: what one says goes up to the network
and down to the other, so both links delay it and either may lose it.
"""

from __future__ import annotations

from typing import Protocol

from plant.clock import SECOND
from simulators.network.link import Direction, Link


class Way(Protocol):
    """Anything a packet can be sent over; a `Link` is one."""

    def delay(self, now: int, size: int, direction: Direction) -> float | None:
        """Return the seconds a packet of `size` octets takes that is sent at `now` (ns UTC), or None when it is lost.

        Up is away from who asks. Calls of one direction come in the order of `now`.
        """


def twin(way: Way) -> Way:
    """Return the same way for other traffic: the same fate at the same moment, queues of its own."""
    return way.twin() if isinstance(way, Link | Route) else way


class Beside:
    """No way at all: who talks to each other stands side by side."""

    def delay(self, now: int, size: int, direction: Direction) -> float:  # noqa: ARG002 - the same whatever they are
        """Return 0."""
        return 0.0


class Route:
    """The way between two stations, each on a link of its own; up leads from `near` to `far`."""

    def __init__(self, near: Link, far: Link) -> None:
        self._near = near
        self._far = far

    def twin(self) -> Route:
        """Return the same way for other traffic."""
        return Route(self._near.twin(), self._far.twin())

    def delay(self, now: int, size: int, direction: Direction) -> float | None:
        """Return the seconds a packet takes from one station to the other, or None when either link loses it."""
        first, last = (self._near, self._far) if direction is Direction.UP else (self._far, self._near)
        up = first.delay(now, size, Direction.UP)
        if up is None:
            return None
        down = last.delay(now + round(up * SECOND), size, Direction.DOWN)
        return None if down is None else up + down
