"""Acceptance campaigns of a sandbox: planned, frozen and carried out as in a centre, and all of it inside.

    page ─▶ /campaigns ─▶ desk ─▶ Rehearsal ─▶ a thread of this sandbox ─▶ <folder>/campaigns/<id>/

Both sides are simulated in virtual time; nothing recorded by others is in reach. What it may cost is
bounded: so many hours of plant time a campaign, so many runs a sandbox, one campaign at a time
in a sandbox and on the whole machine.
"""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from configs.configuration import Configuration
from dashboard_api.access import Permission
from dashboard_api.desk import Desk
from evidence.campaign import Campaign, Campaigns, Cancelled, Stage, Status
from evidence.plan import Plan, RecordedArm, SimulatedArm
from evidence.report import report
from evidence.signing import Signer
from evidence.verify import verify
from plant.clock import SECOND, SystemClock
from plant.errors import ProvenlineError
from provenline.campaigning import Means
from provenline.fast_forward import FIRST_DAY

PERMISSIONS: Final = frozenset({Permission.CAMPAIGN_VIEW, Permission.CAMPAIGN_RUN, Permission.EVIDENCE_EXPORT})
MOST_HOURS = 24.0
"""Hours of plant time that one campaign may simulate, both sides together."""
MOST_RUNS = 20
"""Campaigns that a sandbox carries out before it is reset."""
MOST_RESAMPLES = 5_000
_SEARCHED = 60 * 86_400 * SECOND
_LOOK = 0.2


class Rehearsal:
    """Carries campaigns out in a thread of this process, one after the other's end."""

    def __init__(self, means: Means, turn: Path) -> None:
        self._means = means
        self._turn = turn
        self._runs = 0
        self._now: Campaign | None = None
        self._task: asyncio.Task[None] | None = None
        self._off = threading.Event()

    async def start(self, campaign: Campaign) -> None:
        """Begin a campaign. Raises ProvenlineError when another runs, or it would cost too much."""
        if self._task is not None and not self._task.done():
            raise ProvenlineError("a campaign is running already; wait for its end, or call it off")
        if self._runs >= MOST_RUNS:
            raise ProvenlineError(f"{MOST_RUNS} campaigns have been carried out here; reset the line to go on")
        self._affordable(campaign.plan.plan)
        self._runs += 1
        self._off.clear()
        campaign.note(Status(stage=Stage.RUNNING, began=self._means.clock.now()))
        self._now = campaign
        self._task = asyncio.create_task(asyncio.to_thread(self._carried_out, campaign), name="campaign")

    async def cancel(self, campaign: Campaign) -> None:
        """Call a campaign off. Raises ProvenlineError when it does not run."""
        if self._task is None or self._task.done() or self._now is None or self._now.id != campaign.id:
            raise ProvenlineError(f"campaign {campaign.id} is not running")
        await self.close()

    async def close(self) -> None:
        """Call off what runs, and return when nothing of it runs any more."""
        self._off.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _affordable(self, plan: Plan) -> None:
        sides = [side for side in (plan.baseline, plan.improved) if side is not None]
        if any(isinstance(side, RecordedArm) for side in sides):
            raise ProvenlineError("here both sides are simulated; choose a network profile for each")
        if plan.resamples > MOST_RESAMPLES:
            raise ProvenlineError(f"here a plan may ask for {MOST_RESAMPLES} resamples at most")
        hours = sum(self._hours(plan, side.shifts) for side in sides if isinstance(side, SimulatedArm))
        if hours > MOST_HOURS:
            raise ProvenlineError(
                f"this plan simulates {hours:.1f} h; here {MOST_HOURS:g} h are allowed. Plan fewer shifts"
            )

    def _hours(self, plan: Plan, shifts: int) -> float:
        """Return how long so many shifts take from the first one's begin to the last one's end."""
        assert plan.scene is not None
        found = self._means.configuration.calendar(plan.scene).shifts(FIRST_DAY, FIRST_DAY + _SEARCHED)
        chosen = [shift for shift in found if shift.start >= FIRST_DAY][:shifts]
        return (chosen[-1].stop - chosen[0].start) / SECOND / 3600 if len(chosen) == shifts else float("inf")

    def _carried_out(self, campaign: Campaign) -> None:
        # What went wrong is in the campaign's status, where its owner reads it.
        with suppress(ProvenlineError), self._machine():
            self._means.carry_out(campaign, self._unless_off)
            return
        if campaign.status.stage is Stage.RUNNING:
            campaign.note(replace(campaign.status, stage=Stage.CANCELLED, ended=self._means.clock.now()))

    def _unless_off(self, _: Status) -> None:
        if self._off.is_set():
            raise Cancelled("this campaign was called off")

    @contextmanager
    def _machine(self) -> Iterator[None]:
        """Wait for the turn that all sandboxes of this machine share; the system gives it back when a process dies."""
        with self._turn.open("w") as held:
            while True:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._unless_off(Status())
                    time.sleep(_LOOK)
            yield


@asynccontextmanager
async def rehearsing(configuration: Configuration, folder: Path) -> AsyncIterator[Desk]:
    """Keep a sandbox's campaigns below its folder while the context is open; what runs at its end is called off."""
    signer = await asyncio.to_thread(Signer.load, folder / "keys" / "evidence.pem")
    means = Means(configuration=configuration, signer=signer, clock=SystemClock(), report=report)
    rehearsal = Rehearsal(means, folder.parent / "campaign.turn")
    try:
        yield Desk(Campaigns(folder / "campaigns"), rehearsal)
    finally:
        await rehearsal.close()


@dataclass(frozen=True)
class CampaignView:
    """A campaign as checks ask about it: see `labs.observation.SeenCampaign`."""

    campaign: Campaign

    @property
    def id(self) -> str:
        return self.campaign.id

    @property
    def scene(self) -> str | None:
        return self._plan.scene

    @property
    def clause(self) -> str:
        return self._plan.clause

    @property
    def stage(self) -> str:
        return self.campaign.status.stage.value

    @property
    def revision(self) -> int:
        return self.campaign.plan.revision

    @property
    def frozen(self) -> float:
        return self.campaign.plan.at / SECOND

    @property
    def reason(self) -> str:
        return self.campaign.plan.reason

    @property
    def confidence(self) -> float:
        return self._plan.confidence

    @property
    def seed(self) -> int:
        return self._plan.seed

    @property
    def shifts(self) -> int | None:
        side = self._plan.improved
        return side.shifts if isinstance(side, SimulatedArm) else None

    @property
    def baseline(self) -> str | None:
        side = self._plan.baseline
        return side.profile if isinstance(side, SimulatedArm) else None

    @property
    def improved(self) -> str | None:
        side = self._plan.improved
        return side.profile if isinstance(side, SimulatedArm) else None

    @property
    def package(self) -> bool:
        return self.campaign.package.exists()

    @cached_property
    def verified(self) -> bool:
        return self.package and verify(self.campaign.package).holds

    def verdict(self, indicator: str | None = None) -> str | None:
        finding = self.campaign.finding if self.campaign.status.stage is Stage.DONE else None
        if not isinstance(finding, dict):
            return None
        if indicator is None:
            return str(finding["verdict"])
        each = {one["indicator"]: str(one["verdict"]) for one in finding["findings"]}
        return each.get(indicator)

    @property
    def _plan(self) -> Plan:
        return self.campaign.plan.plan
