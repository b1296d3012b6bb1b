"""Who takes part: enrolments, classes, and attendance in person-times.

A person-time is one person on one day in one course, however long and however often that day.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from plant.database import Database
from plant.errors import ProvenlineError


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Somebody takes a course. `name`: as it is to stand on the certificate."""

    learner: str
    course: str
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Class:
    """A group that takes a course together."""

    id: str
    course: str
    name: str
    teacher: str
    at: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody was there: `day` as 2026-03-02 in the site's zone. `by`: who says so, empty for the labs themselves."""

    learner: str
    course: str
    day: str
    at: int
    by: str = ""


class Roll:
    """The part of the register about people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---------------------------------------------------------------------- enrolments
    def enrol(self, enrolment: Enrolment) -> None:
        """Enrol somebody, or change the name to be certified."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO enrolment VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name",
                (enrolment.learner, enrolment.course, enrolment.name, enrolment.at),
            )

    def leave(self, learner: str, course: str) -> None:
        """End an enrolment; what was done stays."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM enrolment WHERE learner = ? AND course = ?", (learner, course))

    def enrolments(self, *, learner: str | None = None, course: str | None = None) -> tuple[Enrolment, ...]:
        """Return enrolments of somebody, in a course, or all."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT learner, course, name, at FROM enrolment"
                " WHERE (?1 IS NULL OR learner = ?1) AND (?2 IS NULL OR course = ?2) ORDER BY course, learner",
                (learner, course),
            )
            return tuple(Enrolment(*row) for row in rows)

    # ------------------------------------------------------------------------- classes
    def form(self, course: str, name: str, teacher: str, at: int) -> Class:
        """Form a class."""
        formed = Class(secrets.token_hex(6), course, name, teacher, at)
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO class VALUES (?, ?, ?, ?, ?)", (formed.id, course, name, teacher, at))
        return formed

    def put_members(self, id: str, learners: Iterable[str], at: int) -> Class:  # noqa: A002 - what it is called
        """Set who is in a class, and enrol them. Raises ProvenlineError where there is no such class."""
        chosen = list(dict.fromkeys(learners))
        with self._database.transaction() as connection:
            found = self.a_class(id)
            connection.execute("DELETE FROM member WHERE class = ?", (id,))
            connection.executemany("INSERT INTO member VALUES (?, ?)", [(id, learner) for learner in chosen])
            connection.executemany(
                "INSERT OR IGNORE INTO enrolment VALUES (?, ?, ?, ?)", [(who, found.course, who, at) for who in chosen]
            )
        return self.a_class(id)

    def dissolve(self, id: str) -> None:  # noqa: A002 - what it is called
        """Remove a class; its members stay enrolled."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM member WHERE class = ?", (id,))
            connection.execute("DELETE FROM class WHERE id = ?", (id,))

    def a_class(self, id: str) -> Class:  # noqa: A002 - what it is called
        """Return one class. Raises ProvenlineError where there is none."""
        found = next((one for one in self.classes() if one.id == id), None)
        if found is None:
            raise ProvenlineError(f"there is no class {id!r}")
        return found

    def classes(self) -> tuple[Class, ...]:
        """Return all classes, the newest first."""
        with self._database.reading() as connection:
            members: dict[str, list[str]] = {}
            for name, learner in connection.execute("SELECT class, learner FROM member ORDER BY learner"):
                members.setdefault(name, []).append(learner)
            rows = connection.execute("SELECT id, course, name, teacher, at FROM class ORDER BY at DESC")
            return tuple(
                Class(name, course, called, teacher, at, tuple(members.get(name, ())))
                for name, course, called, teacher, at in rows
            )

    # ---------------------------------------------------------------------- attendance
    def attend(self, presences: Iterable[Presence]) -> None:
        """Note who was there; once a person, course and day."""
        rows = [(one.learner, one.course, one.day, one.at, one.by) for one in presences]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO attendance VALUES (?, ?, ?, ?, ?)", rows)

    def attendance(self, first: str, last: str, course: str | None = None) -> tuple[Presence, ...]:
        """Return who was there from a day to a day, both included."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT learner, course, day, at, by FROM attendance"
                " WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR course = ?3) ORDER BY day, course, learner",
                (first, last, course),
            )
            return tuple(Presence(*row) for row in rows)
