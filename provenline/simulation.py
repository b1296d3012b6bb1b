"""Simulated devices as a process of their own, which says where each of them can be reached."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from configs.configuration import Configuration
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from provenline.announcement import Endpoints, announce
from provenline.pace import Anchor
from provenline.past import planned
from simulators.faces.endpoint import Endpoint, PortPolicy
from simulators.pace import ScaledClock
from simulators.running import serve

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to simulate.

    `anchor`: shared plant time, for a process that is started by another and ends with it.
    """

    seed: int | None = None
    speed: float = 1.0
    host: str = "127.0.0.1"
    ports: PortPolicy = PortPolicy.REQUIRE
    broker: Endpoint | None = None
    anchor: Anchor | None = None


async def simulate_scenes(configuration: Configuration, options: Options) -> None:
    """Serve every scene that has a simulation until cancelled.

    Prints one JSON line with every address once all are served.
    """
    scenes = [scene for scene in configuration.scenes.values() if scene.simulation]
    if not scenes:
        raise ProvenlineError("there is nothing to simulate: no chosen scene has a simulation")
    clock = SystemClock()
    anchor = options.anchor or Anchor.here(clock)
    endpoints: Endpoints = {}
    async with AsyncExitStack() as stack:
        for scene in scenes:
            start = anchor.at(clock.monotonic(), options.speed)
            paced = ScaledClock(clock, speed=options.speed, start=start)
            running = await stack.enter_async_context(
                serve(
                    scene,
                    seed=options.seed,
                    clock=paced,
                    host=options.host,
                    ports=options.ports,
                    mqtt=options.broker,
                    planned=planned(configuration, scene.id, start),
                )
            )
            endpoints[scene.id] = running.endpoints
            for source, endpoint in running.endpoints.items():
                log.info("simulated device", scene=scene.id, source=source, address=endpoint.url)
        sys.stdout.write(announce(endpoints) + "\n")
        sys.stdout.flush()
        await (_starter_gone() if options.anchor else asyncio.Event().wait())


async def _starter_gone() -> None:
    """Wait until the process that started this one is gone: then its end of our standard input closes."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await reader.read(1024):
        pass
