"""Every page there is, in both languages: all words translated, usable by everybody, nothing asked from elsewhere.

A real centre shows every packaged scene, its last minutes written by the test. A route of the router
that has no example in `every_page` fails the first test, so no page can be left out.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from dashboard_api.access import Role
from labs.checking import Outcome, Part
from labs.desk import LabDesk
from labs.library import PACKAGED as COURSES
from labs.library import read_library
from labs.register import Register
from labs.work import Result
from plant.batch import BatchBuilder, Origin
from plant.clock import SECOND, SystemClock, VirtualClock
from plant.tags import Kind, Tag
from plant.text import Text
from provenline.centre import Address, listening, opened
from provenline.trust import trust
from tests.labs.sandboxes import FakeSandboxes
from tests.peers.processes import free_port
from tests.web.every_page import EXAMPLES, Subjects, addresses, routes
from tests.web.fake_centre import WEB
from tests.web.looking import NETWORK_CHANGED, PATIENCE_MS, tell, visit

pytestmark = pytest.mark.needs("chromium")

NARROW = 360
TOLD = {
    "Failed to load resource: the server responded with a status of 404 (Not Found)",
    "Failed to load resource: the server responded with a status of 409 (Conflict)",
}
"""What the browser itself notes where there is nothing, as of a campaign that never was, or nothing running now."""
CONFIGURATION = load(PACKAGED)
PAGES = dict(addresses(replace(Subjects.of(CONFIGURATION), attempt="ATTEMPT", group="GROUP")))

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SENTENCE = re.compile(r"[A-Za-z]{3,}(?:[ ,'’-]+[A-Za-z]{2,}){3,}")
"""Four words in a row and more: no name, no unit, no code."""
PROPER = re.compile(r"provenline|OPC UA|Modbus|Sparkplug B|VDA 5050|STAMP|ISO 22400|InfluxDB|GB/T [\d-]+")

READ = """() => {
  const hidden = (element) => element.closest('code, pre, script, style, [lang]:not(html), svg title') !== null
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (node.data.trim() && !hidden(node.parentElement)) found.push(node.data.trim())
  for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
    for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
      if (element.getAttribute(name) && !hidden(element)) found.push(element.getAttribute(name).trim())
  found.push(document.title)
  return [...new Set(found)]
}"""
"""Every text that can be read or heard, but for what says itself to be of another language, and code."""

WITHOUT_FOCUS = """() => {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0
  return all.filter(seen).filter((one) => {
    one.focus()
    if (document.activeElement !== one) return true
    const styles = [one, one.parentElement, one.closest('label')].filter(Boolean).map((it) => getComputedStyle(it))
    return !styles.some((it) => it.outlineStyle !== 'none' && parseFloat(it.outlineWidth) >= 1)
  }).map((one) => one.outerHTML.slice(0, 160))
}"""
"""What a keyboard can reach in principle, but not in fact, or without showing where it is."""


TOO_WIDE = """() => {
  if (document.documentElement.scrollWidth <= innerWidth) return []
  const scrolls = (one) => one && (getComputedStyle(one).overflowX !== 'visible' || scrolls(one.parentElement))
  const inside = (one) => one !== document.body && scrolls(one.parentElement)
  const beyond = (one) => one.getBoundingClientRect().right > innerWidth + 0.5
  const wide = [...document.body.querySelectorAll('*')].filter((one) => beyond(one) && !inside(one))
  return wide.filter((one) => !wide.some((other) => other !== one && one.contains(other)))
    .map((one) => one.outerHTML.slice(0, 160)).slice(0, 20)
}"""
"""What makes a page wider than the screen: the innermost parts that reach beyond it."""


def test_every_route_has_an_example() -> None:
    assert sorted(routes()) == sorted(EXAMPLES)


# ------------------------------------------------------------------------------- the centre
def value_of(tag: Tag, step: int) -> float | int | str | bool:
    """Return something that a tag of this kind may read at a step."""
    if tag.kind is Kind.STATE:
        return [6, 6, 11, 6][step % 4]
    if tag.kind is Kind.TEXT:
        return f"T-{step % 3}"
    if tag.kind is Kind.EVENT:
        return step % 2 == 0
    if tag.kind in (Kind.COUNTER, Kind.ENERGY):
        return step
    low, high = tag.low if tag.low is not None else 0.0, tag.high if tag.high is not None else 100.0
    return low + (high - low) * (0.3 + 0.02 * (step % 10))


def last_minutes(configuration: Configuration, now: int, *, minutes: int = 12) -> Iterator[BatchBuilder]:
    """Write what every tag may have read in the last minutes, a batch a minute."""
    for step in range(minutes + 1):
        builder, at = BatchBuilder(), now - (minutes - step) * 60 * SECOND
        for tag in configuration.site.tags:
            origin = Origin.SIMULATED if tag.simulated else Origin.DEVICE
            builder.add(tag.path, at, value_of(tag, step), received=at, origin=origin)
        yield builder


@dataclass
class Place:
    """A centre with every packaged scene; `secret` is the session of an administrator."""

    url: str
    secret: str
    attempt: str
    group: str
    faults: list[str] = field(default_factory=list)

    def at(self, address: str) -> str:
        """Return an address with the attempt and the class that there are."""
        return f"{self.url}{address.replace('ATTEMPT', self.attempt).replace('GROUP', self.group)}"

    async def context(self, browser: Browser, width: int = 1440) -> BrowserContext:
        context = await browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
        await context.add_cookies([{"name": "provenline", "value": self.secret, "url": self.url}])
        return context


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(built_pages: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    data, address, clock = tmp_path_factory.mktemp("data"), Address("127.0.0.1", free_port()), SystemClock()
    desk = LabDesk(read_library((COURSES,)), Register(data / "labs.db"), FakeSandboxes(VirtualClock()), clock, data)
    async with (
        trust(data, CONFIGURATION) as trusted,
        opened(CONFIGURATION, trusted, data=data, clock=clock, labs=desk) as centre,
        listening(centre, address),
    ):
        for builder in last_minutes(CONFIGURATION, clock.now()):
            await asyncio.to_thread(centre.write, builder.build())
        await trusted.accounts.add("boss", Role.ADMIN)
        secret, _ = await trusted.accounts.open(trusted.accounts.user("boss"), address="127.0.0.1", agent="test")
        yield Place(address.url.rstrip("/"), secret, *await taught(desk))
    desk.register.close()


async def taught(desk: LabDesk) -> tuple[str, str]:
    """Let the administrator have done a lab, in a class; return the ids of both."""
    lab = desk.library.labs[0]
    attempt = await desk.begin("boss", lab)
    outcome = Outcome("checked", "map", Part.CHECK, False, 0, 1, Text("没有读到。", "It was not read."), seen="None")
    desk.register.work.grade(Result(attempt.id, 0, 1, (outcome,), desk.clock.now()), fixed=())
    formed = desk.register.roll.form(lab.key.course, "1", "boss", desk.clock.now())
    desk.register.roll.put_members(formed.id, ["boss"], desk.clock.now())
    await desk.end(attempt)
    return attempt.id, formed.id


async def opened_page(browser: Browser, place: Place, address: str) -> tuple[Page, list[str]]:
    """Open a page; the list gathers what went wrong in it meanwhile."""
    context = await place.context(browser)
    if address in ("/sign-in", "/welcome"):
        await context.clear_cookies()
    page, wrong = await context.new_page(), list[str]()
    page.set_default_timeout(PATIENCE_MS)
    tell(page)
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and said.text not in TOLD else None)
    ours = (place.url, place.url.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda asked: None if asked.url.startswith(ours) else wrong.append(f"elsewhere: {asked.url}"))
    await visit(page, f"{place.at(address)}?lang=zh-CN&theme=dark")
    something = page.locator("main h1, main h2, main form, main [role=status]").first
    await expect(something).to_be_visible()
    await page.wait_for_load_state("networkidle")
    return page, wrong


# --------------------------------------------------------------------------------- language
def keys() -> set[str]:
    """Return the key of every text, as it would show if the text were missing."""

    def flat(words: dict, before: str = "") -> Iterator[str]:
        for key, value in words.items():
            if isinstance(value, dict):
                yield from flat(value, f"{before}{key}.")
            else:
                yield before + key

    files = (WEB / "src" / "locales" / "en").glob("*.json")
    return {key for file in files for key in flat(json.loads(file.read_text(encoding="utf-8")))}


def texts(value: object) -> Iterator[str]:
    """Return every text in a configuration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from texts(part)


NAMES = {
    text
    for document in (*CONFIGURATION.scenes.values(), *CONFIGURATION.catalogues.values())
    for text in texts(document.model_dump(mode="json"))
}
SOURCES = re.compile("|".join(rf"(?<![\w-]){binding.source.id}(?![\w-])" for binding in CONFIGURATION.bindings))
CHINESE_NAMES = {name for name in NAMES if CHINESE.search(name)}
TOP = {key.partition(".")[0] for key in keys()}
RAW_KEY = re.compile(rf"\b(?:{'|'.join(sorted(TOP))})(?:\.[A-Za-z][\w-]*)+\b")


def untranslated(shown: list[str], language: str) -> list[str]:
    """Return what of a page's texts is not in its language, names of the plant aside."""
    known = keys()
    found = [text for text in shown if any(match in known for match in RAW_KEY.findall(text))]
    for text in shown:
        if (
            language == "en"
            and CHINESE.search(text)
            and not any(name in text for name in NAMES if CHINESE.search(name))
        ):
            found.append(text)
        if language == "zh-CN" and SENTENCE.search(SOURCES.sub("", PROPER.sub("", text))) and text not in NAMES:
            found.append(text)
    return found


def test_the_search_for_untranslated_words_finds_them() -> None:
    assert untranslated(["configuration.title", "Nothing was heard of it lately", "油温"], "zh-CN") == [
        "configuration.title",
        "Nothing was heard of it lately",
    ]
    assert untranslated(["Alarms", "没有报警了"], "en") == ["没有报警了"]


# ---------------------------------------------------------------------------------- the walk
async def judge(page: Page, language: str) -> None:
    """Hold what a page shows now to everything that holds for every page."""
    await expect(page.locator("html")).to_have_attribute("lang", language)
    assert untranslated(await page.evaluate(READ), language) == []
    found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == []
    await page.set_viewport_size({"width": NARROW, "height": 740})
    await page.wait_for_function(f"innerWidth === {NARROW}")
    for _ in range(150):  # charts follow their place a moment later
        if not (wide := await page.evaluate(TOO_WIDE)):
            break
        await page.wait_for_timeout(200)
    assert wide == []


def disturbed(wrong: list[str]) -> bool:
    """Say whether the machine's network changed while a page was looked at, which is no fault of the page."""
    return any(NETWORK_CHANGED in one for one in wrong)


async def walk(page: Page) -> None:
    """Hold a page to the rules, in both languages and themes."""
    await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    await page.keyboard.press("Tab")  # from now on the browser shows where the keyboard is
    assert await page.evaluate(WITHOUT_FOCUS) == []
    await judge(page, "zh-CN")
    await page.set_viewport_size({"width": 1440, "height": 900})
    for switch in ("language", "theme"):
        for button in await page.locator(f"[data-test={switch}]").all():  # the doors have no theme to switch
            await button.click()
    await judge(page, "en")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_speaks_the_readers_language_and_serves_everybody(
    browser: Browser, place: Place, name: str
) -> None:
    for _ in range(5):
        page, wrong = await opened_page(browser, place, PAGES[name])
        try:
            await walk(page)
        except AssertionError:
            if not disturbed(wrong):
                raise
        if not disturbed(wrong):
            break
    assert wrong == []
