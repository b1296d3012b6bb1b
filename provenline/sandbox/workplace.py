"""The workplace of a sandbox: store, alarms, application and edge, as one configuration has them.

    Unix socket ─▶ front ─▶ application of now        edge ─▶ sink ─▶ centre of now

Store, outbox and connections of sources that stay the same outlive a change of configuration, as
they do in a centre that reloads; the line behind them does not notice.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from fastapi.requests import HTTPConnection

from configs.configuration import Configuration
from dashboard_api.access import Actor, Kind, Permission, Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from dashboard_api.sandboxes import HOST, VISITOR
from edge.uplink import InProcess
from provenline.centre import Stores, answering_at, centre_of, stores
from provenline.edge_process import Sources, delivering
from provenline.pace import PlantTime
from provenline.reload_front import Front, Sink
from provenline.sandbox.restrictions import wired
from provenline.stage import slowed
from provenline.trust import Trust, trust
from simulators.faces.endpoint import Endpoint

ALLOWED: Final = frozenset({Permission.OPEN, Permission.VIEW, Permission.ANNOTATE, Permission.ALARM_ACT})
"""What people may do in a sandbox by themselves. Samples come from the line, and accounts are the centre's."""


@dataclass(frozen=True, slots=True)
class Doorman:
    """The gate of a sandbox's application: whoever gets here was let in by the centre."""

    owner: str

    def identify(self, connection: HTTPConnection) -> Actor:
        """Return who asks, as the centre says."""
        name = unquote(connection.headers.get(VISITOR, "")) or self.owner
        return Actor(name, Role.TRAINEE, Kind.ANONYMOUS, ALLOWED)


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

    @asynccontextmanager
    async def run(self, configuration: Configuration) -> AsyncIterator[Centre]:
        """Be what a configuration says while the context is open."""
        paced = slowed(configuration, self.speed)
        async with centre_of(paced, self.stores, self.trusted, clock=self.clock) as centre:
            app = create_app(centre, hosts=(HOST,))
            app.state.gate = Doorman(self.owner)
            async with app.router.lifespan_context(app), self.front.showing(app):
                with self.sink.into(centre.write):
                    await self.sources.exchange(wired(paced, self.endpoints))
                    yield centre


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
        yield Workplace(owner, clock, speed, endpoints, trusted, kept, sources, front, sink)


def _bind(at: Path) -> socket.socket:
    """Bind a Unix socket that nobody else may open."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(at))
    finally:
        os.umask(before)
    return bound
