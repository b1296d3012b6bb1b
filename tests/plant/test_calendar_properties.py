"""What holds for every calendar, zone and window."""

from __future__ import annotations

from datetime import date, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from plant.calendar import ShiftCalendar, ShiftPattern, Span
from plant.clock import SECOND, from_iso
from plant.text import Text

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "UTC")
YEAR = from_iso("2026-01-01T00:00:00Z")
HOUR = 3600 * SECOND

minutes = st.integers(0, 24 * 60 - 1)


def wall(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


@st.composite
def patterns(draw: st.DrawFn) -> ShiftPattern:
    start, length = draw(minutes), draw(st.integers(30, 24 * 60))
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=6, unique=True)))
    pairs = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if (a, b) != (0, 24 * 60)]
    return ShiftPattern(
        id=f"s{start}",
        name=Text(),
        start=wall(start),
        stop=wall((start + length) % (24 * 60)),
        weekdays=frozenset(draw(st.sets(st.integers(0, 6), min_size=1))),
        breaks=tuple((wall((start + a) % 1440), wall((start + b) % 1440)) for a, b in pairs),
    )


calendars = st.builds(
    lambda zone, chosen: ShiftCalendar(zone=zone, patterns=tuple(chosen)),
    st.sampled_from(ZONES),
    st.lists(patterns(), max_size=3),
)
moments = st.integers(0, 365 * 24 * 3600).map(lambda s: YEAR + s * SECOND)


def length(spans: tuple[Span, ...]) -> int:
    return sum(stop - start for start, stop in spans)


@given(calendars, moments, st.integers(0, 20 * 24), st.integers(0, 20 * 24))
@settings(max_examples=150, deadline=None)
def test_planned_time_adds_up_over_any_split_of_a_window(calendar, start, before, after) -> None:
    middle, stop = start + before * HOUR, start + (before + after) * HOUR
    whole, left, right = calendar.plan(start, stop), calendar.plan(start, middle), calendar.plan(middle, stop)
    assert length(left.busy) + length(right.busy) == length(whole.busy)
    assert length(left.operation) + length(right.operation) == length(whole.operation)


@given(calendars, moments, st.integers(1, 10 * 24))
@settings(max_examples=150, deadline=None)
def test_busy_time_lies_within_operation_time_within_the_window(calendar, start, hours) -> None:
    stop = start + hours * HOUR
    plan = calendar.plan(start, stop)
    assert 0 <= length(plan.busy) <= length(plan.operation) <= stop - start
    for spans in (plan.busy, plan.operation):
        edges = [edge for span in spans for edge in span]
        assert edges == sorted(edges)
        assert all(start <= edge <= stop for edge in edges)
        assert all(a < b for a, b in spans)


@given(st.sampled_from(ZONES), minutes, st.integers(0, 364))
@settings(max_examples=200, deadline=None)
def test_shifts_that_follow_each_other_on_the_wall_clock_tile_every_day(zone, change, offset) -> None:
    split = change or 1
    first = ShiftPattern(id="a", name=Text(), start=time(), stop=wall(split), weekdays=frozenset(range(7)))
    second = ShiftPattern(id="b", name=Text(), start=wall(split), stop=time(), weekdays=frozenset(range(7)))
    day = date(2026, 1, 1) + timedelta(days=offset)
    shifts = ShiftCalendar(zone=zone, patterns=(first, second)).on(day)
    (whole,) = ShiftCalendar.around_the_clock(zone).on(day)
    assert shifts[0].stop == shifts[1].start
    assert (shifts[0].start, shifts[1].stop) == (whole.start, whole.stop)
    assert all(shift.start <= shift.stop for shift in shifts)


@given(calendars, moments)
@settings(max_examples=100, deadline=None)
def test_every_shift_is_found_from_every_moment_inside_it(calendar, moment) -> None:
    for shift in calendar.shifts(moment, moment + 30 * HOUR):
        for inside in {shift.start, (shift.start + shift.stop) // 2, shift.stop - 1}:
            assert shift in calendar.shifts(inside, inside + 1)
