"""What of a lab is passed: its checks on the line, its questions, its hidden faults.

Everything is worked out anew from what the line shows and really is, at the moment of asking.
What comes back says what was seen on the trainee's side, never what the truth was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from labs.calculation import number
from labs.course import Check, Choice, LabDocument, Number, Several, StepDocument, Word
from labs.exercise import score
from labs.expression import parse
from labs.observation import Answer, Observation
from plant.text import Text

DIAGNOSIS = "diagnosis"
"""The id of a lab's outcome about hidden faults."""


class Part(StrEnum):
    """What an outcome is about."""

    CHECK = "check"
    QUESTION = "question"
    DIAGNOSIS = "diagnosis"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check or question: `points` of `of`.

    `why`: what to tell when it failed; `seen`: what was there. `given`: it was answered at all;
    a check always is. `step` is empty for a diagnosis.
    """

    id: str
    step: str
    part: Part
    passed: bool
    points: float
    of: int
    why: Text = Text()
    seen: str = ""
    given: bool = True


def judge(lab: LabDocument, observation: Observation) -> tuple[Outcome, ...]:
    """Return the outcome of every check and question of a lab, and of its hidden faults."""
    found = [outcome for step in lab.steps for outcome in _step(step, observation)]
    if lab.diagnosis is not None:
        found.append(_diagnosis(lab, observation))
    return tuple(found)


def _step(step: StepDocument, observation: Observation) -> Iterator[Outcome]:
    for check in step.checks:
        yield _check(step.id, check, observation)
    for question in step.questions:
        given = observation.submission.answer(question.id)
        passed = given is not None and _right(question, given, observation)
        why = question.why.words.text if question.why and not passed else Text()
        yield Outcome(
            id=question.id,
            step=step.id,
            part=Part.QUESTION,
            passed=passed,
            points=question.points if passed else 0,
            of=question.points,
            why=why,
            seen="" if given is None else str(given),
            given=given is not None,
        )


def _check(step: str, check: Check, observation: Observation) -> Outcome:
    value = parse(check.passes)(observation)
    passed = value.result is True
    return Outcome(
        id=check.id,
        step=step,
        part=Part.CHECK,
        passed=passed,
        points=check.points if passed else 0,
        of=check.points,
        why=Text() if passed else check.why.words.text,
        seen="; ".join(value.seen),
    )


def _right(question: Choice | Several | Number | Word, given: Answer, observation: Observation) -> bool:
    match question:
        case Choice():
            return not isinstance(given, bool) and given == question.answer
        case Several():
            return isinstance(given, tuple) and frozenset(given) == question.answer
        case Word():
            return isinstance(given, str) and _plain(given) in {_plain(word) for word in question.answer}
        case Number():
            right, within = (_number(part, observation) for part in (question.answer, question.within))
            said = None if isinstance(given, (str, tuple)) else number(given)
            return said is not None and right is not None and within is not None and abs(said - right) <= within


def _number(given: float | str, observation: Observation) -> float | int | None:
    return number(parse(given)(observation).result if isinstance(given, str) else given)


def _plain(word: str) -> str:
    return " ".join(word.casefold().split())


def _diagnosis(lab: LabDocument, observation: Observation) -> Outcome:
    assert lab.diagnosis is not None
    submission = observation.submission
    found = score(observation.truth.faults, submission.claims, lab.diagnosis, begun=submission.begun)
    return Outcome(
        id=DIAGNOSIS,
        step="",
        part=Part.DIAGNOSIS,
        passed=found.points == lab.diagnosis.points,
        points=found.points,
        of=lab.diagnosis.points,
        why=found.why,
        given=bool(submission.claims),
    )
