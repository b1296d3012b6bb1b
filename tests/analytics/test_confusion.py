"""Wrong judgements are counted apart by kind, and a sample shows no more than it can."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from analytics.confusion import Confusion, class_table, confusion, demonstrate, indicators
from analytics.indicator import Basis, Status
from analytics.intervals import clopper_pearson, trials_needed, upper_bound

BASIS = Basis(scope="cq/first/line/camera", window=(0, 1))


def test_misses_and_false_alarms_are_told_apart() -> None:
    is_good = np.array([1, 1, 1, 1, 0, 0, 0], bool)
    judged = np.array([1, 1, 1, 0, 0, 1, 1], bool)
    found = confusion(is_good, judged)
    assert found == Confusion(true_accept=3, false_accept=2, true_reject=1, false_reject=1)
    rates = {i.id: i.value for i in indicators(found, BASIS)}
    assert rates == pytest.approx({"misjudgement-rate": 3 / 7, "false-accept-rate": 2 / 3, "false-reject-rate": 1 / 4})


def test_a_rate_without_pieces_of_its_kind_has_no_value() -> None:
    found = {i.id: i for i in indicators(Confusion(true_accept=10), BASIS)}
    assert found["misjudgement-rate"].value == 0
    assert found["misjudgement-rate"].uncertainty == pytest.approx((0, 0.30850), abs=1e-5)
    assert found["false-accept-rate"].status is Status.INSUFFICIENT_DATA
    assert all(i.value is None for i in indicators(Confusion(), BASIS))


def test_one_defect_taken_for_another_is_still_a_rejected_bad_piece() -> None:
    table = class_table(["ok", "burr", "burr", "crack"], ["ok", "crack", "burr", "ok"])
    assert table.classes == ("burr", "crack", "ok")
    assert table.pieces.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert table.binary({"ok"}) == Confusion(true_accept=1, false_accept=1, true_reject=2)


def test_below_one_in_ten_thousand_takes_29956_pieces_without_an_error() -> None:
    assert trials_needed(1e-4) == 29956
    assert not demonstrate(0, 29955, 1e-4).shown
    assert demonstrate(0, 29956, 1e-4).shown
    assert demonstrate(0, 10_000, 1e-4).needed == 29956
    # One error more takes half as many pieces again.
    assert demonstrate(1, 29956, 1e-4).needed == 47437
    assert not demonstrate(0, 0, 1e-4).shown


@given(st.integers(0, 3000), st.integers(1, 3000), st.sampled_from((0.9, 0.95, 0.99)))
@settings(deadline=None)
def test_intervals_agree_with_scipy(found, trials, confidence) -> None:
    found = min(found, trials)
    theirs = binomtest(found, trials).proportion_ci(confidence, "exact")
    ours = clopper_pearson(found, trials, confidence=confidence)
    assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


@given(st.floats(1e-4, 0.5), st.integers(0, 20))
@settings(deadline=None)
def test_the_trials_needed_are_the_fewest_that_show_it(limit, found) -> None:
    needed = trials_needed(limit, found=found)
    assert upper_bound(found, needed) < limit
    assert needed == 1 or found >= needed or upper_bound(found, needed - 1) >= limit


@given(*[st.lists(st.booleans(), max_size=30)] * 2)
def test_matrices_of_parts_add_up_to_the_matrix_of_the_whole(truth, judged) -> None:
    size = min(len(truth), len(judged))
    a, b = np.array(truth[:size], bool), np.array(judged[:size], bool)
    half = size // 2
    assert confusion(a[:half], b[:half]) + confusion(a[half:], b[half:]) == confusion(a, b)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="3 references but 2 judgements"):
        confusion(np.ones(3, bool), np.ones(2, bool))
    with pytest.raises(ValueError, match="1 references but 0"):
        class_table(["ok"], [])
    with pytest.raises(ValueError, match="below zero"):
        Confusion(true_accept=-1)
    with pytest.raises(ValueError, match="5 of 4"):
        clopper_pearson(5, 4)
    with pytest.raises(ValueError, match="limit"):
        trials_needed(0.0)
    with pytest.raises(ValueError, match="confidence"):
        upper_bound(0, 4, confidence=1.0)
