"""The demonstration: simulated devices in one process, edge and centre in another, one page.

    provenline demo ──starts──▶ provenline simulate        devices on free loopback ports
          │   ◀──one line: where each device really is──┘
          └─ collectors ─▶ outbox ─▶ historian ─▶ page

The devices start while this process still imports what it needs; `stage` is that part.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from configs.configuration import Configuration
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from provenline.announcement import Endpoints, heard
from provenline.choice import Choice
from provenline.pace import Anchor

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
    anchor = Anchor.here(SystemClock())
    async with simulators(configuration, way, anchor) as devices:
        from provenline.stage import play  # noqa: PLC0415 - takes as long to import as the devices to start

        await play(configuration, way, devices, anchor=anchor, data=data, port=port, browser=browser)


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
        stdin=asyncio.subprocess.PIPE,  # closes when we are gone, however we went; the child ends then
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
