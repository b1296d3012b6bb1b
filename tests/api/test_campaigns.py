"""Campaigns over HTTP: planned, carried out beside the centre through its restart, verified, taken away, called off."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from configs.configuration import Configuration
from dashboard_api.access import Role
from dashboard_api.centre import Centre
from dashboard_api.desk import Desk
from evidence.campaign import Campaign, Campaigns, Stage, Status
from evidence.plan import HandedIn, Window
from evidence.verify import Step
from plant.clock import SystemClock
from provenline.campaign_processes import desk
from tests.evidence.conftest import short_shifts
from tests.people import People

ROOT = "/api/v1/campaigns"
SMALL = {"scene": "identifier", "shifts": 2, "seed": 7, "purpose": "a test"}
LONG = {"scene": "identifier", "shifts": 1000, "seed": 7, "id": "long"}
PATIENCE_S = 240

Json = dict[str, Any]


@pytest.fixture(scope="session")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return short_shifts(tmp_path_factory.mktemp("configuration"), "identifier", minutes=2)


@dataclass
class Still:
    """A runner that says that it runs, and does nothing."""

    async def start(self, campaign: Campaign) -> None:
        campaign.note(Status(stage=Stage.RUNNING))

    async def cancel(self, campaign: Campaign) -> None:
        campaign.note(Status(stage=Stage.CANCELLED))


@pytest.fixture
async def planning(centre: Centre, client: httpx.AsyncClient, tmp_path: Path) -> httpx.AsyncClient:
    """A signed-in browser at a centre where nothing is really carried out."""
    centre.desk = Desk(Campaigns(tmp_path / "campaigns"), Still())
    return client


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def carrying(centre: Centre, client: httpx.AsyncClient, data: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in browser at a centre that carries campaigns out."""
    async with desk(centre.configuration.folder, data, SystemClock()) as centre.desk:
        yield client


async def until(client: httpx.AsyncClient, name: str, holds: Callable[[Json], bool]) -> Json:
    """Ask until something holds of a campaign; the last answer when it never did."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        found = (await client.get(f"{ROOT}/{name}")).json()
        if holds(found) or time.monotonic() > give_up:
            return found
        await asyncio.sleep(0.2)


async def frozen(client: httpx.AsyncClient, **asked: object) -> Json:
    answer = await client.post(ROOT, json={"simulated": {**SMALL, **asked}})
    assert answer.status_code == 201, answer.text
    return answer.json()


def ended(campaign: Json) -> bool:
    return campaign["stage"] != "running"


async def test_a_campaign_outlives_its_centre_and_ends_with_evidence_that_holds(
    centre: Centre, client: httpx.AsyncClient, known: People, data: Path
) -> None:
    async with desk(centre.configuration.folder, data, SystemClock()) as centre.desk:
        planned = await frozen(client)
        assert (planned["stage"], planned["simulated"], planned["finding"]) == ("planned", True, None)
        assert (await client.post(f"{ROOT}/identifier/run")).status_code == 202
        assert "running" in (await client.post(f"{ROOT}/identifier/run")).json()["detail"]
    stopped = await until(client, "identifier", lambda _: True)
    assert (stopped["stage"], stopped["has_package"]) == ("running", False)  # to be taken up again
    async with desk(centre.configuration.folder, data, SystemClock()) as centre.desk:
        done = await until(client, "identifier", ended)
        assert (done["stage"], done["error"], done["share"]) == ("done", None, 1.0)
        (found,) = done["finding"]["findings"]
        assert found["verdict"] == done["verdict"] == "insufficient-data"  # the clause asks for more shifts
        assert found["improved"]["simulated"]
        assert found["notes"]
        checked = (await client.post(f"{ROOT}/identifier/verification")).json()
        assert checked["holds"], checked
        assert [one["step"] for one in checked["checks"]] == [step.value for step in Step]
        await taken_away(client, done)
        assert (await client.post(f"{ROOT}/identifier/run")).status_code == 409
    await cut_off_at_the_end(centre, data)
    told = [record.action for record in known.audit.page(text="identifier")]
    assert {"campaign.freeze", "campaign.run", "evidence.export"} <= set(told)


async def cut_off_at_the_end(centre: Centre, data: Path) -> None:
    """A campaign whose process wrote the package and then nothing more is done, not carried out again."""
    campaign = Campaigns(data / "campaigns").open("identifier")
    told, written = campaign.status, campaign.package.read_bytes()
    campaign.note(Status(stage=Stage.RUNNING, share=0.93, began=told.began))
    async with desk(centre.configuration.folder, data, SystemClock()):
        assert (campaign.status.stage, campaign.status.verdict) == (told.stage, told.verdict)
    assert campaign.package.read_bytes() == written


async def taken_away(client: httpx.AsyncClient, done: Json) -> None:
    package = await client.get(f"{ROOT}/identifier/package")
    assert package.headers["content-type"] == "application/zip"
    assert len(package.content) == done["size"]
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        for name in done["reports"]:
            file = await client.get(f"{ROOT}/identifier/report/{name}")
            assert file.content == archive.read(f"identifier/data/report/{name}")
    assert {"report.zh.pdf", "report.en.xlsx", "forms.zh.docx"} <= set(done["reports"])
    assert (await client.get(f"{ROOT}/identifier/report/plan.zh.pdf")).status_code == 404


async def test_a_campaign_that_is_called_off_leaves_nothing_but_its_plan(
    carrying: httpx.AsyncClient, data: Path, known: People
) -> None:
    await frozen(carrying, **LONG)
    await carrying.post(f"{ROOT}/long/run")
    begun = await until(carrying, "long", lambda one: one["step"]["en"].startswith("simul") or ended(one))
    assert begun["stage"] == "running"
    await frozen(carrying, id="behind")
    await carrying.post(f"{ROOT}/behind/run")  # waits its turn
    for name in ("behind", "long"):
        assert (await carrying.post(f"{ROOT}/{name}/cancel")).json()["stage"] == "cancelled"
        assert sorted(path.name for path in (data / "campaigns" / name).iterdir()) == ["plan.json", "status.json"]
    assert (await carrying.post(f"{ROOT}/long/cancel")).status_code == 409
    assert "campaign.cancel" in [record.action for record in known.audit.page(text="long")]


async def test_what_could_be_planned_is_said_with_its_bounds(planning: httpx.AsyncClient) -> None:
    listed = (await planning.get(ROOT)).json()
    assert (listed["campaigns"], listed["may_run"], listed["may_export"]) == ([], True, True)
    (option,) = [one for one in listed["options"] if one["catalogue"] == "cq-2020-1" and one["scene"]]
    assert (option["scene"], option["indicators"][0]["bound"], option["indicators"][0]["op"]) == (
        "identifier",
        0.1,
        ">=",
    )
    assert option["profile"] in {one["id"] for one in listed["profiles"]}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"scene": "nowhere"}, "no scene 'nowhere'"),
        ({"profile": "string-and-tins"}, "no network profile"),
        ({"clause": "other"}, "which clause"),
        ({}, "already; choose another id"),
    ],
)
async def test_what_cannot_be_planned_is_refused_with_the_reason(
    planning: httpx.AsyncClient, asked: Json, why: str
) -> None:
    await frozen(planning)
    answer = await planning.post(ROOT, json={"simulated": {**SMALL, **asked}})
    assert (answer.status_code, why in answer.json()["detail"]) == (409, True), answer.text
    assert len((await planning.get(ROOT)).json()["campaigns"]) == 1


@pytest.mark.parametrize(
    "asked", [{"shifts": 0}, {"shifts": 1001}, {"seed": -1}, {"id": "../x"}, {"id": "A"}, {"x": 1}]
)
async def test_what_is_no_plan_is_no_campaign(planning: httpx.AsyncClient, asked: Json) -> None:
    assert (await planning.post(ROOT, json={"simulated": {**SMALL, **asked}})).status_code == 422
    assert (await planning.get(ROOT)).json()["campaigns"] == []


async def test_a_changed_plan_is_a_revision_with_a_reason(planning: httpx.AsyncClient, known: People) -> None:
    first = await frozen(planning)
    more = {"simulated": {**SMALL, "shifts": 3}}
    assert "say why" in (await planning.post(f"{ROOT}/identifier/revisions", json=more)).json()["detail"]
    same = {"simulated": SMALL, "reason": "nothing"}
    assert "the same plan" in (await planning.post(f"{ROOT}/identifier/revisions", json=same)).json()["detail"]
    second = (await planning.post(f"{ROOT}/identifier/revisions", json={**more, "reason": "one more"})).json()
    assert [one["revision"] for one in second["revisions"]] == [1, 2]
    assert second["revisions"][1]["previous"] == first["revisions"][0]["hash"]
    assert second["revisions"][1]["reason"] == "one more"
    assert "campaign.revise" in [record.action for record in known.audit.page(text="identifier")]
    await planning.post(f"{ROOT}/identifier/run")
    running = await planning.post(f"{ROOT}/identifier/revisions", json={"simulated": SMALL, "reason": "back"})
    assert "cancel it first" in running.json()["detail"]


async def test_a_whole_plan_is_frozen_in_the_name_of_who_asks(planning: httpx.AsyncClient) -> None:
    plan = (await frozen(planning))["revisions"][0]["plan"]
    answer = await planning.post(ROOT, json={"plan": {**plan, "id": "whole", "author": "somebody else"}})
    assert answer.json()["author"] == "tester"
    both = await planning.post(ROOT, json={"plan": plan, "simulated": SMALL})
    assert both.status_code == 409


async def test_a_window_is_left_out_under_a_rule_and_in_ones_own_name(
    planning: httpx.AsyncClient, known: People
) -> None:
    await frozen(planning)
    start = 1_793_606_400_123_456_789
    left_out = {"window": {"start": start, "stop": start + 10}, "rule": "trial", "reason": "a rehearsal"}
    done = await planning.post(f"{ROOT}/identifier/exclusions", json=left_out)
    assert done.status_code == 201, done.text
    (found,) = done.json()["exclusions"]
    assert (found["window"]["start"], found["author"], found["rule"]) == (start, "tester", "trial")
    other = await planning.post(f"{ROOT}/identifier/exclusions", json={**left_out, "rule": "bad-luck"})
    assert "no exclusion rule" in other.json()["detail"]
    backwards = {**left_out, "window": {"start": 2, "stop": 1}}
    assert (await planning.post(f"{ROOT}/identifier/exclusions", json=backwards)).status_code == 422
    assert "campaign.exclude" in [record.action for record in known.audit.page(text="identifier")]
    await planning.post(f"{ROOT}/identifier/run")
    assert (await planning.post(f"{ROOT}/identifier/exclusions", json=left_out)).status_code == 409


async def test_without_a_package_there_is_nothing_to_take_or_verify(planning: httpx.AsyncClient) -> None:
    await frozen(planning)
    assert (await planning.get(f"{ROOT}/identifier/package")).status_code == 409
    assert (await planning.post(f"{ROOT}/identifier/verification")).status_code == 409
    assert (await planning.get(f"{ROOT}/identifier/report/report.zh.pdf")).status_code == 404
    assert (await planning.get(f"{ROOT}/other")).status_code == 404


async def test_who_may_only_look_sees_campaigns_and_changes_none(
    planning: httpx.AsyncClient, visitor: httpx.AsyncClient, known: People
) -> None:
    await frozen(planning)
    operator = await known.signed_in(Role.OPERATOR)
    listed = (await visitor.get(ROOT, headers=operator)).json()
    assert (len(listed["campaigns"]), listed["may_run"], listed["may_export"]) == (1, False, False)
    for path in ("run", "cancel", "verification", "revisions", "exclusions"):
        assert (await visitor.post(f"{ROOT}/identifier/{path}", headers=operator, json={})).status_code == 403
    assert (await visitor.get(f"{ROOT}/identifier/package", headers=operator)).status_code == 403
    assert (await visitor.get(ROOT)).status_code == 401
    assert (await visitor.get(ROOT, headers=await known.signed_in(Role.TRAINEE))).status_code == 403


async def test_a_centre_without_a_desk_says_so(client: httpx.AsyncClient) -> None:
    assert "carries out no campaigns" in (await client.get(ROOT)).json()["detail"]


async def test_a_campaign_that_rests_on_records_alone_shows_who_handed_in_what(
    planning: httpx.AsyncClient, centre: Centre
) -> None:
    plan = (await frozen(planning))["revisions"][0]["plan"]
    bare = {**plan, "id": "centre", "scene": None, "baseline": None, "improved": None, "clause": "centre"}
    assert (await planning.post(ROOT, json={"plan": bare})).status_code == 201
    assert centre.desk
    trained = HandedIn(
        kind="trained", window=Window(start=1, stop=2), number=600, source="register 7", author="Li Wei", at=3
    )
    centre.desk.store.open("centre").hand_in(trained)
    shown = (await planning.get(f"{ROOT}/centre")).json()
    assert (shown["scene"], shown["simulated"]) == (None, False)
    assert shown["records"] == [trained.model_dump(mode="json")]
    listed = (await planning.get(ROOT)).json()["campaigns"]
    assert sorted(one["id"] for one in listed) == ["centre", "identifier"]


async def test_a_count_is_planned_and_what_it_counts_handed_in_in_ones_own_name(
    planning: httpx.AsyncClient, known: People
) -> None:
    listed = (await planning.get(ROOT)).json()["options"]
    (option,) = [one for one in listed if one["clause"] == "identifier-node-enterprise"]
    assert (option["scene"], option["profile"]) == (None, None)
    asked = {"catalogue": option["catalogue"], "clause": option["clause"], "id": "node", "purpose": "first year"}
    made = (await planning.post(ROOT, json={"counted": asked})).json()
    assert (made["scene"], made["author"]) == (None, "tester")
    assert [one["kind"] for one in made["asked"]] == ["identifiers", "resolutions"]
    assert not any(one["both"] for one in made["asked"])
    window = {"start": 1_793_491_200_000_000_000, "stop": 1_793_577_600_000_000_000}
    record = {"kind": "identifiers", "number": 730_000, "window": window, "source": "registry export"}
    done = await planning.post(f"{ROOT}/node/records", json=record)
    assert done.status_code == 201, done.text
    (held,) = done.json()["records"]
    assert (held["author"], held["number"], held["side"], held["of"]) == ("tester", 730_000, "improved", 1)
    assert "campaign.hand-in" in [entry.action for entry in known.audit.page(text="node")]


@pytest.mark.parametrize(
    ("changed", "status", "why"),
    [
        ({"kind": "courses"}, 409, "no records of courses"),
        ({"window": {"start": 0, "stop": 2**62}}, 409, "has ended"),
        ({"window": {"start": 2, "stop": 1}}, 422, "ends after it starts"),
        ({"number": -1}, 422, "greater than or equal"),
        ({"of": 0}, 422, "greater than"),
        ({"source": ""}, 422, "at least 3"),
    ],
)
async def test_a_record_that_cannot_count_is_refused_with_the_reason(
    planning: httpx.AsyncClient, changed: Json, status: int, why: str
) -> None:
    asked = {"catalogue": "cq-2020-1", "clause": "identifier-node-enterprise", "id": "node"}
    await planning.post(ROOT, json={"counted": asked})
    record = {"kind": "identifiers", "number": 5, "window": {"start": 1, "stop": 2}, "source": "export", **changed}
    answer = await planning.post(f"{ROOT}/node/records", json=record)
    assert (answer.status_code, why in answer.text) == (status, True), answer.text
    assert (await planning.get(f"{ROOT}/node")).json()["records"] == []


@pytest.mark.parametrize("clause", ["nothing-of-the-kind", "identifier"])
async def test_a_count_is_planned_only_of_a_clause_that_counts(planning: httpx.AsyncClient, clause: str) -> None:
    asked = {"catalogue": "cq-2020-1", "clause": clause}
    assert (await planning.post(ROOT, json={"counted": asked})).status_code == 409


async def test_a_real_line_is_planned_by_days_and_judged_by_their_whole_shifts(planning: httpx.AsyncClient) -> None:
    listed = (await planning.get(ROOT)).json()["options"]
    (option,) = [one for one in listed if one["scene"] == "identifier"]
    (shift, *_) = [one["id"] for one in option["shifts"]]
    assert option["compares"]
    week = {"first": "2026-09-07", "last": "2026-09-11"}
    asked = {
        "scene": "identifier",
        "id": "line",
        "baseline": week,
        "improved": {"first": "2026-10-12", "last": "2026-10-13", "shift": shift},
    }
    made = await planning.post(ROOT, json={"recorded": asked})
    assert made.status_code == 201, made.text
    plan = made.json()["revisions"][0]["plan"]
    assert plan["improved"]["source"] == "recorded"
    assert len(plan["baseline"]["windows"]) == 5 * len(option["shifts"])
    assert len(plan["improved"]["windows"]) == 2
    assert not made.json()["simulated"]
    for changed, why in (
        ({"baseline": None}, "give the days of the baseline too"),
        ({"baseline": {**week, "shift": "nobody"}}, "there is no shift nobody"),
        ({"baseline": {"first": "2026-09-11", "last": "2026-09-07"}}, "the first one first"),
        ({"baseline": {"first": "1990-01-01", "last": "2026-09-07"}}, "the first one first"),
    ):
        refused = await planning.post(ROOT, json={"recorded": {**asked, "id": "other", **changed}})
        assert (refused.status_code, why in refused.json()["detail"]) == (409, True), refused.text
