"""Sandboxes with real processes: what somebody gets, changes and cannot reach, and what never disturbs a neighbour."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboard_api import app as application
from labs.observation import Submission
from labs.sandboxes import Direction, HiddenFault, NoSandbox, SandboxState, SandboxTrouble
from plant.errors import Unavailable
from provenline.sandbox.limits import Limits
from provenline.sandbox.room import Room
from provenline.sandbox.rooms import sandboxes
from tests.labs.school import PATIENCE, School, eventually, school
from tests.labs.tiny_course import RIGHT, SCENE

NOTHING = Submission()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school(tmp_path_factory.mktemp("school")) as found:
        yield found


@pytest.fixture(scope="module")
def ann(here: School) -> Room:
    return here.open("ann")


@pytest.fixture(scope="module")
def ben(here: School) -> Room:
    return here.open("ben")


def value(here: School, room: Room, expression: str) -> object:
    return here.run(room.value(expression, NOTHING))


def asked(here: School, who: str, path: str, method: str = "GET", **more: object) -> httpx.Response:
    return httpx.request(method, here.url + path, headers=here.headers[who], timeout=PATIENCE, **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_sandbox_comes_with_the_past_of_its_line_and_goes_on_from_there(here: School, ann: Room) -> None:
    assert (ann.state, ann.reason) == (SandboxState.READY, "")
    assert value(here, ann, "tag('conveyor/total').count(9)") > 1_000  # type: ignore[operator]
    before = value(here, ann, "tag('conveyor/total').value")
    eventually(lambda: value(here, ann, "tag('conveyor/total').value") > before, "parts are carried")  # type: ignore[operator]
    assert value(here, ann, "tag('conveyor/total').min(9)") < before  # type: ignore[operator]
    assert value(here, ann, "tag('conveyor/total').simulated") is True


def test_what_is_applied_runs_without_the_line_noticing_and_nothing_is_lost(here: School, ben: Room) -> None:
    parts = "truth.count('part')"
    made, stored = value(here, ben, parts), value(here, ben, "tag('conveyor/total').count(60)")
    assert here.run(ben.judge(NOTHING))[0].passed is False
    assert here.run(ben.apply({"scene.yaml": RIGHT})) == ()
    assert here.run(ben.files()) == {"scene.yaml": RIGHT}
    eventually(lambda: here.run(ben.judge(NOTHING))[0].passed, "the speed is right now")
    assert value(here, ben, parts) >= made  # type: ignore[operator]
    assert value(here, ben, "tag('conveyor/total').count(60)") >= stored  # type: ignore[operator]


def test_a_configuration_with_faults_changes_nothing(here: School, ann: Room) -> None:
    faults = here.run(ann.apply({"scene.yaml": SCENE.replace("kind: counter", "kind: conter")}))
    assert [(fault.file, fault.line > 0) for fault in faults] == [("scene.yaml", True)]
    assert here.run(ann.files()) == {"scene.yaml": SCENE}
    assert value(here, ann, "tag('conveyor/total').exists") is True


def test_messages_of_every_protocol_are_shown_decoded(here: School, ann: Room) -> None:
    def said(protocol: str, words: str) -> bool:
        found = here.run(ann.messages(after=0, limit=4_000))
        return any(m.protocol == protocol and words in m.summary + str(m.fields) for m in found)

    eventually(lambda: said("modbus", "Read Holding Registers"), "registers are read")
    eventually(lambda: said("mqtt", "cell/vision/status"), "a message is published")
    eventually(lambda: said("opcua", "ns=2;s=Press.Process.Force"), "a variable is monitored")
    first = here.run(ann.messages(after=0, limit=1))[0]
    assert here.run(ann.messages(after=first.number, limit=1))[0].number == first.number + 1
    assert first.direction is Direction.SENT
    assert value(here, ann, "messages('plc')") > 0  # type: ignore[operator]


def test_a_trainee_browses_the_servers_of_their_own_line_and_nobody_elses(here: School, ann: Room) -> None:
    prefix = f"/api/v1/sandboxes/{ann.id}/api/v1/configuration"

    def browsed(target: dict[str, str], node: str | None = None) -> httpx.Response:
        return asked(here, "ann", f"{prefix}/browse", "POST", json={"target": target, "node": node})

    press = {"type": "source", "scene": "first-light", "source": "press"}
    assert "Press" in [one["name"] for one in browsed(press).json()["entries"]]
    below = {one["name"]: one for one in browsed(press, "ns=2;s=Press.Process").json()["entries"]}
    assert (below["Force"]["data_type"], below["Force"]["quality"]) == ("Double", 0)
    shown = {one["id"]: one for one in asked(here, "ann", prefix).json()["sources"]}
    assert shown["press"]["shown"]["file"] == "scene.yaml"
    for other in ({"type": "opcua", "endpoint": "opc.tcp://127.0.0.1:4840"}, {**press, "source": "plc"}):
        refused = browsed(other)
        assert refused.status_code == 422, refused.text
        assert "entries" not in refused.json()


def test_faults_are_hidden_begun_and_ended_over_the_pipe_alone(here: School, ann: Room) -> None:
    hidden = HiddenFault("sensor-offset", "press.force", size=50.0)
    number = here.run(ann.inject(hidden))
    assert [(f.kind, f.target, f.ended) for f in here.run(ann.faults())][-1] == ("sensor-offset", "press.force", None)
    here.run(ann.clear(number))
    assert here.run(ann.faults())[-1].ended is not None
    assert {choice.kind for choice in here.run(ann.choices())} >= {"sensor-offset", "jam"}
    with pytest.raises(SandboxTrouble, match="no kind of fault"):
        here.run(ann.inject(HiddenFault("gremlins", "press")))


def test_its_own_application_is_reached_behind_a_prefix_by_whose_it_is_and_who_teaches(here: School, ann: Room) -> None:
    path = f"/api/v1/sandboxes/{ann.id}/api/v1/scenes"
    assert [scene["id"] for scene in asked(here, "ann", path).json()] == ["first-light"]
    assert asked(here, "tess", path).status_code == 200
    assert asked(here, "ben", path).status_code == 404
    assert httpx.get(here.url + path).status_code == 401
    assert asked(here, "ann", f"/api/v1/sandboxes/{ann.id}").json()["state"] == "ready"
    assert asked(here, "ann", "/api/v1/sandboxes").status_code == 403
    assert ann.id in [one["id"] for one in asked(here, "tess", "/api/v1/sandboxes").json()]
    assert asked(here, "ann", f"/api/v1/sandboxes/{ann.id}/api/v1/../../docs").status_code in (404, 401)


def test_the_live_feed_of_a_sandbox_is_seen_through_the_centre(here: School, ann: Room) -> None:
    path = f"/api/v1/sandboxes/{ann.id}/api/v1/live?scene=first-light"
    with connect(here.url.replace("http", "ws") + path, additional_headers=here.headers["ann"]) as live:
        assert "conveyor/speed" in str(live.recv(timeout=PATIENCE))
        assert live.recv(timeout=PATIENCE)


def test_a_partner_reaches_the_line_too_until_the_pair_is_undone(here: School, ann: Room) -> None:
    attempt = here.register.work.begin("ann", here.lab.key, 1)
    here.register.work.on(attempt.id, ann.id, plant=0, seed=0)
    here.register.pairs.join(attempt, "ben", 2)
    base = f"/api/v1/sandboxes/{ann.id}/api/v1"
    assert asked(here, "ben", f"{base}/scenes").status_code == 200
    live = f"{here.url.replace('http', 'ws')}{base}/live?scene=first-light"
    with connect(live, additional_headers=here.headers["ben"]) as feed:
        assert "conveyor/speed" in str(feed.recv(timeout=PATIENCE))
    here.register.pairs.part(attempt, 3)
    assert asked(here, "ben", f"{base}/scenes").status_code == 404
    with pytest.raises(InvalidStatus), connect(live, additional_headers=here.headers["ben"]):
        pass


def test_what_people_do_in_a_sandbox_is_done_by_their_name_and_they_may_not_write_samples(
    here: School, ann: Room
) -> None:
    base = f"/api/v1/sandboxes/{ann.id}/api/v1"
    now = round(time.time() * 1000)
    note = {"scope": "cq/first-light/line-1/press", "start": now - 60_000, "stop": now - 1_000, "reason": "jam"}
    assert asked(here, "ann", f"{base}/scenes/first-light/annotations", "POST", json=note).status_code == 201
    assert value(here, ann, "any(note.reason == 'jam' for note in annotations('press'))") is True
    line = b"sample,path=cq/first-light/line-1/conveyor/speed value=9 1"
    write = f"/api/v1/sandboxes/{ann.id}/api/v2/write?bucket=provenline"
    assert asked(here, "ann", write, "POST", content=line).status_code in (401, 403)
    large = asked(here, "ann", f"{base}/scenes/first-light/annotations", "POST", content=b" " * 1_000_001)
    assert large.status_code == 413


SECRETS = ("sensor-offset", "press.oil", "truth", "grader")


def test_no_route_tells_whoever_learns_what_really_happens(here: School, ann: Room) -> None:
    values = {
        "scene_id": "first-light",
        "key": "cq/first-light/line-1/press:oee",
        "path": "cq/first-light/line-1/press/force",
    }
    tried = 0
    for group in (*application.READING, *application.DECLARING):
        for route in group.router.routes:
            if not isinstance(route, APIRoute) or not route.path.startswith("/api/") or "/api/{path" in route.path:
                continue
            parts = [
                values.get(p[1:-1].partition(":")[0], "x") if p.startswith("{") else p for p in route.path.split("/")
            ]
            for method in sorted(route.methods - {"HEAD"}):
                json = {} if method != "GET" else None
                answer = asked(here, "ann", f"/api/v1/sandboxes/{ann.id}{'/'.join(parts)}", method, json=json)
                assert answer.status_code < 500 or answer.status_code == 503, f"{method} {route.path}: {answer.text}"
                assert not [word for word in SECRETS if word in answer.text.lower()], f"{method} {route.path}"
                tried += 1
    assert tried > 60
    assert ann.state is SandboxState.READY


def test_a_sandbox_that_dies_is_broken_can_be_reset_and_does_not_disturb_another(
    here: School, ann: Room, ben: Room
) -> None:
    neighbour = ben.process
    assert ann.process is not None
    os.kill(ann.process, signal.SIGKILL)
    eventually(lambda: ann.state is SandboxState.BROKEN, "it is noticed")
    assert "exit code -9" in ann.reason
    with pytest.raises(SandboxTrouble, match="broken"):
        here.run(ann.now())
    assert asked(here, "ann", f"/api/v1/sandboxes/{ann.id}/api/v1/scenes").status_code == 503
    again = asked(here, "ann", f"/api/v1/sandboxes/{ann.id}/reset", "POST")
    assert (again.json()["id"], again.json()["state"]) == (ann.id, "ready")
    assert here.run(ann.files()) == {"scene.yaml": SCENE}
    assert (ben.state, ben.process) == (SandboxState.READY, neighbour)


def test_one_that_fills_its_share_of_the_disk_is_stopped_with_a_word_and_leaves_nothing(here: School) -> None:
    room = here.open("greedy")
    room.order = replace(room.order, limits=Limits(disk=50_000))
    here.run(here.rooms.reset(room.id))
    eventually(lambda: room.state is SandboxState.BROKEN, "the quota is noticed")
    assert "of the disk" in room.reason
    here.run(here.rooms.close(room.id))
    assert not room.order.folder.exists()
    with pytest.raises(NoSandbox):
        here.rooms.get(room.id)


def test_nobody_gets_two_there_is_not_room_for_all_and_one_that_nobody_uses_is_stopped(
    here: School, ann: Room, ben: Room
) -> None:
    first = here.open("cora")
    second = here.open("cora")
    assert (here.rooms.of("cora"), first.state) == (second, SandboxState.STOPPED)
    here.open("dan")
    with pytest.raises(Unavailable, match="all 4 sandboxes"):
        here.open("eve")
    second.used = time.monotonic() - 10_000
    here.run(here.rooms.stop_idle())
    assert here.rooms.of("cora") is None
    assert {room.owner for room in here.rooms.all()} == {"ann", "ben", "dan"}
    assert not second.order.folder.exists()


ORPHANS = """
    import asyncio, sys
    from pathlib import Path
    from provenline.sandbox.rooms import sandboxes
    from tests.labs.tiny_course import tiny_lab

    async def main() -> None:
        folder = Path(sys.argv[1])
        async with sandboxes(folder / "sandboxes") as rooms:
            room = await rooms.open(tiny_lab(folder / "courses"), "ann", seed=1)
            print(room.process, room.socket.parent, flush=True)
            await asyncio.sleep(3600)

    if __name__ == "__main__":
        asyncio.run(main())
"""


def test_a_centre_that_is_killed_leaves_no_process_and_the_next_one_removes_the_rest(tmp_path: Path) -> None:
    program = tmp_path / "centre.py"
    program.write_text(textwrap.dedent(ORPHANS), encoding="utf-8")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, str(program), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root) as centre:
        assert centre.stdout
        child, sockets = centre.stdout.readline().split()
        assert alive(int(child))
        centre.kill()
    eventually(lambda: not alive(int(child)), "the sandbox ended with its centre")
    left = tmp_path / "sandboxes"
    assert [place for place in left.iterdir() if place.is_dir()]

    async def next_centre() -> None:
        async with sandboxes(left):
            assert not [place for place in left.iterdir() if place.is_dir()]

    asyncio.run(next_centre())
    assert not Path(sockets).exists()
