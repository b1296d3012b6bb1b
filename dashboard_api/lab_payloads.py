"""What pages are told about courses, labs and attempts. What would give an answer away is not in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from configs.base import Words
from dashboard_api.access import Json
from labs.checking import Outcome
from labs.course import Choice, Number, Said, Several, StepDocument
from labs.desk import Graded
from labs.grading import CourseResult, Grade, HintKey
from labs.library import Course, Lab
from labs.observation import Answer, Claim, TrueFault
from labs.sandboxes import FaultChoice, Sandbox, WireMessage
from labs.text import Language, passage
from labs.work import Attempt, Result
from plant.clock import MILLISECOND
from plant.errors import Fault
from plant.text import Text


def said(text: Said | Words | Text) -> dict[str, str]:
    """Return words in both languages."""
    return {"zh": text.zh, "en": text.en}


def course_payload(course: Course, standing: CourseResult, best: Mapping[str, float], *, packaged: bool) -> Json:
    """Return a course and where somebody stands in it."""
    document = course.document
    return {
        "id": course.id,
        "name": said(document.name),
        "summary": said(document.summary),
        "goals": [said(goal) for goal in document.goals],
        "pass": document.pass_,
        "points": document.points,
        "minutes": sum(lab.minutes for lab in document.labs),
        "packaged": packaged,
        "standing": {"points": standing.points, "share": standing.share, "passed": standing.passed},
        "labs": [
            {
                "id": lab.id,
                "name": said(lab.name),
                "minutes": lab.minutes,
                "points": lab.points,
                "best": best.get(lab.id),
            }
            for lab in document.labs
        ],
    }


def lab_payload(lab: Lab, read: Collection[HintKey] = ()) -> Json:
    """Return a lab as it is worked on; of its hints only those in `read`."""
    document = lab.document
    return {
        "course": lab.key.course,
        "id": lab.key.lab,
        "name": said(document.name),
        "goals": [said(goal) for goal in document.goals],
        "minutes": document.minutes,
        "points": document.points,
        "scene": document.line.scene,
        "network": document.line.network,
        "editable": bool(lab.files),
        "diagnosis": document.diagnosis.points if document.diagnosis else None,
        "title": {_short(key): text.title for key, text in lab.texts.items()},
        "introduction": {_short(key): text.introduction for key, text in lab.texts.items()},
        "steps": [_step(step, lab, read) for step in document.steps],
    }


def _short(language: Language) -> str:
    return "zh" if language is Language.ZH else "en"


def _step(step: StepDocument, lab: Lab, read: Collection[HintKey]) -> Json:
    texts = {_short(key): text.steps[step.id] for key, text in lab.texts.items()}
    return {
        "id": step.id,
        "points": step.points,
        "title": {key: section.title for key, section in texts.items()},
        "text": {key: section.html for key, section in texts.items()},
        "checks": [{"id": check.id, "points": check.points} for check in step.checks],
        "questions": [_question(question) for question in step.questions],
        "hints": [
            {
                "number": number,
                "cost": hint.cost,
                "read": (step.id, number) in read,
                "text": html(hint.text) if (step.id, number) in read else None,
            }
            for number, hint in enumerate(step.hints)
        ],
    }


def html(text: Said) -> dict[str, str]:
    """Return a passage of a course in both languages as safe HTML."""
    return {"zh": passage(text.zh), "en": passage(text.en)}


def _question(question: Any) -> Json:  # noqa: ANN401 - one of the kinds of questions
    options = [said(option) for option in question.options] if isinstance(question, (Choice, Several)) else []
    return {
        "id": question.id,
        "kind": question.kind,
        "points": question.points,
        "ask": said(question.ask),
        "options": options,
        "unit": question.unit if isinstance(question, Number) else "",
    }


# ------------------------------------------------------------------------------------ attempts
def attempt_payload(attempt: Attempt, sandbox: Sandbox | None) -> Json:
    """Return an attempt, and where its line stands."""
    line = None
    if sandbox is not None:
        line = {"id": sandbox.id, "state": sandbox.state.value, "reason": sandbox.reason or None}
    return {
        "id": attempt.id,
        "learner": attempt.learner or None,
        "partner": attempt.partner or None,
        "course": attempt.key.course,
        "lab": attempt.key.lab,
        "practice": not attempt.named,
        "begun": attempt.begun // MILLISECOND,
        "ended": attempt.ended and attempt.ended // MILLISECOND,
        "sandbox": line,
    }


def work_payload(answers: Mapping[str, Answer], fixed: Collection[str], claims: Collection[Claim]) -> Json:
    """Return what was answered and claimed in an attempt."""
    return {
        "answers": {key: list(value) if isinstance(value, tuple) else value for key, value in answers.items()},
        "fixed": sorted(fixed),
        "claims": [claim_payload(claim) for claim in claims],
    }


def claim_payload(claim: Claim) -> Json:
    """Return one claim; times are ms of plant time."""
    begun = None if claim.begun is None else round(claim.begun * 1000)
    return {"cause": claim.cause, "place": claim.place, "made": round(claim.made * 1000), "begun": begun}


def result_payload(result: Result) -> Json:
    """Return what an attempt was worth when it was graded."""
    return {
        "points": result.points,
        "of": result.of,
        "at": result.at // MILLISECOND,
        "outcomes": [outcome_payload(outcome) for outcome in result.outcomes],
    }


def outcome_payload(outcome: Outcome) -> Json:
    """Return what came of one check or question."""
    return {
        "id": outcome.id,
        "step": outcome.step or None,
        "part": outcome.part.value,
        "passed": outcome.passed,
        "points": outcome.points,
        "of": outcome.of,
        "why": said(outcome.why),
        "seen": outcome.seen,
        "given": outcome.given,
    }


def graded_payload(graded: Graded) -> Json:
    """Return a result with what each step was worth after its hints."""
    return {**result_payload(graded.result), **_steps(graded.grade)}


def _steps(grade: Grade) -> Json:
    return {
        "steps": [
            {"id": one.id, "earned": one.earned, "hints": one.hints, "points": one.points, "of": one.of}
            for one in grade.steps
        ],
        "diagnosis": grade.diagnosis,
    }


def fault_payload(fault: Fault) -> Json:
    """Return one thing wrong in a configuration or a course."""
    return {
        "file": fault.file,
        "path": fault.path,
        "message": fault.message,
        "hint": fault.hint,
        "line": fault.line,
    }


def message_payload(message: WireMessage) -> Json:
    """Return one protocol message."""
    return {
        "number": message.number,
        "time": message.time // MILLISECOND,
        "source": message.source,
        "protocol": message.protocol,
        "direction": message.direction.value,
        "summary": message.summary,
        "fields": [list(one) for one in message.fields],
        "raw": message.raw,
    }


def choices_payload(choices: Iterable[FaultChoice]) -> list[Json]:
    """Return what could be broken, for who hides faults."""
    return [
        {
            "kind": one.kind,
            "name": said(one.name),
            "targets": [{"id": target, "name": said(name)} for target, name in one.targets],
        }
        for one in choices
    ]


def true_fault_payload(fault: TrueFault) -> Json:
    """Return what is broken; for instructors only."""
    return {"kind": fault.kind, "target": fault.target, "started": fault.started, "ended": fault.ended}
