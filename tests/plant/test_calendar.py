"""Shifts are right on the days that are hard: midnight, holidays, and clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from plant.calendar import Period, ShiftCalendar, ShiftPattern, by_period, period_of, union, without
from plant.clock import SECOND, from_iso
from plant.text import Text

HOUR = 3600 * SECOND
EVERY_DAY = frozenset(range(7))


def pattern(
    start: str,
    stop: str,
    *,
    breaks: tuple[tuple[str, str], ...] = (),
    days: frozenset[int] = EVERY_DAY,
    shift_id: str = "shift",
) -> ShiftPattern:
    return ShiftPattern(
        id=shift_id,
        name=Text("班", "Shift"),
        start=time.fromisoformat(start),
        stop=time.fromisoformat(stop),
        weekdays=days,
        breaks=tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in breaks),
    )


def hours(spans: tuple[tuple[int, int], ...]) -> float:
    return sum(stop - start for start, stop in spans) / HOUR


def test_a_day_shift_becomes_utc_spans_without_its_break() -> None:
    calendar = ShiftCalendar(zone="Asia/Shanghai", patterns=(pattern("08:00", "16:00", breaks=(("12:00", "12:30"),)),))
    (shift,) = calendar.shifts(from_iso("2026-03-02T00:00:00+08:00"), from_iso("2026-03-03T00:00:00+08:00"))
    assert shift.date == date(2026, 3, 2)
    assert (shift.start, shift.stop) == (from_iso("2026-03-02T00:00:00Z"), from_iso("2026-03-02T08:00:00Z"))
    assert shift.planned == (
        (from_iso("2026-03-02T00:00:00Z"), from_iso("2026-03-02T04:00:00Z")),
        (from_iso("2026-03-02T04:30:00Z"), from_iso("2026-03-02T08:00:00Z")),
    )


def test_a_night_shift_belongs_to_the_day_it_starts_and_is_found_from_the_next_one() -> None:
    night = pattern("22:00", "06:00", breaks=(("23:30", "00:00"), ("02:00", "02:30")), days=frozenset({0}))
    calendar = ShiftCalendar(zone="Asia/Shanghai", patterns=(night,))
    tuesday_early = from_iso("2026-03-03T01:00:00+08:00")
    (shift,) = calendar.shifts(tuesday_early, tuesday_early + 1)
    assert shift.date == date(2026, 3, 2)
    assert hours(shift.breaks) == 1.0
    assert hours(shift.planned) == 7.0
    assert calendar.shifts(from_iso("2026-03-03T06:00:00+08:00"), from_iso("2026-03-08T00:00:00+08:00")) == ()


@pytest.mark.parametrize(
    ("day", "length"),
    [(date(2026, 3, 28), 7.0), (date(2026, 10, 24), 9.0), (date(2026, 6, 1), 8.0)],
    ids=["clocks go forward", "clocks go back", "ordinary night"],
)
def test_a_night_shift_has_its_true_length_when_clocks_change(day: date, length: float) -> None:
    calendar = ShiftCalendar(zone="Europe/Berlin", patterns=(pattern("22:00", "06:00"),))
    (shift,) = calendar.on(day)
    assert (shift.stop - shift.start) / HOUR == length


@pytest.mark.parametrize(("day", "length"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_round_the_clock_days_are_as_long_as_they_are(day: date, length: int) -> None:
    (shift,) = ShiftCalendar.around_the_clock("Europe/Berlin").on(day)
    assert (shift.stop - shift.start) / HOUR == length


def test_wall_times_that_are_skipped_or_come_twice_still_run_in_order() -> None:
    # On 29 March 2026 Berlin has no 02:30; on 25 October it has 02:30 twice.
    early, late = pattern("00:00", "02:30"), pattern("02:30", "08:00", shift_id="late")
    calendar = ShiftCalendar(zone="Europe/Berlin", patterns=(early, late))
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        first, second = calendar.on(day)
        assert first.start < first.stop == second.start < second.stop
    skipped, _ = calendar.on(date(2026, 3, 29))
    assert skipped.stop == from_iso("2026-03-29T01:00:00Z")
    twice, _ = calendar.on(date(2026, 10, 25))
    assert twice.stop == from_iso("2026-10-25T00:30:00Z")


def test_a_break_in_the_skipped_hour_takes_no_time() -> None:
    night = pattern("22:00", "06:00", breaks=(("02:00", "03:00"),))
    (shift,) = ShiftCalendar(zone="Europe/Berlin", patterns=(night,)).on(date(2026, 3, 28))
    assert shift.breaks == ()
    assert hours(shift.planned) == 7.0


def test_a_calendar_without_patterns_plans_nothing_rather_than_everything() -> None:
    calendar = ShiftCalendar(zone="Asia/Shanghai")
    start = from_iso("2026-03-02T00:00:00Z")
    assert calendar.empty
    assert calendar.shifts(start, start + 1000 * HOUR) == ()
    assert calendar.plan(start, start + 1000 * HOUR).busy == ()
    assert not ShiftCalendar.around_the_clock("Asia/Shanghai").empty


def test_a_holiday_has_no_shift_and_an_extra_day_has_its_own() -> None:
    work = pattern("08:00", "16:00", days=frozenset(range(5)))
    short = pattern("09:00", "12:00")
    calendar = ShiftCalendar(
        zone="Asia/Shanghai",
        patterns=(work,),
        exceptions={date(2026, 10, 1): (), date(2026, 10, 10): (short,)},
    )
    assert calendar.on(date(2026, 10, 1)) == ()
    assert calendar.on(date(2026, 10, 3)) == ()
    (extra,) = calendar.on(date(2026, 10, 10))
    assert (extra.stop - extra.start) / HOUR == 3


def test_a_plan_is_clipped_to_its_window_and_counts_overlapping_shifts_once() -> None:
    calendar = ShiftCalendar(
        zone="UTC",
        patterns=(pattern("06:00", "14:15", breaks=(("10:00", "10:15"),)), pattern("14:00", "22:00", shift_id="late")),
    )
    start = from_iso("2026-03-02T08:00:00Z")
    plan = calendar.plan(start, start + 8 * HOUR)
    assert hours(plan.operation) == 8.0
    assert hours(plan.busy) == 7.75


def test_shifts_are_grouped_by_the_period_their_own_day_lies_in() -> None:
    calendar = ShiftCalendar(zone="UTC", patterns=(pattern("22:00", "06:00"),))
    shifts = calendar.shifts(from_iso("2026-03-01T12:00:00Z"), from_iso("2026-03-31T23:00:00Z"))
    months = by_period(shifts, Period.MONTH)
    assert {first: len(members) for first, members in months.items()} == {date(2026, 3, 1): 31}
    weeks = by_period(shifts, Period.WEEK)
    assert set(weeks) == {date(2026, 2, 23), *(date(2026, 3, 2) + timedelta(weeks=n) for n in range(5))}
    assert len(weeks[date(2026, 3, 2)]) == 7
    assert period_of(date(2026, 3, 5), Period.DAY) == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pattern("08:00", "16:00", breaks=(("16:00", "17:00"),)), "does not lie within the shift"),
        (lambda: pattern("08:00", "16:00", breaks=(("12:30", "12:00"),)), "does not lie within the shift"),
        (lambda: pattern("22:00", "06:00", breaks=(("12:00", "12:30"),)), "does not lie within the shift"),
        (lambda: pattern("08:00", "16:00", days=frozenset({7})), "weekdays are 0"),
        (lambda: ShiftCalendar(zone="Mars/Olympus"), "not an IANA time zone"),
        (lambda: ShiftCalendar(zone="../etc/passwd"), "not an IANA time zone"),
        (lambda: ShiftCalendar(zone="Asia"), "not an IANA time zone"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_spans_are_joined_and_cut() -> None:
    assert union([(5, 7), (1, 3), (3, 4), (9, 9), (6, 8)]) == ((1, 4), (5, 8))
    assert without((0, 10), [(-5, 1), (3, 4), (4, 6), (9, 20)]) == ((1, 3), (6, 9))


def test_shift_lengths_follow_the_zone_database() -> None:
    # An independent sum: local midnight to local midnight by the standard library.
    calendar, zone = ShiftCalendar.around_the_clock("America/New_York"), ZoneInfo("America/New_York")
    for month in (3, 11):
        for number in range(1, 29):
            day = date(2026, month, number)
            begin, end = (
                datetime.combine(day + timedelta(days=n), time(), zone).astimezone(UTC).timestamp() for n in (0, 1)
            )
            (shift,) = calendar.on(day)
            assert (shift.start, shift.stop) == (int(begin) * SECOND, int(end) * SECOND)
