"""Incidents to be looked at together: a stretch of a line's past that pauses at moments and asks.

An instructor chooses the stretch and the questions, for a class. Each member answers each question
once, before the replay goes on; what was answered first is what is scored, a point a question.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from labs.work import NotNow
from plant.database import Database
from plant.errors import ProvenlineError

Given = int | float | str
Words = Annotated[str, Field(min_length=1, max_length=400)]


class Ask(BaseModel):
    """One question. `at`: the moment of the past at which it is asked, ms since 1970 UTC.

    `answer`: the number of the right option, from 1; or a number, right within `within`; or the path of a device.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    at: int = Field(ge=0, le=10**13)
    kind: Literal["choice", "number", "device"]
    ask: Words
    options: tuple[Words, ...] = Field(default=(), max_length=8)
    answer: float | Annotated[str, Field(max_length=200)]
    within: float = Field(default=0, ge=0, le=1e9)

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        if self.kind == "choice" and not (len(self.options) >= 2 and self.answer in range(1, len(self.options) + 1)):
            raise ValueError("a choice needs two options at least, and the number of the right one")
        if (self.kind == "device") != isinstance(self.answer, str):
            raise ValueError("a device is answered by its path, everything else by a number")
        return self

    def right(self, given: Given) -> bool:
        """Say whether an answer is right."""
        if isinstance(self.answer, str) or isinstance(given, str):
            return given == self.answer
        return abs(given - self.answer) <= self.within


_ASKS = TypeAdapter(tuple[Ask, ...])
_GIVEN = TypeAdapter(Given)


@dataclass(frozen=True, slots=True)
class Incident:
    """A stretch of the past of a scene, from `start` to `stop`, ms since 1970 UTC, for the class `group`."""

    id: str
    group: str
    teacher: str
    scene: str
    name: str
    start: int
    stop: int
    asks: tuple[Ask, ...]


class Incidents:
    """The part of the register about incidents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, incident: Incident, at: int) -> Incident:
        """Keep an incident under an id of its own, which the one that is returned has."""
        asks = tuple(sorted(incident.asks, key=lambda ask: ask.at))
        kept = Incident(
            secrets.token_hex(6),
            incident.group,
            incident.teacher,
            incident.scene,
            incident.name,
            incident.start,
            incident.stop,
            asks,
        )
        row = (kept.id, kept.group, kept.teacher, kept.scene, kept.name, kept.start, kept.stop)
        with self._database.transaction() as connection:
            written = (*row, _ASKS.dump_json(asks).decode(), at)
            connection.execute("INSERT INTO incident VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", written)
        return kept

    def remove(self, id: str) -> None:  # noqa: A002 - what it is called
        """Remove an incident and what was answered to it."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM incident_answer WHERE incident = ?", (id,))
            connection.execute("DELETE FROM incident WHERE id = ?", (id,))

    def all(self) -> tuple[Incident, ...]:
        """Return all incidents, the newest first."""
        query = "SELECT id, class, teacher, scene, name, start, stop, asks FROM incident ORDER BY at DESC, rowid DESC"
        with self._database.reading() as connection:
            rows = list(connection.execute(query))
        return tuple(_incident(*row) for row in rows)

    def incident(self, id: str) -> Incident:  # noqa: A002 - what it is called
        """Return one incident. Raises ProvenlineError where there is none."""
        found = next((one for one in self.all() if one.id == id), None)
        if found is None:
            raise ProvenlineError(f"there is no incident {id!r}")
        return found

    def answer(self, id: str, learner: str, *, question: int, given: Given, at: int) -> None:  # noqa: A002
        """Keep an answer. Raises NotNow for a question that was answered already: the first answer stands."""
        with self._database.transaction() as connection:
            row = (id, learner, question, _GIVEN.dump_json(given).decode(), at)
            kept = connection.execute("INSERT OR IGNORE INTO incident_answer VALUES (?, ?, ?, ?, ?)", row)
            if kept.rowcount == 0:
                raise NotNow("this was answered already; the first answer stands")

    def answers(self, id: str) -> dict[str, dict[int, Given]]:  # noqa: A002 - what it is called
        """Return what everybody answered, by learner and by the number of the question, from 0."""
        found: dict[str, dict[int, Given]] = {}
        query = "SELECT learner, question, value FROM incident_answer WHERE incident = ? ORDER BY learner, question"
        with self._database.reading() as connection:
            for learner, question, value in connection.execute(query, (id,)):
                found.setdefault(learner, {})[question] = _GIVEN.validate_json(value)
        return found


def _incident(id: str, group: str, teacher: str, scene: str, *rest: Any) -> Incident:  # noqa: A002, ANN401 - a row
    name, start, stop, asks = rest
    return Incident(id, group, teacher, scene, name, start, stop, _ASKS.validate_json(asks))
