"""Pictures of every page: `make screenshots`.

Runs the demonstration with every scene until its last hours are there, signs in as its administrator,
and photographs each page as it is met: on a wall in Chinese (1920×1080 and 3840×2160, dark), at a desk
in English (1440×900, light, the whole page), on a phone (390×844, the whole page). All go to
`out/screenshots`; those that the README shows are written to `docs/screenshots` too.

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
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from playwright.async_api import TimeoutError as Waited

from configs.loader import PACKAGED, load
from tests.peers.processes import Program, free_port
from tests.web.every_page import Subjects, addresses

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
PASSWORD = "a password for pictures 1"
SETTLE_MS = 2_500
IDLE_MS = 45_000
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
IN_README = {("scene-agv", "wall"): "scene.webp", ("configuration", "wall"): "configuration.webp"}
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
    height = view.height
    if view.whole:
        height = max(height, min(12_000, await page.evaluate("document.documentElement.scrollHeight")))
    clip = {"x": 0, "y": 0, "width": view.width, "height": height, "scale": 1}
    for quality in (85, 70, 50, 30):
        options = {"format": "webp", "quality": quality, "clip": clip, "captureBeyondViewport": True}
        taken = base64.b64decode((await session.send("Page.captureScreenshot", options))["data"])
        if len(taken) <= MOST_BYTES:
            break
    await session.detach()
    return taken


async def _open(context: BrowserContext, address: str) -> Page:
    page = await context.new_page()
    await page.goto(address)
    try:
        await page.wait_for_load_state("networkidle", timeout=IDLE_MS)
    except Waited:
        sys.stderr.write(f"still asking after {IDLE_MS // 1000} s: {address}\n")
    await page.wait_for_timeout(SETTLE_MS)  # charts draw what they were given; nothing says when they are done
    return page


async def take(base: str, code: str | None, into: Path, *, only: list[str], views: list[str]) -> None:
    """Photograph every page in every view."""
    pages = [(name, at) for name, at in addresses(Subjects.of(load(PACKAGED))) if not only or name in only]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        cookies = await administrator(browser, base, code)
        for kind in views:
            view = VIEWS[kind]
            size = {"width": view.width, "height": view.height}
            for name, address in pages:
                context = await browser.new_context(viewport=size, reduced_motion="reduce")
                if not address.startswith(("/sign-in", "/welcome")):
                    await context.add_cookies(cookies)
                extra = "&kiosk=1&every=3600" if name == "overview" and not view.whole else ""
                page = await _open(context, f"{base}{address}?lang={view.language}&theme={view.theme}{extra}")
                picture = await photograph(page, view)
                (into / f"{name}.{kind}.webp").write_bytes(picture)
                if shown := IN_README.get((name, kind)):
                    SHOWN.mkdir(parents=True, exist_ok=True)
                    (SHOWN / shown).write_bytes(await photograph(page, replace(view, whole=False)))
                await context.close()
                sys.stdout.write(f"{name}.{kind}.webp  {len(picture) // 1000} kB\n")
                sys.stdout.flush()
        await browser.close()


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
        asyncio.run(take(base, code or None, chosen.folder, **options))
        return
    with demonstration() as (base, code):
        asyncio.run(take(base, code, chosen.folder, **options))


if __name__ == "__main__":
    main()
