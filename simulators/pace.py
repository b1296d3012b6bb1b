"""Plant time that runs at the clock's pace, or a number of times faster, without drift."""

from __future__ import annotations

from plant.clock import SECOND, Clock


class ScaledClock:
    """A clock that passes `speed` seconds while `base` passes one, from `start` (ns UTC) on.

    Durations count from `base.monotonic()`, so a correction of the wall clock moves nothing.
    `passed`: seconds since `start` that have passed already.
    """

    def __init__(self, base: Clock, *, speed: float, start: int | None = None, passed: float = 0.0) -> None:
        if not 0 < speed <= 1000:
            raise ValueError(f"speed {speed:g} is not between 0 and 1000")
        self.speed = speed
        self._base = base
        self._start = base.now() if start is None else start
        self._zero = base.monotonic() - passed / speed

    def now(self) -> int:
        return self._start + round(self.monotonic() * SECOND)

    def monotonic(self) -> float:
        return (self._base.monotonic() - self._zero) * self.speed

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds / self.speed)
