"""Downloads: every sample as stored, with its times, its quality and its simulated mark, or a clear refusal."""

from __future__ import annotations

import csv
import io

import httpx
import pyarrow.parquet as pq
import pytest

from dashboard_api import export
from dashboard_api.centre import Centre
from plant.batch import BatchBuilder, Origin
from plant.clock import MILLISECOND, SECOND, from_iso
from plant.errors import Unavailable
from plant.quality import Quality
from tests.api.conftest import PATH

START = 1_700_000_000 * SECOND
WINDOW = {"start": str(START // MILLISECOND), "stop": str((START + 60 * SECOND) // MILLISECOND)}


@pytest.fixture
def stored(centre: Centre) -> Centre:
    builder = BatchBuilder()
    builder.add(PATH, START, 1.5, received=START + 20 * MILLISECOND, origin=Origin.SIMULATED)
    builder.add(PATH, START + SECOND, 7, received=START + SECOND, quality=Quality.UNCERTAIN)
    builder.add(PATH, START + 2 * SECOND, 'a, "b"', received=START + 2 * SECOND)
    builder.add(PATH, START + 3 * SECOND, 0.0, received=START + 3 * SECOND, quality=Quality.BAD_SENSOR_FAILURE)
    centre.historian.write(builder.build())
    return centre


async def ask(client: httpx.AsyncClient, **params: str) -> httpx.Response:
    return await client.get(f"/api/v1/tags/{PATH}/export", params=WINDOW | params)


async def test_a_csv_has_every_sample_with_both_times_quality_and_simulated_mark(
    client: httpx.AsyncClient, stored: Centre
) -> None:
    answer = await ask(client)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["value"] for row in rows] == ["1.5", "7", 'a, "b"', "0"]
    assert [from_iso(row["time"]) for row in rows] == [START + i * SECOND for i in range(4)]
    assert from_iso(rows[0]["received"]) == START + 20 * MILLISECOND
    assert all(row["time"].endswith("Z") for row in rows)
    assert {row["unit"] for row in rows} == {"s"}
    assert [int(row["status_code"]) for row in rows] == [0, Quality.UNCERTAIN, 0, Quality.BAD_SENSOR_FAILURE]
    declared = stored.tags[PATH].simulated
    assert [row["simulated"] for row in rows] == ["true", *[str(declared).lower()] * 3]


async def test_a_parquet_file_is_typed_and_keeps_the_mark(client: httpx.AsyncClient, stored: Centre) -> None:
    answer = await ask(client, format="parquet")
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 4
    assert str(table.schema.field("time").type) == "timestamp[ns, tz=UTC]"
    assert table["simulated"].to_pylist()[0] is True
    assert table["text"].to_pylist()[2] == 'a, "b"'
    assert table.schema.metadata[b"unit"] == b"s"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_a_window_without_samples_is_a_sound_empty_file(client: httpx.AsyncClient, kind: str) -> None:
    answer = await ask(client, format=kind)
    assert answer.status_code == 200
    if kind == "csv":
        assert len(answer.text.splitlines()) == 1
    else:
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0


async def test_the_file_is_named_after_its_tag_and_window(client: httpx.AsyncClient) -> None:
    named = (await ask(client)).headers["content-disposition"]
    assert 'filename="cq_first-light_line-1_press_cycle_20231114T221320Z_20231114T221420Z.csv"' in named


async def test_names_outside_ascii_survive_in_the_header(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/tags/厂/场景/线/压机/力/export", params=WINDOW)
    assert answer.status_code == 200
    assert "filename*=UTF-8''%E5%8E%82_" in answer.headers["content-disposition"]


async def test_more_than_a_file_can_bear_is_refused_with_the_number(
    client: httpx.AsyncClient, stored: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_SAMPLES", 3)
    answer = await ask(client)
    assert answer.status_code == 413
    assert "4 samples" in answer.json()["detail"]


@pytest.mark.parametrize("wrong", [{"format": "xls"}, {"start": "yesterday"}, {"stop": "1"}])
async def test_what_cannot_be_read_is_refused(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    assert (await ask(client, **wrong)).status_code == 422


async def test_a_store_that_is_away_is_answered_with_503_before_anything_is_sent(
    client: httpx.AsyncClient, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("the disk is gone")

    monkeypatch.setattr(centre.historian, "export", away)
    assert (await ask(client)).status_code == 503


async def test_a_tag_tells_where_its_source_finds_it(client: httpx.AsyncClient, centre: Centre) -> None:
    tags = (await client.get("/api/v1/tags", params={"scene": "first-light"})).json()
    bound = [tag for tag in tags if tag["source"]]
    assert bound
    assert all(tag["address"] for tag in bound)
    assert all(tag["address"] is None for tag in tags if not tag["source"])
