"""A source is opened again and again, reads bad while it is lost, and is always closed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from collectors.source import Tally
from edge.backoff import LONGEST
from edge.supervisor import Supervisor
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, VirtualClock
from plant.errors import Disconnected
from plant.quality import Quality, Severity, severity
from plant.tags import Kind, Tag

PATH = "s/a/l/d/x"
TAG = Tag(path=PATH, kind=Kind.ANALOG)


class Script:
    """A source that follows a script: a step is a number of seconds to wait, a batch, or an error."""

    name = "scripted"
    paths = (PATH,)

    def __init__(self, clock: VirtualClock, opening: Callable[[int], list[float | Batch | Exception]]) -> None:
        self.clock, self.opening = clock, opening
        self.tally = Tally()
        self.opened: list[float] = []
        self.closed = 0
        self.asked: list[float] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        self.opened.append(self.clock.monotonic())
        steps = self.opening(len(self.opened))
        try:
            if steps and isinstance(steps[0], Exception):
                raise steps[0]
            yield self._read(steps)
        finally:
            self.closed += 1

    async def _read(self, steps: list[float | Batch | Exception]) -> AsyncIterator[Batch]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, Batch):
                yield step
                self.asked.append(self.clock.monotonic())
            else:
                await self.clock.sleep(step)


def sample(value: float, clock: VirtualClock) -> Batch:
    builder = BatchBuilder()
    builder.add(PATH, clock.now(), value, received=clock.now() + 2_000_000_000)
    return builder.build()


class Deposits(list[Batch]):
    async def __call__(self, batch: Batch) -> None:
        self.append(batch)

    def qualities(self) -> list[Severity]:
        return [severity(int(q)) for b in self for q in b.quality]


@asynccontextmanager
async def supervised(source: Script, deposits: Callable, *, silence: float | None = 1e9, seed: int = 1):
    supervisor = Supervisor(source, [TAG], deposits, clock=source.clock, silence=silence, jitter=random.Random(seed))
    task = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lost_source_is_opened_again_and_always_closed() -> None:
    clock, deposits = VirtualClock(), Deposits()
    source = Script(clock, lambda n: [sample(n, clock), 1.0, Disconnected("gone")])
    async with supervised(source, deposits):
        await clock.advance(60)
        assert len(source.opened) > 5
    assert source.closed == len(source.opened)


async def test_all_tags_read_bad_once_when_a_source_is_lost() -> None:
    clock, deposits = VirtualClock(), Deposits()
    opening = {1: [sample(1, clock), 1.0, Disconnected("gone")]}
    source = Script(clock, lambda n: opening.get(n, [Disconnected("refused")]))
    async with supervised(source, deposits) as supervisor:
        await clock.advance(120)
        assert len(source.opened) > 4
        assert not supervisor.condition.connected
        assert supervisor.condition.reason == "refused"
    assert deposits.qualities() == [Severity.GOOD, Severity.BAD]
    (bad,) = deposits[-1].samples()
    assert (bad.path, bad.quality) == (PATH, Quality.BAD_NO_COMMUNICATION)
    assert bad.value != 1.0


async def test_a_source_that_was_never_there_reads_bad_from_the_start() -> None:
    clock, deposits = VirtualClock(), Deposits()
    source = Script(clock, lambda _: [Disconnected("refused")])
    async with supervised(source, deposits):
        await clock.advance(60)
    assert deposits.qualities() == [Severity.BAD]


async def test_one_line_is_logged_on_loss_and_one_on_recovery() -> None:
    clock, deposits = VirtualClock(), Deposits()
    good = [sample(1, clock), 1e6]
    opening = {1: [sample(1, clock), 1.0, Disconnected("gone")], 9: good}
    source = Script(clock, lambda n: opening.get(n, [Disconnected("refused")]))
    with capture_logs() as logs:
        async with supervised(source, deposits) as supervisor:
            await clock.advance(300)
            assert supervisor.condition.reconnects == 1
    assert [entry["event"] for entry in logs] == ["source connected", "source lost", "source connected"]
    assert [entry["log_level"] for entry in logs] == ["info", "warning", "info"]


async def test_a_link_that_opens_but_never_answers_is_not_called_connected() -> None:
    clock = VirtualClock()
    source = Script(clock, lambda _: [2.0, Disconnected("no answer")])
    with capture_logs() as logs:
        async with supervised(source, Deposits()):
            await clock.advance(100)
    assert [entry["event"] for entry in logs] == ["source lost"]


async def test_behind_a_broker_an_open_link_is_enough_and_devices_may_rest() -> None:
    clock, deposits = VirtualClock(), Deposits()
    source = Script(clock, lambda _: [1e9])
    async with supervised(source, deposits, silence=None) as supervisor:
        await clock.advance(10_000)
        assert supervisor.condition.connected
    assert len(source.opened) == 1
    assert deposits == []


async def test_waiting_grows_but_never_beyond_the_longest_delay() -> None:
    clock = VirtualClock()
    source = Script(clock, lambda _: [Disconnected("refused")])
    async with supervised(source, Deposits()):
        await clock.advance(2_000)
    waits = [b - a for a, b in zip(source.opened, source.opened[1:], strict=False)]
    assert max(waits) <= LONGEST + 0.001
    assert max(waits[:3]) < 5
    assert max(waits) > 10
    assert len({round(w, 3) for w in waits}) > len(waits) * 0.9  # jitter is full


@pytest.mark.parametrize("seed", range(20))
async def test_after_half_a_minute_the_next_attempt_is_never_ten_seconds_away(seed: int) -> None:
    clock = VirtualClock()
    source = Script(clock, lambda _: [Disconnected("refused")])
    async with supervised(source, Deposits(), seed=seed):
        await clock.advance(40)
    assert max(b - a for a, b in zip(source.opened, source.opened[1:], strict=False)) < 10


async def test_flowing_data_resets_the_waiting() -> None:
    clock = VirtualClock()
    source = Script(clock, lambda n: [sample(1, clock), 0.1, Disconnected("x")] if n > 12 else [Disconnected("x")])
    async with supervised(source, Deposits()):
        await clock.advance(400)
    waits = [b - a for a, b in zip(source.opened[14:], source.opened[15:], strict=False)]
    assert waits
    assert max(waits) < 2


async def test_a_connected_but_silent_source_is_reopened() -> None:
    clock, deposits = VirtualClock(), Deposits()
    source = Script(clock, lambda _: [sample(1, clock), 1e9])
    async with supervised(source, deposits, silence=10) as supervisor:
        await clock.advance(9)
        assert supervisor.condition.connected
        await clock.advance(20)
        assert len(source.opened) >= 2
    assert source.closed == len(source.opened)
    assert Severity.BAD in deposits.qualities()


async def test_the_next_batch_is_asked_for_only_after_the_last_is_stored() -> None:
    clock = VirtualClock()
    stored = asyncio.Event()

    async def slow_deposit(batch: Batch) -> None:
        await stored.wait()

    source = Script(clock, lambda _: [sample(1, clock), 1e9])
    async with supervised(source, slow_deposit):
        await clock.advance(1)
        assert source.asked == []
        stored.set()
        await clock.advance(1)
        assert len(source.asked) == 1


async def test_a_source_that_ends_is_not_opened_again() -> None:
    clock, deposits = VirtualClock(), Deposits()
    source = Script(clock, lambda _: [sample(1, clock)])
    async with supervised(source, deposits):
        await clock.advance(100)
    assert len(source.opened) == 1
    assert deposits.qualities() == [Severity.GOOD]


async def test_an_error_nobody_foresaw_is_not_swallowed() -> None:
    clock = VirtualClock()
    source = Script(clock, lambda _: [ZeroDivisionError()])
    supervisor = Supervisor(source, [TAG], Deposits(), clock=clock, silence=10)
    with pytest.raises(ZeroDivisionError):
        await supervisor.run()


async def test_a_sample_from_the_far_future_is_kept_at_the_time_it_came_and_hides_nothing_after_it() -> None:
    clock, deposits = VirtualClock(), Deposits()
    came = clock.now()
    far, hours = came + 400 * 86_400 * SECOND, came + 8 * 3_600 * SECOND
    rows = BatchBuilder()
    for number, (time, origin) in enumerate(
        [(far, Origin.DEVICE), (far + 1, Origin.DEVICE), (hours, Origin.DEVICE), (far, Origin.REPLAYED)]
    ):
        rows.add(PATH, time, float(number), received=came, origin=origin)
    batch = rows.build()
    source = Script(clock, lambda _: [batch, batch, 1e9])
    with capture_logs() as logs:
        async with supervised(source, deposits):
            await clock.advance(1)
    kept = list(deposits[-1].samples())
    assert [(s.value, s.time, Quality(s.quality)) for s in kept] == [
        (0.0, came, Quality.UNCERTAIN),
        (1.0, came + 1, Quality.UNCERTAIN),
        (2.0, hours, Quality.GOOD),
        (3.0, far, Quality.GOOD),
    ]
    assert [line["days"] for line in logs if "far ahead" in line["event"]] == [400.0]


async def test_lag_is_measured_from_source_to_receipt() -> None:
    clock = VirtualClock()
    source = Script(clock, lambda _: [sample(1, clock), 1e9])
    async with supervised(source, Deposits()) as supervisor:
        await clock.advance(1)
        assert supervisor.condition.lag == pytest.approx(2.0)
