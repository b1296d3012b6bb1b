"""The parts of the statistics agree with others' implementations and with what can be worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from analytics.acceptance.clusters import along, between
from analytics.acceptance.counts import binomial
from analytics.acceptance.effect import cohen, hedges
from analytics.acceptance.spread import Spread, block_length, correlation, inflation, margin, resample, spread
from analytics.latency import percentiles
from tests.analytics.acceptance import asked, held, window


@pytest.mark.parametrize(("found", "trials"), [(0, 30), (1, 30), (17, 30), (29, 30), (30, 30), (3, 40_000)])
def test_the_exact_interval_is_that_of_scipy(found: int, trials: int) -> None:
    theirs = stats.binomtest(found, trials).proportion_ci(0.95, "exact")
    assert binomial(found / trials, trials, 0.95) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_without_correlation_the_margin_is_that_of_welch() -> None:
    before, after = np.array([1.0, 3.0, 2.0, 2.5]), np.array([5.0, 4.0, 7.0])
    sides = [spread(side - side.mean(), 0.0) for side in (before, after)]
    theirs = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    assert margin(sides, 0.95) == pytest.approx((theirs.high - theirs.low) / 2)


def test_a_side_that_does_not_vary_has_no_margin() -> None:
    assert margin([Spread(0.0, 2.0)], 0.95) == 0.0


def test_the_variance_of_a_correlated_mean_is_its_double_sum() -> None:
    for count, r in ((2, 0.5), (5, 0.3), (20, 0.7)):
        lags = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
        assert inflation(count, r) == pytest.approx((r**lags).sum() / count)


def test_correlated_windows_are_recognised_and_independent_ones_are_guessed_cautiously() -> None:
    random = np.random.default_rng(1)
    noise = random.standard_normal(2000)
    walk = np.zeros(2000)
    for i in range(1, 2000):
        walk[i] = 0.6 * walk[i - 1] + noise[i]
    assert correlation([walk - walk.mean()]) == pytest.approx(0.6, abs=0.05)
    assert correlation([noise - noise.mean()]) == pytest.approx(0.0, abs=0.05)
    assert 0.1 < correlation([np.array([1.0, -2.0, 1.0])] * 2) < 0.3
    assert 0.3 < correlation([np.array([-1.0, 0.0, 1.0])] * 2) < 0.5


def test_blocks_grow_with_correlation_and_stay_within_half_of_the_windows() -> None:
    assert block_length(20, 0.0) == 1
    assert 1 < block_length(20, 0.3) < block_length(20, 0.7) <= 10
    assert block_length(3, 0.7) == 1


def test_resampled_windows_follow_each_other_within_a_block() -> None:
    drawn = resample(10, length=3, resamples=50, random=np.random.default_rng(2))
    assert drawn.shape == (50, 10)
    assert drawn.min() >= 0
    assert drawn.max() <= 9
    inside = np.arange(10) % 3 != 2
    steps = np.diff(drawn, axis=1) % 10
    assert (steps[:, inside[:-1]] == 1).all()


def test_effect_sizes_are_those_of_their_papers() -> None:
    before, after = np.array([1.0, 2, 3, 4, 5]), np.array([3.0, 4, 5, 6, 7])
    assert hedges(before, after) == pytest.approx(2 / math.sqrt(2.5) * (1 - 3 / 31))
    assert hedges(before[:1], after) is None
    assert hedges(np.ones(3), np.ones(3)) is None
    assert cohen(0.5, 0.25) == pytest.approx(math.pi / 2 - math.pi / 3)


def test_the_interval_of_independent_delays_is_that_of_the_delay_figures() -> None:
    delays = np.random.default_rng(5).permutation(np.arange(1.0, 20_001.0))
    config = asked(kind="absolute", op="<", value=1, unit="ms", statistic="percentile", percentile="99", minimum={})
    finding = held(config, [window(sample=delays)])
    (theirs,) = percentiles(delays, 0, [Fraction(99, 100)])
    assert finding.estimate == theirs.value == 19_800
    assert theirs.interval
    assert finding.interval == pytest.approx(theirs.interval, abs=6)  # a design effect of some per cent remains


def test_design_effects_tell_clusters_from_chance() -> None:
    random = np.random.default_rng(4)
    even = random.random(50_000) < 0.01
    assert along([even]) < 1.5
    assert along([np.repeat(even[:5_000], 10)]) > 8
    assert between([97, 96, 98, 97], [100] * 4, 0.95) == (1.0, 400.0)
    effect, worth = between([100, 100, 100, 60], [100] * 4, 0.95)
    assert effect > 10
    assert worth < 400 / effect
