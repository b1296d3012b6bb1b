"""The centre over HTTP: what is written can be read, what is wrong is refused with its reason."""

from __future__ import annotations

import asyncio
import gzip
import time

import httpx
import pytest
from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from dashboard_api.centre import Centre
from dashboard_api.write import foreign_path
from plant import wire
from plant.batch import BatchBuilder
from plant.clock import MILLISECOND, SECOND
from plant.errors import Unavailable
from provenline.centre import Address, listening
from tests.api.conftest import PATH, TOKEN
from tests.peers.processes import free_port


def lines(*values: float, start: int | None = None) -> bytes:
    start = time.time_ns() // SECOND * SECOND - 100 * SECOND if start is None else start
    builder = BatchBuilder()
    for i, value in enumerate(values):
        builder.add(PATH, start + i * SECOND, value, received=start + i * SECOND)
    return wire.encode(builder.build())


async def write(client: httpx.AsyncClient, body: bytes, *, token: str = TOKEN, **options) -> httpx.Response:
    headers = {"Authorization": f"Token {token}", **options.pop("headers", {})}
    params = {"org": "o", "bucket": "b", **options}
    return await client.post("/api/v2/write", content=body, headers=headers, params=params)


# ------------------------------------------------------------------------------------ writing
async def test_what_is_written_is_in_the_history(client: httpx.AsyncClient) -> None:
    start = 1_700_000_000 * SECOND
    assert (await write(client, lines(1.5, 2.5, 3.5, start=start))).status_code == 204
    params = {"start": start // MILLISECOND, "stop": (start + 3 * SECOND) // MILLISECOND, "buckets": 3}
    answer = (await client.get(f"/api/v1/tags/{PATH}/history", params=params)).json()
    assert answer["mean"] == [1.5, 2.5, 3.5]
    assert answer["count"] == [1, 1, 1]
    assert answer["unit"] == "s"


async def test_a_gzipped_body_is_unpacked(client: httpx.AsyncClient) -> None:
    answer = await write(client, gzip.compress(lines(1)), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 204


@pytest.mark.parametrize("token", ["", "wrong", "a-token-of-the-tes"])
async def test_without_the_token_nothing_is_written(client: httpx.AsyncClient, centre: Centre, token: str) -> None:
    answer = await write(client, lines(1), token=token)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert centre.historian.paths() == ()


async def test_good_lines_are_stored_and_bad_ones_named(client: httpx.AsyncClient, centre: Centre) -> None:
    answer = await write(client, lines(1) + b"nonsense\n" + lines(2))
    assert answer.status_code == 400
    assert answer.json()["line"] == 2
    assert "2 samples stored" in answer.json()["message"]
    assert centre.historian.paths() == (PATH,)


async def test_a_body_too_large_is_refused_also_when_it_is_small_packed(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    bomb = gzip.compress(b"\n" * (centre.configuration.centre.body_limit + 1))
    assert len(bomb) < 100_000
    answer = await write(client, bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413


CUT_SHORT = gzip.compress(b"x", mtime=0)[:-9]


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"not gzip"), ("gzip", CUT_SHORT), ("br", b"")])
async def test_a_body_that_cannot_be_unpacked_is_refused(client: httpx.AsyncClient, encoding: str, body: bytes) -> None:
    answer = await write(client, body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 400
    assert "unpacked" in answer.json()["message"]


async def test_an_unknown_precision_is_refused(client: httpx.AsyncClient) -> None:
    assert (await write(client, lines(1), precision="h")).status_code == 422


async def test_a_store_that_is_away_is_answered_with_503_and_when_to_come_back(
    client: httpx.AsyncClient, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise Unavailable("the disk is full", retry_after=7)

    monkeypatch.setattr(centre.historian, "write", away)
    answer = await write(client, lines(1))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    assert "disk is full" in answer.json()["message"]


async def test_a_flood_of_new_names_is_refused_name_by_name_and_counted(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    centre.most_series = len(centre.tags) + 10
    flood = "".join(f"m,device=d{i} value=1 1\n" for i in range(50)).encode()
    answer = await write(client, flood)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["message"].startswith("partial write: max-series limit exceeded: ")
    assert answer.json()["message"].endswith("10 samples stored, dropped=40")
    assert centre.counts.refused_samples == 40
    assert (await write(client, lines(1))).status_code == 204
    stored = centre.historian.history(["cq/foreign/m/d9/value", "cq/foreign/m/d10/value"], 0, 10)
    assert [s.path for s in stored.samples()] == ["cq/foreign/m/d9/value"]
    assert (await write(client, b"m,device=d9 value=2 2\n")).status_code == 204


async def test_a_flood_in_one_scene_leaves_room_in_the_others(client: httpx.AsyncClient, centre: Centre) -> None:
    centre.most_in_scene = 5
    flood = "".join(f"m,device=d{i} value=1 1\n" for i in range(9)).encode()
    assert "more than 5 undeclared tag names in scene 'cq/foreign'" in (await write(client, flood)).json()["message"]
    assert (await write(client, b"m,device=d0,scene=other value=1 1\n")).status_code == 204
    assert (await write(client, lines(1))).status_code == 204
    live = {s.path for s in centre.live.changes(0).batch.samples()}
    assert sum(path.startswith("cq/foreign/") for path in live) == 5


def test_foreign_fields_get_paths_of_their_own() -> None:
    assert foreign_path("cq", "cpu", {"host": "pc 1", "cpu": "cpu0"}, "usage") == "cq/foreign/cpu/cpu0.pc_1/usage"
    levels = {"site": "x", "scene": "s", "line": "l", "device": "d", "signal": "v"}
    assert foreign_path("cq", "m", levels, "value") == "x/s/l/d/v"
    assert foreign_path("cq", "a/b#+", {}, "f") == "cq/foreign/a_b_/a_b_/f"


async def test_influxdbs_own_client_can_write(centre: Centre) -> None:
    port = free_port()
    async with listening(centre, Address("127.0.0.1", port)):

        def with_client() -> None:
            with InfluxDBClient(f"http://127.0.0.1:{port}", token=TOKEN, org="o") as influx:
                api = influx.write_api(write_options=SYNCHRONOUS)
                api.write("b", record=[Point("weather").tag("device", "roof").field("temperature", 21.5).time(5)])
                with pytest.raises(ApiException) as caught:
                    api.write("b", record="broken line")
                assert caught.value.status == 400

        await asyncio.to_thread(with_client)
    (sample,) = centre.historian.history(["cq/foreign/weather/roof/temperature"], 0, 10).samples()
    assert (sample.value, sample.time) == (21.5, 5)


# ------------------------------------------------------------------------------------ reading
async def test_the_asset_tree_and_the_tags_are_listed(client: httpx.AsyncClient) -> None:
    site = (await client.get("/api/v1/site")).json()
    assert site["id"] == "cq"
    assert site["zone"] == "Asia/Shanghai"
    scenes = (await client.get("/api/v1/scenes")).json()
    first = next(s for s in scenes if s["id"] == "first-light")
    assert first["simulated"] is True
    tags = (await client.get("/api/v1/tags", params={"scene": "first-light"})).json()
    listed = {path for line in first["lines"] for device in line["devices"] for path in device["tags"]}
    assert {t["path"] for t in tags} == listed
    assert all(t["description"]["zh"] and t["description"]["en"] for t in tags)


async def test_an_unknown_scene_is_answered_with_those_there_are(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/tags", params={"scene": "moon"})
    assert answer.status_code == 404
    assert "first-light" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("start", "stop", "words"),
    [
        ("yesterday", "1", "not a moment"),
        ("2026-01-01T00:00:00", "1", "zone"),
        ("5", "5", "after start"),
        ("0", "99999999999999", "ten years"),
    ],
)
async def test_a_window_that_makes_no_sense_is_refused(client, start: str, stop: str, words: str) -> None:
    answer = await client.get(f"/api/v1/tags/{PATH}/history", params={"start": start, "stop": stop})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_health_says_whether_the_store_answers(client, centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await client.get("/health")).json()["status"] == "pass"

    def away(_: object) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(centre.historian, "latest", away)
    answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["output"] == "gone"


async def test_metrics_count_what_was_stored(client: httpx.AsyncClient) -> None:
    await write(client, lines(1, 2, 3))
    text = (await client.get("/metrics")).text
    assert "provenline_samples_total 3.0" in text


async def test_the_api_page_needs_no_network(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "https://" not in page
    script = page.split('<script src="')[1].split('"')[0]
    assert (await client.get(script)).status_code == 200


async def test_other_host_names_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/site", headers={"Host": "evil.example"})).status_code == 400


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/site", "/", "/nowhere.js", "/api/v1/nothing"):
        headers = (await client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "/assets/../../pyproject.toml"])
async def test_files_outside_the_pages_are_not_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert "hatchling" not in answer.text


async def test_a_scenes_health_counts_trusted_tags_and_connected_collectors(
    client: httpx.AsyncClient, centre: Centre
) -> None:
    address = "/api/v1/scenes/first-light/health"
    before = (await client.get(address)).json()
    assert before["good"] == 0
    assert before["tags"] > 1
    collectors = [one["id"] for one in before["collectors"]]
    assert collectors
    assert {one["connected"] for one in before["collectors"]} == {None}
    builder = BatchBuilder()
    now = time.time_ns()
    builder.add(PATH, now, 1.0, received=now)
    builder.add(f"cq/first-light/edge/{collectors[0]}/connected", now, False, received=now)
    centre.live.update(builder.build())
    after = (await client.get(address)).json()
    assert after["good"] == 1
    assert after["collectors"][0] == {"id": collectors[0], "connected": False}
