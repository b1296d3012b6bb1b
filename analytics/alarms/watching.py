"""The beat that keeps alarms going: a look a few times a second, figures now and then.

Figures are computed by the function that every page calls, on the same columns and rules, so
an alarm on OEE never disagrees with the tile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from analytics.alarms.annunciator import Annunciator
from analytics.periods import running_shift
from analytics.scene import analyse
from analytics.unit import Rules
from configs.configuration import Configuration
from historian.port import Historian
from plant.clock import SECOND, Clock
from plant.errors import Unavailable

log = structlog.get_logger(__name__)

PERIOD = 0.25
FIGURES_EVERY = 30.0


@dataclass(frozen=True, slots=True)
class FigureJudge:
    """Computes the figures that alarms watch, from the store, when asked to."""

    annunciator: Annunciator
    configuration: Configuration
    historian: Historian
    rules: Rules

    def judge(self, now: int) -> None:
        """Compute every watched figure up to `now`, ns UTC, and let the alarms see it. Blocks.

        Outside a shift its figures say nothing. Raises Unavailable as the historian does.
        """
        now = now // SECOND * SECOND
        for scene_id, window in sorted(self.annunciator.figures_wanted()):
            scene, calendar = self.configuration.site.scene(scene_id), self.configuration.calendar(scene_id)
            span = (now - round(window * SECOND), now) if window else running_shift(calendar, now)
            if scene is None or span is None:
                continue
            found = analyse(scene, self.historian, span, calendar=calendar, rules=self.rules, now=now)
            self.annunciator.take_figures(found.indicators(), window)


@asynccontextmanager
async def watching(judge: FigureJudge, *, clock: Clock) -> AsyncIterator[None]:
    """Keep alarms going while the context is open."""

    async def follow() -> None:
        while True:
            await asyncio.to_thread(judge.annunciator.evaluate)
            await clock.sleep(PERIOD)

    async def compute() -> None:
        while True:
            await clock.sleep(FIGURES_EVERY)
            try:
                await asyncio.to_thread(judge.judge, clock.now())
            except Unavailable as error:
                log.warning("alarms on figures wait for the store", reason=str(error))

    # A beat that fails takes the centre down: alarms that stand still without a word would be worse.
    async with asyncio.TaskGroup() as beats:
        tasks = [beats.create_task(follow(), name="alarms"), beats.create_task(compute(), name="alarms on figures")]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
    await asyncio.to_thread(judge.annunciator.evaluate)
