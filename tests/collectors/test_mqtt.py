"""The JSON source against mosquitto: the port's promises, and no message lost on the way."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from collectors.mqtt import MqttSource
from collectors.mqtt.broker import Subscriptions
from collectors.mqtt.connection import HELD_MESSAGES, connect
from collectors.source import DeadLetter, Point
from configs import sources as configs
from configs.sources import MqttAddress
from plant.batch import Batch, Origin
from plant.clock import SystemClock
from plant.errors import ConfigError
from plant.quality import Quality
from plant.tags import Kind, Tag
from tests.collectors.conformance import PATIENCE, SourceConformance
from tests.peers.mqtt_broker import Mosquitto

pytestmark = pytest.mark.needs("mosquitto", "mosquitto_pub")

PRESS = "cq/first/line/press/"


def point(
    signal: str, topic: str, kind: Kind = Kind.ANALOG, *, simulated: bool = False, **address
) -> Point[MqttAddress]:
    tag = Tag(path=PRESS + signal, kind=kind, simulated=simulated)
    return Point(tag, MqttAddress(topic=topic, **address))


def settings(broker: Mosquitto, **more) -> configs.MqttSource:
    return configs.MqttSource(
        type="mqtt", id="broker", port=broker.port, **{"host": "127.0.0.1", "keepalive": 5, "session": 0.0, **more}
    )


def source_of(
    broker: Mosquitto, *points: Point[MqttAddress], dead: list[DeadLetter] | None = None, **more
) -> MqttSource:
    letters = [] if dead is None else dead
    return MqttSource(settings(broker, **more), points, clock=SystemClock(), dead_letters=letters.append)


async def rows_of(batches: AsyncIterator[Batch], count: int) -> list:
    """Read until `count` samples have come."""
    rows: list = []
    async with asyncio.timeout(PATIENCE):
        while len(rows) < count:
            rows += (await anext(batches)).samples()
    return rows


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def hasten(monkeypatch, factor: int) -> None:
    """Let the keep-alive of five seconds, the shortest there is, pass `factor` times as fast."""
    monkeypatch.setattr("paho.mqtt.client.time_func", lambda: time.monotonic() * factor)


class MqttRig:
    """A tag that is set by publishing it."""

    path = PRESS + "force"

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker

    def source(self) -> MqttSource:
        return source_of(self._broker, point("force", "press/state", pointer="/force"))

    async def set(self, value: float) -> None:
        await self._broker.send("press/state", json.dumps({"force": value}))

    async def start(self) -> None:
        self._broker.start()

    async def stop(self) -> None:
        self._broker.stop()

    async def stall(self) -> None:
        self._broker.program.stall()

    async def resume(self) -> None:
        self._broker.program.resume()


class TestMqttSource(SourceConformance):
    @pytest.fixture
    def rig(self, broker: Mosquitto, monkeypatch) -> MqttRig:
        hasten(monkeypatch, 4)  # for the stall
        return MqttRig(broker)


# --------------------------------------------------------------------------- nothing is lost
class TestAcknowledgement:
    """Messages count as taken only when the consumer comes back for more."""

    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    @pytest.mark.parametrize("qos", [1, 2])
    async def test_what_was_not_made_durable_comes_again(self, broker: Mosquitto, version: str, qos: int) -> None:
        def fresh() -> MqttSource:  # a new object each time: the old process is gone
            return source_of(
                broker, point("n", "n", Kind.COUNTER), version=version, qos=qos, client_id="edge", session=600.0
            )

        async with fresh().open():
            pass  # the session begins
        total = 300
        await broker.send("n", *map(str, range(total)), options=("-q", str(qos)))
        durable: set = set()
        async with fresh().open() as batches:
            await anext(batches)  # and a crash with the batch in hand
        async with fresh().open() as batches:
            durable |= {s.value for s in (await anext(batches)).samples()}
            with suppress(TimeoutError):  # asking says that the first batch is safe; a crash before the second is
                async with asyncio.timeout(0.5):
                    await anext(batches)
        assert durable
        seen: set = set()
        async with fresh().open() as batches, asyncio.timeout(PATIENCE):
            while seen | durable != set(range(total)):
                seen |= {s.value for s in (await anext(batches)).samples()}

    @pytest.mark.parametrize("qos", [1, 2])
    async def test_what_was_made_durable_does_not_come_again(self, broker: Mosquitto, qos: int) -> None:
        source = source_of(broker, point("n", "n", Kind.COUNTER), qos=qos, client_id="edge", session=600.0)
        async with source.open() as batches:
            await broker.send("n", *map(str, range(50)), options=("-q", str(qos)))
            first = await rows_of(batches, 50)
            await broker.send("n", "50", options=("-q", str(qos)))
            last = await rows_of(batches, 1)  # acknowledges the fifty, not this one
        assert [s.value for s in first + last] == list(range(51))
        async with source.open() as batches:
            again = await rows_of(batches, 1)
        assert [s.value for s in again] == [50]

    async def test_an_unacknowledged_message_survives_a_broker_restart(self, broker: Mosquitto) -> None:
        source = source_of(broker, point("n", "n", Kind.COUNTER), client_id="edge", session=600.0)
        async with source.open() as batches:
            await broker.send("n", "7", options=("-q", "1"))
            await rows_of(batches, 1)
            broker.stop()
        broker.start()
        async with source.open() as batches:
            assert (await rows_of(batches, 1))[0].value == 7

    async def test_an_unreadable_message_is_acknowledged_and_does_not_come_for_ever(self, broker: Mosquitto) -> None:
        dead: list[DeadLetter] = []
        source = source_of(broker, point("n", "n"), client_id="edge", session=600.0, dead=dead)
        async with source.open() as batches:
            await broker.send("n", "{", "1", options=("-q", "1"))
            assert (await rows_of(batches, 1))[0].value == 1
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await anext(batches)
        async with source.open() as batches:
            await broker.send("n", "2", options=("-q", "1"))
            assert (await rows_of(batches, 1))[0].value == 2
        assert [letter.payload for letter in dead] == [b"{"]

    async def test_more_messages_than_may_be_unacknowledged_arrive_in_order(self, broker: Mosquitto) -> None:
        source = source_of(broker, point("n", "n", Kind.COUNTER), client_id="edge", session=600.0, qos=1)
        total = 3000
        async with source.open() as batches:
            await broker.send("n", *map(str, range(total)), options=("-q", "1"))
            await asyncio.sleep(0.3)
            rows = await rows_of(batches, total)
        assert [s.value for s in rows] == list(range(total))


async def test_unread_messages_are_bounded_and_the_rest_stays_in_the_socket(broker: Mosquitto) -> None:
    total = 3 * HELD_MESSAGES
    seen: list[int] = []
    async with connect(settings(broker), Subscriptions(["n"], qos=0), clock=SystemClock()) as connection:
        await broker.send("n", *map(str, range(total)), options=("-q", "0"))
        async with asyncio.timeout(PATIENCE):
            while not connection._paused:
                await asyncio.sleep(0.01)
            while len(seen) < total:
                held = len(connection._held)
                messages = await connection.receive()
                assert held <= len(messages) <= HELD_MESSAGES
                seen += [int(message.payload) for message in messages]
    assert seen == list(range(total))


class FastClock(SystemClock):
    """Sleeps twenty times as fast, for watching what time does to an open connection."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 20)


async def test_a_consumer_slower_than_the_keep_alive_does_not_lose_its_connection(
    broker: Mosquitto, monkeypatch
) -> None:
    hasten(monkeypatch, 3)  # a busy machine has more than a second to answer
    source = MqttSource(settings(broker, qos=0), [point("n", "n", Kind.COUNTER)], clock=FastClock())
    total = 3 * HELD_MESSAGES
    async with source.open() as batches:
        await broker.send("n", *map(str, range(total)), options=("-q", "0"))
        await asyncio.sleep(7.0)  # twenty-one of its seconds: twice what a silent broker is given
        seen = [s.value for s in await rows_of(batches, total)]
        await asyncio.sleep(0.5)
        await broker.send("n", "-1")
        seen += [s.value for s in await rows_of(batches, 1)]
    assert seen == [*range(total), -1]


async def test_an_idle_connection_is_kept_alive(broker: Mosquitto, monkeypatch) -> None:
    hasten(monkeypatch, 3)  # a busy machine has more than a second to answer
    source = MqttSource(settings(broker), [point("n", "n", Kind.COUNTER)], clock=FastClock())
    async with source.open() as batches:
        await asyncio.sleep(5.5)  # sixteen of its seconds
        await broker.send("n", "1")
        assert (await rows_of(batches, 1))[0].value == 1


# -------------------------------------------------------------------------------------- content
async def test_one_bad_part_of_a_message_leaves_the_other_tags_alone(broker: Mosquitto) -> None:
    dead: list[DeadLetter] = []
    source = source_of(
        broker,
        point("force", "press", pointer="/force"),
        point("good", "press", Kind.COUNTER, pointer="/good"),
        point("name", "press", Kind.TEXT, pointer="/name"),
        dead=dead,
    )
    async with source.open() as batches:
        await broker.send("press", json.dumps({"force": "broken", "good": 3, "name": "压机"}))
        rows = {s.path: s.value for s in await rows_of(batches, 2)}
    assert rows == {PRESS + "good": 3, PRESS + "name": "压机"}
    assert len(dead) == source.tally.dead_letters == 1
    assert dead[0].subject == "press"
    assert "force" in dead[0].reason


async def test_a_retained_value_without_a_time_is_uncertain_and_with_one_keeps_it(broker: Mosquitto) -> None:
    await broker.send("a", '{"v": 1}', options=("-r",))
    await broker.send("b", '{"v": 2, "t": 1700000000000}', options=("-r",))
    source = source_of(broker, point("a", "a", pointer="/v"), point("b", "b", pointer="/v", time="/t"))
    async with source.open() as batches:
        rows = {s.path: s for s in await rows_of(batches, 2)}
    assert rows[PRESS + "a"].quality == Quality.UNCERTAIN_LAST_USABLE
    assert rows[PRESS + "b"].quality == Quality.GOOD
    assert rows[PRESS + "b"].time == 1_700_000_000 * 10**9


async def test_wildcards_reach_tags_but_not_the_brokers_own_topics(broker: Mosquitto) -> None:
    source = source_of(broker, point("any", "#"), point("one", "+/x"))
    async with source.open() as batches:
        await asyncio.sleep(0.5)  # time enough for $SYS, were it matched
        await broker.send("a/x", "1")
        await broker.send("a/b/c", "2")
        rows = [(s.path.removeprefix(PRESS), s.value) for s in await rows_of(batches, 3)]
    assert rows == [("any", 1), ("one", 1), ("any", 2)]


async def test_marks_of_simulation_come_from_the_tag_and_from_the_payload(broker: Mosquitto) -> None:
    source = source_of(broker, point("a", "a", simulated=True), point("b", "b", pointer="/v"))
    async with source.open() as batches:
        await broker.send("a", "1")
        await broker.send("b", '{"v": 1, "simulated": true}')
        await broker.send("b", '{"v": 1}')
        origins = [s.origin for s in await rows_of(batches, 3)]
    assert origins == [Origin.SIMULATED, Origin.SIMULATED, Origin.DEVICE]


async def test_null_reads_bad_instead_of_keeping_the_last_good_value(broker: Mosquitto) -> None:
    source = source_of(broker, point("a", "a", pointer="/v"))
    async with source.open() as batches:
        await broker.send("a", '{"v": null}')
        (row,) = await rows_of(batches, 1)
    assert row.quality == Quality.BAD_NO_DATA
    assert math.isnan(row.value)


def test_every_unusable_topic_and_pointer_is_reported_at_once(tmp_path) -> None:
    with pytest.raises(ConfigError) as refusal:
        source_of(Mosquitto(tmp_path), point("a", "x/#/y"), point("b", "x+"), point("c", "x", pointer="/~2"))
    assert [fault.path for fault in refusal.value.faults] == [PRESS + "a", PRESS + "b", PRESS + "c"]
