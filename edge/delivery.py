"""Empties the outbox into the uplink, oldest first, and forgets only what has arrived.

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
            entries = await self._outbox.oldest(_ENTRIES)
            for group in _groups(entries, self._most):
                await self._send(group)
                await self._outbox.forget(group[-1].id)

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
        await asyncio.to_thread(self._poison.put, batch)
        self.delivered.rejected += len(batch)


def _groups(entries: list[Entry], most: int) -> list[list[Entry]]:
    groups: list[list[Entry]] = []
    size = 0
    for entry in entries:
        if not groups or size + len(entry.batch) > most:
            groups.append([])
            size = 0
        groups[-1].append(entry)
        size += len(entry.batch)
    return groups
