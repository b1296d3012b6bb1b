"""Campaigns as an evaluator meets them: planned on a page, watched, read in both languages, verified."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from configs.configuration import Configuration
from dashboard_api.access import Role
from evidence.plan import HandedIn, Window
from evidence.verify import Step
from plant.clock import SystemClock, from_iso
from tests.evidence.conftest import short_shifts
from tests.web.campaigning_centre import Place, campaigning, finished
from tests.web.fake_centre import WEB
from tests.web.looking import PATIENCE_MS, tell, visit

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Configuration, Path]:
    """A configuration, and a data folder with one finished campaign `spring`."""
    folder = tmp_path_factory.mktemp("campaigns")
    (folder / "config").mkdir()
    configuration = short_shifts(folder / "config", "identifier")
    finished(configuration, folder / "data")
    return configuration, folder / "data"


@pytest_asyncio.fixture(loop_scope="session")
async def place(built_pages: Path, done: tuple[Configuration, Path], tmp_path: Path) -> AsyncIterator[Place]:
    configuration, data = done
    shutil.copytree(data, tmp_path / "data")
    async with campaigning(configuration, tmp_path / "data") as running:
        yield running


async def look(browser: Browser, place: Place, path: str, *, role: Role | None = Role.EVALUATOR, **options) -> Page:
    context = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    if role is not None:
        await context.add_cookies([{"name": "provenline", "value": place.cookies[role], "url": place.url}])
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    tell(page)
    await visit(page, place.url + path)
    return page


async def test_a_plan_is_frozen_on_the_page_and_its_campaign_opens(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=en")
    await page.locator("[data-test=plan]").click()
    await expect(page.locator("[data-test=bounds]")).to_contain_text("≥ 10 %")
    await page.locator("[data-test=id]").fill("spring")
    await expect(page.locator("[data-test=id-hint]")).to_contain_text("There is a campaign “spring” already")
    await expect(page.locator("[data-test=freeze]")).to_be_disabled()
    await page.locator("[data-test=id]").fill("autumn")
    await page.locator("[data-test=shifts]").fill("6")
    await page.locator("[data-test=profile]").select_option("5g-degraded")
    await page.locator("[data-test=purpose]").fill("before the visit")
    await page.locator("[data-test=freeze]").click()
    await expect(page).to_have_url(f"{place.url}/campaigns/autumn")
    plan = place.store.open("autumn").plan.plan
    assert (plan.improved.shifts, plan.improved.profile) == (6, "5g-degraded")
    assert (plan.author, plan.purpose.text.of("en")) == ("the-evaluator", "before the visit")
    await expect(page.locator("[data-test=revisions]")).to_contain_text(plan.hash)


async def test_what_the_server_refuses_is_said_in_the_form(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=en")
    await page.locator("[data-test=plan]").click()
    await page.locator("[data-test=id]").fill("late")
    shutil.copytree(place.store.open("spring").folder, place.store.open("spring").folder.with_name("late"))
    await page.locator("[data-test=freeze]").click()
    await expect(page.locator("[data-test=plan-form] [data-test=failure]")).to_contain_text("choose another id")


async def test_a_running_campaign_shows_how_far_it_is_until_it_is_called_off(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=zh-CN")
    await page.locator("[data-test=plan]").click()
    await page.locator("[data-test=freeze]").click()
    await page.locator("[data-test=run]").click()
    await expect(page.locator("[data-test=step]")).to_contain_text("仿真改造侧")
    await expect(page.locator("[data-test=share]")).to_have_text("47 %")
    await page.locator("[data-test=cancel]").click()
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-test=cancel-dialog]")).to_be_hidden()
    await page.locator("[data-test=cancel]").click()
    await page.locator("[data-test=cancel-sure]").click()
    await expect(page.locator("[data-test=stage]")).to_have_text("已取消")
    await expect(page.locator("[data-test=run]")).to_have_text("重新执行")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", ("仿真数据", "达标", "数据采集和标识解析效率提升", "要求 ≥ 10 %", "未区分产品", "基线")),
        (
            "en",
            (
                "SIMULATED DATA",
                "Met",
                "Gain of collecting and resolving",
                "bound ≥ 10 %",
                "Products are not told",
                "Base",
            ),
        ),
    ],
)
async def test_findings_are_read_in_either_language(
    browser: Browser, place: Place, language: str, words: tuple[str, ...]
) -> None:
    page = await look(browser, place, f"/campaigns/spring?lang={language}")
    mark, verdict, name, bound, note, side = words
    await expect(page.locator("[data-test=simulated]")).to_contain_text(mark)
    await expect(page.locator("[data-test=verdict]")).to_have_text(verdict)
    found = page.locator("[data-indicator=collect-gain]")
    for said in (name, bound, side):
        await expect(found).to_contain_text(said)
    await expect(found.locator("[data-test=notes]")).to_contain_text(note)
    estimate = place.store.open("spring").finding["findings"][0]["estimate"]
    await expect(found.locator("figure svg")).to_have_attribute("aria-label", re_of(f"{100 * estimate:.4g} %"))


def re_of(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))


async def test_verifying_shows_every_step_and_who_signed(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns/spring?lang=en")
    await page.locator("[data-test=verify]").click()
    await expect(page.locator("[data-test=verified]")).to_have_attribute("data-holds", "true")
    for step in Step:
        await expect(page.locator(f"[data-step={step.value}]")).to_be_visible()
    await expect(page.locator("[data-step=figures]")).to_contain_text("computed anew")
    await expect(page.locator("[data-test=signer]")).to_have_text(re.compile("^[0-9a-f]{64}$"))


async def test_a_package_that_was_meddled_with_is_not_verified(browser: Browser, place: Place) -> None:
    package = place.store.open("spring").package
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 1
    package.write_bytes(content)
    page = await look(browser, place, "/campaigns/spring?lang=en")
    await page.locator("[data-test=verify]").click()
    await expect(page.locator("[data-test=verified]")).to_have_attribute("data-holds", "false")


async def test_the_package_and_every_file_of_the_report_can_be_taken_away(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns/spring")
    async with page.expect_download() as downloading:
        await page.locator("[data-test=package]").click()
    package = place.store.open("spring").package
    assert Path(await (await downloading.value).path()).read_bytes() == package.read_bytes()
    for file in place.store.open("spring").reports:
        link = await page.locator(f"[data-file='{file}']").get_attribute("href")
        assert (await page.request.get(place.url + str(link))).status == 200


async def test_a_revision_needs_a_reason_and_takes_the_result_away(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns/spring?lang=en")
    await page.locator("[data-test=revise]").click()
    await page.locator("[data-test=shifts]").fill("5")
    await expect(page.locator("[data-test=freeze]")).to_be_disabled()
    await page.locator("[data-test=reason]").fill("one shift more")
    await page.locator("[data-test=freeze]").click()
    await expect(page.locator("[data-test=revisions]")).to_contain_text("because: one shift more")
    await expect(page.locator("[data-test=findings]")).to_have_count(0)
    assert len(place.store.open("spring").revisions) == 2


async def test_a_window_is_left_out_in_the_sites_time_and_in_ones_own_name(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=en", timezone_id="America/New_York")
    await page.locator("[data-test=plan]").click()
    await page.locator("[data-test=freeze]").click()
    form = page.locator("[data-test=exclude-form]")
    await form.locator("[data-test=from]").fill("2026-11-02T09:00")
    await form.locator("[data-test=to]").fill("2026-11-02T08:00")
    await expect(form.locator("[data-test=backwards]")).to_be_visible()
    await form.locator("[data-test=to]").fill("2026-11-02T10:00")
    await form.locator("[data-test=why]").fill("power cut")
    await form.locator("[data-test=leave-out]").click()
    await expect(page.locator("[data-test=exclusions]")).to_contain_text("2026-11-02 09:00:00")
    await expect(form.locator("[role=alert]")).to_have_count(0)
    (left_out,) = place.store.open("identifier").exclusions
    assert left_out.window.start == from_iso("2026-11-02T01:00:00+00:00")  # Shanghai, wherever the browser is
    assert (left_out.reason, left_out.author) == ("power cut", "the-evaluator")


async def test_what_people_handed_in_is_listed_with_its_document(browser: Browser, place: Place) -> None:
    plan = place.store.open("spring").plan.plan
    nowhere = {"id": "centre", "scene": None, "baseline": None, "improved": None}
    made = place.store.create(plan.model_copy(update=nowhere), clock=SystemClock())
    window = Window(start=0, stop=1)
    made.hand_in(HandedIn(kind="trained", window=window, number=600, source="register 7", author="Li Wei", at=2))
    page = await look(browser, place, "/campaigns?lang=en")
    await page.locator("[data-campaign=centre] a").click()
    for said in ("trained", "600", "register 7", "Li Wei"):
        await expect(page.locator("[data-test=records]")).to_contain_text(said)
    await expect(page.locator("[data-test=simulated]")).to_have_count(0)


async def test_a_count_is_planned_and_handed_in_on_the_page(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=en")
    await page.locator("[data-test=plan]").click()
    await page.locator("[data-test=clause]").select_option("cq-2020-1/identifier-node-enterprise/null")
    await expect(page.locator("[data-test=counted]")).to_be_visible()
    await expect(page.locator("[data-test=shifts]")).to_have_count(0)
    await page.locator("[data-test=freeze]").click()
    await expect(page.locator("[data-test=record-form]")).to_be_visible()
    for kind, number, whole in (("identifiers", "730000", "1"), ("resolutions", "210000", "31")):
        await page.locator("[data-test=kind]").select_option(kind)
        await page.locator("[data-test=number]").fill(number)
        await page.locator("[data-test=of]").fill(whole)
        await page.locator("[data-test=record-from]").fill("2025-10-01T00:00")
        await page.locator("[data-test=record-to]").fill("2025-11-01T00:00")
        await page.locator("[data-test=source]").fill("registry export 2025-10")
        await page.locator("[data-test=hand-in]").click()
        await expect(page.locator("[data-test=records]")).to_contain_text("210,000" if whole == "31" else "730,000")
    held = place.store.open("identifier-node-enterprise").records
    assert [(one.kind, one.number, one.of, one.author) for one in held] == [
        ("identifiers", 730_000, 1, "the-evaluator"),
        ("resolutions", 210_000, 31, "the-evaluator"),
    ]


async def test_a_real_line_is_planned_by_days_before_they_have_come(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=en")
    await page.locator("[data-test=plan]").click()
    await page.locator("[data-test=clause]").select_option("cq-2020-1/identifier/identifier")
    await page.locator("[data-test=source-recorded]").check()
    await expect(page.locator("[data-test=shifts]")).to_have_count(0)
    for field, day in (("baseline-first", "2026-09-07"), ("baseline-last", "2026-09-08")):
        await page.locator(f"[data-test={field}]").fill(day)
    for field, day in (("improved-first", "2099-10-12"), ("improved-last", "2099-10-13")):
        await page.locator(f"[data-test={field}]").fill(day)
    await page.locator("[data-test=id]").fill("line-autumn")
    await page.locator("[data-test=freeze]").click()
    await expect(page).to_have_url(re.compile("/campaigns/line-autumn"))
    plan = place.store.open("line-autumn").plan.plan
    assert plan.baseline
    assert plan.improved
    assert {plan.baseline.source, plan.improved.source} == {"recorded"}


async def test_who_may_only_look_is_offered_nothing_else(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns", role=Role.OPERATOR)
    await page.locator("[data-campaign=spring] a").click()
    await expect(page.locator("[data-test=findings]")).to_be_visible()
    for offered in ("plan", "run", "verify", "package", "revise", "exclude-form"):
        await expect(page.locator(f"[data-test={offered}]")).to_have_count(0)


async def test_who_may_not_look_is_told_so_and_a_visitor_to_sign_in(browser: Browser, place: Place) -> None:
    page = await look(browser, place, "/campaigns?lang=en", role=Role.TRAINEE)
    await expect(page.locator("main")).to_contain_text("Your role does not allow this")
    await expect(page.locator("[data-test=to-campaigns]")).to_have_count(0)
    visitor = await look(browser, place, "/campaigns/spring?lang=en", role=None)
    await expect(visitor).to_have_url(re.compile(r"/sign-in\?to=/campaigns/spring"))


async def test_the_campaign_pages_are_accessible_in_both_themes(browser: Browser, place: Place) -> None:
    pages = {"/campaigns": ("plan", "plan-form"), "/campaigns/spring": ("verify", "verified"), "/campaigns/none": None}
    for path, pressed in pages.items():
        page = await look(browser, place, f"{path}?theme=dark", bypass_csp=True, reduced_motion="reduce")
        if pressed is None:
            await expect(page.locator(".notice")).to_be_visible()
        else:
            await page.locator(f"[data-test={pressed[0]}]").click()
            await expect(page.locator(f"[data-test={pressed[1]}]")).to_be_visible()
        await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
        for theme in ("dark", "light"):
            await expect(page.locator("html")).to_have_attribute("data-theme", theme)
            found = await page.evaluate("axe.run()")
            assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], (path, theme)
            await page.locator("[data-test=theme]").click()
