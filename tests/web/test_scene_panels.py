"""Scene pages on a real centre with live simulated devices: what their panels show is what the centre says."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Browser, Locator, Page, expect

from configs.loader import PACKAGED, load
from configs.panels import Panel
from dashboard_api.access import Role
from dashboard_api.centre import Centre
from edge.uplink import InProcess
from plant.batch import BatchBuilder
from plant.clock import MILLISECOND, SystemClock
from plant.tags import Kind
from provenline.centre import Address, listening, opened
from provenline.choice import Choice
from provenline.demo import Way, simulators
from provenline.edge_process import delivering
from provenline.pace import Anchor
from provenline.trust import trust
from tests.peers.processes import free_port
from tests.web.fake_centre import WEB
from tests.web.looking import PATIENCE_MS, tell, visit

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.needs("mosquitto"),
    pytest.mark.asyncio(loop_scope="session"),
]

SCENES = ("digital-workshop", "vision-inspection", "wireless-control", "cloud-robot", "ar-assist")
STRANGER = Path(__file__).parents[1] / "system" / "other_names" / "szene.yaml"
PASSWORD = "correct horse 1"
PATIENCE_S = 200.0


@dataclass(frozen=True)
class Stage:
    """A running centre; `li` is its operator. Who does not sign in may look."""

    url: str
    centre: Centre

    async def get(self, path: str, **asked: object) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        return await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(address, timeout=60)))

    async def newest(self, path: str) -> float | None:
        now = time.time_ns() // MILLISECOND
        asked = {"start": now - 60_000, "stop": now + 5_000, "buckets": 1}
        return (await self.get(f"tags/{path}/history", **asked))["last"][0]


def written_down(folder: Path) -> None:
    """Write the configuration: the packaged scenes, and one that exists as configuration alone."""
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    for scene in SCENES:
        shutil.copy(PACKAGED / "scenes" / f"{scene}.yaml", folder)
    stranger = yaml.safe_load(STRANGER.read_text(encoding="utf-8"))
    del stranger["simulation"]
    stranger["calendar"] = "demo"
    (folder / "stranger.yaml").write_text(yaml.safe_dump(stranger, allow_unicode=True), encoding="utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(built_pages: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One centre for all tests, in a task of its own: what it opened is closed by who opened it."""
    ready: asyncio.Future[Stage] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()
    running = asyncio.create_task(_play(tmp_path_factory.mktemp("stage"), ready, over), name="stage")
    try:
        done, _ = await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        assert ready in done, "the stage did not come up"
        yield ready.result()
    finally:
        over.set()
        await running


async def _play(place: Path, ready: asyncio.Future[Stage], over: asyncio.Event) -> None:
    folder, data, clock = place / "config", place / "data", SystemClock()
    folder.mkdir()
    data.mkdir()
    written_down(folder)
    configuration, way = load(folder), Way(Choice(SCENES), seed=5)
    live, address = way.choice.of(configuration), Address("127.0.0.1", free_port())
    async with AsyncExitStack() as stack:
        devices = await stack.enter_async_context(simulators(live, way, Anchor.here(clock)))
        trusted = await stack.enter_async_context(trust(data, configuration))
        centre = await stack.enter_async_context(opened(configuration, trusted, data=data, clock=clock))
        await stack.enter_async_context(listening(centre, address))
        uplink = InProcess(centre.write)
        await stack.enter_async_context(
            delivering(live, uplink, data=data / "edge", clock=clock, locate=devices.locate)
        )
        await devices.all_up()
        await trusted.accounts.set_first(await trusted.accounts.add("li", Role.OPERATOR), PASSWORD)
        ready.set_result(Stage(address.url.rstrip("/"), centre))
        await over.wait()


async def look(browser: Browser, address: str, **options: Any) -> Page:
    size = {"width": options.pop("width", 1440), "height": options.pop("height", 900)}
    context = await browser.new_context(viewport=size, bypass_csp=True, **options)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    tell(page)
    await visit(page, address)
    return page


async def panel(page: Page, name: str) -> Locator:
    """Return a panel, scrolled to, so that it is drawn."""
    found = page.locator(f"[data-panel={name}]")
    await found.scroll_into_view_if_needed()
    return found


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something to hold, and say what did not."""
    last = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < last, what
        await asyncio.sleep(0.3)


def number(text: str) -> float:
    return float(re.sub(r"[^\d.−-]", "", text).replace("−", "-") or "nan")


@pytest.mark.parametrize(
    ("scene", "name", "signal", "moves"),
    [
        ("digital-workshop", "line", "line-a/turn-a/ideal-cycle", False),
        ("vision-inspection", "line", "moulding/mould/good", True),
        ("wireless-control", "control", "control/drive/value", True),
        ("cloud-robot", "line", "gearbox/place/good", True),
        ("ar-assist", "line", "line-1/cut-1/good", False),
    ],
)
async def test_what_a_panel_shows_live_moves_and_is_what_the_centre_says(
    browser: Browser, stage: Stage, scene: str, name: str, signal: str, moves: bool
) -> None:
    page = await look(browser, f"{stage.url}/scene/{scene}?lang=en")
    path = f"cq/{scene}/{signal}"
    shown = (await panel(page, name)).locator(f"[data-live='{path}'] output").first
    await expect(shown.locator("xpath=..")).to_have_attribute("data-level", re.compile("good|uncertain"))
    first = await shown.inner_text()

    async def equal() -> bool:
        told = await stage.newest(path)
        return told is not None and number(await shown.inner_text()) == pytest.approx(told, rel=0.006, abs=0.005)

    await until(equal, f"{path} shows what is not so")
    if moves:
        await expect(shown).not_to_have_text(first, timeout=120_000)


async def test_stations_stand_in_the_order_of_flow_with_their_states(browser: Browser, stage: Stage) -> None:
    page = await look(browser, f"{stage.url}/scene/digital-workshop?lang=en")
    lines = await panel(page, "line")
    await expect(lines.locator("[data-line]")).to_have_count(4)
    stations = lines.locator("[data-line='cq/digital-workshop/line-b'] [data-station]")
    order = [await one.get_attribute("data-station") for one in await stations.all()]
    assert [(path or "").rpartition("/")[2] for path in order] == ["turn-b", "mill-b", "wash-b", "gauge-b"]
    await expect(stations.first.locator("[data-state]")).not_to_have_attribute("data-state", "UNKNOWN")


async def test_the_newest_parts_are_shown_with_what_a_re_check_found(browser: Browser, stage: Stage) -> None:
    page = await look(browser, f"{stage.url}/scene/vision-inspection?lang=en")
    gallery = await panel(page, "inspection")
    part = "cq/vision-inspection/moulding/camera/part"

    async def agrees() -> bool:
        found = await stage.get("scenes/vision-inspection/records", of="verdict", window="15min", most=18)
        told = {one["values"].get(part): one["right"] for one in found}
        shown = {
            await one.get_attribute("data-piece"): {"true": True, "false": False}.get(
                await one.get_attribute("data-right") or ""
            )
            for one in await gallery.locator("[data-piece]").all()
        }
        checked = {name: right for name, right in shown.items() if right is not None and name in told}
        return len(checked) >= 3 and all(told[name] == right for name, right in checked.items())

    await until(agrees, "the gallery shows other verdicts than the centre")
    await expect(gallery).to_contain_text("drawings, not pictures")


async def test_the_confusion_matrix_counts_what_the_centre_counts(browser: Browser, stage: Stage) -> None:
    page = await look(browser, f"{stage.url}/scene/vision-inspection?lang=en")
    matrix = await panel(page, "confusion")

    async def agrees() -> bool:
        answer = await stage.get("scenes/vision-inspection/details", window="15min")
        device = "cq/vision-inspection/audit/audit"
        rates = {i["id"]: i for i in answer["indicators"] if i["scope"] == device}
        inputs = rates.get("misjudgement-rate", {}).get("inputs")
        if not inputs or await matrix.locator("[data-cell]").count() < 4:
            return False
        shown = [
            number(await matrix.locator(f"[data-cell={cell}] b").inner_text()) for cell in ("TA", "FA", "TR", "FR")
        ]
        told = {**inputs, **rates["false-accept-rate"]["inputs"], **rates["false-reject-rate"]["inputs"]}
        return shown == [told[cell]["value"] for cell in ("TA", "FA", "TR", "FR")]

    await until(agrees, "the matrix shows other counts than the centre")
    await matrix.get_by_role("button", name=re.compile("Misjudgement")).click()
    await expect(page.get_by_role("dialog")).to_contain_text("Formula")


async def test_delays_are_shown_against_the_bound_and_unsupported_percentiles_say_so(
    browser: Browser, stage: Stage
) -> None:
    page = await look(browser, f"{stage.url}/scene/wireless-control?lang=en")
    delays = await panel(page, "delay")
    link = delays.locator("[data-link='cq/wireless-control/control/drive']")
    await expect(delays.locator("[data-bound]")).to_have_attribute("data-bound", "20")

    async def agrees() -> bool:
        [told] = [
            one
            for one in (await stage.get("scenes/wireless-control/delays", window="15min"))["links"]
            if one["scope"].endswith("/drive")
        ]
        middle = {one["percentile"]: one for one in told["percentiles"]}["50"]["value"]
        shown = number(await link.locator("[data-percentile='50']").inner_text())
        return middle is not None and shown == pytest.approx(middle, rel=0.05)

    await expect(link).to_be_visible()
    await until(agrees, "the median shown is not the centre's")
    await expect(link.locator("[data-percentile='99.9']")).to_have_text(re.compile(r"too few|ms|∞"))
    await expect(delays.locator("canvas")).to_be_visible()


async def test_decisions_and_sessions_have_panels_of_their_own(browser: Browser, stage: Stage) -> None:
    page = await look(browser, f"{stage.url}/scene/cloud-robot?lang=en")
    decisions = await panel(page, "decisions")
    await expect(decisions.locator("[data-decider]")).to_have_count(3)
    await expect(decisions.locator("[data-decider$='/place'] li").first).to_be_visible()
    await visit(page, f"{stage.url}/scene/ar-assist?lang=en")
    sessions = await panel(page, "sessions")
    await expect(sessions.locator("[data-holder]")).to_have_count(6)
    await expect(sessions).to_contain_text("No session ended in this window")


async def _stop(stage: Stage) -> tuple[str, dict[str, Any]]:
    """Return a stop that is over, and whose it is."""
    found: list[tuple[str, dict[str, Any]]] = []

    async def over() -> bool:
        before = time.time_ns() // MILLISECOND - 15_000
        units = await stage.get("scenes/vision-inspection/stops", window="15min")
        own = [unit for unit in units if unit["scope"].endswith(("/mould", "/camera"))]
        found[:] = [(unit["scope"], stop) for unit in own for stop in unit["stops"] if stop["stop"] < before]
        return bool(found)

    await until(over, "no machine has stopped and started again")
    return found[0]


async def _sign_in(page: Page) -> None:
    await page.locator("input[autocomplete=username]").fill("li")
    await page.locator("[data-test=password] input").fill(PASSWORD)
    await page.locator("[data-test=sign-in]").click()


async def test_an_operator_explains_a_stop_and_everybody_sees_it_beside_what_the_machine_said(
    browser: Browser, stage: Stage
) -> None:
    scope, stop = await _stop(stage)
    onlooker = await look(browser, f"{stage.url}/scene/vision-inspection?lang=en")
    mark = f"[data-stop='{stop['start']}']"
    theirs = (await panel(onlooker, "states")).locator(mark).first
    await theirs.press("Enter")
    await expect(onlooker.locator("[data-test=annotate-not]")).to_contain_text("Sign in as an operator")
    await onlooker.keyboard.press("Escape")

    operator = await look(browser, f"{stage.url}/sign-in?to=/scene/vision-inspection&lang=en")
    await _sign_in(operator)
    await (await panel(operator, "states")).locator(mark).first.press("Enter")
    dialog = operator.locator("[data-test=annotate]")
    await dialog.locator("[data-test=annotate-reason]").fill("Granulate was late")
    await dialog.locator("[data-test=annotate-send]").click()
    await expect(dialog).to_have_count(0)

    await expect(theirs).to_contain_text("Granulate was late")
    await theirs.press("Enter")
    told = onlooker.locator("[data-test=annotate]")
    await expect(told).to_contain_text(re.compile(r"Granulate was late\s*li, \d\d:\d\d:\d\d"))
    units = await stage.get("scenes/vision-inspection/stops", window="15min")
    [after] = [s for unit in units if unit["scope"] == scope for s in unit["stops"] if s["start"] == stop["start"]]
    assert (after["reported"], after["reason"]) == (stop["reported"], "Granulate was late")

    await (await panel(operator, "states")).locator(mark).first.press("Enter")
    await dialog.locator("[data-test=annotate-code]").select_option("heater-band")
    await dialog.locator("[data-test=annotate-send]").click()
    await expect(theirs).to_contain_text("Heater band")
    costs = {row["reason"]: row for row in await stage.get("scenes/vision-inspection/pareto", window="15min")}
    assert costs["heater-band"]["words"] == {"zh": "加热圈故障", "en": "Heater band"}
    losses = await stage.get("scenes/vision-inspection/pareto", window="15min", by="category")
    assert sum(row["seconds"] for row in losses if row["reason"] == "breakdown") >= costs["heater-band"]["seconds"]


async def test_the_state_timeline_can_be_looked_at_closer_and_moved(browser: Browser, stage: Stage) -> None:
    page = await look(browser, f"{stage.url}/scene/vision-inspection?lang=en")
    states = await panel(page, "states")
    await states.locator("[data-test=closer]").click()
    earlier = states.get_by_role("button", name="Earlier")
    await expect(earlier).to_be_enabled()
    axis = states.locator(".axis span").first
    before = await axis.inner_text()
    await earlier.click()
    await expect(axis).not_to_have_text(before)
    await states.locator("[data-test=all]").click()
    await expect(earlier).to_be_disabled()


def _say_something(centre: Centre, scene_id: str) -> None:
    """Write a value for every number and count of a scene that no device is there for."""
    scene, now = centre.configuration.site.scene(scene_id), time.time_ns()
    assert scene
    builder = BatchBuilder()
    for tag in scene.tags:
        if tag.kind in (Kind.COUNTER, Kind.ENERGY, Kind.ANALOG):
            builder.add(tag.path, now, 7, received=now)
        elif tag.kind is Kind.STATE and tag.states:
            builder.add(
                tag.path, now, next(int(raw) for raw, one in tag.states.items() if one.name == "EXECUTE"), received=now
            )
    centre.write(builder.build())


async def test_a_scene_that_is_configuration_alone_gets_a_page_of_what_its_roles_are_about(
    browser: Browser, stage: Stage
) -> None:
    _say_something(stage.centre, "endkontrolle")
    page = await look(browser, f"{stage.url}/scene/endkontrolle?lang=en")
    await expect(page.locator("[data-panel=devices]")).to_be_attached()
    shown = [await one.get_attribute("data-panel") for one in await page.locator("[data-panel]").all()]
    assert {"oee", "figures", "line", "confusion", "states", "losses", "stops", "energy-states", "trends"} <= set(shown)
    assert not {"sessions", "control", "decisions", "stock", "hand-shake"} & set(shown)
    lines = await panel(page, "line")
    await expect(lines).to_contain_text("Spritze 17")
    await expect(lines).to_contain_text("Auge 3")


@pytest.mark.parametrize(
    ("scene", "width"), [("digital-workshop", 360), ("vision-inspection", 360), ("ar-assist", 3840)]
)
async def test_no_panel_makes_the_page_wider_than_the_screen(
    browser: Browser, stage: Stage, scene: str, width: int
) -> None:
    page = await look(browser, f"{stage.url}/scene/{scene}?lang=zh-CN", width=width, height=width)
    await expect(page.locator("[data-panel=states] canvas").first).to_be_attached()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_pages_have_exactly_the_panels_that_configurations_may_name() -> None:
    source = (WEB / "src" / "panels" / "panels.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"\bid: '([a-z-]+)'", source)) == {panel.value for panel in Panel}
