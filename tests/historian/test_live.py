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
