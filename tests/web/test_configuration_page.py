"""The configuration page in a real browser, in front of a server and a device that others built."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from configs.loader import load
from dashboard_api.access import Role
from plant.clock import SystemClock
from provenline.centre import Address, listening, opened
from provenline.edge_process import edge_of
from provenline.trust import trust
from tests.collectors.modbus_rig import Device, device
from tests.collectors.opcua_peer import Server
from tests.peers.processes import free_port
from tests.web.looking import PATIENCE_MS, tell, visit

pytestmark = [pytest.mark.needs("chromium", "node"), pytest.mark.asyncio(loop_scope="session")]


SITE = "type: site\nid: cq\nname: {zh: 实训中心, en: Training centre}\n"
SCENE = """\
type: scene
id: shop
name: {{zh: 示范车间, en: Demonstration shop}}
sources:
  - {{type: opcua, id: press, endpoint: "opc.tcp://127.0.0.1:{opcua}"}}
  - {{type: modbus, id: plc, link: {{type: tcp, host: 127.0.0.1, port: {modbus}}}}}
  - {{type: modbus, id: gone, link: {{type: tcp, host: 127.0.0.1, port: {closed}}}}}
lines:
  - id: line
    name: {{zh: 主线, en: Main line}}
    devices:
      - id: press
        name: {{zh: 压力机, en: Press}}
        source: press
        tags:
          - {{id: force, kind: analog, address: {{node: "ns=2;s=Press.Force"}}}}
          - {{id: level, kind: analog, source: plc, address: {{register: 10, format: float32}}}}
          - {{id: lost, kind: analog, source: gone, address: {{register: 0}}}}
"""


@dataclass(frozen=True)
class Place:
    """A centre whose edge reads the devices; `secret` is the session of an operator."""

    url: str
    folder: Path
    secret: str

    async def look(
        self, browser: Browser, *, language: str = "zh-CN", signed_in: bool = True, width: int = 1440
    ) -> Page:
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        if signed_in:
            await context.add_cookies([{"name": "provenline", "value": self.secret, "url": self.url}])
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        tell(page)
        await visit(page, f"{self.url}/configuration?lang={language}")
        return page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    it = Server(tmp_path_factory.mktemp("pki"))
    it.start()
    yield it
    it.kill()


@pytest.fixture(scope="module")
def plc() -> Iterator[Device]:
    with device(vendor={1: "Peer Ltd"}) as it:
        it.write(1, 10, *struct.unpack(">HH", struct.pack(">f", 12.5)))
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(
    built_pages: Path, server: Server, plc: Device, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    folder, data = tmp_path_factory.mktemp("config"), tmp_path_factory.mktemp("data")
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    scene = SCENE.format(opcua=server.port, modbus=plc.port, closed=free_port())
    (folder / "scene.yaml").write_text(scene, encoding="utf-8")
    configuration, address, clock = load(folder), Address("127.0.0.1", free_port()), SystemClock()
    async with (
        trust(data, configuration) as trusted,
        opened(configuration, trusted, data=data, clock=clock) as centre,
        listening(centre, address),
        edge_of(configuration, centre.write, data=data / "edge", clock=clock),
    ):
        await trusted.accounts.add("li", Role.OPERATOR)
        secret, _ = await trusted.accounts.open(trusted.accounts.user("li"), address="127.0.0.1", agent="test")
        yield Place(address.url.rstrip("/"), folder, secret)


async def test_what_runs_is_shown_with_its_condition_and_why_it_is_lost(browser: Browser, place: Place) -> None:
    page = await place.look(browser)
    press, gone = page.locator("[data-source='shop/press']"), page.locator("[data-source='shop/gone']")
    await expect(press.locator("[data-condition]")).to_have_attribute("data-condition", "connected")
    await expect(press).to_contain_text("opc.tcp://127.0.0.1:")
    await expect(press).to_contain_text("scene.yaml:5")
    await expect(gone.locator("[data-condition]")).to_have_attribute("data-condition", "lost")
    await expect(gone).to_contain_text("cannot be reached")
    await expect(page.locator("[data-test=checked]")).to_contain_text("2 个文档，没有错误")


async def test_a_visitor_sees_conditions_but_no_addresses(browser: Browser, place: Place) -> None:
    page = await place.look(browser, language="en", signed_in=False)
    await expect(page.locator("[data-source='shop/press'] [data-condition]")).to_be_visible()
    await expect(page.get_by_text("There is more to see here")).to_be_visible()
    shown = await page.locator("main").inner_text()
    assert "opc.tcp://" not in shown
    assert "scene.yaml" not in shown
    await expect(page.locator("[data-test=try]")).to_have_count(0)


async def test_a_trial_says_step_by_step_what_passed_and_what_to_do_next(browser: Browser, place: Place) -> None:
    page = await place.look(browser)
    press, gone = page.locator("[data-source='shop/press']"), page.locator("[data-source='shop/gone']")
    await press.locator("[data-test=try]").click()
    await expect(press.locator("[data-stage=clock]")).to_have_attribute("data-outcome", "passed")
    await expect(press.locator("[data-test=advice]")).to_contain_text("全部步骤通过")
    await gone.locator("[data-test=try]").click()
    await expect(gone.locator("[data-stage=connect]")).to_have_attribute("data-outcome", "failed")
    await expect(gone.locator("[data-test=advice]")).to_contain_text("检查端口号")
    await expect(gone.locator("[data-stage=read]")).to_have_attribute("data-outcome", "skipped")


async def test_what_is_found_at_a_server_becomes_a_file_that_the_check_accepts(
    browser: Browser, place: Place, tmp_path: Path
) -> None:
    page = await place.look(browser, language="en")
    await page.locator("[data-test=target]").select_option("shop/press")
    await page.locator("[data-test=open]").click()
    for name in ("Line", "Press"):
        await page.get_by_role("button", name=re.compile(rf"^\W*{name}$")).click()
    await page.locator("[data-node='ns=2;s=Press.Job']").get_by_role("checkbox").check()
    await page.locator("[data-node='ns=2;s=Press.Count']").get_by_role("checkbox").check()
    await page.locator("[data-test=draft]").click()
    await expect(page.locator("[data-test=draft-checked]")).to_contain_text("no faults")
    async with page.expect_download() as downloading:
        await page.locator("[data-test=download]").click()
    file = tmp_path / (await downloading.value).suggested_filename
    await (await downloading.value).save_as(file)
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    assert "node: ns=2;s=Press.Count" in file.read_text(encoding="utf-8")
    command = [sys.executable, "-m", "provenline", "check", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr


async def test_a_register_is_picked_as_the_reading_that_makes_sense(browser: Browser, place: Place) -> None:
    page = await place.look(browser)
    await page.locator("[data-test=target]").select_option("shop/plc")
    await page.locator("[data-test=open]").click()
    await page.locator("[data-test=start]").fill("10")
    await page.locator("[data-test=scan]").click()
    await expect(page.get_by_text("Peer Ltd")).to_be_visible()
    await page.locator("[data-register='10']").get_by_role("button", name="12.5", exact=True).click()
    await page.locator("[data-test=draft]").click()
    yaml = page.locator("[data-test=yaml]")
    await expect(yaml).to_contain_text("format: float32")
    await expect(yaml).to_contain_text("register: 10")


async def test_an_address_that_is_not_listed_is_refused_in_the_readers_language(browser: Browser, place: Place) -> None:
    for language, words in (("zh-CN", "不允许连接该地址"), ("en", "This address is not allowed")):
        page = await place.look(browser, language=language)
        await page.locator("[data-test=target]").select_option("opcua")
        await page.locator("[data-test=endpoint]").fill("opc.tcp://169.254.169.254:80")
        await page.locator("[data-test=open]").click()
        await expect(page.locator("[data-test=explorer] [role=alert]")).to_contain_text(words)


async def test_a_fault_in_the_files_is_told_with_its_place(browser: Browser, place: Place) -> None:
    bad = place.folder / "bad.yaml"
    page = await place.look(browser, language="en")
    await expect(page.locator("[data-test=checked]")).to_contain_text("no faults")
    bad.write_text("type: centre\nprot: 8000\n", encoding="utf-8")
    try:
        await page.locator("[data-test=recheck]").click()
        await expect(page.locator("[data-test=fault]")).to_contain_text("bad.yaml:2")
        await expect(page.locator("[data-test=fault]")).to_contain_text("port")
        await expect(page.locator("[data-test=changed]")).to_contain_text("Mend what is listed below")
    finally:
        bad.unlink()
