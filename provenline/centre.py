"""Running a centre: its store, its newest values, its HTTP server."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import uvicorn

from analytics.alarms.annunciator import Annunciator
from analytics.alarms.log import AlarmLog
from analytics.alarms.plan import alarm_rules
from analytics.alarms.watching import FigureJudge, watching
from analytics.annotation_log import AnnotationLog
from analytics.shift_results import ShiftResults
from configs.configuration import Configuration
from configs.schema import InfluxConfig
from dashboard_api.app import LOOPBACK, create_app
from dashboard_api.centre import Centre, Counts, Reload
from dashboard_api.desk import Desk
from historian.embedded import EmbeddedHistorian
from historian.live import LiveTable
from historian.port import Historian
from labs.desk import LabDesk
from plant.batchlog import Totals
from plant.clock import Clock, SystemClock
from plant.errors import ProvenlineError
from provenline import __version__
from provenline.campaign_processes import desk
from provenline.certificate import Certificate, transport
from provenline.commanding import Commander
from provenline.edge_process import edge_of
from provenline.exploring import Exploring
from provenline.lab_desk import lab_desk
from provenline.late import Locate
from provenline.reload import Reloading, hangups
from provenline.reload_front import Front, Sink, by_signal, noted
from provenline.signs_of_life import alive
from provenline.thinning import thinning
from provenline.trust import Trust, trust, visitors, welcoming

log = structlog.get_logger(__name__)

_GRACE = 1
_TURN = 0.0005
"""Seconds for which a thread that works something out may keep the interpreter from the one that answers."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a centre listens, and with which certificate when it has TLS."""

    host: str
    port: int
    tls: Certificate | None = None

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine reaches it."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    @property
    def url(self) -> str:
        """What a browser on this machine opens."""
        host = "localhost" if self.host in ("0.0.0.0", "::", "127.0.0.1") else self.host  # noqa: S104 - compared, not bound
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/"


async def serve_centre(configuration: Configuration, *, data: Path, host: str | None, port: int | None) -> None:
    """Serve until cancelled; with an edge in this process unless the edge document has an uplink.

    SIGHUP, or a word from the API, has the configuration loaded again; see `reload`.
    """
    settings = configuration.centre
    host = host or settings.host
    loopback = Address(host, 0).loopback
    tls = await asyncio.to_thread(transport, settings, data, host=host, loopback=loopback, folder=configuration.folder)
    address = Address(host, port or settings.port, tls)
    clock = SystemClock()
    reloading, front, sink = Reloading(configuration), Front(), Sink()
    async with (
        trust(data, configuration) as trusted,
        stores(configuration, data=data, clock=clock) as kept,
        lab_desk(data) as labs,
        answering(front, address),
        welcoming(trusted, data, address.url, tls),
        edge_of(configuration, sink, data=data / "edge", clock=clock) as sources,
    ):
        reload = noted(reloading)
        with hangups(partial(reload, by_signal(trusted, configuration.folder))):
            while True:
                opening = centre_of(
                    configuration,
                    kept,
                    trusted,
                    clock=clock,
                    loopback=address.loopback,
                    reloading=reload,
                    queue=sources.queue,
                    labs=labs,
                )
                async with AsyncExitStack() as stack:
                    try:
                        centre = await stack.enter_async_context(opening)
                        await stack.enter_async_context(showing(front, centre, address))
                    except ProvenlineError as error:
                        if not reloading.refuse(error):
                            raise
                        configuration = reloading.configuration
                        continue
                    stack.enter_context(sink.into(centre.write))
                    await sources.exchange(configuration)
                    if not reloading.grant():
                        log.info("centre ready", page=address.url, data=str(data))
                    async with alive():
                        configuration = await reloading.next()


@dataclass(frozen=True, slots=True)
class Stores:
    """What a centre keeps, whatever its configuration: samples, notes, results, alarms, campaigns, counts."""

    historian: Historian
    annotations: AnnotationLog
    results: ShiftResults
    alarm_log: AlarmLog
    desk: Desk
    counts: Counts


@asynccontextmanager
async def stores(configuration: Configuration, *, data: Path, clock: Clock) -> AsyncIterator[Stores]:
    """Open what a centre keeps in its data folder."""
    historian = await asyncio.to_thread(open_historian, configuration, data, clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, historian.close)
        annotations = await asyncio.to_thread(AnnotationLog, data / "annotations.db")
        stack.callback(annotations.close)
        results = await asyncio.to_thread(partial(ShiftResults, data / "shifts.db", clock=clock))
        stack.callback(results.close)
        alarm_log = await asyncio.to_thread(AlarmLog, data / "alarms.db")
        stack.callback(alarm_log.close)
        campaigns = await stack.enter_async_context(desk(configuration.folder, data, SystemClock()))
        yield Stores(historian, annotations, results, alarm_log, campaigns, Counts())


@asynccontextmanager
async def centre_of(
    configuration: Configuration,
    kept: Stores,
    trusted: Trust,
    *,
    clock: Clock,
    loopback: bool = True,
    locate: Locate | None = None,
    reloading: Reload | None = None,
    queue: Callable[[], Totals] | None = None,
    labs: LabDesk | None = None,
) -> AsyncIterator[Centre]:
    """Make a centre of its stores and a configuration; fill its live table with what was last known."""
    alarms = await asyncio.to_thread(partial(Annunciator, alarm_rules(configuration), kept.alarm_log, clock=clock))
    tags = configuration.site.tags
    live = LiveTable({tag.path: tag.stale_after for tag in tags}, clock=clock)
    centre = Centre(
        configuration,
        kept.historian,
        live,
        clock,
        kept.annotations,
        kept.results,
        alarms,
        trusted.accounts,
        trusted.audit,
        visitors=visitors(configuration, loopback=loopback),
        version=__version__,
        desk=kept.desk,
        labs=labs,
        explorer=Exploring(configuration, clock=clock, locate=locate),
        counts=kept.counts,
        reloading=reloading,
        queue=queue,
        commanding=Commander(configuration, live, clock=clock),
    )
    latest = await asyncio.to_thread(kept.historian.latest, [tag.path for tag in tags])
    live.update(latest)
    alarms.observe(latest)
    judge = FigureJudge(alarms, configuration, kept.historian, centre.rules)
    async with watching(judge, clock=clock), thinning(centre):
        yield centre


@asynccontextmanager
async def opened(
    configuration: Configuration,
    trusted: Trust,
    *,
    data: Path,
    clock: Clock,
    loopback: bool = True,
    locate: Locate | None = None,
    labs: LabDesk | None = None,
) -> AsyncIterator[Centre]:
    """Open a centre's stores and the centre itself, for as long as one configuration holds.

    `loopback`: whether it is to be reached from this machine only. `locate`: see `sources.feeds`.
    """
    async with (
        stores(configuration, data=data, clock=clock) as kept,
        centre_of(configuration, kept, trusted, clock=clock, loopback=loopback, locate=locate, labs=labs) as centre,
    ):
        yield centre


def open_historian(configuration: Configuration, data: Path, clock: Clock) -> Historian:
    """Open the store that the centre document names."""
    settings = configuration.centre.historian
    if isinstance(settings, InfluxConfig):
        return _influxdb(settings)
    return EmbeddedHistorian(data / "historian", clock=clock, seal_every=settings.seal_every)


def _influxdb(settings: InfluxConfig) -> Historian:
    from historian.influxdb import InfluxHistorian, Server  # noqa: PLC0415 - slow to import, and often not used

    try:
        token = settings.token.reveal() if settings.token else ""
        password = settings.password.reveal() if settings.password else ""
    except ValueError as error:
        raise ProvenlineError(f"centre: historian: {error}") from error
    server = Server(
        url=settings.url,
        version=settings.version,
        database=settings.bucket,
        organisation=settings.organisation,
        token=token,
        user=settings.user or "",
        password=password,
        timeout=settings.timeout,
    )
    return InfluxHistorian(server)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the process has its own, which unwind everything."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(centre: Centre, address: Address) -> AsyncIterator[None]:
    """Serve a centre while the context is open. Raises ProvenlineError when the address cannot be had."""
    front = Front()
    async with answering(front, address), showing(front, centre, address):
        yield


@asynccontextmanager
async def showing(front: Front, centre: Centre, address: Address) -> AsyncIterator[None]:
    """Let a front hand requests on to a centre while the context is open."""
    names = centre.configuration.centre.names
    hosts = LOOPBACK if address.host in LOOPBACK else (*LOOPBACK, *names) if names else ("*",)
    app = await asyncio.to_thread(partial(create_app, centre, hosts=hosts))
    async with app.router.lifespan_context(app), front.showing(app):
        yield


@asynccontextmanager
async def answering(front: Front, address: Address) -> AsyncIterator[None]:
    """Serve HTTP, or HTTPS, while the context is open. Raises ProvenlineError when the address cannot be had."""
    async with answering_at(front, _bind(address), tls=address.tls):
        yield


@asynccontextmanager
async def answering_at(front: Front, bound: socket.socket, *, tls: Certificate | None = None) -> AsyncIterator[None]:
    """Serve at a socket that is bound already, and close it in the end."""
    config = uvicorn.Config(
        front,
        lifespan="off",  # what is behind the front is begun and ended by whoever puts it there
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # frames are small and shared; deflating each viewer's costs ten times the CPU
        ws_max_size=65_536,
        log_config=None,  # what it has to say goes the way of all log lines
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    server = _Server(config)
    # An answer takes many turns: with the usual 5 ms each, a few figures being worked out hold up every page.
    sys.setswitchinterval(_TURN)
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


def _bind(address: Address) -> socket.socket:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address.host, address.port))
    except OSError as error:
        hint = "; is another one running? choose another with --port" if "in use" in str(error) else ""
        raise ProvenlineError(f"cannot listen on {address.host} port {address.port}: {error.strerror}{hint}") from error
    return bound
