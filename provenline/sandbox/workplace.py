"""The workplace of a sandbox: store, alarms, application and edge, as one configuration has them.

    Unix socket ─▶ front ─▶ application of now        edge ─▶ sink ─▶ centre of now

Store, outbox and connections of sources that stay the same outlive a change of configuration, as
they do in a centre that reloads; the line behind them does not notice.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from fastapi.requests import HTTPConnection

from configs.configuration import Binding, Configuration
from configs.exploration import ExplorationConfig
from configs.sources import SourceConfig
from dashboard_api.access import Actor, Kind, Permission, Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from dashboard_api.exploration import NotPermitted
from dashboard_api.sandboxes import HOST, VISITOR
from edge.uplink import InProcess
from provenline.centre import Stores, answering_at, centre_of, stores
from provenline.edge_process import Sources, delivering
from provenline.pace import PlantTime
from provenline.reload_front import Front, Sink
from provenline.sandbox.campaigns import PERMISSIONS, rehearsing
from provenline.sandbox.restrictions import wired
from provenline.stage import slowed
from provenline.trust import Trust, trust
from simulators.faces.endpoint import Endpoint, rewire

_ACT = {Permission.ANNOTATE, Permission.ALARM_ACT, Permission.EXPLORE}
ALLOWED: Final = frozenset({Permission.OPEN, Permission.VIEW} | _ACT)
"""What people may do in a sandbox by themselves. Samples come from the line, and accounts are the centre's."""


@dataclass(frozen=True, slots=True)
class Doorman:
    """The gate of a sandbox's application: whoever gets here was let in by the centre."""

    owner: str
    allowed: frozenset[Permission] = ALLOWED

    def identify(self, connection: HTTPConnection) -> Actor:
        """Return who asks, as the centre says."""
        name = unquote(connection.headers.get(VISITOR, "")) or self.owner
        return Actor(name, Role.TRAINEE, Kind.ANONYMOUS, self.allowed)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What stays while configurations come and go."""

    owner: str
    clock: PlantTime
    speed: float
    endpoints: Mapping[str, Endpoint]
    trusted: Trust
    stores: Stores
    sources: Sources
    front: Front
    sink: Sink
    rehearsed: Path | None = None
    """Where campaigns of this sandbox are kept; None where there are none."""

    @asynccontextmanager
    async def run(self, configuration: Configuration) -> AsyncIterator[Centre]:
        """Be what a configuration says while the context is open."""
        paced = slowed(_alone(configuration), self.speed)
        async with AsyncExitStack() as stack:
            kept, allowed = self.stores, ALLOWED
            if self.rehearsed is not None:
                desk = await stack.enter_async_context(rehearsing(configuration, self.rehearsed))
                kept, allowed = replace(kept, desk=desk), ALLOWED | PERMISSIONS
            opening = centre_of(paced, kept, self.trusted, clock=self.clock, locate=self._locate)
            centre = await stack.enter_async_context(opening)
            app = create_app(centre, hosts=(HOST,))
            app.state.gate = Doorman(self.owner, allowed)
            async with app.router.lifespan_context(app), self.front.showing(app):
                with self.sink.into(centre.write):
                    await self.sources.exchange(wired(paced, self.endpoints))
                    yield centre

    async def _locate(self, binding: Binding) -> SourceConfig:
        """Return a source as this sandbox serves it: nothing else can be explored from here."""
        endpoint = self.endpoints.get(binding.source.id)
        if endpoint is None:
            raise NotPermitted(f"nothing here answers as {binding.source.id}")
        return rewire(binding.source, endpoint)


def _alone(configuration: Configuration) -> Configuration:
    """Take hosts that may be explored out of a configuration: they are those of whoever wrote the plant."""
    return replace(configuration, centre=configuration.centre.model_copy(update={"exploration": ExplorationConfig()}))


@asynccontextmanager
async def workplace(
    configuration: Configuration,
    *,
    owner: str,
    folder: Path,
    at: Path,
    clock: PlantTime,
    speed: float,
    endpoints: Mapping[str, Endpoint],
    campaigns: bool = False,
) -> AsyncIterator[Workplace]:
    """Open stores, edge and HTTP server below a folder and at a Unix socket while the context is open."""
    front, sink = Front(), Sink()
    paced = wired(slowed(configuration, speed), endpoints)
    async with (
        trust(folder) as trusted,
        stores(paced, data=folder, clock=clock) as kept,
        delivering(paced, InProcess(sink), data=folder / "edge", clock=clock) as sources,
        answering_at(front, _bind(at)),
    ):
        rehearsed = folder if campaigns else None
        yield Workplace(owner, clock, speed, endpoints, trusted, kept, sources, front, sink, rehearsed)


def _bind(at: Path) -> socket.socket:
    """Bind a Unix socket that nobody else may open."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(at))
    finally:
        os.umask(before)
    return bound
