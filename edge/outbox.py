"""The outbox: batches wait here, on disk, until the centre has them.

Several sources deposit at once and share one commit: whoever waits, waits for the same
fsync. `deposit` returns when the batch is durable, which is what lets a source acknowledge.
While the disk does not take data, depositors wait (and so do not acknowledge) instead of
losing anything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from plant.batch import Batch
from plant.batchlog import BatchLog, Entry, Totals
from plant.clock import Clock
from plant.errors import Unavailable

_RETRY = 1.0
_WAITING = 256
_LAST_COMMIT = 1.5

log = structlog.get_logger(__name__)


class Outbox:
    """A `BatchLog` shared by asynchronous depositors and one uplink; use it inside `running`."""

    def __init__(self, batches: BatchLog, *, clock: Clock) -> None:
        self._log = batches
        self._clock = clock
        self._pending: asyncio.Queue[tuple[Batch, asyncio.Future[None]]] = asyncio.Queue(_WAITING)
        self.filled = asyncio.Event()
        self.filled.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        """Commit deposits while the context is open; what was deposited before is committed."""
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(), name="outbox writer")
            try:
                yield self
            finally:
                # A disk that takes nothing must not hold up the end; what waits was never acknowledged.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_COMMIT):
                        await self._pending.join()
                writer.cancel()

    async def deposit(self, batch: Batch) -> None:
        """Return when the batch is on disk."""
        if not len(batch):
            return
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._pending.put((batch, stored))
        await stored

    async def oldest(self, limit: int) -> list[Entry]:
        """Return up to `limit` of the oldest batches; clears `filled` when there are none."""
        self.filled.clear()
        entries = await asyncio.to_thread(self._log.oldest, limit)
        if entries:
            self.filled.set()
        return entries

    async def forget(self, through: int) -> None:
        """Remove what has been delivered."""
        await asyncio.to_thread(self._log.forget, through)

    @property
    def totals(self) -> Totals:
        """What waits, and what was dropped or damaged."""
        return self._log.totals

    async def _write(self) -> None:
        while True:
            group = [await self._pending.get()]
            while not self._pending.empty():
                group.append(self._pending.get_nowait())
            try:
                await self._store([batch for batch, _ in group])
            finally:
                for _ in group:
                    self._pending.task_done()
            for _, stored in group:
                if not stored.done():
                    stored.set_result(None)
            self.filled.set()

    async def _store(self, batches: list[Batch]) -> None:
        failing = False
        while True:
            try:
                await asyncio.to_thread(self._log.put_many, batches)
            except Unavailable as error:
                if not failing:
                    log.error("outbox cannot store; sources wait", reason=str(error))
                failing = True
                await self._clock.sleep(error.retry_after or _RETRY)
            else:
                if failing:
                    log.info("outbox stores again")
                return
