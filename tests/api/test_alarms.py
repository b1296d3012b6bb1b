"""Alarms over HTTP: what stands, who may act and is named for it, what happened, and how pages learn of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect

from dashboard_api.access import Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from plant.batch import BatchBuilder, Origin
from plant.clock import MILLISECOND, SECOND
from provenline.centre import Address, listening
from tests.peers.processes import free_port
from tests.people import People

STATE = "cq/first-light/line-1/press/state"
ABORTED = "cq/first-light:line-1.press.aborted"
SILENT = "cq/first-light:line-1.press.silent"
ALARMS = "/api/v1/alarms"
BACK_MS = 3_600_000


def tell(centre: Centre, value, path: str = STATE) -> None:
    builder, now = BatchBuilder(), centre.clock.now()
    builder.add(path, now, value, received=now, origin=Origin.SIMULATED)
    centre.write(builder.build())
    centre.alarms.evaluate()


def span(centre: Centre) -> dict[str, int]:
    now = centre.clock.now() // MILLISECOND
    return {"start": now - BACK_MS, "stop": now + 1_000}


@pytest.fixture
async def operator(centre: Centre, known: People) -> AsyncIterator[httpx.AsyncClient]:
    headers = await known.signed_in(Role.OPERATOR, "wang")
    transport = httpx.ASGITransport(create_app(centre))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


@pytest.fixture
async def visitor(centre: Centre) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(centre))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def listed(client: httpx.AsyncClient) -> dict[str, dict]:
    return {one["id"]: one for one in (await client.get(ALARMS)).json()["alarms"]}


async def test_an_alarm_tells_what_it_is_why_it_matters_and_what_to_do(centre: Centre, visitor) -> None:
    tell(centre, 9)
    found = (await listed(visitor))[ABORTED]
    assert found["state"] == "unacknowledged"
    assert found["priority"] == "high"
    assert found["scope"] == "cq/first-light/line-1/press"
    assert found["simulated"] is True
    for text in ("name", "consequence", "response"):
        assert found[text]["zh"]
        assert found[text]["en"]
        assert found[text]["zh"] != found[text]["en"]
    assert abs(found["since"] - centre.clock.now() // MILLISECOND) < 60_000


async def test_a_visitor_sees_and_does_not_act(centre: Centre, visitor) -> None:
    tell(centre, 9)
    assert (await visitor.post(f"{ALARMS}/acknowledge", json={"alarms": [ABORTED]})).status_code == 401
    assert (await listed(visitor))[ABORTED]["state"] == "unacknowledged"


async def test_who_acts_is_named_in_the_history(centre: Centre, operator) -> None:
    tell(centre, 9)
    body = {"alarms": [ABORTED], "comment": "on my way"}
    answer = (await operator.post(f"{ALARMS}/acknowledge", json=body)).json()
    assert answer["done"] == [ABORTED]
    body = {"alarms": [ABORTED], "reason": "die change", "seconds": 600}
    assert (await operator.post(f"{ALARMS}/shelve", json=body)).status_code == 200
    shelving = (await listed(operator))[ABORTED]["shelving"]
    assert (shelving["by"], shelving["reason"]) == ("wang", "die change")
    assert shelving["until"] - shelving["since"] == 600_000
    events = (await operator.get(f"{ALARMS}/history", params=span(centre))).json()["events"]
    told = [(e["do"], e["by"], e["reason"], e["after"]) for e in reversed(events) if e["alarm"] == ABORTED]
    assert told == [
        ("raise", "", "", "unacknowledged"),
        ("acknowledge", "wang", "on my way", "acknowledged"),
        ("shelve", "wang", "die change", "shelved"),
    ]
    assert all(event["simulated"] for event in events)
    kept = [record for record in centre.audit.page() if record.action.startswith("alarm.")]
    assert [(record.action, record.subject) for record in kept] == [
        ("alarm.shelve", ABORTED),
        ("alarm.acknowledge", ABORTED),
    ]


SENSELESS = [
    ("shelve", {"alarms": [SILENT], "reason": "", "seconds": 60}, 422),
    ("shelve", {"alarms": [SILENT], "reason": " \t ", "seconds": 60}, 422),
    ("shelve", {"alarms": [SILENT], "reason": "x", "seconds": 90_000}, 422),
    ("shelve", {"alarms": [SILENT], "reason": "x", "seconds": 30_000}, 409),
    ("shelve", {"alarms": [SILENT], "seconds": 60}, 422),
    ("out-of-service", {"alarms": [SILENT]}, 422),
    ("comment", {"alarms": [SILENT], "reason": "a\x00b"}, 422),
    ("acknowledge", {"alarms": []}, 422),
    ("acknowledge", {"alarms": ["nonsense"]}, 409),
    ("acknowledge", {"alarms": [SILENT]}, 409),
    ("reset", {"alarms": [SILENT]}, 409),
    ("unshelve", {"alarms": [SILENT], "user": "boss"}, 422),
]


async def test_what_lacks_a_reason_or_an_end_or_makes_no_sense_is_refused(operator: httpx.AsyncClient) -> None:
    for path, body, status in SENSELESS:
        answer = await operator.post(f"{ALARMS}/{path}", json=body)
        assert answer.status_code == status, (path, body, answer.text)
        assert await listed(operator) == {}


async def test_out_of_service_and_back_and_comments_are_possible_in_any_state(operator: httpx.AsyncClient) -> None:
    because = {"alarms": [SILENT], "reason": "dismantled"}
    await operator.post(f"{ALARMS}/out-of-service", json=because)
    assert (await listed(operator))[SILENT]["state"] == "out-of-service"
    assert (await operator.post(f"{ALARMS}/comment", json=because)).status_code == 200
    await operator.post(f"{ALARMS}/return", json={"alarms": [SILENT]})
    assert await listed(operator) == {}


async def test_some_of_many_may_be_refused(centre: Centre, operator) -> None:
    tell(centre, 9)
    answer = (await operator.post(f"{ALARMS}/acknowledge", json={"alarms": [ABORTED, SILENT]})).json()
    assert answer["done"] == [ABORTED]
    assert [one["alarm"] for one in answer["refused"]] == [SILENT]


async def test_every_alarm_there_is_can_be_asked_for(centre: Centre, visitor) -> None:
    everything = (await visitor.get(f"{ALARMS}/definitions")).json()
    one_scene = (await visitor.get(f"{ALARMS}/definitions", params={"scene": "first-light"})).json()
    assert {SILENT, ABORTED} <= {one["id"] for one in one_scene} < {one["id"] for one in everything}
    assert all(one["response"]["zh"] and one["response"]["en"] for one in everything)
    assert all(one["unit"] for one in everything)
    assert (await visitor.get(f"{ALARMS}/definitions", params={"scene": "none"})).status_code == 404


async def test_history_goes_on_where_an_answer_was_cut(centre: Centre, operator) -> None:
    for _ in range(3):
        tell(centre, 9)
        tell(centre, 6)
    everything = (await operator.get(f"{ALARMS}/history", params=span(centre))).json()
    assert everything["next"] is None
    first = (await operator.get(f"{ALARMS}/history", params={**span(centre), "most": 2})).json()
    rest = (await operator.get(f"{ALARMS}/history", params={**span(centre), "before": first["next"]})).json()
    assert [*first["events"], *rest["events"]] == everything["events"]
    none = await operator.get(f"{ALARMS}/history", params={**span(centre), "scene": "agv"})
    assert none.json()["events"] == []


async def test_the_log_can_be_had_as_a_table_in_which_nothing_is_a_formula(centre: Centre, operator) -> None:
    tell(centre, 9)
    await operator.post(f"{ALARMS}/comment", json={"alarms": [ABORTED], "reason": "=HYPERLINK(1)"})
    answer = await operator.get(f"{ALARMS}/history.csv", params=span(centre))
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["do"], row["by"], row["reason"]) for row in rows] == [
        ("comment", "wang", "'=HYPERLINK(1)"),
        ("raise", "", ""),
    ]
    assert rows[0]["time"].endswith("+08:00")
    assert rows[0]["name_zh"] != rows[0]["name_en"]


async def test_performance_counts_what_called_for_attention(centre: Centre, visitor) -> None:
    for _ in range(12):
        tell(centre, 9)
        tell(centre, 6)
    found = (await visitor.get(f"{ALARMS}/performance", params=span(centre))).json()
    assert found["total"] == 12
    assert found["by_priority"] == {"critical": 0, "high": 12, "medium": 0, "low": 0}
    assert sum(found["ten_minutes"]["counts"]) == 12
    assert found["most_frequent"][0]["alarm"] == ABORTED
    assert found["chattering"] == [ABORTED]
    assert {one["id"] for one in found["indicators"]} >= {"alarms-per-operator-hour", "alarm-flood-share"}
    assert all(one["simulated"] for one in found["indicators"])
    long = {"start": 0, "stop": 40 * 86_400_000}
    assert (await visitor.get(f"{ALARMS}/performance", params=long)).status_code == 422


async def test_pages_hear_of_a_change_through_the_live_feed(centre: Centre, known: People) -> None:
    port = free_port()
    async with listening(centre, Address("127.0.0.1", port)):
        address = f"ws://127.0.0.1:{port}/api/v1/live"
        async with (
            connect(address, compression=None) as plain,
            connect(f"{address}?scene=agv", compression=None) as agv,
        ):
            before = [json.loads(await socket.recv())["alarms"] for socket in (plain, agv)]
            tell(centre, 9)
            for socket, number in zip((plain, agv), before, strict=True):
                frame = json.loads(await socket.recv())
                while frame["alarms"] == number:
                    frame = json.loads(await socket.recv())
                assert frame["alarms"] == centre.alarms.number


async def test_the_list_is_made_once_for_all_who_ask(centre: Centre, visitor) -> None:
    tell(centre, 9)
    first, second = [(await visitor.get(ALARMS)).content for _ in range(2)]
    assert first == second
    tell(centre, 6)
    assert (await listed(visitor))[ABORTED]["state"] == "returned"
    assert centre.alarms.panel.alarms[0].time <= centre.clock.now() + SECOND
