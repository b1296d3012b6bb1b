"""Constants reproduce the standard's tables, charts the published limits, rules the published patterns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.chart_constants import c4, d2, d3
from analytics.indicator import Basis
from analytics.runs import NELSON, RULE_TEXTS, WESTERN_ELECTRIC, signals
from analytics.spc import Chart, Limits, averages, counted, indicators, individuals, plot
from configs.alarms import RunRule

BASIS = Basis(scope="cq/first/line/gauge", window=(0, 1))

# n: d2, d3, c4 as ISO 7870-2 and Montgomery (appendix VI) print them.
PRINTED = {
    2: (1.128, 0.853, 0.7979),
    3: (1.693, 0.888, 0.8862),
    4: (2.059, 0.880, 0.9213),
    5: (2.326, 0.864, 0.9400),
    7: (2.704, 0.833, 0.9594),
    10: (3.078, 0.797, 0.9727),
    15: (3.472, 0.756, 0.9823),
    25: (3.931, 0.708, 0.9896),
}


@pytest.mark.parametrize("size", PRINTED)
def test_computed_constants_are_those_of_the_printed_tables(size: int) -> None:
    assert (round(d2(size), 3), round(d3(size), 3), round(c4(size), 4)) == PRINTED[size]


def test_constants_of_impossible_samples_are_refused() -> None:
    for constant in (d2, d3, c4):
        with pytest.raises(ValueError, match="samples of 1"):
            constant(1)
    with pytest.raises(ValueError, match="samples of 26"):
        d2(26)
    assert c4(1000) == pytest.approx(1 - 1 / 3996, abs=1e-6)


def test_the_published_limits_of_part_gaps_hold() -> None:
    # SAS/QC example 18.37: n = 5, mean 259.667, that is 259 2/3, R̄ = 30.4762.
    sigma = 30.4762 / d2(5)
    centre, deviation = Limits(Chart.AVERAGE, 259 + 2 / 3, sigma, 5, 21).line(np.array([5.0]))
    assert round(float(centre[0] - 3 * deviation[0]), 3) == 242.087
    assert round(float(centre[0] + 3 * deviation[0]), 3) == 277.246
    ranges, spread = Limits(Chart.RANGE, 30.4762, sigma, 5, 21).line(np.array([5.0]))
    assert round(float(ranges[0] + 3 * spread[0]), 4) == 64.4419


def test_limits_of_averages_and_ranges_follow_from_the_data() -> None:
    data = np.array([[1.0, 3.0], [2.0, 6.0]])
    average, ranges = averages(data)
    assert (average.mean, ranges.mean) == (3.0, 3.0)
    assert average.sigma == pytest.approx(3 / 1.128379)
    shown = plot(average, data)
    assert shown.value.tolist() == [2.0, 4.0]
    assert shown.upper[0] == pytest.approx(3 + 1.880 * 3, abs=1e-3)  # A2 = 1.880
    spread = plot(ranges, data)
    assert (spread.lower[0], spread.upper[0]) == (0.0, pytest.approx(3.267 * 3, abs=1e-2))  # D4 = 3.267


def test_limits_of_averages_and_deviations_use_c4() -> None:
    data = np.random.default_rng(3).normal(10, 2, (50, 5))
    average, deviations = averages(data, spread=Chart.DEVIATION)
    within = data.std(axis=1, ddof=1).mean()
    assert plot(average, data).upper[0] == pytest.approx(data.mean() + 1.427 * within, abs=1e-3)  # A3
    assert plot(deviations, data).upper[0] == pytest.approx(2.089 * within, abs=1e-3)  # B4


def test_single_values_are_charted_with_their_moving_ranges() -> None:
    # For moving ranges of two: 3 / d2 = 2.659, D4 = 3.267.
    values = [10.0, 12.0, 11.0, 15.0]
    single, moving = individuals(values)
    span = (2 + 1 + 4) / 3
    assert plot(single, values).upper[0] == pytest.approx(12 + 2.659 * span, abs=2e-3)
    assert plot(moving, values).upper[0] == pytest.approx(3.267 * span, abs=2e-3)
    assert plot(moving, values).value.tolist() == [2.0, 1.0, 4.0]


def test_shares_have_limits_of_their_own_for_every_subgroup_size() -> None:
    found, sizes = [4, 10, 8], [100, 400, 100]
    limits = counted(Chart.FRACTION, found, sizes)
    shown = plot(limits, found, sizes)
    mean = 22 / 600
    assert limits.mean == pytest.approx(mean)
    assert shown.upper.tolist() == pytest.approx([mean + 3 * np.sqrt(mean * (1 - mean) / n) for n in sizes])
    assert shown.lower[0] == 0.0
    assert shown.lower[1] == pytest.approx(mean - 3 * np.sqrt(mean * (1 - mean) / 400))
    rates = plot(counted(Chart.RATE, found, sizes), found, sizes)
    assert rates.upper.tolist() == pytest.approx([mean + 3 * np.sqrt(mean / n) for n in sizes])


def test_numbers_and_counts_have_constant_limits() -> None:
    numbers = plot(counted(Chart.NUMBER, [4, 6], 100), [4, 6])
    assert numbers.upper[0] == pytest.approx(5 + 3 * np.sqrt(5 * 0.95))
    counts = plot(counted(Chart.COUNT, [14, 18]), [14, 18])
    assert (counts.lower[0], counts.upper[0]) == (4.0, 28.0)


def test_limits_that_were_learned_do_not_move_with_new_data() -> None:
    average, _ = averages(np.random.default_rng(1).normal(0, 1, (30, 4)))
    shown = plot(average, np.random.default_rng(2).normal(5, 1, (10, 4)))
    assert shown.centre[0] == average.mean
    assert {s.rule for s in signals(shown.distance)} >= {RunRule.WE_1, RunRule.WE_4}
    with pytest.raises(AttributeError):
        average.mean = 5.0  # type: ignore[misc]


def test_limits_are_figures_with_their_origin() -> None:
    found = {i.key: i for i in indicators(averages([[1.0, 3.0], [2.0, 6.0]])[0], BASIS)}
    upper = found["cq/first/line/gauge#chart=x-bar:control-upper"]
    assert upper.value == pytest.approx(3 + 1.880 * 3, abs=1e-3)
    assert upper.inputs["CL"].origin.en == "learned from 2 subgroups"
    assert [i.id for i in indicators(counted(Chart.COUNT, [1, 1]), BASIS)] == ["control-centre", "control-upper"]
    varying = indicators(counted(Chart.FRACTION, [1, 2], [10, 20]), BASIS)
    assert [(i.id, i.value) for i in varying] == [("control-centre", 0.1)]


@pytest.mark.parametrize(
    ("rule", "points", "expected"),
    [
        (RunRule.WE_1, [0, 3.1, 3.0, -3.1], [(1, (1,)), (3, (3,))]),
        (RunRule.WE_2, [2.1, 0, 2.2, 0, 0, 2.3], [(2, (0, 2))]),
        (RunRule.NELSON_5, [-2.1, 2.1, -2.1], [(2, (0, 2))]),
        (RunRule.WE_3, [1.1, 1.2, 0, 1.3, 1.4, 0.5], [(4, (0, 1, 3, 4))]),
        (RunRule.NELSON_6, [-1.1] * 4, [(3, (0, 1, 2, 3))]),
        (RunRule.WE_4, [0.1] * 8, [(7, tuple(range(8)))]),
        (RunRule.NELSON_2, [-0.1] * 9, [(8, tuple(range(9)))]),
        (RunRule.NELSON_2, [-0.1] * 8 + [0.1], []),
        (RunRule.NELSON_3, [0, 0.1, 0.2, 0.3, 0.4, 0.5], [(5, tuple(range(6)))]),
        (RunRule.NELSON_3, [0.5, 0.4, 0.3, 0.3, 0.2, 0.1, 0.0], []),
        (RunRule.NELSON_4, [0.1, -0.1] * 7, [(13, tuple(range(14)))]),
        (RunRule.NELSON_4, [0.1, -0.1] * 6 + [0.1], []),
        (RunRule.NELSON_7, [0.9, -0.9, 0.1] * 5, [(14, tuple(range(15)))]),
        (RunRule.NELSON_8, [1.1, -1.1] * 4, [(7, tuple(range(8)))]),
        (RunRule.NELSON_8, [1.1] * 8, []),
    ],
)
def test_each_rule_names_the_points_that_meet_it(rule: RunRule, points, expected) -> None:
    assert [(s.at, s.points) for s in signals(np.array(points, float), [rule])] == expected


def test_every_rule_says_in_words_what_it_is() -> None:
    assert set(RULE_TEXTS) == set(RunRule) == {*WESTERN_ELECTRIC, *NELSON}
    assert len(NELSON) == 8


def test_a_stable_process_rarely_breaks_the_first_rule() -> None:
    data = np.random.default_rng(5).normal(0, 1, 20_000)
    beyond = signals(data, [RunRule.NELSON_1])
    assert len(beyond) / len(data) == pytest.approx(0.0027, abs=0.0012)


distances = arrays(np.float64, st.integers(0, 60), elements=st.floats(-4, 4, width=32))


@given(distances)
@settings(deadline=None)
def test_mirrored_data_breaks_the_same_rules_at_the_same_points(z) -> None:
    def where(points):
        return sorted((s.at, s.rule, s.points) for s in signals(points, RunRule))

    assert where(z) == where(-z)


@given(distances, st.integers(0, 60))
@settings(deadline=None)
def test_what_has_been_signalled_does_not_change_when_more_points_come(z, cut) -> None:
    early = signals(z[:cut], RunRule)
    assert [s for s in signals(z, RunRule) if s.at < cut] == early


@given(distances)
@settings(deadline=None)
def test_a_signal_is_raised_at_the_last_of_its_points(z) -> None:
    for signal in signals(z, RunRule):
        assert signal.points[-1] == signal.at
        assert list(signal.points) == sorted(set(signal.points))


@given(arrays(np.float64, (8, 4), elements=st.floats(-1e3, 1e3)), st.floats(-1e3, 1e3), st.floats(0.1, 10))
@settings(deadline=None)
def test_distances_do_not_depend_on_unit_and_zero_of_the_measurement(data, shift, scale) -> None:
    if np.ptp(data) < 1e-3 or np.ptp(data, axis=1).mean() < 1e-3:
        return
    for one, other in zip(averages(data), averages(data * scale + shift), strict=True):
        moved = plot(other, data * scale + shift)
        assert plot(one, data).distance == pytest.approx(moved.distance, rel=1e-5, abs=1e-5)


def test_points_of_a_process_that_never_varied_lie_on_the_line_or_infinitely_far_off() -> None:
    limits = counted(Chart.FRACTION, [0, 0], 50)
    assert plot(limits, [0, 1]).distance.tolist() == [0.0, np.inf]
    assert [s.at for s in signals(plot(limits, [0, 1, 1]).distance, RunRule) if s.rule is RunRule.WE_1] == [1, 2]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: individuals([1.0]), "at least 2"),
        (lambda: individuals([1.0, float("nan")]), "finite"),
        (lambda: averages([[1.0], [2.0]]), "at least two"),
        (lambda: averages([]), "at least two"),
        (lambda: averages([[1.0, 2.0]], spread=Chart.COUNT), "not c"),
        (lambda: averages(np.zeros((2, 26))), "standard deviations"),
        (lambda: plot(averages([[1.0, 2.0]])[0], [[1.0, 2.0, 3.0]]), "subgroups of 2"),
        (lambda: counted(Chart.FRACTION, [5], 4), "more pieces"),
        (lambda: counted(Chart.RATE, [5], 0), "more than 0"),
        (lambda: counted(Chart.COUNT, [5, 6], [1, 2]), "u chart"),
        (lambda: counted(Chart.RANGE, [5]), "not a chart of counts"),
        (lambda: plot(counted(Chart.RATE, [1, 2], [3, 4]), [1]), "sizes are needed"),
    ],
)
def test_data_that_makes_no_chart_is_refused(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()
