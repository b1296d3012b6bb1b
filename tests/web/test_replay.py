"""A replay in a real browser: it shows what was shown then, can be moved about in, and is never taken for live."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from configs.loader import PACKAGED, load
from tests.web.fake_centre import WEB
from tests.web.looking import look
from tests.web.past_centre import EVERY, FORCE, SCENE, Past, force_at, past_centre

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def past(built_pages: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    async with past_centre(load(PACKAGED), tmp_path_factory.mktemp("past")) as running:
        yield running


def hour(past: Past) -> tuple[int, int]:
    """The replayed hour, in ms: it ended an hour ago."""
    stop = (past.end - 3600) * 1000
    return stop - 3_600_000, stop


async def replay(browser: Browser, past: Past, more: str = "", **options: object) -> Page:
    start, stop = hour(past)
    page = await look(browser, f"{past.url}/scene/{SCENE}/replay?from={start}&to={stop}{more}&lang=en", **options)
    await expect(page.locator("[data-test=past-mark]")).to_have_text("REPLAY")
    return page


def force(page: Page) -> Locator:
    return page.locator(f"[data-tag='{FORCE}'] output").first


async def moment(page: Page) -> int:
    return int(await page.locator("[data-test=replay-at]").get_attribute("data-at") or 0)


async def test_a_replay_moves_and_shows_the_values_of_then_while_live_values_stay(browser: Browser, past: Past) -> None:
    before = past.centre.live.changes(0, [FORCE]).number
    page = await replay(browser, past, "&speed=30", bypass_csp=True)
    start, stop = hour(past)
    await page.wait_for_function(
        f"Number(document.querySelector('[data-test=replay-at]').dataset.at) > {start + 60_000}"
    )
    await page.locator("[data-test=play]").click()
    await expect(page.locator("[data-test=play]")).to_have_text("Play")
    at = await moment(page)
    assert start < at < stop
    await expect(force(page)).to_have_text(f"{force_at((at - 20) // 1000 // EVERY * EVERY):.1f}")
    await expect(page.locator("[data-panel=figures]")).to_contain_text("as of")
    assert past.centre.live.changes(0, [FORCE]).number == before
    await page.locator("[data-test=to-live]").click()
    await expect(page.locator("[data-test=past-frame]")).to_have_count(0)
    # the press has been silent since: the page of now says so, whatever was played again
    await expect(page.locator(f"[data-tag='{FORCE}']").first).to_have_attribute("data-level", "bad")


async def test_a_replay_is_paused_stepped_and_sought_by_mouse_and_keyboard(browser: Browser, past: Past) -> None:
    start, _ = hour(past)
    page = await replay(browser, past, f"&at={start + 600_000}&speed=1", bypass_csp=True)
    await expect(page.locator("[data-test=play]")).to_have_text("Play")
    begun = start + 600_000
    await expect(force(page)).to_have_text(
        f"{force_at(begun // 1000 - EVERY if begun % 5000 == 0 else begun // 1000 // EVERY * EVERY):.1f}"
    )
    await page.locator("[data-test=step-forward]").click()
    await expect(page.locator("[data-test=replay-at]")).to_have_attribute("data-at", str(begun + 10_000))
    await page.keyboard.press("Escape")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Shift+ArrowLeft")
    await expect(page.locator("[data-test=replay-at]")).to_have_attribute("data-at", str(begun - 50_000))
    await page.keyboard.press("Home")
    await expect(page.locator("[data-test=replay-at]")).to_have_attribute("data-at", str(start))
    slider = page.locator("[data-test=seek]")
    await slider.fill(str(start + 1_800_000))
    await expect(page.locator("[data-test=replay-at]")).to_have_attribute("data-at", str(start + 1_800_000))
    await expect(slider).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d:\d\d"))
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Space")
    await expect(page.locator("[data-test=play]")).to_have_text("Pause")
    await page.wait_for_function(
        f"Number(document.querySelector('[data-test=replay-at]').dataset.at) > {start + 1_800_000}"
    )


async def test_a_replay_cannot_be_mistaken_for_live(browser: Browser, past: Past) -> None:
    page = await replay(browser, past)
    await expect(page).to_have_title(re.compile("^REPLAY · "))
    await expect(page.locator("[data-test=past-frame]")).to_contain_text("not live")
    assert await page.locator("[data-test=past-frame] .water span").count() > 3
    await expect(page.locator("[data-test=connection]")).not_to_have_attribute("data-phase", "live")
    await page.mouse.wheel(0, 3000)
    await expect(page.locator("[data-test=past-mark]")).to_be_in_viewport()
    await expect(page.locator("[data-test=alarms-then]")).to_contain_text("Alarms then")


async def test_a_scene_leads_to_the_replay_of_its_last_hour(browser: Browser, past: Past) -> None:
    page = await look(browser, f"{past.url}/scene/{SCENE}?lang=zh-CN")
    await page.locator("[data-test=to-replay]").click()
    await expect(page.locator("[data-test=past-mark]")).to_have_text("回放 REPLAY")
    asked = dict(pair.split("=") for pair in page.url.partition("?")[2].split("&") if pair.startswith(("from", "to")))
    assert int(asked["to"]) - int(asked["from"]) == 3_600_000


async def test_an_address_without_a_past_says_what_to_do(browser: Browser, past: Past) -> None:
    page = await look(browser, f"{past.url}/scene/{SCENE}/replay?lang=en")
    await expect(page.get_by_role("main")).to_contain_text("There is nothing to replay in this address")
    await expect(page.get_by_role("link", name="Back to live")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("dark", 390), ("light", 1440)])
async def test_a_replay_keeps_the_accessibility_rules(browser: Browser, past: Past, theme: str, width: int) -> None:
    start, _ = hour(past)
    page = await replay(browser, past, f"&at={start + 600_000}&theme={theme}", width=width, height=900, bypass_csp=True)
    await expect(page.locator("[data-panel=figures]")).to_contain_text("as of")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    found = await page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
