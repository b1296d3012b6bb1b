"""Campaigns beside a running centre, each in a process of its own: simulating is hard work, and a page must not wait.

A campaign that was running when the centre ended is taken up again when it starts: the plan, not
the process, is what counts, and the same seed gives the same samples.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import structlog

from dashboard_api.desk import Desk
from evidence.campaign import Campaign, Campaigns, Stage, Status
from plant.clock import Clock
from plant.errors import ProvenlineError
from plant.text import Text

log = structlog.get_logger(__name__)

AT_ONCE = 1
"""Campaigns carried out at a time; the others wait their turn."""
_PATIENCE = 10.0


class Processes:
    """Runs `provenline acceptance run ID` for each campaign that is started."""

    def __init__(self, configuration: Path, data: Path, clock: Clock) -> None:
        self._arguments = ["--config", str(configuration), "--data", str(data)]
        self._clock = clock
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start(self, campaign: Campaign) -> None:
        """Begin a campaign, or queue it. Raises ProvenlineError when it runs already."""
        if campaign.id in self._running:
            raise ProvenlineError(f"campaign {campaign.id} is running already")
        campaign.note(Status(stage=Stage.RUNNING, began=self._clock.now()))
        task = asyncio.create_task(self._carried_out(campaign), name=f"campaign {campaign.id}")
        self._running[campaign.id] = task
        task.add_done_callback(lambda _: self._running.pop(campaign.id, None))

    async def cancel(self, campaign: Campaign) -> None:
        """Call a campaign off. Raises ProvenlineError when it does not run."""
        task = self._running.get(campaign.id)
        if task is None:
            raise ProvenlineError(f"campaign {campaign.id} is not running")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(shutil.rmtree, campaign.folder / "work", ignore_errors=True)
        if campaign.package.exists():
            self.settle(campaign)
            raise ProvenlineError(f"campaign {campaign.id} ended before it could be called off")
        campaign.note(replace(campaign.status, stage=Stage.CANCELLED, ended=self._clock.now()))

    def settle(self, campaign: Campaign) -> None:
        """Say what came out of a campaign that has its package, where its process ended before it could."""
        if campaign.status.stage is Stage.RUNNING:
            end = replace(campaign.status, stage=Stage.DONE, share=1.0, step=Text(), ended=self._clock.now())
            campaign.note(replace(end, verdict=campaign.finding["verdict"]))

    async def close(self) -> None:
        """End the processes; what ran stays marked as running, and is taken up again by the next centre."""
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _carried_out(self, campaign: Campaign) -> None:
        async with self._turn:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "provenline",
                "acceptance",
                "run",
                campaign.id,
                "--anchored",
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,  # closes when we are gone, however we went; the child ends then
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # so that it can be ended with everything it started
            )
            try:
                code = await child.wait()
            except asyncio.CancelledError:
                await _ended(child)
                raise
        if campaign.status.stage is Stage.RUNNING:
            error = f"its process ended with exit code {code}"
            campaign.note(replace(campaign.status, stage=Stage.FAILED, error=error, ended=self._clock.now()))
        log.info("campaign ended", campaign=campaign.id, stage=campaign.status.stage.value, exit=code)


async def _ended(child: asyncio.subprocess.Process) -> None:
    """End a process with everything it started, politely at first; its workers are of its group and ended with it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        try:
            await asyncio.wait_for(child.wait(), _PATIENCE)
        except TimeoutError:
            continue
        return


@asynccontextmanager
async def desk(configuration: Path, data: Path, clock: Clock) -> AsyncIterator[Desk]:
    """Keep campaigns below a data folder while the context is open, and take up those that were cut off."""
    store = Campaigns(data / "campaigns")
    processes = Processes(configuration, data, clock)
    for campaign in store:
        if campaign.package.exists():
            processes.settle(campaign)
        elif campaign.status.stage is Stage.RUNNING:
            log.info("campaign taken up again", campaign=campaign.id)
            await processes.start(campaign)
    try:
        yield Desk(store, processes)
    finally:
        await processes.close()
