"""Notices what nobody tells a process: that the wall clock was moved, or that it was not run for a while."""

from __future__ import annotations

import structlog

from plant.clock import SECOND, Clock

TOLERATED = 2.0
"""Seconds between the two clocks, or of standing still, that are not worth a line."""

log = structlog.get_logger(__name__)


class Timekeeping:
    """Compares the wall clock with the steady one each time it is asked to `look`, every `period` seconds."""

    def __init__(self, clock: Clock, period: float) -> None:
        self._clock = clock
        self._period = period
        self._wall, self._steady = clock.now(), clock.monotonic()

    def look(self) -> None:
        """Log a jump since the last look, and a standstill. Times that devices give are not touched by either."""
        wall, steady = self._clock.now(), self._clock.monotonic()
        passed = steady - self._steady
        jumped = (wall - self._wall) / SECOND - passed
        if abs(jumped) > TOLERATED:
            log.warning("wall clock jumped; received times jump with it", seconds=round(jumped, 1))
        if passed > self._period + TOLERATED:
            log.warning("this process stood still", seconds=round(passed - self._period, 1))
        self._wall, self._steady = wall, steady
