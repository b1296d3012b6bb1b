"""The instructor's side over REST: classes, how everybody stands now, and what really is broken.

GET  /labs/people                     who can be put into a class
GET  /labs/classes, POST, PUT …/{group}/members, DELETE …/{group}
GET  /labs/classes/{group}/live       where each member stands now
GET  /labs/classes/{group}/targets    what could be broken in its lines
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
    choices_payload,
    claim_payload,
    result_payload,
    said,
    true_fault_payload,
)
from labs.desk import LabDesk
from labs.roll import Class
from labs.targets import of_class
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
    before = await asyncio.to_thread(class_here, desk, group)
    after = await asyncio.to_thread(roll.put_members, group, body.members, desk.clock.now())
    await audit(who, "lab.class-members", group, before=list(before.members), after=list(after.members))
    return _class(after)


@router.delete("/classes/{group}", status_code=204, responses=REFUSED)
async def dissolve(group: Group, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> None:
    """Remove a class; its members stay enrolled."""
    found = await asyncio.to_thread(class_here, desk, group)
    await asyncio.to_thread(desk.register.roll.dissolve, group)
    await audit(who, "lab.class-dissolved", group, before={"name": found.name, "members": list(found.members)})


@router.get("/classes/{group}/live", responses=REFUSED)
async def live(group: Group, _: Teacher, desk: LabDeskHere) -> Json:
    """Return where each member of a class stands now."""
    found = await asyncio.to_thread(class_here, desk, group)
    members = await asyncio.to_thread(lambda: [_member(desk, found, learner) for learner in found.members])
    return {**_class(found), "members": members}


@router.get("/classes/{group}/targets", responses=REFUSED)
async def class_targets(group: Group, _: Teacher, desk: LabDeskHere) -> list[Json]:
    """Return what could be broken in the lines of a class, whether anybody works on one or not."""
    found = await asyncio.to_thread(class_here, desk, group)
    return choices_payload(await asyncio.to_thread(of_class, desk, found))


def class_here(desk: LabDesk, group: str) -> Class:
    """Return a class, or answer 404. Blocks."""
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
        return choices_payload(await desk.line(attempt).choices())
