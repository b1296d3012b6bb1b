"""A control chart over REST: limits from before, points of now, and what they signal."""

from __future__ import annotations

import time

import httpx
import numpy as np
import pytest

from dashboard_api.centre import Centre
from plant.batch import Batch
from plant.clock import MILLISECOND, SECOND
from plant.tags import Role
from tests.analytics.signals import samples
from tests.api.test_figures import PRESS, SCENE

FORCE = f"{PRESS}/force"
PIECES = 120


def pressed(centre: Centre) -> int:
    """Press for twenty minutes, a piece each ten seconds, stronger in the second half; return when it began."""
    start = time.time_ns() // SECOND * SECOND - 1_260 * SECOND
    scene = centre.configuration.site.scene("first-light")
    assert scene
    counter = next(d for d in scene.devices if d.path == PRESS).role(Role.TOTAL_COUNT)
    assert counter
    random, forces, counts = np.random.default_rng(7), [], []
    for n in range(PIECES):
        level = 412 + (0 if n < PIECES / 2 else 12) + float(random.normal(0, 4))
        forces += [(start / SECOND + 10 * n + s, level) for s in range(0, 10, 2)]
        counts += [(start / SECOND + 10 * n + 5, n)]
    centre.write(Batch.concat([samples(forces, path=FORCE), samples(counts, path=counter.path)]))
    return start


async def test_limits_do_not_move_with_what_is_held_against_them(client: httpx.AsyncClient, centre: Centre) -> None:
    start = pressed(centre) // MILLISECOND
    asked = {"tag": FORCE, "start": start + 600_000, "stop": start + 1_200_000}
    answer = (await client.get(f"{SCENE}/chart", params=asked)).json()
    assert answer["learned"] == {"start": start, "stop": start + 600_000}
    found = answer["individuals"]
    assert found["centre"] == pytest.approx(412, abs=2)
    assert found["upper"] - found["lower"] == pytest.approx(24, abs=8)
    assert len(found["value"]) == len(found["time"]) == PIECES // 2
    assert np.mean(found["value"]) > found["centre"] + 9
    rules = {signal["rule"] for signal in found["signals"]}
    assert {"western-electric-4", "nelson-2"} <= rules
    assert all(signal["name"]["zh"] and signal["points"][-1] == signal["at"] for signal in found["signals"])
    assert len(answer["ranges"]["value"]) == PIECES // 2 - 1
    # Neighbouring ranges share a value: runs of them mean nothing.
    assert {signal["rule"] for signal in answer["ranges"]["signals"]} <= {"western-electric-1", "nelson-1"}
    itself = {**asked, "learn_start": asked["start"], "learn_stop": asked["stop"]}
    by_itself = (await client.get(f"{SCENE}/chart", params=itself)).json()["individuals"]
    assert "nelson-2" not in {signal["rule"] for signal in by_itself["signals"]}


async def test_what_cannot_be_charted_is_refused_in_words(client: httpx.AsyncClient, centre: Centre) -> None:
    pressed(centre)
    for asked, status, said in (
        ({"tag": f"{PRESS}/state"}, 404, "no process value"),
        ({"tag": "cq/agv/fleet/agv-1/power"}, 404, "no process value"),
        ({"tag": FORCE, "learn_start": "0"}, 422, "belong together"),
        ({"tag": FORCE, "learn_start": "0", "learn_stop": "60000"}, 409, "学习时段内有 0 个数值"),
        ({"tag": FORCE, "window": "nothing"}, 422, "window"),
    ):
        answer = await client.get(f"{SCENE}/chart", params={"window": "10min", **asked})
        assert (answer.status_code, said in answer.text) == (status, True), answer.text
