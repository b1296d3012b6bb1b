"""State intervals cover a window completely, and say why where they say nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.states import UNKNOWN, Intervals, intervals
from analytics.steps import Unknown, known, ordered, steps
from plant.batch import Batch
from plant.packml import PackState
from tests.analytics.signals import BAD, UNCERTAIN, gaps, samples, state_rows, window

EXECUTE, HELD, IDLE = int(PackState.EXECUTE), int(PackState.HELD), int(PackState.IDLE)


def seconds(rows: Intervals) -> list[tuple[float, float, int]]:
    return [
        (a / 1e9, b / 1e9, s)
        for a, b, s in zip(rows.start.tolist(), rows.stop.tolist(), rows.state.tolist(), strict=True)
    ]


def test_the_state_in_force_before_a_window_holds_into_it() -> None:
    rows = intervals(samples([(0, 6), (15, 11), (18, 6)]), window(10, 20))
    assert seconds(rows) == [(10, 15, EXECUTE), (15, 18, HELD), (18, 20, EXECUTE)]


def test_before_the_first_sample_nothing_is_known() -> None:
    rows = intervals(samples([(12, 6)]), window(10, 20))
    assert seconds(rows) == [(10, 12, UNKNOWN), (12, 20, EXECUTE)]
    assert rows.why[0] == Unknown.NO_DATA


def test_silence_longer_than_the_tag_allows_is_unknown_not_the_last_state() -> None:
    rows = intervals(samples([(10, 6), (30, 6)]), window(10, 40), max_gap=5)
    assert seconds(rows) == [(10, 15, EXECUTE), (15, 30, UNKNOWN), (30, 35, EXECUTE), (35, 40, UNKNOWN)]
    assert rows.why.tolist() == [Unknown.NOT_SO, Unknown.SILENT, Unknown.NOT_SO, Unknown.SILENT]


def test_a_bad_sample_ends_the_state_and_an_uncertain_one_does_not() -> None:
    rows = intervals(samples([(0, 6), (5, 6, UNCERTAIN), (10, 6, BAD), (15, 4)]), window(0, 20))
    assert seconds(rows) == [(0, 5, EXECUTE), (5, 10, EXECUTE), (10, 15, UNKNOWN), (15, 20, IDLE)]
    assert rows.why[2] == Unknown.BAD_QUALITY
    assert rows.good.tolist() == [True, False, False, True]


def test_the_silence_after_a_bad_sample_is_still_for_its_reason() -> None:
    rows = intervals(samples([(0, 6), (3, 6, BAD)]), window(0, 100), max_gap=5)
    assert seconds(rows) == [(0, 3, EXECUTE), (3, 100, UNKNOWN)]
    assert rows.why[1] == Unknown.BAD_QUALITY


def test_values_are_mapped_by_the_tags_own_table_and_the_unmapped_are_unknown() -> None:
    table = {"RUN": PackState.EXECUTE, "true": PackState.HELD, "2": PackState.IDLE}
    rows = intervals(samples([(0, "RUN"), (5, True), (10, 2), (15, 2.0), (20, "??")]), window(0, 25), states=table)
    assert seconds(rows) == [(0, 5, EXECUTE), (5, 10, HELD), (10, 20, IDLE), (20, 25, UNKNOWN)]
    assert rows.why[-1] == Unknown.UNMAPPED


def test_packml_names_and_numbers_need_no_table() -> None:
    rows = intervals(samples([(0, "EXECUTE"), (5, 11), (7, 99)]), window(0, 10))
    assert seconds(rows) == [(0, 5, EXECUTE), (5, 7, HELD), (7, 10, UNKNOWN)]


def test_an_empty_window_has_no_intervals_and_an_empty_signal_one_unknown_interval() -> None:
    assert len(intervals(samples([(0, 6)]), window(5, 5))) == 0
    assert seconds(intervals(Batch.empty(), window(5, 9))) == [(5, 9, UNKNOWN)]


@given(state_rows, gaps)
def test_intervals_tile_the_window_and_none_is_empty_or_negative(rows, gap) -> None:
    found = intervals(samples(rows), window(20, 80), max_gap=gap)
    assert (found.length > 0).all()
    assert found.start[0] == 20e9
    assert found.stop[-1] == 80e9
    assert (found.start[1:] == found.stop[:-1]).all()


@given(state_rows, gaps, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_duplicates_and_batch_boundaries_leave_no_trace(rows, gap, random) -> None:
    expected = intervals(samples(sorted(rows)), window(20, 80), max_gap=gap)
    shuffled = rows + random.sample(rows, len(rows) // 2)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    batch = Batch.concat([samples(shuffled[:cut]), samples(shuffled[cut:])])
    assert seconds(intervals(batch, window(20, 80), max_gap=gap)) == seconds(expected)


@given(state_rows, gaps, st.integers(20, 80))
def test_time_in_each_state_adds_up_over_any_split_of_a_window(rows, gap, middle) -> None:
    batch = samples(rows)
    whole, left, right = (
        intervals(batch, window(a, b), max_gap=gap) for a, b in ((20, 80), (20, middle), (middle, 80))
    )
    for state in range(18):
        parts = sum(int(part.length[part.state == state].sum()) for part in (left, right))
        assert parts == int(whole.length[whole.state == state].sum())


@given(state_rows)
def test_a_signal_of_bad_samples_only_is_unknown_throughout(rows) -> None:
    found = intervals(samples([(time, value, BAD) for time, value, _ in rows]), window(20, 80))
    assert (found.state == UNKNOWN).all()
    assert not np.isin(found.why, [Unknown.NOT_SO]).any()
    assert found.known.total == 0


@given(state_rows, gaps)
def test_known_time_is_the_same_with_and_without_intervals(rows, gap) -> None:
    batch = ordered(samples(rows))
    cut = steps(batch, window(20, 80), max_gap=gap)
    for quick, slow in zip(known(batch, window(20, 80), max_gap=gap), (cut.known, cut.known_good), strict=True):
        assert (quick.start.tolist(), quick.stop.tolist()) == (slow.start.tolist(), slow.stop.tolist())
