"""The overview in a real browser is laid out as the site's configuration says, and a kiosk's round with it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.web.fake_centre import FakeCentre
from tests.web.looking import look

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def test_tiles_and_round_follow_the_configuration(browser: Browser, centre: FakeCentre) -> None:
    tile = {"scene": "line", "size": "wide", "shows": ["state", "oee"], "plan": None}
    centre.mood.overview = {"tiles": [tile], "rotate": 3.0, "visits": "scenes"}
    page = await look(browser, f"{centre.address}/?kiosk=1&lang=en")
    card = page.locator("[data-scene=line]")
    await expect(card).to_have_attribute("data-size", "wide")
    await expect(page.locator("[data-scene]")).to_have_count(1)
    await expect(card.locator("[data-test=scene-state]")).to_be_visible()
    await expect(card.locator("[data-test=health]")).to_have_count(0)
    await expect(page).to_have_url(re.compile("/scene/line"))
