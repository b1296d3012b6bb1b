"""Sparkplug B against the edge node of Eclipse Tahu, through mosquitto."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from collectors.mqtt import SparkplugSource
from collectors.source import DeadLetter, Point
from configs import sources as configs
from configs.sources import SparkplugAddress
from plant.batch import Batch, Origin, Sample
from plant.clock import SECOND, SystemClock
from plant.quality import Quality
from plant.tags import Kind, Tag
from tests.collectors.conformance import PATIENCE, SourceConformance
from tests.collectors.test_mqtt import hasten
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import HERE, Program, node, program

pytestmark = pytest.mark.needs("mosquitto", "mosquitto_pub")

PLACE = "cq/first/line/press/"


def point(metric: str, device: str | None = "press", **address) -> Point[SparkplugAddress]:
    tag = Tag(path=PLACE + metric, kind=Kind.ANALOG)
    return Point(tag, SparkplugAddress(group="G", node="edge", device=device, metric=metric, **address))


def source_of(
    broker: Mosquitto, *points: Point[SparkplugAddress], dead: list[DeadLetter] | None = None, **more
) -> SparkplugSource:
    config = configs.SparkplugSource(
        type="sparkplug", id="edges", host="127.0.0.1", port=broker.port, **{"keepalive": 5, "reorder": 0.3, **more}
    )
    letters = [] if dead is None else dead
    return SparkplugSource(config, points, clock=SystemClock(), dead_letters=letters.append)


class Reader:
    """Reads batches until what a test waits for has come, keeping everything by signal."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self._batches = batches
        self.all: list[Sample] = []

    @property
    def last(self) -> dict[str, Sample]:
        return {sample.path.removeprefix(PLACE): sample for sample in self.all}

    async def until(self, **wanted: object) -> dict[str, Sample]:
        """Read until every signal's last value equals, or its quality is, what is wanted."""
        async with asyncio.timeout(PATIENCE):
            while not all(self._is(signal, value) for signal, value in wanted.items()):
                self.all += (await anext(self._batches)).samples()
        return self.last

    def _is(self, signal: str, wanted: object) -> bool:
        sample = self.last.get(signal)
        if sample is None:
            return False
        return sample.quality == wanted if isinstance(wanted, Quality) else sample.value == wanted


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def edge_node(broker: Mosquitto, **options):
    return program([node(), HERE / "sparkplug_edge.mjs", str(broker.port), json.dumps(options)])


@pytest.fixture
def edge(broker: Mosquitto) -> Iterator[Program]:
    with edge_node(broker) as running:
        running.ready("ready")
        yield running


async def tell(broker: Mosquitto, op: str, **more: object) -> None:
    await broker.send("control", json.dumps({"op": op, **more}))


class SparkplugRig:
    path = PLACE + "force"

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker

    def source(self) -> SparkplugSource:
        return source_of(self._broker, point("force"))

    async def set(self, value: float) -> None:
        await tell(self._broker, "data", device="press", metrics=[{"name": "force", "type": "Double", "value": value}])

    async def start(self) -> None:
        self._broker.start()

    async def stop(self) -> None:
        self._broker.stop()

    async def stall(self) -> None:
        self._broker.program.stall()

    async def resume(self) -> None:
        self._broker.program.resume()


class TestSparkplugSource(SourceConformance):
    @pytest.fixture
    def rig(self, broker: Mosquitto, edge: Program, monkeypatch) -> SparkplugRig:
        hasten(monkeypatch, 4)  # for the stall
        return SparkplugRig(broker)


async def test_births_bring_every_data_type_as_the_edge_node_meant_it(broker: Mosquitto, edge: Program) -> None:
    signals = ("state", "small", "parts", "total", "on", "program", "since")
    source = source_of(broker, point("temperature", device=None), *(point(signal) for signal in signals))
    async with source.open() as batches:
        last = await Reader(batches).until(since=1_700_000_000_123)
    assert {signal: last[signal].value for signal in signals} == {
        "state": -5,
        "small": -7,
        "parts": float(2**64 - 1),
        "total": -(2**53) - 1,
        "on": True,
        "program": "拉深",
        "since": 1_700_000_000_123,
    }
    assert last["temperature"].value == 20.5
    assert all(sample.quality == Quality.GOOD for sample in last.values())


async def test_a_null_a_quality_and_a_data_set_are_not_taken_for_good_values(broker: Mosquitto, edge: Program) -> None:
    dead: list[DeadLetter] = []
    source = source_of(broker, point("unknown"), point("doubtful"), point("table"), dead=dead)
    async with source.open() as batches:
        last = await Reader(batches).until(unknown=Quality.BAD_NO_DATA, doubtful=Quality.BAD)
    assert math.isnan(last["unknown"].value)
    assert "table" not in last
    assert "data type 16" in dead[0].reason


async def test_data_by_alias_carries_the_metrics_own_time_in_history_too(broker: Mosquitto, edge: Program) -> None:
    source = source_of(broker, point("force", scale=0.5, offset=1.0))
    async with source.open() as batches:
        reader = Reader(batches)
        await reader.until(force=1.0)
        past = {"alias": 10, "type": "Double", "value": 4, "timestamp": 1_700_000_000_500, "isHistorical": True}
        await tell(broker, "data", device="press", metrics=[past])
        last = await reader.until(force=3.0)
    assert last["force"].time == 1_700_000_000_500 * 10**6


async def test_a_node_that_vanishes_reads_bad_at_once_with_its_devices(broker: Mosquitto, edge: Program) -> None:
    source = source_of(broker, point("temperature", device=None), point("force"))
    async with source.open() as batches:
        reader = Reader(batches)
        await reader.until(force=0.0)
        began = time.time_ns()
        await tell(broker, "vanish")
        lost = Quality.BAD_NO_COMMUNICATION
        last = await reader.until(temperature=lost, force=lost)
    assert last["force"].time >= began, "the will is as old as the connection, the loss is not"


async def test_a_device_that_dies_leaves_its_node_alone(broker: Mosquitto, edge: Program) -> None:
    source = source_of(broker, point("temperature", device=None), point("force"))
    async with source.open() as batches:
        reader = Reader(batches)
        await reader.until(force=0.0, temperature=20.5)
        await tell(broker, "death", device="press")
        last = await reader.until(force=Quality.BAD_NO_COMMUNICATION)
        assert last["temperature"].quality == Quality.GOOD
        await tell(broker, "birth")
        await reader.until(force=0.0)


async def test_a_lost_message_is_counted_and_answered_with_a_request_for_rebirth(
    broker: Mosquitto, edge: Program, monkeypatch
) -> None:
    monkeypatch.setattr("collectors.mqtt.sparkplug_host.ASK_EVERY", 0.0)
    source = source_of(broker, point("force"))
    async with source.open() as batches:
        reader = Reader(batches)
        await reader.until(force=0.0)
        edge.ready("rebirth")
        await tell(broker, "skip")
        await tell(broker, "data", device="press", metrics=[{"alias": 10, "type": "Double", "value": 7}])
        await reader.until(force=7.0)  # late, but not lost
        assert source.tally.gaps == 1
        await reader.until(force=0.0)  # the birth that was asked for
        edge.ready("rebirth")


async def test_simulators_say_so_in_their_births(broker: Mosquitto) -> None:
    source = source_of(broker, point("temperature", device=None), point("rated"), point("force"))
    for simulated, expected in ((False, Origin.DEVICE), (True, Origin.SIMULATED)):
        with edge_node(broker, simulated=simulated) as running:
            running.ready("ready")
            async with source.open() as batches:
                last = await Reader(batches).until(temperature=20.5, force=0.0, rated=9.0)
        assert last["rated"].origin is Origin.SIMULATED
        assert last["temperature"].origin is last["force"].origin is expected


async def test_a_metric_missing_from_the_birth_reads_bad_and_is_named(broker: Mosquitto) -> None:
    source = source_of(broker, point("force"), point("state"))
    with edge_node(broker, without=["force"]) as running:
        running.ready("ready")
        async with source.open() as batches:
            await Reader(batches).until(state=-5, force=Quality.BAD_NODE_UNKNOWN)
            assert list(source.tally.bad_points) == [PLACE + "force"]


async def test_bytes_that_are_no_payload_are_set_aside_and_the_rest_goes_on(broker: Mosquitto, edge: Program) -> None:
    dead: list[DeadLetter] = []
    source = source_of(broker, point("force"), dead=dead)
    async with source.open() as batches:
        reader = Reader(batches)
        await reader.until(force=0.0)
        await tell(broker, "raw", topic="spBv1.0/G/DDATA/edge/press", hex="ff00ff")
        await tell(broker, "data", device="press", metrics=[{"alias": 10, "type": "Double", "value": 3}])
        await reader.until(force=3.0)
    assert [letter.payload for letter in dead] == [bytes.fromhex("ff00ff")]


async def test_a_primary_host_says_when_it_is_online_and_when_not(broker: Mosquitto, edge: Program) -> None:
    watcher = Program(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "spBv1.0/STATE/centre", "-v"])
    began = time.time_ns() // 10**6
    try:
        async with source_of(broker, point("force"), host_id="centre").open() as batches:
            reader = Reader(batches)
            await reader.until(force=0.0)
            online = json.loads(watcher.ready("true").split(" ", 1)[1])
            # The will of an earlier connection may come late; the host takes it back.
            await broker.send("spBv1.0/STATE/centre", '{"online": false, "timestamp": 1}', options=("-r", "-q", "1"))
            await tell(broker, "data", device="press", metrics=[{"alias": 10, "type": "Double", "value": 3}])
            await reader.until(force=3.0)
            watcher.ready("false")
            assert json.loads(watcher.ready("true").split(" ", 1)[1]) == online
        offline = json.loads(watcher.ready("false").split(" ", 1)[1])
    finally:
        watcher.stop()
    assert began <= online["timestamp"] <= offline["timestamp"] <= time.time_ns() // 10**6
    assert abs(online["timestamp"] * 10**6 - time.time_ns()) < 60 * SECOND
