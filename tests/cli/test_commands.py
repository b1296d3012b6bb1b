"""Commands end well, or say in one line what is wrong and exit with a code that is not zero."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from configs.loader import PACKAGED
from tests.peers.processes import free_port, program

SCENE_WITH_FAULTS = """
type: scene
id: s
name: S
sources: [{id: a, type: modbus, link: {type: tcp, host: h}}]
lines: [{id: l, name: L, devices: [{id: d, name: D, source: b, tags: [{id: t, kind: analog, unit: kWh, address: {}}]}]}]
"""


def provenline(*arguments: str | Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "provenline", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_what_ships_with_the_product_passes_its_own_check() -> None:
    done = provenline("check", PACKAGED)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no faults" in done.stdout


def test_check_lists_every_fault_and_fails(tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(SCENE_WITH_FAULTS)
    done = provenline("check", tmp_path)
    assert done.returncode == 1
    assert "lines[0].devices[0].source: unknown source 'b'" in done.stderr
    assert "lines[0].devices[0].tags[0].unit" in done.stderr
    assert "no document of type site" in done.stderr
    assert "3 faults" in done.stderr


def test_the_schema_is_json_schema() -> None:
    done = provenline("schema")
    assert done.returncode == 0
    assert "SceneDocument" in json.loads(done.stdout)["$defs"]


def test_oee_by_hand_is_the_published_example() -> None:
    example = "oee --planned-busy-time 420min --downtime 47min --ideal-cycle 1s --produced 19271 --rejected 423"
    done = provenline("calc", *example.split(), "--json")
    assert done.returncode == 0, done.stderr
    assert "0.747" in done.stdout


@pytest.mark.parametrize("command", ["serve", "edge", "demo"])
def test_a_broken_configuration_starts_nothing(tmp_path: Path, command: str) -> None:
    (tmp_path / "scene.yaml").write_text(SCENE_WITH_FAULTS)
    folder = ["--config", tmp_path] if command == "demo" else [tmp_path]
    done = provenline(command, *folder, "--data", tmp_path / "data")
    assert done.returncode == 1
    assert "nothing was started" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_one_clear_line(tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        more = ["--no-browser"] if command == "demo" else []
        done = provenline(command, "--data", tmp_path, "--port", str(port), *more)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = provenline("serve", "--data", tmp_path / "file" / "data")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "--data" in done.stderr


def test_two_centres_cannot_share_a_data_folder(tmp_path: Path) -> None:
    port = free_port()
    arguments = [sys.executable, "-m", "provenline", "serve", _quiet_site(tmp_path), "--data", tmp_path / "data"]
    with program([*arguments, "--port", str(port)]) as first:
        first.ready("centre ready")
        done = provenline("serve", tmp_path / "configuration", "--data", tmp_path / "data", "--port", free_port())
        assert done.returncode == 1
        assert "another process" in done.stderr


def test_an_edge_without_uplink_says_what_to_do(tmp_path: Path) -> None:
    done = provenline("edge", _quiet_site(tmp_path), "--data", tmp_path)
    assert done.returncode == 1
    assert "no uplink" in done.stderr


def test_an_unknown_scene_is_answered_with_those_there_are() -> None:
    done = provenline("simulate", "moon")
    assert done.returncode == 1
    assert "first-light" in done.stderr


def test_a_reflector_says_where_it_is_and_ends_on_ctrl_c() -> None:
    port = free_port(socket.SOCK_DGRAM)
    with program([sys.executable, "-m", "provenline", "reflect", "--port", str(port)]) as reflector:
        assert str(port) in reflector.ready("reflecting STAMP")
        reflector.interrupt()
        assert reflector.wait(60) == 0


def test_a_centre_ends_on_ctrl_c_soon(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "provenline", "serve", _quiet_site(tmp_path), "--data", tmp_path / "data"]
    with program([*arguments, "--port", str(free_port())]) as centre:
        centre.ready("centre ready")
        centre.interrupt()
        assert centre.wait(60) == 0


def test_logs_for_machines_are_one_json_object_a_line(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "provenline", "serve", _quiet_site(tmp_path), "--data", tmp_path / "data"]
    with program([*arguments, "--port", str(free_port()), "--log-json"]) as centre:
        entry = json.loads(centre.ready("centre ready"))
    assert entry["event"] == "centre ready"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", entry["timestamp"])


def _quiet_site(folder: Path) -> Path:
    """Return a configuration that reads nothing."""
    (folder / "configuration").mkdir(exist_ok=True)
    (folder / "configuration" / "site.yaml").write_text("type: site\nid: q\nname: Quiet\n")
    return folder / "configuration"
