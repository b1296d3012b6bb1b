"""Rests, and notices what nobody tells a process: that the wall clock was moved, or that it was not run for a while."""

from __future__ import annotations

import structlog

from plant.clock import SECOND, Clock

TOLERATED = 2.0
"""Seconds between the two clocks, or of oversleeping, that are not worth a line."""

log = structlog.get_logger(__name__)


async def rest(clock: Clock, seconds: float) -> None:
    """Wait; log a jump of the wall clock meanwhile, and a standstill. Neither touches times that devices give."""
    wall, steady = clock.now(), clock.monotonic()
    await clock.sleep(seconds)
    passed = clock.monotonic() - steady
    jumped = (clock.now() - wall) / SECOND - passed
    if abs(jumped) > TOLERATED:
        log.warning("wall clock jumped; received times jump with it", seconds=round(jumped, 1))
    if passed > seconds + TOLERATED:
        log.warning("this process stood still", seconds=round(passed - seconds, 1))
