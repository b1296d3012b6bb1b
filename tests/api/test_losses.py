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


async def test_losses_of_a_scene_that_is_not_there_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/scenes/none/losses")).status_code == 404
