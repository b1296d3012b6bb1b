"""The publish loop by a virtual clock: silence, slow readers, servers that take few requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from asyncua import ua

from collectors.opcua.link import Link
from collectors.opcua.subscription import AHEAD, Subscription
from configs.sources import OpcuaSource as Config
from plant.clock import VirtualClock
from plant.errors import Disconnected

CONFIG = Config(type="opcua", id="press", endpoint="opc.tcp://127.0.0.1:1", silence=5.0)


class Wire(Link):
    """A link whose publish requests the test answers by hand, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[bytes]] = []
        self.acknowledged: list[int] = []
        self.most = AHEAD

    async def publish(self, acknowledged: Sequence[ua.SubscriptionAcknowledgement]) -> bytes:
        self.acknowledged += [one.SequenceNumber for one in acknowledged]
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        if len(self.waiting) > self.most:
            self.waiting.pop(0).set_exception(ua.UaStatusCodeError(ua.StatusCodes.BadTooManyPublishRequests))
        return await answer

    def answer(self, message: bytes) -> None:
        self.waiting.pop(0).set_result(message)


def subscription(wire: Wire, clock: VirtualClock, *, keep_alive: float = 1.0) -> Subscription:
    granted = ua.CreateSubscriptionResult(5, keep_alive * 1000, 60, 1)
    return Subscription(wire, CONFIG, clock, granted)


async def settled(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def test_silence_is_a_disconnection_after_just_the_configured_time() -> None:
    wire, clock = Wire(), VirtualClock()
    publishing = subscription(wire, clock)
    reading = asyncio.create_task(publishing.next())
    await clock.advance(4.9)
    assert not reading.done()
    await clock.advance(0.2)
    with pytest.raises(Disconnected, match="silent for 5 s"):
        await reading
    await publishing.close()


async def test_a_server_with_rare_keep_alives_is_given_the_time_it_asked_for() -> None:
    wire, clock = Wire(), VirtualClock()
    publishing = subscription(wire, clock, keep_alive=20.0)
    reading = asyncio.create_task(publishing.next())
    await clock.advance(29.0)
    assert not reading.done()
    await clock.advance(1.1)
    with pytest.raises(Disconnected, match="silent for 30 s"):
        await reading
    await publishing.close()


async def test_silence_is_measured_over_reads_that_were_cancelled() -> None:
    wire, clock = Wire(), VirtualClock()
    publishing = subscription(wire, clock)
    for _ in range(2):
        reading = asyncio.create_task(publishing.next())
        await clock.advance(2.0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    reading = asyncio.create_task(publishing.next())
    await clock.advance(1.1)
    with pytest.raises(Disconnected):
        await reading
    await publishing.close()


async def test_a_slow_reader_takes_what_waited_for_it_and_is_not_called_silent() -> None:
    wire, clock = Wire(), VirtualClock()
    publishing = subscription(wire, clock)
    reading = asyncio.create_task(publishing.next())
    await settled(lambda: len(wire.waiting) == AHEAD)
    arrived = clock.now()
    for n in range(AHEAD):
        wire.answer(bytes([n]))
    assert (await reading).message == b"\0"
    await clock.advance(60.0)
    later = [await publishing.next() for _ in range(AHEAD - 1)]
    assert [arrival.message for arrival in later] == [b"\1", b"\2"]
    assert [arrival.received for arrival in later] == [arrived] * 2  # when it came, not when it was read
    reading = asyncio.create_task(publishing.next())
    await clock.advance(4.0)
    assert not reading.done()
    await settled(lambda: bool(wire.waiting))
    wire.answer(b"fresh")
    assert (await reading).message == b"fresh"
    await publishing.close()


async def test_a_server_that_takes_one_request_at_a_time_gets_one() -> None:
    wire, clock = Wire(), VirtualClock()
    wire.most = 1
    publishing = subscription(wire, clock)
    for n in range(5):
        reading = asyncio.create_task(publishing.next())
        await settled(lambda: len(wire.waiting) == 1)
        await clock.advance(0.1)
        wire.answer(bytes([n]))
        assert (await reading).message == bytes([n])
    await publishing.close()


async def test_a_notification_is_acknowledged_only_when_the_next_is_asked_for() -> None:
    wire, clock = Wire(), VirtualClock()
    publishing = subscription(wire, clock)
    reading = asyncio.create_task(publishing.next())
    await settled(lambda: len(wire.waiting) == AHEAD)
    wire.answer(b"one")
    await reading
    publishing.take(1)
    await clock.advance(1.0)
    assert wire.acknowledged == []
    reading = asyncio.create_task(publishing.next())
    await settled(lambda: wire.acknowledged == [1])
    wire.answer(b"two")
    await reading
    await publishing.close()
