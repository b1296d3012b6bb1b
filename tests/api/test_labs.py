"""Labs over REST: enrol, work, be graded; teach, hide faults, hand in; and keep what is hidden hidden."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import openpyxl
import pytest

import dashboard_api
import labs.desk
import labs.drills
import labs.pairs
import labs.roll
import labs.work
from dashboard_api.access import Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from dashboard_api.desk import Desk
from dashboard_api.refusals import told
from evidence.assess import clause_digest
from evidence.campaign import Campaigns
from evidence.handed import measured
from evidence.plan import Plan
from historian.buckets import DAY
from labs.desk import LabDesk, version_of
from labs.library import Lab, read_library
from labs.observation import Observation
from labs.pairs import join_code
from labs.register import Register
from labs.sandboxes import SandboxState
from labs.scenery import Scenes
from plant.batch import BatchBuilder
from plant.clock import MILLISECOND, SECOND, VirtualClock
from tests.api.conftest import PATH
from tests.labs.sandboxes import FakeSandbox, FakeSandboxes
from tests.people import People

EXAMPLE = Path(__file__).parents[1] / "labs" / "example"
LAB_MODULES = ("labs", "lab_access", "lab_attempts", "lab_teaching", "lab_exercises", "lab_records", "lab_incidents")
LABS = "/api/v1/labs"
LAB = f"{LABS}/courses/example/labs/belt-speed"
A_DAY = 20_000
RIGHT = "scale: 0.001}"
Browsers = dict[str, httpx.AsyncClient]


@pytest.fixture
def desk(tmp_path: Path, centre: Centre) -> Iterator[LabDesk]:
    clock = VirtualClock()
    register = Register(tmp_path / "labs.db")
    library = read_library([EXAMPLE])
    assert not library.faults
    centre.labs = LabDesk(library, register, FakeSandboxes(clock), clock, tmp_path / "courses")
    yield centre.labs
    register.close()


@pytest.fixture
async def browsers(centre: Centre, desk: LabDesk, known: People) -> AsyncIterator[Browsers]:
    """Wang and Li learn, Zhao teaches, Sun evaluates, and somebody did not sign in."""
    app = create_app(centre)
    roles = {"wang": Role.TRAINEE, "li": Role.TRAINEE, "zhao": Role.INSTRUCTOR, "sun": Role.EVALUATOR}
    heads = {name: await known.signed_in(role, name) for name, role in roles.items()}
    heads["visitor"] = {"Origin": "http://localhost"}
    made = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers)
        for name, headers in heads.items()
    }
    yield made
    for browser in made.values():
        await browser.aclose()


async def done(answer: httpx.Response | object) -> dict:
    response = await answer
    assert response.is_success, response.text
    return response.json() if response.content else {}


async def begun(browser: httpx.AsyncClient, **body: object) -> str:
    return (await done(browser.post(f"{LAB}/attempts", json=body)))["id"]


async def solved(browser: httpx.AsyncClient, attempt: str) -> dict:
    url = f"{LABS}/attempts/{attempt}"
    await done(browser.put(f"{url}/answers", json={"answers": {"factor": 2, "speed": 0.41}}))
    files = (await done(browser.get(f"{url}/files")))["files"]
    files["scene.yaml"] = files["scene.yaml"].replace("scale: 0.01}", RIGHT)
    assert (await done(browser.put(f"{url}/files", json={"files": files})))["faults"] == []
    return await done(browser.post(f"{url}/grade"))


async def test_a_trainee_enrols_works_is_graded_and_gets_a_certificate(browsers: Browsers) -> None:
    wang = browsers["wang"]
    listed = (await done(wang.get(f"{LABS}/courses")))["courses"]
    assert [(one["id"], one["enrolled"]) for one in listed] == [("example", False)]
    await done(wang.put(f"{LABS}/courses/example/enrolment", json={"name": "王小明"}))
    attempt = await begun(wang)
    first = await done(wang.post(f"{LABS}/attempts/{attempt}/grade"))
    assert first["points"] == 0
    assert (await wang.post(f"{LABS}/courses/example/certificate")).status_code == 409
    graded = await solved(wang, attempt)
    assert (graded["points"], graded["of"]) == (7, 7)
    given = await done(wang.post(f"{LABS}/courses/example/certificate"))
    assert given["name"] == "王小明"
    assert await done(wang.post(f"{LABS}/courses/example/certificate")) == given
    pdf = await wang.get(f"{LABS}/certificates/{given['code']}/pdf?language=en")
    assert pdf.content.startswith(b"%PDF")
    genuine = await done(browsers["visitor"].get(f"/api/v1/certificates/{given['code'].lower()}"))
    assert (genuine["name"], genuine["points"]) == ("王小明", 7)
    assert "learner" not in genuine
    assert (await browsers["li"].get(f"{LABS}/certificates/{given['code']}/pdf")).status_code == 404


async def test_who_asks_before_the_courses_are_read_waits_for_them(browsers: Browsers, desk: LabDesk) -> None:
    desk.ready.clear()
    asked = asyncio.create_task(done(browsers["wang"].get(f"{LABS}/courses")))
    assert (await browsers["wang"].get("/api/v1/site")).is_success  # the line's own pages wait for nothing
    assert not asked.done()
    desk.ready.set()
    assert [one["id"] for one in (await asked)["courses"]] == ["example"]


async def test_what_failed_is_explained_without_the_truth(browsers: Browsers) -> None:
    attempt = await begun(browsers["wang"])
    await done(browsers["wang"].put(f"{LABS}/attempts/{attempt}/answers", json={"answers": {"speed": 4}}))
    graded = await done(browsers["wang"].post(f"{LABS}/attempts/{attempt}/grade"))
    by_id = {one["id"]: one for one in graded["outcomes"]}
    assert by_id["speed-right"]["why"]["en"] == "The speed shown is not that of the belt."
    assert "tag('conveyor/speed').quality = 'bad'" in by_id["speed-right"]["seen"]
    assert "0.4" not in json.dumps(graded)
    assert not by_id["factor"]["given"]


async def test_a_lab_is_shown_without_its_answers_checks_and_unread_hints(browsers: Browsers) -> None:
    shown = json.dumps(await done(browsers["wang"].get(LAB)), ensure_ascii=False)
    for secret in ("passes", "truth", "answer", "within", "mm/s为单位"):
        assert secret not in shown
    assert "<strong>0.5 m/s</strong>" in shown


async def test_a_hint_costs_points_in_later_attempts_too(browsers: Browsers) -> None:
    wang = browsers["wang"]
    attempt = await begun(wang)
    told = await done(wang.post(f"{LABS}/attempts/{attempt}/hints", json={"step": "repair"}))
    assert (told["number"], told["cost"]) == (0, 1)
    assert "mm/s" in told["text"]["en"]
    assert (await wang.post(f"{LABS}/attempts/{attempt}/hints", json={"step": "repair"})).status_code == 409
    again = await begun(wang)
    assert (await done(wang.get(f"{LABS}/attempts/{again}")))["lab_document"]["steps"][1]["hints"][0]["read"]
    assert (await solved(wang, again))["points"] == 6


async def test_an_answer_to_choose_from_stands_once_it_was_graded(browsers: Browsers) -> None:
    wang, url = browsers["wang"], f"{LABS}/attempts/{await begun(browsers['wang'])}"
    await done(wang.put(f"{url}/answers", json={"answers": {"factor": 1, "speed": 1}}))
    await done(wang.post(f"{url}/grade"))
    assert (await done(wang.get(url)))["fixed"] == ["factor"]
    assert (await wang.put(f"{url}/answers", json={"answers": {"factor": 2}})).status_code == 409
    await done(wang.put(f"{url}/answers", json={"answers": {"speed": 0.4}}))
    assert (await wang.put(f"{url}/answers", json={"answers": {"gone": 2}})).status_code == 409


async def test_a_faulty_configuration_is_explained_and_changes_nothing(browsers: Browsers) -> None:
    wang, url = browsers["wang"], f"{LABS}/attempts/{await begun(browsers['wang'])}"
    before = await done(wang.get(f"{url}/files"))
    faults = (await done(wang.put(f"{url}/files", json={"files": {"scene.yaml": "x: 1"}})))["faults"]
    assert faults == [
        {"file": "scene.yaml", "path": "type", "message": "missing", "hint": "write type: scene", "line": 1}
    ]
    assert await done(wang.get(f"{url}/files")) == before
    assert (await wang.put(f"{url}/files", json={"files": {"../x.yaml": ""}})).status_code == 422


async def test_practice_keeps_no_name_and_earns_no_certificate(
    browsers: Browsers, client: httpx.AsyncClient, desk: LabDesk
) -> None:
    wang = browsers["wang"]
    await done(wang.put(f"{LABS}/courses/example/enrolment", json={}))
    before = (await client.get("/api/v1/audit")).text
    attempt = await begun(wang, practice=True)
    assert (await solved(wang, attempt))["points"] == 7
    assert (await done(wang.get(f"{LABS}/attempts"))) == []
    assert desk.register.work.attempt(attempt).learner == ""
    assert desk.register.roll.attendance("2000-01-01", "2100-01-01") == ()
    assert (await wang.post(f"{LABS}/courses/example/certificate")).status_code == 409
    assert (await client.get("/api/v1/audit")).text == before
    for row in (row for table in ("attempt", "answer", "hint", "claim", "result") for row in rows_of(desk, table)):
        assert "wang" not in json.dumps(row)


def rows_of(desk: LabDesk, table: str) -> list[tuple]:
    with desk.register._database.reading() as connection:
        return list(connection.execute(f"SELECT * FROM {table}"))


async def test_nobody_reaches_anothers_attempt(browsers: Browsers) -> None:
    attempt = await begun(browsers["wang"])
    for way, path in [("GET", ""), ("GET", "/files"), ("POST", "/grade"), ("POST", "/reset"), ("POST", "/end")]:
        assert (await browsers["li"].request(way, f"{LABS}/attempts/{attempt}{path}")).status_code == 404
    assert (await browsers["visitor"].get(f"{LABS}/attempts/{attempt}")).status_code == 401
    assert (await browsers["wang"].get(f"{LABS}/attempts/{attempt}/faults")).status_code == 403


async def joined(browser: httpx.AsyncClient, code: str) -> dict:
    return await done(browser.post(f"{LAB}/partner", json={"code": code}))


async def test_two_trainees_work_on_one_attempt_and_what_it_is_worth_counts_for_both(
    browsers: Browsers, desk: LabDesk, client: httpx.AsyncClient
) -> None:
    wang, li, zhao = browsers["wang"], browsers["li"], browsers["zhao"]
    group = await done(
        zhao.post(f"{LABS}/classes", json={"course": "example", "name": "一班", "members": ["wang", "li"]})
    )
    attempt = await begun(wang)
    url = f"{LABS}/attempts/{attempt}"
    code = (await done(wang.get(url)))["code"]
    assert (await li.get(url)).status_code == 404
    whole = await joined(li, code.lower().replace("-", " "))
    assert (whole["id"], whole["learner"], whole["partner"], whole["code"]) == (attempt, "wang", "li", None)
    assert [one["id"] for one in await done(li.get(f"{LABS}/attempts"))] == [attempt]
    await done(li.put(f"{url}/answers", json={"answers": {"factor": 1}}))
    assert (await done(wang.get(url)))["answers"] == {"factor": 1}
    assert (await solved(li, attempt))["points"] == 7
    for browser in (wang, li):
        assert (await done(browser.post(f"{LABS}/courses/example/certificate")))["points"] == 7
    live = (await done(zhao.get(f"{LABS}/classes/{group['id']}/live")))["members"]
    assert [(one["learner"], one["attempt"]["id"], one["attempt"]["sandbox"]["id"]) for one in live] == [
        ("li", attempt, "s1"),
        ("wang", attempt, "s1"),
    ]
    assert {(one["attempt"]["learner"], one["attempt"]["partner"]) for one in live} == {("wang", "li")}
    book = await done(zhao.get(f"{LABS}/grade-book"))
    assert [(one["learner"], one["best"], one["partners"]) for one in book] == [
        ("li", 7, ["wang"]),
        ("wang", 7, ["li"]),
    ]
    attendance = await done(zhao.get(f"{LABS}/attendance?first=2023-11-01&last=2023-11-30"))
    assert attendance["person_times"] == 2
    records = (await client.get("/api/v1/audit")).json()
    who = {one["action"]: one["actor"] for one in records}
    assert (who["lab.begin"], who["lab.join"], who["lab.grade"]) == ("wang", "li", "li")
    await done(li.post(f"{url}/end"))
    assert desk.register.work.running() == ()


async def test_a_pair_is_refused_with_the_reason_and_undone_by_either_before_it_is_graded(
    browsers: Browsers, desk: LabDesk
) -> None:
    wang, li, zhao = browsers["wang"], browsers["li"], browsers["zhao"]

    async def why(browser: httpx.AsyncClient, code: str) -> str:
        refused = await browser.post(f"{LAB}/partner", json={"code": code})
        assert refused.status_code == 409
        assert refused.json()["words"]["zh"] != refused.json()["detail"]
        return refused.json()["detail"]

    assert "no attempt under way has the code 7K2M-9QXF" in await why(li, "7k2m9qxf")
    attempt = await begun(wang)
    url = f"{LABS}/attempts/{attempt}"
    code = (await done(wang.get(url)))["code"]
    assert "your own attempt" in await why(wang, code)
    own = await begun(li)
    assert "you have an attempt of example/belt-speed under way" in await why(li, code)
    await done(li.post(f"{LABS}/attempts/{own}/end"))
    await joined(li, code)
    assert "takes no third" in await why(zhao, code)
    await done(wang.delete(f"{url}/partner"))
    assert (await li.get(url)).status_code == 404
    assert (await wang.delete(f"{url}/partner")).status_code == 409
    await joined(li, code)
    await done(li.delete(f"{url}/partner"))
    await joined(li, code)
    await done(wang.post(f"{url}/grade"))
    assert (await wang.delete(f"{url}/partner")).status_code == 409
    await desk.clock.advance(1)
    await done(li.delete(f"{url}/partner"))
    assert "graded already" in await why(li, code)
    assert (await done(wang.get(url)))["code"] is None


async def test_practice_has_no_code_and_takes_nobody(browsers: Browsers) -> None:
    attempt = await begun(browsers["wang"], practice=True)
    assert (await done(browsers["wang"].get(f"{LABS}/attempts/{attempt}")))["code"] is None
    refused = await browsers["li"].post(f"{LAB}/partner", json={"code": join_code(attempt)})
    assert refused.status_code == 409


async def test_neither_of_a_pair_overwrites_what_the_other_has_applied_without_having_been_told(
    browsers: Browsers,
) -> None:
    wang, li = browsers["wang"], browsers["li"]
    url = f"{LABS}/attempts/{await begun(wang)}"
    await joined(li, (await done(wang.get(url)))["code"])
    seen = await done(wang.get(f"{url}/files"))
    text = seen["files"]["scene.yaml"]

    def put(more: str, version: str) -> dict:
        return {"json": {"files": {"scene.yaml": f"{text}\n# {more}\n"}, "version": version}}

    first = await done(li.put(f"{url}/files", **put("li", seen["version"])))
    assert first["faults"] == []
    late = await wang.put(f"{url}/files", **put("wang", seen["version"]))
    assert (late.status_code, late.json()["code"]) == (409, "files-changed")
    now = await done(wang.get(f"{url}/files"))
    assert (now["files"]["scene.yaml"][-4:], now["version"]) == (" li\n", first["version"])
    assert (await done(wang.put(f"{url}/files", **put("wang", now["version"]))))["faults"] == []


async def test_a_partner_gets_what_is_hidden_in_the_own_class_once(browsers: Browsers, desk: LabDesk) -> None:
    wang, li, zhao = browsers["wang"], browsers["li"], browsers["zhao"]
    group = await done(zhao.post(f"{LABS}/classes", json={"course": "example", "name": "一班", "members": ["li"]}))
    await begun(li)
    drill = await done(zhao.post(f"{LABS}/exercises", json=fault(group)))
    url = f"{LABS}/attempts/{await begun(wang)}"
    assert await desk.sandboxes.of("wang").faults() == ()
    code = (await done(wang.get(url)))["code"]
    mine = (await done(li.get(f"{LABS}/attempts")))[0]["id"]
    await done(li.post(f"{LABS}/attempts/{mine}/end"))
    for _ in range(2):
        await joined(li, code)
        await done(li.delete(f"{url}/partner"))
    await joined(li, code)
    assert [one.kind for one in await desk.sandboxes.of("wang").faults()] == ["jam"]
    scores = (await done(zhao.get(f"{LABS}/exercises/{drill['id']}")))["scores"]
    assert [(one["learner"], one["partner"]) for one in scores] == [("li", None), ("wang", "li")]


async def test_an_ended_attempt_cannot_be_changed_and_gives_its_line_back(browsers: Browsers, desk: LabDesk) -> None:
    wang, url = browsers["wang"], f"{LABS}/attempts/{await begun(browsers['wang'])}"
    await done(wang.post(f"{url}/end"))
    assert desk.sandboxes.all() == ()
    bodies = {"/grade": None, "/hints": {"step": "repair"}, "/claims": {"place": "press"}, "/reset": None}
    for path, body in bodies.items():
        assert (await wang.post(f"{url}{path}", json=body)).status_code == 409


async def test_where_there_is_no_room_the_answer_says_so_and_no_attempt_stays_open(
    browsers: Browsers, desk: LabDesk
) -> None:
    desk.sandboxes.room = 0
    refused = await browsers["wang"].post(f"{LAB}/attempts", json={})
    assert (refused.status_code, refused.json()["detail"]) == (503, "every line is taken")
    assert desk.register.work.running() == ()


async def test_a_stopped_line_comes_back_by_a_reset(browsers: Browsers, desk: LabDesk) -> None:
    wang, url = browsers["wang"], f"{LABS}/attempts/{await begun(browsers['wang'])}"
    await desk.sandboxes.close("s1")
    assert (await wang.get(f"{url}/choices")).status_code == 409
    assert (await done(wang.post(f"{url}/reset")))["sandbox"] == {"id": "s2", "state": "ready", "reason": None}
    assert (await done(wang.get(f"{url}/messages?after=0")))[0]["summary"] == "read 2 registers"


async def test_a_stopped_line_goes_on_with_what_was_applied(browsers: Browsers, desk: LabDesk) -> None:
    wang, url = browsers["wang"], f"{LABS}/attempts/{await begun(browsers['wang'])}"
    shown = await done(wang.get(f"{url}/files"))
    files = {"scene.yaml": shown["files"]["scene.yaml"].replace("scale: 0.01}", RIGHT)}
    assert (await done(wang.put(f"{url}/files", json={"files": files})))["faults"] == []
    await desk.sandboxes.close("s1")
    assert await done(wang.get(f"{url}/files")) == {**shown, "files": files, "version": version_of(files)}
    assert (await done(wang.post(f"{url}/resume")))["sandbox"]["id"] == "s2"
    assert await desk.sandboxes.get("s2").files() == files
    assert (await done(wang.post(f"{url}/resume")))["sandbox"]["id"] == "s2"  # nothing to be done


async def test_ones_own_line_tells_how_it_stands(browsers: Browsers, desk: LabDesk) -> None:
    assert await done(browsers["wang"].get(f"{LABS}/line")) == {"state": None, "progress": None}
    await begun(browsers["wang"])
    assert await done(browsers["wang"].get(f"{LABS}/line")) == {"state": "ready", "progress": 1.0}
    assert (await done(browsers["li"].get(f"{LABS}/line")))["state"] is None


async def test_whoever_begins_late_gets_what_is_hidden_in_the_class(browsers: Browsers, desk: LabDesk) -> None:
    zhao = browsers["zhao"]
    body = {"course": "example", "name": "一班", "members": ["wang", "li"]}
    group = await done(zhao.post(f"{LABS}/classes", json=body))
    await begun(browsers["wang"])
    drill = await done(zhao.post(f"{LABS}/exercises", json=fault(group)))
    late = await begun(browsers["li"])
    assert [one.kind for one in await desk.sandboxes.of("li").faults()] == ["jam"]
    told = await done(zhao.get(f"{LABS}/exercises/{drill['id']}"))
    assert late in [one["attempt"] for one in told["scores"]]
    await done(zhao.post(f"{LABS}/exercises/{drill['id']}/end"))
    await begun(browsers["wang"])
    assert await desk.sandboxes.of("wang").faults() == ()  # it is over


async def test_an_incident_asks_the_members_of_its_class_and_the_first_answer_stands(browsers: Browsers) -> None:
    zhao, wang, incidents = browsers["zhao"], browsers["wang"], f"{LABS}/incidents"
    group = await done(zhao.post(f"{LABS}/classes", json={"course": "example", "name": "一班", "members": ["wang"]}))
    asked = {"at": 5_000, "kind": "choice", "ask": "哪一台？", "options": ["甲", "乙"], "answer": 2}
    near = {"at": 3_000, "kind": "number", "ask": "多少？", "answer": 10, "within": 1}
    body = {"group": group["id"], "scene": "first-light", "name": "停线", "start": 1_000, "stop": 9_000}
    for wrong in ({**asked, "answer": 3}, {**asked, "at": 9_000}, {**near, "answer": "press"}):
        assert (await zhao.post(incidents, json={**body, "questions": [wrong]})).status_code == 422
    assert (await wang.post(incidents, json={**body, "questions": [asked]})).status_code == 403
    url = f"{incidents}/{(await done(zhao.post(incidents, json={**body, 'questions': [asked, near]})))['id']}"
    assert await done(browsers["li"].get(incidents)) == []
    assert (await browsers["li"].get(url)).status_code == 404
    shown = await done(wang.get(url))
    assert [(one["at"], one["answer"], one["right"]) for one in shown["questions"]] == [
        (3_000, None, None),
        (5_000, None, None),
    ]
    assert await done(wang.put(f"{url}/answers", json={"question": 0, "answer": 10.5})) == {"right": True, "answer": 10}
    assert not (await done(wang.put(f"{url}/answers", json={"question": 1, "answer": 1})))["right"]
    assert (await wang.put(f"{url}/answers", json={"question": 1, "answer": 2})).status_code == 409
    scores = (await done(zhao.get(url)))["scores"]
    assert scores == [{"learner": "wang", "answered": 2, "right": 1, "of": 2}]
    assert (await done(wang.get(url)))["scores"] == []
    await done(zhao.delete(url))
    assert (await wang.get(url)).status_code == 404


async def test_an_incident_whose_samples_were_thinned_says_so_and_is_not_played_from_buckets(
    browsers: Browsers, centre: Centre
) -> None:
    zhao, wang, incidents = browsers["zhao"], browsers["wang"], f"{LABS}/incidents"
    group = await done(zhao.post(f"{LABS}/classes", json={"course": "example", "name": "一班", "members": ["wang"]}))
    begin = A_DAY * DAY // MILLISECOND + 3_600_000
    asked = {"at": begin + 1_000, "kind": "number", "ask": "多少？", "answer": 10}
    body = {"group": group["id"], "scene": "first-light", "name": "停线", "start": begin, "stop": begin + 9_000}
    body["questions"] = [asked]
    builder = BatchBuilder()
    for second in range(9):
        time = begin * MILLISECOND + second * SECOND
        builder.add(PATH, time, second % 2, received=time)
    centre.historian.write(builder.build())
    planned = await done(zhao.post(incidents, json=body))
    assert planned["thinned"] is False
    await asyncio.to_thread(centre.historian.thin, [PATH], A_DAY, 60 * SECOND)
    url = f"{incidents}/{planned['id']}"
    assert (await done(wang.get(url)))["thinned"] is True
    assert [one["thinned"] for one in await done(wang.get(incidents))] == [True]
    refused = await wang.put(f"{url}/answers", json={"question": 0, "answer": 10})
    assert (refused.status_code, refused.json()["code"]) == (409, "incident-thinned")
    assert (await zhao.post(incidents, json=body)).status_code == 409
    later = {**body, "start": begin + DAY // MILLISECOND, "stop": begin + DAY // MILLISECOND + 9_000}
    later["questions"] = [{**asked, "at": asked["at"] + DAY // MILLISECOND}]
    assert (await done(zhao.post(incidents, json=later)))["thinned"] is False


async def test_an_instructor_hides_a_fault_a_trainee_finds_it_and_the_score_shows_the_time(
    browsers: Browsers, desk: LabDesk
) -> None:
    zhao, wang = browsers["zhao"], browsers["wang"]
    group = await done(
        zhao.post(f"{LABS}/classes", json={"course": "example", "name": "一班", "members": ["wang", "li"]})
    )
    attempt = await begun(wang)
    await begun(browsers["li"])
    drill = await done(zhao.post(f"{LABS}/exercises", json=fault(group)))
    assert drill["refused"] == {}
    assert len(drill["attempts"]) == 2
    choices = await done(wang.get(f"{LABS}/attempts/{attempt}/choices"))
    assert choices[0]["cause"] == "jam"
    await desk.clock.advance(120)
    await done(wang.post(f"{LABS}/attempts/{attempt}/claims", json={"place": "press"}))
    await desk.clock.advance(60)
    await done(wang.post(f"{LABS}/attempts/{attempt}/claims", json={"cause": "jam", "place": "press"}))
    live = await done(zhao.get(f"{LABS}/classes/{group['id']}/live"))
    assert [(one["learner"], len(one["attempt"]["claims"])) for one in live["members"]] == [("li", 0), ("wang", 2)]
    told = await done(zhao.get(f"{LABS}/exercises/{drill['id']}"))
    scores = {one["learner"]: one["score"] for one in told["scores"]}
    assert scores["wang"]["findings"] == [{"detected": 120, "diagnosed": 180, "cause": True, "place": 1}]
    assert (scores["wang"]["points"], scores["li"]["points"]) == (10, 0)
    await done(wang.post(f"{LABS}/attempts/{attempt}/end"))  # whoever has done their work loses nothing
    ended = await done(zhao.post(f"{LABS}/exercises/{drill['id']}/end"))
    assert ended["ended"] is not None
    assert desk.sandboxes.of("li").broken["1"].ended is not None
    kept = await done(zhao.get(f"{LABS}/exercises/{drill['id']}"))
    assert {one["learner"]: one["score"] for one in kept["scores"]} == scores
    assert (await zhao.post(f"{LABS}/exercises/{drill['id']}/end")).status_code == 409


def fault(group: dict, **more: object) -> dict:
    return {"group": group["id"], "fault": {"kind": "jam", "target": "press"} | more, "detect": 300, "diagnose": 900}


async def test_an_exercise_begins_while_nobody_works_and_waits_for_whoever_comes(
    browsers: Browsers, desk: LabDesk
) -> None:
    zhao, wang = browsers["zhao"], browsers["wang"]
    body = {"course": "example", "name": "一班", "members": ["wang"]}
    group = await done(zhao.post(f"{LABS}/classes", json=body))
    drill = await done(zhao.post(f"{LABS}/exercises", json=fault(group)))
    assert (drill["attempts"], drill["refused"]) == ([], {})
    attempt = await begun(wang)
    assert [one.kind for one in await desk.sandboxes.of("wang").faults()] == ["jam"]
    told = await done(zhao.get(f"{LABS}/exercises/{drill['id']}"))
    assert [one["attempt"] for one in told["scores"]] == [attempt]
    alone = {**fault(group), "group": None, "attempt": "nobody"}
    assert (await zhao.post(f"{LABS}/exercises", json=alone)).status_code == 409


async def test_what_could_be_broken_in_a_class_is_known_by_name_before_anybody_works(
    browsers: Browsers, desk: LabDesk
) -> None:
    desk.scenery, zhao = Scenes(), browsers["zhao"]
    body = {"course": "example", "name": "一班", "members": ["wang"]}
    group = await done(zhao.post(f"{LABS}/classes", json=body))
    kinds = {one["kind"]: one for one in await done(zhao.get(f"{LABS}/classes/{group['id']}/targets"))}
    assert kinds["jam"]["name"]["zh"] != "jam"
    target = kinds["jam"]["targets"][0]
    drill = await done(zhao.post(f"{LABS}/exercises", json=fault(group, target=target["id"])))
    assert drill["fault"]["words"] == {"kind": kinds["jam"]["name"], "target": target["name"]}
    refused = await zhao.post(f"{LABS}/exercises", json=fault(group, target="moon"))
    assert (refused.status_code, refused.json()["code"]) == (409, "no-target")


async def test_a_line_that_was_stopped_gets_the_fault_of_its_class_when_somebody_goes_on(
    browsers: Browsers, desk: LabDesk
) -> None:
    zhao, wang = browsers["zhao"], browsers["wang"]
    body = {"course": "example", "name": "一班", "members": ["wang"]}
    group = await done(zhao.post(f"{LABS}/classes", json=body))
    url = f"{LABS}/attempts/{await begun(wang)}"
    await desk.sandboxes.close("s1")
    drill = await done(zhao.post(f"{LABS}/exercises", json=fault(group)))
    assert list(drill["refused"]) == ["wang"]
    await done(wang.post(f"{url}/resume"))
    assert [one.kind for one in await desk.sandboxes.of("wang").faults()] == ["jam"]


async def test_a_line_without_a_name_tells_by_its_ticket_how_it_starts(
    browsers: Browsers, desk: LabDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    wang, ticket = browsers["wang"], "a-ticket-that-nobody-guesses"
    asked, told = desk.sandboxes.open, []

    async def slow(lab: Lab, owner: str, *, seed: int) -> FakeSandbox:
        made = await asked(lab, owner, seed=seed)
        made.state, made.progress = SandboxState.STARTING, 0.4
        told.append(await done(wang.get(f"{LABS}/line?ticket={ticket}")))
        made.state = SandboxState.READY
        return made

    monkeypatch.setattr(desk.sandboxes, "open", slow)
    await begun(wang, practice=True, ticket=ticket)
    assert told == [{"state": "starting", "progress": 0.4}]
    assert (await done(wang.get(f"{LABS}/line?ticket={ticket}")))["state"] is None


async def test_only_instructors_teach(browsers: Browsers) -> None:
    for browser in (browsers["wang"], browsers["sun"], browsers["visitor"]):
        for way, path in [("GET", "classes"), ("GET", "people"), ("GET", "exercises"), ("GET", "grade-book")]:
            assert (await browser.request(way, f"{LABS}/{path}")).status_code in (401, 403)
    names = [one["name"] for one in await done(browsers["zhao"].get(f"{LABS}/people"))]
    assert names == ["li", "wang", "zhao"]


async def test_the_grade_book_is_a_file_whose_names_are_no_formulas(browsers: Browsers) -> None:
    await done(browsers["wang"].put(f"{LABS}/courses/example/enrolment", json={"name": "=HYPERLINK(1)"}))
    await solved(browsers["wang"], await begun(browsers["wang"]))
    book = await browsers["zhao"].get(f"{LABS}/grade-book/xlsx?language=en")
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert [cell.value for cell in sheet[2]][:3] == ["=HYPERLINK(1)", "wang", "Example course"]
    assert (sheet["A2"].data_type, sheet["H2"].value) == ("s", 7)
    table = (await browsers["zhao"].get(f"{LABS}/grade-book/csv?language=zh")).content.decode("utf-8-sig")
    assert table.splitlines()[1].startswith("'=HYPERLINK(1),wang,示例课程")
    assert (await browsers["zhao"].get(f"{LABS}/grade-book?group=abc")).status_code == 409


async def test_attendance_is_counted_in_person_times_and_handed_in(
    browsers: Browsers, desk: LabDesk, centre: Centre, tmp_path: Path
) -> None:
    for name in ("wang", "wang", "li"):
        await begun(browsers[name])
    zhao, days = browsers["zhao"], "first=2023-11-01&last=2023-11-30"
    in_room = {"course": "example", "day": "2023-11-16", "learners": ["wang", "chen"]}
    await done(zhao.post(f"{LABS}/attendance", json=in_room))
    counted = await done(zhao.get(f"{LABS}/attendance?{days}"))
    assert counted["days"] == [
        {"day": "2023-11-15", "course": "example", "number": 2},
        {"day": "2023-11-16", "course": "example", "number": 2},
    ]
    numbers = {one["kind"]: one["number"] for one in counted["records"]}
    assert numbers == {"person-times": 4, "training": 4, "courses": 1}
    assert counted["records"][0]["start"] == "2023-10-31T16:00:00.000000Z"
    assert (await zhao.get(f"{LABS}/attendance?first=2023-11-02&last=2023-11-01")).status_code == 422
    sun = browsers["sun"]
    asked = {"campaign": "centre", "kind": "person-times", "first": "2023-11-01", "last": "2023-11-30"}
    assert (await sun.post(f"{LABS}/attendance/hand-in", json=asked)).status_code == 404  # no campaigns here
    centre.desk = Desk(Campaigns(tmp_path / "campaigns"), None)
    assert (await sun.post(f"{LABS}/attendance/hand-in", json=asked)).status_code == 409  # none of that name
    campaign = centre.desk.store.create(plan_of_a_centre(centre), clock=centre.clock)
    assert (await zhao.post(f"{LABS}/attendance/hand-in", json=asked)).status_code == 403
    await done(sun.post(f"{LABS}/attendance/hand-in", json=asked))
    assert [(one.kind, one.number, one.author) for one in campaign.records] == [("person-times", 4, "sun")]
    assert measured(campaign.records, "improved", "person-times")[0].indicator.value == 4


def plan_of_a_centre(centre: Centre) -> Plan:
    clause = next(
        clause
        for clause in centre.configuration.catalogues["cq-2024-5"].clauses
        if any(one.parameters.get("kind") == "person-times" for one in clause.indicators)
    )
    return Plan(
        id="centre",
        name=clause.name,
        catalogue="cq-2024-5",
        clause=clause.id,
        clause_digest=clause_digest(clause),
        author="sun",
    )


def zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder.parent))
    return out.getvalue()


async def test_an_instructor_sends_a_course_and_a_faulty_one_is_explained(
    browsers: Browsers, desk: LabDesk, tmp_path: Path
) -> None:
    place = tmp_path / "own-course"
    shutil.copytree(EXAMPLE, place)
    document = place / "course.yaml"
    document.write_text(document.read_text("utf-8").replace("id: example", "id: own-course"), "utf-8")
    zhao = browsers["zhao"]
    sent = {"file": ("c.zip", zipped(place), "application/zip")}
    assert (await browsers["wang"].post(f"{LABS}/courses", files=sent)).status_code == 403
    assert (await done(zhao.post(f"{LABS}/courses", files=sent)))["id"] == "own-course"
    assert "own-course" in desk.library.courses
    document.write_text(document.read_text("utf-8").replace("conveyor/speed').high", "conveyor/speed')._high"), "utf-8")
    refused = await zhao.post(f"{LABS}/courses", files={"file": ("c.zip", zipped(place), "application/zip")})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["path"].startswith("labs[0].steps[1].checks[1].passes")
    assert "own-course" in desk.library.courses  # the one before is still there
    await done(zhao.delete(f"{LABS}/courses/own-course"))
    assert "own-course" not in desk.library.courses
    assert (await zhao.delete(f"{LABS}/courses/own-course")).status_code == 404


async def test_whoever_guesses_codes_waits(browsers: Browsers) -> None:
    answers = [(await browsers["visitor"].get(f"/api/v1/certificates/0000-0000-0000-{n:04}")) for n in range(25)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_a_centre_without_labs_says_so(browsers: Browsers, centre: Centre) -> None:
    centre.labs = None
    answer = await browsers["wang"].get(f"{LABS}/courses")
    assert (answer.status_code, answer.json()["detail"]) == (404, "this centre gives no labs")


async def test_what_people_do_stands_in_the_audit_log(browsers: Browsers, client: httpx.AsyncClient) -> None:
    attempt = await begun(browsers["wang"])
    await solved(browsers["wang"], attempt)
    records = (await client.get("/api/v1/audit")).text
    for action in ("lab.begin", "lab.answer", "lab.apply", "lab.grade"):
        assert action in records


SAYING = {
    "HTTPException": [Path(dashboard_api.__file__).parent / f"{name}.py" for name in LAB_MODULES],
    "NotNow": [Path(labs.desk.__file__), Path(labs.work.__file__), Path(labs.pairs.__file__)],
    "ProvenlineError": [Path(labs.roll.__file__), Path(labs.drills.__file__)],
}


@pytest.mark.parametrize("error", SAYING)
def test_what_labs_refuse_is_said_in_both_languages(error: str) -> None:
    texts = []
    for node in (node for file in SAYING[error] for node in ast.walk(ast.parse(file.read_text("utf-8")))):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != error:
            continue
        for text in node.args:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                texts.append(text.value)
            elif isinstance(text, ast.JoinedStr):
                texts.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in text.values)
                )
    assert texts
    assert [text for text in texts if told(text).code == "refused"] == []


def test_the_fake_line_is_an_observation() -> None:
    names = {name for name in vars(Observation) if not name.startswith("_")}
    from tests.labs.observed import Observed

    assert names <= set(dir(Observed()))
