"""One supervisor a source: it opens, reads, hands on, and opens again when the link is lost.

    connecting ──▶ flowing ──▶ lost ──(back-off with full jitter, at most 30 s)──▶ connecting
                      └─ silent for too long counts as lost

Losing a source makes all its tags read bad at once, one sample each; there is one log line
on loss and one on recovery, however many attempts lie between. Any batch resets the back-off.
Samples from the far future are kept at the time they came, with one line when that begins.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from collectors.source import Source
from edge.backoff import Backoff
from edge.filters import Filters
from edge.timekeeping import brought_back, far_ahead
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, Clock
from plant.errors import ConfigError, Disconnected
from plant.quality import Quality
from plant.tags import Tag

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Condition:
    """What the supervisor knows of its source; `lag` is received minus source time of the last sample, s."""

    connected: bool = False
    reconnects: int = 0
    lag: float = 0.0
    reason: str = "not opened yet"


class Supervisor:
    """Keeps one source flowing into `deposit` until it is cancelled.

    `silence`: seconds without any batch after which an open source counts as lost; None for
    one whose link is watched otherwise and whose devices may rest, such as a broker.
    """

    def __init__(
        self,
        source: Source,
        tags: Iterable[Tag],
        deposit: Callable[[Batch], Awaitable[None]],
        *,
        clock: Clock,
        silence: float | None,
        jitter: random.Random | None = None,
    ) -> None:
        self.source = source
        self.condition = Condition()
        self._tags = tuple(tags)
        self._filters = Filters(self._tags)
        self._deposit = deposit
        self._clock = clock
        self._silence = silence
        self._backoff = Backoff(clock, jitter)
        self._ahead = False

    async def run(self) -> None:
        """Supervise for ever; returns only when the source says that it has ended."""
        while True:
            try:
                await self._read()
            except (Disconnected, ConfigError) as error:
                await self._lost(str(error))
            else:
                log.info("source ended", source=self.source.name)
                return
            await self._backoff.wait()

    async def _read(self) -> None:
        async with self.source.open() as batches:
            if self._silence is None:
                self._found()
            while True:
                batch = await self._next(batches)
                if batch is None:
                    return
                self._found()
                self._backoff.reset()
                if len(batch):
                    self.condition.lag = float(batch.received[-1] - batch.time[-1]) / SECOND
                await self._deposit(self._filters(self._in_time(batch)))

    def _in_time(self, batch: Batch) -> Batch:
        rows = far_ahead(batch)
        if len(rows) and not self._ahead:
            days = float((batch.time[rows] - batch.received[rows]).max()) / SECOND / 86_400
            log.warning(
                "device times lie far ahead; samples are kept at the time they came, as uncertain",
                source=self.source.name,
                tag=batch.names[batch.tag[rows[0]]],
                days=round(days, 1),
            )
        if len(batch):
            self._ahead = len(rows) > 0
        return brought_back(batch, rows) if len(rows) else batch

    async def _next(self, batches: AsyncIterator[Batch]) -> Batch | None:
        if self._silence is None:
            return await anext(batches, None)
        reading = asyncio.ensure_future(anext(batches, None))
        dog = asyncio.ensure_future(self._clock.sleep(self._silence))
        try:
            await asyncio.wait((reading, dog), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
        finally:
            for task in (reading, dog):
                task.cancel()
            await asyncio.gather(reading, dog, return_exceptions=True)
        raise Disconnected(f"{self.source.name}: connected, but silent for {self._silence:g} s")

    def _found(self) -> None:
        # An open link proves little where devices must answer: a stalled one accepts and says nothing.
        if not self.condition.connected:
            log.info("source connected", source=self.source.name, attempts=self._backoff.attempts + 1)
        self.condition.connected, self.condition.reason = True, ""

    async def _lost(self, reason: str) -> None:
        first = self.condition.connected or self._backoff.attempts == 0
        if self.condition.connected:
            self.condition.reconnects += 1
        self.condition.connected, self.condition.reason = False, reason
        if first:
            log.warning("source lost", source=self.source.name, reason=reason)
            await self._deposit(self._all_bad())

    def _all_bad(self) -> Batch:
        now, builder = self._clock.now(), BatchBuilder()
        for tag in self._tags:
            origin = Origin.SIMULATED if tag.simulated else Origin.DEVICE
            quality = Quality.BAD_NO_COMMUNICATION
            builder.add(tag.path, now, float("nan"), received=now, quality=quality, origin=origin)
        return builder.build()
