"""The device page in a real browser: every tag accounts for itself, and its past can be searched and taken away."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, expect

from tests.web.fake_centre import FakeCentre
from tests.web.looking import look
from tests.web.test_pages import drawn, tile

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

CONVEYOR = "cq/line/main/conveyor"


@pytest_asyncio.fixture(loop_scope="session")
async def device(browser: Browser, centre: FakeCentre) -> AsyncIterator[Page]:
    """The conveyor's page, live; a test that uses it fails on any error a script reported."""
    page = await look(browser, f"{centre.address}/scene/line/device/conveyor?lang=en")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await expect(tile(page, f"{CONVEYOR}/speed").first).to_have_attribute("data-level", "good")
    yield page
    assert errors == []


def span_of(request: Request) -> tuple[int, int, int]:
    asked = parse_qs(urlsplit(request.url).query)
    return int(asked["start"][0]), int(asked["stop"][0]), int(asked["buckets"][0])


def spanning(shortest: float, longest: float) -> Callable[[Request], bool]:
    """Recognise a question for the history of the speed over so many milliseconds."""

    def meant(request: Request) -> bool:
        if "conveyor/speed/history" not in request.url:
            return False
        start, stop, _ = span_of(request)
        return shortest <= stop - start <= longest

    return meant


async def test_a_scene_leads_to_its_devices_and_back(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/scene/line?lang=en")
    await page.get_by_role("link", name="Conveyor", exact=True).first.click()
    await expect(page).to_have_url(re.compile("/scene/line/device/conveyor"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Conveyor")
    await page.get_by_label("Where this is").get_by_role("link", name="First assembly line").click()
    await expect(page).to_have_url(re.compile("/scene/line$"))


async def test_a_tag_tells_times_limits_and_origin(device: Page) -> None:
    motor = tile(device, f"{CONVEYOR}/motor").first
    await expect(motor).to_contain_text("Out of range")
    await expect(motor).to_contain_text("0x40940000")
    await expect(motor).to_contain_text("+15 ms")
    await expect(motor).to_contain_text("0 … 80 °C")
    await expect(motor).to_contain_text("ns=2;s=motor")
    await expect(motor).to_contain_text("stale after 3 s")


async def test_a_silent_device_is_grey_here_too(device: Page, centre: FakeCentre) -> None:
    centre.mood.silence(CONVEYOR)
    speed = tile(device, f"{CONVEYOR}/speed").first
    await expect(speed).to_have_attribute("data-level", "bad")
    await expect(speed).to_contain_text(re.compile(r"No communication.*since \d\d:\d\d:\d\d", re.DOTALL))
    await expect(speed.locator("output")).to_have_text("—")


async def test_every_zoom_asks_anew_in_buckets_as_wide_as_a_pixel(device: Page) -> None:
    canvas = device.locator("[data-test=history]")
    await expect(canvas).to_be_visible()
    await drawn(canvas, 3)
    box = await canvas.bounding_box()
    assert box
    # The hour shown before is asked for now and then, also in the very moment of the click.
    length = 30 * 86_400_000
    async with device.expect_request(spanning(length, length)) as month:
        await device.get_by_role("button", name="30 d").click()
    begin, end, buckets = span_of(await month.value)
    assert 0.7 * box["width"] < buckets <= box["width"]
    await (await (await month.value).response()).finished()
    await device.wait_for_timeout(500)  # the chart draws, and what stands above it may have grown
    box = await canvas.bounding_box()
    assert box
    await device.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 60)
    await device.mouse.down()
    await device.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60, steps=3)
    async with device.expect_request(spanning(0, 0.9 * length)) as dragged:
        await device.mouse.up()
    start, stop, buckets = span_of(await dragged.value)
    assert begin < start < stop < end
    assert stop - start == pytest.approx(0.2 * (end - begin), rel=0.15)
    async with device.expect_request(spanning(0, 0.9 * (stop - start))) as wheeled:
        await device.mouse.wheel(0, -200)
    closer = span_of(await wheeled.value)
    # from the range asked for last, even while the one before is still drawn
    assert closer[1] - closer[0] == pytest.approx((stop - start) / 1.4, rel=0.01)
    async with device.expect_request(spanning(stop - start, stop - start)) as returned:
        await canvas.press("Escape")
    assert span_of(await returned.value)[:2] == (start, stop)


async def test_what_was_doubtful_in_the_past_is_named_under_the_pointer(device: Page) -> None:
    canvas = device.locator("[data-test=history]")
    box = await canvas.bounding_box()
    assert box
    await device.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 60)
    await expect(device.locator("[data-test=told]")).to_contain_text("Uncertain · Sensor not accurate")


async def test_another_tag_is_chosen_by_its_name_and_kept_in_the_address(device: Page) -> None:
    await device.get_by_role("button", name="Active power").click()
    await expect(device.get_by_role("heading", name=re.compile("History: Active power"))).to_be_visible()
    await device.reload()
    await expect(device.get_by_role("heading", name=re.compile("History: Active power"))).to_be_visible()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_the_shown_window_can_be_downloaded(device: Page, kind: str) -> None:
    async with device.expect_download() as saving:
        await device.locator(f"[data-test=download-{kind}]").click()
    saved = await saving.value
    assert saved.suggested_filename == f"cq_line_main_conveyor_speed.{kind}"


async def test_a_device_that_is_not_there_is_named(browser: Browser, centre: FakeCentre) -> None:
    page = await look(browser, f"{centre.address}/scene/line/device/ghost?lang=en")
    await expect(page.get_by_role("heading", level=1)).to_have_text("There is no device “ghost” in this scene")
    await page.get_by_role("link", name="To the scene").click()
    await expect(page).to_have_url(re.compile("/scene/line$"))
