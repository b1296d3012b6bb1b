"""After an outage live values go first, what waited follows beside them, and the order changes nothing."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.delivery import Delivery
from edge.freshness import Freshness
from edge.outbox import Outbox
from historian.live import LiveTable
from plant.batch import Batch, BatchBuilder, Origin
from plant.batchlog import BatchLog
from plant.clock import SystemClock, VirtualClock
from plant.errors import Unavailable

Row = tuple[str, int, int]
"""Tag, time, value."""


def batch(*rows: Row, origin: Origin = Origin.DEVICE) -> Batch:
    builder = BatchBuilder()
    for tag, time, value in rows:
        builder.add(f"s/a/l/d/{tag}", time, value, received=time, origin=origin)
    return builder.build()


def rows_of(given: Batch) -> list[Row]:
    return [(s.path.rpartition("/")[2], s.time, int(s.value)) for s in given.samples()]


class HastyClock(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Centre:
    """Takes deliveries while its door is open; keeps the last word on every tag and time, and the live value.

    `script`: what happens at each delivery: True takes it, False refuses it, None takes it and loses the answer.
    """

    def __init__(self, script: list[bool | None] | None = None) -> None:
        self.deliveries: list[list[Row]] = []
        self.stored: dict[tuple[str, int], int] = {}
        self.live = LiveTable({}, clock=VirtualClock(), otherwise=float("inf"))
        self.door = asyncio.Event()
        self.door.set()
        self.moves: list[dict[str, int]] = []
        self._script = script or []

    async def deliver(self, given: Batch) -> None:
        await self.door.wait()
        verdict = self._script.pop(0) if self._script else True
        if verdict is not False:
            self.deliveries.append(rows_of(given))
            self.stored.update({(tag, time): value for tag, time, value in rows_of(given)})
            self.live.update(given)
            self.moves.append({tag: time for tag, time, _ in rows_of(self.live.snapshot(given.names))})
        if verdict is not True:
            raise Unavailable("away")


async def emptied(outbox: Outbox) -> None:
    async with asyncio.timeout(60):
        while outbox.totals.samples:
            await asyncio.sleep(0)


async def learnt(outbox: Outbox) -> None:
    async with asyncio.timeout(60):
        await outbox._learnt.wait()


def test_fresh_is_what_is_newer_than_all_before_it_of_its_tag() -> None:
    freshness = Freshness()
    assert freshness.note(batch(("x", 5, 0), ("y", 9, 0))).all()
    assert freshness.note(batch(("x", 6, 0), ("y", 9, 0), ("y", 7, 0))).tolist() == [True, False, False]
    assert not freshness.note(batch(("x", 7, 0), origin=Origin.REPLAYED)).any()


async def test_live_values_wait_for_one_delivery_of_old_ones_at_most(tmp_path: Path) -> None:
    backlog, clock = 200, HastyClock()
    with closing(BatchLog.open(tmp_path / "o")) as log, closing(BatchLog.open(tmp_path / "p")) as poison:
        for i in range(backlog):
            log.put(batch(("x", i, i)))
        centre = Centre()
        async with Outbox(log, clock=clock).running() as outbox:
            await learnt(outbox)
            delivering = asyncio.create_task(Delivery(outbox, centre, poison=poison, clock=clock, most=4).run())
            waited = []
            for now in range(1_000, 1_020):
                await outbox.deposit(batch(("x", now, now)))
                before = len(centre.deliveries)
                async with asyncio.timeout(60):
                    while ("x", now, now) not in [row for rows in centre.deliveries[before - 1 :] for row in rows]:
                        await asyncio.sleep(0)
                waited.append(len(centre.deliveries) - before)
            assert ("x", backlog - 1, backlog - 1) not in [row for rows in centre.deliveries for row in rows]
            await emptied(outbox)
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
    assert max(waited) <= 3  # the one under way, one of the backlog, its own
    times = [time for rows in centre.deliveries for _, time, _ in rows]
    assert sorted(times) == [*range(backlog), *range(1_000, 1_020)]
    old = [time for time in times if time < 1_000]
    assert old == sorted(old)


async def test_the_backlog_goes_on_beside_more_live_values_than_can_be_sent(tmp_path: Path) -> None:
    clock = HastyClock()
    with closing(BatchLog.open(tmp_path / "o")) as log, closing(BatchLog.open(tmp_path / "p")) as poison:
        for i in range(100):
            log.put(batch(("x", i, i)))
        centre = Centre()
        centre.door.clear()
        async with Outbox(log, clock=clock).running() as outbox:
            await learnt(outbox)
            for now in range(1_000, 1_100):
                await outbox.deposit(batch(("x", now, now)))
            delivering = asyncio.create_task(Delivery(outbox, centre, poison=poison, clock=clock, most=5).run())
            centre.door.set()
            await emptied(outbox)
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
    first = [min(time for _, time, _ in rows) for rows in centre.deliveries[:6]]
    assert first == [1_095, 0, 1_090, 5, 1_085, 10]


_ROWS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 6), st.integers(0, 1_000_000)), min_size=1, max_size=4
)
_SCRIPT = st.lists(st.sampled_from((True, True, False, None)), max_size=12)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lives=st.lists(st.tuples(st.lists(_ROWS, max_size=8), _SCRIPT), min_size=1, max_size=3), most=st.integers(1, 6))
async def test_whatever_order_things_arrive_in_the_last_word_on_every_tag_and_time_holds(
    tmp_path_factory, lives: list[tuple[list[list[Row]], list[bool | None]]], most: int
) -> None:
    """Each life of the edge deposits, delivers for a while as the script allows, and ends in the middle."""
    folder, clock = tmp_path_factory.mktemp("outbox"), HastyClock()
    expected: dict[tuple[str, int], int] = {}
    stored: dict[tuple[str, int], int] = {}
    live: dict[str, int] = {}
    for number, (deposits, script) in enumerate(lives):
        last = number == len(lives) - 1
        centre = Centre(list(script))
        centre.stored = stored
        with closing(BatchLog.open(folder / "o")) as log, closing(BatchLog.open(folder / "p")) as poison:
            async with Outbox(log, clock=clock).running() as outbox:
                delivering = asyncio.create_task(Delivery(outbox, centre, poison=poison, clock=clock, most=most).run())
                for rows in deposits:
                    await outbox.deposit(batch(*rows))
                    expected.update({(tag, time): value for tag, time, value in rows})
                if last:
                    await emptied(outbox)
                delivering.cancel()
                await asyncio.gather(delivering, return_exceptions=True)
        for moved in centre.moves:
            assert all(moved[tag] >= time for tag, time in live.items() if tag in moved)
            live = moved
        live = {}  # another centre object in the next life: its live table starts anew
    assert stored == expected
