"""The calculator works out published examples, shows how, and refuses numbers that contradict each other."""

from __future__ import annotations

import httpx
import pytest

OEE = "/api/v1/calculator/oee"
SHIFT = {"planned_busy_time": 420 * 60, "down_time": 47 * 60, "ideal_cycle": 1, "produced": 19271, "rejected": 423}
"""The example of Vorne's OEE primer."""


async def test_a_published_shift_gives_its_published_factors_with_their_derivation(client: httpx.AsyncClient) -> None:
    found = (await client.get(OEE, params=SHIFT)).json()
    assert {one["id"]: round(one["value"], 4) for one in found} == {
        "availability": 0.8881,
        "effectiveness": 0.8611,
        "quality-ratio": 0.9780,
        "oee": 0.7479,
    }
    assert any("IGT" in step["text"] for step in found[-1]["steps"])


async def test_fewer_stops_without_more_pieces_leave_oee_as_it_was(client: httpx.AsyncClient) -> None:
    found = (await client.get(OEE, params={**SHIFT, "down_time": 20 * 60})).json()
    assert round(found[-1]["value"], 4) == 0.7479


async def test_faster_than_the_ideal_cycle_is_flagged_and_not_capped(client: httpx.AsyncClient) -> None:
    found = (await client.get(OEE, params={**SHIFT, "ideal_cycle": 1.5})).json()
    assert (found[1]["value"] > 1, found[1]["flags"]) == (True, ["effectiveness-above-one"])


@pytest.mark.parametrize(
    "wrong", [{"planned_busy_time": 0}, {"rejected": 20_000}, {"down_time": 30_000}, {"produced": -1}]
)
async def test_numbers_that_cannot_be_are_refused(client: httpx.AsyncClient, wrong: dict[str, float]) -> None:
    assert (await client.get(OEE, params=SHIFT | wrong)).status_code == 422
