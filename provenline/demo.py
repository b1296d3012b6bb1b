"""The demonstration: simulated devices in one process, edge and centre in another, one page.

    provenline demo ──starts──▶ provenline simulate        devices on free loopback ports
          │   ◀──a line a scene: where its devices are──┘
          └─ collectors ─▶ outbox ─▶ historian ─▶ page

The devices start while this process still imports what it needs; `stage` is that part.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from configs.configuration import Configuration
from plant.clock import SystemClock
from provenline.choice import Choice
from provenline.devices import Devices, fresh_tokens
from provenline.pace import Anchor

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
    assert child.stdin
    tokens = fresh_tokens()
    child.stdin.write(json.dumps(asdict(tokens)).encode() + b"\n")
    ended = asyncio.create_task(child.wait(), name="simulators")
    devices = Devices(child, ended, tokens, tuple(s.id for s in configuration.scenes.values() if s.simulation))
    listening = asyncio.create_task(devices.listen(), name="announcements")
    try:
        yield devices
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), _STOP)
        if child.returncode is None:
            child.kill()
        await ended
        listening.cancel()
