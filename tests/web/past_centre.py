"""A real centre whose line has a past: some hours of states, counts, products and forces, and nothing since.

7 hours ago ── A is made, a breakdown of four minutes every hour ── 30 min ago: B ──▶ 1 min ago: the last sample
"""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.configuration import Configuration
from dashboard_api.centre import Centre
from plant.assets import Device
from plant.batch import BatchBuilder
from plant.clock import MILLISECOND, SECOND, SystemClock
from plant.tags import Role
from provenline.centre import Address, listening, opened
from provenline.trust import trust
from tests.peers.processes import free_port

SCENE = "first-light"
PRESS = "cq/first-light/line-1/press"
FORCE = f"{PRESS}/force"
HOURS = 17
"""As much as the shift before the running one and its neighbour need, whatever time it is."""
LAST = 60
"""Seconds ago at which the press was heard of last."""
EVERY = 5
BREAKDOWN = range(1800, 2040)
"""Seconds before the end, hour after hour, in which the press stands aborted: alike at whatever time of day."""
COUNTED = (Role.TOTAL_COUNT, Role.GOOD_COUNT)
NEVER = (Role.REJECT_COUNT, Role.REWORK_COUNT)
IDEAL = {"bracket-a": 4.0, "bracket-b": 3.0}
"""Seconds per piece: a window with both is never as good as one of them, at whatever time of day it is cut."""


@dataclass(frozen=True)
class Past:
    """The centre; `end`: the moment (s) of the last sample."""

    url: str
    centre: Centre
    end: int

    async def get(self, path: str, **asked: object) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        return await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(address, timeout=60)))

    @property
    def newest(self) -> float:
        """The last force that the press told."""
        return force_at(self.end)


def force_at(moment: int) -> float:
    """The force at a moment: every sample another one, so that a page shows which it took."""
    return 300.0 + moment // EVERY % 1000 / 10


def fill(centre: Centre, end: int) -> None:
    """Write the past of the line's machines up to `end`, in seconds; only the press breaks down."""
    scene = centre.configuration.site.scene(SCENE)
    assert scene
    machines = [device for device in scene.devices if device.role(Role.STATE)]
    builder, made = BatchBuilder(), dict.fromkeys((device.path for device in machines), 0)
    for moment in range(end - HOURS * 3600, end + 1, EVERY):
        time = moment * SECOND
        builder.add(FORCE, time, force_at(moment), received=time + 20 * MILLISECOND)
        for device in machines:
            down = device.path == PRESS and (end - moment) % 3600 in BREAKDOWN
            made[device.path] += not down
            for path, value in told(device, made[device.path], down=down, late=moment > end - 1800):
                builder.add(path, time, value, received=time + 20 * MILLISECOND)
    centre.write(builder.build())


def told(device: Device, made: int, *, down: bool, late: bool) -> Iterator[tuple[str, str | float]]:
    """Yield what a machine tells at one moment."""
    state, product = device.role(Role.STATE), device.role(Role.PRODUCT)
    assert state
    running = "bracket-b" if late else "bracket-a"
    code = {packml.name: raw for raw, packml in state.states.items()}
    yield state.path, code["ABORTED" if down else "EXECUTE"]
    yield from ((tag.path, made) for role in COUNTED for tag in device.roles(role))
    yield from ((tag.path, 0) for role in NEVER for tag in device.roles(role))
    yield from ((tag.path, IDEAL[running]) for tag in device.roles(Role.IDEAL_CYCLE))
    if product is not None:
        yield product.path, running


@asynccontextmanager
async def past_centre(configuration: Configuration, data: Path) -> AsyncIterator[Past]:
    """Serve such a centre while the context is open."""
    clock, address = SystemClock(), Address("127.0.0.1", free_port())
    async with (
        trust(data, configuration) as trusted,
        opened(configuration, trusted, data=data, clock=clock) as centre,
        listening(centre, address),
    ):
        end = (clock.now() // SECOND - LAST) // EVERY * EVERY
        await asyncio.to_thread(fill, centre, end)
        yield Past(address.url.rstrip("/"), centre, end)
