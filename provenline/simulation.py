"""Simulated devices as a process of their own, which says where each of them can be reached."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from configs.configuration import Configuration
from configs.schema import SceneDocument
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from provenline.announcement import Announcement, Controlled, Served, announce
from provenline.pace import Anchor
from provenline.past import planned
from simulators.access import Tokens
from simulators.control import Controllable, control_desk
from simulators.faces.endpoint import Endpoint, PortPolicy
from simulators.faults import PlannedFault, names_of
from simulators.pace import ScaledClock
from simulators.running import Running, serve

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to simulate.

    `anchor`: shared plant time, for a process that is started by another and ends with it.
    Whoever starts it says on its standard input, in one line, which tokens control it.
    """

    seed: int | None = None
    speed: float = 1.0
    host: str = "127.0.0.1"
    ports: PortPolicy = PortPolicy.REQUIRE
    broker: Endpoint | None = None
    anchor: Anchor | None = None
    faults: tuple[PlannedFault, ...] = ()


async def simulate_scenes(configuration: Configuration, options: Options) -> None:
    """Serve every scene that has a simulation until cancelled.

    Prints what is up, a line of JSON each: see `announcement`. Light scenes come first.
    """
    scenes = [scene for scene in configuration.scenes.values() if scene.simulation]
    if not scenes:
        raise ProvenlineError("there is nothing to simulate: no chosen scene has a simulation")
    starter = None if options.anchor is None else await _Starter.listen()
    running: dict[str, Controllable] = {}
    async with AsyncExitStack() as stack:
        if starter is not None:
            tokens = await starter.tokens()
            _say(Controlled(await stack.enter_async_context(control_desk(running, tokens))))
        for scene in sorted(scenes, key=_effort):
            served = await _serve(stack, configuration, scene, options)
            names = names_of(served.model, scene, configuration.bindings)
            running[scene.id] = Controllable(served.model, served.faults, names)
            _say(Served(scene.id, served.endpoints))
            for source, endpoint in served.endpoints.items():
                log.info("simulated device", scene=scene.id, source=source, address=endpoint.url)
        await (starter.gone() if starter is not None else asyncio.Event().wait())


async def _serve(
    stack: AsyncExitStack, configuration: Configuration, scene: SceneDocument, options: Options
) -> Running:
    clock = SystemClock()
    anchor = options.anchor or Anchor.here(clock)
    start = anchor.at(clock.monotonic(), options.speed)
    return await stack.enter_async_context(
        serve(
            scene,
            seed=options.seed,
            clock=ScaledClock(clock, speed=options.speed, start=start),
            host=options.host,
            ports=options.ports,
            mqtt=options.broker,
            planned=planned(configuration, scene.id, start),
            faults=options.faults,
        )
    )


def _effort(scene: SceneDocument) -> tuple[bool, int]:
    """Say what a scene takes to start: the first OPC UA server takes longest, then it is the tags that count."""
    servers = any(source.type == "opcua" for source in scene.sources)
    return servers, sum(len(device.tags) for line in scene.lines for device in line.devices)


def _say(news: Announcement) -> None:
    sys.stdout.write(announce(news) + "\n")
    sys.stdout.flush()


class _Starter:
    """The process that started this one, at the other end of our standard input."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    @classmethod
    async def listen(cls) -> _Starter:
        """Read standard input from now on."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        return cls(reader)

    async def tokens(self) -> Tokens:
        """Return the tokens that it gives. Raises ProvenlineError when it gives none."""
        line = await self._reader.readline()
        try:
            return Tokens(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ProvenlineError("whoever started these devices gave no tokens for them") from error

    async def gone(self) -> None:
        """Wait until it is gone: then its end of our standard input closes."""
        while await self._reader.read(1024):
            pass
