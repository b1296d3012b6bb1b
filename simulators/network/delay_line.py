"""Hold packets back until they are due, in order, with room for so many octets and no more."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from simulators.network.alarm import alarm

LIMIT = 8 * 1024 * 1024
"""Octets a line holds: 3 Gbit/s for 20 ms; a full line drops, as a full queue does."""

_OVERHEAD = 64  # octets an empty packet counts for, so that many small ones are bounded too

Deliver = Callable[[bytes], None]


class DelayLine:
    """One direction of a live link. `dropped`: packets that found it full.

    `lateness` collects by how many seconds each packet left after it was due: what the
    processor added to the link.
    """

    def __init__(self, *, lateness: deque[float], limit: int = LIMIT) -> None:
        self._lateness = lateness
        self._limit = limit
        self._held = 0
        self._waiting: deque[tuple[float, bytes, Deliver]] = deque()
        self._alarm = alarm(self._due)
        self.dropped = 0

    def push(self, packet: bytes, *, due: float, deliver: Deliver) -> None:
        """Call `deliver(packet)` at `due` (seconds of `time.monotonic`), but not before packets pushed earlier."""
        size = len(packet) + _OVERHEAD
        if self._held + size > self._limit:
            self.dropped += 1
            return
        self._held += size
        self._waiting.append((due, packet, deliver))
        if len(self._waiting) == 1:
            self._alarm.set(due)

    def close(self) -> None:
        """Forget what is still held."""
        self._alarm.close()
        self._waiting.clear()

    def _due(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            due, packet, deliver = self._waiting.popleft()
            self._held -= len(packet) + _OVERHEAD
            self._lateness.append(now - due)
            deliver(packet)
        if self._waiting:
            self._alarm.set(self._waiting[0][0])
