"""What lines make, on plants small enough to count by hand."""

from __future__ import annotations

from datetime import time

import pytest

from analytics.indicator import Flag, Status
from analytics.measures.measurement import Part, Trials
from plant.calendar import ShiftCalendar, ShiftPattern
from plant.tags import Role
from plant.text import Text
from tests.analytics.scenery import Plant, every
from tests.analytics.signals import BAD, UNCERTAIN

HOUR = 3600.0


def counting(count: int = 101, step: float = 36.0, **more) -> Plant:
    """One press that makes a good part every 36 s, a hundred in an hour."""
    return Plant().device("press", {Role.GOOD_COUNT: every(step, range(count))}, stale_after=60, **more)


# ----------------------------------------------------------------------------- production rate
def test_good_parts_over_planned_hours() -> None:
    found = counting().measure("production-rate", 0, HOUR)
    assert found.indicator.value == pytest.approx(99.0)  # the hundredth is read when the hour is over
    assert found.parts == {"": Part(99.0, 1.0)}
    assert (found.indicator.unit, found.indicator.status) == ("{part}/h", Status.OK)


def test_time_that_is_not_known_leaves_with_the_parts_made_in_it() -> None:
    """Silent from 720 s to 1440 s: twenty parts whose time is not known, and 660 s of it."""
    rows = [row for row in every(36.0, range(101)) if not 720 < row[0] < 1440]
    found = Plant().device("press", {Role.GOOD_COUNT: rows}, stale_after=60).measure("production-rate", 0, HOUR)
    assert found.whole == (pytest.approx(79.0), pytest.approx((3600 - 660) / 3600))
    assert found.indicator.coverage == pytest.approx(1 - 660 / 3600)
    assert found.indicator.status is Status.INSUFFICIENT_DATA  # less than nine tenths
    assert found.indicator.value is None


def test_a_short_gap_is_left_out_of_both_sides_and_said() -> None:
    rows = [row for row in every(36.0, range(101)) if not 720 < row[0] < 828]
    found = Plant().device("press", {Role.GOOD_COUNT: rows}, stale_after=60).measure("production-rate", 0, HOUR)
    assert found.indicator.value == pytest.approx(96 / (3600 - 48) * 3600)
    assert {Flag.PARTLY_UNKNOWN, Flag.UNCOUNTED_PARTS} <= set(found.indicator.flags)


def test_only_planned_time_counts() -> None:
    shift = ShiftPattern(
        id="s",
        name=Text(),
        start=time(0),
        stop=time(1),
        weekdays=frozenset(range(7)),
        breaks=((time(0, 20), time(0, 40)),),
    )
    plant = counting()
    plant.calendar = ShiftCalendar(zone="UTC", patterns=(shift,))
    found = plant.measure("production-rate", 0, HOUR)
    assert found.whole == (pytest.approx(99 - 33), pytest.approx(2 / 3))
    plant.calendar = ShiftCalendar(zone="UTC")
    nothing = plant.measure("production-rate", 0, HOUR)
    assert (nothing.indicator.status, dict(nothing.parts)) == (Status.NO_PLAN, {})


def test_a_counter_that_starts_anew_goes_on_counting_and_is_flagged() -> None:
    rows = [*every(36.0, range(50)), *every(36.0, range(51), start=1800)]
    found = Plant().device("press", {Role.GOOD_COUNT: rows}, stale_after=60).measure("production-rate", 0, HOUR)
    assert found.whole is not None
    assert found.whole.numerator == pytest.approx(98.0)
    assert Flag.METER_RESET in found.indicator.flags


def test_good_parts_follow_from_all_and_rejected_ones() -> None:
    roles = {Role.TOTAL_COUNT: every(36.0, range(101)), Role.REJECT_COUNT: every(360.0, range(11))}
    found = Plant().device("press", roles, stale_after=400).measure("production-rate", 0, HOUR)
    assert found.whole == (pytest.approx(99 - 9), 1.0)


def test_all_parts_alone_do_not_tell_the_good_ones() -> None:
    found = Plant().device("press", {Role.TOTAL_COUNT: every(36.0, range(101))}).measure("production-rate", 0, HOUR)
    assert (found.indicator.status, dict(found.parts)) == (Status.INSUFFICIENT_DATA, {})


def test_a_serial_line_makes_what_leaves_its_last_machine() -> None:
    plant = counting()
    plant.device("test", {Role.GOOD_COUNT: every(72.0, range(51))}, stale_after=100)
    assert plant.measure("production-rate", 0, HOUR).whole == (pytest.approx(49.0), 1.0)


def test_machines_side_by_side_add_parts_and_hours() -> None:
    plant = counting()
    plant.serial = False
    plant.device("other", {Role.GOOD_COUNT: every(72.0, range(51))}, stale_after=100)
    assert plant.measure("production-rate", 0, HOUR).whole == (pytest.approx(99 + 49), 2.0)


def products() -> Plant:
    """Small parts every 36 s for half an hour, then large ones every 72 s."""
    roles = {
        Role.GOOD_COUNT: [*every(36.0, range(51)), *every(72.0, range(51, 76), start=1872)],
        Role.PRODUCT: [(-5.0, "small"), (1800.5, "large")],
    }
    return Plant().device("press", roles, stale_after=100, ideal_cycle={"small": 30.0, "large": 60.0})


def test_each_product_has_its_parts_and_the_time_spent_on_it() -> None:
    found = products().measure("production-rate", 0, HOUR)
    assert set(found.parts) == {"small", "large"}
    assert found.parts["small"] == (pytest.approx(50.0), pytest.approx(1800.5 / 3600))
    assert found.parts["large"] == (pytest.approx(24.0), pytest.approx(1799.5 / 3600))
    assert found.indicator.value == pytest.approx(74.0)


def test_by_ideal_time_a_part_counts_as_the_work_that_is_in_it() -> None:
    found = products().measure("production-rate", 0, HOUR, weight="ideal-time")
    assert found.indicator.value == pytest.approx((50 * 30 + 24 * 60) / 3600)
    assert found.parts["large"].numerator == pytest.approx(24 * 60 / 3600)
    without = counting().measure("production-rate", 0, HOUR, weight="ideal-time")
    assert without.indicator.status is Status.INSUFFICIENT_DATA


def test_per_person_hour_where_a_role_tells_how_many_are_at_work() -> None:
    roles = {Role.GOOD_COUNT: every(36.0, range(101)), Role.HEADCOUNT: every(30.0, [2] * 60 + [4] * 61)}
    plant = Plant().device("press", roles, stale_after=60)
    found = plant.measure("production-rate", 0, HOUR, per="person-hour")
    assert found.indicator.formula == "production-rate-per-person"
    assert found.whole == (pytest.approx(99.0), pytest.approx(3.0))
    nobody = counting().measure("production-rate", 0, HOUR, per="person-hour")
    assert nobody.indicator.status is Status.INSUFFICIENT_DATA


def test_uncertain_readings_count_and_lower_the_quality_share() -> None:
    rows = [(t, v, UNCERTAIN if t < 1800 else 0) for t, v in every(36.0, range(101))]
    found = Plant().device("press", {Role.GOOD_COUNT: rows}, stale_after=60).measure("production-rate", 0, HOUR)
    assert found.indicator.value == pytest.approx(99.0)
    assert found.indicator.quality_share == pytest.approx(0.5)


# --------------------------------------------------------------------------------- inspection
def test_inspections_are_all_parts_of_the_machines_that_give_verdicts() -> None:
    plant = counting()
    roles = {
        Role.GOOD_COUNT: every(60.0, range(61)),
        Role.REJECT_COUNT: every(600.0, range(7)),
        Role.VERDICT: [(30.0, "good")],
    }
    plant.device("camera", roles, stale_after=700)
    found = plant.measure("inspection-rate", 0, HOUR)
    assert found.indicator.value == pytest.approx(59 + 5)
    blind = counting().measure("inspection-rate", 0, HOUR)
    assert blind.indicator.status is Status.INSUFFICIENT_DATA


# ------------------------------------------------------------------------------------- shares
def judged() -> Plant:
    roles = {
        Role.GOOD_COUNT: every(36.0, range(100)),
        (Role.REJECT_COUNT, "flash"): every(360.0, range(10)),
        (Role.REJECT_COUNT, "short"): every(900.0, range(4)),
        Role.REWORK_COUNT: every(600.0, range(6)),
    }
    return Plant().device("press", roles, stale_after=1000)


def test_parts_that_left_are_good_or_scrapped() -> None:
    defects, good = (judged().measure(m, 0, HOUR) for m in ("defect-share", "yield-share"))
    assert defects.trials == Trials(9 + 3, 99 + 12)
    assert good.trials == Trials(99, 111)
    assert defects.indicator.value == pytest.approx(12 / 111)
    assert defects.indicator.value + good.indicator.value == pytest.approx(1.0)
    assert defects.indicator.uncertainty is not None


def test_of_every_judgement_one_that_goes_to_rework_is_a_defect() -> None:
    defects, good = (judged().measure(m, 0, HOUR, counting="judged") for m in ("defect-share", "yield-share"))
    assert defects.trials == Trials(12 + 5, 99 + 12 + 5)
    assert good.trials == Trials(99, 116)


def test_defects_of_a_line_are_those_of_all_its_machines() -> None:
    plant = Plant().device(
        "first", {Role.GOOD_COUNT: every(36.0, range(100)), Role.REJECT_COUNT: every(600.0, range(6))}, stale_after=700
    )
    plant.device(
        "last", {Role.GOOD_COUNT: every(40.0, range(90)), Role.REJECT_COUNT: every(900.0, range(4))}, stale_after=1000
    )
    assert plant.measure("defect-share", 0, HOUR).trials == Trials(5 + 3, 89 + 8)


def test_defects_by_product_add_up_to_the_whole() -> None:
    roles = {
        Role.GOOD_COUNT: every(36.0, range(100)),
        Role.REJECT_COUNT: every(300.0, range(12)),
        Role.PRODUCT: [(-1.0, "a"), (1801.0, "b")],
    }
    found = Plant().device("press", roles, stale_after=400).measure("defect-share", 0, HOUR)
    assert found.parts["a"].numerator == 6
    assert found.parts["b"].numerator == 5
    assert found.whole == (11, 99 + 11)


def test_good_parts_alone_say_nothing_about_defects() -> None:
    found = counting().measure("defect-share", 0, HOUR)
    assert (found.indicator.status, found.trials) == (Status.INSUFFICIENT_DATA, None)


def test_no_part_is_no_share() -> None:
    roles = {Role.GOOD_COUNT: every(36.0, [7] * 100), Role.REJECT_COUNT: every(36.0, [1] * 100)}
    found = Plant().device("press", roles, stale_after=60).measure("defect-share", 0, HOUR)
    assert (found.indicator.status, found.trials) == (Status.INSUFFICIENT_DATA, None)


def test_more_rejected_than_made_is_no_figure() -> None:
    roles = {Role.TOTAL_COUNT: every(36.0, range(100)), Role.REJECT_COUNT: every(12.0, range(300))}
    plant = Plant().device("press", roles, stale_after=60)
    for measure in ("production-rate", "defect-share", "yield-share"):
        found = plant.measure(measure, 0, HOUR)
        assert (found.indicator.status, dict(found.parts)) == (Status.INSUFFICIENT_DATA, {})


# -------------------------------------------------------------------------------- identifiers
def test_identifiers_are_counted_where_they_are_resolved() -> None:
    plant = Plant().device("bench", {Role.IDENTIFIED_COUNT: every(20.0, range(181))}, stale_after=60)
    plant.device("other", {Role.IDENTIFIED_COUNT: every(40.0, range(91))}, stale_after=60)
    found = plant.measure("identified-per-hour", 0, HOUR)
    assert found.whole == (pytest.approx(179 + 89), 2.0)
    assert found.indicator.value == pytest.approx(134.0)


def test_a_counter_that_is_bad_throughout_is_no_counter() -> None:
    rows = [(t, v, BAD) for t, v in every(20.0, range(181))]
    found = Plant().device("bench", {Role.IDENTIFIED_COUNT: rows}).measure("identified-per-hour", 0, HOUR)
    assert (found.indicator.status, dict(found.parts)) == (Status.INSUFFICIENT_DATA, {})


# --------------------------------------------------------------------------------- parameters
@pytest.mark.parametrize("wrong", [{"nonsense": 1.0}, {"weight": 2.0}, {"weight": "colour"}, {"per": "moon"}])
def test_a_parameter_that_does_not_exist_or_fit_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="parameter"):
        counting().measure("production-rate", 0, HOUR, **wrong)
