"""Exercises that instructors set: a fault hidden in the lines of a class, and how each one found it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labs.course import DiagnosisDocument
from labs.sandboxes import HiddenFault
from plant.database import Database
from plant.errors import ProvenlineError


@dataclass(frozen=True, slots=True)
class Hidden:
    """The fault as it is in one attempt's line. `fault`: its id there; `since`: plant time in s since 1970 UTC.

    `score`: what came of it, once the exercise has ended.
    """

    attempt: str
    fault: str
    since: float
    score: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """One exercise. `fault`: as it was asked for. `ended` is None while it goes on."""

    id: str
    group: str
    teacher: str
    fault: Mapping[str, Any]
    rules: DiagnosisDocument
    at: int
    ended: int | None = None
    hidden: tuple[Hidden, ...] = ()

    @property
    def asked(self) -> HiddenFault:
        """The fault, to be put into a line."""
        named = {"kind": str(self.fault["kind"]), "target": str(self.fault["target"])}
        size, lasts = self.fault.get("size"), self.fault.get("lasts")
        after, other = float(self.fault.get("after") or 0), str(self.fault.get("swapped_with") or "")
        return HiddenFault(**named, size=size, with_=other, after=after, lasts=lasts)


class Drills:
    """The part of the register about exercises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, group: str, teacher: str, *, fault: Mapping[str, Any], rules: DiagnosisDocument, at: int) -> Drill:
        """Note an exercise that begins, for a class or, with an empty `group`, for single ones."""
        drill = Drill(secrets.token_hex(6), group, teacher, dict(fault), rules, at)
        row = (drill.id, group, teacher, json.dumps(drill.fault), rules.model_dump_json(), at, None)
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO drill VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return drill

    def hide(self, id: str, hidden: Hidden) -> None:  # noqa: A002 - what it is called
        """Note that the fault was put into one attempt's line."""
        with self._database.transaction() as connection:
            row = (id, hidden.attempt, hidden.fault, hidden.since, None)
            connection.execute("INSERT OR REPLACE INTO hidden VALUES (?, ?, ?, ?, ?)", row)

    def keep(self, id: str, attempt: str, score: Mapping[str, Any]) -> None:  # noqa: A002 - what it is called
        """Keep the score of an attempt that is over before the exercise is."""
        with self._database.transaction() as connection:
            row = (json.dumps(score), id, attempt)
            connection.execute("UPDATE hidden SET score = ? WHERE drill = ? AND attempt = ? AND score IS NULL", row)

    def end(self, id: str, scores: Mapping[str, Mapping[str, Any]], at: int) -> None:  # noqa: A002 - what it is called
        """End an exercise, with the score of each attempt."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE drill SET ended = ? WHERE id = ? AND ended IS NULL", (at, id))
            rows = [(json.dumps(score), id, attempt) for attempt, score in scores.items()]
            connection.executemany("UPDATE hidden SET score = ? WHERE drill = ? AND attempt = ?", rows)

    def drill(self, id: str) -> Drill:  # noqa: A002 - what it is called
        """Return one exercise. Raises ProvenlineError where there is none."""
        found = next((one for one in self.all() if one.id == id), None)
        if found is None:
            raise ProvenlineError(f"there is no exercise {id!r}")
        return found

    def all(self) -> tuple[Drill, ...]:
        """Return all exercises, the newest first."""
        with self._database.reading() as connection:
            hidden: dict[str, list[Hidden]] = {}
            query = "SELECT drill, attempt, fault, since, score FROM hidden ORDER BY rowid"
            for drill, attempt, fault, since, score in connection.execute(query):
                hidden.setdefault(drill, []).append(Hidden(attempt, fault, since, json.loads(score) if score else None))
            query = "SELECT id, class, teacher, fault, rules, at, ended FROM drill ORDER BY at DESC, rowid DESC"
            return tuple(
                Drill(
                    id=id_,
                    group=group,
                    teacher=teacher,
                    fault=json.loads(fault),
                    rules=DiagnosisDocument.model_validate_json(rules),
                    at=at,
                    ended=ended,
                    hidden=tuple(hidden.get(id_, ())),
                )
                for id_, group, teacher, fault, rules, at, ended in connection.execute(query)
            )
