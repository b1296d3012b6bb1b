"""Campaigns rehearsed in a sandbox: what they may cost, one at a time, and who may begin them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.requests import HTTPConnection

from configs.loader import PACKAGED
from dashboard_api.access import Permission
from evidence.campaign import Campaign, Campaigns, Stage, Status
from evidence.plan import Plan, RecordedArm, Window
from evidence.planning import clause_for, simulated_plan
from plant.clock import SECOND, SystemClock
from plant.errors import ProvenlineError
from provenline.sandbox.campaigns import MOST_RUNS, PERMISSIONS, CampaignView, Rehearsal
from provenline.sandbox.line import plant_of
from provenline.sandbox.workplace import ALLOWED, Doorman

PLANT = plant_of(PACKAGED)
CLOCK = SystemClock()


@dataclass
class SlowMeans:
    """Takes until it is let go, and looks now and then whether it is called off."""

    done: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)
    configuration = PLANT
    clock = CLOCK

    def carry_out(self, campaign: Campaign, progress: Callable[[Status], None]) -> None:
        self.begun.append(campaign.id)
        while not self.done.wait(0.01):
            progress(Status())
        campaign.note(Status(stage=Stage.DONE, verdict="met"))


def plan(name: str, **changed: object) -> Plan:
    made = simulated_plan(
        PLANT.scenes["material"], *clause_for(PLANT.catalogues, "material"), shifts=2, seed=7, author="ann", name=name
    )
    return made.model_copy(update=changed)


def kept(folder: Path, name: str, **changed: object) -> Campaign:
    return Campaigns(folder).create(plan(name, **changed), clock=CLOCK)


async def settled(campaign: Campaign) -> Status:
    async with asyncio.timeout(60):
        while campaign.status.stage is Stage.RUNNING:
            await asyncio.sleep(0.01)
    return campaign.status


def rehearsal(folder: Path, means: SlowMeans) -> Rehearsal:
    return Rehearsal(means, folder / "turn")  # type: ignore[arg-type]


async def test_one_campaign_runs_at_a_time_and_can_be_called_off(tmp_path: Path) -> None:
    means = SlowMeans()
    here, one, two = rehearsal(tmp_path, means), kept(tmp_path, "one"), kept(tmp_path, "two")
    await here.start(one)
    with pytest.raises(ProvenlineError, match="running already"):
        await here.start(two)
    with pytest.raises(ProvenlineError, match="two is not running"):
        await here.cancel(two)
    await here.cancel(one)
    assert one.status.stage is Stage.CANCELLED
    means.done.set()
    await here.start(two)
    assert (await settled(two)).stage is Stage.DONE
    await here.close()


async def test_another_sandbox_of_the_machine_waits_for_its_turn(tmp_path: Path) -> None:
    first, second = SlowMeans(), SlowMeans()
    second.done.set()
    ann, ben = rehearsal(tmp_path, first), rehearsal(tmp_path, second)
    hers, his = kept(tmp_path, "hers"), kept(tmp_path, "his")
    await ann.start(hers)
    async with asyncio.timeout(60):
        while not first.begun:
            await asyncio.sleep(0.01)
    await ben.start(his)
    await asyncio.sleep(0.05)
    assert second.begun == []
    first.done.set()
    assert (await settled(his)).stage is Stage.DONE
    await asyncio.gather(ann.close(), ben.close())


HOUR = 3600 * SECOND
RECORDED = RecordedArm(windows=(Window(start=HOUR, stop=2 * HOUR),))
LONG = plan("long").improved.model_copy(update={"shifts": 4})  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"improved": RECORDED}, "simulated"), ({"improved": LONG}, "32.0 h"), ({"resamples": 100_000}, "resamples")],
)
async def test_a_plan_that_would_cost_too_much_is_refused(tmp_path: Path, changed: dict[str, object], why: str) -> None:
    means = SlowMeans()
    with pytest.raises(ProvenlineError, match=why):
        await rehearsal(tmp_path, means).start(kept(tmp_path, "dear", **changed))
    assert means.begun == []


async def test_a_sandbox_carries_out_so_many_and_no_more(tmp_path: Path) -> None:
    means = SlowMeans()
    means.done.set()
    here = rehearsal(tmp_path, means)
    for number in range(MOST_RUNS):
        campaign = kept(tmp_path, f"c{number}")
        await here.start(campaign)
        await settled(campaign)
        await here.close()
    with pytest.raises(ProvenlineError, match="reset the line"):
        await here.start(kept(tmp_path, "last"))


def test_checks_see_a_campaign_by_the_plan_in_force(tmp_path: Path) -> None:
    campaign = kept(tmp_path, "shelf")
    seen = CampaignView(campaign)
    assert (seen.id, seen.scene, seen.clause, seen.stage) == ("shelf", "material", "material", "planned")
    assert (seen.shifts, seen.improved, seen.baseline, seen.seed) == (2, "5g-sa-sub6", None, 7)
    assert (seen.revision, seen.reason, seen.package, seen.verified) == (1, "", False, False)
    assert (seen.verdict(), seen.verdict("accuracy")) == (None, None)
    campaign.revise(plan("shelf", seed=8), clock=CLOCK, reason="another seed")
    assert (seen.revision, seen.reason, seen.seed) == (2, "another seed", 8)


def test_campaigns_are_for_labs_that_say_so() -> None:
    asked = HTTPConnection({"type": "http", "headers": []})
    others, these = Doorman("ann").identify(asked), Doorman("ann", ALLOWED | PERMISSIONS).identify(asked)
    mine = (Permission.CAMPAIGN_VIEW, Permission.CAMPAIGN_RUN, Permission.EVIDENCE_EXPORT)
    assert [others.may(one) for one in mine] == [False] * 3
    assert [these.may(one) for one in mine] == [True] * 3
    assert not these.may(Permission.WRITE_SAMPLES)
