"""Any past stretch of time can be asked for, by its ends, by shift or by product, and nothing absurd."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import httpx
import pytest

from dashboard_api.centre import Centre
from plant.batch import Batch
from plant.calendar import ShiftCalendar, ShiftPattern
from plant.clock import MILLISECOND, SECOND
from plant.tags import Role
from plant.text import Text
from tests.analytics.signals import samples
from tests.api.test_figures import PRESS, SCENE, worked

FORCE = f"{PRESS}/force"
ROUTES = ("indicators", "losses", "stops", "pareto", "states", "details")


@pytest.fixture(autouse=True)
def planned(centre: Centre) -> None:
    """Plan every hour in two shifts, so that the tests hold at night and on Sundays too."""
    name, everyday = Text("班", "Shift"), frozenset(range(7))
    shifts = tuple(
        ShiftPattern(id=id_, name=name, start=time(hour), stop=time((hour + 12) % 24), weekdays=everyday)
        for id_, hour in (("early", 0), ("late", 12))
    )
    calendars = dict.fromkeys(centre.configuration.calendars, ShiftCalendar(zone="UTC", patterns=shifts))
    centre.configuration = replace(centre.configuration, calendars=calendars)


def products(centre: Centre, start: int) -> None:
    """Let the press make A for the first quarter of an hour, then B."""
    scene = centre.configuration.site.scene("first-light")
    assert scene
    tag = next(d for d in scene.devices if d.path == PRESS).role(Role.PRODUCT)
    assert tag
    rows = [(start / SECOND + s, "bracket-a" if s < 900 else "bracket-b") for s in range(0, 1800, 5)]
    force = [(start / SECOND + s, 410.0 + s % 7) for s in range(0, 1800, 5)]
    centre.write(Batch.concat([samples(rows, path=tag.path), samples(force, path=FORCE)]))


def span(start: int, minutes: int = 30) -> dict[str, int]:
    return {"start": start // MILLISECOND, "stop": start // MILLISECOND + minutes * 60_000}


async def test_a_past_window_gives_what_it_gave_as_the_last_half_hour(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    start = worked(centre)
    past = (await client.get(f"{SCENE}/indicators", params=span(start))).json()
    assert past["window"] == {**span(start), "label": ""}
    found = {i["key"]: i for i in past["indicators"]}
    assert found[f"{PRESS}:availability"]["value"] == pytest.approx(28 / 30, abs=0.01)
    first_half = (await client.get(f"{SCENE}/indicators", params=span(start, 15))).json()["indicators"]
    assert next(i for i in first_half if i["key"] == f"{PRESS}:availability")["value"] == 1.0
    derived = await client.get(f"/api/v1/indicators/{PRESS}:availability/explain", params=span(start))
    assert (
        derived.json()["window"]
        == f"{found[f'{PRESS}:availability']['start']} … {found[f'{PRESS}:availability']['stop']}"
    )


async def test_losses_stops_and_states_speak_of_the_same_window(client: httpx.AsyncClient, centre: Centre) -> None:
    start = worked(centre)
    losses = (await client.get(f"{SCENE}/losses", params=span(start))).json()
    [press] = [unit for unit in losses if unit["scope"] == PRESS]
    assert press["planned"] == 1800
    stops = (await client.get(f"{SCENE}/stops", params=span(start))).json()
    [[stop]] = [unit["stops"] for unit in stops if unit["scope"] == PRESS]
    assert stop["start"] == start // MILLISECOND + 900_000
    states = (await client.get(f"{SCENE}/states", params=span(start))).json()
    [shown] = [unit["intervals"] for unit in states if unit["device"] == PRESS]
    assert (shown[0]["start"], shown[-1]["stop"]) == (span(start)["start"], span(start)["stop"])
    [row] = (await client.get(f"{SCENE}/pareto", params={**span(start), "scope": PRESS, "by": "loss"})).json()
    assert (row["reason"], row["seconds"]) == ("minor-stop", 120)


async def test_a_shift_is_asked_for_by_name_and_day(client: httpx.AsyncClient, centre: Centre) -> None:
    start = worked(centre)
    listed = (await client.get(f"{SCENE}/shifts", params=span(start))).json()
    assert {one["shift"] for one in listed} <= {"early", "late"}
    asked = {"shift": listed[0]["shift"], "day": listed[0]["day"]}
    answer = (await client.get(f"{SCENE}/indicators", params=asked)).json()
    assert answer["window"]["start"] == listed[0]["start"]
    assert answer["window"]["label"] == f"{asked['shift']} {asked['day']}"
    unknown = await client.get(f"{SCENE}/indicators", params={**asked, "shift": "night"})
    assert (unknown.status_code, unknown.json()["detail"]) == (
        404,
        f"no shift 'night' starts on {asked['day']}; there is: early, late",
    )


async def test_a_product_has_figures_losses_and_stops_of_its_own(client: httpx.AsyncClient, centre: Centre) -> None:
    start = worked(centre)
    products(centre, start)
    whole = {i["key"]: i for i in (await client.get(f"{SCENE}/indicators", params=span(start))).json()["indicators"]}
    parts = []
    for product in ("bracket-a", "bracket-b"):
        asked = {**span(start), "product": product}
        found = (await client.get(f"{SCENE}/indicators", params=asked)).json()["indicators"]
        assert {i["scope"].partition("#")[2].partition("#")[0] for i in found} == {f"product={product}"}
        [availability] = [i for i in found if i["key"] == f"{PRESS}#product={product}:availability"]
        parts.append(availability["inputs"]["APT"]["value"])
        [stops] = [u["stops"] for u in (await client.get(f"{SCENE}/stops", params=asked)).json() if u["scope"] == PRESS]
        assert len(stops) == (product == "bracket-b")
        [losses] = [u for u in (await client.get(f"{SCENE}/losses", params=asked)).json() if u["scope"] == PRESS]
        assert losses["planned"] == 900
        derived = await client.get(
            f"/api/v1/indicators/{PRESS}%23product={product}:availability/explain", params=span(start)
        )
        assert derived.status_code == 200, derived.text
    assert sum(parts) == whole[f"{PRESS}:availability"]["inputs"]["APT"]["value"]


async def test_the_states_of_a_product_are_those_of_the_time_in_which_it_was_made(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    start = worked(centre)
    products(centre, start)
    whole = (await client.get(f"{SCENE}/states", params=span(start))).json()
    parts = []
    for product, (begin, end) in {"bracket-a": (0, 900_000), "bracket-b": (900_000, 1_800_000)}.items():
        told = (await client.get(f"{SCENE}/states", params={**span(start), "product": product})).json()
        [made] = [one for one in told if one["intervals"]]
        assert made["device"] == PRESS, "only the press says what it makes"
        assert made["intervals"][0]["start"] == start // MILLISECOND + begin
        assert made["intervals"][-1]["stop"] == start // MILLISECOND + end
        parts += [(i["state"], i["stop"] - i["start"]) for i in made["intervals"]]
    [press] = [one for one in whole if one["device"] == PRESS]
    for state in {state for state, _ in parts}:
        alone = sum(i["stop"] - i["start"] for i in press["intervals"] if i["state"] == state)
        assert sum(length for one, length in parts if one == state) == alone
    nobodys = (await client.get(f"{SCENE}/states", params={**span(start), "product": "never"})).json()
    assert nobodys
    assert not any(one["intervals"] for one in nobodys)


async def test_what_lies_behind_a_device_is_given_with_its_tags_and_nothing_of_others(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    start = worked(centre)
    products(centre, start)
    asked = {**span(start), "scope": PRESS}
    found = (await client.get(f"{SCENE}/details", params=asked)).json()["indicators"]
    keys = {i["key"] for i in found}
    assert {f"{PRESS}:first-pass-yield", f"{FORCE}:cpk", f"{PRESS}:carbon"} <= keys
    assert all(i["scope"].startswith(PRESS) for i in found)
    everything = (await client.get(f"{SCENE}/details", params=span(start))).json()["indicators"]
    assert keys < {i["key"] for i in everything}
    derived = await client.get(f"/api/v1/indicators/{FORCE}:cpk/explain", params={**span(start), "language": "en"})
    assert "Critical process capability index" in derived.json()["title"]


REFUSED = (
    ({"start": "2026-03-04T00:00:00Z"}, "start and stop belong together"),
    ({"start": "2026-03-04T00:00:00", "stop": "2026-03-05T00:00:00"}, "is not a moment"),
    ({"start": "2026-03-04T00:00:00Z", "stop": "2026-03-04T00:00:00Z"}, "stop lies after start"),
    ({"start": "2026-01-01T00:00:00Z", "stop": "2026-03-04T00:00:00Z"}, "32 days at most"),
    ({"start": "-100000", "stop": "5000"}, "1970"),
    ({"start": "4102444800000", "stop": "4102448400000"}, "future"),
    ({"start": "9" * 30, "stop": "9" * 31}, "stop lies after start"),
    ({"shift": "early"}, "shift and day belong together"),
    ({"shift": "early", "day": "2026-13-40"}, "day"),
    ({"shift": "early", "day": "2026-03-04", "start": "0", "stop": "5000"}, "not for both"),
    ({"window": "fortnight"}, "window"),
)


async def test_a_stretch_of_time_that_is_none_is_refused_in_words_wherever_it_is_asked_for(
    client: httpx.AsyncClient,
) -> None:
    for route in ROUTES:
        for asked, said in REFUSED:
            answer = await client.get(f"{SCENE}/{route}", params=asked)
            assert answer.status_code == 422, (route, asked, answer.text)
            assert said in answer.text, (route, asked)


async def test_a_scope_of_another_scene_has_no_details_here(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{SCENE}/details", params={"window": "1h", "scope": "cq/agv/fleet/agv-1"})
    assert (answer.status_code, "no device or line" in answer.text) == (404, True)


async def test_more_questions_than_can_be_worked_on_are_told_to_come_back(
    client: httpx.AsyncClient, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_api.figures.MOST_AT_ONCE", 0)
    answer = await client.get(f"{SCENE}/indicators", params={"window": "1h"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
