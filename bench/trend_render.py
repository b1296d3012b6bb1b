"""A long trend on the device page: how long until it is drawn, how smoothly it moves, and a page's first paint.

A centre holds 50 000 samples of one tag, and then two million, over 30 days. Points never reach the
browser: the server sums them up by the pixel, so that both should take the same. Measured in headless
Chromium without a graphics card, in front of a real centre on loopback:

    summing up    the answer of the server's history route, 1500 buckets
    drawn         from choosing 30 days until the canvas shows them (two frames after the answer)
    moving        frames while the window is moved by keys for two seconds, each a new question
    first paint   from asking for the page to its first contentful paint

    python -m bench.trend_render
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright

from bench.viewers import configuration, cpu
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
PATIENCE_MS = 300_000

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
    span = f"start={now // 1_000_000 - MONTH * 1000}&stop={now // 1_000_000}&buckets=1500"
    began, before = time.perf_counter(), cpu()
    answer = await page.request.get(f"{base}/api/v1/tags/{TAG}/history?{span}")
    summing, used = (time.perf_counter() - began) * 1000, (cpu() - before) * 1000
    assert answer.ok
    assert sum((await answer.json())["count"]) > 0
    drawn = await _drawn(page)
    gaps = await page.evaluate(_MOVE)
    await page.close()
    return {
        "first_paint_ms": paint,
        "summing_ms": summing,
        "summing_cpu_ms": used,
        "drawn_ms": drawn,
        "frames_per_s": 1000 / statistics.fmean(gaps),
        "longest_frame_ms": max(gaps),
    }


def main() -> None:
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for row in asyncio.run(measure()):
        print("  ".join(f"{name} {value:.0f}" for name, value in row.items()))


if __name__ == "__main__":
    main()
