"""What is worth recording, and what is marked, follows from the tag's declaration alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.filters import Filters
from plant.batch import Batch, BatchBuilder
from plant.clock import SECOND
from plant.quality import Quality
from plant.tags import Kind, Tag

PATH = "s/a/l/d/x"


def tag(**options) -> Tag:
    return Tag(path=PATH, kind=Kind.ANALOG, **options)


def batch(*rows: tuple[float, float] | tuple[float, float, int]) -> Batch:
    builder = BatchBuilder()
    for seconds, value, *quality in rows:
        time = round(seconds * SECOND)
        builder.add(PATH, time, value, received=time, quality=quality[0] if quality else 0)
    return builder.build()


def values(result: Batch) -> list[float]:
    return result.numbers.tolist()


def test_a_value_out_of_range_is_kept_and_marked_uncertain() -> None:
    result = Filters([tag(low=0, high=10)])(batch((0, -1), (1, 0), (2, 10), (3, 10.5)))
    assert values(result) == [-1, 0, 10, 10.5]
    out = Quality.UNCERTAIN_OUT_OF_RANGE
    assert result.quality.tolist() == [out, 0, 0, out]


def test_a_bad_value_out_of_range_stays_bad() -> None:
    result = Filters([tag(low=0)])(batch((0, -1, Quality.BAD_SENSOR_FAILURE)))
    assert result.quality.tolist() == [Quality.BAD_SENSOR_FAILURE]


def test_a_change_below_the_deadband_is_left_out() -> None:
    result = Filters([tag(deadband=1.0)])(batch((0, 5), (1, 5.9), (2, 6.0), (3, 6.5), (4, 4.0)))
    assert values(result) == [5, 6.0, 4.0]


def test_a_drift_in_small_steps_is_seen_once_it_adds_up() -> None:
    rows = [(i * 0.1, i * 0.4) for i in range(10)]
    assert values(Filters([tag(deadband=1.0)])(batch(*rows))) == [0.0, 0.4 * 3, 0.4 * 6, 0.4 * 9]


def test_a_steady_value_is_repeated_before_it_would_look_stale() -> None:
    result = Filters([tag(deadband=1.0, stale_after=10)])(batch(*[(t, 5) for t in range(12)]))
    assert (result.time // SECOND).tolist() == [0, 5, 10]


def test_samples_come_no_faster_than_the_shortest_interval() -> None:
    result = Filters([tag(min_interval=1.0)])(batch((0, 1), (0.4, 2), (0.9, 3), (1.0, 4), (1.5, 5)))
    assert values(result) == [1, 4]


def test_a_change_of_quality_is_never_hidden() -> None:
    bad = Quality.BAD_SENSOR_FAILURE
    result = Filters([tag(deadband=1.0, min_interval=5)])(batch((0, 5), (0.1, 5, bad), (0.2, 5, bad), (0.3, 5)))
    assert result.quality.tolist() == [0, bad, 0]


def test_a_value_that_is_not_a_number_passes() -> None:
    result = Filters([tag(deadband=1.0)])(batch((0, 5), (0.1, float("nan"))))
    assert len(result) == 2


def test_tags_without_filters_pass_untouched() -> None:
    given_batch = batch((0, 5), (0, 5))
    assert Filters([tag()])(given_batch) is given_batch
    assert Filters([])(given_batch) is given_batch


@given(st.lists(st.floats(-10, 10), max_size=40), st.floats(0.1, 5), st.integers(0, 40))
def test_splitting_a_batch_changes_nothing(series: list[float], deadband: float, cut: int) -> None:
    rows = [(i * 0.3, v) for i, v in enumerate(series)]
    whole = Filters([tag(deadband=deadband)])(batch(*rows))
    filters = Filters([tag(deadband=deadband)])
    parts = [filters(batch(*rows[:cut])), filters(batch(*rows[cut:]))]
    assert values(whole) == [v for part in parts for v in values(part)]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40), st.floats(0.1, 5))
def test_what_is_left_out_was_never_a_deadband_away_from_what_was_kept(series: list[float], deadband: float) -> None:
    kept = values(Filters([tag(deadband=deadband, stale_after=1e6)])(batch(*[(i, v) for i, v in enumerate(series)])))
    last, rest = kept[0], kept[1:]
    for value in series:
        if rest and value == rest[0] and abs(value - last) >= deadband:
            last = rest.pop(0)
        assert abs(value - last) < deadband or value == last
    assert not rest
