"""What a running centre says of itself: metrics as documented, alive and ready told apart, logs for machines."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from configs.loader import load
from dashboard_api.app import create_app
from dashboard_api.meters import METERS, STANDARD, TASKS
from plant.clock import SystemClock
from plant.errors import Unavailable
from provenline.centre import opened
from provenline.trust import trust
from tests.operations.conftest import Place, serving, small_configuration
from tests.peers.processes import Program, free_port

GUIDES = [Path(__file__).parents[2] / "docs" / name for name in ("operations.md", "operations.zh-CN.md")]
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Program]]:
    folder = tmp_path_factory.mktemp("measured")
    (folder / "data").mkdir()
    place = Place(small_configuration(folder / "configuration"), folder / "data", free_port())
    with serving(place, "--log-json") as program:
        yield place, program


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_guides_table_of_metrics_is_what_a_centre_tells(guide: Path, running: tuple[Place, Program]) -> None:
    table = guide.read_text(encoding="utf-8").partition("<!-- metrics -->")[2].partition("<!-- /metrics -->")[0]
    told = {name: (kind, labels.strip("– "), words) for name, kind, labels, words in ROW.findall(table)}
    meant = {m.full_name: (m.form.value, ", ".join(m.labels), m.help) for m in METERS}
    meant["provenline_tasks"] = ("gauge", "", TASKS)
    kinds = {name: "counter" if name.endswith("_total") else "gauge" for name in STANDARD}
    meant |= {name: (kinds[name], "", words) for name, words in STANDARD.items()}
    assert told == meant
    place, _ = running
    with place.client() as client:
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    exposed = {f"{f.name}_total" if f.type == "counter" else f.name for f in families}
    assert exposed == told.keys()
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        for sample in family.samples:
            assert set(sample.labels) == set(filter(None, told[name][1].split(", "))), name


def test_what_was_stored_is_counted(running: tuple[Place, Program]) -> None:
    place, _ = running

    def samples() -> float:
        with place.client() as client:
            families = text_string_to_metric_families(client.get("/metrics").text)
            return next(f.samples[0].value for f in families if f.name == "provenline_samples")

    before = samples()
    with place.client() as client:
        client.post(
            "/api/v2/write", content="elsewhere value=1 1000000000\nelsewhere value=2 2000000000"
        ).raise_for_status()
    assert samples() >= before + 2


def test_every_log_line_is_a_json_object_with_its_time_and_level(running: tuple[Place, Program]) -> None:
    _, program = running
    lines = [json.loads(line) for line in list(program.lines)]
    assert any(line["event"] == "centre ready" for line in lines)
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)


async def test_a_centre_that_cannot_take_samples_is_alive_but_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = load(small_configuration(tmp_path / "configuration"))
    async with (
        trust(tmp_path, configuration) as trusted,
        opened(configuration, trusted, data=tmp_path, clock=SystemClock()) as centre,
        httpx.AsyncClient(transport=httpx.ASGITransport(create_app(centre)), base_url="http://localhost") as client,
    ):
        assert (await client.get("/health/ready")).json()["status"] == "pass"
        usage = shutil.disk_usage(tmp_path)
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
            answer = await client.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json()["checks"]["disk"]["status"] == "fail"
            assert (await client.get("/health/live")).status_code == 200

        def broken(_: object) -> None:
            raise Unavailable("the store is away")

        with monkeypatch.context() as away:
            away.setattr(centre.historian, "latest", broken)
            assert (await client.get("/health/ready")).json()["checks"]["store"]["output"] == "the store is away"
            assert (await client.get("/health")).status_code == 503
