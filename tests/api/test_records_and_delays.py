"""What machines said piece by piece is put together again; delays are told with their lost packets and their bound."""

from __future__ import annotations

import time

import httpx
import pytest

from dashboard_api.centre import Centre
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import MILLISECOND, SECOND
from plant.quality import Quality
from tests.api.test_figures import SCENE

CAMERA = "cq/vision-inspection/moulding/camera"
AUDIT = "cq/vision-inspection/audit/audit"
VISION = "/api/v1/scenes/vision-inspection"
LOAD = "cq/line-coordination/valve/load"
LINE = "/api/v1/scenes/line-coordination"
DRIVE = "cq/wireless-control/control/drive"


def now() -> int:
    return time.time_ns() // SECOND * SECOND


def said(*rows: tuple[str, int, object], quality: int = Quality.GOOD) -> Batch:
    builder = BatchBuilder()
    for path, moment, value in rows:
        builder.add(path, moment, value, received=moment, quality=quality, origin=Origin.SIMULATED)
    return builder.build()


async def test_a_record_holds_what_came_with_it_and_what_the_re_check_found(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    start = now() - 60 * SECOND
    later = start + 5 * SECOND
    centre.write(
        said(
            (f"{CAMERA}/part", start, "P1"),
            (f"{CAMERA}/verdict", start, "good"),
            (f"{CAMERA}/confidence", start, 0.9),
            (f"{CAMERA}/part", later, "P2"),
            (f"{CAMERA}/verdict", later, "defective"),
            (f"{CAMERA}/defect", later, "flash"),
            (f"{AUDIT}/part", later + SECOND, "P1"),
            (f"{AUDIT}/verdict", later + SECOND, "good"),
            (f"{AUDIT}/reference", later + SECOND, "defective"),
        )
    )
    found = (await client.get(f"{VISION}/records", params={"of": "verdict", "window": "15min"})).json()
    assert [(one["values"][f"{CAMERA}/part"], one["reference"]) for one in found] == [("P2", None), ("P1", "defective")]
    assert found[0]["values"][f"{CAMERA}/defect"] == "flash"
    assert f"{CAMERA}/confidence" not in found[0]["values"]
    assert [(one["accepted"], one["right"]) for one in found] == [(False, None), (True, False)]
    assert found[1]["time"] == start // MILLISECOND
    assert all(one["device"] == CAMERA and one["simulated"] for one in found)


async def test_one_word_for_a_defect_is_as_right_as_another(client: httpx.AsyncClient, centre: Centre) -> None:
    start = now() - 60 * SECOND
    rows = [(f"{CAMERA}/part", start, "P1"), (f"{CAMERA}/verdict", start, "scrap")]
    rows += [(f"{AUDIT}/part", start + SECOND, "P1"), (f"{AUDIT}/reference", start + SECOND, "defective")]
    centre.write(said(*rows))
    [found] = (await client.get(f"{VISION}/records", params={"of": "verdict", "window": "15min"})).json()
    assert (found["accepted"], found["right"]) == (False, True)


async def test_a_verdict_that_cannot_be_used_is_no_record(client: httpx.AsyncClient, centre: Centre) -> None:
    start = now() - 60 * SECOND
    centre.write(said((f"{CAMERA}/part", start, "P1"), (f"{CAMERA}/verdict", start, "good"), quality=Quality.BAD))
    assert (await client.get(f"{VISION}/records", params={"of": "verdict", "window": "15min"})).json() == []


async def test_of_many_records_the_newest_are_given(client: httpx.AsyncClient, centre: Centre) -> None:
    start = now() - 300 * SECOND
    place = "cq/cloud-robot/gearbox/place"
    rows = [(f"{place}/decision", start + n * SECOND, "insert") for n in range(100)]
    rows += [(f"{place}/reference", start + n * SECOND, "wait" if n == 99 else "insert") for n in range(100)]
    centre.write(said(*rows))
    asked = {"of": "decision", "window": "15min", "most": 3}
    found = (await client.get("/api/v1/scenes/cloud-robot/records", params=asked)).json()
    assert [one["time"] for one in found] == [(start + n * SECOND) // MILLISECOND for n in (99, 98, 97)]
    assert [(one["reference"], one["right"]) for one in found] == [("wait", False), ("insert", True), ("insert", True)]
    assert all(one["accepted"] is None for one in found)


@pytest.mark.parametrize("wrong", [{"of": "nothing"}, {"of": "verdict", "most": 0}, {"of": "verdict", "most": 501}])
async def test_records_of_nothing_known_are_refused(client: httpx.AsyncClient, wrong: dict) -> None:
    assert (await client.get(f"{VISION}/records", params=wrong | {"window": "15min"})).status_code == 422


def probed(path: str, delays_us: list[float], lost: int = 0) -> Batch:
    start = now() - 600 * SECOND
    rows = [(path, start + n * 100 * MILLISECOND, delay) for n, delay in enumerate(delays_us)]
    gone = [(path, start + (len(rows) + n) * 100 * MILLISECOND, 0.0) for n in range(lost)]
    received = said(*rows)
    return Batch.concat([received, said(*gone, quality=Quality.BAD_TIMEOUT)]) if gone else received


async def test_delays_are_held_against_the_bound_of_the_scenes_own_clause(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    centre.write(probed(f"{LOAD}/rtt", [2_000.0] * 990, lost=10))
    answer = (await client.get(f"{LINE}/delays", params={"window": "15min"})).json()
    assert (answer["bound"]["ms"], answer["bound"]["percentile"], answer["bound"]["below"]) == (10, "99.9", True)
    assert "A1.2.2.9" in answer["bound"]["source"]["en"]
    [link] = answer["links"]
    assert (link["scope"], link["packets"], link["lost"]) == (LOAD, 1000, 10)
    assert link["curve"]["share"][-1] == pytest.approx(0.99)
    assert link["within"]["share"] == pytest.approx(0.99)
    low, high = link["within"]["interval"]
    assert low < 0.99 < high
    by_percentile = {one["percentile"]: one for one in link["percentiles"]}
    assert by_percentile["50"]["value"] == pytest.approx(2.0)
    assert (by_percentile["99.9"]["status"], by_percentile["99.9"]["value"]) == ("unbounded", None)


async def test_a_percentile_that_the_sample_cannot_support_says_how_many_it_takes(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    centre.write(probed(f"{DRIVE}/rtt", [1_000.0 + n for n in range(50)]))
    answer = (await client.get("/api/v1/scenes/wireless-control/delays", params={"window": "15min"})).json()
    assert (answer["bound"]["ms"], answer["bound"]["scene"]) == (20, "wireless-control")
    [link] = answer["links"]
    last = {one["percentile"]: one for one in link["percentiles"]}["99.9"]
    assert last["value"] is None
    assert "1000" in last["note"]["en"]
    assert len(link["curve"]["delay"]) == 50


async def test_a_long_curve_keeps_its_tail_and_its_last_packet(client: httpx.AsyncClient, centre: Centre) -> None:
    centre.write(probed(f"{LOAD}/rtt", [1_000.0 + n for n in range(5_000)]))
    answer = (await client.get(f"{LINE}/delays", params={"window": "15min"})).json()
    curve = answer["links"][0]["curve"]
    assert len(curve["delay"]) <= 240
    assert curve["delay"] == sorted(curve["delay"])
    assert (curve["delay"][-1], curve["share"][-1]) == (pytest.approx(5.999), 1.0)
    assert sum(share > 0.99 for share in curve["share"]) > 20


async def test_a_scene_without_links_has_none_and_a_bound_of_another_scene_says_whose_it_is(
    client: httpx.AsyncClient,
) -> None:
    answer = (await client.get(f"{SCENE}/delays", params={"window": "15min"})).json()
    assert answer["links"] == []
    assert answer["bound"]["scene"] == "line-coordination"
