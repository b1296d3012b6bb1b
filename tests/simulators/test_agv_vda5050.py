"""The fleet on the wire: VDA 5050 as others read and speak it, and as our own collector does."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt import Vda5050Source
from collectors.source import Point
from configs import sources as configs
from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.schema import SceneDocument
from plant.batch import Batch, Origin
from plant.clock import SECOND, SystemClock
from plant.quality import Severity, severity
from simulators.faces.endpoint import Endpoint, PortPolicy, rewire
from simulators.faces.layout import Vda5050Layout
from simulators.faces.vda5050 import serve_vda5050
from simulators.faces.vda5050_json import Version, read, write, write_connection
from simulators.kernel.floor import Floor
from simulators.pace import ScaledClock
from simulators.running import serve
from simulators.scenes.agv.hall import PLACES
from simulators.truth import Truth, What
from simulators.vda5050 import (
    Action,
    ActionState,
    ActionStatus,
    ConnectionState,
    Edge,
    Factsheet,
    InstantActions,
    Node,
    Order,
    State,
    VehicleError,
    Visualization,
)
from simulators.virtual import fast
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import Program, node, program

HERE = Path(__file__).parent
START = 1_772_000_000 * SECOND
HEADER = {"headerId", "timestamp", "version", "manufacturer", "serialNumber"}
COMMON = {
    "orderId", "orderUpdateId", "lastNodeId", "lastNodeSequenceId", "nodeStates", "edgeStates", "driving",
    "actionStates", "operatingMode", "errors", "safetyState",
}  # fmt: skip
REQUIRED = {
    Version.V2: HEADER | COMMON | {"batteryState"},
    Version.V3: HEADER | COMMON | {"powerSupply", "instantActionStates"},
}
"""What the specification's schemas require of a state."""

NODES = (
    Node(id="C0", sequence=0, released=True, x=2.0, y=27.0),
    Node(id="W-3", sequence=2, released=False, x=6.0, y=24.0, actions=(Action("a-2", "pick"),)),
)
EDGES = (Edge(id="C0-W-3", sequence=1, released=False, start="C0", end="W-3"),)
ORDER = Order(vehicle="agv-1", id="T1", update=3, nodes=NODES, edges=EDGES, issued=START)
STATE = State(
    vehicle="agv-1",
    time=START + 1_000,
    order="T1",
    update=3,
    last_node="C0",
    last_sequence=0,
    nodes=(Node(id="W-3", sequence=2, released=False),),
    edges=(Edge(id="C0-W-3", sequence=1, released=False, start="", end=""),),
    actions=(ActionState("a-2", "pick", ActionStatus.WAITING), ActionState("i", "stateRequest", ActionStatus.FINISHED)),
    driving=False,
    paused=False,
    wants_base=True,
    x=2.0,
    y=27.0,
    theta=0.5,
    map="hall",
    battery=71.5,
    charging=False,
    loads=("pallet-T1",),
    errors=(VehicleError("noRouteError", "WARNING", "far away"),),
)


# ------------------------------------------------------------------------------- the JSON
@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("order", ORDER),
        ("state", STATE),
        ("instantActions", InstantActions("agv-1", (Action("i", "cancelOrder"),), START)),
    ],
)
def test_what_is_written_is_what_is_read(version: Version, kind: str, message) -> None:
    assert read(kind, "agv-1", write(message, 7, version)) == message


@pytest.mark.parametrize("version", Version)
def test_a_state_has_the_fields_its_version_requires_and_none_of_the_other(version: Version) -> None:
    document = json.loads(write(STATE, 7, version))
    assert set(document) >= REQUIRED[version]
    other = REQUIRED[Version.V2 if version is Version.V3 else Version.V3]
    assert not set(document) & (other - REQUIRED[version])
    assert document["version"] == version.number
    assert (document["headerId"], document["timestamp"]) == (7, "2026-02-25T06:13:20.000001Z")


def test_an_instant_action_has_a_list_of_its_own_from_version_3_on() -> None:
    instant = ActionState("i", "startPause", ActionStatus.FINISHED, instant=True)
    state = read("state", "agv-1", write(STATE, 0, Version.V2))
    assert isinstance(state, State)
    document = json.loads(write(_with(state, instant), 0, Version.V3))
    assert [a["actionId"] for a in document["instantActionStates"]] == ["i"]
    assert "i" in [a["actionId"] for a in json.loads(write(_with(state, instant), 0, Version.V2))["actionStates"]]


def _with(state: State, action: ActionState) -> State:
    return replace(state, actions=(action,))


@pytest.mark.parametrize(("version", "word"), [(Version.V2, "CONNECTIONBROKEN"), (Version.V3, "CONNECTION_BROKEN")])
def test_a_broken_connection_is_spelled_as_its_version_does(version: Version, word: str) -> None:
    will = json.loads(write_connection("agv-1", ConnectionState.BROKEN, time=START, header=0, version=version))
    assert (will["connectionState"], set(will)) == (word, HEADER | {"connectionState"})


@pytest.mark.parametrize("version", Version)
def test_a_factsheet_and_a_visualization_carry_what_their_version_requires(version: Version) -> None:
    sheet = json.loads(write(Factsheet("agv-1", START, 1.2, 0.5), 0, version))
    geometry = {Version.V2: "agvGeometry", Version.V3: "mobileRobotGeometry"}[version]
    parts = {"typeSpecification", "physicalParameters", "protocolLimits", "protocolFeatures", "loadSpecification"}
    assert set(sheet) == HEADER | parts | {geometry}
    seen = json.loads(write(Visualization(vehicle="agv-1", time=START, x=1, y=2, theta=0, map="hall"), 0, version))
    assert set(seen) == HEADER | {{Version.V2: "agvPosition", Version.V3: "mobileRobotPosition"}[version]}


@given(
    st.sampled_from(["order", "instantActions", "state"]),
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from([*sorted(HEADER | COMMON), "nodes", "edges", "actions", "nodeId", "agvPosition"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda tree: json.dumps(tree).encode()),
)
def test_garbage_is_refused_and_breaks_nothing(kind: str, payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(kind, "agv-1", payload)


def test_an_order_with_a_hole_names_the_missing_field() -> None:
    document = orjson.loads(write(ORDER, 0, Version.V2))
    del document["nodes"][1]["released"]
    with pytest.raises(ValueError, match="'released' is missing"):
        read("order", "agv-1", orjson.dumps(document))


# --------------------------------------------------------------------------- the telemetry
@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder: Path = tmp_path_factory.mktemp("pack")
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / "agv.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    return load(folder)


def test_telemetry_alone_tells_the_transports_energy_and_standing_times_of_the_truth(
    configuration: Configuration,
) -> None:
    truth = Truth()
    stop = START + 1200 * SECOND
    scene, bindings = configuration.scenes["agv"], configuration.bindings
    batch = Batch.concat(list(fast(scene, bindings, start=START, stop=stop, truth=truth)))
    again = Batch.concat(list(fast(scene, bindings, start=START, stop=stop)))
    assert batch.time.tobytes() == again.time.tobytes()
    assert batch.raw.tobytes() == again.raw.tobytes()
    assert (batch.origin == Origin.SIMULATED).all()
    for i in range(1, 7):
        unit = f"cq/agv/fleet/agv-{i}"
        done = [f for f in truth.of(What.EVENT, f"agv-{i}") if f.detail["event"] == "transport"]
        counted = batch.of(f"{unit}/transports")
        assert counted.value(len(counted) - 1) == len(done)
        states = batch.of(f"{unit}/state")
        facts = [f for f in truth.of(What.STATE, f"agv-{i}") if f.detail["state"] == "EXECUTE"]
        running = sum(float(f.detail["seconds"]) for f in facts)
        spans = zip(states.time.tolist(), [*states.time.tolist()[1:], stop], strict=True)
        seen = sum(b - a for k, (a, b) in enumerate(spans) if states.value(k) == 6) / SECOND
        assert seen == pytest.approx(running, abs=2.5)  # the first message comes 2 s after the start
        energy = batch.of(f"{unit}/energy")
        assert energy.value(len(energy) - 1) == pytest.approx(float(facts[-1].detail["energy"]), abs=0.02)


# ------------------------------------------------------------------------------------ live
@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def scene_with(configuration: Configuration, *, major: str = "v2", **parameters: float) -> SceneDocument:
    scene = configuration.scenes["agv"]
    assert scene.simulation
    simulation = scene.simulation.model_copy(update={"parameters": {**scene.simulation.parameters, **parameters}})
    sources = tuple(s.model_copy(update={"major": major}) if s.id == "fleet" else s for s in scene.sources)
    return scene.model_copy(update={"simulation": simulation, "sources": sources})


async def said(judge: Program, mark: str) -> dict:
    line = await asyncio.to_thread(judge.ready, mark, 60)
    return json.loads(line)


@pytest.mark.needs("mosquitto")
async def test_every_message_passes_the_validators_of_others(
    configuration: Configuration, mosquitto: Mosquitto
) -> None:
    scene = scene_with(configuration, vehicles=2)
    with program([node(), HERE / "agv_judge.mjs", "listen", str(mosquitto.port), "15"]) as judge:
        await asyncio.to_thread(judge.ready, "listening")
        async with serve(scene, mqtt=Endpoint("mqtt", "127.0.0.1", mosquitto.port), speed=8):
            judged = await said(judge, '{"order"')
    assert {kind: faults for kind, (_, faults) in judged.items()} == {key: [] for key in judged}
    assert min(judged["order"][0], judged["state"][0], judged["visualization"][0]) >= 15


@pytest.mark.needs("mosquitto")
async def test_a_vehicle_obeys_the_fleet_controller_of_others(
    configuration: Configuration, mosquitto: Mosquitto
) -> None:
    scene = scene_with(configuration, vehicles=1, dispatch=0)
    async with serve(scene, mqtt=Endpoint("mqtt", "127.0.0.1", mosquitto.port), speed=8) as running:
        with program([node(), HERE / "agv_judge.mjs", "drive", str(mosquitto.port), "agv-1"]) as judge:
            answer = await said(judge, '{"traversed"')
        assert running.model.floor.signals["agv-1.transports"].value == 1
    assert answer["traversed"] == ["C0", "W-3", "W-2"]
    assert answer["actions"][-2:] == ["drop-4 RUNNING", "drop-4 FINISHED"]
    assert (answer["processed"], answer["factsheet"], answer["refused"]) == ("done", "CARRIER", "noRouteError")


@pytest.mark.parametrize("major", ["v2", "v3"])
async def test_our_collector_follows_the_live_fleet(configuration: Configuration, major: str) -> None:
    """With the built-in broker, through orders and states that really travel over MQTT."""
    scene = scene_with(configuration, major=major, vehicles=2)
    binding = next(b for b in configuration.bindings if b.source.id == "fleet")
    points = [Point(t, a) for t, a in binding.points if "/agv-1/" in t.path or "/agv-2/" in t.path]
    clock = ScaledClock(SystemClock(), speed=8, start=START)
    collected: list[Batch] = []

    async def collect(source: Vda5050Source) -> None:
        async with source.open() as batches:
            async for batch in batches:
                collected.append(batch)  # noqa: PERF401 - it never ends

    async with serve(scene, clock=clock, ports=PortPolicy.ANY) as running:
        settings = next(s for s in scene.sources if s.id == "fleet")
        reader = asyncio.create_task(
            collect(Vda5050Source(rewire(settings, running.endpoints["fleet"]), points, clock=clock))
        )
        async with asyncio.timeout(60):
            while running.model.floor.seconds() < 60:
                await asyncio.sleep(0.1)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    batch = Batch.concat(collected)
    assert (batch.origin == Origin.SIMULATED).all()
    for i in (1, 2):
        good = {s.path.rpartition("/")[2]: s for s in batch.samples() if f"/agv-{i}/" in s.path and _good(s.quality)}
        assert set(good) >= {"position-x", "position-y", "heading", "battery", "order", "last-node", "connection"}
        assert good["connection"].value == 1
        assert str(good["order"].value).startswith("T0")
        places = {s.value for s in batch.of(f"cq/agv/fleet/agv-{i}/last-node").samples()}
        assert len(places) >= 2
        assert places <= set(PLACES)


def _good(quality: int) -> bool:
    return severity(quality) is Severity.GOOD


class Depot:
    """An exchange with one vehicle that can be switched off."""

    def __init__(self) -> None:
        self.relay = None
        self.vehicles = ("agv-1",)
        self.present = True
        self.arrived: list[object] = []
        self.refused: list[str] = []

    def hand_over(self, message: object) -> None:
        self.arrived.append(message)

    def refuse(self, vehicle: str, reason: str) -> None:
        self.refused.append(f"{vehicle}: {reason}")

    def online(self, vehicle: str) -> bool:
        return self.present


@pytest.mark.needs("mosquitto", "mosquitto_sub")
async def test_the_connection_topic_tells_who_is_there_who_left_and_who_was_cut_off(mosquitto: Mosquitto) -> None:
    depot, floor = Depot(), Floor(start=START, seed=1)
    layout = Vda5050Layout("fleet", depot.vehicles, depot)
    source = configs.Vda5050Source(type="vda5050", id="fleet", host="127.0.0.1", port=mosquitto.port)
    at = Endpoint("mqtt", "127.0.0.1", mosquitto.port)
    topic = "uagv/v2/provenline-sim/agv-1/connection"
    with program(["mosquitto_sub", "-p", str(mosquitto.port), "-t", topic, "-q", "1"]) as listener:
        async with serve_vda5050(layout, floor, broker=at, source=source) as face:
            await asyncio.to_thread(listener.ready, '"ONLINE"')
            face._vehicles["agv-1"].socket().shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(listener.ready, '"CONNECTIONBROKEN"')
            await asyncio.to_thread(listener.ready, '"ONLINE"')  # it came back by itself
            depot.present = False
            await face.flush()
            await asyncio.to_thread(listener.ready, '"OFFLINE"')
    with program(["mosquitto_sub", "-p", str(mosquitto.port), "-t", topic, "-C", "1"]) as latecomer:
        await asyncio.to_thread(latecomer.ready, '"OFFLINE"')  # it is retained


@pytest.mark.needs("mosquitto", "mosquitto_pub")
async def test_an_unreadable_order_is_told_to_the_vehicle_and_the_next_one_arrives(mosquitto: Mosquitto) -> None:
    depot, floor = Depot(), Floor(start=START, seed=1)
    layout = Vda5050Layout("fleet", depot.vehicles, depot)
    source = configs.Vda5050Source(type="vda5050", id="fleet", host="127.0.0.1", port=mosquitto.port)
    at = Endpoint("mqtt", "127.0.0.1", mosquitto.port)
    topic = "uagv/v2/provenline-sim/agv-1/order"
    async with serve_vda5050(layout, floor, broker=at, source=source) as face:
        async with asyncio.timeout(60):
            while not depot.arrived:
                await mosquitto.send(topic, "{nonsense", write(ORDER, 1, Version.V2).decode())
                await asyncio.sleep(0.1)
                await face.flush()
    assert depot.arrived[0] == ORDER
    assert depot.refused[0].startswith("agv-1: ")
