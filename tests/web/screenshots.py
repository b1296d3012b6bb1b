"""Pictures of every page: `make screenshots`.

Runs the demonstration with every scene until its last hours are there, signs in as its administrator,
carries out a small campaign, begins a lab, and photographs each page as it is met: on a wall in Chinese (1920×1080 and
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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page, Route, async_playwright
from playwright.async_api import Error as Failed
from playwright.async_api import TimeoutError as Waited

from tests.peers.processes import Program, free_port
from tests.web.pictured import Shot, shots
from tests.web.prepared import administrator, subjects

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
SETTLE_MS = 1_500
QUIET_MS = 8_000
IDLE_MS = 45_000
LONGEST = 12_000
MOST_BYTES = 300_000


@dataclass(frozen=True)
class View:
    """How a page is met; `whole`: down to its end, not only what fits the screen; `touched`: by a finger."""

    width: int
    height: int
    language: str
    theme: str
    whole: bool = False
    touched: bool = False


VIEWS = {
    "wall": View(1920, 1080, "zh-CN", "dark"),
    "wall-4k": View(3840, 2160, "zh-CN", "dark"),
    "desk": View(1440, 900, "en", "light", whole=True),
    "phone": View(390, 844, "zh-CN", "dark", whole=True, touched=True),
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


async def photograph(page: Page, view: View) -> bytes:
    """Return what the page shows as WebP, at most `MOST_BYTES` long."""
    session = await page.context.new_cdp_session(page)
    height = page.viewport_size["height"] if page.viewport_size else view.height
    height = min(height, LONGEST)
    down = await page.evaluate("scrollY")  # a dialog may have been opened from far below
    clip = {"x": 0, "y": down, "width": view.width, "height": height, "scale": 1}
    for quality in (85, 70, 50, 30):
        options = {"format": "webp", "quality": quality, "clip": clip}
        taken = base64.b64decode((await session.send("Page.captureScreenshot", options))["data"])
        if len(taken) <= MOST_BYTES:
            break
    await session.detach()
    return taken


async def _open(context: BrowserContext, base: str, view: View, shot: Shot) -> Page:
    """Open a page in the view's language and theme, and use it."""
    page = await context.new_page()
    await _answer(page, shot)
    sign = "&" if "?" in shot.address else "?"
    await page.goto(f"{base}{shot.address}{sign}lang={view.language}&theme={view.theme}", timeout=IDLE_MS)
    await _settle(page)
    await _use(page, shot)
    return page


async def _fit(page: Page, view: View) -> None:
    """Give the page the view's size; let it draw all that it is to show."""
    await page.set_viewport_size({"width": view.width, "height": view.height})
    session = await page.context.new_cdp_session(page)  # kept: its end would end what it set
    await session.send("Emulation.setTouchEmulationEnabled", {"enabled": view.touched, "maxTouchPoints": 1})
    await _settle(page)
    if view.whole and not await page.locator("dialog[open]").count():  # a dialog stands in the middle of the screen
        # Panels far below are only made when they are near; a tall window brings them all near.
        for _ in range(2):
            tall = await page.evaluate("document.documentElement.scrollHeight")
            await page.set_viewport_size({"width": view.width, "height": max(view.height, min(LONGEST, tall))})
            await _settle(page)
    await page.wait_for_timeout(SETTLE_MS)  # charts draw what they were given; nothing says when they are done


async def _answer(page: Page, shot: Shot) -> None:
    """Answer in the centre's place what is to be answered so."""

    async def given(route: Route) -> None:
        asked = route.request
        answer = shot.answers.get(f"{asked.method} {urlsplit(asked.url).path}")
        if answer is None:
            await route.fallback()
        else:
            await route.fulfill(status=answer.status, headers=dict(answer.headers), json=answer.body)

    if shot.answers:
        await page.route("**/api/**", given)


async def _use(page: Page, shot: Shot) -> None:
    """Do with the page what is to be done before the picture."""
    for act in shot.acts:
        one = page.locator(act.target).first
        if act.text is None:
            await one.click(timeout=IDLE_MS)
        elif await one.evaluate("one => one.tagName") == "SELECT":
            await one.select_option(act.text, timeout=IDLE_MS)
        else:
            await one.fill(act.text, timeout=IDLE_MS)
    if shot.shows:
        await page.locator(shot.shows).first.wait_for(timeout=IDLE_MS)


async def _settle(page: Page) -> None:
    """Wait until nothing is asked for and no panel waits for an answer."""
    with suppress(Waited):  # some pages ask again and again
        await page.wait_for_load_state("networkidle", timeout=QUIET_MS)
    try:
        await page.wait_for_selector("p.wait, section.wait", state="detached", timeout=IDLE_MS)
    except Waited:
        sys.stderr.write(f"still asking after {IDLE_MS // 1000} s: {page.url}\n")


async def take(base: str, code: str | None, into: Path, *, only: list[str], views: list[str]) -> list[str]:
    """Photograph every page in every view; return those that could not be had."""
    missing = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        cookies = await administrator(browser, base, code)
        about = await subjects(browser, base, cookies)
        for shot in shots(about):
            if only and shot.name not in only:
                continue
            for kinds in _alike([kind for kind in views if shot.views is None or kind in shot.views]):
                context = await browser.new_context(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
                await context.add_cookies(cookies if shot.signed_in else [])
                left = list(kinds)
                try:
                    page = await _open(context, base, VIEWS[kinds[0]], shot)
                    while left:
                        await _one(page, shot, left[0], into)
                        left.pop(0)
                except Failed as error:
                    missing += [f"{shot.name}.{kind}" for kind in left]
                    sys.stderr.write(f"{shot.name}.{left[0]}: {f'{error}'.partition(chr(10))[0]}\n")
                await context.close()
        await browser.close()
    return missing


def _alike(kinds: list[str]) -> list[list[str]]:
    """Return views in groups of the same language and theme: a page is opened once for each."""
    alike: dict[tuple[str, str], list[str]] = {}
    for kind in kinds:
        alike.setdefault((VIEWS[kind].language, VIEWS[kind].theme), []).append(kind)
    return list(alike.values())


async def _one(page: Page, shot: Shot, kind: str, into: Path) -> None:
    await _fit(page, VIEWS[kind])
    picture = await photograph(page, VIEWS[kind])
    (into / f"{shot.name}.{kind}.webp").write_bytes(picture)
    if shown := IN_README.get((shot.name, kind)):
        SHOWN.mkdir(parents=True, exist_ok=True)
        (SHOWN / shown).write_bytes(picture)
    sys.stdout.write(f"{shot.name}.{kind}.webp  {len(picture) // 1000} kB\n")
    sys.stdout.flush()


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
