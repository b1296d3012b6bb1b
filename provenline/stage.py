"""The stage of a demonstration: edge and centre in one process, in front of simulated devices."""

from __future__ import annotations

import asyncio
import webbrowser
from dataclasses import replace
from pathlib import Path

import structlog

from configs.configuration import Configuration
from edge.uplink import InProcess
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from plant.tags import Tag
from provenline.centre import Address, listening, opened
from provenline.demo import Way
from provenline.devices import Devices
from provenline.edge_process import delivering
from provenline.lab_desk import lab_desk
from provenline.pace import Anchor, PlantTime
from provenline.past import HOURS, Model, fill, gaps
from provenline.steering import steerable
from provenline.trust import trust, welcoming

log = structlog.get_logger(__name__)


async def play(
    configuration: Configuration,
    way: Way,
    devices: Devices,
    *,
    anchor: Anchor,
    data: Path,
    port: int | None,
    browser: bool,
) -> None:
    """Collect from the devices and serve the page until cancelled."""
    clock = PlantTime(anchor, way.speed) if way.speed != 1 else SystemClock()
    paced = slowed(configuration, way.speed)
    address = Address("127.0.0.1", port or configuration.centre.port)
    async with (
        trust(data, configuration) as trusted,
        lab_desk(data) as labs,
        opened(paced, trusted, data=data, clock=clock, locate=devices.locate, labs=labs) as centre,
        listening(centre, address),
        welcoming(trusted, data, address.url),
    ):
        # The devices tell of themselves from the anchor on: a past that reached further would count twice.
        missing = await asyncio.to_thread(gaps, paced, centre.historian, until=anchor.start)
        edge = delivering(paced, InProcess(centre.write), data=data / "edge", clock=clock, locate=devices.locate)
        async with edge:
            log.info("ready", page=address.url, data=str(data), stop="Ctrl-C")
            if browser:
                await asyncio.to_thread(webbrowser.open, address.url)
            with steerable(data, await devices.control()):
                await devices.all_up()
                model = Model(configuration.folder, way.choice.profile, way.seed)
                samples = await fill(model, centre.historian, missing)
                log.info("the line's last hours are there", hours=HOURS, samples=samples)
                code = await devices.ended
                raise ProvenlineError(f"the simulated line ended unexpectedly (exit code {code})")


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
