"""Looking at the past in a real browser: what is shown is what the centre says of it, and is never taken for live."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from configs.loader import PACKAGED, load
from tests.web.fake_centre import WEB
from tests.web.looking import look
from tests.web.past_centre import EVERY, FORCE, PRESS, SCENE, Past, past_centre

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]
ZONE = ZoneInfo("Asia/Shanghai")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def past(built_pages: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    async with past_centre(load(PACKAGED), tmp_path_factory.mktemp("past")) as running:
        yield running


async def open_page(browser: Browser, past: Past, address: str, **options: object) -> Page:
    return await look(browser, f"{past.url}{address}{'&' if '?' in address else '?'}lang=en", **options)


async def figures(past: Past, **asked: object) -> dict[str, dict]:
    answer = await past.get(f"scenes/{SCENE}/indicators", **asked)
    return {one["key"]: one for one in answer["indicators"]}


def widest(found: dict[str, dict], id_: str) -> dict:
    """The figure of the widest scope, which is what a page shows first."""
    return min((one for one in found.values() if one["id"] == id_), key=lambda one: one["scope"].count("/"))


async def last_shift(past: Past) -> dict:
    """The newest shift that is over."""
    span = {"start": (past.end - 40 * 3600) * 1000, "stop": past.end * 1000}
    over = [one for one in await past.get(f"scenes/{SCENE}/shifts", **span) if one["stop"] <= past.end * 1000]
    return over[-1]


async def test_a_past_shift_is_chosen_by_day_and_name_and_shows_what_the_centre_says_of_it(
    browser: Browser, past: Past
) -> None:
    shift = await last_shift(past)
    page = await open_page(browser, past, f"/scene/{SCENE}")
    await page.locator("[data-test=past]").click()
    await page.locator("[data-test=day]").fill(shift["day"])
    await page.locator(f"[data-shift={shift['shift']}]").click()
    await expect(page).to_have_url(re.compile(f"shift={shift['shift']}&day={shift['day']}"))
    found = await figures(past, shift=shift["shift"], day=shift["day"])
    good = widest(found, "good-output")
    assert good["value"] > 1000
    await expect(page.locator("[data-panel=figures]")).to_contain_text(f"{good['value']:,.0f}")
    await expect(page.locator("[data-test=past-mark]")).to_have_text("PAST")
    await expect(page.locator("[data-test=past-frame]")).to_contain_text("not live")
    await expect(page).to_have_title(re.compile("^PAST · "))
    # no age of the present: the page stands where the shift ended
    await expect(page.locator(f"[data-tag='{FORCE}']").first).to_contain_text(re.compile(r"now|\d s ago"))
    await page.locator("[data-test=to-live]").click()
    await expect(page.locator("[data-test=past-frame]")).to_have_count(0)
    await expect(page).to_have_title(re.compile("^(?!PAST)"))
    assert "shift=" not in page.url


async def test_any_stretch_of_time_can_be_typed_in_and_what_is_wrong_with_it_is_said(
    browser: Browser, past: Past
) -> None:
    page = await open_page(browser, past, f"/scene/{SCENE}")
    await page.locator("[data-test=past]").click()
    start = datetime.fromtimestamp(past.end - 3 * 3600, ZONE).replace(second=0, microsecond=0)

    async def typed(begin: datetime, end: datetime) -> None:
        await page.locator("[data-test=start]").fill(begin.strftime("%Y-%m-%dT%H:%M"))
        await page.locator("[data-test=stop]").fill(end.strftime("%Y-%m-%dT%H:%M"))
        await page.locator("[data-test=take-span]").click()

    await typed(start, start - timedelta(hours=1))
    await expect(page.locator("[data-test=fault]")).to_have_text("The end lies before the beginning.")
    await typed(start, start + timedelta(days=2))
    await expect(page.locator("[data-test=fault]")).to_contain_text("lies in the future")
    await typed(start, start + timedelta(hours=1))
    begin, end = (round(moment.timestamp() * 1000) for moment in (start, start + timedelta(hours=1)))
    await expect(page).to_have_url(re.compile(f"start={begin}&stop={end}"))
    losses = await past.get(f"scenes/{SCENE}/losses", start=begin, stop=end)
    assert next(one for one in losses if one["scope"] == PRESS)["planned"] == 3600
    found = await figures(past, start=begin, stop=end)
    await expect(page.locator("[data-panel=figures]")).to_contain_text(f"{widest(found, 'good-output')['value']:,.0f}")


async def test_two_stretches_of_time_stand_side_by_side_with_what_their_difference_means(
    browser: Browser, past: Past
) -> None:
    stop = (past.end - 1800) * 1000
    page = await open_page(
        browser, past, f"/scene/{SCENE}?start={stop - 3_600_000}&stop={stop}&compare=@{stop - 9_000_000}"
    )
    now = widest(await figures(past, start=stop - 3_600_000, stop=stop), "good-output")
    then = (await figures(past, start=stop - 9_000_000, stop=stop - 5_400_000))[now["key"]]
    row = page.locator(f"[data-test=comparison] [data-key='{now['key']}']")
    await expect(row).to_contain_text(f"{now['value']:,.0f}")
    await expect(row).to_contain_text(f"{then['value']:,.0f}")
    difference = now["value"] - then["value"]
    meaning = "same" if abs(difference) <= 0.002 * now["value"] else "better" if difference > 0 else "worse"
    await expect(row).to_have_attribute("data-meaning", meaning)
    await expect(page.locator("[data-test=compare]")).to_have_value("chosen")


async def test_another_mix_of_products_is_said(browser: Browser, past: Past) -> None:
    stop = past.end * 1000
    page = await open_page(browser, past, f"/scene/{SCENE}?start={stop - 1_700_000}&stop={stop}&compare=2h")
    await expect(page.locator("[data-test=mix]")).to_contain_text("bracket-b: 0 % → 100 %")


async def test_figures_follow_one_product(browser: Browser, past: Past) -> None:
    stop = past.end * 1000
    page = await open_page(browser, past, f"/scene/{SCENE}?start={stop - 5_400_000}&stop={stop}")
    await page.locator("[data-test=product]").select_option("bracket-b")
    await expect(page).to_have_url(re.compile("product=bracket-b"))
    found = await figures(past, start=stop - 5_400_000, stop=stop, product="bracket-b")
    share = found[f"{PRESS}#product=bracket-b:oee"]["value"]
    whole = widest(await figures(past, start=stop - 5_400_000, stop=stop), "oee")["value"]
    assert share != pytest.approx(whole, abs=0.01)
    await expect(page.locator("[data-panel=oee]")).to_contain_text(f"{100 * share:.1f}")


async def test_what_a_device_did_is_listed(browser: Browser, past: Past) -> None:
    page = await open_page(browser, past, f"/scene/{SCENE}/device/press")
    events = page.locator("[data-test=events]")
    await events.get_by_role("button", name="8 h").click()
    await expect(events.locator("[data-kind=state]").first).to_contain_text(re.compile("Aborted|Execute"))
    await expect(events.locator("[data-kind=stop]").first).to_contain_text("4 min")
    await expect(events.locator("[data-kind=silence]").first).to_contain_text("not over yet")
    await events.locator("[data-test=event-kind]").select_option("stop")
    await expect(events.locator("[data-kind=state]")).to_have_count(0)


async def test_downloads_open_in_other_programs_with_every_sample(browser: Browser, past: Past, tmp_path: Path) -> None:
    page = await open_page(browser, past, f"/scene/{SCENE}/device/press?tag=force")
    await page.get_by_role("button", name="8 h", exact=True).first.click()
    held = {}
    for kind in ("csv", "parquet"):
        async with page.expect_download() as saving:
            await page.locator(f"[data-test=download-{kind}]").click()
        held[kind] = tmp_path / f"force.{kind}"
        await (await saving.value).save_as(held[kind])
    table = pq.read_table(held["parquet"])
    [rows] = duckdb.sql(f"SELECT count(*), min(value), max(value) FROM '{held['csv']}'").fetchall()
    assert rows[0] == pytest.approx(8 * 3600 / EVERY, rel=0.01)
    assert abs(rows[0] - len(table)) <= 3  # the window moves on between two clicks
    assert 300 <= rows[1] < rows[2] < 400
    assert set(table["path"].to_pylist()) == {FORCE}


async def test_a_refusal_is_read_in_the_language_of_the_page(browser: Browser, past: Past) -> None:
    page = await look(browser, f"{past.url}/scene/{SCENE}?shift=nacht&day=2026-03-04&lang=zh-CN")
    await expect(page.get_by_role("main")).to_contain_text("2026-03-04 没有班次“nacht”")
    code = await page.evaluate(
        "fetch('/api/v1/scenes/first-light/losses?start=5').then(r => r.json()).then(b => [b.code, b.words.zh])"
    )
    assert code == ["half-a-window", "开始与结束要一起给出"]


async def test_a_control_chart_shows_what_the_centre_computes_and_lists_what_it_signals(
    browser: Browser, past: Past
) -> None:
    stop = (past.end - 1800) * 1000
    span = {"start": stop - 1_200_000, "stop": stop}
    before = {"start": span["start"] - 3 * 86_400_000, "stop": span["start"]}
    [*_, learn] = [one for one in await past.get(f"scenes/{SCENE}/shifts", **before) if one["stop"] <= span["start"]]
    found = await past.get(
        f"scenes/{SCENE}/chart", tag=FORCE, **span, learn_start=learn["start"], learn_stop=learn["stop"]
    )
    page = await open_page(
        browser, past, f"/scene/{SCENE}?start={span['start']}&stop={stop}", width=390, height=844, bypass_csp=True
    )
    panel = page.locator("[data-panel=control-chart]")
    await panel.scroll_into_view_if_needed()
    await panel.locator("[data-test=chart-tag]").select_option(FORCE)
    for name in ("individuals", "ranges"):
        told = panel.locator(f"[data-lines={name}]")
        for line in ("centre", "lower", "upper"):
            await expect(told).to_contain_text(f"{found[name][line]:,.2f}")
        await expect(told).to_contain_text(f"{len(found[name]['value'])} points")
    await expect(panel.locator("canvas")).to_be_attached()
    rule = found["individuals"]["signals"][-1]
    assert rule["rule"].startswith("nelson-")
    await panel.locator("[data-test=chart-rules]").select_option("nelson")
    row = panel.locator(f"[data-signal='individuals {rule['rule']}']").first
    await expect(row).to_contain_text(rule["name"]["en"])
    await expect(row).to_have_attribute("data-last", str(found["individuals"]["time"][rule["at"]]))
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    broken = await page.evaluate("axe.run('[data-panel=control-chart]')")
    assert [(one["id"], one["nodes"][0]["html"]) for one in broken["violations"]] == []
    await panel.locator("[data-test=chart-tag]").select_option("cq/first-light/line-1/vision/light-temperature")
    await expect(panel.locator("[data-test=chart-none]")).to_contain_text("No control chart")


@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
async def test_the_past_keeps_the_accessibility_rules(browser: Browser, past: Past, theme: str, width: int) -> None:
    stop = (past.end - 1800) * 1000
    address = f"/scene/{SCENE}?start={stop - 3_600_000}&stop={stop}&compare=prev&theme={theme}"
    page = await open_page(browser, past, address, width=width, height=900, bypass_csp=True)
    await expect(page.locator("[data-test=comparison] tbody tr").first).to_be_visible()
    await page.locator("[data-test=past]").click()
    await expect(page.locator("[data-test=past-choice]")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    found = await page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
