"""The demonstration as a visitor sees it: one command, one page, three protocols, a clean end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from playwright.async_api import Page, async_playwright, expect

from configs.loader import PACKAGED, load
from historian.embedded import EmbeddedReader
from plant.clock import SECOND
from plant.tags import Kind
from tests.peers.processes import Program, free_port
from tests.web.looking import visit

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ONE_OF_EACH = ("line-1/press/oil-temperature", "line-1/conveyor/motor-temperature", "line-1/vision/light-temperature")


class Demo(NamedTuple):
    program: Program
    address: str
    data: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    port, data = free_port(), tmp_path_factory.mktemp("demo")
    arguments = ["demo", "--no-browser", "--port", str(port), "--data", data, "--seed", "5"]
    arguments += ["--scene", "first-light"]
    program = Program([sys.executable, "-m", "provenline", *arguments])
    program.ready("last hours are there", 240)
    yield Demo(program, f"http://localhost:{port}", data)
    if program.running():
        program.stop()


@asynccontextmanager
async def page(address: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        opened = await browser.new_page(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        await visit(opened, address)
        yield opened
        await browser.close()


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def test_samples_of_all_three_protocols_are_stored(demo: Demo) -> None:
    now = int(time.time() * 1000)
    for tag in ONE_OF_EACH:
        window = f"start={now - 10_000}&stop={now + 10_000}&buckets=1"
        history = get(f"{demo.address}/api/v1/tags/cq/first-light/{tag}/history?{window}")
        assert history["usable"][0] > 0, tag


def test_the_shift_has_figures_from_the_start_and_all_are_marked_simulated(demo: Demo) -> None:
    answer = get(f"{demo.address}/api/v1/scenes/first-light/indicators?window=1h")
    line = {i["id"]: i for i in answer["indicators"] if i["scope"] == "cq/first-light/line-1"}
    assert 0.2 < line["oee"]["value"] < 1.0
    product = line["availability"]["value"] * line["effectiveness"]["value"] * line["quality-ratio"]["value"]
    assert line["oee"]["value"] == pytest.approx(product)
    assert all(i["simulated"] for i in answer["indicators"] if i["value"] is not None and i["coverage"])


def test_past_and_present_do_not_overlap(demo: Demo) -> None:
    scene = load(PACKAGED).site.scene("first-light")
    assert scene
    counters = [tag.path for tag in scene.tags if tag.kind is Kind.COUNTER]
    now, most = time.time_ns(), 0.0
    with closing(EmbeddedReader(demo.data / "historian")) as store:
        for path in counters:
            values = store.history([path], now - 9 * 3600 * SECOND, now + SECOND).numbers
            # Where they meet the counter starts anew, once; were both told of the same time, it would leap to and fro.
            assert (np.diff(values) < 0).sum() <= 1, path
            most = max(most, values.max())
    assert most > 500


def test_every_machine_has_been_in_known_states(demo: Demo) -> None:
    now = int(time.time() * 1000)
    timeline = get(f"{demo.address}/api/v1/scenes/first-light/states?start={now - 3_600_000}&stop={now - 120_000}")
    assert len(timeline) == 3
    for device in timeline:
        unknown = sum(i["stop"] - i["start"] for i in device["intervals"] if i["state"] == "UNKNOWN")
        assert unknown < 0.05 * 3_480_000, device["device"]


@pytest.mark.needs("chromium")
async def test_the_page_shows_values_that_change_and_speaks_both_languages(demo: Demo) -> None:
    async with page(f"{demo.address}/scene/first-light") as scene:
        await expect(scene.get_by_text("小型装配线").first).to_be_visible(timeout=90_000)
        await expect(scene.get_by_text(re.compile("仿真")).first).to_be_visible()
        before = await scene.locator("main").inner_text()
        changed = "text => document.querySelector('main').innerText !== text"
        await scene.wait_for_function(changed, arg=before, timeout=90_000)
        await visit(scene, f"{demo.address}/scene/first-light?lang=en")
        await expect(scene.get_by_text("Small assembly line").first).to_be_visible(timeout=90_000)
        await expect(scene.get_by_text("SIM", exact=True).first).to_be_visible()


def fault(demo: Demo, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "provenline", "fault", *arguments, "--data", str(demo.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_fault_from_the_command_line_shows_on_the_page_s_values_and_is_mended(demo: Demo) -> None:
    listed = fault(demo, "first-light")
    assert "泄漏 / Leak" in listed.stdout, listed.stderr
    began = int(time.time() * 1000)
    done = fault(demo, "first-light", "leak", "press", "--size", "500")
    assert done.returncode == 0, done.stderr
    number = re.search(r"fault (\d+)", done.stdout)
    assert number
    deadline = time.monotonic() + 120
    while _largest(demo, "line-1/press/power", began) < 400:
        assert time.monotonic() < deadline, "the leak never showed"
        time.sleep(0.2)
    assert "leak of press" in fault(demo, "first-light").stdout
    assert fault(demo, "first-light", "--end", number[1]).returncode == 0
    assert "leak of press" not in fault(demo, "first-light").stdout


def _largest(demo: Demo, tag: str, since: int) -> float:
    window = f"start={since}&stop={int(time.time() * 1000) + 1_000}&buckets=1"
    history = get(f"{demo.address}/api/v1/tags/cq/first-light/{tag}/history?{window}")
    return float(history["maximum"][0] or 0.0)


def test_a_fault_that_cannot_be_is_refused_in_one_line(demo: Demo) -> None:
    for arguments, message in (
        (("first-light", "leak", "moon"), "no 'moon'; there are press, conveyor, vision"),
        (("agv", "jam", "agv-1"), "no scene 'agv' runs here; there are first-light"),
    ):
        refused = fault(demo, *arguments)
        assert refused.returncode == 1
        assert message in refused.stderr


def test_the_note_that_lets_somebody_break_things_is_its_owner_s_alone(demo: Demo) -> None:
    note = demo.data / "control.json"
    assert note.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(note.read_text())) == {"host", "port", "token"}


def test_ctrl_c_ends_everything_soon(demo: Demo) -> None:
    program, note = demo.program, demo.data / "control.json"
    assert note.exists()
    program.interrupt()
    assert program.wait(90) == 0
    assert not [line for line in _processes() if line.startswith(f"{program.pid} ")]
    assert not note.exists()


def test_the_simulated_devices_do_not_outlive_a_killed_demonstration(tmp_path: Path) -> None:
    arguments = ["demo", "--no-browser", "--port", str(free_port()), "--data", tmp_path, "--scene", "first-light"]
    program = Program([sys.executable, "-m", "provenline", *arguments])
    program.ready("source connected", 180)
    children = [line for line in _processes() if line.startswith(f"{program.pid} ")]
    assert any("simulate" in line for line in children)
    marks = [line.partition("--anchor ")[2].split()[0] for line in children if "--anchor" in line]
    program.kill()
    deadline = time.monotonic() + 60
    while any(mark in line for line in _processes() for mark in marks):
        assert time.monotonic() < deadline, "the simulated devices are still there"
        time.sleep(0.1)


def test_all_scenes_come_up_behind_one_page_that_answers_from_the_first_on(tmp_path: Path) -> None:
    scenes = {scene.id: scene.simulation for scene in load(PACKAGED).scenes.values() if scene.simulation}
    sources = sum(len(set(simulation.faces.values())) for simulation in scenes.values())
    port = free_port()
    command = [sys.executable, "-m", "provenline", "demo", "--no-browser", "--port", str(port), "--data", tmp_path]
    program = Program(command)
    try:
        program.ready(" ready ", 240)
        assert len(get(f"http://localhost:{port}/api/v1/scenes")) >= len(scenes)
        # the first devices may well be there before the page is: every line counts, not only those after `ready`
        while _connected(program) < sources or _served(program) < scenes.keys():
            program.ready("source=", 180)
    finally:
        program.interrupt()
        assert program.wait(90) == 0


def _connected(program: Program) -> int:
    return sum(line.count("source connected") for line in program.lines)


def _served(program: Program) -> set[str]:
    """Return the scenes whose simulated devices are there."""
    words = (word for line in program.lines for word in line.split())
    return {word.partition("=")[2] for word in words if word.startswith("scene=")}


def _processes() -> list[str]:
    """Return command lines of running processes, each with its parent."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        found.append(f"{parent} {command}")
    return found
