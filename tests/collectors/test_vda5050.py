"""VDA 5050 against the vehicle of vda-5050-lib (2.0) and against messages as the specification has them (3.0)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt import Vda5050Source
from collectors.mqtt.client import Message
from collectors.source import DeadLetter, Point
from configs import sources as configs
from configs.sources import Vda5050Address
from plant.batch import BatchBuilder, Origin, Sample
from plant.clock import SECOND, SystemClock, VirtualClock, from_iso
from plant.quality import Quality
from plant.tags import Kind, Tag
from tests.collectors.test_sparkplug import Reader, tell
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import HERE, Program, node, program

FIELDS = tuple(Vda5050Address.model_fields["field"].annotation.__args__)
PLACE = "cq/first/line/press/"
NOW = from_iso("2026-03-01T08:00:00Z")
STATE_V3 = {
    "headerId": 7,
    "timestamp": "2026-03-01T07:59:59.25Z",
    "version": "3.0.0",
    "manufacturer": "Acme",
    "serialNumber": "A.1",
    "orderId": "order-9",
    "lastNodeId": "n4",
    "loads": [{"loadId": "crate-7"}, {"loadType": "EPAL"}],
    "driving": True,
    "paused": False,
    "operatingMode": "STARTUP",
    "powerSupply": {"stateOfCharge": 42.0, "charging": True},
    "mobileRobotPosition": {"x": 3.0, "y": -4.0, "theta": 1.5, "mapId": "hall", "localized": True},
    "errors": [{"errorType": "a", "errorLevel": "URGENT"}, {"errorType": "b", "errorLevel": "WARNING"}],
    "safetyState": {"activeEmergencyStop": "MANUAL", "fieldViolation": False},
}


def points_of(manufacturer: str = "Acme", serial: str = "A.1") -> list[Point[Vda5050Address]]:
    return [
        Point(
            Tag(path=PLACE + name, kind=Kind.ANALOG),
            Vda5050Address(manufacturer=manufacturer, serial=serial, field=name),
        )
        for name in FIELDS
    ]


class Desk:
    """A source that is given messages by hand."""

    def __init__(self, major: str = "v3", manufacturer: str = "Acme") -> None:
        config = configs.Vda5050Source(type="vda5050", id="agv", host="h", major=major)
        self.dead: list[DeadLetter] = []
        self.source = Vda5050Source(
            config, points_of(manufacturer), clock=VirtualClock(), dead_letters=self.dead.append
        )
        self._root = f"{'vda5050' if major == 'v3' else 'uagv'}/{major}/{manufacturer}/A.1"

    def take(self, kind: str, document: object, *, retain: bool = False) -> dict[str, Sample]:
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        rows = BatchBuilder()
        self.source._read(Message(f"{self._root}/{kind}", payload, 0, 0, retain, NOW), rows)
        return {s.path.removeprefix(PLACE): s for s in rows.build().samples()}


def test_a_state_of_version_3_brings_every_figure_with_the_vehicles_time() -> None:
    rows = Desk().take("state", STATE_V3)
    assert {name: sample.value for name, sample in rows.items()} == {
        "position-x": 3.0,
        "position-y": -4.0,
        "theta": 1.5,
        "map": "hall",
        "battery": 42.0,
        "charging": True,
        "driving": True,
        "paused": False,
        "operating-mode": "STARTUP",
        "emergency-stop": "MANUAL",
        "errors": 2,
        "error-level": 2,
        "order": "order-9",
        "last-node": "n4",
        "loads": "crate-7, EPAL",
    }
    assert {sample.time for sample in rows.values()} == {NOW - SECOND * 3 // 4}
    assert {sample.quality for sample in rows.values()} == {Quality.GOOD}


def test_what_a_vehicle_does_not_report_reads_bad_and_a_lost_position_uncertain() -> None:
    state = {**STATE_V3, "mobileRobotPosition": {"x": 1.0, "y": 1.0, "theta": 0.0, "localized": False}}
    del state["paused"]
    rows = Desk().take("state", state)
    assert rows["paused"].quality == rows["map"].quality == Quality.BAD_NO_DATA
    assert rows["position-x"].quality == Quality.UNCERTAIN_SENSOR_NOT_ACCURATE
    assert rows["battery"].quality == Quality.GOOD


@pytest.mark.parametrize(
    ("state", "quality"),
    [
        ("OFFLINE", Quality.BAD_NOT_CONNECTED),
        ("CONNECTIONBROKEN", Quality.BAD_NO_COMMUNICATION),
        ("CONNECTION_BROKEN", Quality.BAD_NO_COMMUNICATION),
        ("HIBERNATING", Quality.BAD_OUT_OF_SERVICE),
    ],
)
def test_a_vehicle_that_is_gone_reads_bad_and_says_why(state: str, quality: Quality) -> None:
    rows = Desk().take("connection", {"timestamp": "2026-03-01T07:00:00Z", "connectionState": state}, retain=True)
    assert rows.pop("connection").value == 0
    assert len(rows) == len(FIELDS) - 1
    assert {sample.quality for sample in rows.values()} == {quality}
    written = from_iso("2026-03-01T07:00:00Z")
    assert {s.time for s in rows.values()} == {NOW if "BROKEN" in state else written}


@pytest.mark.parametrize("loads", ["crate-7", ["crate-7"], [{"loadId": 7}]])
def test_loads_that_are_none_are_set_aside_and_cost_no_other_figure(loads: object) -> None:
    desk = Desk()
    rows = desk.take("state", {**STATE_V3, "loads": loads})
    assert set(rows) == set(FIELDS) - {"loads", "connection"}
    assert len(desk.dead) == 1
    assert desk.take("state", {**STATE_V3, "loads": []})["loads"].value == ""


def test_being_online_is_no_proof_of_any_other_figure() -> None:
    rows = Desk().take("connection", {"timestamp": "2026-03-01T07:00:00Z", "connectionState": "ONLINE"})
    assert [(name, sample.value) for name, sample in rows.items()] == [("connection", 1)]


def test_a_visualization_moves_the_position_only() -> None:
    message = {"timestamp": "2026-03-01T08:00:00Z", "mobileRobotPosition": STATE_V3["mobileRobotPosition"]}
    assert set(Desk().take("visualization", message)) == {"position-x", "position-y", "theta", "map"}


def test_a_missing_state_is_counted_and_a_restart_is_not() -> None:
    desk = Desk()
    for header in (5, 6, 8, 9, 1, 2, 5_000_000):
        desk.take("state", {**STATE_V3, "headerId": header})
    assert desk.source.tally.gaps == 1


@pytest.mark.parametrize("manufacturer", ["provenline", "Provenline-Sim"])
def test_our_own_vehicles_are_marked_as_simulated(manufacturer: str) -> None:
    rows = Desk(manufacturer=manufacturer).take("state", STATE_V3)
    assert {sample.origin for sample in rows.values()} == {Origin.SIMULATED}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"driving": "yes"}, "driving"),
        ({"errors": [{"errorLevel": "BAD"}]}, "errors"),
        ({"powerSupply": {"stateOfCharge": "full"}}, "battery"),
    ],
)
def test_a_figure_of_the_wrong_type_is_set_aside_and_the_others_come(change: dict, named: str) -> None:
    desk = Desk()
    rows = desk.take("state", {**STATE_V3, **change})
    assert named not in rows
    assert rows["order"].value == "order-9"
    assert len(desk.dead) == 1
    assert named in desk.dead[0].reason


@given(
    st.sampled_from(["state", "connection", "visualization", "order"]),
    st.binary(max_size=40)
    | st.dictionaries(
        st.sampled_from([*STATE_V3, "connectionState"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "errorLevel"]), inner),
            max_leaves=4,
        ),
    ),
)
def test_no_message_whatever_breaks_the_source(kind: str, document: object) -> None:
    for sample in Desk().take(kind, document).values():
        assert sample.quality >= Quality.BAD or not isinstance(sample.value, float) or math.isfinite(sample.value)


# ------------------------------------------------------------------------- a real vehicle
@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def vehicle(broker: Mosquitto) -> Iterator[Program]:
    with program([node(), HERE / "vda5050_vehicle.mjs", str(broker.port), "Acme", "A.1"]) as running:
        running.ready("ready")
        yield running


def source_of(broker: Mosquitto) -> Vda5050Source:
    config = configs.Vda5050Source(type="vda5050", id="agv", host="127.0.0.1", port=broker.port, keepalive=5)
    return Vda5050Source(config, points_of(), clock=SystemClock())


@pytest.mark.needs("mosquitto", "mosquitto_pub")
async def test_a_vehicle_is_followed_from_online_to_offline(broker: Mosquitto, vehicle: Program) -> None:
    async with source_of(broker).open() as batches:
        reader = Reader(batches)
        await reader.until(connection=1)
        await tell(broker, "state", errors=[{"errorType": "blocked", "errorLevel": "FATAL"}])
        last = await reader.until(order="order-1")
        assert (last["position-x"].value, last["battery"].value, last["error-level"].value) == (1.5, 80.5, 4)
        assert (last["operating-mode"].value, last["driving"].value) == ("AUTOMATIC", True)
        where = {"x": 9.0, "y": 9.5, "theta": 0.0, "mapId": "hall", "positionInitialized": True}
        await tell(broker, "visualization", agvPosition=where)
        await reader.until(**{"position-x": 9.0})
        await tell(broker, "stop")
        await reader.until(connection=0, driving=Quality.BAD_NOT_CONNECTED)


@pytest.mark.needs("mosquitto", "mosquitto_pub")
async def test_a_vehicle_that_vanishes_reads_bad_at_once(broker: Mosquitto, vehicle: Program) -> None:
    async with source_of(broker).open() as batches:
        reader = Reader(batches)
        await tell(broker, "state")
        await reader.until(driving=True)
        await tell(broker, "vanish")
        await reader.until(connection=0, driving=Quality.BAD_NO_COMMUNICATION)
