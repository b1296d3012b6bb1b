"""Courses over REST: what there is, enrolling, and courses that instructors send.

GET    /labs/courses                          all courses, and where one stands in each
POST   /labs/courses                          a course as a ZIP, from an instructor
GET    /labs/courses/{course}                 one course; DELETE removes one that was sent
GET    /labs/courses/{course}/labs/{lab}      a lab's texts, steps and questions, without the answers
GET    /labs/courses/{course}/pictures/{file}
PUT    /labs/courses/{course}/enrolment       enrol, and say which name to certify; DELETE leaves
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, UploadFile
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dashboard_api.access import Actor, Json, Permission
from dashboard_api.audit import AuditHere
from dashboard_api.lab_access import REFUSED, CourseHere, Id, LabDeskHere, LabHere, Learner, Teacher
from dashboard_api.lab_payloads import course_payload, fault_payload, lab_payload
from dashboard_api.refusals import content
from labs.desk import LabDesk
from labs.library import PACKAGED, Course
from labs.roll import Enrolment
from labs.upload import MOST_BYTES, receive, remove
from plant.errors import ConfigError

router = APIRouter(prefix="/api/v1/labs/courses", tags=["labs"])

PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")
]
_MEDIA = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}


class EnrolmentBody(BaseModel):
    """The name that the certificate is to show; without one, the account's."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName | None = Field(default=None)


@router.get("", responses=REFUSED)
async def courses(who: Learner, desk: LabDeskHere) -> Json:
    """List courses, with one's own standing; faulty ones are told to instructors."""
    enrolled = await asyncio.to_thread(lambda: {e.course for e in desk.register.roll.enrolments(learner=who.name)})
    rows = [await _course(course, who, desk) for course in desk.library.courses.values()]
    return {
        "courses": [{**row, "enrolled": row["id"] in enrolled} for row in rows],
        "faults": [fault_payload(fault) for fault in desk.library.faults] if who.may(Permission.LAB_TEACH) else [],
    }


@router.post("", status_code=201, responses=REFUSED, response_model=None)
async def send(file: UploadFile, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json | JSONResponse:
    """Take a course as a ZIP; answers 422 with every fault in it, and then nothing has changed."""
    archive = await file.read(MOST_BYTES + 1)
    known = dict(desk.library.courses)
    try:
        course = await asyncio.to_thread(_receive, desk, archive)
    except ConfigError as error:
        faults = [fault_payload(fault) for fault in error.faults]
        return JSONResponse({**content(f"the course has {len(faults)} faults"), "detail": faults}, 422)
    replaced = _state(known[course.id]) if course.id in known else None
    await audit(who, "lab.course", course.id, before=replaced, after=_state(course))
    return await _course(course, who, desk)


@router.get("/{course}", responses=REFUSED)
async def one_course(course: CourseHere, who: Learner, desk: LabDeskHere) -> Json:
    """Return one course."""
    found = await asyncio.to_thread(desk.register.roll.enrolments, learner=who.name, course=course.id)
    row = await _course(course, who, desk)
    return {**row, "enrolled": bool(found), "name_certified": found[0].name if found else None}


@router.delete("/{course}", status_code=204, responses=REFUSED)
async def remove_course(course: Id, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> None:
    """Remove a course that was sent; what was done in it stays on record."""
    known = desk.library.courses.get(course)
    if not await asyncio.to_thread(remove, course, desk.folder):
        raise HTTPException(404, "there is no such course that was sent")
    await asyncio.to_thread(desk.reread)
    await audit(who, "lab.course-removed", course, before=_state(known) if known else {"faulty": True})


@router.get("/{course}/labs/{lab}", responses=REFUSED)
async def one_lab(lab: LabHere, _: Learner) -> Json:
    """Return a lab's texts, steps and questions."""
    return lab_payload(lab)


@router.get("/{course}/pictures/{file}", response_class=FileResponse, responses=REFUSED)
async def picture(
    course: CourseHere, file: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")], _: Learner
) -> FileResponse:
    """Return a picture that a text of the course shows."""
    known = {name for lab in course.labs.values() for text in lab.texts.values() for name in text.pictures}
    if file not in known:
        raise HTTPException(404, "no text of this course shows such a picture")
    return FileResponse(course.folder / file, media_type=_MEDIA[file.rpartition(".")[2].lower()])


@router.put("/{course}/enrolment", responses=REFUSED)
async def enrol(course: CourseHere, body: EnrolmentBody, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Enrol, or change the name to be certified."""
    if not who.name:
        raise HTTPException(409, "sign in to enrol; without a name there is practice only")
    enrolment = Enrolment(who.name, course.id, body.name or who.name, desk.clock.now())
    before = await _enrolled(course, who, desk)
    await asyncio.to_thread(desk.register.roll.enrol, enrolment)
    await audit(who, "lab.enrol", course.id, before=before, after={"name": enrolment.name})
    return {"course": course.id, "name": enrolment.name}


@router.delete("/{course}/enrolment", status_code=204, responses=REFUSED)
async def leave(course: CourseHere, who: Learner, desk: LabDeskHere, audit: AuditHere) -> None:
    """End one's enrolment; what was done stays on record."""
    before = await _enrolled(course, who, desk)
    await asyncio.to_thread(desk.register.roll.leave, who.name, course.id)
    await audit(who, "lab.leave", course.id, before=before or {"name": None})


def _state(course: Course) -> Json:
    return {"labs": list(course.labs), "points": course.document.points}


async def _enrolled(course: Course, who: Actor, desk: LabDesk) -> Json | None:
    """Return by which name somebody is enrolled, None who is not."""
    found = await asyncio.to_thread(desk.register.roll.enrolments, learner=who.name, course=course.id)
    return {"name": found[0].name} if found else None


async def _course(course: Course, who: Actor, desk: LabDesk) -> Json:
    standing, best = await asyncio.to_thread(desk.standing, who.name, course)
    return course_payload(course, standing, best, packaged=course.folder.parent == PACKAGED)


def _receive(desk: LabDesk, archive: bytes) -> Course:
    course = receive(archive, desk.folder, desk.scenery, taken={path.name for path in PACKAGED.glob("*")})
    desk.reread()
    return course
