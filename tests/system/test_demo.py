"""The demonstration as a visitor sees it: one command, one page, three protocols, a clean end."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.peers.processes import Program, free_port

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


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str]]:
    port, data = free_port(), tmp_path_factory.mktemp("demo")
    arguments = ["demo", "--no-browser", "--port", str(port), "--data", data, "--seed", "5"]
    arguments += ["--scene", "first-light"]
    program = Program([sys.executable, "-m", "provenline", *arguments])
    program.ready("last hours are there", 120)
    yield program, f"http://localhost:{port}"
    if program.running():
        program.stop()


@asynccontextmanager
async def page(address: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        opened = await browser.new_page(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        await opened.goto(address)
        yield opened
        await browser.close()


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_samples_of_all_three_protocols_are_stored(demo: tuple[Program, str]) -> None:
    now = int(time.time() * 1000)
    for tag in ONE_OF_EACH:
        window = f"start={now - 10_000}&stop={now + 10_000}&buckets=1"
        history = get(f"{demo[1]}/api/v1/tags/cq/first-light/{tag}/history?{window}")
        assert history["usable"][0] > 0, tag


def test_the_shift_has_figures_from_the_start_and_all_are_marked_simulated(demo: tuple[Program, str]) -> None:
    answer = get(f"{demo[1]}/api/v1/scenes/first-light/indicators?window=1h")
    line = {i["id"]: i for i in answer["indicators"] if i["scope"] == "cq/first-light/line-1"}
    assert 0.2 < line["oee"]["value"] < 1.0
    product = line["availability"]["value"] * line["effectiveness"]["value"] * line["quality-ratio"]["value"]
    assert line["oee"]["value"] == pytest.approx(product)
    assert all(i["simulated"] for i in answer["indicators"] if i["value"] is not None and i["coverage"])


def test_every_machine_has_been_in_known_states(demo: tuple[Program, str]) -> None:
    now = int(time.time() * 1000)
    timeline = get(f"{demo[1]}/api/v1/scenes/first-light/states?start={now - 3_600_000}&stop={now - 120_000}")
    assert len(timeline) == 3
    for device in timeline:
        unknown = sum(i["stop"] - i["start"] for i in device["intervals"] if i["state"] == "UNKNOWN")
        assert unknown < 0.05 * 3_480_000, device["device"]


@pytest.mark.needs("chromium")
async def test_the_page_shows_values_that_change_and_speaks_both_languages(demo: tuple[Program, str]) -> None:
    async with page(f"{demo[1]}/scene/first-light") as scene:
        await expect(scene.get_by_text("小型装配线").first).to_be_visible(timeout=20_000)
        await expect(scene.get_by_text(re.compile("仿真")).first).to_be_visible()
        before = await scene.locator("main").inner_text()
        changed = "text => document.querySelector('main').innerText !== text"
        await scene.wait_for_function(changed, arg=before, timeout=20_000)
        await scene.goto(f"{demo[1]}/scene/first-light?lang=en")
        await expect(scene.get_by_text("Small assembly line").first).to_be_visible(timeout=20_000)
        await expect(scene.get_by_text("SIM", exact=True).first).to_be_visible()


def test_ctrl_c_ends_everything_soon(demo: tuple[Program, str]) -> None:
    program, _ = demo
    began = time.monotonic()
    program.interrupt()
    assert program.wait(20) == 0
    assert time.monotonic() - began < 8
    assert not [line for line in _processes() if line.startswith(f"{program.pid} ")]


def test_the_simulated_devices_do_not_outlive_a_killed_demonstration(tmp_path: Path) -> None:
    arguments = ["demo", "--no-browser", "--port", str(free_port()), "--data", tmp_path, "--scene", "first-light"]
    program = Program([sys.executable, "-m", "provenline", *arguments])
    program.ready("source connected", 60)
    children = [line for line in _processes() if line.startswith(f"{program.pid} ")]
    assert any("simulate" in line for line in children)
    marks = [line.partition("--anchor ")[2].split()[0] for line in children if "--anchor" in line]
    program.kill()
    deadline = time.monotonic() + 10
    while any(mark in line for line in _processes() for mark in marks):
        assert time.monotonic() < deadline, "the simulated devices are still there"
        time.sleep(0.1)


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
