"""The demonstration: simulated devices in one process, edge and centre in another, one page.

provenline demo ──starts──▶ provenline simulate        devices on free loopback ports
│   ◀──one line: where each device really is──┘
└─ collectors ─▶ outbox ─▶ historian ─▶ page
"""

from __future__ import annotations

import asyncio
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from configs.configuration import Configuration
from edge.uplink import InProcess
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from plant.tags import Tag
from provenline.announcement import Endpoints, heard
from provenline.centre import Address, listening, opened
from provenline.choice import Choice
from provenline.edge_process import delivering
from provenline.pace import Anchor, PlantTime
from provenline.past import HOURS, Model, fill, gaps
from simulators.faces.endpoint import rewire

log = structlog.get_logger(__name__)

_START = 60.0
_STOP = 2.0


@dataclass(frozen=True, slots=True)
class Way:
    """How a demonstration runs: what was chosen, from which seed, how many times as fast as life."""

    choice: Choice
    seed: int | None = None
    speed: float = 1.0


async def run_demo(configuration: Configuration, way: Way, *, data: Path, port: int | None, browser: bool) -> None:
    """Run the demonstration of a (chosen) configuration until cancelled."""
    base = SystemClock()
    anchor = Anchor.here(base)
    clock = PlantTime(anchor, way.speed, base) if way.speed != 1 else base
    paced = slowed(configuration, way.speed)
    address = Address("127.0.0.1", port or configuration.centre.port)
    async with (
        simulators(configuration, way, anchor) as devices,
        opened(paced, data=data, clock=clock) as centre,
        listening(centre, address),
    ):
        endpoints = await devices.endpoints()
        missing = await asyncio.to_thread(gaps, paced, centre.historian, until=clock.now())
        async with delivering(rewire_all(paced, endpoints), InProcess(centre.write), data=data / "edge", clock=clock):
            log.info("ready", page=address.url, data=str(data), stop="Ctrl-C")
            if browser:
                await asyncio.to_thread(webbrowser.open, address.url)
            model = Model(configuration.folder, way.choice.profile, way.seed)
            samples = await fill(model, centre.historian, missing)
            log.info("the line's last hours are there", hours=HOURS, samples=samples)
            code = await devices.ended
            raise ProvenlineError(f"the simulated line ended unexpectedly (exit code {code})")


def rewire_all(configuration: Configuration, endpoints: Endpoints) -> Configuration:
    """Return the configuration with every simulated source at the address where it is really served."""
    bindings = tuple(
        replace(binding, source=rewire(binding.source, endpoints.get(binding.scene, {}).get(binding.source.id)))
        for binding in configuration.bindings
    )
    return replace(configuration, bindings=bindings)


def slowed(configuration: Configuration, speed: float) -> Configuration:
    """Return the configuration for plant time at `speed`: silence is judged in real seconds all the same.

    Only the asset tree changes; collectors go by real time and keep the tags of the bindings.
    """
    if speed == 1:
        return configuration

    def tag(old: Tag) -> Tag:
        return replace(old, stale_after=old.stale_after * speed)

    site = configuration.site
    scenes = tuple(
        replace(
            scene,
            lines=tuple(
                replace(line, devices=tuple(replace(d, tags=tuple(map(tag, d.tags))) for d in line.devices))
                for line in scene.lines
            ),
        )
        for scene in site.scenes
    )
    return replace(configuration, site=replace(site, scenes=scenes))


@dataclass(frozen=True, slots=True)
class Devices:
    """The process of the simulated devices. `ended` gives its exit code."""

    process: asyncio.subprocess.Process
    ended: asyncio.Task[int]

    async def endpoints(self) -> Endpoints:
        """Wait until all devices are served, and return their addresses."""
        assert self.process.stdout
        try:
            async with asyncio.timeout(_START):
                line = await self.process.stdout.readline()
        except TimeoutError:
            raise ProvenlineError(f"the simulated line did not start within {_START:g} s") from None
        if not line:
            raise ProvenlineError(f"the simulated line did not start (exit code {await self.ended})")
        return heard(line.decode())


@asynccontextmanager
async def simulators(configuration: Configuration, way: Way, anchor: Anchor) -> AsyncIterator[Devices]:
    """Run the simulated devices as a child process."""
    arguments = ["--config", str(configuration.folder), "--speed", str(way.speed), "--free-ports"]
    arguments += ["--anchor", f"{anchor.start}:{anchor.zero!r}", *way.choice.arguments]
    arguments += ["--seed", str(way.seed)] if way.seed is not None else []
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "provenline", "simulate", *arguments),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to pass on, once everything that reads it has stopped
    )
    ended = asyncio.create_task(child.wait(), name="simulators")
    try:
        yield Devices(child, ended)
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), _STOP)
        if child.returncode is None:
            child.kill()
        await ended
