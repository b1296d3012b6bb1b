"""The units of systemd are sound and closed, and the service tells systemd what it waits for."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from pathlib import Path

import pytest

from provenline.signs_of_life import alive
from tests.operations.conftest import provenline

UNITS = sorted((Path(__file__).parents[2] / "packaging" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
CLOSED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "CapabilityBoundingSet": "",
    "User": "provenline",
    "UMask": "0077",
    "RestrictSUIDSGID": "yes",
}


def settings(unit: Path) -> dict[str, str]:
    lines = unit.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Za-z]\w+=", line))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_every_service_is_closed_in(unit: Path) -> None:
    found = settings(unit)
    assert {key: found.get(key) for key in CLOSED} == CLOSED
    assert found["StateDirectory"].startswith("provenline")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_every_service_runs_a_command_that_there_is(unit: Path) -> None:
    command = re.search(r"/opt/provenline/bin/provenline (\w+)", settings(unit)["ExecStart"])
    assert command
    said = re.sub(r"\x1b\[[0-9;]*m", "", provenline(command[1], "--help"))
    for option in re.findall(r"--[a-z-]+", settings(unit)["ExecStart"]):
        assert option in said


@pytest.mark.needs("systemd-analyze")
def test_systemd_itself_finds_no_fault_and_little_exposure(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/provenline/bin/provenline", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    files = [str(tmp_path / unit.name) for unit in UNITS]
    checked = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60, check=False
    )
    faults = [line for line in checked.stderr.splitlines() if "provenline" in line]
    assert (checked.returncode, faults) == (0, [])
    for unit in SERVICES:
        arguments = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(tmp_path / unit.name)]
        judged = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
        assert judged.returncode == 0, judged.stdout[-2_000:]


async def test_systemd_is_told_that_the_process_is_ready_and_then_again_and_again_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(str(tmp_path / "notify"))
        ears.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        heard = []
        async with alive(), asyncio.timeout(90):
            while len(heard) < 4:
                heard.append(await asyncio.get_running_loop().sock_recv(ears, 100))
        assert heard == [b"READY=1", *[b"WATCHDOG=1"] * 3]


async def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    async with alive():
        pass
