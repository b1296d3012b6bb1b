"""Conditions mark what they see, delays decide what lasts, and batches leave no trace."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.alarms.conditions import InState, Limit, OutOfControl, Rate, Side, Silent, figure_marks
from analytics.alarms.detection import Delays, Detector, detect
from analytics.alarms.states import Do
from analytics.formulas import FORMULAS
from analytics.indicator import Basis, report
from analytics.runs import NELSON
from analytics.spc import averages, individuals
from plant.clock import SECOND
from plant.packml import PackState
from tests.analytics.signals import BAD, counter_rows, samples, window

SPAN = window(0, 100)
HOT = Limit(side=Side.ABOVE, limit=80.0, hysteresis=2.0)


def marks(condition, *rows, span=SPAN) -> list[tuple[float, int]]:
    time, mark = condition.marks(samples(rows), span)
    return [(t / SECOND, int(m)) for t, m in zip(time.tolist(), mark.tolist(), strict=True)]


def transitions(found, *, now: float = 100, on: float = 0, off: float = 0) -> list[tuple[float, Do]]:
    _, actions = detect(Detector(), found, round(now * SECOND), delays=Delays(on, off))
    return [(a.time / SECOND, a.do) for a in actions]


def test_a_limit_is_over_only_beyond_its_hysteresis_and_bad_data_says_nothing() -> None:
    rows = [(0, 70.0), (1, 80.1), (2, 79.0), (3, 99.0, BAD), (4, 77.9), (5, float("nan"))]
    assert marks(HOT, *rows) == [(0, -1), (1, 1), (2, 0), (3, 0), (4, -1), (5, 0)]
    cold = Limit(side=Side.BELOW, limit=5.0)
    assert marks(cold, (0, 5.0), (1, 4.9), (2, 5.1)) == [(0, -1), (1, 1), (2, -1)]


def test_only_marks_of_the_span_are_given() -> None:
    assert marks(HOT, (0, 90.0), (10, 90.0), (20, 90.0), span=window(10, 20)) == [(10, 1)]


def test_a_rate_is_measured_back_over_its_time_in_either_direction() -> None:
    fast = Rate(per_second=2.0, over=10.0)
    rows = [(0, 0.0), (5, 5.0), (10, 30.0), (15, 30.0), (16, 0.0)]
    # 10 s: 30/10, 15 s: 25/10 against 5 s, 16 s: -30/6
    assert marks(fast, *rows) == [(0, 0), (5, -1), (10, 1), (15, 1), (16, 1)]
    assert marks(fast, (0, 0.0), (50, 500.0)) == [(0, 0), (50, 0)]


def test_a_machine_in_one_of_the_states_marks_and_an_unknown_state_says_nothing() -> None:
    broken = InState(states={PackState.HELD, PackState.ABORTED})
    rows = [(0, int(PackState.EXECUTE)), (10, int(PackState.HELD)), (20, 99), (30, int(PackState.IDLE))]
    assert marks(broken, *rows) == [(0, -1), (10, 1), (20, 0), (30, -1)]


def test_silence_is_marked_when_it_has_lasted_too_long() -> None:
    quiet = Silent(after=10.0)
    assert marks(quiet, (0, 1), (5, 1), (30, 1), (35, 1, BAD)) == [(0, -1), (5, -1), (15, 1), (30, -1), (40, 1)]
    assert marks(quiet) == [(10, 1)]
    assert marks(quiet, (95, 1))[-1] == (95, -1)


def test_a_control_chart_marks_the_points_that_break_its_rules() -> None:
    limits = individuals([10, 11, 10, 9, 10, 11, 9, 10])[0]
    condition = OutOfControl(limits=limits, rules=NELSON)
    found = marks(condition, *[(n, v) for n, v in enumerate((10.0, 30.0, 10.0, 9.9))])
    assert found == [(0, -1), (1, 1), (2, -1), (3, -1)]
    assert marks(condition) == []
    with pytest.raises(ValueError, match="individuals"):
        OutOfControl(limits=averages([[1.0, 2.0]])[0])


def test_a_figure_without_a_value_neither_raises_nor_clears() -> None:
    low = Limit(side=Side.BELOW, limit=0.6)
    values = (0.5, None, 0.7, 0.55)
    figures = [
        report(FORMULAS["oee"], value, {}, Basis(scope="s", window=window(n, n + 1))) for n, value in enumerate(values)
    ]
    time, mark = figure_marks(low, figures)
    assert (time // SECOND).tolist() == [1, 2, 3, 4]
    assert mark.tolist() == [1, 0, -1, 1]
    late = report(FORMULAS["latency-p99"], float("inf"), {}, Basis(scope="s", window=window(0, 1)))
    assert figure_marks(Limit(side=Side.ABOVE, limit=50.0), [late])[1].tolist() == [1]


def test_a_condition_must_outlast_its_delays() -> None:
    rows = [(0, 0.0), (10, 90.0), (14, 0.0), (20, 90.0), (40, 0.0), (43, 90.0), (60, 0.0)]
    found = HOT.marks(samples(rows), SPAN)
    assert transitions(found, on=5, off=10) == [(25, Do.RAISE), (70, Do.CLEAR)]
    assert transitions(found, now=24, on=5, off=10) == []
    assert len(transitions(found)) == 6
    # It ends at the very instant the delay is over: it has not outlasted it.
    assert transitions(HOT.marks(samples([(0, 90.0), (5, 0.0)]), SPAN), on=5) == []


marks_ = st.lists(st.tuples(st.integers(0, 100), st.sampled_from((-1, 0, 1))), max_size=30)


@given(marks_, st.lists(st.integers(0, 100), max_size=5), st.integers(0, 20), st.integers(0, 20))
@settings(deadline=None)
def test_any_division_into_batches_detects_the_same(rows, cuts, on, off) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    time, mark = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
    time, delays = time * SECOND, Delays(on, off)
    _, whole = detect(Detector(), (time, mark.astype(np.int8)), 101 * SECOND, delays=delays)
    memory, pieces = Detector(), []
    edges = [0, *sorted(cuts), 101]
    for start, stop in itertools.pairwise(edges):
        inside = (time >= start * SECOND) & (time < stop * SECOND)
        memory, actions = detect(memory, (time[inside], mark[inside].astype(np.int8)), stop * SECOND, delays=delays)
        pieces += actions
    assert tuple(pieces) == whole
    assert [a.do for a in whole] == [Do.RAISE if n % 2 == 0 else Do.CLEAR for n in range(len(whole))]
    assert [a.time for a in whole] == sorted(a.time for a in whole)


@given(counter_rows, st.integers(1, 99), st.sampled_from((Silent(after=7.0), HOT, Rate(per_second=3.0, over=9.0))))
@settings(deadline=None)
def test_marks_of_a_span_are_those_of_its_parts_given_the_look_back(rows, cut, condition) -> None:
    batch = samples(sorted(rows, key=lambda row: row[0]))

    def at(span) -> list[tuple[int, int]]:
        time, mark = condition.marks(batch, span)
        return list(zip(time.tolist(), mark.tolist(), strict=True))

    first = [] if not len(batch) else at(window(0, cut))
    second = [] if not len(batch) else at(window(cut, 101))
    whole = [] if not len(batch) else at(window(0, 101))
    usable_before = any(r[0] < cut and r[2] != BAD for r in rows)
    if usable_before or not isinstance(condition, Silent):
        assert first + second == whole


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Limit(side=Side.ABOVE, limit=float("nan")), "finite"),
        (lambda: Limit(side=Side.ABOVE, limit=1.0, hysteresis=-1.0), "hysteresis"),
        (lambda: Rate(per_second=0.0, over=1.0), "more than 0"),
        (lambda: Silent(after=0.0), "more than 0"),
        (lambda: Delays(on=-1.0), "at least 0"),
        (
            lambda: detect(Detector(), (np.array([2, 1]), np.array([1, 1], np.int8)), 3, delays=Delays()),
            "order of time",
        ),
    ],
)
def test_impossible_conditions_are_refused(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()
