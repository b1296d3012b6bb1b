"""Days, weeks and months of production, and the pieces in which they are worked out.

A shift belongs to the local day on which it starts. So does a day of production: it runs
from its first shift's start to the next day's, over midnight where the night shift does.

    period   ├────────────────── Mon ──────────────────┼──── Tue …
    shifts   ├─ early ─┼─ late ─┤        ├─── night ───┤
    pieces   │    1    │   2    │   3    │      4      │
"""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from plant.calendar import Period, ShiftCalendar, Span, period_of
from plant.clock import SECOND


def period_window(calendar: ShiftCalendar, day: date, period: Period) -> Span:
    """Return the window of the day, week or month of production that `day` lies in."""
    first = period_of(day, period)
    after = period_of(first + timedelta(days={Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}[period]), period)
    return _day_begins(calendar, first), _day_begins(calendar, after)


def current(calendar: ShiftCalendar, now: int, period: Period) -> Span:
    """Return the window of the period of production that `now` lies in."""
    today = datetime.fromtimestamp(now / SECOND, UTC).astimezone(ZoneInfo(calendar.zone)).date()
    # Before today's first shift it is still yesterday's production.
    day = today if now >= _day_begins(calendar, today) else today - timedelta(days=1)
    return period_window(calendar, day, period)


def running_shift(calendar: ShiftCalendar, now: int) -> Span | None:
    """Return the running shift up to `now`, at least a second of it; None when there is no shift."""
    shifts = calendar.shifts(now - SECOND, now)
    return (min(shifts[-1].start, now - SECOND), now) if shifts else None


def pieces(calendar: ShiftCalendar, window: Span) -> list[Span]:
    """Cut a window where shifts begin and end; the pieces adjoin and cover it."""
    start, stop = window
    edges = {edge for shift in calendar.shifts(start, stop) for edge in (shift.start, shift.stop)}
    cuts = sorted({start, stop} | {edge for edge in edges if start < edge < stop})
    return list(itertools.pairwise(cuts))


def _day_begins(calendar: ShiftCalendar, day: date) -> int:
    starts = [shift.start for shift in calendar.on(day)]
    midnight = datetime.combine(day, time(), ZoneInfo(calendar.zone))
    return min(starts, default=round(midnight.timestamp()) * SECOND)
