"""A link applied to live traffic: when is this packet due at the other end, if ever.

Real time is `time.monotonic`; the link's own time starts at the clock's wall time and then
runs on monotonically, so that no step of the clock tears the link.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from configs.network_profile import FloorPlan, NetworkProfile
from plant.clock import SECOND, Clock, SystemClock
from simulators.network.floor import Position
from simulators.network.interference import Interference
from simulators.network.law import law
from simulators.network.link import Direction, Link

_REMEMBERED = 10_000  # packets


@dataclass(slots=True)
class PathCounts:
    """Packets that went in, and those the profile lost; per path, both directions together."""

    sent: int = 0
    lost: int = 0


class Path:
    """The link of one live emulation, whose profile can be changed while traffic runs.

    `position` is asked for the station's place at every packet; it needs a floor plan.
    `lateness`: by how many seconds the last packets were delivered after they were due, the
    error of the emulation itself.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        floor: FloorPlan | None = None,
        position: Callable[[], Position | None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._seed = seed
        self._floor = floor
        self._position = position or (lambda: None)
        self._begin = (clock or SystemClock()).now() - round(time.monotonic() * SECOND)
        self._link: Link | None = None
        self._interferences: list[Interference] = []
        self.counts = PathCounts()
        self.lateness: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def profile(self) -> NetworkProfile:
        """The profile in force."""
        return self._in_force.profile

    async def switch(self, profile: NetworkProfile) -> None:
        """Put another profile in force for everything sent from now on."""
        await asyncio.to_thread(law, profile)  # the fit of a new profile takes most of a second
        self._link = Link(profile, seed=self._seed, floor=self._floor, interferences=self._interferences)

    def disturb(self, interference: Interference) -> Callable[[], None]:
        """Put an interference on the traffic from now on, under any profile; the returned call takes it off."""
        self._interferences.append(interference)
        return lambda: self._interferences.remove(interference)

    def datagram(self, size: int, direction: Direction, *, sent: float) -> float | None:
        """Return when a datagram sent at `sent` is due (both monotonic seconds), or None when it is lost."""
        self.counts.sent += 1
        delay = self._in_force.delay(self._time(sent), size, direction, position=self._position())
        if delay is None:
            self.counts.lost += 1
            return None
        return sent + delay

    def segment(self, size: int, direction: Direction, *, sent: float) -> float:
        """Return when a part of a stream is due: loss makes it late. Raises TimeoutError out of coverage."""
        self.counts.sent += 1
        return sent + self._in_force.delivery(self._time(sent), size, direction, position=self._position())

    @property
    def _in_force(self) -> Link:
        if self._link is None:
            raise RuntimeError("a path needs a profile before traffic: await switch(profile)")
        return self._link

    def _time(self, monotonic: float) -> int:
        return self._begin + round(monotonic * SECOND)
