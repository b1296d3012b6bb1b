"""The outbox: batches wait here, on disk, until the centre has them.

Several sources deposit at once and share one commit: whoever waits, waits for the same
fsync. `deposit` returns when the batch is durable, which is what lets a source acknowledge.
While the disk does not take data, depositors wait (and so do not acknowledge) instead of
losing anything.

It is emptied from both ends: `freshest` gives what could move a live value, newest first,
`oldest` what waits longest. What is fresh is decided at the deposit (see `freshness`); a
batch that is fresh in part is put down as two. The newest fresh batches are kept in memory
as well, a bounded number of them; what a restart finds on disk is no longer fresh.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import structlog

from edge.freshness import Freshness
from plant.batch import Batch, Mask
from plant.batchlog import BatchLog, Entry, Totals
from plant.clock import Clock
from plant.errors import Unavailable

_RETRY = 1.0
_WAITING = 256
_LAST_COMMIT = 1.5
_FRESH = 50_000  # samples kept in memory
_LEARNT = 64  # batches read at once after a restart

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class Outbox:
    """A `BatchLog` shared by asynchronous depositors and one uplink; use it inside `running`."""

    def __init__(self, batches: BatchLog, *, clock: Clock) -> None:
        self._log = batches
        self._clock = clock
        self._pending: asyncio.Queue[tuple[Batch, asyncio.Future[None]]] = asyncio.Queue(_WAITING)
        self._freshness = Freshness()
        self._fresh: deque[Entry] = deque()
        self._fresh_samples = 0
        self._learnt = asyncio.Event()
        self.filled = asyncio.Event()
        self.filled.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        """Commit deposits while the context is open; what was deposited before is committed."""
        async with asyncio.TaskGroup() as group:
            learner = group.create_task(self._learn(), name="outbox learner")
            writer = group.create_task(self._write(), name="outbox writer")
            try:
                yield self
            finally:
                learner.cancel()
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

    async def oldest(self, limit: int, *, most: int | None = None) -> list[Entry]:
        """Return the oldest batches, at most `limit` and `most` samples; clears `filled` when there are none."""
        self.filled.clear()
        entries = await self._insist(lambda: self._log.oldest(limit, most=most))
        if entries:
            self.filled.set()
        return entries

    def freshest(self, most: int) -> list[Entry]:
        """Take out the newest fresh batches, at most `most` samples unless one alone has more, in order.

        They stay on disk until they are forgotten.
        """
        taken: deque[Entry] = deque()
        held = 0
        while self._fresh and (not taken or held + len(self._fresh[-1].batch) <= most):
            taken.appendleft(self._fresh.pop())
            held += len(taken[0].batch)
        self._fresh_samples -= held
        return list(taken)

    async def forget(self, entries: Sequence[Entry]) -> None:
        """Remove what has been delivered."""
        ids = {entry.id for entry in entries}
        await self._insist(lambda: self._log.forget_each(ids))
        while self._fresh and self._fresh[0].id in ids:
            self._fresh_samples -= len(self._fresh.popleft().batch)

    @property
    def totals(self) -> Totals:
        """What waits, and what was dropped or damaged."""
        return self._log.totals

    async def _learn(self) -> None:
        """Find out how far every tag had come before a restart; until then nothing counts as fresh."""
        after = 0
        while entries := await self._insist(partial(self._log.oldest, _LEARNT, after=after)):
            for entry in entries:
                self._freshness.note(entry.batch)
            after = entries[-1].id
        self._learnt.set()

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
        parts = [part for batch in batches for part in _parts(batch, self._freshness.note(batch))]
        last = await self._insist(lambda: self._log.put_many([batch for batch, _ in parts]))
        if not self._learnt.is_set():
            return
        now = self._clock.now()
        for row_id, (batch, fresh) in enumerate(parts, last - len(parts) + 1):
            if fresh:
                self._fresh.append(Entry(row_id, now, batch))
                self._fresh_samples += len(batch)
        while self._fresh_samples > _FRESH and len(self._fresh) > 1:
            self._fresh_samples -= len(self._fresh.popleft().batch)

    async def _insist(self, work: Callable[[], Answer]) -> Answer:
        """Do something to the log, in a thread, until the disk takes it."""
        failing = False
        while True:
            try:
                answer = await asyncio.to_thread(work)
            except Unavailable as error:
                if not failing:
                    log.error("outbox cannot use its disk; what comes in waits", reason=str(error))
                failing = True
                await self._clock.sleep(error.retry_after or _RETRY)
            else:
                if failing:
                    log.info("outbox uses its disk again")
                return answer


def _parts(batch: Batch, fresh: Mask) -> list[tuple[Batch, bool]]:
    """Part a batch into what may overtake and what may not."""
    if fresh.all() or not fresh.any():
        return [(batch, bool(fresh.all()))]
    return [(batch.take(fresh), True), (batch.take(~fresh), False)]
