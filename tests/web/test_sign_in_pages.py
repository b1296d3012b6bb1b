"""Signing in as a person meets it, in a real browser, at a real centre that shows nothing to visitors."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from configs.loader import load
from dashboard_api.access import Role
from plant.clock import SystemClock
from provenline.centre import Address, listening, opened
from provenline.trust import Trust, trust
from tests.peers.processes import free_port
from tests.web.fake_centre import WEB
from tests.web.looking import PATIENCE_MS, tell, visit

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "correct horse 1"

SITE = "type: site\nid: cq\nname: {zh: 产教融合实训中心, en: Training centre}\n"
CENTRE = "type: centre\naccess: {anonymous: none}\n"


@dataclass(frozen=True)
class Place:
    """A centre with an administrator `boss` and an operator `li`."""

    url: str
    trusted: Trust


@pytest_asyncio.fixture(loop_scope="session")
async def place(built_pages: Path, tmp_path: Path) -> AsyncIterator[Place]:
    folder, data = tmp_path / "config", tmp_path / "data"
    folder.mkdir()
    data.mkdir()
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "centre.yaml").write_text(CENTRE, encoding="utf-8")
    configuration, address = load(folder), Address("127.0.0.1", free_port())
    async with (
        trust(data, configuration) as trusted,
        opened(configuration, trusted, data=data, clock=SystemClock()) as centre,
        listening(centre, address),
    ):
        for name, role in (("boss", Role.ADMIN), ("li", Role.OPERATOR)):
            await trusted.accounts.set_first(await trusted.accounts.add(name, role), PASSWORD)
        yield Place(address.url.rstrip("/"), trusted)


async def look(browser: Browser, address: str, **options) -> Page:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    tell(page)
    await visit(page, address)
    return page


async def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    await page.locator("[data-test=name]").fill(name)
    await page.locator("[data-test=password] input").fill(password)
    await page.locator("[data-test=sign-in]").click()


async def test_a_visitor_is_led_to_sign_in_and_then_where_they_wanted_to_go(browser: Browser, place: Place) -> None:
    page = await look(browser, f"{place.url}/alarms?lang=zh-CN")
    await expect(page).to_have_url(re.compile("/sign-in"))
    await expect(page.locator("h1")).to_have_text("登录")
    await sign_in(page, "li")
    await expect(page).to_have_url(f"{place.url}/alarms?lang=zh-CN")
    await expect(page.locator("[data-test=account]")).to_contain_text("li")


@pytest.mark.parametrize("to", ["//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_leads_to_no_other_site(browser: Browser, place: Place, to: str) -> None:
    page = await look(browser, f"{place.url}/sign-in?to={to}")
    await sign_in(page, "li")
    await expect(page.locator("[data-test=account]")).to_contain_text("li")
    assert page.url.rstrip("/") == place.url


async def _too_many(route: Route) -> None:
    await route.fulfill(status=429, headers={"Retry-After": "60"}, json={"code": "busy", "message": "too many tries"})


async def test_a_wrong_password_says_so_and_after_some_how_long_to_wait(browser: Browser, place: Place) -> None:
    page = await look(browser, f"{place.url}/sign-in?lang=en")
    failure, button = page.locator("[data-test=failure]"), page.locator("[data-test=sign-in]")
    await sign_in(page, "li", "wrong horse 1")
    await expect(failure).to_have_text("The user name or password is not right.")
    await expect(button).to_be_enabled()
    # How many tries there are, and how long the wait gets, is the server's and tested there: a slow browser
    # waits the first seconds out by itself.
    await page.route("**/api/v1/session", _too_many)
    await sign_in(page, "li", "wrong horse 1")
    await expect(failure).to_have_text(re.compile(r"Too many tries. Try again in \d+ s."))
    await expect(button).to_be_disabled()


async def test_a_session_that_was_revoked_returns_to_sign_in_and_says_why(browser: Browser, place: Place) -> None:
    page = await look(browser, f"{place.url}/sign-in?to=/alarms&lang=zh-CN")
    await sign_in(page, "li")
    await expect(page.locator("[data-test=account]")).to_contain_text("li")
    await place.trusted.accounts.change("li", enabled=False)
    await expect(page).to_have_url(re.compile(r"/sign-in\?.*ended=1"))
    await expect(page.locator(".door")).to_contain_text("登录已结束")
    assert "to=/alarms" in page.url


async def test_signing_out_ends_the_session_at_the_server_too(browser: Browser, place: Place) -> None:
    page = await look(browser, f"{place.url}/sign-in")
    await sign_in(page, "li")
    await page.locator("[data-test=account] summary").click()
    await page.locator("[data-test=sign-out]").click()
    await expect(page).to_have_url(re.compile("/sign-in"))
    assert place.trusted.accounts.sessions("li") == []


async def test_an_administrator_makes_an_account_and_its_owner_sets_a_password_once(
    browser: Browser, place: Place
) -> None:
    boss = await look(browser, f"{place.url}/sign-in?to=/users")
    await sign_in(boss, "boss")
    await expect(boss).to_have_url(f"{place.url}/users")
    await boss.locator("[data-test=name]").fill("wang")
    await boss.locator("[data-test=add]").click()
    link = await boss.locator("[data-test=link]").inner_text()
    await expect(boss.locator("[data-user=wang]")).to_contain_text("待设置密码")

    wang = await look(browser, link)
    for field in ("password", "again"):
        await wang.locator(f"[data-test={field}] input").fill("eight horses 8")
    await wang.locator("[data-test=set]").click()
    await expect(wang.locator("[data-test=account]")).to_contain_text("wang")

    again = await look(browser, f"{link.replace('#', '?lang=en#')}")
    for field in ("password", "again"):
        await again.locator(f"[data-test={field}] input").fill("nine horses 99")
    await again.locator("[data-test=set]").click()
    await expect(again.locator("[data-test=failure]")).to_contain_text("This code was used")


async def test_a_token_is_made_on_the_page_and_opens_the_api(browser: Browser, place: Place) -> None:
    page = await look(browser, f"{place.url}/sign-in?to=/account")
    await sign_in(page, "li")
    await page.locator("[data-test=label]").fill("report")
    await page.locator("[data-test=add-token]").click()
    token = await page.locator("[data-test=token]").inner_text()
    stranger = await browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"})
    assert (await stranger.request.get(f"{place.url}/api/v1/scenes")).status == 200
    assert (await stranger.request.get(f"{place.url}/api/v1/users")).status == 403


async def test_the_audit_page_shows_what_was_done_and_that_nothing_was_altered(browser: Browser, place: Place) -> None:
    page = await look(browser, f"{place.url}/sign-in?to=/audit")
    await sign_in(page, "boss")
    await expect(page.locator("[data-seq='1']")).to_contain_text("session.open")
    await page.locator("[data-test=verify]").click()
    await expect(page.locator("[data-test=verified]")).to_contain_text("1 条记录完整")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_the_account_pages_are_accessible(browser: Browser, place: Place, theme: str) -> None:
    page = await look(browser, f"{place.url}/sign-in?theme={theme}", bypass_csp=True)
    pages = {"sign-in": "[data-test=sign-in]", "welcome": "[data-test=set]"}
    within = {"account": "[data-test=change]", "users": "[data-user=li]", "audit": "[data-seq='1']"}
    for path, mark in (pages | within).items():
        if path == "account":
            await visit(page, f"{place.url}/sign-in?theme={theme}")
            await sign_in(page, "boss")
            await expect(page.locator("[data-test=account]")).to_be_visible()
        await visit(page, f"{place.url}/{path}?theme={theme}")
        await expect(page.locator(mark)).to_be_visible()
        await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
        found = await page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], path
