"""The instructor's side over REST: classes, how everybody stands now, faults to hide and who found them.

GET  /labs/people                     who can be put into a class
GET  /labs/classes, POST, PUT …/{group}/members, DELETE …/{group}
GET  /labs/classes/{group}/live       where each member stands now
GET  /labs/exercises, POST            hide a fault in the lines of a class, or of one attempt
GET  /labs/exercises/{drill}          who found it so far; POST …/end ends it and keeps the scores
GET  /labs/attempts/{attempt}/faults  what really is broken
GET  /labs/attempts/{attempt}/targets what could be
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from configs.base import Identifier
from dashboard_api.access import PERMISSIONS, Json, Permission
from dashboard_api.accounts import AccountsHere
from dashboard_api.audit import AuditHere
from dashboard_api.lab_access import REFUSED, Anybodys, LabDeskHere, Teacher, answering
from dashboard_api.lab_payloads import (
    attempt_payload,
    claim_payload,
    result_payload,
    said,
    true_fault_payload,
)
from labs.course import DiagnosisDocument
from labs.desk import LabDesk
from labs.drills import Drill
from labs.roll import Class
from labs.sandboxes import NoSandbox, SandboxTrouble
from labs.work import Attempt, NotNow
from plant.clock import MILLISECOND
from plant.errors import ProvenlineError

router = APIRouter(prefix="/api/v1/labs", tags=["labs"])

Account = Annotated[str, Field(min_length=1, max_length=64)]
Group = Annotated[str, Path(pattern=r"^[a-f0-9]{1,24}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ClassBody(_Body):
    """A class of a course."""

    course: Identifier
    name: str = Field(min_length=1, max_length=80)
    members: list[Account] = Field(default=[], max_length=500)


class MembersBody(_Body):
    """Who is in a class, as accounts are called."""

    members: list[Account] = Field(max_length=500)


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


# ------------------------------------------------------------------------------------- classes
@router.get("/people", responses=REFUSED)
async def people(_: Teacher, accounts: AccountsHere) -> list[Json]:
    """List who may learn, for classes."""
    return [
        {"name": user.name, "role": user.role.value}
        for user in accounts.users()
        if user.enabled and Permission.LAB_LEARN in PERMISSIONS[user.role]
    ]


@router.get("/classes", responses=REFUSED)
async def classes(_: Teacher, desk: LabDeskHere) -> list[Json]:
    """List classes, the newest first."""
    return [_class(one) for one in await asyncio.to_thread(desk.register.roll.classes)]


@router.post("/classes", status_code=201, responses=REFUSED)
async def form(body: ClassBody, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Form a class; its members are enrolled."""
    if body.course not in desk.library.courses:
        raise HTTPException(404, f"there is no course {body.course!r}")
    now, roll = desk.clock.now(), desk.register.roll
    formed = await asyncio.to_thread(roll.form, body.course, body.name, who.name, now)
    formed = await asyncio.to_thread(roll.put_members, formed.id, body.members, now)
    await audit(who, "lab.class", formed.id, after={"name": formed.name, "members": list(formed.members)})
    return _class(formed)


@router.put("/classes/{group}/members", responses=REFUSED)
async def put_members(group: Group, body: MembersBody, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Set who is in a class."""
    roll = desk.register.roll
    before = await asyncio.to_thread(_found, desk, group)
    after = await asyncio.to_thread(roll.put_members, group, body.members, desk.clock.now())
    await audit(who, "lab.class", group, before=list(before.members), after=list(after.members))
    return _class(after)


@router.delete("/classes/{group}", status_code=204, responses=REFUSED)
async def dissolve(group: Group, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> None:
    """Remove a class; its members stay enrolled."""
    found = await asyncio.to_thread(_found, desk, group)
    await asyncio.to_thread(desk.register.roll.dissolve, group)
    await audit(who, "lab.class-dissolved", group, before={"name": found.name, "members": list(found.members)})


@router.get("/classes/{group}/live", responses=REFUSED)
async def live(group: Group, _: Teacher, desk: LabDeskHere) -> Json:
    """Return where each member of a class stands now."""
    found = await asyncio.to_thread(_found, desk, group)
    members = await asyncio.to_thread(lambda: [_member(desk, found, learner) for learner in found.members])
    return {**_class(found), "members": members}


def _found(desk: LabDesk, group: str) -> Class:
    try:
        return desk.register.roll.a_class(group)
    except ProvenlineError as error:
        raise HTTPException(404, str(error)) from error


def _class(found: Class) -> Json:
    return {
        "id": found.id,
        "course": found.course,
        "name": found.name,
        "teacher": found.teacher,
        "at": found.at // MILLISECOND,
        "members": list(found.members),
    }


def _member(desk: LabDesk, group: Class, learner: str) -> Json:
    work = desk.register.work
    running = next((one for one in work.attempts(learner) if one.ended is None and learner in one.people), None)
    course = desk.library.courses.get(group.course)
    standing = desk.standing(learner, course)[0] if course else None
    row: Json = {
        "learner": learner,
        "points": standing.points if standing else None,
        "of": standing.of if standing else None,
        "passed": standing.passed if standing else None,
        "attempt": None,
    }
    if running is not None:
        results = work.results(running.id)
        lab = desk.library.lab(running.key)
        row["attempt"] = {
            **attempt_payload(running, desk.sandboxes.of(running.owner)),
            "lab_name": said(lab.document.name) if lab else None,
            "steps": [one.id for one in lab.document.steps] if lab else [],
            "active": work.last_deed(running) // MILLISECOND,
            "hints": len(work.hints(running)),
            "claims": [claim_payload(claim) for claim in work.claims(running.id)],
            "result": result_payload(results[-1]) if results else None,
        }
    return row


# ----------------------------------------------------------------------------------- exercises
@router.get("/exercises", responses=REFUSED)
async def exercises(_: Teacher, desk: LabDeskHere) -> list[Json]:
    """List exercises, the newest first."""
    found = await asyncio.to_thread(desk.register.drills.all)
    return [_exercise(one) for one in found[:200]]


@router.post("/exercises", status_code=201, responses=REFUSED)
async def hide(body: ExerciseBody, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Hide a fault in the running lines of a class, or in one; `refused` says where it could not be, and why."""
    attempts = await asyncio.to_thread(_meant, desk, body)
    rules = DiagnosisDocument(points=body.points, detect=body.detect, diagnose=body.diagnose)
    asked = body.fault.model_dump(mode="json")
    drill = await asyncio.to_thread(
        desk.register.drills.begin, body.group or "", who.name, fault=asked, rules=rules, at=desk.clock.now()
    )
    refused: dict[str, str] = {}
    for attempt in attempts:
        try:
            await desk.hide(drill, attempt, drill.asked)
        except (SandboxTrouble, NoSandbox, NotNow) as error:
            refused[attempt.owner] = str(error)
    if len(refused) == len(attempts):
        await asyncio.to_thread(desk.register.drills.end, drill.id, {}, desk.clock.now())
        raise HTTPException(409, "; ".join(sorted(set(refused.values()))))
    await audit(who, "lab.hide-fault", drill.id, after={"fault": asked, "attempts": [one.id for one in attempts]})
    return {**_exercise(await asyncio.to_thread(desk.register.drills.drill, drill.id)), "refused": refused}


@router.get("/exercises/{drill}", responses=REFUSED)
async def exercise(drill: Group, _: Teacher, desk: LabDeskHere) -> Json:
    """Return an exercise with each attempt's score: kept ones when it has ended, else as they stand now."""
    found = await asyncio.to_thread(_drill, desk, drill)
    return {**_exercise(found), "scores": await _scores(desk, found)}


@router.post("/exercises/{drill}/end", responses=REFUSED)
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
        members = set(_found(desk, body.group or "").members)
        chosen = [one for one in running if not members.isdisjoint(one.people)]
    if not chosen:
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


# --------------------------------------------------------------------------- what really happens
@router.get("/attempts/{attempt}/faults", responses=REFUSED)
async def faults(attempt: Anybodys, desk: LabDeskHere) -> list[Json]:
    """Return what is and was broken in somebody's line."""
    with answering():
        return [true_fault_payload(fault) for fault in await desk.line(attempt).faults()]


@router.get("/attempts/{attempt}/targets", responses=REFUSED)
async def targets(attempt: Anybodys, desk: LabDeskHere) -> list[Json]:
    """Return what could be broken in somebody's line."""
    with answering():
        found = await desk.line(attempt).choices()
    return [
        {
            "kind": one.kind,
            "name": said(one.name),
            "targets": [{"id": target, "name": said(name)} for target, name in one.targets],
        }
        for one in found
    ]
