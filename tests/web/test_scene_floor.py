"""Floors, stock, hand-shakes and traces on the pages of real scenes: what is shown is what the API says, and moves."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.peers.processes import Program, free_port
from tests.web.fake_centre import WEB
from tests.web.looking import look

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

SCENES = ("agv", "material", "line-coordination", "identifier")
PATIENCE = 120.0
"""Seconds for which a condition is waited for, on a machine that also makes up the scenes' last hours."""


class Plant(NamedTuple):
    address: str
    data: Path

    def get(self, path: str) -> Any:
        """Ask the API."""
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}", timeout=60) as answer:
            return json.load(answer)

    async def ask(self, path: str) -> Any:
        """Ask the API without holding up the browser."""
        return await asyncio.to_thread(self.get, path)

    async def told(self, tag: str, seconds: float = 60) -> set[float | str]:
        """Return the values a tag had lately, as stored."""
        now = round(time.time() * 1000)
        span = f"start={now - round(seconds * 1000)}&stop={now + 1000}&buckets=2000"
        history = await self.ask(f"tags/{tag}/history?{span}")
        return {value for value in history["last"] if value is not None}


@pytest.fixture(scope="module")
def plant(built_pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Four live scenes behind one real server."""
    port, data = free_port(), tmp_path_factory.mktemp("floors")
    scenes = [word for scene in SCENES for word in ("--scene", scene)]
    arguments = ["demo", "--no-browser", "--port", str(port), "--data", data, "--seed", "5", *scenes]
    program = Program([sys.executable, "-m", "provenline", *arguments])
    try:
        program.ready(" ready ", 240)
        yield Plant(f"http://localhost:{port}", data)
    finally:
        program.interrupt()
        program.wait(90)


@asynccontextmanager
async def opened(browser: Browser, plant: Plant, scene: str, panel: str, **options: Any) -> AsyncIterator[Locator]:
    """Open a scene's page at one of its panels, drawn; no script may report an error."""
    page = await look(browser, f"{plant.address}/scene/{scene}?lang=en&window=1h", **options)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.locator(f"[data-panel={panel}]").scroll_into_view_if_needed()
    shown = page.locator(f"[data-test={panel}]")
    await expect(shown).to_be_visible()
    yield shown
    await page.close()
    assert errors == []


async def until(said: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> Any:
    """Ask again until the answer is true, and return it."""
    deadline = time.monotonic() + patience
    while True:
        found = await said()
        if found:
            return found
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.5)


async def test_vehicles_are_where_the_api_says_and_move(browser: Browser, plant: Plant) -> None:
    async with opened(browser, plant, "agv", "floor") as floor:
        await expect(floor.locator("[data-mover][data-level=good]")).to_have_count(6)
        await expect(floor.locator("[data-vehicle]")).to_have_count(6)
        assert "SIM" in await floor.inner_text()
        for vehicle in ("cq/agv/fleet/agv-1", "cq/agv/fleet/agv-4"):
            shown = await floor.locator(f"[data-mover='{vehicle}'] [data-test=x]").inner_text()
            stored = {f"{value:.2f}" for value in await plant.told(f"{vehicle}/position-x")}
            assert shown in stored | {text.rstrip("0") for text in stored}, vehicle
        drawn = "all => all.map(one => one.style.transform).join()"
        before = await floor.locator("[data-vehicle]").evaluate_all(drawn)

        async def moved() -> bool:
            return await floor.locator("[data-vehicle]").evaluate_all(drawn) != before

        await until(moved, "no vehicle moved")
        state = await floor.locator("[data-mover='cq/agv/fleet/agv-1']").get_attribute("data-state")
        assert state != "UNKNOWN"


async def test_a_vehicle_leads_to_its_page_by_pointer_and_by_keyboard(browser: Browser, plant: Plant) -> None:
    async with opened(browser, plant, "agv", "floor") as floor:
        await expect(floor.locator("[data-vehicle]")).to_have_count(6)
        await floor.locator("[data-vehicle='cq/agv/fleet/agv-2']").dispatch_event("click")
        await expect(floor.page).to_have_url(re.compile("/scene/agv/device/agv-2"))
    async with opened(browser, plant, "agv", "floor") as floor:
        link = floor.get_by_role("link", name="AGV 3", exact=True)
        await link.focus()
        await expect(floor.locator("[data-vehicle='cq/agv/fleet/agv-3']")).to_have_class(re.compile("chosen"))
        await link.press("Enter")
        await expect(floor.page).to_have_url(re.compile("/scene/agv/device/agv-3"))


@pytest.mark.parametrize(
    ("measure", "chosen", "counted"), [("delay", "", "samples"), ("events", "Link events", "s of presence")]
)
async def test_the_map_has_the_cells_that_the_api_has_with_the_samples_behind_each(
    browser: Browser, plant: Plant, measure: str, chosen: str, counted: str
) -> None:
    async with opened(browser, plant, "agv", "heat") as heat:
        await expect(heat.locator("[data-cell]").first).to_be_attached()
        if chosen:
            await heat.get_by_text(chosen, exact=True).click()
        drawn = "all => Object.fromEntries(all.map(one => [one.dataset.cell, one.dataset.status]))"

        async def alike() -> bool:
            layers = (await plant.ask("scenes/agv/radio-map?window=1h"))["layers"]
            [layer] = [layer for layer in layers if layer["measure"] == measure]
            told = {f"{cell['column']} {cell['row']}": cell["status"] for cell in layer["cells"]}
            shown: dict[str, str] = await heat.locator("[data-cell]").evaluate_all(drawn)
            return set(shown) == set(told) and sum(shown[cell] != told[cell] for cell in shown) <= 2

        await until(alike, "the map never was what the API says")
        words = await heat.locator("[data-cell] title").first.text_content()
        assert words
        assert re.search(rf"x [\d.]+ m, y [\d.]+ m.* {counted}", words), words
        await expect(heat.locator("svg[role=img]").first).to_have_attribute("aria-label", re.compile("cells measured"))


async def test_stock_is_what_the_records_say_and_counts_stand_beside_it(browser: Browser, plant: Plant) -> None:
    async with opened(browser, plant, "material", "stock") as stock:
        place = stock.locator("[data-place=line-board]")
        await expect(place).to_have_attribute("data-level", "good")
        output = place.locator("output")

        async def alike() -> bool:
            stored = await plant.told("cq/material/assembly/stock/line-board", 40)
            return (await output.inner_text()) in {str(int(float(value))) for value in stored}

        await until(alike, "the stock shown never was what is stored")
        first = await output.inner_text()
        await expect(output).not_to_have_text(first)  # a piece is built in each six seconds
        assert await stock.locator("[data-place]").count() == 12

        async def counted() -> bool:
            told = len((await plant.ask("scenes/material/stock"))["counts"])
            return told > 0 and await stock.get_by_text(re.compile("^counted ")).count() == told

        # A place is counted each four minutes, unless the last hours are there sooner.
        await until(counted, "no count ever stood beside a place", patience=400)


async def test_hand_shakes_go_by_and_one_can_be_held(browser: Browser, plant: Plant) -> None:
    async with opened(browser, plant, "line-coordination", "hand-shake") as panel:
        newest = panel.locator("[data-hand-over]").first
        await expect(newest).to_be_visible()
        first = await newest.get_attribute("data-hand-over")
        await expect(newest).not_to_have_attribute("data-hand-over", str(first))
        shown = int(str(await newest.get_attribute("data-hand-over")))
        pairs = await plant.ask("scenes/line-coordination/hand-overs?window=15min&most=100")
        told = {one["time"]: one for one in pairs[0]["hand_overs"]}
        assert shown in told
        bar = panel.locator(f"[data-hand-over='{shown}']")
        await bar.click()
        sequence = panel.locator("[data-test=sequence]")
        await expect(sequence).to_contain_text("as chosen")
        for word, seconds in told[shown]["words"].items():
            assert f"{seconds * 1000:.2f} ms" in await sequence.inner_text(), word
        await sequence.get_by_role("button", name="Back to the newest").click()
        await expect(sequence).to_contain_text("the newest")
        await panel.get_by_text("Washing cell → Joining press").click()
        await expect(panel.locator("svg[role=img]")).to_have_attribute("aria-label", re.compile("Washing cell"))


async def test_a_product_is_followed_as_the_api_tells_and_a_stranger_is_said_to_be_one(
    browser: Browser, plant: Plant
) -> None:
    async with opened(browser, plant, "identifier", "trace") as panel:
        seen = panel.locator("[data-seen]").first
        await expect(seen).to_be_visible()
        identifier = str(await seen.get_attribute("data-seen"))
        await panel.locator(f"[data-seen='{identifier}']").click()
        way = panel.locator("[data-test=way]")
        await expect(way).to_have_attribute("data-identifier", identifier)
        await expect(panel.page).to_have_url(re.compile("product-id="))
        told = await plant.ask(f"scenes/identifier/trace?identifier={quote(identifier)}")
        visit = told["visits"][-1]
        shown = way.locator(f"[data-visit='{visit['device']}'] time").last
        moment = await shown.get_attribute("datetime")
        assert moment
        assert abs(visit["time"] - 1000 * _seconds(moment)) < 1
        assert await way.locator("[data-fact]").count() >= 1
        await panel.get_by_role("textbox").fill("88.0/nobody")
        await panel.get_by_role("button", name="Look up").click()
        await expect(panel.locator("[data-test=unknown]")).to_contain_text("No station knows “88.0/nobody”")


def _seconds(moment: str) -> float:
    return float(subprocess.check_output(["date", "-u", "-d", moment, "+%s.%N"], text=True))


PANELS = {
    "agv": ("floor", "heat"),
    "material": ("floor", "stock", "trace"),
    "line-coordination": ("hand-shake",),
    "identifier": ("floor", "trace"),
}


@pytest.mark.parametrize("scene", PANELS)
async def test_panels_keep_the_rules_of_accessibility_in_both_themes_and_fit_a_phone(
    browser: Browser, plant: Plant, scene: str
) -> None:
    # The pages let no script in but their own; the judge is one.
    page = await look(browser, f"{plant.address}/scene/{scene}?lang=en&window=1h&theme=dark", bypass_csp=True)
    await drawn(page, PANELS[scene])
    await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    parts = [[f"[data-panel={panel}]"] for panel in PANELS[scene]]
    for theme in ("dark", "light"):
        await page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found = await page.evaluate("parts => axe.run({ include: parts })", parts)
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], theme
    await page.set_viewport_size({"width": 360, "height": 740})
    fits = """panels => panels.every(panel => {
        const one = document.querySelector(`[data-panel=${panel}]`)
        return one.scrollWidth <= one.clientWidth && one.getBoundingClientRect().right <= innerWidth
    })"""
    await page.wait_for_function(fits, arg=list(PANELS[scene]))
    await page.close()


async def drawn(page: Page, panels: tuple[str, ...]) -> None:
    """Go to each panel and wait until it has something to show."""
    signs = {"floor": "svg[role=img]", "heat": "[data-cell]", "stock": "[data-place]", "trace": "[data-seen]"}
    for panel in panels:
        await page.locator(f"[data-panel={panel}]").scroll_into_view_if_needed()
        sign = signs.get(panel, "[data-hand-over]")
        await expect(page.locator(f"[data-test={panel}] {sign}").first).to_be_attached()


async def test_a_vehicle_that_is_gone_is_grey_and_says_why(browser: Browser, plant: Plant) -> None:
    command = [sys.executable, "-m", "provenline", "fault", "agv", "dead-device", "agv-2", "--data", str(plant.data)]
    async with opened(browser, plant, "agv", "floor") as floor:
        gone = floor.locator("[data-mover='cq/agv/fleet/agv-2']")
        await expect(gone).to_have_attribute("data-level", "good")
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        await expect(gone).to_have_attribute("data-level", "bad")
        await expect(gone).to_contain_text(re.compile(r"(No communication|not connected).*since \d\d:\d\d:\d\d"))
        await expect(gone).to_contain_text("Unknown")
        await expect(floor.locator("[data-vehicle='cq/agv/fleet/agv-2']")).to_have_class(re.compile("stale"))
        await expect(floor.locator("[data-mover='cq/agv/fleet/agv-1']")).to_have_attribute("data-level", "good")
