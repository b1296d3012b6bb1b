"""Rests, and notices what nobody tells a process: that the wall clock was moved, or that it was not run for a while.

And bounds how far a device's clock may be ahead of ours: a sample from the far future would stay
the newest of its tag until that time has come, and hide every value after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import structlog

from plant.batch import Batch, Ints, Origin
from plant.clock import SECOND, Clock
from plant.quality import Quality, good

TOLERATED = 2.0
"""Seconds between the two clocks, or of oversleeping, that are not worth a line."""

FAR_AHEAD = 86_400 * SECOND
"""Beyond the widest error that a wrong time zone makes, or a wrong clock of ours that is put right."""

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


@asynccontextmanager
async def watched(clock: Clock, period: float = 2.0) -> AsyncIterator[None]:
    """Look at the clocks every `period` seconds while the context is open; for a process that no report rests in."""

    async def watch() -> None:
        while True:
            await rest(clock, period)

    watching = asyncio.create_task(watch(), name="clocks")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def far_ahead(batch: Batch) -> Ints:
    """Return the rows whose source time lies more than `FAR_AHEAD` after they came; what is replayed may."""
    return np.flatnonzero((batch.time > batch.received + FAR_AHEAD) & ((batch.origin & Origin.REPLAYED) == 0))


def brought_back(batch: Batch, rows: Ints) -> Batch:
    """Return the batch with these rows at the time they came, in their order, and uncertain where they were good."""
    time, quality = batch.time.copy(), batch.quality.copy()
    # A nanosecond apart: two samples of a tag at one time would be one sample.
    time[rows] = batch.received[rows] + np.arange(len(rows))
    quality[rows] = np.where(good(quality[rows]), np.uint32(Quality.UNCERTAIN), quality[rows])
    return replace(batch, time=time, quality=quality)
