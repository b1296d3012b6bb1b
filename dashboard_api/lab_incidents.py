"""Incidents over REST: a past of a real line that pauses and asks, for a class.

GET  /labs/incidents             those of one's own classes; all of them for instructors
POST /labs/incidents             from an instructor; DELETE …/{incident}
GET  /labs/incidents/{incident}  its questions, and one's own answers; for instructors everybody's score
PUT  …/{incident}/answers        one answer, which stands; says at once whether it was right

An incident needs the samples of its time, each of them: where retention has thinned them, it says
so and is not played from buckets, in which a stop of a few seconds would not be seen.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from configs.base import Identifier
from dashboard_api.access import Actor, Json, Permission
from dashboard_api.audit import AuditHere
from dashboard_api.centre import Centre
from dashboard_api.lab_access import REFUSED, LabDeskHere, Learner, Teacher, answering
from dashboard_api.query import CentreHere
from labs.desk import LabDesk
from labs.incidents import Ask, Incident
from plant.clock import MILLISECOND
from plant.errors import ProvenlineError

router = APIRouter(prefix="/api/v1/labs/incidents", tags=["labs"])

IncidentId = Annotated[str, Path(pattern=r"^[a-f0-9]{1,24}$")]
_LONGEST = 24 * 3600 * 1000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class IncidentBody(_Body):
    """A stretch of the past, in ms since 1970 UTC, at most a day, and what is asked in it."""

    group: str = Field(pattern=r"^[a-f0-9]{1,24}$")
    scene: Identifier
    name: str = Field(min_length=1, max_length=80)
    start: int = Field(ge=0, le=10**13)
    stop: int = Field(ge=0, le=10**13)
    questions: list[Ask] = Field(min_length=1, max_length=30)


class AnswerBody(_Body):
    """The answer to a question, by its number from 0."""

    question: int = Field(ge=0, le=100)
    answer: float | Annotated[str, Field(max_length=200)]


def any_incident(incident: IncidentId, _: Learner, desk: LabDeskHere) -> Incident:
    """Return the incident of a path."""
    try:
        return desk.register.incidents.incident(incident)
    except ProvenlineError as error:
        raise HTTPException(404, str(error)) from error


def incident_here(
    incident: IncidentId, found: Annotated[Incident, Depends(any_incident)], who: Learner, desk: LabDeskHere
) -> Incident:
    """Return the incident of a path, to members of its class and to instructors."""
    if not _concerns(desk, found, who):
        raise HTTPException(404, f"there is no incident {incident!r}")
    return found


def taught_incident(incident: IncidentId, _: Teacher, desk: LabDeskHere) -> Incident:
    """Return the incident of a path, to instructors: who is none is refused before anything is looked up."""
    return any_incident(incident, _, desk)


IncidentHere = Annotated[Incident, Depends(incident_here)]


@router.get("", responses=REFUSED)
async def incidents(who: Learner, centre: CentreHere, desk: LabDeskHere) -> list[Json]:
    """List incidents, the newest first; `thinned`: its samples are gone, so it cannot be played any more."""

    def read() -> list[Json]:
        register = desk.register.incidents
        mine = [one for one in register.all() if _concerns(desk, one, who)]
        return [
            {
                **_payload(one, centre),
                "answered": len(register.answers(one.id).get(who.name, {})),
                "of": len(one.asks),
            }
            for one in mine
        ]

    return await asyncio.to_thread(read)


@router.post("", status_code=201, responses=REFUSED)
async def plan(body: IncidentBody, who: Teacher, centre: CentreHere, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Plan an incident for a class."""
    if body.scene not in {scene.id for scene in centre.configuration.site.scenes}:
        raise HTTPException(404, f"there is no scene {body.scene!r}")
    if not 0 < body.stop - body.start <= _LONGEST:
        raise HTTPException(422, "give a begin and an end, a day apart at most")
    if any(not body.start < ask.at < body.stop for ask in body.questions):
        raise HTTPException(422, "every question is asked between the begin and the end")
    asked = Incident("", body.group, who.name, body.scene, body.name, body.start, body.stop, tuple(body.questions))
    await _check_whole(asked, centre)
    with answering():
        await asyncio.to_thread(desk.register.roll.a_class, body.group)
        kept = await asyncio.to_thread(desk.register.incidents.plan, asked, desk.clock.now())
    await audit(who, "lab.incident", kept.id, after={"name": kept.name, "scene": kept.scene, "class": kept.group})
    return await asyncio.to_thread(_payload, kept, centre)


@router.get("/{incident}", responses=REFUSED)
async def one_incident(incident: IncidentHere, who: Learner, centre: CentreHere, desk: LabDeskHere) -> Json:
    """Return an incident with its questions, whose answers are told once they were given."""
    given = await asyncio.to_thread(desk.register.incidents.answers, incident.id)
    own, teaches = given.get(who.name, {}), who.may(Permission.LAB_TEACH)
    questions = []
    for number, ask in enumerate(incident.asks):
        row: Json = {"at": ask.at, "kind": ask.kind, "ask": ask.ask, "options": list(ask.options)}
        row["given"] = own.get(number)
        row["right"] = ask.right(own[number]) if number in own else None
        row["answer"] = ask.answer if teaches or number in own else None
        questions.append(row)
    scores = [
        {"learner": learner, "answered": len(found), "right": _right(incident, found), "of": len(incident.asks)}
        for learner, found in given.items()
    ]
    shown = await asyncio.to_thread(_payload, incident, centre)
    return {**shown, "questions": questions, "scores": scores if teaches else []}


@router.put("/{incident}/answers", responses=REFUSED)
async def answer(
    incident: IncidentHere, body: AnswerBody, who: Learner, centre: CentreHere, desk: LabDeskHere, audit: AuditHere
) -> Json:
    """Answer a question, once."""
    if body.question >= len(incident.asks):
        raise HTTPException(404, f"there is no question {body.question}")
    ask = incident.asks[body.question]
    await _check_whole(incident, centre)
    with answering():
        await asyncio.to_thread(
            desk.register.incidents.answer,
            incident.id,
            who.name,
            question=body.question,
            given=body.answer,
            at=desk.clock.now(),
        )
    right = ask.right(body.answer)
    await audit(who, "lab.incident-answer", incident.id, after={"question": body.question, "right": right})
    return {"right": right, "answer": ask.answer}


@router.delete("/{incident}", status_code=204, responses=REFUSED)
async def remove(
    incident: Annotated[Incident, Depends(taught_incident)], who: Teacher, desk: LabDeskHere, audit: AuditHere
) -> None:
    """Remove an incident and what was answered to it."""
    await asyncio.to_thread(desk.register.incidents.remove, incident.id)
    await audit(who, "lab.incident-removed", incident.id, before={"name": incident.name})


def _concerns(desk: LabDesk, incident: Incident, who: Actor) -> bool:
    if who.may(Permission.LAB_TEACH):
        return True
    classes = {one.id: one.members for one in desk.register.roll.classes()}
    return bool(who.name) and who.name in classes.get(incident.group, ())


def _right(incident: Incident, given: dict[int, int | float | str]) -> int:
    return sum(incident.asks[number].right(value) for number, value in given.items() if number < len(incident.asks))


def _thinned(incident: Incident, centre: Centre) -> bool:
    scene = centre.configuration.site.scene(incident.scene)
    paths = [tag.path for tag in scene.tags] if scene else []
    span = (incident.start * MILLISECOND, incident.stop * MILLISECOND)
    return bool(centre.historian.thinned(paths, *span))


async def _check_whole(incident: Incident, centre: Centre) -> None:
    if await asyncio.to_thread(_thinned, incident, centre):
        raise HTTPException(409, "the samples of this time were thinned, so it cannot be played again")


def _payload(incident: Incident, centre: Centre) -> Json:
    return {
        "id": incident.id,
        "group": incident.group,
        "scene": incident.scene,
        "name": incident.name,
        "teacher": incident.teacher,
        "start": incident.start,
        "stop": incident.stop,
        "thinned": _thinned(incident, centre),
    }
