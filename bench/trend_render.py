"""A long trend on the device page: how long until it is drawn, how smoothly it moves, and a page's first paint.

A centre holds 50 000 samples of one tag, and then two million, over 30 days. Points never reach the
browser: the server sums them up by the pixel, so that a month should take what a minute does. Measured
in headless Chromium without a graphics card, in front of a real centre on loopback:

    minute, month   the answer of the server's history route, 1500 buckets: the last minute, 30 days
    drawn           from choosing 30 days until the canvas shows them (two frames after the answer)
    moving          frames while the window is moved by keys for two seconds, each a new question
    first paint     from asking for the page to its first contentful paint, in a browser that has it not yet

    python -m bench.trend_render [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright

from bench.tables import Column, Conditions, report
from bench.viewers import configuration
from configs.loader import load
from dashboard_api.access import Role
from plant.batch import Batch
from plant.clock import SECOND, SystemClock
from provenline.centre import Address, listening, opened
from provenline.trust import trust
from tests.peers.processes import free_port

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
TAG, MONTH = "cq/bench/line/machine/v0", 30 * 86_400
SIZES = (50_000, 2_000_000)
PIECE = 100_000
PATIENCE_MS = 60_000
LONGEST = 220.0
"""Seconds that all of it may take."""
TIMES = 5
COLUMNS = (
    Column("points", "samples", "样本数"),
    Column("first_paint_ms", "first paint ms", "首次绘制 毫秒"),
    Column("minute_ms", "minute ms", "一分钟 毫秒"),
    Column("month_ms", "month ms", "30 天 毫秒"),
    Column("ratio", "month / minute", "30 天 / 一分钟", "{:.1f}"),
    Column("drawn_ms", "30 days drawn ms", "30 天绘出 毫秒"),
    Column("frames_per_s", "frames/s while moving", "移动时 帧/秒"),
    Column("longest_frame_ms", "longest frame ms", "最长一帧 毫秒"),
)

_MOVE = """async () => {
  const canvas = document.querySelector('[data-test=history]')
  const gaps = []
  for (let last = performance.now(), until = last + 2000; last < until; ) {
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }))
    await new Promise(requestAnimationFrame)
    const now = performance.now()
    gaps.push(now - last)
    last = now
  }
  return gaps
}"""
_TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def samples(count: int, now: int) -> list[Batch]:
    """Return `count` samples over the last 30 days, in pieces."""
    times = now - MONTH * SECOND + np.arange(count, dtype=np.int64) * (MONTH * SECOND // count)
    values = 50 + 30 * np.sin(np.arange(count) / 900) + np.random.default_rng(5).normal(0, 2, count)
    parts = [slice(at, at + PIECE) for at in range(0, count, PIECE)]
    index = np.zeros(PIECE, np.uint32)
    return [
        Batch.floats((TAG,), index[: len(times[part])], times[part], values[part], received=times[part])
        for part in parts
    ]


async def _drawn(page: Page) -> float:
    began = time.perf_counter()
    async with page.expect_response(lambda answer: "/history" in answer.url) as answering:
        await page.get_by_role("button", name="30 d").click()
    await (await answering.value).finished()
    await page.evaluate(_TWO_FRAMES)
    return (time.perf_counter() - began) * 1000


async def measure() -> list[dict[str, float]]:
    """Measure each size on a page of its own."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        config, clock = load(configuration(Path(folder))), SystemClock()
        data = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=folder))
        async with (
            trust(data, config) as trusted,
            opened(config, trusted, data=data, clock=clock) as centre,
            async_playwright() as playwright,
        ):
            centre.visitors, address = Role.VIEWER, Address("127.0.0.1", free_port())
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            async with listening(centre, address):
                for size in SIZES:
                    for batch in samples(size, clock.now()):
                        await asyncio.to_thread(centre.write, batch)
                    found.append({"points": size} | await _page(browser, address.url.rstrip("/"), clock.now()))
            await browser.close()
    return found


async def _page(browser, base: str, now: int) -> dict[str, float]:
    page = await browser.new_page(viewport={"width": 1920, "height": 1080})
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{base}/scene/bench/device/line/machine?lang=en")
    await page.wait_for_selector("[data-test=history]")
    paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    minute, month = [await _asked(page, base, now, seconds) for seconds in (60, MONTH)]
    drawn = await _drawn(page)
    gaps = await page.evaluate(_MOVE)
    await page.close()
    return {
        "first_paint_ms": paint,
        "minute_ms": minute,
        "month_ms": month,
        "ratio": month / minute,
        "drawn_ms": drawn,
        "frames_per_s": 1000 / statistics.fmean(gaps),
        "longest_frame_ms": max(gaps),
    }


async def _asked(page: Page, base: str, now: int, seconds: int) -> float:
    """Return how long the history of the last seconds takes, in ms: the median of several."""
    stop, took = now // 1_000_000, []
    span = f"start={stop - seconds * 1000}&stop={stop}&buckets=1500"
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = await page.request.get(f"{base}/api/v1/tags/{TAG}/history?{span}")
        took.append((time.perf_counter() - began) * 1000)
        assert sum((await answer.json())["count"]) > 0
    return statistics.median(took)


async def _bounded() -> list[dict[str, float]]:
    async with asyncio.timeout(LONGEST):
        return await measure()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md and its twin")
    chosen, conditions = parser.parse_args(), Conditions.now()
    report("trends", COLUMNS, asyncio.run(_bounded()), conditions=conditions, write=chosen.write)


if __name__ == "__main__":
    main()
