"""Pictures of every page: `make screenshots`.

Runs the demonstration with every scene until its last hours are there, signs in as its administrator,
carries out a small campaign, and photographs each page as it is met: on a wall in Chinese (1920×1080 and
3840×2160, dark), at a desk in English (1440×900, light, the whole page), on a phone (390×844, the whole
page). All go to `out/screenshots`; those that the README shows are written to `docs/screenshots` too.
A page that cannot be had in time is told of and left out; the command then ends with 1.

    python -m tests.web.screenshots [FOLDER] [--only NAME …] [--views wall,phone] [--at URL]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from playwright.async_api import Error as Failed
from playwright.async_api import TimeoutError as Waited

from configs.loader import PACKAGED, load
from tests.peers.processes import Program, free_port
from tests.web.every_page import Subjects
from tests.web.pictured import Shot, shots

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
PASSWORD = "a password for pictures 1"
SETTLE_MS = 2_500
IDLE_MS = 45_000
LONGEST = 12_000
CAMPAIGN, CAMPAIGN_S = "pictures", 180
MOST_BYTES = 300_000


@dataclass(frozen=True)
class View:
    """How a page is met; `whole`: down to its end, not only what fits the screen."""

    width: int
    height: int
    language: str
    theme: str
    whole: bool = False


VIEWS = {
    "wall": View(1920, 1080, "zh-CN", "dark"),
    "wall-4k": View(3840, 2160, "zh-CN", "dark"),
    "desk": View(1440, 900, "en", "light", whole=True),
    "phone": View(390, 844, "zh-CN", "dark", whole=True),
}
IN_README = {("scene-agv", "wall"): "scene.webp", ("kiosk", "wall"): "overview.webp"}
"""Which picture of which page the READMEs show, under which name."""


@contextmanager
def demonstration() -> Iterator[tuple[str, str]]:
    """Run every scene; give the page's address and the one-time code of the first administrator."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="provenline-screenshots-") as data:
        arguments = ["demo", "--no-browser", "--port", str(port), "--data", data, "--seed", "5"]
        program = Program([sys.executable, "-m", "provenline", *arguments], cwd=ROOT)
        try:
            program.ready("last hours are there", 900)
            codes = re.findall(r"/welcome#(\S+)", "\n".join(program.lines))
            yield f"http://localhost:{port}", codes[0]
        finally:
            program.stop()


async def administrator(browser: Browser, base: str, code: str | None) -> list[dict]:
    """Sign the administrator in, setting the password where a one-time code is given; return the session's cookies."""
    context, headers = await browser.new_context(), {"Origin": base}
    if code:
        data = {"code": code, "password": PASSWORD}
        answer = await context.request.post(f"{base}/api/v1/session/code", data=data, headers=headers)
    else:
        data = {"name": "admin", "password": PASSWORD}
        answer = await context.request.post(f"{base}/api/v1/session", data=data, headers=headers)
    assert answer.ok, await answer.text()
    cookies = await context.cookies()
    await context.close()
    return cookies


async def photograph(page: Page, view: View) -> bytes:
    """Return what the page shows as WebP, at most `MOST_BYTES` long."""
    session = await page.context.new_cdp_session(page)
    height = page.viewport_size["height"] if page.viewport_size else view.height
    height = min(height, LONGEST)
    clip = {"x": 0, "y": 0, "width": view.width, "height": height, "scale": 1}
    for quality in (85, 70, 50, 30):
        options = {"format": "webp", "quality": quality, "clip": clip, "captureBeyondViewport": True}
        taken = base64.b64decode((await session.send("Page.captureScreenshot", options))["data"])
        if len(taken) <= MOST_BYTES:
            break
    await session.detach()
    return taken


async def _open(context: BrowserContext, address: str, view: View, shot: Shot) -> Page:
    page = await context.new_page()
    await page.goto(address, timeout=IDLE_MS)
    await _settle(page, address)
    if shot.press:
        await page.locator(shot.press).first.click(timeout=IDLE_MS)
    elif view.whole:
        # Panels far below are only made when they are near; a tall window brings them all near.
        for _ in range(2):
            tall = await page.evaluate("document.documentElement.scrollHeight")
            await page.set_viewport_size({"width": view.width, "height": max(view.height, min(LONGEST, tall))})
            await _settle(page, address)
    await page.wait_for_timeout(SETTLE_MS)  # charts draw what they were given; nothing says when they are done
    return page


async def _settle(page: Page, address: str) -> None:
    try:
        await page.wait_for_load_state("networkidle", timeout=IDLE_MS)
        await page.wait_for_selector(".panel .wait", state="detached", timeout=IDLE_MS)
    except Waited:
        sys.stderr.write(f"still asking after {IDLE_MS // 1000} s: {address}\n")


async def take(base: str, code: str | None, into: Path, *, only: list[str], views: list[str]) -> list[str]:
    """Photograph every page in every view; return those that could not be had."""
    missing = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        cookies = await administrator(browser, base, code)
        campaign = await campaigned(browser, base, cookies)
        pages = [
            shot for shot in shots(Subjects.of(load(PACKAGED), campaign=campaign)) if not only or shot.name in only
        ]
        for kind in views:
            for shot in pages:
                if shot.views is not None and kind not in shot.views:
                    continue
                size = {"width": VIEWS[kind].width, "height": VIEWS[kind].height}
                context = await browser.new_context(viewport=size, reduced_motion="reduce")
                await context.add_cookies(cookies if shot.signed_in else [])
                try:
                    told = await _one(context, base, shot, kind, into)
                except Failed as error:
                    missing.append(f"{shot.name}.{kind}")
                    told = f"{error}".partition("\n")[0]
                await context.close()
                sys.stdout.write(f"{shot.name}.{kind}.webp  {told}\n")
                sys.stdout.flush()
        await browser.close()
    return missing


async def _one(context: BrowserContext, base: str, shot: Shot, kind: str, into: Path) -> str:
    view = VIEWS[kind]
    sign = "&" if "?" in shot.address else "?"
    page = await _open(context, f"{base}{shot.address}{sign}lang={view.language}&theme={view.theme}", view, shot)
    picture = await photograph(page, view)
    (into / f"{shot.name}.{kind}.webp").write_bytes(picture)
    if shown := IN_README.get((shot.name, kind)):
        SHOWN.mkdir(parents=True, exist_ok=True)
        (SHOWN / shown).write_bytes(picture)
    return f"{len(picture) // 1000} kB"


async def campaigned(browser: Browser, base: str, cookies: list[dict]) -> str:
    """Carry out a small campaign, if there is none yet; return its name."""
    context, headers, root = await browser.new_context(), {"Origin": base}, f"{base}/api/v1/campaigns"
    await context.add_cookies(cookies)
    asked = {"simulated": {"scene": "identifier", "id": CAMPAIGN, "shifts": 4}}
    made = await context.request.post(root, data=asked, headers=headers)
    if made.status == 201:
        await context.request.post(f"{root}/{CAMPAIGN}/run", headers=headers)
        for _ in range(CAMPAIGN_S):
            found = await (await context.request.get(f"{root}/{CAMPAIGN}")).json()
            if found["stage"] in ("done", "failed", "cancelled"):
                break
            await asyncio.sleep(1)
    await context.close()
    return CAMPAIGN


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "out" / "screenshots")
    parser.add_argument("--only", nargs="*", default=[], help="names of pages; all when none is named")
    parser.add_argument("--views", default=",".join(VIEWS), help="some of: %(default)s")
    parser.add_argument("--at", help="a demonstration that runs already, by the link it printed at its first start")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    options = {"only": chosen.only, "views": chosen.views.split(",")}
    if chosen.at:
        base, _, code = chosen.at.rstrip("/").partition("/welcome#")
        missing = asyncio.run(take(base, code or None, chosen.folder, **options))
    else:
        with demonstration() as (base, code):
            missing = asyncio.run(take(base, code, chosen.folder, **options))
    if missing:
        sys.exit(f"not to be had: {', '.join(missing)}")


if __name__ == "__main__":
    main()
