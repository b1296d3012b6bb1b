"""Maps of the link and books of stock over REST: computed from roles, honest about what was not measured."""

from __future__ import annotations

import time
from collections.abc import Iterable

import httpx
import pytest

from dashboard_api.centre import Centre
from plant.batch import Batch, BatchBuilder, Value
from plant.clock import SECOND
from plant.quality import Quality

SURVEY = "cq/digital-workshop/people/survey"
WORKSHOP = "/api/v1/scenes/digital-workshop"
STOCK = "cq/material/assembly/stock"
MATERIAL = "/api/v1/scenes/material"


def told(path: str, rows: Iterable[tuple[float, Value] | tuple[float, Value, int]], *, before: int) -> Batch:
    """Build one tag's samples from seconds counted back from a moment."""
    builder = BatchBuilder()
    for seconds, value, *quality in rows:
        at = before - round(seconds * SECOND)
        builder.add(path, at, value, received=at, quality=quality[0] if quality else 0)
    return builder.build()


@pytest.fixture
def survey(centre: Centre) -> str:
    """Return the path of the device that walks about and probes the link, found by what it is."""
    scene = centre.configuration.site.scene("digital-workshop")
    assert scene
    [probe] = [device for device in scene.devices if device.type == "probe"]
    return probe.path


def walked(centre: Centre, survey: str, places: Iterable[tuple[float, float, int, float, bool]]) -> None:
    """Walk the floor, a probe a second: x, y, how many probes, their delay in ms, and whether they get lost."""
    now, at = time.time_ns(), 600.0
    columns: dict[str, list[tuple[float, float]]] = {name: [] for name in ("x", "y", "rtt", "loss", "signal")}
    for x, y, probes, delay, lost in places:
        for _ in range(probes):
            row = {"x": x, "y": y, "rtt": 1e6 if lost else delay * 1000, "loss": float(lost), "signal": -90.0}
            for name, value in row.items():
                columns[name].append((at, value))
            at -= 1
    centre.write(Batch.concat([told(f"{survey}/{name}", rows, before=now) for name, rows in columns.items()]))


async def test_each_place_of_the_floor_has_the_figures_that_were_measured_there(
    client: httpx.AsyncClient, centre: Centre, survey: str
) -> None:
    walked(centre, survey, [(2, 2, 40, 12, False), (57, 37, 40, 0, True), (32, 2, 5, 80, False)])
    answer = (await client.get(f"{WORKSHOP}/radio-map", params={"window": "15min", "percentile": "95"})).json()
    assert (answer["size"], answer["columns"], answer["rows"]) == (5, 12, 8)
    assert answer["limit"] == 50
    assert answer["simulated"] is True
    layers = {
        layer["measure"]: {(c["column"], c["row"]): c for c in layer["cells"]} | {"needed": layer["needed"]}
        for layer in answer["layers"]
    }
    assert set(layers) == {"delay", "loss", "signal"}
    assert layers["delay"]["needed"] == 20
    good, dead, few = (layers["delay"][place] for place in ((0, 0), (11, 7), (6, 0)))
    assert (good["status"], good["value"], good["samples"]) == ("ok", pytest.approx(12), 40)
    assert (dead["status"], dead["value"]) == ("unbounded", None)
    assert (few["status"], few["value"], few["samples"]) == ("insufficient-data", None, 5)
    assert [layers["loss"][place]["value"] for place in ((0, 0), (11, 7))] == [0, 100]
    assert layers["signal"][0, 0]["value"] == -90
    assert len(layers["delay"]) == 3 + 1


async def test_a_map_shows_the_percentile_that_most_of_its_cells_have_enough_packets_for(
    client: httpx.AsyncClient, centre: Centre, survey: str
) -> None:
    walked(centre, survey, [(2, 2, 25, 12, False), (12, 2, 25, 12, False), (22, 2, 4, 12, False)])
    answer = (await client.get(f"{WORKSHOP}/radio-map", params={"window": "15min"})).json()
    assert answer["percentile"] == 95
    asked = {"window": "15min", "percentile": "50"}
    delay = (await client.get(f"{WORKSHOP}/radio-map", params=asked)).json()["layers"][0]
    assert [cell["status"] for cell in delay["cells"]] == ["ok"] * 3


async def test_packets_of_nobody_knows_where_are_on_no_cell_and_are_counted(
    client: httpx.AsyncClient, centre: Centre, survey: str
) -> None:
    now = time.time_ns()
    delays = told(f"{survey}/rtt", [(n, 9000.0) for n in range(60, 0, -1)], before=now)
    lost = told(f"{survey}/x", [(60, 3.0), (30, 0.0, int(Quality.BAD_SENSOR_FAILURE))], before=now)
    centre.write(Batch.concat([delays, lost, told(f"{survey}/y", [(60, 3.0)], before=now)]))
    answer = (await client.get(f"{WORKSHOP}/radio-map", params={"window": "5min"})).json()
    [cell] = answer["layers"][0]["cells"]
    assert (cell["column"], cell["row"]) == (0, 0)
    assert 5 <= cell["samples"] <= 30
    assert answer["elsewhere"] == 60 - cell["samples"]


async def test_link_events_of_vehicles_are_told_per_minute_that_somebody_was_there(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    agv, now = "cq/agv/fleet/agv-1", time.time_ns()
    here = [told(f"{agv}/position-{axis}", [(n, 10.0) for n in range(120, 0, -10)], before=now) for axis in "xy"]
    missed = told(f"{agv}/heartbeats-missed", [(n, 7 + (n < 60)) for n in range(120, 0, -2)], before=now)
    centre.write(Batch.concat([*here, missed]))
    answer = (await client.get("/api/v1/scenes/agv/radio-map", params={"window": "5min"})).json()
    [events] = answer["layers"]
    assert (events["measure"], events["unit"]) == ("events", "/min")
    [cell] = events["cells"]
    assert 116 <= cell["samples"] <= 122 + (time.time_ns() - now) / 1e9  # it stands there until it is asked about
    assert cell["value"] == pytest.approx(60 / cell["samples"], rel=0.01)


async def test_a_map_that_cannot_be_made_is_refused_in_words(client: httpx.AsyncClient, centre: Centre) -> None:
    for scene, asked, status, said in (
        ("none", {}, 404, "no scene"),
        ("digital-workshop", {"window": "20d"}, 422, "8 days"),
        ("digital-workshop", {"percentile": "12"}, 422, "percentile"),
        ("digital-workshop", {"window": "yesterday"}, 422, "window"),
    ):
        answer = await client.get(f"/api/v1/scenes/{scene}/radio-map", params={"window": "1h", **asked})
        assert (answer.status_code, said in answer.text) == (status, True), answer.text


async def test_a_floor_that_nobody_walked_has_an_empty_map(client: httpx.AsyncClient) -> None:
    answer = (await client.get(f"{WORKSHOP}/radio-map", params={"window": "1h"})).json()
    assert answer["layers"] == []


def counted(centre: Centre, rows: list[tuple[float, str, float, float]]) -> None:
    """Count places: seconds ago, place, pieces counted, pieces on record."""
    now = time.time_ns()
    columns = {
        "place": [(ago, place) for ago, place, _, _ in rows],
        "counted": [(ago, pieces) for ago, _, pieces, _ in rows],
        "recorded": [(ago, pieces) for ago, _, _, pieces in rows],
    }
    centre.write(Batch.concat([told(f"{STOCK}/{name}", found, before=now) for name, found in columns.items()]))


async def test_the_last_count_of_each_place_stands_beside_its_record(client: httpx.AsyncClient, centre: Centre) -> None:
    counted(centre, [(300, "store-board", 90, 100), (200, "line-board", 40, 40), (100, "store-board", 150, 149)])
    answer = (await client.get(f"{MATERIAL}/stock")).json()
    assert [(c["place"], c["counted"], c["recorded"]) for c in answer["counts"]] == [
        ("line-board", 40, 40),
        ("store-board", 150, 149),
    ]
    assert answer["simulated"] is True
    assert answer["calls"] == []


async def test_a_call_is_open_until_a_bin_for_it_passes_the_gate_nearest_to_the_caller(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    now, line = time.time_ns(), "cq/material/assembly"
    calls = [(90, 1, "board"), (80, 2, "cable"), (70, 3, "board"), (10, 5, "label")]
    dock = [(60, 1, "store-cable", "BIN-1")]
    aisle = [(95, 1, "line-cable", "BIN-2"), (50, 2, "line-board", "BIN-3")]
    batches = [
        told(f"{line}/shelf/calls", [(ago, number) for ago, number, _ in calls], before=now),
        told(f"{line}/shelf/material", [(ago, item) for ago, _, item in calls], before=now),
    ]
    for gate, rows in (("dock", dock), ("aisle", aisle)):
        for name, column in (("moves", 1), ("target", 2), ("bin", 3)):
            batches.append(told(f"{line}/{gate}/{name}", [(row[0], row[column]) for row in rows], before=now))
    centre.write(Batch.concat(batches))
    answer = (await client.get(f"{MATERIAL}/stock")).json()
    # The cable's bin at the dock goes into the store, the one at the aisle passed before the call.
    assert [call["item"] for call in answer["calls"]] == ["cable", "board", "label"]
    assert now // 1_000_000 - answer["calls"][1]["time"] == pytest.approx(70_000, abs=5)
    assert answer["unseen"] == 1


async def test_stock_of_a_scene_without_any_is_empty(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/scenes/agv/stock")).json()
    assert (answer["counts"], answer["calls"], answer["unseen"]) == ([], [], 0)
