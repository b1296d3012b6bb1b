"""The alarm log on the disk: every transition and everything people did, only ever added to.

It stands beside the log of annotations, above the historian: samples can be told again by
their devices, while who acknowledged what, and why, exists nowhere else. Triggers in the
file itself refuse changes, whoever opens it. One event takes about 150 bytes.

    what stands now   = the events of each alarm since it was last normal, replayed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.alarms.states import Action, AlarmState, Do, Event, Priority
from plant.calendar import Span
from plant.database import Database, Schema

_SCHEMA = Schema(
    version=1,
    script="""
    CREATE TABLE IF NOT EXISTS event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        alarm TEXT NOT NULL, time INTEGER NOT NULL, do TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL, priority INTEGER NOT NULL,
        author TEXT NOT NULL, reason TEXT NOT NULL, until INTEGER, value REAL,
        simulated INTEGER NOT NULL, made_up INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS event_by_time ON event (time);
    CREATE INDEX IF NOT EXISTS event_by_alarm ON event (alarm, after, id);
    CREATE TRIGGER IF NOT EXISTS event_stays BEFORE UPDATE ON event
        BEGIN SELECT raise(ABORT, 'alarm events are only added'); END;
    CREATE TRIGGER IF NOT EXISTS event_is_kept BEFORE DELETE ON event
        BEGIN SELECT raise(ABORT, 'alarm events are only added'); END;
    """,
)
_COLUMNS = "alarm, time, do, before, after, priority, author, reason, until, value, simulated, made_up"
_FOR_EVER = 2**63 - 1
_Row = tuple[str, int, str, str, str, int, str, str, int | None, float | None, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which events are asked for: a window of time, half open; all alarms, or those with an id or below a path.

    `before`: only events with a smaller number, to go on where an answer was cut. `most`: the
    newest that many.
    """

    window: Span
    alarm: str | None = None
    below: str | None = None
    before: int | None = None
    most: int = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One event with its number in the log."""

    number: int
    event: Event


class AlarmLog:
    """The log in the file `path`, which it creates. Raises Unavailable as `Database` does."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def add(self, events: Iterable[Event]) -> None:
        """Append events in the order they happened; when this returns they are on the disk."""
        with self._database.transaction() as connection:
            connection.executemany(
                f"INSERT INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                [_row(event) for event in events],
            )

    def standing(self, *, at: int = _FOR_EVER) -> list[Event]:
        """Return what led to the state of all alarms, now or `at` a moment (ns UTC): each one's events since normal."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"""SELECT {_COLUMNS} FROM event AS one WHERE time <= ? AND id > coalesce(
                        (SELECT max(id) FROM event WHERE alarm = one.alarm AND after = ? AND time <= ?), 0)
                    ORDER BY id""",  # noqa: S608
                (at, AlarmState.NORMAL.value, at),
            ).fetchall()
        return [_event(row) for row in rows]

    def find(self, question: Question) -> list[Entry]:
        """Return the events asked for, the newest first."""
        where, values = ["time >= ?", "time < ?"], [*question.window]
        parameters: list[int | str] = list(values)
        if question.alarm is not None:
            where.append("alarm = ?")
            parameters.append(question.alarm)
        if question.below is not None:
            # An alarm's id is the path of its scene, a colon, and its name there.
            where.append("substr(alarm, 1, ?) = ?")
            parameters += [len(question.below) + 1, f"{question.below}:"]
        if question.before is not None:
            where.append("id < ?")
            parameters.append(question.before)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT id, {_COLUMNS} FROM event WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",  # noqa: S608
                (*parameters, question.most),
            ).fetchall()
        return [Entry(row[0], _event(row[1:])) for row in rows]

    def annunciations(self, window: Span) -> Sequence[Event]:
        """Return the events of a window that called for attention, in the order they were written."""
        called = AlarmState.UNACKNOWLEDGED.value
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM event WHERE time >= ? AND time < ? AND after = ? AND before <> ? ORDER BY id",  # noqa: S608
                (*window, called, called),
            ).fetchall()
        return [_event(row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _row(event: Event) -> _Row:
    action = event.action
    return (
        event.alarm,
        action.time,
        action.do.value,
        event.before.value,
        event.after.value,
        event.priority.value,
        action.by,
        action.reason,
        action.until,
        action.value,
        int(event.simulated),
        int(action.simulated),
    )


def _event(row: _Row) -> Event:
    alarm, time, do, before, after, priority, by, reason, until, value, simulated, made_up = row
    action = Action(time=time, do=Do(do), by=by, reason=reason, until=until, value=value, simulated=bool(made_up))
    return Event(
        alarm=alarm,
        priority=Priority(priority),
        action=action,
        before=AlarmState(before),
        after=AlarmState(after),
        simulated=bool(simulated),
    )
