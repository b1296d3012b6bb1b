"""Records are judged by when they could be seen and by whether they were true."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.indicator import Basis, Status
from analytics.material import CycleCounts, accuracy, cycle_counts, real_time_rate, visible_after
from analytics.steps import steps
from plant.batch import BatchBuilder
from plant.clock import SECOND
from plant.quality import Quality
from tests.analytics.signals import PATH, samples, window

BASIS = Basis(scope="cq/shop/store/rack", window=(0, 1))


def test_an_event_that_never_showed_is_too_late() -> None:
    found = real_time_rate(np.array([0.5, 2.0, 2.1, math.inf]), 2.0, BASIS)
    assert found.value == 0.5
    assert found.uncertainty == pytest.approx((0.0676, 0.9324), abs=1e-4)
    assert found.inputs["EVV"].origin.en == "visible within 2 s"


def test_delay_is_from_the_event_to_its_arrival_where_clocks_agree() -> None:
    builder = BatchBuilder()
    for time, received, quality in ((10, 11, 0), (20, 19, 0), (30, 31, int(Quality.BAD))):
        builder.add(PATH, time * SECOND, "in", received=received * SECOND, quality=quality)
    delay = visible_after(builder.build())
    assert delay[0] == 1.0
    assert np.isnan(delay[1:]).all()


def test_events_that_were_not_measured_lower_the_coverage() -> None:
    delay = np.array([0.1] * 8 + [math.nan] * 2)
    assert real_time_rate(delay, 1.0, BASIS).status is Status.INSUFFICIENT_DATA
    assert real_time_rate(delay[:9], 1.0, Basis(scope="s", window=(0, 1), min_coverage=0.8)).value == 1.0
    assert real_time_rate(np.zeros(0), 1.0, BASIS).value is None


def test_a_record_is_compared_with_the_count_at_the_moment_of_the_count() -> None:
    batch = samples([(0, 10), (50, 8)])
    stock = steps(batch, window(0, 100), max_gap=None)
    moments = np.array([10, 60, 70], np.int64) * SECOND
    found = cycle_counts(stock, batch.numbers, moments, np.array([10.0, 8.0, 6.0]))
    assert found.recorded.tolist() == [10, 8, 8]
    right, off = accuracy(found, BASIS)
    assert right.value == pytest.approx(2 / 3)
    assert off.value == pytest.approx(2 / 24)
    assert accuracy(found, BASIS, tolerance=2.0)[0].value == 1.0


def test_a_count_that_no_record_stands_against_is_no_match_and_no_miss() -> None:
    empty = samples([])
    nothing = cycle_counts(steps(empty, window(0, 9), max_gap=None), empty.numbers, np.array([1]), np.array([5.0]))
    assert {i.status for i in accuracy(nothing, BASIS)} == {Status.INSUFFICIENT_DATA}


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=60), st.floats(0, 10))
@settings(deadline=None)
def test_a_wider_tolerance_never_makes_records_less_true(rows, tolerance) -> None:
    counts = CycleCounts(*(np.array(column, float) for column in zip(*rows, strict=True)))
    strict_, wide = accuracy(counts, BASIS)[0], accuracy(counts, BASIS, tolerance=tolerance)[0]
    assert strict_.value <= wide.value
    assert wide.uncertainty[0] <= wide.value <= wide.uncertainty[1]


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="agreed time"):
        real_time_rate(np.zeros(1), 0.0, BASIS)
    with pytest.raises(ValueError, match="2 records but 1"):
        CycleCounts(np.zeros(2), np.zeros(1))
    with pytest.raises(ValueError, match="at least 0"):
        CycleCounts(np.zeros(1), np.array([-1.0]))
    with pytest.raises(ValueError, match="tolerance"):
        accuracy(CycleCounts(np.zeros(1), np.zeros(1)), BASIS, tolerance=-1)
