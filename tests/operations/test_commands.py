"""Writing to devices: off unless listed, within bounds, by whom it is for, once, read back, and all written down."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collectors.command import NotWritable
from collectors.modbus.command import encoded
from configs.loader import examine, load
from configs.sources import ModbusAddress
from dashboard_api.access import Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from edge.uplink import InProcess
from plant.clock import SystemClock
from provenline.centre import opened
from provenline.edge_process import delivering
from provenline.trust import trust
from tests.collectors.modbus_rig import Device
from tests.collectors.opcua_peer import Server
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import free_port

FORCE, COUNT, SPEED, COIL = (f"cq/hall/line/press/{name}" for name in ("force", "state", "speed", "coil"))
LAMP, LEVEL, UNLISTED = (f"cq/hall/line/press/{name}" for name in ("lamp", "level", "unlisted"))
REASON = "trying another setting"


def documents(folder: Path, *, opcua: int, modbus: int, mqtt: int) -> Path:
    folder.mkdir()
    (folder / "site.yaml").write_text("type: site\nid: cq\nname: Centre\n")
    (folder / "scene.yaml").write_text(f"""
type: scene
id: hall
name: Hall
sources:
  - {{type: opcua, id: ua, endpoint: "opc.tcp://127.0.0.1:{opcua}"}}
  - {{type: modbus, id: plc, link: {{type: tcp, host: 127.0.0.1, port: {modbus}}}, timeout: 2s}}
  - {{type: mqtt, id: broker, host: 127.0.0.1, port: {mqtt}, version: "3.1.1", session: 0}}
lines:
  - id: line
    name: Line
    devices:
      - id: press
        name: Press
        tags:
          - {{id: force, kind: analog, source: ua, address: {{node: "ns=2;s=Press.Force", scale: 0.5}}}}
          - {{id: state, kind: analog, source: ua, address: {{node: "ns=2;s=Press.State"}}}}
          - {{id: job, kind: text, source: ua, address: {{node: "ns=2;s=Press.Job"}}}}
          - {{id: speed, kind: analog, source: plc, address: {{register: 30, format: float32, order: CDAB}}}}
          - {{id: level, kind: analog, source: plc, address: {{register: 40, scale: 0.1}}}}
          - {{id: coil, kind: analog, source: plc, address: {{table: coil, register: 3}}}}
          - {{id: far, kind: analog, source: plc, address: {{register: 65000}}}}
          - {{id: lamp, kind: analog, source: broker, address: {{topic: lamp/state, pointer: /on}}}}
          - {{id: unlisted, kind: analog, source: plc, address: {{register: 50}}}}
""")
    (folder / "centre.yaml").write_text("""
type: centre
commands:
  - {tag: hall/line/press/force, low: 0, high: 100, roles: [operator]}
  - {tag: hall/line/press/state, low: 0, high: 3000000000}
  - {tag: hall/line/press/job, low: 0, high: 1}
  - {tag: hall/line/press/speed, low: -10, high: 10}
  - {tag: hall/line/press/level, low: 0, high: 100}
  - {tag: hall/line/press/coil, low: 0, high: 1}
  - {tag: hall/line/press/far, low: 0, high: 1}
  - {tag: hall/line/press/lamp, low: 0, high: 1, topic: lamp/set, key: "on", within: 30s}
""")
    return folder


@dataclass
class Rig:
    centre: Centre
    client: httpx.AsyncClient
    people: dict[Role, dict[str, str]]
    device: Device

    async def send(self, path: str, value: object, role: Role = Role.ADMIN, **changed: object) -> httpx.Response:
        body = {"value": value, "reason": REASON} | changed
        return await self.client.post(f"/api/v1/tags/{path}/command", json=body, headers=self.people[role])

    async def records(self) -> list[dict]:
        found = await self.client.get("/api/v1/audit", params={"text": "command."}, headers=self.people[Role.ADMIN])
        return found.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    peer = Server(tmp_path_factory.mktemp("pki"))
    peer.start()
    yield peer
    peer.kill()


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    peer = Device()
    yield peer
    peer.kill()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    peer = Mosquitto(tmp_path_factory.mktemp("broker"))
    peer.start()
    yield peer
    peer.stop()


@asynccontextmanager
async def rigged(tmp_path: Path, device: Device, **ports: int) -> AsyncIterator[Rig]:
    configuration = load(documents(tmp_path / "configuration", **ports))
    data = tmp_path / "data"
    data.mkdir()
    async with (
        trust(data, configuration) as trusted,
        opened(configuration, trusted, data=data, clock=SystemClock()) as centre,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(centre)), base_url="http://localhost", timeout=60
        ) as client,
    ):
        people = {}
        for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER, Role.INSTRUCTOR):
            await trusted.accounts.add(f"a-{role.value}", role)
            secret, _ = await trusted.accounts.open(trusted.accounts.user(f"a-{role.value}"), address="", agent="")
            people[role] = {"Cookie": f"provenline={secret}", "Origin": "http://localhost"}
        yield Rig(centre, client, people, device)


@pytest.fixture
async def rig(tmp_path: Path, server: Server, device: Device, broker: Mosquitto) -> AsyncIterator[Rig]:
    async with rigged(tmp_path, device, opcua=server.port, modbus=device.port, mqtt=broker.port) as found:
        yield found


pytestmark = pytest.mark.needs("mosquitto")


async def test_an_opcua_variable_is_written_in_the_tags_unit_read_back_and_written_down(rig: Rig) -> None:
    answer = await rig.send(FORCE, 12.5, Role.OPERATOR)
    assert answer.json() | {"detail": ""} == {
        "path": FORCE,
        "value": 12.5,
        "result": "confirmed",
        "read_back": 12.5,
        "detail": "",
    }
    outcome, sent = await rig.records()
    assert (sent["action"], outcome["action"]) == ("command.send", "command.outcome")
    assert (sent["actor"], sent["role"], sent["subject"]) == ("a-operator", "operator", FORCE)
    assert REASON in json.dumps(sent["after"])
    assert "confirmed" in json.dumps(outcome["after"])


async def test_modbus_registers_and_coils_are_written_as_the_device_reads_them(rig: Rig) -> None:
    for path, value in ((SPEED, 1.5), (SPEED, -2.25), (LEVEL, 12.3), (COIL, True)):
        answer = (await rig.send(path, value)).json()
        assert (answer["result"], answer["read_back"]) == ("confirmed", value), answer


async def test_a_device_behind_a_broker_is_believed_when_its_own_value_follows(
    rig: Rig, broker: Mosquitto, tmp_path: Path
) -> None:
    lamp = paho.Client(CallbackAPIVersion.VERSION2, client_id="lamp")
    lamp.on_connect = lambda client, *_: client.subscribe("lamp/set", 1)
    lamp.on_message = lambda client, _, message: client.publish("lamp/state", message.payload, 1, retain=True)
    lamp.connect("127.0.0.1", broker.port)
    lamp.loop_start()
    try:
        edge = delivering(
            rig.centre.configuration, InProcess(rig.centre.write), data=tmp_path / "edge", clock=SystemClock()
        )
        async with edge:
            answer = (await rig.send(LAMP, 1)).json()
    finally:
        lamp.disconnect()
        lamp.loop_stop()
    assert (answer["result"], answer["read_back"]) == ("confirmed", 1), answer


async def test_nothing_but_what_is_listed_can_be_written(rig: Rig) -> None:
    assert (await rig.send(UNLISTED, 1)).status_code == 404
    assert (await rig.send("cq/hall/line/press/nothing", 1)).status_code == 404
    assert await rig.records() == []


@pytest.mark.parametrize("body", [{"value": 100.1}, {"value": -0.1}, {"value": "12"}, {"value": None}, {"reason": ""}])
async def test_what_is_beyond_the_bounds_or_without_a_reason_is_refused(rig: Rig, body: dict[str, object]) -> None:
    asked = {"value": 1.0, "reason": REASON} | body
    answer = await rig.client.post(f"/api/v1/tags/{FORCE}/command", json=asked, headers=rig.people[Role.ADMIN])
    assert answer.status_code == 422
    assert await rig.records() == []


async def test_only_those_may_command_for_whom_the_tag_is_listed(rig: Rig) -> None:
    assert (await rig.send(FORCE, 1, Role.VIEWER)).status_code == 403
    assert (await rig.send(FORCE, 1, Role.INSTRUCTOR)).status_code == 403
    assert (await rig.send(SPEED, 1, Role.OPERATOR)).status_code == 403
    assert (await rig.client.post(f"/api/v1/tags/{FORCE}/command", json={})).status_code == 401
    listed = await rig.client.get("/api/v1/commands", headers=rig.people[Role.OPERATOR])
    assert listed.json() == [{"path": FORCE, "low": 0, "high": 100}]
    assert await rig.records() == []


async def test_a_page_of_another_origin_commands_nothing(rig: Rig) -> None:
    foreign = rig.people[Role.ADMIN] | {"Origin": "http://elsewhere"}
    body = {"value": 1, "reason": REASON}
    assert (await rig.client.post(f"/api/v1/tags/{FORCE}/command", json=body, headers=foreign)).status_code == 403
    assert await rig.records() == []


async def test_what_a_device_or_its_type_refuses_is_said_and_nothing_changes(rig: Rig) -> None:
    too_large = (await rig.send("cq/hall/line/press/state", 3_000_000_000)).json()
    assert (too_large["result"], "Int32" in too_large["detail"]) == ("refused", True)
    text = (await rig.send("cq/hall/line/press/job", 1)).json()
    assert (text["result"], "String" in text["detail"]) == ("refused", True)
    half = (await rig.send(LEVEL, 12.345)).json()
    assert half["result"] == "refused"
    assert len(await rig.records()) == 6


async def test_a_device_that_is_away_is_told_apart_from_one_that_does_not_answer(
    tmp_path: Path, server: Server, device: Device, broker: Mosquitto
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = {"opcua": free_port(), "modbus": silent.getsockname()[1], "mqtt": broker.port}
        async with rigged(tmp_path, device, **ports) as rig:
            away = (await rig.send(FORCE, 1)).json()
            assert away["result"] == "refused"
            silent.settimeout(30)
            unknown = (await rig.send(LEVEL, 1)).json()
            assert unknown["result"] == "unknown"
            wire, _ = silent.accept()
            with wire:
                wire.settimeout(30)
                asked = b""
                while part := wire.recv(4096):
                    asked += part
            assert len(asked) == 12  # one request, sent once
            assert asked[7] == 6
            silent.settimeout(0.2)
            with pytest.raises(TimeoutError):
                silent.accept()


@pytest.mark.parametrize(
    ("order", "words"),
    [("ABCD", "42f6 e979"), ("CDAB", "e979 42f6"), ("BADC", "f642 79e9"), ("DCBA", "79e9 f642")],
)
def test_every_order_of_bytes_is_written_as_it_is_read(order: str, words: str) -> None:
    address = ModbusAddress.model_validate({"register": 0, "format": "float32", "order": order})
    assert encoded(address, 123.456) == [int(word, 16) for word in words.split()]


@pytest.mark.parametrize(
    "address",
    [
        {"register": 0, "format": "bit", "bit": 3},
        {"register": 0, "table": "input"},
        {"register": 0, "format": "string", "length": 4},
    ],
)
def test_what_cannot_be_written_safely_is_not_written(address: dict[str, object]) -> None:
    with pytest.raises(NotWritable):
        encoded(ModbusAddress.model_validate(address), 1)


def test_a_value_that_does_not_fit_its_register_is_not_cut(tmp_path: Path) -> None:
    address = ModbusAddress.model_validate({"register": 0, "format": "int16"})
    assert encoded(address, -2) == [struct.unpack(">H", struct.pack(">h", -2))[0]]
    with pytest.raises(NotWritable):
        encoded(address, 40_000)


def test_commands_that_cannot_be_are_faults_of_the_configuration(tmp_path: Path) -> None:
    folder = documents(tmp_path / "configuration", opcua=1, modbus=2, mqtt=3)
    assert examine(folder)[1] == []
    (folder / "centre.yaml").write_text("""
type: centre
commands:
  - {tag: hall/line/press/missing, low: 0, high: 1}
  - {tag: hall/line/press/lamp, low: 0, high: 1}
  - {tag: hall/line/press/speed, low: 0, high: 1, topic: x}
  - {tag: hall/line/press/speed, low: 2, high: 1}
""")
    found = {fault.path for fault in examine(folder)[1]}
    assert {"commands[0].tag", "commands[1].topic", "commands[2].topic", "commands[3].tag"} <= found
    assert any(path.startswith("commands[3]") and path != "commands[3].tag" for path in found)
