"""The two scripts of the image: the configuration it is given, and how its processes are watched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from configs.loader import PACKAGED, load
from configs.schema import InfluxConfig
from configs.sources import ModbusSource, ModbusTcp, MqttSource, OpcuaSource, SourceConfig
from provenline.choice import Choice
from tests.containers.engine import ROOT
from tests.peers.processes import free_port


def script(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "docker" / name, *arguments]
    installed = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, check=False, env=installed, capture_output=True, text=True, timeout=30)


# ----------------------------------------------------------------------- configure.py
@pytest.fixture(scope="module")
def between_containers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("etc") / "provenline"
    done = script("configure.py", ROOT / "docker/config", folder)
    assert done.returncode == 0, done.stderr
    return folder


def host(source: SourceConfig) -> str:
    """Return where a source is; nowhere for a recording."""
    if isinstance(source, OpcuaSource):
        return source.endpoint.split("://")[1].split(":")[0]
    if isinstance(source, ModbusSource):
        assert isinstance(source.link, ModbusTcp)
        return source.link.host
    return source.host if hasattr(source, "host") else ""


def test_sources_are_where_the_composition_has_them(between_containers: Path) -> None:
    for binding in load(between_containers).bindings:
        service = "mosquitto" if binding.source.type in ("mqtt", "sparkplug", "vda5050") else "simulators"
        assert host(binding.source) in (service, "")
        if isinstance(binding.source, MqttSource):
            assert binding.source.user == "edge"
            assert binding.source.password
            assert binding.source.password.env == "MQTT_PASSWORD"


def test_nothing_but_addresses_differs_from_the_packs(between_containers: Path) -> None:
    ours, packed = load(between_containers), Choice(("first-light",)).of(load(PACKAGED))
    assert ours.site == packed.site
    for moved, original in zip(ours.bindings, packed.bindings, strict=True):
        assert (moved.scene, moved.points) == (original.scene, original.points)
        addresses = {"endpoint", "link", "host", "user", "password"}
        assert moved.source.model_dump(exclude=addresses) == original.source.model_dump(exclude=addresses)
        assert port(moved.source) == port(original.source)


def port(source: SourceConfig) -> object:
    if isinstance(source, OpcuaSource):
        return source.endpoint.rpartition(":")[2]
    return source.link.port if isinstance(source, ModbusSource) else getattr(source, "port", None)


def test_edge_and_centre_meet_over_http_with_one_token_and_samples_go_to_influxdb(between_containers: Path) -> None:
    configuration = load(between_containers)
    uplink = configuration.edge.uplink
    assert uplink
    assert uplink.url == "http://centre:8000"
    assert (uplink.token,) == configuration.centre.write_tokens
    assert isinstance(configuration.centre.historian, InfluxConfig)
    assert configuration.centre.historian.version == 2


# -------------------------------------------------------------------------- health.py
@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/health"
        finally:
            server.shutdown()
            thread.join()


def test_a_centre_is_healthy_when_it_says_so() -> None:
    with answering(200, b"{}") as url:
        assert script("health.py", "centre", url).returncode == 0


def test_a_centre_without_its_store_is_not_and_the_reason_is_shown() -> None:
    with answering(503, b'{"output": "InfluxDB is out of reach"}') as url:
        done = script("health.py", "centre", url)
    assert done.returncode == 1
    assert "InfluxDB is out of reach" in done.stderr


def test_a_centre_that_does_not_answer_is_not() -> None:
    done = script("health.py", "centre", f"http://127.0.0.1:{free_port()}/health")
    assert done.returncode == 1
    assert "no answer" in done.stderr


@pytest.mark.parametrize(("log_age", "code"), [(1.0, 0), (60.0, 1)])
def test_an_edge_is_healthy_while_its_outbox_takes_samples(tmp_path: Path, log_age: float, code: int) -> None:
    for name, age in {"outbox.sqlite": 900.0, "outbox.sqlite-wal": log_age, "outbox.sqlite-shm": 0.0}.items():
        file = tmp_path / name
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    assert script("health.py", "edge", tmp_path).returncode == code


def test_an_edge_that_never_opened_its_outbox_is_not(tmp_path: Path) -> None:
    done = script("health.py", "edge", tmp_path)
    assert (done.returncode, done.stderr) == (1, f"no outbox in {tmp_path}\n")


SCENE = """
type: scene
sources:
  - {{id: a, type: opcua, endpoint: "opc.tcp://simulators:{opcua}/path"}}
  - {{id: b, type: modbus, link: {{type: tcp, host: simulators, port: {modbus}}}}}
  - {{id: c, type: mqtt, host: mosquitto, port: 1}}
  - {{id: real, type: modbus, link: {{type: tcp, host: plc.example, port: 1}}}}
simulation: {{faces: {{x: a, y: b, z: c}}}}
"""


def test_simulators_are_healthy_when_every_simulated_device_takes_connections(tmp_path: Path) -> None:
    with ExitStack() as stack:
        opcua, modbus = (stack.enter_context(create_server(("127.0.0.1", 0))) for _ in range(2))
        ports = {"opcua": opcua.getsockname()[1], "modbus": modbus.getsockname()[1]}
        (tmp_path / "scene.yaml").write_text(SCENE.format(**ports))
        done = script("health.py", "simulators", tmp_path)
        assert done.returncode == 0, done.stderr
        modbus.close()
        done = script("health.py", "simulators", tmp_path)
    assert done.returncode == 1
    assert f"port {ports['modbus']}" in done.stderr


def test_simulators_without_a_device_are_not(tmp_path: Path) -> None:
    assert script("health.py", "simulators", tmp_path).returncode == 1
