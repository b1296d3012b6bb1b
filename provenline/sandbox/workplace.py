"""The workplace of a sandbox: store, alarms, application and edge, as one configuration has them.

    Unix socket ─▶ front ─▶ application of now        edge ─▶ sink ─▶ centre of now

Store, outbox and connections of sources that stay the same outlive a change of configuration, as
they do in a centre that reloads; the line behind them does not notice.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import uvicorn
from fastapi.requests import HTTPConnection

from configs.configuration import Configuration
from dashboard_api.access import Actor, Kind, Permission, Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from dashboard_api.sandboxes import HOST, VISITOR
from edge.uplink import InProcess
from plant.errors import ProvenlineError
from provenline.centre import Stores, centre_of, stores
from provenline.edge_process import Sources, delivering
from provenline.pace import PlantTime
from provenline.reload_front import Front, Sink
from provenline.sandbox.restrictions import wired
from provenline.stage import slowed
from provenline.trust import Trust, trust
from simulators.faces.endpoint import Endpoint

ALLOWED: Final = frozenset({Permission.OPEN, Permission.VIEW, Permission.ANNOTATE, Permission.ALARM_ACT})
"""What people may do in a sandbox by themselves. Samples come from the line, and accounts are the centre's."""

_GRACE = 1


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
        _answering(front, at),
    ):
        yield Workplace(owner, clock, speed, endpoints, trusted, kept, sources, front, sink)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _answering(front: Front, at: Path) -> AsyncIterator[None]:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(at))
    finally:
        os.umask(before)
    config = uvicorn.Config(
        front,
        lifespan="off",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="http server")
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise ProvenlineError("the HTTP server ended at its start")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
        bound.close()
