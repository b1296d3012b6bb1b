"""The loss waterfall over REST adds up, and a stop is in it under its own name."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from dashboard_api.centre import Centre
from plant.calendar import ShiftCalendar
from tests.api.test_figures import PRESS, SCENE, worked


@pytest.fixture(autouse=True)
def planned(centre: Centre) -> None:
    """Plan every hour, so that the tests hold at night and on Sundays too."""
    always = ShiftCalendar.around_the_clock(centre.configuration.site.zone)
    centre.configuration = replace(
        centre.configuration, calendars=dict.fromkeys(centre.configuration.calendars, always)
    )


async def test_what_was_lost_and_what_was_not_add_up_to_planned_time(client: httpx.AsyncClient, centre: Centre) -> None:
    worked(centre)
    [press] = [
        u for u in (await client.get(f"{SCENE}/losses", params={"window": "30min"})).json() if u["scope"] == PRESS
    ]
    amounts = {loss["id"]: loss["seconds"] for loss in press["losses"]}
    assert sum(amounts.values()) + press["valuable"] == pytest.approx(press["planned"])
    assert press["losses"][1]["name"] == {"zh": "故障停机", "en": "Breakdown"}
    assert amounts["minor-stop"] == pytest.approx(120, abs=10)
    assert press["simulated"] is True


async def test_each_loss_of_standing_opens_into_its_reasons_and_a_person_renames_a_part_without_moving_any(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    worked(centre)

    async def asked() -> dict[str, dict]:
        told = (await client.get(f"{SCENE}/losses", params={"window": "30min"})).json()
        return {loss["id"]: loss for unit in told if unit["scope"] == PRESS for loss in unit["losses"]}

    before = await asked()
    assert [before[name]["reasons"] for name in ("unknown", "reduced-speed", "defects", "start-up")] == [None] * 4
    for loss in before.values():
        if loss["reasons"] is not None:
            assert sum(one["seconds"] for one in loss["reasons"]) == pytest.approx(loss["seconds"])
    [stop, *_] = (await client.get(f"{SCENE}/stops", params={"window": "30min"})).json()[0]["stops"]
    note = {"scope": PRESS, "start": stop["start"], "stop": stop["stop"], "reason": "jam", "author": "李工"}
    assert (await client.post(f"{SCENE}/annotations", json=note)).status_code == 201
    after = await asked()
    named = {one["reason"]: one for one in after[stop["loss"]]["reasons"]}
    assert named["jam"]["said"] == pytest.approx(named["jam"]["seconds"]) == pytest.approx(stop["seconds"], abs=10)
    for name, loss in after.items():
        assert loss["seconds"] == pytest.approx(before[name]["seconds"], abs=10)  # a few seconds later


async def test_losses_of_a_scene_that_is_not_there_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/scenes/none/losses")).status_code == 404
