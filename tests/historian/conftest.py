"""One InfluxDB for the whole folder, a fresh database of it for each test that wants one."""

from __future__ import annotations

import itertools
import shutil

import pytest

from tests.historian.stores import EMBEDDED, influx
from tests.peers.influxd import influxd

_numbers = itertools.count()


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory):
    with influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture
def influx_database(influx_server):
    name = f"test{next(_numbers)}"
    influx_server.execute(f'CREATE DATABASE "{name}"')
    yield name
    influx_server.execute(f'DROP DATABASE "{name}"')


@pytest.fixture(
    params=[*EMBEDDED, pytest.param("influxdb", marks=pytest.mark.needs("influxd"))],
)
def store(request, tmp_path):
    """Each kind of historian in turn, empty."""
    if request.param != "influxdb":
        with EMBEDDED[request.param](tmp_path / "historian") as stage:
            yield stage
        shutil.rmtree(tmp_path, ignore_errors=True)
        return
    server = request.getfixturevalue("influx_server")
    with influx(server.url, request.getfixturevalue("influx_database")) as stage:
        yield stage
