"""Plant time for a demonstration that runs faster than life.

Moments are plant time, so that shifts, cycles and figures stay true to each other; waiting
is real time, so that polling and retrying stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from plant.clock import SECOND, Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Anchor:
    """The instant at which plant time and real time agreed: ns UTC, and `time.monotonic()` seconds.

    Processes of one machine that share an anchor and a speed agree on plant time.
    """

    start: int
    zero: float

    @classmethod
    def here(cls, base: Clock) -> Anchor:
        """Anchor plant time at this moment."""
        return cls(base.now(), base.monotonic())

    def at(self, monotonic: float, speed: float) -> int:
        """Return plant time in ns UTC at a reading of the monotonic clock."""
        return self.start + round((monotonic - self.zero) * speed * SECOND)


class PlantTime:
    """A clock whose `now` runs `speed` times as fast as its `sleep`."""

    def __init__(self, anchor: Anchor, speed: float, base: Clock | None = None) -> None:
        self._anchor = anchor
        self._speed = speed
        self._base = base or SystemClock()

    def now(self) -> int:
        return self._anchor.at(self._base.monotonic(), self._speed)

    def monotonic(self) -> float:
        return self._base.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)
