"""Which stretch of time a question is about: the running shift, a past one, a period, or from … to ….

    ?window=shift                               the shift that is running, up to now
    ?window=8h                                  up to now
    ?window=day | week | month                  of production, up to now
    ?shift=night&day=2026-03-04                 one shift of the calendar, by the day it starts on
    ?start=2026-03-04T08:00:00Z&stop=…          any stretch that has begun
    &until=2026-03-04T09:30:00Z                 as it was asked then: "now" is that moment

One reading of these parameters serves every route, so that a figure, its derivation, its
losses and its stops always speak of the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends, HTTPException, Query

from analytics.periods import current, running_shift
from configs.base import duration
from dashboard_api.query import moment
from plant.calendar import Period, ShiftCalendar, Span
from plant.clock import SECOND

SHIFT = "shift"
LONGEST = 32 * 86_400
"""Seconds that one question may span."""
PERIODS = frozenset(Period)

WindowName = Annotated[
    str,
    Query(
        description="`shift`, a duration up to now (15min, 1h, 8h), or `day`, `week`, `month` of production",
        max_length=40,
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A stretch of time as it was asked for. `span`: from … to …; `shift`, `day`: one shift of the calendar.

    `until`: the moment, ns UTC, that counts as now, for who looks at the past; None for the present.
    """

    name: str = SHIFT
    span: Span | None = None
    shift: str = ""
    day: date | None = None
    until: int | None = None

    @property
    def label(self) -> str:
        """What was asked for, in its own words."""
        if self.day is not None:
            return f"{self.shift} {self.day.isoformat()}"
        return "" if self.span is not None else self.name

    @property
    def summed(self) -> bool:
        """Whether it is summed up from kept shifts."""
        return self.span is None and (self.day is not None or self.name in PERIODS)

    def window(self, calendar: ShiftCalendar, now: int) -> Span:
        """Return the half-open window in ns UTC; `now` in ns. Answers 404 or 422 for one that is none."""
        now = min(now, now if self.until is None else self.until) // SECOND * SECOND
        if self.span is not None:
            return _begun(self.span, now)
        if self.day is not None:
            return _begun(_shift(calendar, self.shift, self.day), now)
        if self.name == SHIFT:
            running = running_shift(calendar, now)
            if running is None:
                raise HTTPException(404, "no shift is running now; ask for a duration, such as 8h")
            return running
        if self.name in PERIODS:
            return current(calendar, now, Period(self.name))
        return now - round(seconds(self.name) * SECOND), now


def asked(
    window: WindowName = SHIFT,
    start: Annotated[str | None, Query(description="ISO 8601 with a zone, or ms since 1970; with `stop`")] = None,
    stop: Annotated[str | None, Query(description="ISO 8601 with a zone, or ms since 1970; with `start`")] = None,
    shift: Annotated[str | None, Query(description="id of a shift of the scene's calendar; with `day`")] = None,
    day: Annotated[date | None, Query(description="local day on which that shift starts")] = None,
    until: Annotated[str | None, Query(description="a moment that counts as now, for a window up to now")] = None,
) -> Asked:
    """Read which stretch of time is asked for. Answers 422 for two at once, half of one, or too long a one."""
    if (start is None) != (stop is None):
        raise HTTPException(422, "start and stop belong together")
    if (shift is None) != (day is None):
        raise HTTPException(422, "shift and day belong together: which shift, and the day it starts on")
    if start is not None and shift is not None:
        raise HTTPException(422, "ask for start and stop, or for shift and day, not for both")
    if start is not None and stop is not None:
        return Asked(span=bounded(moment(start), moment(stop)))
    if shift is not None:
        return Asked(shift=shift, day=day)
    if window not in PERIODS and window != SHIFT:
        seconds(window)
    return Asked(window, until=None if until is None else _present(moment(until)))


AskedHere = Annotated[Asked, Depends(asked)]


def _present(until: int) -> int:
    if until < LONGEST * SECOND:
        raise HTTPException(422, "a window begins in 1970 at the earliest")
    return until


def bounded(start: int, stop: int) -> Span:
    """Return a window that may be asked for. Answers 422 for an empty one and one beyond `LONGEST`."""
    if not SECOND <= stop - start <= LONGEST * SECOND:
        raise HTTPException(422, f"stop lies after start, by 1 s at least and {LONGEST // 86_400} days at most")
    if start < 0:
        raise HTTPException(422, "a window begins in 1970 at the earliest")
    return start, stop


def seconds(name: str) -> float:
    """Read a duration from a query. Answers 422 for what is none or too long."""
    try:
        length = duration(name)
    except ValueError as error:
        raise HTTPException(422, f"window: {error}") from error
    if not isinstance(length, float) or not 1 <= length <= LONGEST:
        raise HTTPException(422, "a window is 1 s to 32 d long")
    return length


def _shift(calendar: ShiftCalendar, name: str, day: date) -> Span:
    shifts = {one.id: (one.start, one.stop) for one in calendar.on(day)}
    if name not in shifts:
        there = ", ".join(shifts) or "none"
        raise HTTPException(404, f"no shift {name!r} starts on {day.isoformat()}; there is: {there}")
    return shifts[name]


def _begun(span: Span, now: int) -> Span:
    if span[0] >= now:
        raise HTTPException(422, "this window lies in the future: nothing has happened in it yet")
    return span[0], min(span[1], now)
