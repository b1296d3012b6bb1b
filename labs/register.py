"""The book of the labs: who takes part, what they did, what it was worth; one SQLite file.

    roll    enrolments, classes, attendance        (`roll.py`)
    work    attempts, answers, hints, claims       (`work.py`)
    pairs   who works on whose attempt, too        (`pairs.py`)
    awards  certificates                           (`awards.py`)
    drills  exercises that instructors set         (`drills.py`)
    incidents  pasts that pause and ask            (`incidents.py`)

Times are ns since 1970 UTC. Whoever practises without a name is written down without one.
"""

from __future__ import annotations

from pathlib import Path

from labs.awards import Awards
from labs.drills import Drills
from labs.incidents import Incidents
from labs.pairs import Pairs
from labs.roll import Roll
from labs.work import Work
from plant.database import Database, Schema

FILE = "labs.db"
"""What the file is called in a data folder."""

_SCHEMA = Schema(
    version=2,
    script="""
    CREATE TABLE IF NOT EXISTS enrolment (
        learner TEXT NOT NULL, course TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (learner, course)
    );
    CREATE TABLE IF NOT EXISTS class (
        id TEXT NOT NULL UNIQUE, course TEXT NOT NULL, name TEXT NOT NULL, teacher TEXT NOT NULL, at INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS member (class TEXT NOT NULL, learner TEXT NOT NULL, UNIQUE (class, learner));
    CREATE TABLE IF NOT EXISTS attendance (
        learner TEXT NOT NULL, course TEXT NOT NULL, day TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL,
        UNIQUE (learner, course, day)
    );
    CREATE TABLE IF NOT EXISTS attempt (
        id TEXT NOT NULL UNIQUE, learner TEXT NOT NULL, course TEXT NOT NULL, lab TEXT NOT NULL, seed INTEGER NOT NULL,
        begun INTEGER NOT NULL, ended INTEGER, sandbox TEXT NOT NULL, plant INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS attempt_of ON attempt (learner, course, lab);
    CREATE TABLE IF NOT EXISTS answer (
        attempt TEXT NOT NULL, question TEXT NOT NULL, value TEXT NOT NULL, graded INTEGER NOT NULL,
        at INTEGER NOT NULL, UNIQUE (attempt, question)
    );
    CREATE TABLE IF NOT EXISTS file (
        attempt TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (attempt, name)
    );
    CREATE TABLE IF NOT EXISTS hint (
        attempt TEXT NOT NULL, step TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
        UNIQUE (attempt, step, number)
    );
    CREATE TABLE IF NOT EXISTS claim (
        attempt TEXT NOT NULL, cause TEXT NOT NULL, place TEXT NOT NULL, made REAL NOT NULL, begun REAL
    );
    CREATE TABLE IF NOT EXISTS result (
        attempt TEXT NOT NULL, points REAL NOT NULL, of INTEGER NOT NULL, outcomes TEXT NOT NULL, at INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS result_of ON result (attempt);
    CREATE TABLE IF NOT EXISTS pair (attempt TEXT NOT NULL, partner TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER);
    CREATE INDEX IF NOT EXISTS pair_of ON pair (attempt);
    CREATE INDEX IF NOT EXISTS pair_with ON pair (partner);
    CREATE TABLE IF NOT EXISTS certificate (
        code TEXT NOT NULL UNIQUE, learner TEXT NOT NULL, course TEXT NOT NULL, name TEXT NOT NULL, zh TEXT NOT NULL,
        en TEXT NOT NULL, points REAL NOT NULL, of INTEGER NOT NULL, at INTEGER NOT NULL, UNIQUE (learner, course)
    );
    CREATE TABLE IF NOT EXISTS drill (
        id TEXT NOT NULL UNIQUE, class TEXT NOT NULL, teacher TEXT NOT NULL, fault TEXT NOT NULL, rules TEXT NOT NULL,
        at INTEGER NOT NULL, ended INTEGER
    );
    CREATE TABLE IF NOT EXISTS hidden (
        drill TEXT NOT NULL, attempt TEXT NOT NULL, fault TEXT NOT NULL, since REAL NOT NULL, score TEXT,
        UNIQUE (drill, attempt)
    );
    CREATE TABLE IF NOT EXISTS incident (
        id TEXT NOT NULL UNIQUE, class TEXT NOT NULL, teacher TEXT NOT NULL, scene TEXT NOT NULL, name TEXT NOT NULL,
        start INTEGER NOT NULL, stop INTEGER NOT NULL, asks TEXT NOT NULL, at INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS incident_answer (
        incident TEXT NOT NULL, learner TEXT NOT NULL, question INTEGER NOT NULL, value TEXT NOT NULL,
        at INTEGER NOT NULL, UNIQUE (incident, learner, question)
    );
    """,
)


class Register:
    """The file `path`, which it creates. Each method of its parts is one durable transaction.

    Raises Unavailable as `plant.database.Database` does.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self.roll = Roll(self._database)
        self.work = Work(self._database)
        self.pairs = Pairs(self._database)
        self.awards = Awards(self._database)
        self.drills = Drills(self._database)
        self.incidents = Incidents(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()
