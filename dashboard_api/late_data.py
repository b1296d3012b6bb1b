"""Looks, from time to time, for what others wrote late into a store that is not ours alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from analytics.late_data import Counting, look
from configs.schema import InfluxConfig
from dashboard_api.centre import Centre
from plant.clock import SECOND
from plant.errors import Unavailable

log = structlog.get_logger(__name__)


@asynccontextmanager
async def watching(centre: Centre) -> AsyncIterator[None]:
    """Count recent shifts again and again while the context is open, where others write to the store too."""
    settings, store = centre.configuration.centre.historian, centre.historian
    if not isinstance(settings, InfluxConfig) or not isinstance(store, Counting):
        yield
        return

    async def watch() -> None:
        while True:
            await centre.clock.sleep(settings.check_late)
            await asyncio.to_thread(look_everywhere, centre, store, settings.late_for)

    task = asyncio.create_task(watch(), name="late data")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def look_everywhere(centre: Centre, store: Counting, late_for: float) -> None:
    """Look through every scene once; a store that cannot answer now is asked again next time."""
    since = centre.clock.now() - round(late_for * SECOND)
    for scene in centre.scenes:
        try:
            found = look(scene, centre.results, store, since=since)
        except Unavailable as error:
            log.warning("late data not looked for", scene=scene.id, reason=str(error))
            return
        if found:
            log.info("shifts in doubt", scene=scene.id, shifts=len(found))
