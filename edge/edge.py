"""An edge: a supervisor a source, one outbox, one delivery, and health as tags of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from collectors.source import Source
from edge.delivery import Delivery
from edge.outbox import Outbox
from edge.supervisor import Supervisor
from edge.timekeeping import rest
from edge.uplink import Uplink
from plant.batch import Batch, BatchBuilder
from plant.batchlog import BatchLog, Bounds
from plant.clock import Clock
from plant.health import LINE, PERIOD
from plant.tags import Tag

_REASON = 300
"""Characters of a reason that are reported."""
_ADDRESS = re.compile(
    r"(?:[a-z][a-z.+-]*://[^\s/]+(?:/[^\s:]*)?|(?:\[[0-9a-f:]+\]|[\w.-]+)(?::| port )\d{1,5}\b)", re.IGNORECASE
)
"""A URL, host:port, or "host port N"."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One source of a scene and the tags it reads. `scene`: path `site/scene`.

    `silence`: seconds without a batch after which the source is opened anew; see `Supervisor`.
    """

    scene: str
    source: Source
    tags: tuple[Tag, ...]
    silence: float | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A running edge, for those who watch it."""

    supervisors: tuple[Supervisor, ...]
    outbox: Outbox
    delivery: Delivery


@asynccontextmanager
async def running(
    feeds: Sequence[Feed],
    uplink: Uplink,
    *,
    folder: Path,
    clock: Clock,
    bounds: Bounds | None = None,
    most: int = 5_000,
) -> AsyncIterator[Edge]:
    """Run an edge while the context is open; what was taken from sources is on disk when it is left.

    `folder` holds the outbox. `most`: samples in one delivery. Raises Unavailable when the
    folder cannot be written or another edge is using it.
    """
    batches = BatchLog.open(folder / "outbox.sqlite", bounds=bounds, clock=clock)
    poison = BatchLog.open(folder / "rejected.sqlite", bounds=Bounds(bytes=2**28), clock=clock)
    try:
        async with Outbox(batches, clock=clock).running() as outbox, asyncio.TaskGroup() as group:
            supervisors = tuple(_supervisor(feed, outbox, clock) for feed in feeds)
            delivery = Delivery(outbox, uplink, poison=poison, clock=clock, most=most)
            tasks = [group.create_task(delivery.run(), name="delivery")]
            tasks += [group.create_task(s.run(), name=f"source {s.source.name}") for s in supervisors]
            tasks += [group.create_task(_report(feeds, supervisors, outbox, clock), name="health")]
            try:
                yield Edge(supervisors, outbox, delivery)
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        batches.close()
        poison.close()


def _supervisor(feed: Feed, outbox: Outbox, clock: Clock) -> Supervisor:
    return Supervisor(feed.source, feed.tags, outbox.deposit, clock=clock, silence=feed.silence)


async def _report(feeds: Sequence[Feed], supervisors: Sequence[Supervisor], outbox: Outbox, clock: Clock) -> None:
    while True:
        await outbox.deposit(health(feeds, supervisors, clock.now()))
        await rest(clock, PERIOD)


def discreet(reason: str) -> str:
    """Return a reason without addresses: it is shown to visitors. The log has it in full."""
    return _ADDRESS.sub("the device", reason)


def health(feeds: Sequence[Feed], supervisors: Sequence[Supervisor], now: int) -> Batch:
    """Return one report: the signals of `plant.health` for every source."""
    builder = BatchBuilder()
    for feed, supervisor in zip(feeds, supervisors, strict=True):
        path, tally, condition = f"{feed.scene}/{LINE}/{feed.source.name}", feed.source.tally, supervisor.condition
        signals: dict[str, float | int | bool | str] = {
            "connected": condition.connected,
            "reason": discreet(condition.reason)[:_REASON],
            "lag": condition.lag,
            "samples": tally.samples,
            "gaps": tally.gaps,
            "dropped": tally.dropped,
            "dead-letters": tally.dead_letters,
            "reconnects": condition.reconnects,
            "bad-points": len(tally.bad_points),
        }
        if tally.clock_offset is not None:
            signals["clock-offset"] = tally.clock_offset
        for signal, value in signals.items():
            builder.add(f"{path}/{signal}", now, value, received=now)
    return builder.build()
