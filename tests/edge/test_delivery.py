"""What reached the outbox reaches the centre once, in order, whatever the centre answers."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from collectors.source import DeadLetter
from edge.dead_letters import DeadLetterBox
from edge.delivery import Delivery
from edge.outbox import Outbox
from edge.uplink import HttpUplink, InProcess
from plant import wire
from plant.batch import Batch, BatchBuilder
from plant.batchlog import BatchLog, Bounds
from plant.clock import SystemClock
from plant.errors import Rejected, Unavailable


def batch(*numbers: int) -> Batch:
    builder = BatchBuilder()
    for number in numbers:
        builder.add("s/a/l/d/x", number, number, received=number)
    return builder.build()


class Centre:
    """A far side that stores, and answers what the test tells it to."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.answers: list[Exception | None] = []
        self.poisoned: set[int] = set()
        self.deliveries = 0

    async def deliver(self, given: Batch) -> None:
        self.deliveries += 1
        if self.answers and (answer := self.answers.pop(0)):
            raise answer
        numbers = [int(s.value) for s in given.samples()]
        if self.poisoned & set(numbers):
            raise Rejected("field type conflict")
        self.stored += numbers

    async def has(self, count: int) -> list[int]:
        async with asyncio.timeout(60):
            while len(self.stored) < count:
                await asyncio.sleep(0.005)
        return self.stored


class HastyClock(SystemClock):
    """The real clock, except that nobody waits long."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def edge(folder: Path, centre: Centre, *, most: int = 100) -> AsyncIterator[tuple[Outbox, Delivery, BatchLog]]:
    log, poison = BatchLog.open(folder / "outbox.sqlite"), BatchLog.open(folder / "rejected.sqlite")
    clock = HastyClock()
    try:
        async with Outbox(log, clock=clock).running() as outbox:
            delivery = Delivery(outbox, centre, poison=poison, clock=clock, most=most)
            task = asyncio.create_task(delivery.run())
            try:
                yield outbox, delivery, poison
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        log.close()
        poison.close()


async def test_batches_arrive_in_order_and_are_forgotten(tmp_path: Path) -> None:
    centre = Centre()
    async with edge(tmp_path, centre) as (outbox, _, _):
        for i in range(20):
            await outbox.deposit(batch(2 * i, 2 * i + 1))
        assert await centre.has(40) == list(range(40))
        async with asyncio.timeout(60):
            while outbox.totals.samples:
                await asyncio.sleep(0.005)


async def test_many_depositors_share_commits_and_none_is_lost(tmp_path: Path) -> None:
    centre = Centre()
    async with edge(tmp_path, centre) as (outbox, _, _):
        await asyncio.gather(*(outbox.deposit(batch(i)) for i in range(200)))
        assert sorted(await centre.has(200)) == list(range(200))


async def test_nothing_is_forgotten_while_the_centre_is_away(tmp_path: Path) -> None:
    centre = Centre()
    centre.answers = [Unavailable("away")] * 5
    with capture_logs() as logs:
        async with edge(tmp_path, centre) as (outbox, delivery, _):
            await outbox.deposit(batch(1, 2, 3))
            assert await centre.has(3) == [1, 2, 3]
            assert delivery.delivered.available
    assert [e["log_level"] for e in logs] == ["warning", "info"]
    assert centre.deliveries == 6


async def test_what_was_not_delivered_is_delivered_after_a_restart(tmp_path: Path) -> None:
    away = Centre()
    away.answers = [Unavailable("away")] * 10_000
    async with edge(tmp_path, away) as (outbox, _, _):
        await outbox.deposit(batch(1))
        await outbox.deposit(batch(2))
    back = Centre()
    async with edge(tmp_path, back):
        assert await back.has(2) == [1, 2]


async def test_a_refused_batch_is_set_aside_alone_and_the_rest_goes_on(tmp_path: Path) -> None:
    centre = Centre()
    centre.poisoned = {3}
    centre.answers = [Unavailable("hold until all are queued")] * 3
    async with edge(tmp_path, centre) as (outbox, delivery, poison):
        for i in range(6):
            await outbox.deposit(batch(i))
        assert await centre.has(5) == [0, 1, 2, 4, 5]
        assert delivery.delivered.rejected == 1
        (entry,) = poison.oldest(10)
        assert [s.value for s in entry.batch.samples()] == [3]


async def test_a_delivery_carries_no_more_than_asked_unless_one_batch_does(tmp_path: Path) -> None:
    sizes = []

    class Sized(Centre):
        async def deliver(self, given: Batch) -> None:
            sizes.append(len(given))
            await super().deliver(given)

    centre = Sized()
    centre.answers = [Unavailable("hold")] * 3
    async with edge(tmp_path, centre, most=4) as (outbox, _, _):
        for i in range(5):
            await outbox.deposit(batch(3 * i, 3 * i + 1, 3 * i + 2))
        await outbox.deposit(batch(*range(15, 25)))
        await centre.has(25)
    assert set(sizes) == {3, 10}


async def test_a_full_disk_makes_depositors_wait_instead_of_losing(tmp_path: Path) -> None:
    class Full(BatchLog):
        failing = 3

        def put_many(self, batches) -> int:
            if self.failing:
                self.failing -= 1
                raise Unavailable("the disk is full")
            return super().put_many(batches)

    log = Full.open(tmp_path / "outbox.sqlite")
    with capture_logs() as logs:
        async with Outbox(log, clock=HastyClock()).running() as outbox:
            await outbox.deposit(batch(1))
    assert log.totals.samples == 1
    assert [e["event"] for e in logs] == [
        "outbox cannot use its disk; what comes in waits",
        "outbox uses its disk again",
    ]
    log.close()


async def test_a_bounded_outbox_drops_its_oldest_and_counts_them(tmp_path: Path) -> None:
    one = len(batch(1).to_bytes())
    log = BatchLog.open(tmp_path / "outbox.sqlite", bounds=Bounds(bytes=3 * one))
    async with Outbox(log, clock=SystemClock()).running() as outbox:
        for i in range(5):
            await outbox.deposit(batch(i))
        assert outbox.totals.dropped == 2
        entries = await outbox.oldest(10)
        assert [int(e.batch.raw[0]) for e in entries] == [2, 3, 4]
    log.close()


# ------------------------------------------------------------------------------ over HTTP
def http_uplink(handler) -> HttpUplink:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://centre", trust_env=False)
    return HttpUplink(client, organisation="o", bucket="b")


async def test_the_write_api_gets_gzipped_lines_in_nanoseconds() -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    await http_uplink(handler).deliver(batch(7))
    (request,) = seen
    assert request.url.path == "/api/v2/write"
    assert dict(request.url.params) == {"org": "o", "bucket": "b", "precision": "ns"}
    decoded = wire.decode(gzip.decompress(request.content), received=0)
    assert [s.value for s in decoded.batch.samples()] == [7]


@pytest.mark.parametrize(
    ("status", "error", "retry_after"),
    [
        (429, Unavailable, 7.0),
        (503, Unavailable, None),
        (500, Unavailable, None),
        (401, Unavailable, None),
        (400, Rejected, None),
        (413, Rejected, None),
        (422, Rejected, None),
    ],
)
async def test_each_answer_is_kept_for_later_or_set_aside(status, error, retry_after) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        headers = {"Retry-After": "7"} if status == 429 else {}
        return httpx.Response(status, json={"code": "x", "message": "because"}, headers=headers)

    with pytest.raises(error, match="because") as caught:
        await http_uplink(handler).deliver(batch(1))
    if error is Unavailable:
        assert caught.value.retry_after == retry_after


async def test_a_broken_connection_is_for_later() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(Unavailable, match="refused"):
        await http_uplink(handler).deliver(batch(1))


async def test_in_process_delivery_passes_errors_on() -> None:
    def write(_: Batch) -> None:
        raise Rejected("no")

    with pytest.raises(Rejected):
        await InProcess(write).deliver(batch(1))


# --------------------------------------------------------------------------- dead letters
def test_dead_letters_are_kept_newest_first_and_survive_a_restart(tmp_path: Path) -> None:
    box = DeadLetterBox(tmp_path / "dead.sqlite")
    for i in range(3):
        box.put(DeadLetter(i, "mq", f"t/{i}", "not JSON", b"x" * 5000))
    box.flush()
    box.put(DeadLetter(3, "mq", "t/3", "not JSON", b"y"))
    assert [x.time for x in box.newest()] == [3, 2, 1, 0]
    box.close()
    box = DeadLetterBox(tmp_path / "dead.sqlite")
    assert [x.time for x in box.newest(2)] == [3, 2]
    assert len(box.newest()[-1].payload) == DeadLetter.KEEP
    box.close()
