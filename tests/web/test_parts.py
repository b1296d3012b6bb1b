"""A page that comes in parts gets over one that could not be had: it is loaded anew, where the reader wanted to go."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Route, expect

from tests.web.fake_centre import FakeCentre
from tests.web.looking import look

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def lost(route: Route) -> None:
    await route.abort("connectionreset")


async def gone(route: Route) -> None:
    await route.fulfill(status=404, body="another version is here now")


async def test_a_part_that_is_lost_on_the_way_is_asked_for_again(browser: Browser, centre: FakeCentre) -> None:
    context = await browser.new_context()
    await context.route(re.compile(r"/assets/ScenePage-.*\.js"), lost, times=1)
    page = await look(context, f"{centre.address}/scene/line?lang=en")
    await expect(page.get_by_role("heading", level=1)).to_have_text("First assembly line")


async def test_parts_of_another_version_lead_to_the_page_that_was_wanted(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/?lang=en")
    await page.route(re.compile(r"/assets/ScenePage-.*\.js"), gone, times=1)
    await page.get_by_role("navigation").get_by_role("link", name="First assembly line").click()
    await expect(page).to_have_url(re.compile("/scene/line"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("First assembly line")


async def test_a_part_is_waited_for_while_the_server_is_away(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/?lang=en")
    link = page.get_by_role("navigation").get_by_role("link", name="First assembly line")
    await expect(link).to_be_visible()
    centre.down()
    await link.click()
    centre.up()
    await expect(page.get_by_role("heading", level=1)).to_have_text("First assembly line")
