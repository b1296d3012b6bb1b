"""One browser for all tests, a stand-in centre for each; the pages are built once, if they are not."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

import hatch_build
from tests.web.fake_centre import WEB, FakeCentre, fake_centre
from tests.web.looking import PATIENCE_MS

CALM = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(autouse=True)
def patience() -> None:
    """Wait long for what is expected, in every test alike: the setting is the whole process's."""
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def built_pages() -> Path:
    hatch_build.build(WEB)
    return WEB


@pytest.fixture
def centre(built_pages: Path) -> Iterator[FakeCentre]:
    with fake_centre() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CALM)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The one browser of all tests, left without any page."""
    yield chromium
    for context in chromium.contexts:
        await context.close()
