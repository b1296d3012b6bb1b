"""Certificates: given once a person and course, known by a code that nobody can guess."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from plant.database import Database, reader
from plant.errors import Unavailable
from plant.text import Text

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U: nothing that is misread on paper."""
_GROUPS, _LENGTH = 4, 4


@dataclass(frozen=True, slots=True)
class Certificate:
    """Somebody passed a course. `course_name`: as it was then. `at`: ns UTC."""

    code: str
    learner: str
    course: str
    name: str
    course_name: Text
    points: float
    of: int
    at: int


def new_code() -> str:
    """Return a code of 80 random bits, such as `7K2M-9QXF-0ATB-CJ4W`."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def read_code(text: str) -> str:
    """Return a code as it is written, whatever way somebody typed it."""
    plain = text.upper().replace("O", "0").replace("I", "1").replace("L", "1")
    letters = "".join(letter for letter in plain if letter in LETTERS)
    return "-".join(letters[n : n + _LENGTH] for n in range(0, len(letters), _LENGTH))


class Awards:
    """The part of the register about certificates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, certificate: Certificate) -> Certificate:
        """Keep a certificate under a new code; return the one there is if there is one already."""
        with self._database.transaction() as connection:
            before = self.of(certificate.learner, certificate.course)
            if before is not None:
                return before
            given = replace(certificate, code=new_code())
            row = (
                *(given.code, given.learner, given.course, given.name, given.course_name.zh, given.course_name.en),
                *(given.points, given.of, given.at),
            )
            connection.execute("INSERT INTO certificate VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return given

    def of(self, learner: str, course: str) -> Certificate | None:
        """Return somebody's certificate of a course."""
        return self._one("learner = ? AND course = ?", (learner, course))

    def find(self, code: str) -> Certificate | None:
        """Return the certificate of a code."""
        return self._one("code = ?", (read_code(code),))

    def _one(self, condition: str, values: tuple[str, ...]) -> Certificate | None:
        with self._database.reading() as connection:
            return _first(connection, condition, values)


def look_up(register: Path, code: str) -> Certificate | None:
    """Return the certificate of a code from a register's file, beside the centre that writes it.

    Raises Unavailable when the file cannot be read.
    """
    with closing(reader(register)) as connection:
        try:
            return _first(connection, "code = ?", (read_code(code),))
        except sqlite3.DatabaseError as error:
            raise Unavailable(f"{register}: {error}") from error


def _first(connection: sqlite3.Connection, condition: str, values: tuple[str, ...]) -> Certificate | None:
    columns = "code, learner, course, name, zh, en, points, of, at"
    row = connection.execute(f"SELECT {columns} FROM certificate WHERE {condition}", values).fetchone()  # noqa: S608
    if row is None:
        return None
    code, learner, course, name, zh, en, points, of, at = row
    return Certificate(code, learner, course, name, Text(zh, en), points, of, at)
