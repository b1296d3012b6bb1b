"""A small Monte Carlo on every run: wrong acceptance stays rare, and true gains are seen. `bench` has the large one.

Drawn with fixed seeds, so the counts are the same everywhere; the limits leave room for what
this few comparisons can be off by.
"""

from __future__ import annotations

import numpy as np
import pytest

from analytics.acceptance import Verdict
from tests.analytics.acceptance import asked, held, noisy, rates, window

COMPARISONS = 300


def met(bound: float, gain: float, *, shifts: int, spread: float, correlated: float = 0.0) -> float:
    """Return the share of comparisons that are met when the improved side is truly better by `gain`."""
    config = asked(value=bound)
    count = 0
    for seed in range(COMPARISONS):
        improved, baseline = (
            rates(noisy(mean, windows=shifts, spread=spread, seed=2 * seed + n, correlated=correlated))
            for n, mean in enumerate((100 * (1 + gain), 100.0))
        )
        count += held(config, improved, baseline, resamples=200).verdict is Verdict.MET
    return count / COMPARISONS


@pytest.mark.parametrize("shifts", [3, 5, 10, 20])
@pytest.mark.parametrize("correlated", [0.0, 0.3])
def test_a_baseline_against_a_baseline_is_hardly_ever_met(shifts: int, correlated: float) -> None:
    assert met(0.05, 0.0, shifts=shifts, spread=0.05, correlated=correlated) <= 0.02


@pytest.mark.parametrize("shifts", [3, 5, 10, 20])
def test_a_gain_exactly_at_its_bound_is_rarely_met(shifts: int) -> None:
    assert met(0.2, 0.2, shifts=shifts, spread=0.05) <= 0.05


@pytest.mark.parametrize(("shifts", "least"), [(3, 0.6), (5, 0.95), (10, 0.99), (20, 0.99)])
def test_a_gain_of_thirty_per_cent_against_twenty_is_seen_on_a_steady_line(shifts: int, least: float) -> None:
    assert met(0.2, 0.3, shifts=shifts, spread=0.02) >= least


def test_more_shifts_see_more_of_a_gain_on_a_restless_line() -> None:
    few, some, many = (met(0.1, 0.2, shifts=n, spread=0.05) for n in (3, 8, 20))
    assert few < some < many


def test_a_proportion_at_its_bound_is_rarely_met_even_in_clusters() -> None:
    config = asked(kind="absolute", value=0.95, statistic="proportion", minimum={})
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(COMPARISONS):
        shares = random.beta(0.95 * 100, 0.05 * 100, 5)
        found = random.binomial(400, shares)
        wrong += held(config, [window(trials=(int(k), 400)) for k in found]).verdict is Verdict.MET
    assert wrong / COMPARISONS <= 0.06
