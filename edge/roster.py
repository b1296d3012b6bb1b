"""Sources that come, change and go while the others stay connected.

    exchange({a, b′, c})      a  as it was        keeps its connection
                              b  with changes     closed, then opened as b′
                              c  new              opened
                              d  not wanted       closed

A roster is run beside an edge's outbox and puts into it what its sources say, and their health.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from edge.edge import Feed, health
from edge.supervisor import Supervisor
from plant.batch import Batch
from plant.clock import Clock
from plant.health import PERIOD


@dataclass(frozen=True, slots=True)
class _Running:
    feed: Feed
    supervisor: Supervisor
    task: asyncio.Task[None]


class Roster:
    """The sources of one edge, by name; exchange them inside `running`."""

    def __init__(self, deposit: Callable[[Batch], Awaitable[None]], *, clock: Clock) -> None:
        self._deposit = deposit
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Roster]:
        """Supervise the sources while the context is open; a fault in one of them ends it."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            report = group.create_task(self._report(), name="health")
            try:
                yield self
            finally:
                self._group = None
                report.cancel()
                for one in self._running.values():
                    one.task.cancel()

    async def exchange(self, wanted: Mapping[str, Feed], *, kept: Collection[str] = ()) -> None:
        """Close what is not wanted or not `kept` as it is, then open what is wanted and not there."""
        going = [name for name in self._running if name not in wanted or name not in kept]
        tasks = [self._running.pop(name).task for name in going]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # closed first: a device may allow one connection only
        assert self._group is not None
        for name, feed in wanted.items():
            if name not in self._running:
                self._running[name] = self._opened(self._group, feed)

    def _opened(self, group: asyncio.TaskGroup, feed: Feed) -> _Running:
        supervisor = Supervisor(feed.source, feed.tags, self._deposit, clock=self._clock, silence=feed.silence)
        return _Running(feed, supervisor, group.create_task(supervisor.run(), name=f"source {feed.source.name}"))

    async def _report(self) -> None:
        while True:
            now = list(self._running.values())
            report = health([one.feed for one in now], [one.supervisor for one in now], self._clock.now())
            await self._deposit(report)
            await self._clock.sleep(PERIOD)
