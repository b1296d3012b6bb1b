"""Exercises over REST: faults that an instructor hides in the lines of a class, and who found them.

GET  /labs/exercises          the newest first
POST /labs/exercises          hide a fault in the lines of a class, of whoever begins later too, or in one attempt's
GET  /labs/exercises/{drill}  who found it so far; POST …/end ends it and keeps the scores
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.access import Json
from dashboard_api.audit import AuditHere
from dashboard_api.lab_access import REFUSED, LabDeskHere, Teacher
from dashboard_api.lab_payloads import said
from dashboard_api.lab_teaching import Group, class_here
from labs.course import DiagnosisDocument
from labs.desk import LabDesk
from labs.drills import Drill
from labs.sandboxes import FaultChoice, NoSandbox, SandboxTrouble
from labs.targets import named, of_class
from labs.work import Attempt, NotNow
from plant.clock import MILLISECOND
from plant.errors import ProvenlineError

router = APIRouter(prefix="/api/v1/labs/exercises", tags=["labs"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class FaultBody(_Body):
    """A fault, as `provenline fault` names it. `after`, `lasts`: seconds of plant time."""

    kind: str = Field(min_length=1, max_length=48)
    target: str = Field(min_length=1, max_length=200)
    size: float | None = Field(default=None, ge=-1e9, le=1e9)
    swapped_with: str = Field(default="", max_length=200)
    after: float = Field(default=0, ge=0, le=86_400)
    lasts: float | None = Field(default=None, gt=0, le=86_400)


class ExerciseBody(_Body):
    """A fault to hide: in all running lines of a class, or in one attempt's. Times in seconds of plant time."""

    group: str | None = Field(default=None, pattern=r"^[a-f0-9]{1,24}$")
    attempt: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,40}$")
    fault: FaultBody
    points: int = Field(default=10, ge=1, le=1000)
    detect: float = Field(default=300, gt=0, le=86_400)
    diagnose: float = Field(default=900, gt=0, le=86_400)


@router.get("", responses=REFUSED)
async def exercises(_: Teacher, desk: LabDeskHere) -> list[Json]:
    """List exercises, the newest first."""
    found = await asyncio.to_thread(desk.register.drills.all)
    return [_exercise(one) for one in found[:200]]


@router.post("", status_code=201, responses=REFUSED)
async def hide(body: ExerciseBody, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Hide a fault in the lines of a class, or in one; `refused` says where it could not be, and why.

    Nobody of a class has to work yet: the fault waits for whoever begins.
    """
    attempts = await asyncio.to_thread(_meant, desk, body)
    words = await _words(desk, body, attempts)
    rules = DiagnosisDocument(points=body.points, detect=body.detect, diagnose=body.diagnose)
    asked = body.fault.model_dump(mode="json") | {"words": words}
    drill = await asyncio.to_thread(
        desk.register.drills.begin, body.group or "", who.name, fault=asked, rules=rules, at=desk.clock.now()
    )
    refused: dict[str, str] = {}
    waiting = 0
    for attempt in attempts:
        try:
            await desk.hide(drill, attempt, drill.asked)
        except (SandboxTrouble, NoSandbox, NotNow) as error:
            refused[attempt.owner] = str(error)
            # A line that was stopped gets the fault of its class when somebody goes on.
            waiting += bool(body.group) and isinstance(error, NotNow)
    if attempts and len(refused) - waiting == len(attempts):
        await asyncio.to_thread(desk.register.drills.end, drill.id, {}, desk.clock.now())
        raise HTTPException(409, "; ".join(sorted(set(refused.values()))))
    await audit(who, "lab.hide-fault", drill.id, after={"fault": asked, "attempts": [one.id for one in attempts]})
    return {**_exercise(await asyncio.to_thread(desk.register.drills.drill, drill.id)), "refused": refused}


@router.get("/{drill}", responses=REFUSED)
async def exercise(drill: Group, _: Teacher, desk: LabDeskHere) -> Json:
    """Return an exercise with each attempt's score: kept ones when it has ended, else as they stand now."""
    found = await asyncio.to_thread(_drill, desk, drill)
    return {**_exercise(found), "scores": await _scores(desk, found)}


@router.post("/{drill}/end", responses=REFUSED)
async def end(drill: Group, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json:
    """End an exercise: mend the fault wherever it is, and keep the scores."""
    found = await asyncio.to_thread(_drill, desk, drill)
    if found.ended is not None:
        raise HTTPException(409, "this exercise has ended")
    scores = await _scores(desk, found)
    for hidden in found.hidden:
        attempt = await asyncio.to_thread(desk.register.work.attempt, hidden.attempt)
        if attempt is not None:
            await _mend(desk, attempt, hidden.fault)
    kept = {one["attempt"]: one["score"] for one in scores if one["score"] is not None}
    await asyncio.to_thread(desk.register.drills.end, drill, kept, desk.clock.now())
    await audit(who, "lab.exercise-end", drill, after={name: score["points"] for name, score in kept.items()})
    return {**_exercise(await asyncio.to_thread(desk.register.drills.drill, drill)), "scores": scores}


async def _words(desk: LabDesk, body: ExerciseBody, attempts: list[Attempt]) -> Json | None:
    """Return what the fault and its place are called. Answers 409 where no line of a class has such a place."""
    kind, target = body.fault.kind, body.fault.target
    choices: Sequence[FaultChoice] = ()
    if body.group is not None:
        group = await asyncio.to_thread(class_here, desk, body.group)
        choices = await asyncio.to_thread(of_class, desk, group)
    if not choices and attempts:
        with suppress(ProvenlineError):
            choices = await desk.line(attempts[0]).choices()
    found = named(choices, kind, target)
    if found is None and choices and not attempts:
        raise HTTPException(409, f"no line of this class has {target!r}, or it cannot have that fault")
    return {"kind": said(found[0]), "target": said(found[1])} if found else None


async def _mend(desk: LabDesk, attempt: Attempt, fault: str) -> None:
    try:
        await desk.line(attempt).clear(fault)
    except (NotNow, NoSandbox, SandboxTrouble):
        return  # the line is gone, or the fault is over already: nothing is left to be mended


def _meant(desk: LabDesk, body: ExerciseBody) -> list[Attempt]:
    if (body.group is None) == (body.attempt is None):
        raise HTTPException(422, "give either `group` or `attempt`")
    running = desk.register.work.running()
    if body.attempt is not None:
        chosen = [one for one in running if one.id == body.attempt]
    else:
        members = set(class_here(desk, body.group or "").members)
        chosen = [one for one in running if not members.isdisjoint(one.people)]
    if not chosen and body.attempt is not None:
        raise HTTPException(409, "nobody of them works on a line now")
    return chosen


def _drill(desk: LabDesk, drill: str) -> Drill:
    try:
        return desk.register.drills.drill(drill)
    except ProvenlineError as error:
        raise HTTPException(404, str(error)) from error


async def _scores(desk: LabDesk, drill: Drill) -> list[Json]:
    rows = []
    for hidden in drill.hidden:
        attempt = await asyncio.to_thread(desk.register.work.attempt, hidden.attempt)
        score = dict(hidden.score) if hidden.score is not None else None
        if score is None and drill.ended is None:
            now = await desk.found(drill, hidden)
            score = now.plain if now else None
        rows.append(
            {
                "attempt": hidden.attempt,
                "learner": attempt.learner or None if attempt else None,
                "partner": attempt.partner or None if attempt else None,
                "since": round(hidden.since * 1000),
                "score": score,
            }
        )
    return rows


def _exercise(drill: Drill) -> Json:
    return {
        "id": drill.id,
        "group": drill.group or None,
        "teacher": drill.teacher,
        "fault": dict(drill.fault),
        "points": drill.rules.points,
        "detect": drill.rules.detect,
        "diagnose": drill.rules.diagnose,
        "at": drill.at // MILLISECOND,
        "ended": drill.ended and drill.ended // MILLISECOND,
        "attempts": [hidden.attempt for hidden in drill.hidden],
    }
