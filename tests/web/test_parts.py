"""A page that comes in parts gets over one that could not be had: it is loaded anew, where the reader wanted to go."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.web.fake_centre import FakeCentre
from tests.web.looking import look

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

LINK, NAME = "nav a[href='/scene/line']", "首台套装配示范线"
PART = re.compile(r"/assets/ScenePage-.*\.js")


async def lost(route: Route) -> None:
    await route.abort("connectionreset")


async def gone(route: Route) -> None:
    await route.fulfill(status=404, body="another version is here now")


def until_load(number: int, trouble: Callable[[Route], Awaitable[None]]) -> Callable[[Route], Awaitable[None]]:
    """Let a part of the page meet trouble until the page itself has been loaded that often."""
    loads = 0

    async def handle(route: Route) -> None:
        nonlocal loads
        loads += route.request.is_navigation_request()
        await (trouble(route) if loads < number and PART.search(route.request.url) else route.continue_())

    return handle


async def overview(browser: Browser, centre: FakeCentre) -> Page:
    page = await look(browser, f"{centre.address}/?lang=zh-CN")
    await expect(page.locator(LINK)).to_be_visible()
    return page


async def test_a_part_that_is_lost_on_the_way_is_asked_for_again(browser: Browser, centre: FakeCentre) -> None:
    context = await browser.new_context()
    await context.route("**/*", until_load(2, lost))
    page = await look(context, f"{centre.address}/scene/line?lang=zh-CN")
    await expect(page.get_by_role("heading", level=1)).to_have_text(NAME)


async def test_parts_of_another_version_lead_to_the_page_that_was_wanted(browser: Browser, centre: FakeCentre) -> None:
    page = await overview(browser, centre)
    await page.route("**/*", until_load(1, gone))
    await page.locator(LINK).click()
    await expect(page).to_have_url(re.compile("/scene/line"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(NAME)


async def test_a_part_is_waited_for_while_the_server_is_away(browser: Browser, centre: FakeCentre) -> None:
    page = await overview(browser, centre)
    centre.down()
    async with page.expect_event("requestfailed", lambda request: bool(PART.search(request.url))):
        await page.locator(LINK).click()
    centre.up()
    await expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
