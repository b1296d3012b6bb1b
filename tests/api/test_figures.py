"""Figures, their derivations, stops with both reasons, and what people say about them, over REST."""

from __future__ import annotations

import time

import httpx
import pytest

from analytics.indicator import Indicator
from analytics.stations import COUNTING
from dashboard_api.centre import Centre
from plant.batch import Batch
from plant.clock import MILLISECOND, SECOND
from plant.tags import Role
from tests.analytics.signals import samples

SCENE = "/api/v1/scenes/first-light"
PRESS = "cq/first-light/line-1/press"


def worked(centre: Centre, *, minutes: int = 30) -> int:
    """Let the press run, with two minutes of failure in the middle; return when it began, in ns."""
    start = time.time_ns() // SECOND * SECOND - minutes * 60 * SECOND
    scene = centre.configuration.site.scene("first-light")
    press = next(d for d in scene.devices if d.path == PRESS)
    state = press.role(Role.STATE)
    code = {packml.name: raw for raw, packml in state.states.items()}
    half = minutes * 30
    seconds = range(0, minutes * 60, 5)
    rows = [(start / SECOND + t, code["ABORTED" if half <= t < half + 120 else "EXECUTE"]) for t in seconds]
    counters = [tag.path for tag in press.tags if tag.role in COUNTING]
    counts = [samples([(start / SECOND + t, t // 5) for t in seconds], path=path) for path in counters]
    centre.write(Batch.concat([samples(rows, path=state.path), *counts]))
    return start


def note(start: int, **changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "scope": PRESS,
        "start": start // MILLISECOND + 15 * 60_000,
        "stop": start // MILLISECOND + 16 * 60_000,
        "reason": "tool broken",
        "author": "Li Wei",
    }
    return body | changed


async def test_states_say_why_they_are_unknown(client: httpx.AsyncClient, centre: Centre) -> None:
    start = worked(centre)
    span = {"start": start // MILLISECOND - 60_000, "stop": start // MILLISECOND + 60_000}
    [press] = [d for d in (await client.get(f"{SCENE}/states", params=span)).json() if d["device"] == PRESS]
    assert [(i["state"], i["why"]) for i in press["intervals"]] == [("UNKNOWN", "no-data"), ("EXECUTE", None)]


async def test_a_figure_is_explained_under_its_own_address_down_to_the_stops(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    start = worked(centre)
    assert (await client.post(f"{SCENE}/annotations", json=note(start))).status_code == 201
    shown = {"window": "30min", "language": "en"}
    answer = (await client.get(f"/api/v1/indicators/{PRESS}:availability/explain", params=shown)).json()
    assert answer["scope"] == PRESS
    [interval] = [step for step in answer["steps"] if step["kind"] == "interval"]
    assert interval["text"].endswith("120 s — tool broken")


@pytest.mark.parametrize(
    "key", ["cq/nowhere:oee", "cq/first-light:no-such-figure", "cq/first-light", "first-light", f"{PRESS}:"]
)
async def test_a_key_that_is_none_is_not_found(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.get(f"/api/v1/indicators/{key}/explain", params={"window": "1h"})
    assert answer.status_code == 404


async def test_a_figures_uncertainty_is_part_of_it(client: httpx.AsyncClient, centre: Centre) -> None:
    worked(centre)
    found = (await client.get(f"{SCENE}/indicators", params={"window": "30min"})).json()["indicators"]
    assert {"uncertainty", "coverage", "quality_share", "inputs", "formula"} <= found[0].keys()
    assert set(Indicator.__slots__) - {"window"} <= found[0].keys() | {"formula", "version"}


async def test_both_reasons_of_a_stop_are_shown_and_the_newest_word_counts(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    start = worked(centre)
    for reason in ("no material", "tool broken"):
        assert (await client.post(f"{SCENE}/annotations", json=note(start, reason=reason))).status_code == 201
    answer = (await client.get(f"{SCENE}/stops", params={"window": "30min"})).json()
    [[stop]] = [found["stops"] for found in answer if found["scope"] == PRESS]
    assert (stop["reason"], stop["annotation"]["author"], stop["seconds"]) == ("tool broken", "Li Wei", 120.0)
    span = {"start": start // MILLISECOND, "stop": start // MILLISECOND + 1_800_000}
    log = (await client.get(f"{SCENE}/annotations", params=span)).json()
    assert [entry["reason"] for entry in log] == ["no material", "tool broken"]
    rows = (await client.get(f"{SCENE}/pareto", params={"window": "30min", "scope": PRESS})).json()
    assert [(row["reason"], row["count"], row["seconds"], row["share"]) for row in rows] == [("tool broken", 1, 120, 1)]
    [by_loss] = (await client.get(f"{SCENE}/pareto", params={"window": "30min", "by": "loss", "scope": PRESS})).json()
    assert by_loss["reason"] == "minor-stop"


async def test_what_is_said_never_alters_a_figure(client: httpx.AsyncClient, centre: Centre) -> None:
    start = worked(centre)
    stored = centre.historian.history(centre.historian.paths(), 0, 2**62).to_bytes()
    await client.post(f"{SCENE}/annotations", json=note(start))
    assert centre.historian.history(centre.historian.paths(), 0, 2**62).to_bytes() == stored


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": "cq/first-light/line-1/nobody"},
        {"scope": "cq/first-light/line-1/press/state"},
        {"author": "   "},
        {"author": ""},
        {"reason": "x" * 101},
        {"comment": "\x1b[31m"},
        {"stop": 1},
        {"stop": 4_102_444_800_000},
        {"start": "2026-01-01T00:00:00"},
        {"start": "9" * 400},
        {"deleted": True},
    ],
)
async def test_an_annotation_that_cannot_be_is_refused_and_nothing_is_kept(
    client: httpx.AsyncClient, centre: Centre, changed: dict[str, object]
) -> None:
    start = worked(centre)
    answer = await client.post(f"{SCENE}/annotations", json=note(start) | changed)
    assert answer.status_code == 422, answer.text
    assert not centre.annotations.within("cq/first-light", (0, 2**62)).log


async def test_a_day_of_production_is_summed_from_kept_pieces_and_says_its_revisions(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    worked(centre)
    day = (await client.get(f"{SCENE}/indicators", params={"window": "day"})).json()
    assert {i["scope"] for i in day["indicators"]} >= {PRESS, "cq/first-light"}
    span = {"start": day["window"]["start"], "stop": day["window"]["stop"]}
    revisions = (await client.get(f"{SCENE}/revisions", params=span)).json()
    assert all((r["number"], r["reason"], r["late"]) == (1, "closed", 0) for r in revisions)


@pytest.mark.parametrize("window", ["fortnight", "33d", "0s", "-1h", ""])
async def test_a_window_that_is_none_is_refused(client: httpx.AsyncClient, window: str) -> None:
    assert (await client.get(f"{SCENE}/indicators", params={"window": window})).status_code == 422
