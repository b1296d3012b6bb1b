"""What people did: attempts, answers, hints, claims and results.

An attempt is one person, or two, at one lab on one sandbox. Its id is random: whoever practises
without a name is known by it alone, and nothing else of them is written down.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labs.checking import Outcome, Part
from labs.course import LabKey
from labs.grading import HintKey
from labs.observation import Answer, Claim
from plant.database import Database
from plant.errors import ProvenlineError
from plant.text import Text

MOST_CLAIMS = 50
_COUNTS = """
    SELECT attempt FROM pair WHERE partner = ?1 AND (until IS NULL OR EXISTS
    (SELECT 1 FROM result WHERE result.attempt = pair.attempt AND result.at BETWEEN pair.at AND until))
"""
"""The attempts of others that count for somebody: who left before it was graded was not there."""
_READ = """
    SELECT DISTINCT step, number FROM hint JOIN attempt ON attempt.id = hint.attempt
    WHERE id = ?1 OR (?2 <> '' AND course = ?3 AND lab = ?4 AND (
        learner IN (?2, nullif(?5, '')) OR EXISTS
        (SELECT 1 FROM pair WHERE pair.attempt = id AND partner IN (?2, nullif(?5, ''))
         AND (until IS NULL OR hint.at <= until))
    ))
"""
"""The hints that were read in an attempt, and in others of the lab by one of its people or with them."""
_BEST = """
    SELECT lab, max(points) FROM result JOIN attempt ON attempt.id = result.attempt
    WHERE ?1 <> '' AND course = ?2 AND (learner = ?1 OR EXISTS
        (SELECT 1 FROM pair WHERE pair.attempt = id AND partner = ?1
         AND result.at >= pair.at AND (until IS NULL OR result.at <= until))
    ) GROUP BY lab
"""
_DEEDS = ("answer", "file", "hint", "result")
"""The tables whose rows say when something was done."""


class NotNow(ProvenlineError):
    """It cannot be done as things stand; the message says why."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `learner` is empty for practice without a name. `plant`: plant time when it began; both times in ns.

    `sandbox`: the id of the line it is done on. `ended` is None while it goes on. `partner`: who joined, and has
    not left; else empty.
    """

    id: str
    learner: str
    key: LabKey
    seed: int
    begun: int
    ended: int | None
    sandbox: str
    plant: int
    partner: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody with a name who works on it."""
        return tuple(name for name in (self.learner, self.partner) if name)

    @property
    def named(self) -> bool:
        """It is somebody's, and counts."""
        return bool(self.learner)

    @property
    def owner(self) -> str:
        """Whose sandbox it is."""
        return self.learner or f"practice-{self.id}"


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt was worth when it was graded."""

    attempt: str
    points: float
    of: int
    outcomes: tuple[Outcome, ...]
    at: int


class Work:
    """The part of the register about what is done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------------------ attempts
    def begin(self, learner: str, key: LabKey, at: int) -> Attempt:
        """Begin an attempt; an empty `learner` practises without a name. Ends one's others, leaves a partner's."""
        attempt = Attempt(secrets.token_urlsafe(12), learner, key, 0, at, None, "", 0)
        with self._database.transaction() as connection:
            if learner:
                connection.execute("UPDATE attempt SET ended = ? WHERE learner = ? AND ended IS NULL", (at, learner))
                connection.execute("UPDATE pair SET until = ? WHERE partner = ? AND until IS NULL", (at, learner))
            row = (attempt.id, learner, key.course, key.lab, 0, at, None, "", 0)
            connection.execute("INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return attempt

    def on(self, id: str, sandbox: str, *, plant: int, seed: int) -> None:  # noqa: A002 - what it is called
        """Note the sandbox an attempt is done on, its seed, and its plant time when it began."""
        with self._database.transaction() as connection:
            row = (sandbox, plant, seed, id)
            connection.execute("UPDATE attempt SET sandbox = ?, plant = ?, seed = ? WHERE id = ?", row)

    def end(self, id: str, at: int) -> None:  # noqa: A002 - what it is called
        """End an attempt; it cannot be changed any more."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE attempt SET ended = ? WHERE id = ? AND ended IS NULL", (at, id))

    def attempt(self, id: str) -> Attempt | None:  # noqa: A002 - what it is called
        """Return one attempt."""
        found = self._attempts("id = ?", (id,))
        return found[0] if found else None

    def attempts(self, learner: str | None = None, *, course: str | None = None) -> tuple[Attempt, ...]:
        """Return the attempts that count for somebody, alone or in a pair, or everybody's with a name, newest first."""
        condition = (
            f"learner <> '' AND (?1 IS NULL OR learner = ?1 OR id IN ({_COUNTS})) AND (?2 IS NULL OR course = ?2)"
        )
        return self._attempts(condition, (learner, course))

    def running(self) -> tuple[Attempt, ...]:
        """Return every attempt that has not ended, practice too."""
        return self._attempts("ended IS NULL", ())

    def _attempts(self, condition: str, values: tuple[object, ...]) -> tuple[Attempt, ...]:
        partner = "coalesce((SELECT partner FROM pair WHERE pair.attempt = id AND until IS NULL), '')"
        query = f"SELECT id, learner, course, lab, seed, begun, ended, sandbox, plant, {partner} FROM attempt"  # noqa: S608
        with self._database.reading() as connection:
            rows = list(connection.execute(f"{query} WHERE {condition} ORDER BY begun DESC, rowid DESC", values))
        return tuple(Attempt(row[0], row[1], LabKey(row[2], row[3]), *row[4:]) for row in rows)

    # ------------------------------------------------------------------------- answers
    def answer(self, id: str, answers: Mapping[str, Answer], at: int) -> None:  # noqa: A002 - what it is called
        """Keep answers, in place of earlier ones. Raises NotNow for one that was graded already."""
        with self._database.transaction() as connection:
            fixed = {
                row[0] for row in connection.execute("SELECT question FROM answer WHERE attempt = ? AND graded", (id,))
            }
            if again := fixed & set(answers):
                raise NotNow(f"{', '.join(sorted(again))}: this was graded already; begin a new attempt")
            rows = [(id, question, json.dumps(value), at) for question, value in answers.items()]
            connection.executemany("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, 0, ?)", rows)

    def answers(self, id: str) -> tuple[dict[str, Answer], frozenset[str]]:  # noqa: A002 - what it is called
        """Return the answers of an attempt, and which of them stand because they were graded."""
        with self._database.reading() as connection:
            rows = list(connection.execute("SELECT question, value, graded FROM answer WHERE attempt = ?", (id,)))
        return {row[0]: _answer(row[1]) for row in rows}, frozenset(row[0] for row in rows if row[2])

    # --------------------------------------------------------------------------- files
    def keep(self, id: str, files: Mapping[str, str], at: int) -> None:  # noqa: A002 - what it is called
        """Keep the configuration that an attempt runs with, in place of the one before."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM file WHERE attempt = ?", (id,))
            rows = [(id, name, text, at) for name, text in files.items()]
            connection.executemany("INSERT INTO file VALUES (?, ?, ?, ?)", rows)

    def files(self, id: str) -> dict[str, str]:  # noqa: A002 - what it is called
        """Return the configuration that an attempt last ran with; empty where it never was another one."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, text FROM file WHERE attempt = ? ORDER BY rowid", (id,))
            return {str(name): str(text) for name, text in rows}

    def applied(self, id: str) -> int | None:  # noqa: A002 - what it is called
        """Return when another configuration was last kept; None where it never was."""
        with self._database.reading() as connection:
            found = connection.execute("SELECT max(at) FROM file WHERE attempt = ?", (id,)).fetchone()[0]
        return None if found is None else int(found)

    def last_deed(self, attempt: Attempt) -> int:
        """Return when something was last done in an attempt: begun, applied, answered, read or graded."""
        query = " UNION ALL ".join(f"SELECT max(at) FROM {of} WHERE attempt = ?1" for of in _DEEDS)  # noqa: S608
        with self._database.reading() as connection:
            found = [int(row[0]) for row in connection.execute(query, (attempt.id,)) if row[0] is not None]
        return max([attempt.begun, *found])

    # --------------------------------------------------------------------------- hints
    def hint(self, id: str, key: HintKey, at: int) -> None:  # noqa: A002 - what it is called
        """Note that a hint was read."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO hint VALUES (?, ?, ?, ?)", (id, *key, at))

    def hints(self, attempt: Attempt) -> frozenset[HintKey]:
        """Return the hints that count in an attempt: those read in it, or by one of its people in others of the lab."""
        values = (attempt.id, attempt.learner, attempt.key.course, attempt.key.lab, attempt.partner)
        with self._database.reading() as connection:
            return frozenset((str(step), int(number)) for step, number in connection.execute(_READ, values))

    # -------------------------------------------------------------------------- claims
    def claim(self, id: str, claim: Claim) -> None:  # noqa: A002 - what it is called
        """Keep a claim; none is taken back. Raises NotNow after so many that it is guessing."""
        with self._database.transaction() as connection:
            count = connection.execute("SELECT count(*) FROM claim WHERE attempt = ?", (id,)).fetchone()[0]
            if count >= MOST_CLAIMS:
                raise NotNow(f"more than {MOST_CLAIMS} claims are guesses")
            row = (id, claim.cause, claim.place, claim.made, claim.begun)
            connection.execute("INSERT INTO claim VALUES (?, ?, ?, ?, ?)", row)

    def claims(self, id: str) -> tuple[Claim, ...]:  # noqa: A002 - what it is called
        """Return the claims of an attempt, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT cause, place, made, begun FROM claim WHERE attempt = ? ORDER BY rowid", (id,)
            )
            return tuple(Claim(*row) for row in rows)

    # ------------------------------------------------------------------------- results
    def grade(self, result: Result, *, fixed: Iterable[str]) -> None:
        """Keep a result; the answers to the `fixed` questions stand from now on."""
        outcomes = json.dumps([asdict(outcome) for outcome in result.outcomes], ensure_ascii=False)
        row = (result.attempt, result.points, result.of, outcomes, result.at)
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO result VALUES (?, ?, ?, ?, ?)", row)
            connection.executemany(
                "UPDATE answer SET graded = 1 WHERE attempt = ? AND question = ?",
                [(result.attempt, question) for question in fixed],
            )

    def results(self, id: str) -> tuple[Result, ...]:  # noqa: A002 - what it is called
        """Return every result of an attempt, in order."""
        with self._database.reading() as connection:
            rows = list(
                connection.execute(
                    "SELECT attempt, points, of, outcomes, at FROM result WHERE attempt = ? ORDER BY rowid", (id,)
                )
            )
        return tuple(Result(row[0], row[1], row[2], _outcomes(row[3]), row[4]) for row in rows)

    def best(self, learner: str, course: str) -> dict[str, float]:
        """Return the most points that somebody has in each lab of a course, alone or in a pair, by lab."""
        with self._database.reading() as connection:
            rows = connection.execute(_BEST, (learner, course))
            return {str(lab): float(points) for lab, points in rows}


def _answer(text: str) -> Answer:
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value


def _outcomes(text: str) -> tuple[Outcome, ...]:
    return tuple(_outcome(row) for row in json.loads(text))


def _outcome(row: dict[str, Any]) -> Outcome:
    return Outcome(**{**row, "part": Part(row["part"]), "why": Text(**row["why"])})
