"""The live table: newest by source time, silence reads bad, consumers ask for changes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from historian.live import LiveTable
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, VirtualClock
from plant.quality import Quality

A, B = "s/sc/l/d/a", "s/sc/l/d/b"


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def table(clock):
    return LiveTable({A: 5.0, B: math.inf}, clock=clock)


def one(path, time, value, *, received=None, quality=0, origin=Origin.DEVICE) -> Batch:
    builder = BatchBuilder()
    builder.add(path, time, value, received=time if received is None else received, quality=quality, origin=origin)
    return builder.build()


def test_a_newer_value_replaces_an_older_one(table, clock):
    now = clock.now()
    table.update(one(A, now, 1.5))
    table.update(one(A, now + 1, 2.5))
    assert [s.value for s in table.snapshot([A]).samples()] == [2.5]


def test_an_older_value_moves_nothing(table, clock):
    now = clock.now()
    first = table.update(one(A, now, 1))
    table.update(one(A, now - SECOND, 2, received=now))
    assert [(s.time, s.value) for s in table.snapshot([A]).samples()] == [(now, 1)]
    assert len(table.changes(first).batch) == 0


def test_a_replayed_value_moves_nothing_and_is_no_sign_of_life(table, clock):
    now = clock.now()
    table.update(one(A, now, 1))
    clock.set(now + 6 * SECOND)
    table.update(one(A, now + 6 * SECOND, 2, origin=Origin.REPLAYED | Origin.SIMULATED))
    (sample,) = table.snapshot([A]).samples()
    assert sample.time == now
    assert sample.quality == Quality.BAD_NO_COMMUNICATION


def test_the_later_of_two_rows_with_one_time_holds(table, clock):
    now = clock.now()
    table.update(Batch.concat([one(A, now, "first"), one(A, now, "second")]))
    table.update(one(B, now, 1))
    table.update(one(B, now, 2))
    assert [s.value for s in table.snapshot([A, B]).samples()] == ["second", 2]


def test_rows_of_one_batch_may_come_in_any_order(table, clock):
    now = clock.now()
    table.update(Batch.concat([one(A, now + 2, "newest"), one(B, now, True), one(A, now + 1, "middle")]))
    assert [s.value for s in table.snapshot([B, A]).samples()] == [True, "newest"]


def test_silence_reads_bad_without_the_last_value(table, clock):
    now = clock.now()
    table.update(one(A, now, 42, quality=Quality.GOOD_LOCAL_OVERRIDE, origin=Origin.SIMULATED))
    clock.set(now + 5 * SECOND)
    assert [s.value for s in table.snapshot([A]).samples()] == [42]
    clock.set(now + 5 * SECOND + 1000)
    (sample,) = table.snapshot([A]).samples()
    assert math.isnan(sample.value)
    assert sample.quality == Quality.BAD_NO_COMMUNICATION
    assert sample.origin == Origin.SIMULATED
    assert sample.time == now


def test_silence_is_measured_by_received_time(table, clock):
    now = clock.now()
    table.update(one(A, now - 3600 * SECOND, 7, received=now))  # a device whose clock is an hour slow
    assert [s.value for s in table.snapshot([A]).samples()] == [7]


def test_a_device_whose_clock_runs_fast_hides_nothing_that_comes_later(table, clock):
    now = clock.now()
    table.update(one(A, now + 3600 * SECOND, 1.0, received=now))
    assert [(s.value, s.time - s.received) for s in table.snapshot([A]).samples()] == [(1.0, 3600 * SECOND)]
    clock.set(now + SECOND)
    table.update(one(A, now + 3601 * SECOND, 2.0, received=now + SECOND))
    assert [s.value for s in table.snapshot([A]).samples()] == [2.0]
    clock.set(now + 2 * SECOND)  # it was put right meanwhile
    table.update(one(A, now + 2 * SECOND, 3.0))
    assert [s.value for s in table.snapshot([A]).samples()] == [3.0]


def test_values_of_a_fast_clock_that_came_earlier_move_nothing(table, clock):
    now = clock.now()
    table.update(one(A, now + 3600 * SECOND, "newest", received=now))
    table.update(one(A, now + 3599 * SECOND, "under way for longer", received=now - SECOND))
    table.update(one(A, now - SECOND, "from before", received=now))
    assert [s.value for s in table.snapshot([A]).samples()] == ["newest"]


def test_of_values_that_came_together_from_a_fast_clock_the_newest_holds(table, clock):
    now = clock.now()
    ahead = [one(A, now + (3600 + n) * SECOND, n, received=now) for n in (1, 2, 0)]
    table.update(Batch.concat(ahead))
    assert [s.value for s in table.snapshot([A]).samples()] == [2]


class SetBack(VirtualClock):
    """A clock that somebody sets back."""

    back = 0

    def now(self) -> int:
        return super().now() - self.back


def test_a_clock_of_ours_that_is_set_back_hides_nothing():
    clock = SetBack()
    table, now = LiveTable({}, clock=clock), clock.now()
    table.update(Batch.concat([one(A, now, 1), one(B, now, "before")]))
    clock.back = 3600 * SECOND
    table.update(one(A, clock.now(), 2))
    table.update(one(B, now + SECOND, "by the clock of the device", received=clock.now()))
    assert [s.value for s in table.snapshot([A, B]).samples()] == [2, "by the clock of the device"]


def test_a_collector_whose_clock_was_ahead_hides_nothing_once_it_is_put_right(table, clock):
    now = clock.now()
    table.update(one(B, now + 3600 * SECOND, "ahead"))
    clock.set(now + SECOND)
    table.update(one(B, now + SECOND, "right"))
    assert [s.value for s in table.snapshot([B]).samples()] == ["right"]


def test_the_silence_of_a_collector_whose_clock_is_ahead_is_noticed_as_soon(table, clock):
    now = clock.now()
    table.update(one(A, now + 3600 * SECOND, 1.0))
    assert [s.received for s in table.snapshot([A]).samples()] == [now]
    clock.set(now + 6 * SECOND)
    assert [s.quality for s in table.snapshot([A]).samples()] == [Quality.BAD_NO_COMMUNICATION]


def test_a_clock_that_differs_a_little_keeps_the_order_of_its_values(table, clock):
    now = clock.now()
    table.update(one(A, now + SECOND, "newer", received=now))
    table.update(one(A, now + SECOND // 2, "older", received=now + 1))
    assert [s.value for s in table.snapshot([A]).samples()] == ["newer"]


def test_silence_is_a_change_and_so_is_its_end(table, clock):
    now = clock.now()
    seen = table.update(one(A, now, 1.0))
    assert len(table.changes(seen).batch) == 0
    clock.set(now + 10 * SECOND)
    fallen = table.changes(seen)
    assert [s.quality for s in fallen.batch.samples()] == [Quality.BAD_NO_COMMUNICATION]
    assert len(table.changes(fallen.number).batch) == 0
    table.update(one(A, now - 1, 0.5, received=now + 10 * SECOND))  # old, but a sign of life
    back = table.changes(fallen.number)
    assert [(s.value, s.quality) for s in back.batch.samples()] == [(1.0, Quality.GOOD)]


def test_a_tag_that_may_be_silent_for_ever_never_reads_stale(table, clock):
    table.update(one(B, clock.now(), "recipe 7"))
    clock.set(clock.now() + 10**9 * SECOND)
    assert [s.value for s in table.snapshot([B]).samples()] == ["recipe 7"]


def test_changes_hold_one_row_a_tag_however_often_it_changed(table, clock):
    now = clock.now()
    for i in range(10):
        table.update(one(A, now + i, i))
    changes = table.changes(0)
    assert [s.value for s in changes.batch.samples()] == [9]
    assert table.changes(changes.number).number == changes.number


def test_changes_can_be_asked_for_some_tags_only(table, clock):
    table.update(Batch.concat([one(A, clock.now(), 1), one(B, clock.now(), 2)]))
    assert [s.path for s in table.changes(0, [B, "s/sc/l/d/unknown"]).batch.samples()] == [B]


def test_tags_never_heard_of_are_left_out(table, clock):
    named_only = Batch.concat([one(A, clock.now(), 1), one(B, clock.now(), 2)]).take(slice(0, 1))
    table.update(named_only)  # B stands in the dictionary, but has no row
    clock.set(clock.now() + 100 * SECOND)
    assert [s.path for s in table.snapshot([A, B]).samples()] == [A]


def test_a_table_grows_to_thousands_of_tags(clock):
    table = LiveTable({}, clock=clock, otherwise=1.0)
    names = tuple(f"s/sc/l/d/t{i}" for i in range(5000))
    now = clock.now()
    tags = np.arange(5000, dtype=np.uint32)
    table.update(Batch.floats(names, tags, np.full(5000, now), np.arange(5000.0), received=now))
    assert table.snapshot(names).numbers.tolist() == list(range(5000))
    clock.set(now + 2 * SECOND)
    assert set(table.changes(1).batch.quality.tolist()) == {Quality.BAD_NO_COMMUNICATION}
