"""Warnings are as rare as promised on a healthy signal, early on a drifting one, and never from nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.indicator import Basis, Status
from analytics.warning import (
    Baseline,
    Change,
    DriftRule,
    Shape,
    baseline,
    block_means,
    changes,
    drift,
    drift_indicator,
    remaining_life,
    run_length,
    score,
    threshold,
    trend,
)
from plant.clock import SECOND
from tests.analytics.signals import BAD, samples, window

BASIS = Basis(scope="cq/first/line/spindle", window=(0, 1))
UNIT = Baseline(0.0, 1.0, 100)
HOUR = 3600 * SECOND


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, count)


def test_blocks_are_means_of_usable_samples_and_empty_ones_are_unknown() -> None:
    batch = samples([(0, 1.0), (5, 3.0), (12, 9.0, BAD), (25, 4.0), (31, 8.0)])
    starts, means = block_means(batch, window(0, 35), 10 * SECOND)
    assert (starts // SECOND).tolist() == [0, 10, 20]
    assert means[[0, 2]].tolist() == [2.0, 4.0]
    assert math.isnan(means[1])
    with pytest.raises(ValueError, match="longer than nothing"):
        block_means(batch, window(0, 35), 0)


def test_a_baseline_needs_enough_blocks_that_vary() -> None:
    with pytest.raises(ValueError, match="at least 20 known blocks; there are 19"):
        baseline(np.append(noise(19), [math.nan] * 5))
    with pytest.raises(ValueError, match="does not vary"):
        baseline(np.full(50, 3.0))
    assert baseline(noise(4000) * 2 + 7).sigma == pytest.approx(2, rel=0.05)


def test_the_published_run_lengths_of_cusum_charts_hold() -> None:
    # Montgomery, table 9.3: k = 0.5, two-sided: h = 4 → 168, h = 5 → 465.
    assert run_length(4, 0.5) == pytest.approx(168, rel=0.03)
    assert run_length(5, 0.5) == pytest.approx(465, rel=0.03)
    assert threshold(465, 0.5) == pytest.approx(5.0, abs=0.02)


def test_false_alarms_are_as_rare_as_promised() -> None:
    rule = DriftRule(blocks_between_alarms=200)
    random = np.random.default_rng(4)
    lengths = []
    for _ in range(300):
        found = drift(random.normal(0, 1, 3000), UNIT, rule)
        lengths.append(3000 if found.warned is None else found.warned + 1)
    assert np.mean(lengths) == pytest.approx(200, rel=0.2)


def test_a_drift_is_found_soon_with_its_onset_in_either_direction() -> None:
    for sign in (1, -1):
        values = noise(600, 3)
        values[400:] += sign * 1.5
        found = drift(values, UNIT)
        assert found.warned is not None
        assert 400 <= found.warned < 420
        assert found.onset == pytest.approx(400, abs=8)


def test_unknown_blocks_neither_add_to_a_drift_nor_reset_it() -> None:
    values = noise(500, 3)
    values[300:] += 1.5
    gaps = np.insert(values, 250, [math.nan] * 40)
    plain, gapped = drift(values, UNIT), drift(gaps, UNIT)
    assert plain.warned is not None
    assert gapped.warned == plain.warned + 40
    assert drift_indicator(gapped, BASIS).value == pytest.approx(drift_indicator(plain, BASIS).value)


def test_a_window_without_any_block_has_no_drift_index() -> None:
    nothing = drift(np.zeros(0), UNIT)
    assert (nothing.warned, drift_indicator(nothing, BASIS).status) == (None, Status.INSUFFICIENT_DATA)


@given(arrays(np.float64, st.integers(1, 80), elements=st.floats(-5, 5)), st.integers(0, 80))
@settings(deadline=None)
def test_the_closed_form_is_the_recursion_and_does_not_look_ahead(values, cut) -> None:
    found = drift(values, UNIT)
    up = down = 0.0
    for n, value in enumerate(values):
        up, down = max(0.0, up + value - 0.5), max(0.0, down - value - 0.5)
        assert (found.up[n], found.down[n]) == (pytest.approx(up, abs=1e-9), pytest.approx(down, abs=1e-9))
    assert drift(values[:cut], UNIT).up.tolist() == found.up[:cut].tolist()


def test_jumps_of_level_are_found_where_they_are() -> None:
    values = noise(600, 5)
    values[200:] += 3
    values[420:] -= 5
    found = changes(values)
    assert [c.at for c in found] == pytest.approx([200, 420], abs=2)
    assert [(round(c.before), round(c.after)) for c in found] == [(0, 3), (3, -2)]


def test_a_level_signal_has_no_jumps() -> None:
    assert sum(len(changes(noise(500, seed))) for seed in range(20)) <= 1
    assert changes(np.full(100, 2.0)) == []
    assert changes(noise(8)) == []
    assert changes(np.full(100, math.nan)) == []


def test_unknown_blocks_do_not_move_a_jump() -> None:
    values = np.concatenate((np.zeros(30), np.full(30, 10.0)))
    values[5:10] = math.nan
    assert changes(values) == [Change(30, 0.0, 10.0)]


@pytest.mark.parametrize("shape", list(Shape))
def test_the_interval_of_remaining_life_covers_the_truth_about_as_often_as_it_says(shape: Shape) -> None:
    time = np.arange(100, dtype=np.int64) * HOUR
    hits = 0
    for seed in range(300):
        y = 1.0 + 0.02 * np.arange(100) + 0.15 * noise(100, seed)
        values, limit = (np.exp(y), math.exp(5.0)) if shape is Shape.EXPONENTIAL else (y, 5.0)
        found = trend(time, values, limit, shape=shape)
        assert found is not None
        assert found.interval is not None
        hits += found.interval[0] <= (5.0 - 1.0 - 0.02 * 99) / 0.02 <= found.interval[1]
    assert 0.90 <= hits / 300 <= 0.99


def test_values_that_follow_each_other_are_worth_fewer() -> None:
    time = np.arange(200, dtype=np.int64) * HOUR
    walk = np.cumsum(noise(200, 2)) * 0.1
    line = 0.05 * np.arange(200)
    rough, smooth = trend(time, line + noise(200), 50.0), trend(time, line + walk, 50.0)
    assert rough is not None
    assert smooth is not None
    assert smooth.independent < 50 < 100 < rough.independent


def test_no_life_is_read_from_a_slope_that_could_be_none_or_leads_away() -> None:
    time = np.arange(50, dtype=np.int64) * HOUR
    flat = remaining_life(trend(time, noise(50, 3), 100.0), BASIS)
    assert (flat.value, flat.status) == (None, Status.INSUFFICIENT_DATA)
    assert "no significant trend" in flat.note.en
    away = remaining_life(trend(time, 10 - 0.1 * np.arange(50) + 0.01 * noise(50), 100.0), BASIS)
    assert away.value is None
    assert remaining_life(trend(time[:4], noise(4), 1.0), BASIS).value is None
    assert remaining_life(trend(time, np.full(50, math.nan), 1.0), BASIS).value is None


def test_a_trend_is_seen_in_pure_noise_about_as_rarely_as_the_confidence_says() -> None:
    time = np.arange(50, dtype=np.int64) * HOUR
    found = [trend(time, noise(50, seed), 100.0) for seed in range(300)]
    assert sum(one is not None and one.interval is not None for one in found) <= 300 * 0.09


def test_life_towards_a_lower_limit_and_beyond_a_limit() -> None:
    time = np.arange(50, dtype=np.int64) * HOUR
    falling = remaining_life(trend(time, 100 - np.arange(50.0) + 0.01 * noise(50), 1.0), BASIS)
    assert falling.value == pytest.approx(50, abs=0.1)
    assert falling.unit == "h"
    low, high = falling.uncertainty or (0, 0)
    assert low < falling.value < high
    over = remaining_life(trend(time, np.arange(50.0) + 0.01 * noise(50), 30.0), BASIS)
    assert over.value == 0.0


def test_warnings_are_scored_by_delay_misses_and_false_alarms_per_day() -> None:
    day = 24 * HOUR
    found = score([HOUR, 5 * HOUR, 6 * HOUR, 40 * HOUR], [(4 * HOUR, 8 * HOUR), (20 * HOUR, 24 * HOUR)], (0, 2 * day))
    assert (found.delays, found.missed) == ((3600.0,), 1)
    assert found.false_per_day == pytest.approx(2 / (40 / 24))
    assert math.isnan(score([], [(0, day)], (0, day)).false_per_day)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: DriftRule(allowance=0.0), "allowance"),
        (lambda: DriftRule(blocks_between_alarms=1.0), "once in"),
        (lambda: changes(np.zeros(30_000)), "too many"),
        (lambda: changes(np.zeros(30), least=1), "two blocks"),
        (lambda: trend(np.arange(9), noise(9), math.inf), "finite"),
        (lambda: trend(np.arange(9), noise(9), -1.0, shape=Shape.EXPONENTIAL), "positive"),
    ],
)
def test_impossible_input_is_refused(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()
