"""`provenline explain` prints the derivation of the figure on the page, asked of a running centre."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from typer.testing import CliRunner, Result

from provenline.centre import Address, listening
from provenline.main import app
from tests.analytics.test_one_figure import Plant
from tests.peers.processes import free_port
from tests.people import people


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("centre")
    with people(folder) as known:
        found = Plant(folder, known)
        yield found
    found.annotations.close()
    found.results.close()
    found.alarm_log.close()


@pytest.fixture
async def url(plant: Plant) -> AsyncIterator[str]:
    address = Address("127.0.0.1", free_port())
    async with listening(plant.centre, address):
        yield f"http://127.0.0.1:{address.port}"


async def explain(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["explain", *words])


async def test_a_figure_is_derived_in_the_readers_language(url: str) -> None:
    key = "cq/first-light/line-1/press:availability"
    result = await explain(key, "--window", "1h", "--url", url, "--lang", "en", "--json")
    assert result.exit_code == 0, result.output
    steps = json.loads(result.stdout)["steps"]
    assert {"formula", "input", "interval", "result", "source"} <= {step["kind"] for step in steps}
    chinese = await explain(key, "--window", "1h", "--url", url)
    assert "数据覆盖率" in chinese.stdout


async def test_what_lies_behind_a_figure_is_derived_too(url: str) -> None:
    key = "cq/first-light/line-1/press#state=EXECUTE:energy"
    result = await explain(key, "--window", "1h", "--url", url, "--lang", "en", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scope"] == "cq/first-light/line-1/press#state=EXECUTE"


async def test_without_an_id_the_figures_of_a_scene_are_listed(url: str) -> None:
    result = await explain("first-light", "--window", "1h", "--url", url, "--json")
    assert "cq/first-light/line-1:oee" in json.loads(result.stdout)


@pytest.mark.parametrize("key", ["cq/first-light:nothing", "nowhere"])
async def test_what_there_is_not_is_refused_with_the_reason(url: str, key: str) -> None:
    result = await explain(key, "--window", "1h", "--url", url)
    assert result.exit_code == 2
    assert "provenline explain: no " in result.stderr


async def test_without_a_centre_it_says_so() -> None:
    result = await explain("cq/first-light:oee", "--url", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == 1
    assert "no centre answers" in result.stderr
