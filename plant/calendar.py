"""When a line is planned to work: shifts by local wall time, turned into exact UTC spans.

    weekly pattern    Mon–Fri  night 22:00–06:00, breaks 02:00–02:30
    on a date         2026-03-28 night = 22:00 local … 06:00 local of the 29th
    as a shift        start, stop in ns UTC; 7 h long where the clocks go forward that night

A shift belongs to the local date on which it starts, also when it ends on the next one.
What is worked on a date is the weekly pattern unless `exceptions` names that date: `()`
makes it a holiday, a tuple of patterns makes it an extra or a changed day.

A calendar without patterns means that *nothing is planned*. It never means round the
clock: a plant that does work round the clock says so with `ShiftCalendar.around_the_clock`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plant.clock import SECOND
from plant.text import Text

Span = tuple[int, int]
"""A stretch of time `start <= t < stop` in ns since 1970 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MINUTES = 24 * 60


class Period(StrEnum):
    """What shifts are summed up to; weeks begin on Monday, as ISO 8601 has them."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises ValueError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # half a name is a folder of the database
        raise ValueError(f"{name!r} is not an IANA time zone; write e.g. Asia/Shanghai") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftPattern:
    """One shift as the works council writes it: weekdays, from, to, breaks, in local wall time.

    `weekdays`: 0 = Monday; the days on which the shift starts. `stop` not later than `start`
    is on the next day, so equal times make a shift of a whole day. `breaks`: local times
    inside the shift; of a shift over midnight, times before `start` are on the next day.
    Raises ValueError on a weekday that does not exist or a break outside the shift.
    """

    id: str
    name: Text
    start: time
    stop: time
    weekdays: frozenset[int] = frozenset(range(5))
    breaks: tuple[tuple[time, time], ...] = ()

    def __post_init__(self) -> None:
        if not self.weekdays <= frozenset(range(7)):
            raise ValueError(f"shift {self.id!r}: weekdays are 0 (Monday) to 6 (Sunday)")
        if any(moment.tzinfo for moment in (self.start, self.stop, *itertools.chain(*self.breaks))):
            raise ValueError(f"shift {self.id!r}: times are local wall times; the calendar has the zone")
        length = _minutes_after(self.start, self.stop) or _DAY_MINUTES
        for begin, end in self.breaks:
            if not _minutes_after(self.start, begin) < (_minutes_after(self.start, end) or _DAY_MINUTES) <= length:
                raise ValueError(f"shift {self.id!r}: break {begin:%H:%M}–{end:%H:%M} does not lie within the shift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One shift that takes place: `start`, `stop` in ns UTC, `breaks` disjoint and in order.

    `date`: the local day it starts on, which is the day it belongs to.
    """

    id: str
    name: Text
    date: date
    start: int
    stop: int
    breaks: tuple[Span, ...] = ()

    @property
    def planned(self) -> tuple[Span, ...]:
        """The shift without its breaks: when the line is planned to be busy."""
        return without((self.start, self.stop), self.breaks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a calendar plans within a window, as disjoint spans in order.

    `operation`: inside shifts, breaks included (ISO 22400: planned operation time).
    `busy`: inside shifts, breaks left out (planned busy time).
    """

    window: Span
    operation: tuple[Span, ...] = ()
    busy: tuple[Span, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ShiftCalendar:
    """Shift patterns in one time zone; see the module docstring.

    `zone`: IANA name. Raises ValueError on an unknown zone.
    """

    zone: str
    patterns: tuple[ShiftPattern, ...] = ()
    exceptions: Mapping[date, tuple[ShiftPattern, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        zone_of(self.zone)

    @staticmethod
    def around_the_clock(zone: str) -> ShiftCalendar:
        """Return a calendar that plans every hour of every day, in one shift a day."""
        midnight, everyday = time(), frozenset(range(7))
        name = Text("全天", "Round the clock")
        day = ShiftPattern(id="day", name=name, start=midnight, stop=midnight, weekdays=everyday)
        return ShiftCalendar(zone=zone, patterns=(day,))

    @property
    def empty(self) -> bool:
        """Whether this calendar plans nothing at all."""
        return not self.patterns and not any(self.exceptions.values())

    def shifts(self, start: int, stop: int) -> tuple[Shift, ...]:
        """Return the shifts that reach into the window, whole, in order of their start."""
        if stop <= start or self.empty:
            return ()
        # A shift may have begun the evening before, and lasts 25 h at most.
        first = self._local_date(start) - timedelta(days=2)
        last = self._local_date(stop) + timedelta(days=1)
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        found = [shift for day in days for shift in self.on(day) if max(shift.start, start) < min(shift.stop, stop)]
        return tuple(sorted(found, key=lambda shift: (shift.start, shift.stop, shift.id)))

    def on(self, day: date) -> tuple[Shift, ...]:
        """Return the shifts that belong to one local date, in the order of their patterns."""
        regular = tuple(pattern for pattern in self.patterns if day.weekday() in pattern.weekdays)
        return tuple(self._shift(pattern, day) for pattern in self.exceptions.get(day, regular))

    def plan(self, start: int, stop: int) -> Plan:
        """Return what is planned in the window, clipped to it; overlapping shifts count once."""
        shifts = self.shifts(start, stop)
        return Plan(
            window=(start, stop),
            operation=_clip(union((s.start, s.stop) for s in shifts), start, stop),
            busy=_clip(union(span for s in shifts for span in s.planned), start, stop),
        )

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone_of(self.zone)

    def _local_date(self, moment: int) -> date:
        return (_EPOCH + timedelta(seconds=moment // SECOND)).astimezone(self._zone).date()

    def _shift(self, pattern: ShiftPattern, day: date) -> Shift:
        def at(wall: time, *, closing: bool) -> int:
            minutes = _minutes_after(pattern.start, wall)
            next_day = wall < pattern.start or (closing and not minutes)
            return self._utc(datetime.combine(day + timedelta(days=next_day), wall))

        breaks = union((at(begin, closing=False), at(end, closing=True)) for begin, end in pattern.breaks)
        start, stop = at(pattern.start, closing=False), at(pattern.stop, closing=True)
        return Shift(id=pattern.id, name=pattern.name, date=day, start=start, stop=stop, breaks=breaks)

    def _utc(self, wall: datetime) -> int:
        # Wall times must map in order, or a shift could end before it starts. A time that
        # comes twice is its first occurrence; one that is skipped is the moment of the skip.
        early, late = (self._instant(wall.replace(fold=fold)) for fold in (1, 0))
        if early >= late:
            return late
        # In the gap: `early` is before the skip, `late` after it. Find the moment between.
        offset = self._offset(early)
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (middle, late) if self._offset(middle) == offset else (early, middle)
        return late

    def _instant(self, wall: datetime) -> int:
        since = wall.replace(tzinfo=self._zone).astimezone(UTC) - _EPOCH
        return (since.days * 86_400 + since.seconds) * SECOND

    def _offset(self, moment: int) -> timedelta | None:
        return (_EPOCH + timedelta(seconds=moment // SECOND)).astimezone(self._zone).utcoffset()


def period_of(day: date, period: Period) -> date:
    """Return the first day of the day, week or month that `day` lies in."""
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def by_period(shifts: Iterable[Shift], period: Period) -> dict[date, tuple[Shift, ...]]:
    """Group shifts by the period they belong to; the keys are the periods' first days."""
    ordered = sorted(shifts, key=lambda shift: (shift.date, shift.start))
    groups = itertools.groupby(ordered, key=lambda shift: period_of(shift.date, period))
    return {first: tuple(members) for first, members in groups}


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans joined where they touch or overlap, in order; empty ones vanish."""
    joined: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return tuple(joined)


def without(span: Span, holes: Iterable[Span]) -> tuple[Span, ...]:
    """Return what is left of a span when the holes are cut out."""
    return tuple(_remainders(span, union(holes)))


def _remainders(span: Span, holes: tuple[Span, ...]) -> Iterator[Span]:
    at, stop = span
    for hole_start, hole_stop in holes:
        if hole_stop <= at or hole_start >= stop:
            continue
        if hole_start > at:
            yield at, hole_start
        at = hole_stop
    if at < stop:
        yield at, stop


def _clip(spans: Iterable[Span], start: int, stop: int) -> tuple[Span, ...]:
    clipped = ((max(a, start), min(b, stop)) for a, b in spans)
    return tuple(span for span in clipped if span[0] < span[1])


def _minutes_after(start: time, moment: time) -> float:
    # Minutes from `start` to `moment`, passing midnight where need be; 0 when they are equal.
    def minute(t: time) -> float:
        return t.hour * 60 + t.minute + t.second / 60 + t.microsecond / 60e6

    return (minute(moment) - minute(start)) % _DAY_MINUTES
