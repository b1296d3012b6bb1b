"""docker-compose.yml, built and brought up for real: simulated devices to InfluxDB and the page."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.containers import stand_ins
from tests.containers.engine import ROOT, Composition, engine
from tests.peers.processes import free_port

pytestmark = [
    pytest.mark.needs("dockerd", "docker", "docker-compose", "debootstrap"),
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN, an engine of one's own wants root"),
    pytest.mark.timeout(1500),  # the first test makes a Debian system and builds the image
]

SERVICES = {"mosquitto", "influxdb", "centre", "edge", "simulators"}
ONE_OF_EACH = {
    "OPC UA": "cq/first-light/line-1/press/oil-temperature",
    "Modbus": "cq/first-light/line-1/conveyor/power",
    "MQTT": "cq/first-light/line-1/vision/power",
}
SECRETS = ("MQTT_PASSWORD", "PROVENLINE_WRITE_TOKEN", "INFLUXDB_PASSWORD", "INFLUXDB_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """The running composition, and where this machine reaches it."""

    composition: Composition
    secrets: dict[str, str] = field(repr=False)
    page: str
    influxdb: str

    def get(self, path: str, **query: str) -> Any:
        return json.loads(fetch(f"{self.page}{path}?{urllib.parse.urlencode(query)}"))

    def snapshot(self) -> dict[str, tuple[Any, int]]:
        """Return what a page that opens now is shown: value and quality by tag."""
        address = f"{self.page}/api/v1/live?scene=first-light".replace("http", "ws", 1)
        with connect(address, proxy=None, open_timeout=10) as socket:
            frame = json.loads(socket.recv(timeout=10))
        assert frame["snapshot"]
        return {frame["paths"][row[0]]: (row[1], row[2]) for row in frame["rows"]}

    def stored(self, path: str) -> dict[int, float]:
        """Ask InfluxDB itself for every value of a tag, by time in ns."""
        levels = zip(("site", "scene", "line", "device", "signal"), path.split("/"), strict=True)
        where = " AND ".join(f"{level} = '{part}'" for level, part in levels)
        query = {"db": "provenline", "epoch": "ns", "q": f"SELECT v FROM sample WHERE {where}"}
        account = f"provenline:{self.secrets['INFLUXDB_PASSWORD']}"
        answer = json.loads(fetch(f"{self.influxdb}/query?{urllib.parse.urlencode(query)}", account=account))
        series = answer["results"][0].get("series", [{"values": []}])
        return {moment: value for moment, value in series[0]["values"] if value is not None}


def fetch(url: str, *, account: str = "", data: bytes | None = None, token: str = "") -> bytes:
    """Ask over HTTP, without whatever proxy the environment names."""
    headers = {"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"} if account else {}
    headers |= {"Authorization": f"Token {token}"} if token else {}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return answer.read()


def eventually(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.5)


def written(file: Path, settings: dict[str, str]) -> Path:
    """Write an .env file."""
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return file


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Build everything and bring it up; take all of it away again."""
    ports = {"PROVENLINE_PORT": str(free_port()), "STAND_IN_INFLUXDB_PORT": str(free_port())}
    passwords = {name: secrets.token_urlsafe(24) for name in SECRETS}
    settings = written(tmp_path_factory.mktemp("settings") / "env", ports | passwords)
    override = Path(__file__).with_name("stand-ins.yml")
    with engine() as running:
        stand_ins.provide(running)
        composition = Composition(engine=running, override=override, settings=settings)
        try:
            composition.compose("build", seconds=1000)
            composition.compose("up", "--detach")
            composition.wait_until_healthy()
            yield Plant(
                composition=composition,
                secrets=passwords,
                page=f"http://127.0.0.1:{ports['PROVENLINE_PORT']}",
                influxdb=f"http://127.0.0.1:{ports['STAND_IN_INFLUXDB_PORT']}",
            )
        finally:
            composition.compose("down", "--volumes")
        assert running.docker("volume", "ls", "--quiet") == ""


def test_samples_of_every_protocol_reach_influxdb_and_the_page(plant: Plant) -> None:
    for protocol, path in ONE_OF_EACH.items():
        eventually(lambda path=path: len(plant.stored(path)) >= 3, f"{protocol} samples in InfluxDB")

    scenes = plant.get("/api/v1/scenes")
    assert [(scene["id"], scene["simulated"]) for scene in scenes] == [("first-light", True)]

    def all_good() -> bool:
        shown = plant.snapshot()
        return all(shown.get(path, (None, 1)) != (None, 1) and shown[path][1] == 0 for path in ONE_OF_EACH.values())

    eventually(all_good, "a good value of every protocol in the live feed")
    assert b'id="app"' in fetch(f"{plant.page}/")


def test_nobody_is_root_and_nobody_can_become_it(plant: Plant) -> None:
    containers = plant.composition.containers()
    assert set(containers) == SERVICES
    for service, container in containers.items():
        status = Path(f"/proc/{container['State']['Pid']}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert "0" not in facts["Uid"].split(), service
        assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0, service
        assert facts["NoNewPrivs"] == "1", service
        assert container["HostConfig"]["ReadonlyRootfs"], service


def test_only_the_page_is_published_and_only_to_this_machine(plant: Plant) -> None:
    containers = plant.composition.containers()
    published = {s: c["HostConfig"]["PortBindings"] for s, c in containers.items() if c["HostConfig"]["PortBindings"]}
    published.pop("influxdb")  # the stand-in's, so that this test can ask it
    assert list(published) == ["centre"]
    assert [binding["HostIp"] for binding in published["centre"]["8000/tcp"]] == ["127.0.0.1"]


def test_samples_are_taken_only_from_who_has_the_token(plant: Plant) -> None:
    write = f"{plant.page}/api/v2/write?bucket=provenline&org=provenline"
    line = b"sample,device=d,line=l,scene=s,signal=x,site=cq v=1 1700000000000000000"
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(write, data=line, token="not the token")
    refused.value.close()
    assert refused.value.code == 401
    fetch(write, data=line, token=plant.secrets["PROVENLINE_WRITE_TOKEN"])


def test_the_broker_lets_only_the_edge_listen(plant: Plant) -> None:
    listen = "mosquitto_sub -t cell/vision/status -C 1 -W 10"
    account = f'-u edge -P "{plant.secrets["MQTT_PASSWORD"]}"'
    assert json.loads(plant.composition.run_inside("mosquitto", "sh", "-c", f"{listen} {account}"))["simulated"] is True
    heard = plant.composition.run_inside("mosquitto", "sh", "-c", f"{listen.replace('10', '3')} || echo nothing")
    assert heard.strip() == "nothing"


def test_an_edge_that_hears_no_device_keeps_healthy_and_ends_in_order(plant: Plant) -> None:
    plant.composition.compose("stop", "mosquitto", "simulators")
    assert plant.composition.run_inside("edge", "python", "/opt/provenline/health.py", "edge", "/data/edge") == ""
    plant.composition.compose("stop", "edge")
    assert plant.composition.containers()["edge"]["State"]["ExitCode"] == 0
    plant.composition.compose("start", "mosquitto", "simulators", "edge")
    plant.composition.wait_until_healthy()


def test_what_was_stored_is_there_after_down_and_up(plant: Plant) -> None:
    path = ONE_OF_EACH["MQTT"]
    before = plant.stored(path)
    assert before
    plant.composition.compose("stop")
    codes = {service: container["State"]["ExitCode"] for service, container in plant.composition.containers().items()}
    assert codes == dict.fromkeys(SERVICES, 0)
    plant.composition.compose("down")
    assert plant.composition.containers() == {}

    plant.composition.compose("up", "--detach")
    plant.composition.wait_until_healthy()
    after = plant.stored(path)
    assert before.items() <= after.items()
    eventually(lambda: max(plant.stored(path)) > max(after), "newer samples beside them")
    first, last = min(before) // 1_000_000, max(before) // 1_000_000 + 1
    history = plant.get(f"/api/v1/tags/{path}/history", start=str(first), stop=str(last), buckets="1")
    assert history["count"][0] >= len(before)


def test_a_missing_secret_is_named_and_nothing_starts(plant: Plant, tmp_path: Path) -> None:
    for name in SECRETS:
        settings = written(tmp_path / "env", {**plant.secrets, name: ""})
        without = Composition(
            engine=plant.composition.engine, override=ROOT / "docker-compose.yml", settings=settings, name="without"
        )
        with pytest.raises(AssertionError, match=f"set {name} in .env, see .env.example"):
            without.compose("up", "--detach")
        assert without.containers() == {}
