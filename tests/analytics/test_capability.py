"""Capability indices hold against published figures, and their intervals cover what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from analytics.capability import (
    Sample,
    Tolerance,
    Within,
    bissell_interval,
    chi_square_interval,
    degrees,
    indicators,
    single,
    subgrouped,
)
from analytics.chart_constants import d2
from analytics.indicator import Basis, Indicator, Status

BASIS = Basis(scope="cq/first/line/gauge", window=(0, 1))
BOTH = Tolerance(lower=4.0, upper=16.0, target=10.0)


def figures(sample: Sample, tolerance: Tolerance) -> dict[str, Indicator]:
    return {i.id: i for i in indicators(sample, tolerance, BASIS)}


def normal(mean: float = 10.0, sigma: float = 2.0, groups: int = 25, size: int = 5, seed: int = 1):
    return np.random.default_rng(seed).normal(mean, sigma, (groups, size))


def test_the_published_capability_of_part_gaps_holds() -> None:
    # SAS/QC example 18.37.
    sample = Sample(count=105, mean=259 + 2 / 3, s=None, sigma=30.4762 / d2(5), degrees=degrees(Within.RANGE, 21, 5))
    assert round(sample.sigma or 0, 4) == 13.1028
    both = figures(sample, Tolerance(lower=240, upper=270))
    assert round(both["cp"].value or 0, 5) == 0.38160
    assert round(both["cpk"].value or 0, 5) == 0.26288
    upper, lower = figures(sample, Tolerance(upper=270)), figures(sample, Tolerance(lower=240))
    assert round(upper["cpk"].value or 0, 5) == 0.26288
    assert round(lower["cpk"].value or 0, 5) == 0.50032


def test_a_one_sided_tolerance_has_no_cp() -> None:
    found = figures(subgrouped(normal()), Tolerance(upper=16.0, target=10.0))
    assert set(found) == {"cpk", "ppk", "cmk"}
    assert found["cpk"].formula == "cpu"


def test_indices_are_what_their_definitions_say() -> None:
    data = normal(mean=11.0)
    found = figures(subgrouped(data, Within.POOLED), BOTH)
    s, mean = data.std(ddof=1), data.mean()
    sigma = np.sqrt(data.var(axis=1, ddof=1).mean())
    assert found["cp"].value == pytest.approx(12 / (6 * sigma))
    assert found["cpk"].value == pytest.approx((16 - mean) / (3 * sigma))
    assert found["pp"].value == found["cm"].value == pytest.approx(12 / (6 * s))
    assert found["ppk"].value == found["cmk"].value == pytest.approx((16 - mean) / (3 * s))
    assert found["cpm"].value == pytest.approx(12 / (6 * np.hypot(s, mean - 10)))


@pytest.mark.parametrize("within", [Within.RANGE, Within.DEVIATION, Within.POOLED])
def test_every_estimator_finds_the_spread_within_subgroups_only(within: Within) -> None:
    data = normal(groups=4000) + np.repeat(np.random.default_rng(2).normal(0, 5, 4000), 5).reshape(-1, 5)
    sample = subgrouped(data, within)
    assert sample.sigma == pytest.approx(2.0, rel=0.03)
    assert sample.s == pytest.approx(np.hypot(2, 5), rel=0.05)


def test_degrees_of_freedom_are_those_of_the_published_tables() -> None:
    # Duncan, Quality Control and Industrial Statistics, table D3: ν for R̄/d2.
    assert degrees(Within.RANGE, 1, 5) == pytest.approx(3.8, abs=0.1)
    assert degrees(Within.RANGE, 10, 5) == pytest.approx(36.5, abs=0.5)
    assert degrees(Within.RANGE, 20, 4) == pytest.approx(55.3, abs=0.7)
    assert degrees(Within.DEVIATION, 20, 5) < degrees(Within.POOLED, 20, 5) == 80


def test_a_moving_range_knows_less_than_its_number_of_values() -> None:
    random = np.random.default_rng(4)
    sigmas = [single(random.normal(0, 1, 30)).sigma for _ in range(3000)]
    relative = np.std(sigmas) / np.mean(sigmas)
    nu = degrees(Within.MOVING_RANGE, 30, 1)
    assert relative == pytest.approx(1 / np.sqrt(2 * nu), rel=0.05)
    assert nu < 20


@pytest.mark.parametrize("kpi", ["cp", "cpk", "ppk", "cpm"])
def test_intervals_hold_the_true_index_about_as_often_as_they_say(kpi: str) -> None:
    truth = {"cp": 1.0, "cpk": 5 / 6, "ppk": 5 / 6, "cpm": 2 / np.sqrt(5)}[kpi]
    hits = 0
    for seed in range(300):
        low, high = figures(subgrouped(normal(mean=11.0, seed=seed), Within.RANGE), BOTH)[kpi].uncertainty or (0, 0)
        hits += low <= truth <= high
    assert 0.91 <= hits / 300 <= 0.99


def test_intervals_are_those_of_the_textbook() -> None:
    # Montgomery §8.3: n = 20, Ĉp = 2.29 → 1.57 … 3.01; n = 20, Ĉpk = 1.33 → 0.88 … 1.78 (Bissell's is 0.89 … 1.77).
    assert [round(x, 2) for x in chi_square_interval(2.29, 19)] == [1.57, 3.01]
    assert bissell_interval(1.33, 20, 19) == pytest.approx((0.88, 1.78), abs=0.02)
    assert chi_square_interval(1.0, 9, 0.9)[0] == pytest.approx(np.sqrt(chi2.ppf(0.05, 9) / 9))


@given(st.integers(2, 12), st.integers(2, 8), st.floats(-100, 100), st.floats(0.01, 50), st.integers(0, 99))
@settings(deadline=None)
def test_being_off_centre_never_helps(groups, size, shift, half, seed) -> None:
    sample = subgrouped(normal(groups=groups, size=size, seed=seed) + shift)
    found = figures(sample, Tolerance(lower=10 - half, upper=10 + half, target=10))
    k = abs(sample.mean - 10) / half
    assert found["cpk"].value == pytest.approx(found["cp"].value * (1 - k), rel=1e-6, abs=1e-6)
    assert found["ppk"].value <= found["pp"].value * (1 + 1e-12)
    assert found["cpm"].value <= found["pp"].value * (1 + 1e-12)


@pytest.mark.parametrize("sample", [single([]), single([1.0]), single([2.0, 2.0, 2.0]), subgrouped([[3.0, 3.0]])])
def test_what_does_not_vary_has_no_index(sample: Sample) -> None:
    found = indicators(sample, BOTH, BASIS)
    assert len(found) == 7
    assert {(i.value, i.uncertainty) for i in found if i.id != "cpm"} == {(None, None)}
    assert {i.status for i in found if i.id != "cpm"} == {Status.INSUFFICIENT_DATA}


def test_the_effective_degrees_of_freedom_are_shown_with_the_estimate() -> None:
    found = figures(subgrouped(normal(), Within.RANGE), BOTH)["cp"]
    assert found.inputs["SIGMA"].origin.en.startswith("r-bar/d2, ν = 90.")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Tolerance(target=1.0), "at least one"),
        (lambda: Tolerance(lower=2.0, upper=2.0), "below"),
        (lambda: Tolerance(lower=float("nan")), "finite"),
        (lambda: subgrouped([[1.0], [2.0]]), "at least two"),
        (lambda: subgrouped([[1.0, 2.0]], Within.MOVING_RANGE), "single values"),
        (lambda: single([[1.0, 2.0]]), "one column"),
        (lambda: single([1.0, float("inf")]), "finite"),
    ],
)
def test_input_that_makes_no_sense_is_refused(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()
