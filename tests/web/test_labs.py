"""A trainee and an instructor at a real centre, each in a browser of their own, on a real line.

One line is started for all tests of this file: they follow each other, as the two work through a lesson.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from labs.course import LabKey
from labs.incidents import Ask, Incident
from labs.work import Result
from tests.web.lab_centre import LabCentre, lab_centre
from tests.web.looking import visit

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PATIENCE_MS = 180_000
TAGS = """          - id: speed
            kind: analog
            unit: m/s
            address: {register: 2, format: int16, scale: 0.001}
          - id: motor-temperature
            kind: analog
            unit: Cel
            address: {register: 3, format: int16, scale: 0.1}
          - id: level
            kind: analog
            unit: "{part}"
            address: {register: 4}
          - id: running
            kind: event
            address: {table: coil, register: 0, format: bit}
"""
OTHER_LABS = {"word-order": 10, "scaling": 9}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(built_pages: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LabCentre]:
    async with lab_centre(tmp_path_factory.mktemp("data")) as running:
        yield running


async def opened(browser: Browser, place: LabCentre, name: str, address: str) -> Page:
    page = await (await place.context(browser, name)).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await visit(page, f"{place.url}{address}?lang=zh-CN&theme=dark")
    return page


def earlier_results(place: LabCentre, learner: str) -> None:
    """Let somebody have done other labs of the course before."""
    work = place.desk.register.work
    for lab, points in OTHER_LABS.items():
        attempt = work.begin(learner, LabKey("modbus", lab), 0)
        work.grade(Result(attempt.id, points, points, (), 0), fixed=())
        work.end(attempt.id, 1)


async def replaced(page: Page, text: str) -> None:
    """Put text at the end of the file in the editor, in place of what was put there before."""
    await page.locator("[data-test=code]").focus()
    await page.keyboard.press("Control+End")
    await page.keyboard.insert_text(text)


async def test_a_lesson_from_enrolling_to_the_certificate(browser: Browser, place: LabCentre) -> None:
    await asyncio.to_thread(earlier_results, place, "ann")
    ann = await opened(browser, place, "ann", "/labs")
    await enrols(ann)
    await maps_the_registers(ann)
    await opens_a_device_of_the_line_in_a_tab_of_its_own(ann)
    await works_with_a_partner(ann, browser, place)
    await is_graded(ann)
    tess = await opened(browser, place, "tess", "/teach")
    kind, target = await hides_a_fault(tess)
    await reports(ann, kind, target)
    row = tess.locator("[data-score=ann]")
    await expect(row.locator("[data-test=detected]")).to_have_text(re.compile(r"\d+ 秒"), timeout=PATIENCE_MS)
    await expect(row.locator("[data-test=diagnosed]")).to_have_text(re.compile(r"\d+ 秒"))
    await watches(tess, kind)
    await gets_the_certificate(ann, browser, place)


async def enrols(page: Page) -> None:
    card = page.locator("[data-course=modbus]")
    await card.locator("[data-test=enrol]").click()
    await card.locator("[data-test=certified-name]").fill("安娜")
    await card.locator("[data-test=enrol-send]").click()
    await expect(card.locator("[data-test=leave]")).to_be_visible()


async def maps_the_registers(page: Page) -> None:
    await page.locator("[data-course=modbus] [data-lab=map-registers]").click()
    await page.locator("[data-test=begin]").click()
    await page.wait_for_url("**/attempts/**")
    await expect(page.locator("[data-tag=state] [data-test=value]")).to_contain_text(re.compile(r"\S"))
    await expect(page.locator("[data-tag=speed]")).to_have_count(0)
    await page.locator("[data-question=address] input").fill("2")
    await page.locator("[data-question=address] input").press("Enter")

    await page.locator("[data-test=pane-files]").click()
    await replaced(page, TAGS.replace("register: 2,", "register: two,"))
    await page.locator("[data-test=apply]").click()
    await expect(page.locator("[data-test=fault]").first).to_contain_text("scene.yaml:25")
    await page.reload()  # what was typed is still there
    await page.locator("[data-test=pane-files]").click()
    await expect(page.locator("[data-test=code]")).to_contain_text("register: two")
    await page.locator("[data-test=restore]").click()
    await expect(page.locator("[data-test=code]")).not_to_contain_text("register: two")
    await replaced(page, TAGS)
    await page.locator("[data-test=compare]").select_option("start")
    await expect(page.locator(".cm-changedLine").first).to_be_visible()
    await page.locator("[data-test=apply]").click()
    await expect(page.locator("[data-test=applied]")).to_be_visible()

    await page.locator("[data-test=pane-line]").click()
    speed = page.locator("[data-tag=speed]")
    await expect(speed.locator("[data-test=value]")).to_contain_text(re.compile(r"0\.\d+"))
    await expect(page.locator("[data-tag=running] [data-level=good]")).to_be_visible()
    await expect(speed.locator("[data-level=good]")).to_be_visible()
    await page.locator("[data-test=pane-wire]").click()
    await expect(page.locator("[data-test=message]").first).to_contain_text("modbus")


async def opens_a_device_of_the_line_in_a_tab_of_its_own(page: Page) -> None:
    await page.locator("[data-test=pane-line]").click()
    link = page.locator(".line h2 a[href*=conveyor]").first
    await link.dispatch_event("pointerdown")
    address = await link.get_attribute("href")
    assert address
    assert "/attempts/" in address
    tab = await page.context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    await visit(tab, f"{page.url.split('/attempts/')[0]}{address}")
    await expect(tab.locator("[data-test=line-values][aria-pressed=false]")).to_be_visible()
    await expect(tab.locator(".line h1")).to_be_visible()
    await tab.close()


async def works_with_a_partner(page: Page, browser: Browser, place: LabCentre) -> None:
    """A partner joins by the code, and neither overwrites the other's configuration unseen; then they part."""
    await page.locator("[data-test=invite]").click()
    code = await page.locator("[data-test=code-to-tell]").text_content()
    assert code
    ben = await opened(browser, place, "ben", "/labs/modbus/map-registers")
    await ben.locator("[data-test=join-code]").fill(code.lower().replace("-", " "))
    await ben.locator("[data-test=join]").click()
    await ben.wait_for_url("**/attempts/**")
    await expect(ben.locator("[data-test=pair]")).to_contain_text("ann")
    await ben.locator("[data-test=pane-files]").click()
    await replaced(ben, "# of ben\n")
    await page.locator("[data-test=pane-files]").click()
    await replaced(page, "# of ann\n")
    await page.locator("[data-test=apply]").click()
    await expect(page.locator("[data-test=applied]")).to_be_visible()
    await expect(ben.locator("[data-test=clash]")).to_be_visible()
    await expect(ben.locator("[data-test=apply]")).to_be_disabled()
    await ben.locator("[data-test=clash-theirs]").click()
    await expect(ben.locator("[data-test=code]")).to_contain_text("of ann")
    await expect(ben.locator("[data-test=code]")).not_to_contain_text("of ben")
    await expect(page.locator("[data-test=pair]")).to_contain_text("ben")
    await ben.locator("[data-test=part]").click()
    await ben.wait_for_url("**/labs/modbus/map-registers")
    await expect(page.locator("[data-test=pair]")).to_have_count(0)
    await ben.context.close()


async def is_graded(page: Page) -> None:
    await page.locator("[data-test=grade]").click()
    await expect(page.locator("[data-test=score]")).to_have_text("10 / 10")
    await expect(page.locator("[data-passed=false]")).to_have_count(0)


async def hides_a_fault(page: Page) -> tuple[str, str]:
    await page.locator("[data-test=form-class]").click()
    await page.locator("[data-test=class-name]").fill("一班")
    await page.locator("[data-test=class-course]").select_option("modbus")
    await page.locator("[data-person=ann]").check()
    await page.locator("[data-test=class-save]").click()
    await expect(page.locator("[data-member=ann]")).to_contain_text("10 / 10")
    kinds = page.locator("[data-test=hide-kind]")
    await expect(kinds.locator("option").nth(1)).to_be_attached()
    kind = await kinds.locator("option").nth(1).get_attribute("value")
    assert kind
    await kinds.select_option(kind)
    targets = page.locator("[data-test=hide-target]")
    target = await targets.locator("option").nth(1).get_attribute("value")
    assert target
    await targets.select_option(target)
    await page.locator("[data-test=hide-send]").click()
    await expect(page.locator("[data-test=hidden]")).to_be_visible()
    return kind, target


async def reports(page: Page, kind: str, target: str) -> None:
    await page.locator("[data-test=pane-report]").click()
    await page.locator("[data-test=cause]").select_option(kind)
    await page.locator("[data-test=place]").select_option(target)
    await page.locator("[data-test=claim-send]").click()
    await expect(page.locator("[data-test=claimed]")).to_have_count(1)


async def watches(page: Page, kind: str) -> None:
    await page.locator("[data-member=ann] [data-test=watch]").click()
    await expect(page.locator(f"[data-test=truth] [data-kind={kind}]")).to_be_visible()
    await expect(page.locator("[data-tag=speed] [data-test=value]")).to_contain_text(re.compile(r"\d"))


async def gets_the_certificate(page: Page, browser: Browser, place: LabCentre) -> None:
    await visit(page, f"{place.url}/labs")
    await page.locator("[data-course=modbus] [data-test=certify]").click()
    code = await page.locator("[data-test=code]").text_content()
    address = await page.locator("[data-test=certificate-file]").get_attribute("href")
    assert code
    file = await page.request.get(f"{place.url}{address}")
    assert file.ok
    assert (await file.body()).startswith(b"%PDF-")
    anybody = await opened(browser, place, "", "/certificate")
    await anybody.locator("[data-test=certificate-code]").fill(code)
    await anybody.locator("[data-test=verify]").click()
    await expect(anybody.locator("[data-test=genuine]")).to_contain_text("安娜")


async def test_a_replay_pauses_asks_and_goes_on_once_answered(browser: Browser, place: LabCentre) -> None:
    register, now = place.desk.register, time.time_ns() // 1_000_000
    group = await asyncio.to_thread(register.roll.form, "modbus", "二班", "tess", 0)
    await asyncio.to_thread(register.roll.put_members, group.id, ["ben"], 0)
    asked = Ask(at=now - 300_000, kind="choice", ask="哪台设备先停？", options=("输送带", "压力机"), answer=2)
    planned = Incident("", group.id, "tess", "first-light", "停线", now - 600_000, now - 60_000, (asked,))
    incident = await asyncio.to_thread(register.incidents.plan, planned, 0)
    ben = await opened(browser, place, "ben", "/labs")
    await ben.locator("[data-test=incidents] a").click()
    await ben.locator("[data-test=incident-seek]").fill(str(now - 60_000 - (now - 60_000) % 1000))
    question = ben.locator("[data-test=incident-ask]")
    await expect(question).to_contain_text("哪台设备先停？")
    await expect(ben.locator("[data-test=incident-at]")).to_have_attribute("data-at", str(now - 300_000))
    await expect(ben.locator("[data-test=incident-play]")).to_be_disabled()
    await question.get_by_label("压力机").check()
    await question.locator("[data-test=incident-answer]").click()
    await expect(ben.locator("[data-test=incident-told]")).to_have_text("回答正确")
    await expect(ben.locator("[data-test=incident-play]")).to_be_enabled()
    tess = await opened(browser, place, "tess", "/teach/incidents")
    await tess.locator(f"[data-incident='{incident.id}'] [data-test=incident-scores]").click()
    await expect(tess.locator("[data-test=scores]")).to_contain_text("ben: 1 / 1 题正确")
