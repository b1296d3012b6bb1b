"""Thinning: what is asked of the store afterwards is what it would have said with every sample still there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from historian.buckets import DAY, sum_up
from historian.embedded import EmbeddedHistorian, catalogue, rolls, segments
from historian.influxdb import InfluxHistorian
from historian.rollup import rollup
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, VirtualClock
from plant.quality import Quality
from tests.historian.stores import EMBEDDED, T0, influx, open_embedded

DAY0 = 19_700
START = DAY0 * DAY
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
TEMPERATURE, METER = "cq/first/line/press/temperature", "cq/first/line/press/meter"
KINDS = ("log", "settled", "beside")


def batch(samples) -> Batch:
    builder = BatchBuilder()
    for path, moment, value, quality in samples:
        builder.add(path, moment, value, received=moment + 7, quality=quality, origin=Origin.SIMULATED)
    return builder.build()


def regular(path: str, first: int, last: int, every: int = 30 * SECOND) -> Batch:
    """A value that grows by one a sample."""
    times = range(START + first, START + last, every)
    return batch((path, at, float((at - START) // every), Quality.GOOD) for at in times)


def same(found, expected) -> None:
    np.testing.assert_array_equal(found.start, expected.start)
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_array_equal(found.usable, expected.usable)
    np.testing.assert_array_equal(found.quality, expected.quality)
    for name in ("minimum", "maximum", "last"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12, atol=1e-12)


@pytest.fixture(params=[*KINDS, pytest.param("influxdb", marks=pytest.mark.needs("influxd"))])
def stage(request, tmp_path):
    if request.param == "influxdb":
        server = request.getfixturevalue("influx_server")
        with influx(server.url, request.getfixturevalue("influx_database")) as stage:
            yield stage
        return
    with EMBEDDED[request.param](tmp_path / "historian") as stage:
        yield stage


def thin(stage, *days: int, step: int = MINUTE, paths=(TEMPERATURE,)) -> list:
    writer = getattr(stage.asked, "writer", stage.asked)
    return [writer.thin(paths, DAY0 + day, step) for day in days]


def test_thinned_days_answer_rollups_as_before_and_say_by_what_step(stage):
    whole = regular(TEMPERATURE, 0, 2 * DAY)
    stage.write(whole)
    stage.write(regular(METER, 0, DAY))
    done = thin(stage, 0)[0]
    assert done.samples == 2_880
    window = START, START + 2 * DAY
    found = stage.rollup(TEMPERATURE, *window, 48)
    same(found, rollup(whole, *window, 48))
    assert found.step.tolist() == [MINUTE] * 24 + [0] * 24
    assert len(stage.history([TEMPERATURE], *window)) == 2_880
    assert len(stage.history([METER], *window)) == 2_880, "no other tag is touched"
    assert [(hole.path, hole.start, hole.stop) for hole in stage.asked.thinned([METER, TEMPERATURE], *window)] == [
        (TEMPERATURE, START, START + DAY)
    ]
    assert stage.asked.thinned([TEMPERATURE], START + DAY, START + 2 * DAY) == ()


def test_thinning_a_day_again_changes_nothing(stage):
    stage.write(regular(TEMPERATURE, 0, DAY))
    first, again = thin(stage, 0, 0)
    assert (first.samples, again.samples, again.buckets) == (2_880, 0, 0)
    assert stage.asked.buckets(TEMPERATURE, START, START + DAY).count.tolist() == [2] * 1440


def test_late_samples_are_seen_at_once_and_join_their_buckets_when_the_day_is_thinned_again(stage):
    early = batch((TEMPERATURE, START + n * 10 * SECOND, 5.0, Quality.GOOD) for n in range(12))
    late = batch(
        [(TEMPERATURE, START + 3 * SECOND, 99.0, Quality.UNCERTAIN), (TEMPERATURE, START + HOUR, -1.0, Quality.GOOD)]
    )
    stage.write(early)
    thin(stage, 0)
    stage.write(late)
    everything = Batch.concat([early, late])
    everything = everything.take(np.argsort(everything.time))
    expected = rollup(everything, START, START + DAY, 1440)
    same(stage.rollup(TEMPERATURE, START, START + DAY, 1440), expected)
    assert thin(stage, 0)[0].samples == 2
    same(stage.rollup(TEMPERATURE, START, START + DAY, 1440), expected)
    assert len(stage.history([TEMPERATURE], START, START + DAY)) == 0


def test_buckets_become_coarser_and_may_go_altogether(stage):
    whole = regular(TEMPERATURE, 0, 2 * DAY)
    stage.write(whole)
    thin(stage, 0, 1)
    assert [done.buckets for done in thin(stage, 0, step=HOUR)] == [1440]
    window = START, START + 2 * DAY
    found = stage.rollup(TEMPERATURE, *window, 48)
    same(found, rollup(whole, *window, 48))
    assert found.step.tolist() == [HOUR] * 24 + [MINUTE] * 24
    thin(stage, 0, step=0)
    assert stage.rollup(TEMPERATURE, *window, 2).count.tolist() == [0, 2_880]
    assert [hole.start for hole in stage.asked.thinned([TEMPERATURE], *window)] == [START]


def test_what_was_in_force_before_a_window_comes_from_the_last_bucket_exactly(stage):
    samples = [
        (METER, START - HOUR, 2**60 + 1, Quality.GOOD),
        (METER, START + 5 * SECOND, 2**60 + 3, Quality.GOOD),
        (METER, START + 9 * SECOND, 2**60 + 5, Quality.UNCERTAIN),
        (METER, START + 2 * DAY, 2**60 + 7, Quality.GOOD),
    ]
    stage.write(batch(samples))
    before = next(stage.before([METER, TEMPERATURE], START + DAY).samples())
    thin(stage, 0, paths=(METER,))
    assert next(stage.before([METER, TEMPERATURE], START + DAY).samples()) == before
    assert before.value == 2**60 + 5
    assert next(stage.latest([METER]).samples()).value == 2**60 + 7


def test_nothing_older_stands_in_for_samples_that_were_dropped_without_buckets(stage):
    stage.write(regular(TEMPERATURE, 0, 3 * DAY, HOUR))
    thin(stage, 1, step=0)
    assert len(stage.before([TEMPERATURE], START + 2 * DAY)) == 0
    assert stage.before([TEMPERATURE], START + DAY).numbers.tolist() == [23.0]
    assert stage.before([TEMPERATURE], START + 3 * DAY).numbers.tolist() == [71.0]


def test_buckets_that_are_later_are_looked_for_beyond_those_of_another_step(stage):
    stage.write(regular(TEMPERATURE, 0, 2 * DAY, HOUR))
    thin(stage, 0, 1, step=6 * HOUR)
    stage.write(batch([(TEMPERATURE, START + DAY + 1, -1.0, Quality.GOOD)]))
    thin(stage, 1, step=SECOND)
    assert stage.before([TEMPERATURE], START + 2 * DAY).numbers.tolist() == [47.0]
    thin(stage, 1, step=0)
    assert len(stage.before([TEMPERATURE], START + 2 * DAY)) == 0
    assert stage.before([TEMPERATURE], START + DAY).numbers.tolist() == [23.0]


def test_texts_and_bad_samples_are_counted_though_they_have_no_numbers(stage):
    stage.write(
        batch(
            [
                (TEMPERATURE, START + 1, "缺料", Quality.GOOD),
                (TEMPERATURE, START + 2, float("nan"), Quality.BAD_NO_COMMUNICATION),
                (TEMPERATURE, START + 3, float("nan"), Quality.UNCERTAIN),
            ]
        )
    )
    thin(stage, 0)
    kept = stage.asked.buckets(TEMPERATURE, START, START + DAY)
    assert (kept.count.tolist(), kept.usable.tolist(), kept.good.tolist(), kept.numbers.tolist()) == (
        [3],
        [2],
        [1],
        [0],
    )
    assert np.isnan(kept.mean).all()
    assert kept.origin.tolist() == [Origin.SIMULATED]
    assert stage.before([TEMPERATURE], START + DAY).quality.tolist() == [Quality.UNCERTAIN]


def test_held_counts_what_every_whole_day_has(stage):
    stage.write(regular(TEMPERATURE, 0, 2 * DAY + HOUR, HOUR))
    stage.write(regular(METER, DAY, 2 * DAY, HOUR))
    groups = [[TEMPERATURE], [METER, "cq/first/line/press/unknown"], []]
    writer = getattr(stage.asked, "writer", stage.asked)
    getattr(writer, "seal", lambda: None)()
    assert stage.asked.held(groups, START + 2 * DAY + HOUR) == [{DAY0: 24, DAY0 + 1: 24}, {DAY0 + 1: 24}, {}]
    thin(stage, 0)
    assert stage.asked.held(groups, START + 2 * DAY)[0] == {DAY0 + 1: 24}
    assert stage.asked.held(groups, START + 2 * DAY, step=MINUTE)[0] == {DAY0: 24}


@pytest.mark.parametrize("step", [7 * SECOND, SECOND // 2, -MINUTE, 2 * DAY])
def test_a_step_that_does_not_divide_a_day_is_refused(stage, step):
    with pytest.raises(ValueError, match="does not divide a day"):
        thin(stage, 0, step=step)


# ------------------------------------------------------------------------------- properties
OFFSETS = st.integers(0, 3 * 24 * 60 - 1).map(lambda minute: minute * MINUTE) | st.integers(0, 3 * DAY - 1)
VALUES = st.floats(-1e6, 1e6) | st.just(float("nan")) | st.integers(-1000, 1000) | st.booleans() | st.just("text")
QUALITIES = st.sampled_from([Quality.GOOD, Quality.UNCERTAIN, Quality.BAD_NO_COMMUNICATION])
SAMPLES = st.lists(st.tuples(OFFSETS, VALUES, QUALITIES), max_size=40)
STEPS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([SECOND, MINUTE, HOUR, 6 * HOUR, DAY])), max_size=5)


def adds_up(store: EmbeddedHistorian | InfluxHistorian, rounds: Sequence[tuple[list, list]]) -> None:
    """Write the samples of each round, thin by its plan, and hold what is left to all that was written so far."""
    window = START, START + 3 * DAY
    begun = DAY in {step for _, plan in rounds for _, step in plan}
    parts = 3 if begun else 12  # what begins with a bucket, ends with one
    kept: dict[int, tuple] = {}
    for rows, plan in rounds:
        store.write(batch((TEMPERATURE, START + at, value, quality) for at, value, quality in rows))
        kept |= {at: (TEMPERATURE, START + at, value, quality) for at, value, quality in rows}
        everything = batch(kept[at] for at in sorted(kept))
        for day, step in plan:
            store.thin([TEMPERATURE], DAY0 + day, step)
        same(store.rollup(TEMPERATURE, *window, parts), rollup(everything, *window, parts))
        counted = store.buckets(TEMPERATURE, *window)
        assert counted.count.sum() + len(store.history([TEMPERATURE], *window)) == len(everything)
        if len(everything):
            newest = store.before([TEMPERATURE], window[1])
            assert newest.time.tolist() == [int(everything.time.max())]
            assert newest.quality.tolist() == everything.quality[-1:].tolist()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=SAMPLES, late=SAMPLES, steps=STEPS, again=STEPS)
def test_sums_over_samples_and_buckets_are_those_of_all_samples(tmp_path_factory, first, late, steps, again):
    # Late samples have other times than what was counted already: delivery again is another matter.
    seen = {at for at, _, _ in first}
    late = [row for row in late if row[0] not in seen]
    folder = tmp_path_factory.mktemp("store")
    with closing(EmbeddedHistorian(folder, seal_every=None, grace=0.0, clock=VirtualClock(START + 9 * DAY))) as store:
        adds_up(store, ((first, steps), (late, again)))


COLUMNS = ("start", "step", "count", "usable", "good", "numbers", "minimum", "maximum", "first", "last", "quality")


@settings(max_examples=12, deadline=None)
@given(rows=SAMPLES, step=st.sampled_from([SECOND, MINUTE, DAY]))
def test_buckets_in_numpy_are_those_that_the_store_keeps(tmp_path_factory, rows, step):
    once = {at: (TEMPERATURE, START + at, value, quality) for at, value, quality in rows if at < DAY}
    samples = batch(once[at] for at in sorted(once))
    with closing(EmbeddedHistorian(tmp_path_factory.mktemp("store"), seal_every=None)) as store:
        store.write(samples)
        store.thin([TEMPERATURE], DAY0, step)
        kept, expected = store.buckets(TEMPERATURE, START, START + DAY), sum_up(samples, step)
    for name in (*COLUMNS, "origin"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(kept.total, expected.total, rtol=1e-12, atol=1e-9)


# ----------------------------------------------------------------------------------- crashes
class Killed(BaseException):
    """The process ends here."""


STEPS_OF_THE_WORK = [
    (segments, "write"),
    (catalogue, "retire"),
    (catalogue, "add"),
    (rolls, "add"),
    (rolls, "dig"),
]


def test_a_process_that_is_killed_at_any_step_loses_nothing_and_counts_nothing_twice(tmp_path, monkeypatch):
    whole = regular(TEMPERATURE, 0, DAY, HOUR)
    with closing(open_embedded(tmp_path / "first")) as historian:
        historian.write(whole)
        historian.thin([TEMPERATURE], DAY0, MINUTE)
        late = batch([(TEMPERATURE, START + HOUR + 1, 7.0, Quality.GOOD), (METER, START, 1, Quality.GOOD)])
        historian.write(late)
        historian.seal()
    together = Batch.concat([whole, late.of(TEMPERATURE)])
    expected = rollup(together.take(np.argsort(together.time)), START, START + DAY, 24)
    left = 0

    def ending(real):
        def step(*arguments, **named):
            nonlocal left
            done = real(*arguments, **named)
            left -= 1
            if left == 0:
                raise Killed
            return done

        return step

    for module, name in STEPS_OF_THE_WORK:
        monkeypatch.setattr(module, name, ending(getattr(module, name)))
    for moment in range(1, 40):
        folder = tmp_path / str(moment)
        shutil.copytree(tmp_path / "first", folder)
        left = moment
        ended = False
        with closing(open_embedded(folder)) as historian:
            try:
                historian.thin([TEMPERATURE], DAY0, HOUR)
            except Killed:
                ended = True
        left = 0
        with closing(open_embedded(folder)) as historian:
            same(historian.rollup(TEMPERATURE, START, START + DAY, 24), expected)
            assert len(historian.history([METER], START, START + DAY)) == 1
            historian.thin([TEMPERATURE], DAY0, HOUR)
            same(historian.rollup(TEMPERATURE, START, START + DAY, 24), expected)
        shutil.rmtree(folder)
        if not ended:
            break
    # files of samples and files of buckets are retired each in its turn
    assert moment > len(STEPS_OF_THE_WORK) + 1


@pytest.mark.parametrize("harm", ["gone", "bits flipped"])
def test_a_damaged_file_of_buckets_is_put_aside_and_counted_and_the_rest_stays(tmp_path, harm):
    with closing(open_embedded(tmp_path)) as historian:
        historian.write(regular(TEMPERATURE, 0, 2 * DAY, HOUR))
        for day in (0, 1):
            historian.thin([TEMPERATURE], DAY0 + day, MINUTE)
        with historian._snapshot() as connection:
            victim = tmp_path / "segments" / rolls.listed(connection, 0, START + DAY - 1)[0].segment.name
        if harm == "gone":
            victim.unlink()
        else:
            content = bytearray(victim.read_bytes())
            content[8 : len(content) // 2] = bytes(byte ^ 0x5A for byte in content[8 : len(content) // 2])
            victim.write_bytes(content)
        assert historian.rollup(TEMPERATURE, START, START + 2 * DAY, 2).count.tolist() == [0, 24]
        with historian._snapshot() as connection:
            assert connection.execute("SELECT name, rows FROM lost").fetchall() == [(victim.name, 24)]


def test_what_was_dropped_is_counted(tmp_path):
    with closing(open_embedded(tmp_path)) as historian:
        assert historian.thinning.at is None
        historian.write(regular(TEMPERATURE, 0, DAY))
        done = historian.thin([TEMPERATURE], DAY0, HOUR)
        totals = historian.thinning
        assert (totals.samples, totals.buckets, totals.bytes) == (2_880, 0, done.bytes)
        assert totals.at == T0 + 3 * DAY
        assert historian.bytes_a_row(step=HOUR) > 0
