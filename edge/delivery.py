"""Empties the outbox into the uplink, live values first, and forgets only what has arrived.

    what waits   │ 1 │ 2 │ 3 │ …          … │ 97 │ 98 │ 99 │ ◀── deposits
                   └─ backlog, oldest first      live, newest first ─┘
    delivered      99 98 │ 1 2 │ 100 97 │ 3 4 │ 101 …

One delivery is under way at a time, and they take turns: a live one if there is any, then one
of the backlog. So a live value waits for no more than one delivery of old ones, however long
the centre was away, and the backlog gets half of what the link carries, or all that live
values leave. The order is safe because nothing fresh shares a tag and time with anything that
it overtakes; see `freshness`.

What the far side refuses for good is set aside with its reason, entry by entry, so that one
poisoned batch never holds up those behind it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from edge.backoff import Backoff
from edge.outbox import Outbox
from edge.uplink import Uplink
from plant.batch import Batch
from plant.batchlog import BatchLog, Entry
from plant.clock import Clock
from plant.errors import Rejected, Unavailable

_ENTRIES = 512

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Delivered:
    """Counts of one delivery since start: samples that arrived, and samples set aside."""

    samples: int = 0
    rejected: int = 0
    available: bool = True
    reason: str = ""


class Delivery:
    """Runs until cancelled. `most`: samples in one delivery. `poison`: where refused batches go."""

    def __init__(self, outbox: Outbox, uplink: Uplink, *, poison: BatchLog, clock: Clock, most: int = 5_000) -> None:
        self.delivered = Delivered()
        self._outbox = outbox
        self._uplink = uplink
        self._poison = poison
        self._most = most
        self._backoff = Backoff(clock)

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            await self._outbox.filled.wait()
            await self._deliver(self._outbox.freshest(self._most))
            await self._deliver(await self._outbox.oldest(_ENTRIES, most=self._most))

    async def _deliver(self, group: list[Entry]) -> None:
        if group:
            await self._send(group)
            await self._outbox.forget(group)

    async def _send(self, group: list[Entry]) -> None:
        try:
            await self._insist(Batch.concat([entry.batch for entry in group]))
        except Rejected as error:
            if len(group) == 1:
                await self._set_aside(group[0].batch, str(error))
                return
            for entry in group:
                await self._send([entry])

    async def _insist(self, batch: Batch) -> None:
        while True:
            try:
                await self._uplink.deliver(batch)
            except Unavailable as error:
                if self.delivered.available:
                    log.warning("centre does not take data; it waits in the outbox", reason=str(error))
                self.delivered.available, self.delivered.reason = False, str(error)
                await self._backoff.wait(error.retry_after)
            else:
                if not self.delivered.available:
                    log.info("centre takes data again", attempts=self._backoff.attempts + 1)
                self._backoff.reset()
                self.delivered.available, self.delivered.reason = True, ""
                self.delivered.samples += len(batch)
                return

    async def _set_aside(self, batch: Batch, reason: str) -> None:
        log.error("centre refuses a batch for good; it is set aside", reason=reason, samples=len(batch))
        while True:
            try:
                await asyncio.to_thread(self._poison.put, batch)
            except Unavailable as error:
                log.warning("what was refused cannot be set aside yet", reason=str(error))
                await self._backoff.wait(error.retry_after)
            else:
                break
        self.delivered.rejected += len(batch)
