"""Counters are read as increments that no reset, gap or split of the window can falsify."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.counters import MICRO, Increments, Reading, increments
from analytics.spans import Spans
from plant.batch import Batch
from plant.tags import CounterPolicy, OnDecrease
from tests.analytics.signals import BAD, counter_rows, gaps, samples, window

ROLL = CounterPolicy(on_decrease=OnDecrease.ROLLOVER, modulus=100)
NEVER = CounterPolicy(on_decrease=OnDecrease.ERROR)
policies = st.sampled_from((CounterPolicy(), ROLL, NEVER, CounterPolicy(largest_step=4.0)))


def counted(found: Increments) -> list[tuple[float, float, str]]:
    return [
        (t / 1e9, m / MICRO, Reading(r).name)
        for t, m, r in zip(found.time.tolist(), found.micro.tolist(), found.reading.tolist(), strict=True)
    ]


def test_increments_belong_to_the_reading_that_showed_them() -> None:
    found = increments(samples([(0, 100), (5, 104), (12, 104), (15, 110)]), window(5, 15))
    assert counted(found) == [(5, 4, "COUNTED"), (12, 0, "COUNTED")]
    assert found.total == 4 * MICRO


def test_without_a_reading_before_the_window_the_first_one_counts_nothing() -> None:
    assert increments(samples([(6, 5000), (8, 5002)]), window(5, 10)).total == 2 * MICRO


def test_a_restarted_counter_goes_on_from_zero() -> None:
    found = increments(samples([(0, 100), (1, 3), (2, 5)]), window(0, 10))
    assert counted(found) == [(1, 3, "RESET"), (2, 2, "COUNTED")]
    assert found.has(Reading.RESET)


def test_a_counter_that_rolls_over_loses_nothing() -> None:
    assert counted(increments(samples([(0, 98), (1, 3)]), window(0, 10), policy=ROLL)) == [(1, 5, "ROLLED_OVER")]


@pytest.mark.parametrize("modulus", [2**16, 2**32, 2**48, 2**63])
def test_rollover_is_exact_at_every_usual_width(modulus: int) -> None:
    policy = CounterPolicy(on_decrease=OnDecrease.ROLLOVER, modulus=modulus)
    assert increments(samples([(0, modulus - 2), (1, 3)]), window(0, 10), policy=policy).total == 5 * MICRO


def test_a_counter_that_cannot_fall_counts_nothing_there_and_is_unknown_meanwhile() -> None:
    found = increments(samples([(0, 100), (4, 90), (6, 92)]), window(0, 10), policy=NEVER)
    assert counted(found) == [(4, 0, "IMPOSSIBLE"), (6, 2, "COUNTED")]
    assert (found.known.start.tolist(), found.known.stop.tolist()) == ([4_000_000_000], [10_000_000_000])


def test_growth_that_nobody_can_believe_is_not_counted() -> None:
    policy = CounterPolicy(largest_step=2.0)
    found = increments(samples([(0, 10), (1, 12), (2, 4_000_000), (3, 4_000_001)]), window(0, 10), policy=policy)
    assert [name for _, _, name in counted(found)] == ["COUNTED", "IMPOSSIBLE", "COUNTED"]
    assert found.total == 3 * MICRO


@pytest.mark.parametrize(("step", "counted_as"), [(6, "COUNTED"), (7, "IMPOSSIBLE")])
def test_the_largest_believable_step_grows_with_the_time_it_had(step: int, counted_as: str) -> None:
    found = increments(samples([(0, 10), (3, 10 + step)]), window(0, 10), policy=CounterPolicy(largest_step=2.0))
    assert [name for _, _, name in counted(found)] == [counted_as]


def test_what_was_counted_across_a_gap_is_output_but_not_at_a_known_time() -> None:
    rows = [(0, 10), (1, 11), (20, 31), (21, 32), (22, 0, BAD), (23, 34)]
    found = increments(samples(rows), window(0, 30), max_gap=5)
    assert [name for _, _, name in counted(found)] == ["COUNTED", "ACROSS_GAP", "COUNTED", "ACROSS_GAP"]
    assert found.total == 24 * MICRO
    assert found.during(Spans.of([window(0, 30)])) == 2 * MICRO


def test_integers_beyond_the_reach_of_floats_are_counted_exactly() -> None:
    assert increments(samples([(0, 2**60), (1, 2**60 + 1)]), window(0, 10)).total == MICRO


@pytest.mark.parametrize("rows", [[(0, 1e300), (1, 2e300)], [(0, 1e13), (1, 1e13 + 4)], [(0, 0), (1, 2**62)]])
def test_numbers_too_large_to_count_with_are_impossible_rather_than_wrong(rows) -> None:
    found = increments(samples(rows), window(0, 10))
    assert counted(found) == [(1, 0, "IMPOSSIBLE")]


def test_readings_that_are_no_numbers_are_no_readings() -> None:
    rows = [(0, 5), (1, float("nan")), (2, "x"), (3, float("inf")), (4, 7)]
    assert counted(increments(samples(rows), window(0, 10))) == [(4, 2, "ACROSS_GAP")]


@given(counter_rows, policies, gaps, st.lists(st.integers(20, 80), max_size=4))
@settings(deadline=None)
def test_any_split_of_a_window_adds_up_exactly(rows, policy, gap, cuts) -> None:
    batch = samples([(time, value / 10 if value % 3 else value, quality) for time, value, quality in rows])
    edges = [20, *sorted(cuts), 80]
    whole = increments(batch, window(20, 80), policy=policy, max_gap=gap)
    parts = [increments(batch, window(a, b), policy=policy, max_gap=gap) for a, b in itertools.pairwise(edges)]
    assert sum(part.total for part in parts) == whole.total
    assert sum(part.known.total for part in parts) == whole.known.total
    everything = Spans.of([window(0, 200)])
    assert sum(part.during(everything) for part in parts) == whole.during(everything)


@given(counter_rows, policies, gaps, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_duplicates_and_batch_boundaries_leave_no_trace(rows, policy, gap, random) -> None:
    expected = increments(samples(sorted(rows)), window(20, 80), policy=policy, max_gap=gap)
    shuffled = rows + random.sample(rows, len(rows) // 2)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    batch = Batch.concat([samples(shuffled[:cut]), samples(shuffled[cut:])])
    found = increments(batch, window(20, 80), policy=policy, max_gap=gap)
    assert counted(found) == counted(expected)
    assert found.known.total == expected.known.total


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(51, 200))
def test_a_rolling_counter_shows_exactly_what_was_made(steps, modulus) -> None:
    policy = CounterPolicy(on_decrease=OnDecrease.ROLLOVER, modulus=modulus)
    made = [sum(steps[: n + 1]) for n in range(len(steps))]
    batch = samples([(n + 1, value % modulus) for n, value in enumerate(made)])
    assert increments(batch, window(0, 100), policy=policy).total == (made[-1] - made[0]) * MICRO


@given(counter_rows, policies, gaps)
def test_increments_are_never_negative(rows, policy, gap) -> None:
    assert (increments(samples(rows), window(20, 80), policy=policy, max_gap=gap).micro >= 0).all()
