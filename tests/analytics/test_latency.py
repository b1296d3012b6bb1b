"""Percentiles are delays of real packets, the lost count as infinite, and too few say so."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from analytics.distributions import binomial_quantile
from analytics.indicator import Basis, Indicator, Status
from analytics.latency import indicators, needed, percentiles

BASIS = Basis(scope="cq/first/cell/probe", window=(0, 1))
HALF, P99, P999 = Fraction("0.5"), Fraction("0.99"), Fraction("0.999")


def value(delays, lost: int, share: Fraction) -> float | None:
    return percentiles(np.array(delays, float), lost, [share])[0].value


def figures(delays, lost: int) -> dict[str, Indicator]:
    return {i.id: i for i in indicators(np.asarray(delays, float), lost, BASIS)}


def test_a_percentile_is_the_delay_of_a_packet_never_a_mean_of_two() -> None:
    assert value([4, 1, 3, 2], 0, HALF) == 2
    assert value(range(1, 101), 0, P99) == 99


def test_lost_packets_move_every_percentile() -> None:
    assert value(range(1, 101), 0, HALF) == 50
    assert value(range(1, 101), 100, HALF) == 100
    assert value(range(1, 101), 102, HALF) == math.inf


@pytest.mark.parametrize(("share", "count"), [("0.5", 2), ("0.99", 100), ("0.999", 1000), ("0.99999", 100_000)])
def test_a_percentile_takes_at_least_one_packet_beyond_it(share: str, count: int) -> None:
    assert needed(Fraction(share)) == count
    assert value(range(count), 0, Fraction(share)) is not None
    assert value(range(count - 1), 0, Fraction(share)) is None


def test_p99_9_is_infinite_as_soon_as_more_than_one_in_a_thousand_is_lost() -> None:
    assert value(range(999), 1, P999) == 998
    assert value(range(998), 2, P999) == math.inf


def test_indicators_say_when_they_are_unsupported_or_unbounded() -> None:
    found = figures(range(1, 501), 0)
    assert found["latency-p99"].value == 495
    assert found["latency-p99"].uncertainty is not None
    assert found["latency-p99-9"].status is Status.INSUFFICIENT_DATA
    assert found["latency-p99-9"].note.en == "500 packets do not support it; 1000 are needed."
    bursty = figures(range(1, 501), 50)
    assert bursty["latency-p95"].status is Status.UNBOUNDED
    assert bursty["latency-p95"].value == math.inf
    assert bursty["latency-p50"].value == 275
    assert bursty["loss-ratio"].value == pytest.approx(50 / 550)


def test_without_packets_there_is_no_figure_at_all() -> None:
    found = figures([], 0)
    assert {i.value for i in found.values()} == {None}
    assert figures([], 5)["latency-p50"].status is Status.UNBOUNDED


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1), Fraction(-1, 2), Fraction(3, 2)])
def test_a_percentile_outside_0_to_100_is_refused(share: Fraction) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentiles(np.arange(10.0), 0, [share])


@given(st.lists(st.floats(0, 1e4), max_size=300), st.integers(0, 50), st.fractions(0.01, 0.99))
@settings(deadline=None)
def test_a_percentile_is_the_smallest_delay_that_enough_packets_do_not_exceed(delays, lost, share) -> None:
    found = percentiles(np.array(delays), lost, [share])[0]
    everything = sorted(delays) + [math.inf] * lost
    if len(everything) < needed(share):
        assert found.value is None
        return
    assert found.value in everything
    assert sum(d <= found.value for d in everything) >= share * len(everything)
    assert sum(d < found.value for d in everything) < share * len(everything)
    assert found.interval[0] <= found.value <= found.interval[1]


def test_the_interval_covers_the_true_percentile_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    truth = -math.log(1 - 0.95)
    hits = 0
    for _ in range(400):
        low, high = percentiles(random.exponential(size=500), 0, [Fraction("0.95")])[0].interval
        hits += low <= truth <= high
    assert 0.93 <= hits / 400 <= 0.995


def test_order_does_not_matter() -> None:
    random = np.random.default_rng(1)
    delays = random.lognormal(size=2000)
    shares = [HALF, P99, P999]
    assert percentiles(delays, 3, shares) == percentiles(np.sort(delays), 3, shares)


@given(st.integers(1, 5000), st.floats(0.001, 0.999), st.sampled_from((0.025, 0.5, 0.975)))
@settings(deadline=None)
def test_binomial_quantiles_agree_with_scipy_stats(count, share, probability) -> None:
    ours, theirs = binomial_quantile(count, share, probability), int(binom.ppf(probability, count, share))
    # Where a probability is met exactly, rounding decides between two neighbours.
    met_exactly = math.isclose(binom.cdf(min(ours, theirs), count, share), probability, rel_tol=1e-9)
    assert ours == theirs or (abs(ours - theirs) == 1 and met_exactly)
