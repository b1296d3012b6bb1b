"""Two people at one attempt: who joined whose, and for how long.

Whoever begins an attempt has a short code for it; a partner who enters that code works on the same
line from then on. What is graded while somebody is a partner counts for both, and whatever hints
were read until they leave count as read by both. The code is made of the attempt's id, which
nobody can guess: there is nothing to be kept for it, and nothing to expire.
"""

from __future__ import annotations

import hashlib
from sqlite3 import Connection

from labs.awards import LETTERS, read_code
from labs.course import LabKey
from labs.work import Attempt, NotNow
from plant.database import Database

_SIZE = 8


def join_code(attempt: str) -> str:
    """Return the code by which a partner joins an attempt, such as `7K2M-9QXF`."""
    number = int.from_bytes(hashlib.sha256(f"join\n{attempt}".encode()).digest(), "big")
    return read_code("".join(LETTERS[number >> 5 * place & 31] for place in range(_SIZE)))


class Pairs:
    """The part of the register about who works together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def join(self, attempt: Attempt, partner: str, at: int) -> None:
        """Let somebody work on an attempt, too. Raises NotNow where it cannot be, and why."""
        with self._database.transaction() as connection:
            _check(connection, attempt, partner)
            connection.execute("INSERT INTO pair VALUES (?, ?, ?, NULL)", (attempt.id, partner, at))

    def part(self, attempt: Attempt, at: int) -> None:
        """Let who began an attempt go on alone; what was graded together stays both's."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE pair SET until = ? WHERE attempt = ? AND until IS NULL", (at, attempt.id))

    def graded(self, attempt: str) -> bool:
        """Say whether an attempt was graded, at least once."""
        with self._database.reading() as connection:
            return _graded(connection, attempt)

    def shares(self, sandbox: str, partner: str) -> bool:
        """Say whether somebody works on another's sandbox as a partner, now."""
        query = (
            "SELECT 1 FROM attempt JOIN pair ON pair.attempt = attempt.id"
            " WHERE sandbox = ? AND ended IS NULL AND partner = ? AND until IS NULL"
        )
        with self._database.reading() as connection:
            return connection.execute(query, (sandbox, partner)).fetchone() is not None

    def together(self) -> dict[tuple[str, LabKey], frozenset[str]]:
        """Return with whom somebody did a lab, by person and lab; who left before it was graded did not do it."""
        query = (
            "SELECT learner, partner, course, lab FROM attempt JOIN pair ON pair.attempt = attempt.id"
            " WHERE until IS NULL OR EXISTS"
            " (SELECT 1 FROM result WHERE result.attempt = attempt.id AND result.at BETWEEN pair.at AND until)"
        )
        found: dict[tuple[str, LabKey], frozenset[str]] = {}
        with self._database.reading() as connection:
            rows = list(connection.execute(query))
        for learner, partner, course, lab in rows:
            for one, other in ((learner, partner), (partner, learner)):
                key = (one, LabKey(course, lab))
                found[key] = found.get(key, frozenset()) | {other}
        return found


def _check(connection: Connection, attempt: Attempt, partner: str) -> None:
    learner, ended = connection.execute("SELECT learner, ended FROM attempt WHERE id = ?", (attempt.id,)).fetchone()
    if not learner or not partner:
        raise NotNow("a pair needs two names; practice without a name is done alone")
    if ended is not None:
        raise NotNow("this attempt has ended; begin a new one")
    if learner == partner:
        raise NotNow("this is the code of your own attempt; your partner enters it")
    both = connection.execute("SELECT 1 FROM pair WHERE attempt = ? AND until IS NULL", (attempt.id,)).fetchone()
    if both is not None:
        raise NotNow("two people work on this attempt already; a pair takes no third")
    if _graded(connection, attempt.id):
        raise NotNow("this attempt was graded already; a partner joins before that")
    own = connection.execute(
        "SELECT course, lab FROM attempt WHERE ended IS NULL AND (learner = ?1 OR id IN"
        " (SELECT attempt FROM pair WHERE partner = ?1 AND until IS NULL))",
        (partner,),
    ).fetchone()
    if own is not None:
        raise NotNow(f"you have an attempt of {LabKey(*own)} under way; end or leave it first, then join")


def _graded(connection: Connection, attempt: str) -> bool:
    return connection.execute("SELECT 1 FROM result WHERE attempt = ?", (attempt,)).fetchone() is not None
