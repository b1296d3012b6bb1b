"""Running an edge: on its own with an uplink, or inside a centre's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import structlog

from configs.change import compared, sources_of
from configs.configuration import Configuration
from edge.dead_letters import DeadLetterBox
from edge.edge import Feed, running
from edge.outbox import Outbox
from edge.roster import Roster
from edge.timekeeping import watched
from edge.uplink import HttpUplink, InProcess, Uplink
from plant.batch import Batch
from plant.batchlog import Bounds, Totals
from plant.clock import Clock, SystemClock
from plant.errors import ProvenlineError, Unavailable
from provenline.late import Locate
from provenline.reload import Reloading, hangups, logged
from provenline.signs_of_life import alive
from provenline.sources import feeds, prepare

log = structlog.get_logger(__name__)

_FLUSH = 2.0


async def run_edge(configuration: Configuration, *, data: Path) -> None:
    """Run an edge until cancelled. Raises ProvenlineError when the edge document has no uplink."""
    settings = configuration.edge.uplink
    if settings is None:
        raise ProvenlineError("the edge document has no uplink; name the centre there, or use `provenline serve`")
    try:
        token = settings.token.reveal() if settings.token else None
    except ValueError as error:
        raise ProvenlineError(f"edge: uplink.token: {error}") from error
    async with (
        HttpUplink.to(
            settings.url,
            organisation=settings.organisation,
            bucket=settings.bucket,
            token=token,
            timeout=settings.timeout,
            ca=str(configuration.folder / settings.ca) if settings.ca else None,
        ) as uplink,
        delivering(configuration, uplink, data=data, clock=SystemClock(), most=settings.batch) as sources,
    ):
        reloading = Reloading(configuration)
        with hangups(logged(reloading)):
            log.info("edge ready", centre=settings.url, data=str(data))
            async with alive():
                while True:
                    await sources.exchange(await reloading.next())
                    reloading.grant()


class Sources:
    """The configured sources of a running edge, which can be exchanged."""

    def __init__(self, roster: Roster, outbox: Outbox, read: Callable[[Configuration], list[Feed]]) -> None:
        self._roster = roster
        self._outbox = outbox
        self._read = read
        self._now: Configuration | None = None

    def queue(self) -> Totals:
        """Say what waits to be delivered."""
        return self._outbox.totals

    async def exchange(self, configuration: Configuration) -> None:
        """Read what another configuration says; sources that are the same in both keep their connection."""
        await asyncio.to_thread(prepare, configuration)
        kept = compared(self._now, configuration).kept if self._now else ()
        wanted = dict(zip(sources_of(configuration), self._read(configuration), strict=True))
        await self._roster.exchange(wanted, kept=kept)
        self._now = configuration


class Elsewhere:
    """Sources that another process reads."""

    queue = None

    async def exchange(self, configuration: Configuration) -> None:
        """Leave them to that process, which is told by itself."""


@asynccontextmanager
async def edge_of(
    configuration: Configuration, write: Callable[[Batch], None], *, data: Path, clock: Clock
) -> AsyncIterator[Sources | Elsewhere]:
    """Run the configured sources into `write`, unless the edge document delivers elsewhere."""
    if configuration.edge.uplink is not None:
        async with watched(clock):
            yield Elsewhere()
        return
    async with delivering(configuration, InProcess(write), data=data, clock=clock) as sources:
        yield sources


@asynccontextmanager
async def delivering(
    configuration: Configuration,
    uplink: Uplink,
    *,
    data: Path,
    clock: Clock,
    most: int = 5_000,
    locate: Locate | None = None,
) -> AsyncIterator[Sources]:
    """Run every configured source into an uplink while the context is open; for `locate` see `sources.feeds`."""
    outbox = configuration.edge.outbox
    letters = DeadLetterBox(data / "dead-letters.sqlite")
    try:
        read = partial(feeds, clock=clock, dead_letters=letters.put, locate=locate)
        bounds = Bounds(bytes=outbox.max_bytes, age=outbox.max_age)
        async with (
            running((), uplink, folder=data, clock=clock, bounds=bounds, most=most) as edge,
            Roster(edge.outbox.deposit, clock=clock).running() as roster,
        ):
            sources = Sources(roster, edge.outbox, read)
            await sources.exchange(configuration)
            flushing = asyncio.create_task(_flush(letters, clock), name="dead letters")
            try:
                yield sources
            finally:
                flushing.cancel()
    finally:
        letters.close()


async def _flush(letters: DeadLetterBox, clock: Clock) -> None:
    while True:
        await clock.sleep(_FLUSH)
        try:
            await asyncio.to_thread(letters.flush)
        except Unavailable as error:
            log.warning("dead letters cannot be written", reason=str(error))
