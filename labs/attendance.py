"""Attendance in person-times, counted for acceptance: what to hand in for a centre's clauses.

    person-times   one a person, course and day           (the centre's `trained`)
    training       the same of one course                  (where a clause asks for trainings by record)
    courses        how many different courses were taken   (the centre's `courses`)

Telemetry knows none of this: it is handed in as a record, by a document, in somebody's name
(`provenline acceptance hand-in`, or `POST /labs/attendance/hand-in`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from labs.roll import Presence
from plant.clock import SECOND

PERSON_TIMES, TRAINING, COURSES = "person-times", "training", "courses"


@dataclass(frozen=True, slots=True)
class AttendanceRecord:
    """A count to be handed in. `kind`: as the catalogue names it; `start`, `stop`: ns UTC, half open."""

    kind: str
    start: int
    stop: int
    number: int


def day_of(time: int, zone: str) -> str:
    """Return the local day of a moment (ns UTC), as 2026-03-02."""
    return datetime.fromtimestamp(time // SECOND, UTC).astimezone(ZoneInfo(zone)).date().isoformat()


def by_day(presences: Iterable[Presence]) -> dict[tuple[str, str], int]:
    """Return person-times by day and course, in order."""
    counts: dict[tuple[str, str], int] = {}
    for one in presences:
        counts[one.day, one.course] = counts.get((one.day, one.course), 0) + 1
    return dict(sorted(counts.items()))


def records(presences: Sequence[Presence], *, first: date, last: date, zone: str) -> tuple[AttendanceRecord, ...]:
    """Return what to hand in for the days from `first` to `last`, both included."""
    start, stop = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    people = {(one.learner, one.course, one.day) for one in presences}
    number, courses = len(people), len({one.course for one in presences})
    counts = {PERSON_TIMES: number, TRAINING: number, COURSES: courses}
    return tuple(AttendanceRecord(kind, start, stop, count) for kind, count in counts.items())


def _midnight(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp()) * SECOND
