"""The simulated Sparkplug edge node, judged by Eclipse Tahu's decoder and by our own collector."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt import SparkplugSource
from collectors.mqtt.sparkplug_payload import decode, rebirth_request
from collectors.source import Point
from configs import sources as configs
from configs.sources import SparkplugAddress
from plant.batch import Origin
from plant.clock import MILLISECOND, SECOND, SystemClock
from plant.quality import Quality
from plant.tags import Kind, Tag
from simulators.faces.endpoint import Endpoint
from simulators.faces.layout import Cadence, Metric, SparkplugLayout
from simulators.faces.sparkplug import SparkplugFace, serve_sparkplug
from simulators.faces.sparkplug_payload import Entry, asks_for_rebirth, payload
from simulators.kernel.floor import Floor
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import HERE, Program, node, program

METRICS = (
    Metric("gate", "Moves", "gate.moves"),
    Metric("gate", "Bin", "gate.bin"),
    Metric("", "Load", "cpu.load"),
    Metric("gate", "Open", "gate.open"),
)
JUDGE = Path(__file__).parent / "sparkplug_judge.mjs"


def plant() -> Floor:
    floor = Floor(start=SystemClock().now(), seed=1)
    for name, initial in (("gate.moves", 0), ("gate.bin", ""), ("cpu.load", 0.5), ("gate.open", True)):
        floor.signals.add(name, initial)
    return floor


def layout(host: str | None = None) -> SparkplugLayout:
    return SparkplugLayout(name="edge", group="G", metrics=METRICS, host_id=host)


@pytest.fixture
def broker(tmp_path: Path):
    running = Mosquitto(tmp_path)
    running.start()
    yield running
    running.stop()


def listener(broker: Mosquitto):
    return program([node(), JUDGE, str(broker.port)], cwd=HERE)


async def heard(face: SparkplugFace, judge: Program, kind: str, *, after: int = 0) -> dict:
    """Let the face talk until the judge has heard a message of a kind beyond its first `after` lines."""
    async with asyncio.timeout(60):
        while True:
            await face.flush()
            for line in judge.lines[after:]:
                if line.startswith("{") and json.loads(line)["kind"] == kind:
                    return json.loads(line)
            await asyncio.sleep(0.02)


# ------------------------------------------------------------------------------- the judge
@pytest.mark.needs("mosquitto")
async def test_the_reference_decoder_reads_births_data_and_deaths_in_order(broker: Mosquitto) -> None:
    floor = plant()
    with listener(broker) as judge:
        judge.ready("listening")
        at = Endpoint("mqtt", "127.0.0.1", broker.port)
        async with serve_sparkplug(layout(), floor, broker=at) as face:
            birth = await heard(face, judge, "NBIRTH")
            assert birth["seq"] == 0
            named = {m["name"]: m for m in birth["metrics"]}
            assert named["bdSeq"]["value"] == 0
            assert named["Node Control/Rebirth"] | {"timestamp": 0} == {
                "name": "Node Control/Rebirth",
                "type": "Boolean",
                "value": False,
                "timestamp": 0,
            }
            assert (named["Load"]["type"], named["Load"]["value"]) == ("Double", 0.5)
            born = await heard(face, judge, "DBIRTH")
            assert (born["device"], born["seq"]) == ("gate", 1)
            aliases = {m["alias"]: m["name"] for m in born["metrics"]}
            earlier = floor.now() - 3 * SECOND
            floor.signals["gate.bin"].set("BIN-7", time=earlier)
            floor.signals["gate.moves"].set(-41, time=earlier)
            data = await heard(face, judge, "DDATA")
            assert data["seq"] == 2
            assert {aliases[m["alias"]]: m["value"] for m in data["metrics"]} == {"Bin": "BIN-7", "Moves": -41}
            assert {m["timestamp"] for m in data["metrics"]} == {earlier // MILLISECOND}
            assert all("name" not in m for m in data["metrics"])
            floor.signals.switch("gate", online=False)
            assert (await heard(face, judge, "DDEATH"))["seq"] == 3
        await asyncio.to_thread(judge.ready, "NDEATH", 15)


@pytest.mark.needs("mosquitto")
async def test_a_cut_cable_lets_the_broker_publish_the_will_of_that_birth(broker: Mosquitto) -> None:
    floor = plant()
    with listener(broker) as judge:
        judge.ready("listening")
        async with serve_sparkplug(layout(), floor, broker=Endpoint("mqtt", "127.0.0.1", broker.port)) as face:
            for expected in (0, 1):
                so_far = len(judge.lines)
                birth = await heard(face, judge, "NBIRTH", after=so_far if expected else 0)
                assert next(m["value"] for m in birth["metrics"] if m.get("name") == "bdSeq") == expected
                so_far = len(judge.lines)
                await face.reach(reachable=False)
                death = await heard(face, judge, "NDEATH", after=so_far)
                assert death["metrics"][0]["value"] == expected
                assert death.get("seq") is None
                if not expected:
                    so_far = len(judge.lines)
                    await face.reach(reachable=True)


@pytest.mark.needs("mosquitto")
async def test_a_node_with_a_primary_host_waits_for_it_and_dies_with_it(broker: Mosquitto) -> None:
    floor = plant()
    with listener(broker) as judge:
        judge.ready("listening")
        async with serve_sparkplug(layout("H"), floor, broker=Endpoint("mqtt", "127.0.0.1", broker.port)) as face:
            for _ in range(25):
                await face.flush()
                await asyncio.sleep(0.02)
            assert not [line for line in judge.lines if line.startswith("{")]
            say(broker, online=True, at=1000)
            await heard(face, judge, "NBIRTH")
            say(broker, online=False, at=500)  # an older will, late: not about this host's life
            say(broker, online=False, at=1000)
            death = await heard(face, judge, "NDEATH")
            assert death["metrics"][0]["value"] == 0
            so_far = len(judge.lines)
            say(broker, online=True, at=2000)
            again = await heard(face, judge, "NBIRTH", after=so_far)
            assert next(m["value"] for m in again["metrics"] if m.get("name") == "bdSeq") == 1


def say(broker: Mosquitto, *, online: bool, at: int) -> None:
    from paho.mqtt import publish

    state = json.dumps({"online": online, "timestamp": at})
    publish.single("spBv1.0/STATE/H", state, qos=1, retain=True, port=broker.port)


# --------------------------------------------------------------------------- our collector
@pytest.mark.needs("mosquitto")
async def test_our_collector_asks_for_a_birth_and_reads_values_at_the_times_they_had(broker: Mosquitto) -> None:
    floor = plant()
    points = [
        Point(
            Tag(path=f"cq/s/l/gate/{m.name}", kind=Kind.TEXT if m.name == "Bin" else Kind.ANALOG),
            SparkplugAddress(group="G", node="edge", device=m.device or None, metric=m.name),
        )
        for m in METRICS
    ]
    config = configs.SparkplugSource(type="sparkplug", id="s", host="127.0.0.1", port=broker.port, version="3.1.1")
    source = SparkplugSource(config, points, clock=SystemClock())
    rows: list = []

    async def read() -> None:
        async with source.open() as batches:
            async for batch in batches:
                rows.extend(batch.samples())

    def last() -> dict:
        return {r.path.rpartition("/")[2]: r for r in rows}

    async with serve_sparkplug(layout(), floor, broker=Endpoint("mqtt", "127.0.0.1", broker.port)) as face:

        async def until(name: str, value: object) -> None:
            async with asyncio.timeout(60):
                while name not in last() or last()[name].value != value:
                    await face.flush()
                    await asyncio.sleep(0.02)

        async with asyncio.timeout(10):  # born before anybody listens: the collector has to ask
            while not face.born:
                await face.flush()
                await asyncio.sleep(0.02)
        reader = asyncio.create_task(read())
        try:
            await until("Load", 0.5)
            earlier = floor.now() // MILLISECOND * MILLISECOND - SECOND
            floor.signals["gate.moves"].set(12, time=earlier)
            await until("Moves", 12)
            assert last()["Moves"].time == earlier
            assert all(r.origin == Origin.SIMULATED for r in rows)
            await face.reach(reachable=False)
            async with asyncio.timeout(60):
                while last()["Moves"].quality != Quality.BAD_NO_COMMUNICATION:
                    await asyncio.sleep(0.02)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


# ---------------------------------------------------------------------------------- bytes
values = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.text(max_size=50))


@given(
    st.lists(st.tuples(values, st.integers(0, 2**50)), max_size=20),
    st.one_of(st.none(), st.integers(0, 255)),
)
def test_what_is_written_is_read_back(content: list, seq: int | None) -> None:
    entries = [Entry(name=f"m{i}", alias=i, value=v, time=t) for i, (v, t) in enumerate(content)]
    read = decode(payload(entries, time=5 * SECOND, seq=seq))
    assert (read.time, read.seq) == (5 * SECOND, seq)
    for metric, (value, time) in zip(read.metrics, content, strict=True):
        assert metric.value(metric.datatype) == value
        assert type(metric.value(metric.datatype)) is type(value)
        assert metric.time == time // MILLISECOND * MILLISECOND


@given(st.binary(max_size=200))
def test_no_bytes_upset_a_node(message: bytes) -> None:
    assert asks_for_rebirth(message) in (True, False)


def test_only_a_true_rebirth_is_one() -> None:
    assert asks_for_rebirth(rebirth_request(SECOND))
    assert not asks_for_rebirth(payload([Entry(name="Node Control/Rebirth", value=False, time=0)], time=0, seq=1))
    assert not asks_for_rebirth(payload([Entry(name="Node Control/Reboot", value=True, time=0)], time=0, seq=1))


def test_an_address_reads_the_metric_it_names_and_nothing_else() -> None:
    def reading(**address: str):
        return layout().reading(SparkplugAddress(**{"group": "G", "node": "edge"} | address), 0.0)

    found = reading(device="gate", metric="Moves")
    assert (found.signal, found.cadence, found.trigger) == ("gate.moves", Cadence.ON_TRIGGER, "gate.moves")
    assert reading(metric="Load").signal == "cpu.load"
    for wrong in ({"metric": "Moves"}, {"device": "gate", "metric": "Load"}, {"group": "H", "metric": "Load"}):
        assert reading(**wrong) is None


async def test_a_node_without_a_broker_keeps_trying_and_ends_at_once() -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        nowhere = Endpoint("mqtt", "127.0.0.1", occupied.getsockname()[1])
        async with asyncio.timeout(10), serve_sparkplug(layout(), plant(), broker=nowhere) as face:
            await face.flush()
            assert not face.born
