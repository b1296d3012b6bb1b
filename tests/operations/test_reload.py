"""A changed configuration is taken over while the centre runs; sources that did not change stay connected."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Self

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from configs.change import compared
from configs.loader import load
from tests.collectors.modbus_rig import device as modbus_device
from tests.operations.conftest import Place, provenline, serving
from tests.peers.processes import Program, free_port

PATIENCE = 120


class Counted:
    """A way to a device that counts who came along it."""

    def __init__(self, to: int) -> None:
        self.port, self.came, self._to = free_port(), 0, to
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listening, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self.came += 1
            self._ends += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(a, b), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


SITE = "type: site\nid: cq\nname: Centre\n"


def scene(ports: dict[str, int], *, period: str = "200ms") -> str:
    sources = "".join(
        f"  - {{type: modbus, id: {name}, link: {{type: tcp, host: 127.0.0.1, port: {port}}}, "
        f"period: {period if name == 'second' else '200ms'}}}\n"
        for name, port in ports.items()
    )
    devices = "".join(
        f"      - {{id: {name}, name: {name}, source: {name}, tags: [{{id: speed, kind: analog, "
        "address: {register: 0}}]}\n"
        for name in ports
    )
    lines = f"lines:\n  - id: line\n    name: Line\n    devices:\n{devices}"
    return f"type: scene\nid: hall\nname: Hall\nsources:\n{sources}{lines}"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Modbus server of another make."""
    with modbus_device() as peer:
        yield peer.port


@contextmanager
def running(tmp_path: Path, ports: dict[str, int]) -> Iterator[tuple[Place, Program]]:
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    (folder / "scene.yaml").write_text(scene(ports))
    (tmp_path / "data").mkdir()
    place = Place(folder, tmp_path / "data", free_port())
    with serving(place) as program:
        yield place, program


def connected(place: Place) -> dict[str, bool | None]:
    with place.client() as client:
        found = client.get("/api/v1/scenes/hall/health").json()["collectors"]
    return {one["id"]: one["connected"] for one in found}


def test_a_reload_connects_anew_only_what_changed_and_is_written_down(tmp_path: Path, device: int) -> None:
    with (
        Counted(device) as first,
        Counted(device) as second,
        Counted(device) as third,
        running(tmp_path, {"first": first.port, "second": second.port}) as (place, _),
    ):
        until(lambda: connected(place) == {"first": True, "second": True}, "both connected")
        before = first.came, second.came
        document = place.configuration / "scene.yaml"
        document.write_text(scene({"first": first.port, "second": second.port, "third": third.port}, period="300ms"))
        said = provenline("reload", "--data", place.data)
        assert "+ hall/third" in said
        assert "~ hall/second" in said
        assert "= hall/first" in said
        until(lambda: connected(place) == {"first": True, "second": True, "third": True}, "all three connected")
        assert first.came == before[0]
        assert second.came > before[1]  # more than once where a slow machine lets the first try wait too long
        assert third.came > 0
        with place.client() as client:
            assert "cq/hall/line/third/speed" in {tag["path"] for tag in client.get("/api/v1/tags").json()}
            [record] = client.get("/api/v1/audit", params={"text": "configuration.reload"}).json()
        assert record["actor"] == "console"
        after = record["after"] if isinstance(record["after"], dict) else json.loads(record["after"])
        assert (after["added"], after["changed"], after["kept"]) == (["hall/third"], ["hall/second"], ["hall/first"])

        document.write_text(scene({"first": first.port}))
        assert "- hall/second" in provenline("reload", "--data", place.data)
        assert connected(place).keys() == {"first"}
        assert first.came == before[0]


def test_a_faulty_configuration_is_refused_with_every_fault_and_nothing_changes(tmp_path: Path, device: int) -> None:
    with Counted(device) as way, running(tmp_path, {"first": way.port}) as (place, program):
        until(lambda: connected(place) == {"first": True}, "connected")
        sound = (place.configuration / "scene.yaml").read_text()
        faulty = sound.replace("kind: analog", "kind: analogue").replace("period: 200ms", "period: soon")
        (place.configuration / "scene.yaml").write_text(faulty)
        with place.client() as client:
            answer = client.post("/api/v1/reload")
        assert answer.status_code == 422
        places = {fault["path"] for fault in answer.json()["detail"]}
        assert {"sources[0].period", "lines[0].devices[0].tags[0].kind"} <= places
        said = provenline("reload", "--data", place.data, code=1)
        assert "analogue" in said
        assert "soon" in said

        os.kill(program.pid, signal.SIGHUP)
        program.ready("not reloaded", PATIENCE)
        (place.configuration / "scene.yaml").write_text(sound)
        os.kill(program.pid, signal.SIGHUP)
        program.ready("configuration reloaded", PATIENCE)
        assert connected(place) == {"first": True}
        assert way.came == 1


def test_live_viewers_are_told_to_come_again_and_no_request_fails_meanwhile(tmp_path: Path, device: int) -> None:
    with running(tmp_path, {"first": device}) as (place, _):
        stop, answers = threading.Event(), []

        def ask() -> None:
            with httpx.Client(base_url=place.url, trust_env=False, timeout=60) as client:
                while not stop.is_set():
                    answers.append(client.get("/api/v1/site").status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            with connect(f"{place.url.replace('http', 'ws')}/api/v1/live?scene=hall", proxy=None) as viewer:
                viewer.recv(timeout=PATIENCE)
                provenline("reload", "--data", place.data)
                with pytest.raises(ConnectionClosed) as closed:
                    deque(iter(partial(viewer.recv, timeout=PATIENCE), None), maxlen=0)
            assert closed.value.rcvd.code == 1012
            seen = len(answers)
            until(lambda: len(answers) > seen + 2, "answers after the reload")
        finally:
            stop.set()
            asking.join()
        assert set(answers) == {200}


def test_an_edge_of_its_own_reloads_at_a_signal(tmp_path: Path, device: int) -> None:
    with Counted(device) as first, Counted(device) as second:
        folder = tmp_path / "configuration"
        folder.mkdir()
        (folder / "site.yaml").write_text(SITE)
        (folder / "scene.yaml").write_text(scene({"first": first.port}))
        (folder / "edge.yaml").write_text(f"type: edge\nuplink: {{url: 'http://127.0.0.1:{free_port()}'}}\n")
        edge = Program([sys.executable, "-m", "provenline", "edge", folder, "--data", tmp_path / "data"])
        try:
            edge.ready("source connected", PATIENCE)
            (folder / "scene.yaml").write_text(scene({"first": first.port, "second": second.port}))
            os.kill(edge.pid, signal.SIGHUP)
            edge.ready("configuration reloaded", PATIENCE)
            until(lambda: second.came == 1, "the second one came")
            assert first.came == 1
        finally:
            edge.stop()


def test_without_a_running_centre_a_reload_says_so(tmp_path: Path) -> None:
    assert "no centre runs" in provenline("reload", "--data", tmp_path, code=1)


def test_what_takes_effect_at_the_next_start_is_named(tmp_path: Path) -> None:
    def configured(name: str, *, port: int, site: str = "cq"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "site.yaml").write_text(SITE.replace("cq", site))
        (folder / "scene.yaml").write_text(scene({"first": 5020}))
        (folder / "centre.yaml").write_text(f"type: centre\nport: {port}\n")
        return load(folder)

    old = configured("old", port=8000)
    moved = compared(old, configured("moved", port=8001))
    assert moved.at_next_start == ("centre.port",)
    assert moved.kept == ("hall/first",)
    renamed = compared(old, configured("renamed", port=8000, site="sz"))
    assert renamed.changed == ("hall/first",)
    assert renamed.kept == ()
