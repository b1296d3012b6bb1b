"""What a trend and a download say where samples have made room for buckets."""

from __future__ import annotations

import csv
import io

import httpx
import pyarrow.parquet as pq
import pytest

from dashboard_api.centre import Centre
from historian.buckets import DAY
from plant.batch import BatchBuilder, Origin
from plant.clock import MILLISECOND, SECOND
from tests.api.conftest import PATH

START = 19_700 * DAY
MINUTE = 60 * SECOND
LATE = START + 90 * SECOND


@pytest.fixture
def thinned(centre: Centre) -> Centre:
    builder = BatchBuilder()
    for second in (0, 10, 20, 70):
        builder.add(PATH, START + second * SECOND, float(second), received=START, origin=Origin.SIMULATED)
    builder.add(PATH, START + DAY, 5.0, received=START)
    centre.historian.write(builder.build())
    centre.historian.thin([PATH], START // DAY, MINUTE)
    builder = BatchBuilder()
    builder.add(PATH, LATE, 7.0, received=START)
    centre.historian.write(builder.build())
    return centre


async def ask(client: httpx.AsyncClient, what: str, start: int, stop: int, **params: str) -> httpx.Response:
    window = {"start": str(start // MILLISECOND), "stop": str(stop // MILLISECOND)}
    answer = await client.get(f"/api/v1/tags/{PATH}/{what}", params=window | params)
    answer.raise_for_status()
    return answer


async def test_a_trend_is_no_finer_than_what_is_stored_and_says_so(client: httpx.AsyncClient, thinned: Centre) -> None:
    answer = (await ask(client, "history", START + 5 * SECOND, START + 3 * MINUTE - SECOND, buckets="500")).json()
    assert answer["rollup"] == 60.0
    assert answer["start"] == [(START + n * MINUTE) // MILLISECOND for n in range(3)]
    assert answer["count"] == [3, 2, 0]
    assert answer["mean"] == [10.0, 38.5, None]
    assert answer["maximum"] == [20.0, 70.0, None]


async def test_a_trend_of_samples_says_that_nothing_in_it_is_a_rollup(
    client: httpx.AsyncClient, thinned: Centre
) -> None:
    answer = (await ask(client, "history", START + DAY, START + DAY + MINUTE, buckets="6")).json()
    assert (answer["rollup"], answer["count"]) == (0.0, [1, 0, 0, 0, 0, 0])


async def test_a_download_has_buckets_among_samples_in_order_and_marked(
    client: httpx.AsyncClient, thinned: Centre
) -> None:
    text = (await ask(client, "export", START, START + 2 * DAY)).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["value"], row["rollup_seconds"], row["count"], row["maximum"]) for row in rows] == [
        ("10", "60", "3", "20"),
        ("70", "60", "1", "70"),
        ("7", "", "", ""),
        ("5", "", "", ""),
    ]
    assert rows[0]["received"] == ""
    assert rows[0]["simulated"] == "true"
    content = (await ask(client, "export", START, START + 2 * DAY, format="parquet")).content
    table = pq.read_table(io.BytesIO(content))
    assert table.column("rollup_seconds").to_pylist() == [60.0, 60.0, None, None]
    assert table.column("number").to_pylist() == [10.0, 70.0, 7.0, 5.0]
    assert table.column("minimum").to_pylist() == [0.0, 70.0, None, None]


async def test_a_download_without_buckets_has_no_columns_for_them(client: httpx.AsyncClient, thinned: Centre) -> None:
    text = (await ask(client, "export", START + DAY, START + 2 * DAY)).text
    assert "rollup" not in text
    assert len(text.splitlines()) == 2
