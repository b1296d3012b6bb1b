"""Hand-shakes and traces over REST: what passed, when, and what is missing."""

from __future__ import annotations

import time
from dataclasses import replace

import httpx
import pytest

from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from dashboard_api.passages import MOST_HAND_OVERS
from plant.batch import Batch
from plant.quality import Quality
from tests.api.test_places import told

LOAD = "cq/line-coordination/valve/load"
LINE = "/api/v1/scenes/line-coordination"
CHECK = "cq/identifier/final-check"
IDENTIFIER = "/api/v1/scenes/identifier"
WORDS = ("ready", "free", "taken", "released")


def handed_on(centre: Centre, *, parts: int = 10, silent: tuple[int, ...] = ()) -> int:
    """Hand a part on each three seconds; of those in `silent` no hand-shake is told. Return when, in ms."""
    now = time.time_ns()
    ago = [3.0 * n + 1 for n in range(parts, 0, -1)]
    spoken = [(seconds, n) for n, seconds in enumerate(ago) if n not in silent]
    columns = {word: [(s, 0.002 * turn) for s, _ in spoken] for turn, word in enumerate(WORDS, 1)}
    columns["handshake"] = [(s, 0.021) for s, _ in spoken]
    # Counted half a second before it is handed on.
    columns["good"] = [(3.0 * parts + 3, 100), *((s + 0.5, 101 + n) for n, s in enumerate(ago))]
    centre.write(Batch.concat([told(f"{LOAD}/{name}", rows, before=now) for name, rows in columns.items()]))
    return now // 1_000_000


async def asked(client: httpx.AsyncClient, **parameters: str | int) -> dict:
    answer = (await client.get(f"{LINE}/hand-overs", params={"window": "15min", **parameters})).json()
    return next(pair for pair in answer if pair["giver"] == LOAD)


async def test_hand_shakes_are_told_word_by_word_between_neighbours_of_a_line(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    handed_on(centre)
    pair = await asked(client)
    assert pair["receiver"] == "cq/line-coordination/valve/mill"
    assert pair["words"] == list(WORDS)
    assert pair["simulated"] is True
    times = [one["time"] for one in pair["hand_overs"]]
    assert len(times) == 10
    assert times == sorted(times)
    newest = pair["hand_overs"][-1]
    assert newest["seconds"] == pytest.approx(0.021)
    assert [newest["words"][word] for word in WORDS] == pytest.approx([0.002, 0.004, 0.006, 0.008])
    assert not any(one["missed"] for one in pair["hand_overs"])


async def test_a_part_that_was_counted_without_a_hand_shake_is_a_missed_one(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    now = handed_on(centre, silent=(4, 7))
    pair = await asked(client)
    missed = [one for one in pair["hand_overs"] if one["missed"]]
    assert [round((now - one["time"]) / 1000, 1) for one in missed] == [3.0 * 6 + 1.5, 3.0 * 3 + 1.5]
    assert all(one["seconds"] is None and one["words"] == {} for one in missed)
    assert len(pair["hand_overs"]) == 10


async def test_only_the_newest_hand_shakes_are_given_and_no_more_than_may_be(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    handed_on(centre)
    assert len((await asked(client, most=3))["hand_overs"]) == 3
    for most in (0, MOST_HAND_OVERS + 1):
        answer = await client.get(f"{LINE}/hand-overs", params={"window": "15min", "most": most})
        assert answer.status_code == 422
    assert (await client.get(f"{LINE}/hand-overs", params={"window": "20d"})).status_code == 422


async def test_a_scene_without_hand_shakes_has_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/scenes/agv/hand-overs", params={"window": "15min"})
    assert answer.json() == []


def made(centre: Centre) -> int:
    """Mark three products and check two of them; say the second twice at the bench. Return when, in ms."""
    now = time.time_ns()
    marked = [(90.0, "A/1"), (75, "A/2"), (60, "A/3")]
    checked = [(50.0, "A/1"), (30, "A/2"), (25, "A/2"), (10, "")]
    rows: dict[str, list] = {
        "marker/identifier": marked,
        "marker/answer": [(s, 1) for s, _ in marked],
        "marker/register-time": [(95.0, 0.02), (76, 0.5)],
        "marker/cycle": [(75.0, 9.1, int(Quality.BAD_SENSOR_FAILURE))],
        "marker/power": [(75.0, 1.8)],
        "bench/identifier": checked,
        "bench/identification": [(50.0, 2.25), (30, 2.5)],
    }
    centre.write(Batch.concat([told(f"{CHECK}/{name}", found, before=now) for name, found in rows.items()]))
    return now // 1_000_000


async def trace(client: httpx.AsyncClient, identifier: str) -> dict:
    answer = await client.get(f"{IDENTIFIER}/trace", params={"identifier": identifier})
    assert answer.status_code == 200, answer.text
    found: dict = answer.json()
    return found


async def test_a_product_is_followed_through_the_stations_that_told_of_it(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    now = made(centre)
    found = await trace(client, " A/2 ")
    assert found["identifier"] == "A/2"
    assert found["stations"] == [f"{CHECK}/marker", f"{CHECK}/bench"]
    marker, bench = found["visits"]
    assert (marker["device"], bench["device"]) == (f"{CHECK}/marker", f"{CHECK}/bench")
    ago = [round((now - moment) / 1000) for moment in (marker["time"], marker["until"], bench["time"], bench["until"])]
    assert ago == [75, 60, 30, 10]  # said twice is one visit, and an empty text ends it
    facts = {fact["path"].removeprefix(f"{CHECK}/"): fact["value"] for fact in marker["facts"]}
    assert facts == {"marker/answer": 1, "marker/register-time": 0.5, "marker/cycle": 9.1}  # no power, no counters
    [cycle] = [fact for fact in marker["facts"] if fact["path"].endswith("cycle")]
    assert cycle["quality"] == int(Quality.BAD_SENSOR_FAILURE)
    assert [fact["value"] for fact in bench["facts"]] == [2.5]


async def test_what_a_station_last_said_too_long_ago_is_no_fact_of_a_visit(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    made(centre)
    [visit] = (await trace(client, "A/3"))["visits"]
    # The register time is 16 s old then, more than the marker may be silent for.
    assert [fact["path"].rpartition("/")[2] for fact in visit["facts"]] == ["answer"]
    assert visit["until"] is None


async def test_a_product_that_comes_back_is_seen_again_even_hours_later(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    now = time.time_ns()
    rows = [(2.5 * 3600, "A/9"), (2.4 * 3600, "A/8"), (60.0, "A/9")]
    centre.write(told(f"{CHECK}/bench/identifier", rows, before=now))
    assert [v["device"] for v in (await trace(client, "A/9"))["visits"]] == [f"{CHECK}/bench"] * 2


async def test_a_product_nobody_knows_has_no_way_and_says_how_far_back_was_looked(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    made(centre)
    found = await trace(client, "nobody knows")
    assert found["visits"] == []
    assert time.time() * 1000 - found["since"] == pytest.approx(7 * 86_400_000, abs=60_000)


async def test_the_newest_products_come_first_with_the_stations_that_saw_them(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    made(centre)
    answer = (await client.get(f"{IDENTIFIER}/identifiers", params={"most": 5})).json()
    assert [(one["identifier"], one["stations"]) for one in answer] == [("A/2", 2), ("A/1", 2), ("A/3", 1)]
    assert answer[0]["device"] == f"{CHECK}/bench"
    assert (await client.get("/api/v1/scenes/agv/identifiers")).json() == []


async def test_who_looks_at_the_past_is_told_what_was_known_then(client: httpx.AsyncClient, centre: Centre) -> None:
    then = made(centre) - 40_000
    answer = (await client.get(f"{IDENTIFIER}/identifiers", params={"until": then})).json()
    assert [(one["identifier"], one["stations"]) for one in answer] == [("A/1", 2), ("A/3", 1), ("A/2", 1)]
    found = (await client.get(f"{IDENTIFIER}/trace", params={"identifier": "A/2", "until": then})).json()
    assert [visit["device"] for visit in found["visits"]] == [f"{CHECK}/marker"]
    assert (await client.get(f"{IDENTIFIER}/identifiers", params={"until": "-1"})).status_code == 422


async def test_what_cannot_be_looked_up_is_refused(client: httpx.AsyncClient, centre: Centre) -> None:
    for identifier in ("", "x" * 256, "a\x00b", "a\nb"):
        answer = await client.get(f"{IDENTIFIER}/trace", params={"identifier": identifier})
        assert answer.status_code == 422, identifier
    assert (await client.get("/api/v1/scenes/none/trace", params={"identifier": "a"})).status_code == 404


async def test_nobody_who_may_not_look_gets_any_of_it(visitor: httpx.AsyncClient, centre: Centre) -> None:
    answer = await visitor.get(f"{IDENTIFIER}/identifiers")
    assert answer.status_code == 200
    centre = replace(centre, visitors=None)
    transport = httpx.ASGITransport(create_app(centre))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as stranger:
        for route in ("radio-map", "stock", "hand-overs", "identifiers", "trace?identifier=a"):
            assert (await stranger.get(f"{IDENTIFIER}/{route}")).status_code == 401, route
