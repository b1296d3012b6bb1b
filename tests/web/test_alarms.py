"""Alarms in real browsers on a real centre: many operators see the same, act with a reason, and need no colours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from dashboard_api.access import Role
from tests.web.alarming_centre import HEAT, HIGHEST, STATE, Alarming, alarming_centre
from tests.web.fake_centre import WEB
from tests.web.looking import PATIENCE_MS, visit

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

LETTERS = re.compile(r"[\u4e00-\u9fff]")
VIEWS = ("standing", "aside", "flood", "history", "performance")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def centre(built_pages, tmp_path_factory) -> AsyncIterator[Alarming]:
    async with alarming_centre(tmp_path_factory.mktemp("alarming")) as running:
        running.tell(6, STATE)
        yield running


async def desk(browser: Browser, centre: Alarming, name: str, role: Role = Role.OPERATOR, **options) -> BrowserContext:
    """A browser in which somebody is signed in."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_cookies([await centre.session(name, role)])
    return context


async def alarms(context: BrowserContext, centre: Alarming, query: str = "lang=zh-CN") -> Page:
    page = await context.new_page()
    await visit(page, f"{centre.address}/alarms?{query}")
    return page


def row(page: Page, alarm: str = HIGHEST):
    return page.locator(f"[data-alarm='{alarm}']")


async def raised(page: Page, centre: Alarming) -> None:
    """Let the oil get hot anew, so that nobody has acknowledged it; the page shows it."""
    centre.tell(50.0)
    centre.tell(72.4)
    await expect(row(page)).to_have_attribute("data-state", "unacknowledged")


async def test_an_acknowledge_in_one_browser_shows_in_another(browser: Browser, centre: Alarming) -> None:
    wang, li = await desk(browser, centre, "wang"), await desk(browser, centre, "li")
    first, second = await alarms(wang, centre), await alarms(li, centre)
    await raised(first, centre)
    await expect(row(second)).to_contain_text("72.4 °C > 70 °C")
    await expect(row(second)).to_contain_text("未确认")
    await row(first).locator("[data-act=acknowledge]").click()
    await expect(row(second)).to_have_attribute("data-state", "acknowledged")
    await row(second).locator(".name").click()
    await expect(row(second).locator("[data-do=acknowledge]").first).to_contain_text("wang")
    await expect(row(second)).to_contain_text("停机检查冷却器")


async def test_shelving_takes_a_reason_and_says_until_when(browser: Browser, centre: Alarming) -> None:
    page = await alarms(await desk(browser, centre, "wang"), centre, "lang=en")
    await raised(page, centre)
    await row(page).locator("[data-act=shelve]").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("[data-test=reason-send]")).to_be_disabled()
    await dialog.get_by_label("30 min").check()
    await dialog.locator("textarea").fill("sensor is being replaced")
    await dialog.locator("[data-test=reason-send]").click()
    await expect(row(page)).to_have_count(0)
    await page.locator("[data-view=aside]").click()
    await expect(row(page)).to_contain_text(re.compile(r"Shelved by wang until .*\d\d:\d\d:\d\d"))
    await expect(row(page)).to_contain_text("sensor is being replaced")
    await row(page).locator("[data-act=unshelve]").click()
    await page.locator("[data-view=standing]").click()
    await expect(row(page)).to_have_attribute("data-state", "unacknowledged")


async def test_alarms_are_worked_through_without_a_mouse(browser: Browser, centre: Alarming) -> None:
    page = await alarms(await desk(browser, centre, "wang"), centre)
    await raised(page, centre)
    await row(page).locator(".name").focus()
    await page.keyboard.press("Enter")
    await expect(row(page).locator("[data-test=alarm-details]")).to_be_visible()
    await page.keyboard.press("a")
    await expect(row(page)).to_have_attribute("data-state", "acknowledged")
    await row(page).locator(".name").focus()
    await page.keyboard.press("s")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_comment_stays_in_the_log(browser: Browser, centre: Alarming) -> None:
    page = await alarms(await desk(browser, centre, "wang"), centre)
    await raised(page, centre)
    await row(page).locator("[data-act=comment]").click()
    await page.get_by_role("dialog").locator("textarea").fill("冷却泵在检修")
    await page.locator("[data-test=reason-send]").click()
    await page.locator("[data-view=history]").click()
    await expect(page.locator("[data-do=comment]").first).to_contain_text("冷却泵在检修")
    async with page.expect_download() as downloading:
        await page.locator("[data-test=alarm-file]").click()
    file = await (await downloading.value).path()
    assert "冷却泵在检修" in file.read_text(encoding="utf-8-sig")


async def test_every_page_tells_of_alarms_and_marks_what_they_are_about(browser: Browser, centre: Alarming) -> None:
    context = await desk(browser, centre, "wang")
    page = await context.new_page()
    await visit(page, f"{centre.address}/?lang=zh-CN")
    mark = page.locator("[data-scene=shop] [data-test=alarm-mark]")
    centre.tell(50.0)
    centre.tell(72.4)
    await expect(page.locator("[data-test=alarm-banner]")).to_contain_text("未确认")
    await expect(mark).to_be_visible()
    for address in ("/scene/shop", "/scene/shop/device/press", "/nowhere"):
        await visit(page, f"{centre.address}{address}")
        await expect(page.locator("[data-test=alarm-banner]")).to_contain_text("油温高（高高限）")
    await visit(page, f"{centre.address}/scene/shop")
    await page.locator("[data-device='cq/shop/line/press'] [data-test=alarm-mark]").click()
    await expect(row(page)).to_be_visible()
    await expect(page).to_have_url(re.compile("about="))


async def test_who_may_only_look_is_told_so_and_offered_nothing_to_do(browser: Browser, centre: Alarming) -> None:
    centre.tell(50.0)
    centre.tell(72.4)
    guest = await alarms(await desk(browser, centre, "guest", Role.VIEWER), centre, "lang=en")
    await expect(guest.locator("[data-test=alarm-leave]")).to_contain_text("may not act")
    visitor = await alarms(await browser.new_context(), centre, "lang=en")
    await expect(visitor.locator("[data-test=alarm-leave]").get_by_role("link")).to_have_attribute(
        "href", re.compile("/sign-in")
    )
    for page in (guest, visitor):
        await expect(row(page)).to_be_visible()
        await expect(page.locator("[data-act], [data-test=acknowledge-all]")).to_have_count(0)


async def test_what_cannot_be_asked_is_not_shown_as_calm(browser: Browser, centre: Alarming) -> None:
    context = await desk(browser, centre, "wang")
    page = await context.new_page()
    await page.route("**/api/v1/alarms", lambda route: route.abort())
    await visit(page, f"{centre.address}/?lang=en")
    await expect(page.locator("[data-test=alarm-banner]")).to_contain_text("Alarm state unknown")
    await expect(page.locator("[data-test=alarm-bell]")).to_contain_text("?")


async def test_no_view_of_alarms_is_untranslated_inaccessible_or_too_wide(browser: Browser, centre: Alarming) -> None:
    context = await desk(browser, centre, "wang", viewport={"width": 360, "height": 780}, bypass_csp=True)
    page = await alarms(context, centre, "lang=en")
    centre.tell(20.0, HEAT)
    await raised(page, centre)
    for theme, views in (("dark", VIEWS), ("light", ("standing", "performance"))):
        for view in views:
            await visit(page, f"{centre.address}/alarms?view={view}&lang=en&theme={theme}")
            await expect(page.locator("main section.panel")).not_to_be_empty()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, view
            text = [line for line in (await page.inner_text("body")).splitlines() if LETTERS.search(line)]
            assert [line for line in text if line != "中文" and "冷却泵" not in line] == [], view
            await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
            found = await page.evaluate("axe.run()")
            assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], (view, theme)
    await page.set_viewport_size({"width": 3840, "height": 2160})
    await visit(page, f"{centre.address}/alarms?lang=zh-CN")
    await expect(row(page)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 3840
