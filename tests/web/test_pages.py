"""What a person sees in a real browser: values that move, doubt that is told, in both languages and on any screen."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from tests.web.fake_centre import WEB, FakeCentre
from tests.web.looking import PATIENCE_MS, look, visit

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

PRESS = "cq/line/main/press"
CONVEYOR = "cq/line/main/conveyor"
LETTERS = re.compile(r"[\u4e00-\u9fff]")


def tile(page: Page, tag: str):
    return page.locator(f"[data-tag='{tag}']")


@pytest_asyncio.fixture(loop_scope="session")
async def scene(browser: Browser, centre: FakeCentre) -> AsyncIterator[Page]:
    """The scene page, live; a test that uses it fails on any error a script reported."""
    page = await look(browser, f"{centre.address}/scene/line?lang=zh-CN&theme=dark")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await expect(tile(page, f"{PRESS}/power")).to_have_attribute("data-level", "good")
    yield page
    assert errors == []


async def test_values_move_and_carry_unit_age_and_simulated_mark(scene: Page) -> None:
    power = tile(scene, f"{PRESS}/power")
    first = await power.locator("output").inner_text()
    await expect(power.locator("output")).not_to_have_text(first)
    await expect(power).to_contain_text("kW")
    await expect(power).to_contain_text("刚刚")
    await expect(power).to_contain_text("仿真")
    await expect(scene.locator("[data-test=connection]")).to_have_attribute("data-phase", "live")


async def test_what_is_bad_or_uncertain_says_why_in_words(scene: Page) -> None:
    lamp = tile(scene, "cq/line/main/vision/lamp")
    await expect(lamp).to_have_attribute("data-level", "bad")
    await expect(lamp).to_contain_text("传感器故障")
    await expect(lamp.locator("output")).to_have_text("—")
    motor = tile(scene, f"{CONVEYOR}/motor")
    await expect(motor).to_have_attribute("data-level", "uncertain")
    await expect(motor).to_contain_text("超出量程")
    await expect(motor.locator("output")).not_to_have_text("—")


async def test_a_silent_device_turns_grey_with_the_time_and_the_others_do_not(scene: Page, centre: FakeCentre) -> None:
    centre.mood.silence(CONVEYOR)
    speed = tile(scene, f"{CONVEYOR}/speed")
    await expect(speed).to_have_attribute("data-level", "bad")
    await expect(speed).to_contain_text(re.compile(r"无通信\s*\d\d:\d\d:\d\d 起"))
    await expect(speed.locator("output")).to_have_text("—")
    await expect(scene.locator(f"[data-device='{CONVEYOR}'] [data-state]")).to_have_attribute("data-state", "UNKNOWN")
    await expect(tile(scene, f"{PRESS}/power")).to_have_attribute("data-level", "good")


async def test_a_lost_server_greys_everything_and_comes_back_by_itself(scene: Page, centre: FakeCentre) -> None:
    centre.down()
    power = tile(scene, f"{PRESS}/power")
    await expect(power).to_have_attribute("data-level", "bad")
    await expect(power).to_contain_text("页面与服务器断开")
    banner = scene.locator("[data-test=offline]")
    await expect(banner).to_contain_text("立即重试")
    await banner.get_by_role("button").dispatch_event("click")  # tried at once and in vain; the banner may move
    await expect(banner).to_contain_text("立即重试")
    centre.up()
    await expect(power).to_have_attribute("data-level", "good")
    await expect(banner).to_have_count(0)


async def test_what_was_refused_is_asked_for_again_with_the_button_that_says_so(
    browser: Browser, centre: FakeCentre
) -> None:
    context, refused = await browser.new_context(), [True]

    async def answer(route: Route) -> None:
        await (route.fulfill(status=500, json={"detail": "out of order"}) if refused[0] else route.fallback())

    await context.route(re.compile("/api/v1/scenes$"), answer)
    page = await look(context, f"{centre.address}/?lang=zh-CN")
    await expect(page.locator("main")).to_contain_text("服务器拒绝了请求（500）")
    await expect(page.locator("main")).to_contain_text("out of order")
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))  # nothing is asked by itself from now on
    again = page.get_by_role("button", name="重试")
    await again.press("Enter")
    await expect(again).to_be_visible()
    refused[0] = False
    await again.press("Enter")
    await expect(page.locator("[data-test=tiles]")).to_be_visible()
    await expect(again).to_have_count(0)


async def test_too_little_data_is_told_and_no_number_is_shown(scene: Page, centre: FakeCentre) -> None:
    oee = scene.locator("[data-test=oee]")
    await expect(oee).to_contain_text("74.2")
    centre.mood.insufficient = True
    await expect(oee).to_have_attribute("data-status", "insufficient-data")
    await expect(oee).to_contain_text("41%")
    await expect(oee).not_to_contain_text("74.2")


async def test_outside_any_shift_the_page_says_so_and_stays_live(scene: Page, centre: FakeCentre) -> None:
    centre.mood.on_shift = False
    await scene.get_by_text("本班次").click()
    await expect(scene.get_by_text("当前没有正在进行的班次")).to_be_visible()
    await expect(scene.locator(".outdated")).to_have_count(0)
    await expect(scene.locator("[data-test=strip]").first).to_be_visible()


async def test_any_figure_explains_itself(scene: Page) -> None:
    await scene.locator("[data-indicator=good-output] button").first.click()
    dialog = scene.get_by_role("dialog")
    await expect(dialog).to_contain_text("公式")
    await expect(dialog).to_contain_text("15min: 1041")
    await scene.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_losses_lead_from_planned_time_to_good_output_for_any_unit(scene: Page) -> None:
    losses = scene.locator("[data-test=losses]")
    await expect(losses.locator("[data-loss]")).to_have_count(7)
    await expect(losses.locator("[data-loss=breakdown]")).to_contain_text("9.0 %")
    await expect(losses.locator("[data-loss=valuable]")).to_contain_text("74.0 %")
    edges = await losses.locator("[data-loss] .track i").evaluate_all(
        "all => all.map(bar => [parseFloat(bar.style.left), parseFloat(bar.style.width)])"
    )
    ends = [left + width for left, width in edges]
    assert ends[1:] == pytest.approx([100, *(left for left, _ in edges[1:-1])])
    await losses.get_by_role("combobox").select_option("伺服压机")
    await expect(losses.locator("[data-loss]")).to_have_count(7)


async def test_a_loss_opens_into_the_reasons_of_its_stops_within_its_step(scene: Page) -> None:
    losses = scene.locator("[data-test=losses]")
    await expect(losses.get_by_role("button")).to_have_count(1)  # nobody gave a reason for waiting
    await losses.get_by_role("button", name="故障停机").press("Enter")
    reasons = losses.locator("[data-reason]")
    await expect(reasons).to_have_count(3)
    assert await reasons.evaluate_all("all => all.map(row => row.dataset.reason)") == ["E-117", "刀具磨损", ""]
    await expect(reasons.nth(1)).to_contain_text("人工说明")
    await expect(reasons.nth(2)).to_contain_text("未说明原因")
    edges = "bar => [parseFloat(bar.style.left), parseFloat(bar.style.left) + parseFloat(bar.style.width)]"
    left, right = await losses.locator("[data-loss=breakdown] .track i").evaluate(edges)
    parts = await reasons.locator(".track i").evaluate_all(f"all => all.map({edges})")
    assert [right, *(part[0] for part in parts)] == pytest.approx([*(part[1] for part in parts), left])
    await losses.get_by_role("button", name="故障停机").click()
    await expect(reasons).to_have_count(0)


async def test_trends_can_be_laid_over_the_same_time_yesterday(scene: Page) -> None:
    now = await scene.evaluate("Date.now()")
    day = 86_400_000

    def yesterdays(request: Request) -> bool:
        found = re.search(r"/history\?start=\d+&stop=(\d+)", request.url)
        return found is not None and abs(now - day - int(found[1])) < 120_000

    async with scene.expect_request(yesterdays):
        await scene.locator("[data-test=compare]").select_option("1d")
    trend = scene.locator("[data-test=trend]").first
    await expect(trend.locator("[data-test=baseline]")).to_have_text("24 小时 0 分前")
    await expect(scene).to_have_url(re.compile("compare=1d"))
    await scene.reload()
    await expect(scene.locator("[data-test=compare]")).to_have_value("1d")


async def test_stops_tell_what_the_machine_and_what_people_said(scene: Page) -> None:
    stops = scene.locator("[data-test=stops]")
    await stops.get_by_role("button", name="显示全部 11 项").click()
    await expect(stops.locator("li")).to_have_count(11)
    await expect(stops).to_contain_text("tool no. 4")
    await expect(stops).to_contain_text("Li Wei填写；设备上报：E-117")
    await expect(stops).to_contain_text("未说明原因")


async def test_energy_is_told_by_device_and_explains_itself(scene: Page) -> None:
    await scene.locator("[data-test=energy]").get_by_role("button", name=re.compile("伺服压机")).click()
    await expect(scene.get_by_role("dialog")).to_contain_text("press:energy")


async def test_the_language_switch_leaves_nothing_untranslated_and_is_remembered(
    scene: Page, centre: FakeCentre
) -> None:
    await scene.locator("[data-test=language]").click()
    await expect(tile(scene, f"{PRESS}/power")).to_contain_text("Active power")
    for address in ("/scene/line", "/scene/line/device/conveyor", "/", "/scene/none", "/nowhere"):
        await visit(scene, centre.address + address)
        await expect(scene.locator("main")).not_to_be_empty()
        await expect(scene.locator("html")).to_have_attribute("lang", "en")
        chinese = [line for line in (await scene.inner_text("body")).splitlines() if LETTERS.search(line)]
        assert chinese == ["中文"], address


async def test_the_theme_switch_changes_the_ground(scene: Page) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = await scene.evaluate(ground)
    await scene.locator("[data-test=theme]").click()
    await expect(scene.locator("html")).to_have_attribute("data-theme", "light")
    assert await scene.evaluate(ground) != dark


DRAWN = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    const colour = i => data[i] << 16 | data[i + 1] << 8 | data[i + 2];
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) seen.add(colour(i));
    return seen.size;
}"""


async def drawn(canvas: Locator, colours: int) -> None:
    """Wait until a canvas shows more than so many colours: it is there before what is drawn on it."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while await canvas.evaluate(DRAWN) <= colours:
        assert time.monotonic() < deadline, f"never more than {colours} colours"
        await asyncio.sleep(0.1)


async def test_charts_and_state_strips_are_really_drawn(scene: Page) -> None:
    strip = scene.locator("[data-test=strip]").first
    await strip.scroll_into_view_if_needed()
    await drawn(strip, 2)
    trends = scene.locator("[data-test=trend] canvas")
    await scene.locator("[data-test=trend]").first.scroll_into_view_if_needed()
    await expect(trends.first).to_be_visible()
    await expect(scene.locator("[data-test=trend]").first).not_to_contain_text("正在读取历史")
    await drawn(trends.first, 5)


async def test_states_can_be_read_with_the_keyboard(scene: Page) -> None:
    row = scene.get_by_role("group", name=re.compile("伺服压机"))
    await row.focus()
    await scene.keyboard.press("ArrowLeft")
    await expect(row).to_contain_text(re.compile(r"\d\d:\d\d:\d\d 至 \d\d:\d\d:\d\d"))


async def test_the_window_is_kept_in_the_address(scene: Page) -> None:
    await scene.get_by_text("8 小时").click()
    await expect(scene).to_have_url(re.compile("window=8h"))
    await scene.reload()
    await expect(scene.get_by_role("radio", name="8 小时")).to_be_checked()


@pytest.mark.parametrize(("width", "height"), [(360, 780), (768, 1024), (1280, 720), (3840, 2160)])
async def test_no_screen_has_to_be_scrolled_sideways(
    browser: Browser, centre: FakeCentre, width: int, height: int
) -> None:
    page = await look(browser, f"{centre.address}/scene/line?lang=en", width=width, height=height)
    await expect(tile(page, f"{PRESS}/power")).to_have_attribute("data-level", "good")
    for address, mark in (("", ""), ("/scene/line/device/press", "[data-test=history]"), ("/", "[data-test=strip]")):
        if address:
            await visit(page, centre.address + address)
            await expect(page.locator(mark).first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_scene_nobody_prepared_for_gets_a_sensible_page(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/scene/other?lang=en")
    zone = tile(page, "cq/other/hall/unit-7/zone-1")
    await expect(zone).to_have_attribute("data-level", "good")
    await expect(zone).to_contain_text("zone-1")
    await expect(zone).to_contain_text("°C")
    await expect(page.locator("[data-test=trend]")).to_have_count(1)
    await expect(page.locator("[data-panel]")).to_have_count(3)
    await expect(page.locator("[data-panel=states]")).to_have_count(0)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_accessibility_rules_are_kept(browser: Browser, centre: FakeCentre, theme: str) -> None:
    centre.mood.silence(CONVEYOR)
    for address, mark in (
        ("/scene/line", "[data-test=strip]"),
        ("/scene/line/device/conveyor", "[data-test=history]"),
        ("/", "[data-scene=line] canvas"),
        ("/none", "main h1"),
    ):
        page = await look(browser, f"{centre.address}{address}?lang=en&theme={theme}")
        await expect(page.locator(mark).first).to_be_attached()
        await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
        found = await page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], address


async def test_pages_fetch_nothing_from_anywhere_else(browser: Browser, centre: FakeCentre) -> None:
    page = await browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await visit(page, f"{centre.address}/scene/line")
    await expect(tile(page, f"{PRESS}/power")).to_have_attribute("data-level", "good")
    await page.wait_for_load_state("networkidle")
    assert asked
    assert [url for url in asked if not url.startswith((centre.address, "data:", "blob:"))] == []


async def test_an_unreachable_server_is_named_and_what_to_do(browser: Browser, centre: FakeCentre) -> None:
    page = await browser.new_page()
    await page.route("**/api/**", lambda route: route.abort())
    await visit(page, f"{centre.address}/?lang=en")
    await expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    await page.unroute("**/api/**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("[data-scene=line]")).to_be_visible()
