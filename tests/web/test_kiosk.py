"""The wall: it goes round by itself, stops for whoever touches it, and tells at a glance how each scene does."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.web.fake_centre import WEB, FakeCentre
from tests.web.looking import look
from tests.web.test_pages import CONVEYOR

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def test_a_kiosk_goes_round_through_overview_and_scenes_without_being_touched(
    browser: Browser, centre: FakeCentre
) -> None:
    page = await look(browser, f"{centre.address}/?kiosk=1&every=3&lang=en", width=1920, height=1080)
    await expect(page.get_by_role("navigation")).to_have_count(0)
    await expect(page.get_by_role("progressbar", name="Time on this page")).to_be_visible()
    await expect(page).to_have_url(re.compile("/scene/line"))
    await expect(page).to_have_url(re.compile("/scene/other"))
    await expect(page.locator("[data-scene=line]")).to_be_visible()
    await expect(page.locator("[data-test=kiosk]")).to_have_attribute("data-place", "0")


async def test_a_touch_stops_the_round_until_told_to_go_on(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/?kiosk=1&every=3&lang=en", reduced_motion="reduce")
    await page.mouse.click(5, 5)
    await expect(page.locator("[data-test=kiosk]")).to_contain_text(re.compile("Paused, goes on in 5[0-6] s"))
    assert "/scene/" not in page.url
    await page.locator("[data-test=resume]").click()
    await expect(page).to_have_url(re.compile("/scene/line"))
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("navigation", name="Main navigation")).to_be_visible()
    assert await page.evaluate("document.documentElement.hasAttribute('data-kiosk')") is False


async def test_the_overview_tells_the_worst_state_and_whose_collector_is_lost(
    browser: Browser, centre: FakeCentre
) -> None:
    centre.mood.silence(CONVEYOR)
    page = await look(browser, f"{centre.address}/?lang=en")
    card = page.locator("[data-scene=line]")
    await expect(card.locator("[data-test=scene-state]")).to_have_attribute(
        "data-group", re.compile("aborted|held|stopped|unknown")
    )
    await expect(card.locator("[data-test=scene-state]")).to_contain_text(re.compile("[012] of 3 running"))
    await expect(card.locator("[data-test=health]")).to_contain_text("1 of 2 collectors connected · probe")
    for figure in ("Good output", "Defect rate", "Energy per good piece", "Link latency"):
        await expect(card).to_contain_text(figure)


async def test_a_wall_keeps_the_accessibility_rules_and_fills_the_screen(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/?kiosk=1&lang=en", width=3840, height=2160)
    await expect(page.locator("[data-scene=line] canvas").first).to_be_visible()
    assert await page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") > 32
    assert await page.evaluate("document.documentElement.scrollWidth") == 3840
    foot = await page.locator("[data-test=kiosk]").bounding_box()
    assert foot
    assert foot["y"] + foot["height"] == pytest.approx(2160, abs=2)
    await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    found = await page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
