"""A page left open: heap and DOM of a scene page before and after half an hour of frames, sent as fast as it reads.

The page is the real one, in headless Chromium. Its WebSocket is a stand-in inside the page that plays
30 minutes of frames, two a second for 60 tags, with the times that they would have had; the page's own
clock runs along (Playwright's clock). After each part garbage is collected and heap, nodes and listeners
are counted: what matters is whether they grow from the tenth minute on, when every buffer is full.

    python -m bench.page_memory [--minutes N] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time

from playwright.async_api import async_playwright

from bench.tables import Column, Conditions, report
from tests.web.fake_centre import fake_centre

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--js-flags=--expose-gc"]
PART_MINUTES, STEP_MS = 5, 2_000
COLUMNS = (
    Column("minute", "minute", "分钟"),
    Column("heap_mb", "heap MB", "堆 MB", "{:.1f}"),
    Column("nodes", "DOM nodes", "DOM 节点"),
    Column("listeners", "listeners", "监听器"),
)
_FRAMES = "for (const early of [1500, 1000, 500, 0]) window.player?.play(Date.now() - early)"

# Takes the place of the live connection: it takes the first frame's paths from the server and then plays by itself.
_PLAYER = """
(() => {
  const Real = WebSocket
  window.WebSocket = class extends EventTarget {
    constructor(url) {
      super()
      this.readyState = 0
      const real = new Real(url)
      real.onmessage = ({ data }) => {
        const frame = JSON.parse(data)
        if (!frame.snapshot) return
        real.close()
        this.readyState = 1
        this.say('open', new Event('open'))
        if (frame.paths.length) { window.player = this; this.frame = frame }
        this.say('message', new MessageEvent('message', { data }))
      }
    }
    say(kind, event) { this['on' + kind]?.(event); this.dispatchEvent(event) }
    send() {}
    close() {}
    play(now) {
      const { rows, seq } = this.frame
      this.frame.seq = seq + 1
      const moved = (value, i) => typeof value === 'number' ? value + Math.sin(now / 9000 + i) : value
      const fresh = rows.map(([i, value, quality, , , origin]) =>
        [i, moved(value, i), quality, now - 200, now - 150, origin])
      const data = JSON.stringify({ seq: seq + 1, now, alarms: 0, snapshot: false, rows: fresh })
      this.say('message', new MessageEvent('message', { data }))
    }
  }
  Object.assign(window.WebSocket, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })
})()
"""


async def measure(minutes: int = 30) -> list[dict[str, float]]:
    """Play `minutes` of frames to a page; return what it holds after each part, the first before any."""
    with fake_centre() as centre:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = await browser.new_page(viewport={"width": 1920, "height": 1080})
            page.set_default_timeout(300_000)
            await page.clock.install(time=time.time())
            await page.add_init_script(_PLAYER)
            await page.goto(f"{centre.address}/scene/line?lang=zh-CN")
            await page.wait_for_selector("[data-tag]")
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("Performance.enable")
            held = [await _held(devtools, 0)]
            for part in range(minutes // PART_MINUTES):
                for _ in range(PART_MINUTES * 60_000 // STEP_MS):
                    await page.clock.run_for(STEP_MS)
                    await page.evaluate(_FRAMES)
                held.append(await _held(devtools, (part + 1) * PART_MINUTES))
            assert await page.evaluate("window.player.frame.seq") >= minutes * 100, "the page was not played to"
            await browser.close()
            return held


async def _held(devtools, minute: int) -> dict[str, float]:
    await devtools.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in (await devtools.send("Performance.getMetrics"))["metrics"]}
    return {
        "minute": minute,
        "heap_mb": found["JSHeapUsedSize"] / 1e6,
        "nodes": found["Nodes"],
        "listeners": found["JSEventListeners"],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md and its twin")
    chosen, conditions = parser.parse_args(), Conditions.now()
    rows = asyncio.run(measure(chosen.minutes))
    report("page-memory", COLUMNS, rows, conditions=conditions, write=chosen.write)


if __name__ == "__main__":
    main()
