"""Time is injected, so that a shift can pass in a second and a test never sleeps.

Wall time is `int` nanoseconds since 1970 UTC, the form every column of time has.
Durations are seconds from `monotonic`, which no NTP step can turn back.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
MICROSECOND = 1_000


class Clock(Protocol):
    """What time it is and how to wait; the only source of time inside the project."""

    def now(self) -> int:
        """Return wall time in ns since 1970 UTC."""

    def monotonic(self) -> float:
        """Return seconds from a fixed but arbitrary point; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less gives way to other tasks once."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """A clock that moves only when told to, and wakes its sleepers in order of their time.

    `start` is ns since 1970 UTC. Between two wake-ups every runnable task runs until it
    waits again, so what happens "at" one instant happens before the next one begins.
    """

    # Loop turns given to woken tasks before time moves on: chains of awaits that need more
    # than this without touching the clock are a smell, not a use case.
    _TURNS = 32

    def __init__(self, start: int = 1_700_000_000 * SECOND) -> None:
        self._start = start
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start) / SECOND

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now + round(seconds * SECOND)
        heapq.heappush(self._sleepers, (due, next(self._order), woken))
        await woken

    def set(self, now: int) -> None:
        """Move to `now` (ns) without waking anyone: for models that own their event queue."""
        if now < self._now:
            raise ValueError("virtual time does not go back")
        self._now = now

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking every sleeper that falls due on the way, in order."""
        end = self._now + round(seconds * SECOND)
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not woken.done():
                woken.set_result(None)
            await self._settle()
        self._now = end
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(self._TURNS):
            await asyncio.sleep(0)


def iso(time_ns: int) -> str:
    """Write `time_ns` as ISO 8601 in UTC with microseconds, e.g. `2026-03-01T08:00:00.000000Z`."""
    seconds, rest = divmod(time_ns, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // MICROSECOND)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str) -> int:
    """Read an ISO 8601 moment that carries a zone into ns since 1970 UTC.

    Raises ValueError when the zone is missing: a local time is not a moment.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it with Z or an offset such as +08:00")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * MICROSECOND
