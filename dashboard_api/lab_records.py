"""What labs leave behind: certificates, the grade book, attendance.

POST /labs/courses/{course}/certificate     one's own, once the course is passed
GET  /labs/certificates/{code}/pdf          in Chinese or English, for its holder and instructors
GET  /certificates/{code}                   whether a code is genuine; open to everybody, slowly
GET  /labs/grade-book[/csv|/xlsx]          a row a learner and lab
GET  /labs/attendance                       person-times by day and course; POST adds who was in the room
POST /labs/attendance/hand-in               the counts, into an acceptance campaign
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.access import Actor, Json, Permission, Refusal, Responses, requires
from dashboard_api.audit import AuditHere
from dashboard_api.back_off import FOR_ADDRESSES, BackOff
from dashboard_api.campaigns import DeskHere, Running
from dashboard_api.gate import address_of
from dashboard_api.lab_access import REFUSED, CourseHere, LabDeskHere, Learner, Teacher, answering
from dashboard_api.lab_payloads import said
from dashboard_api.query import CentreHere
from evidence.plan import HandedIn, Window
from labs import attendance, certificate
from labs.awards import Certificate, read_code
from labs.desk import LabDesk
from labs.grade_book import Row, as_csv, as_workbook, rows
from labs.roll import Presence
from plant.clock import MILLISECOND, iso

router = APIRouter(prefix="/api/v1", tags=["labs"])

Anyone = Annotated[Actor, Depends(requires(Permission.OPEN))]
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]
Language = Annotated[Literal["zh", "en"], Query()]
CourseFilter = Annotated[str | None, Query(max_length=48)]
_MANY: Responses = {429: {"model": Refusal, "description": "too many tries; see Retry-After"}}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LONGEST = 3 * 366


# -------------------------------------------------------------------------------- certificates
@router.post("/labs/courses/{course}/certificate", responses=REFUSED)
async def certify(course: CourseHere, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Give the certificate of a course one has passed; asked for again, it is the same one."""
    enrolled = await asyncio.to_thread(desk.register.roll.enrolments, learner=who.name, course=course.id)
    if not who.name or not enrolled:
        raise HTTPException(409, "enrol first; who practises without a name gets no certificate")
    standing, _ = await asyncio.to_thread(desk.standing, who.name, course)
    if not standing.passed:
        needed = course.document.pass_ * standing.of
        raise HTTPException(409, f"{standing.points:g} of {standing.of} points; {needed:g} are needed")
    wanted = Certificate(
        code="",
        learner=who.name,
        course=course.id,
        name=enrolled[0].name,
        course_name=course.document.name.words.text,
        points=standing.points,
        of=standing.of,
        at=desk.clock.now(),
    )
    given = await asyncio.to_thread(desk.register.awards.give, wanted)
    await audit(who, "lab.certificate", course.id, after={"code": given.code, "points": given.points})
    return _certificate(given)


@router.get("/labs/certificates/{code}/pdf", response_class=Response, responses=REFUSED)
async def certificate_file(
    code: Code, who: Learner, centre: CentreHere, desk: LabDeskHere, language: Language = "zh"
) -> Response:
    """Return a certificate as PDF, to its holder and to instructors."""
    found = await asyncio.to_thread(desk.register.awards.find, code)
    if found is None or (found.learner != who.name and not who.may(Permission.LAB_TEACH)):
        raise HTTPException(404, "there is no such certificate of yours")
    site = centre.configuration.site
    made = await asyncio.to_thread(certificate.pdf, found, language, issuer=site.name, zone=site.zone)
    headers = {"Content-Disposition": f'inline; filename="certificate-{found.code}-{language}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


def checks_of(request: Request) -> BackOff:
    """Return who has tried codes how often, of this application."""
    if not hasattr(request.app.state, "certificate_tries"):
        request.app.state.certificate_tries = BackOff(FOR_ADDRESSES, request.app.state.centre.clock)
    tries: BackOff = request.app.state.certificate_tries
    return tries


@router.get("/certificates/{code}", responses={**REFUSED, **_MANY})
async def genuine(
    code: Code, _: Anyone, request: Request, desk: LabDeskHere, tries: Annotated[BackOff, Depends(checks_of)]
) -> Json:
    """Say whether a code is genuine, and whose certificate of what it is; whoever guesses waits longer and longer."""
    address = address_of(request)
    wait = tries.wait(address)
    if wait > 0:
        raise HTTPException(429, "too many codes; try again later", headers={"Retry-After": str(round(wait) + 1)})
    tries.tried(address)
    found = await asyncio.to_thread(desk.register.awards.find, code)
    if found is None:
        raise HTTPException(404, f"there is no certificate {read_code(code)}")
    tries.succeeded(address)
    shown = _certificate(found)
    del shown["learner"]
    return shown


def _certificate(found: Certificate) -> Json:
    return {
        "code": found.code,
        "learner": found.learner,
        "name": found.name,
        "course": found.course,
        "course_name": said(found.course_name),
        "points": found.points,
        "of": found.of,
        "at": found.at // MILLISECOND,
    }


# ---------------------------------------------------------------------------------- grade book
async def _book(desk: LabDesk, course: str | None, group: str | None) -> list[Row]:
    def read() -> list[Row]:
        learners = desk.register.roll.a_class(group).members if group else None
        return rows(desk.register, desk.library, course=course, learners=learners)

    with answering():
        return await asyncio.to_thread(read)


@router.get("/labs/grade-book", responses=REFUSED)
async def grade_book(
    _: Teacher, desk: LabDeskHere, course: CourseFilter = None, group: CourseFilter = None
) -> list[Json]:
    """Return a row a learner and lab, of one course or class, or all."""
    return [
        {
            "name": row.name,
            "learner": row.learner,
            "course": row.course,
            "lab": row.lab,
            "attempts": row.attempts,
            "gradings": row.gradings,
            "hints": row.hints,
            "best": row.best,
            "of": row.of,
            "last": row.last and row.last // MILLISECOND,
            "certificate": row.certificate or None,
            "partners": list(row.partners),
        }
        for row in await _book(desk, course, group)
    ]


@router.get("/labs/grade-book/{form}", response_class=Response, responses=REFUSED)
async def grade_book_file(
    form: Literal["csv", "xlsx"],
    _: Teacher,
    centre: CentreHere,
    desk: LabDeskHere,
    language: Language = "zh",
    course: CourseFilter = None,
    group: CourseFilter = None,
) -> Response:
    """Return the same as a file for spreadsheets."""
    found, zone = await _book(desk, course, group), centre.configuration.site.zone
    make, media = (as_csv, "text/csv") if form == "csv" else (as_workbook, _XLSX)
    made = await asyncio.to_thread(make, found, language, zone)
    headers = {"Content-Disposition": f'attachment; filename="grade-book.{form}"'}
    return Response(made, media_type=media, headers=headers)


# ---------------------------------------------------------------------------------- attendance
class PresentBody(BaseModel):
    """Who was in the room on a day, as accounts are called."""

    model_config = ConfigDict(extra="forbid")

    course: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")
    day: date
    learners: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(min_length=1, max_length=500)


class HandInBody(BaseModel):
    """Which counts to hand in to which campaign. `source`: the document that says so; by default the register."""

    model_config = ConfigDict(extra="forbid")

    campaign: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")
    kind: Literal["person-times", "training", "courses"]
    first: date
    last: date
    course: str | None = Field(default=None, max_length=48)
    source: str = Field(default="", max_length=400)


@router.get("/labs/attendance", responses=REFUSED)
async def present(
    _: Teacher, centre: CentreHere, desk: LabDeskHere, first: date, last: date, course: CourseFilter = None
) -> Json:
    """Return person-times by day and course, and the records that acceptance asks for."""
    found, counted = await _counted(desk, centre.configuration.site.zone, (first, last), course)
    days = [{"day": day, "course": name, "number": number} for (day, name), number in attendance.by_day(found).items()]
    return {"person_times": sum(day["number"] for day in days), "days": days, "records": counted}


@router.post("/labs/attendance", status_code=201, responses=REFUSED)
async def note_present(body: PresentBody, who: Teacher, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Note who was in the room, once a person, course and day."""
    now = desk.clock.now()
    presences = [Presence(learner, body.course, body.day.isoformat(), now, by=who.name) for learner in body.learners]
    await asyncio.to_thread(desk.register.roll.attend, presences)
    after = {"day": body.day.isoformat(), "learners": body.learners}
    await audit(who, "lab.attendance", body.course, after=after)
    return {"noted": len(presences)}


@router.post("/labs/attendance/hand-in", status_code=201, responses=REFUSED)
async def hand_in(
    body: HandInBody, who: Running, centre: CentreHere, desk: LabDeskHere, campaigns: DeskHere, audit: AuditHere
) -> Json:
    """Hand the count of a kind into a campaign, as `provenline acceptance hand-in` does."""
    found, _ = await _counted(desk, centre.configuration.site.zone, (body.first, body.last), body.course)
    zone = centre.configuration.site.zone
    record = next(
        one for one in attendance.records(found, first=body.first, last=body.last, zone=zone) if one.kind == body.kind
    )
    source = body.source or f"lab register, {body.first} – {body.last}, {body.course or 'all courses'}"
    with answering():
        campaign = await asyncio.to_thread(campaigns.store.open, body.campaign)
        handed = HandedIn(
            kind=record.kind,
            window=Window(start=record.start, stop=record.stop),
            number=record.number,
            source=source,
            author=who.name or "unnamed",
            at=centre.clock.now(),
        )
        await asyncio.to_thread(campaign.hand_in, handed)
    told = {"kind": handed.kind, "number": handed.number, "source": source}
    await audit(who, "campaign.hand-in", body.campaign, after={**told, "window": [iso(record.start), iso(record.stop)]})
    return handed.model_dump(mode="json")


async def _counted(
    desk: LabDesk, zone: str, days: tuple[date, date], course: str | None
) -> tuple[tuple[Presence, ...], list[Json]]:
    first, last = days
    if not timedelta(0) <= last - first <= timedelta(days=_LONGEST) or last.year > 2200 or first.year < 2000:
        raise HTTPException(422, f"give a first and a last day, {_LONGEST} days apart at most")
    found = await asyncio.to_thread(desk.register.roll.attendance, first.isoformat(), last.isoformat(), course)
    counted = attendance.records(found, first=first, last=last, zone=zone)
    return found, [
        {"kind": one.kind, "start": iso(one.start), "stop": iso(one.stop), "number": one.number} for one in counted
    ]
