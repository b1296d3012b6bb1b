"""What happened to a device is listed, the newest first: its states, stops and silences."""

from __future__ import annotations

import httpx

from dashboard_api.centre import Centre
from plant.clock import MILLISECOND
from tests.api.test_figures import PRESS, SCENE, worked


async def test_a_device_lists_its_states_and_stops(client: httpx.AsyncClient, centre: Centre) -> None:
    start = worked(centre) // MILLISECOND
    asked = {"device": PRESS, "start": start, "stop": start + 1_800_000}
    found = (await client.get(f"{SCENE}/events", params=asked)).json()
    times = [event["time"] for event in found["events"]]
    assert times == sorted(times, reverse=True)
    states = [(event["before"], event["after"]) for event in found["events"] if event["kind"] == "state"]
    assert states == [("ABORTED", "EXECUTE"), ("EXECUTE", "ABORTED")]
    [stop] = [event for event in found["events"] if event["kind"] == "stop"]
    assert (stop["time"], stop["stop"] - stop["time"]) == (start + 900_000, 120_000)
    assert (await client.get(f"{SCENE}/events", params=asked | {"most": 1})).json()["more"]


async def test_a_device_that_is_not_there_is_refused(client: httpx.AsyncClient, centre: Centre) -> None:
    asked = {"device": "cq/first-light/line-1/nobody", "start": 1_700_000_000_000, "stop": 1_700_000_060_000}
    answer = await client.get(f"{SCENE}/events", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (404, "no-device")
