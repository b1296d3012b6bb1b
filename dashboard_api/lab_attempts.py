"""Attempts over REST: a line of one's own, what is done on it, and what that is worth.

POST /labs/courses/{course}/labs/{lab}/attempts   begin; with `practice` without a name
GET  /labs/attempts, /labs/attempts/{attempt}
POST /labs/courses/{course}/labs/{lab}/partner    join somebody's attempt by its code
DELETE …/partner  undo a pair
PUT  …/files      run with another configuration, or learn everything that is wrong with it
PUT  …/answers    POST …/hints, …/claims, …/reset, …/resume, …/grade, …/end
GET  /labs/line   how one's own line stands, also while it starts
GET  …/choices    what could be broken, to choose from     GET …/messages   what went over the wire
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dashboard_api.access import Json
from dashboard_api.audit import AuditHere
from dashboard_api.lab_access import REFUSED, LabDeskHere, LabHere, Learner, Own, answering
from dashboard_api.lab_payloads import (
    attempt_payload,
    claim_payload,
    fault_payload,
    graded_payload,
    html,
    lab_payload,
    message_payload,
    result_payload,
    said,
    work_payload,
)
from dashboard_api.query import CentreHere
from labs.attendance import day_of
from labs.desk import LabDesk, version_of
from labs.observation import Answer
from labs.pairs import join_code
from labs.roll import Presence
from labs.sandboxes import NoSandbox, Sandbox
from labs.work import Attempt
from plant.clock import MILLISECOND

router = APIRouter(prefix="/api/v1/labs", tags=["labs"])

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$")]
FileText = Annotated[str, Field(max_length=400_000)]
QuestionId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
Given = int | float | Annotated[str, Field(max_length=200)] | Annotated[list[int], Field(max_length=12)]


Ticket = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class BeginBody(_Body):
    """`practice`: without a name; nothing of it counts, and no name is kept.

    `ticket`: anything that nobody guesses, under which `line` tells how a line without a name starts.
    """

    practice: bool = False
    ticket: Ticket | None = None


class JoinBody(_Body):
    """The code that who began an attempt tells a partner, however it is typed."""

    code: str = Field(min_length=1, max_length=40)


class FilesBody(_Body):
    """The whole configuration, by file name. `version`: of the one it was made from; where another runs, 409."""

    files: Annotated[dict[FileName, FileText], Field(min_length=1, max_length=40)]
    version: str | None = Field(default=None, max_length=64)


class AnswersBody(_Body):
    """Answers by question: the number of an option from 1, several of them, a number, or a word."""

    answers: Annotated[dict[QuestionId, Given], Field(min_length=1, max_length=100)]


class HintBody(_Body):
    """The step whose next hint is wanted."""

    step: QuestionId


class ClaimBody(_Body):
    """What is wrong, and where, as `choices` names it; without a cause, that something is. `begun`: ms plant time."""

    cause: str = Field(default="", max_length=48)
    place: str = Field(min_length=1, max_length=200)
    begun: float | None = Field(default=None, ge=0, le=1e13)


@router.post("/courses/{course}/labs/{lab}/attempts", status_code=201, responses=REFUSED)
async def begin(
    lab: LabHere, body: BeginBody, who: Learner, centre: CentreHere, desk: LabDeskHere, audit: AuditHere
) -> Json:
    """Begin an attempt on a line of one's own, in place of the one before."""
    learner = "" if body.practice else who.name
    with answering():
        attempt = await desk.begin(learner, lab, ticket=body.ticket or "")
    if attempt.named:
        await _attend(learner, attempt, desk=desk, zone=centre.configuration.site.zone)
        await audit(who, "lab.begin", str(lab.key), after={"attempt": attempt.id, "seed": attempt.seed})
    return await _whole(attempt, desk)


@router.post("/courses/{course}/labs/{lab}/partner", responses=REFUSED)
async def join(
    lab: LabHere, body: JoinBody, who: Learner, centre: CentreHere, desk: LabDeskHere, audit: AuditHere
) -> Json:
    """Work on somebody's attempt as a partner: what is graded from now on counts for both."""
    if not who.name:
        raise HTTPException(409, "a pair needs two names; practice without a name is done alone")
    with answering():
        attempt = await desk.join(who.name, lab, body.code)
    await _attend(who.name, attempt, desk=desk, zone=centre.configuration.site.zone)
    alone = {"attempt": attempt.id, "learner": attempt.learner, "partner": ""}
    await audit(who, "lab.join", str(lab.key), before=alone, after={**alone, "partner": attempt.partner})
    return await _whole(attempt, desk)


@router.delete("/attempts/{attempt}/partner", status_code=204, responses=REFUSED)
async def part(attempt: Own, who: Learner, desk: LabDeskHere, audit: AuditHere) -> None:
    """Undo a pair: who began it goes on alone."""
    with answering():
        await desk.part(attempt, who.name)
    alone = {"attempt": attempt.id, "learner": attempt.learner, "partner": ""}
    await audit(who, "lab.part", str(attempt.key), before={**alone, "partner": attempt.partner}, after=alone)


@router.get("/attempts", responses=REFUSED)
async def mine(who: Learner, desk: LabDeskHere) -> list[Json]:
    """List one's own attempts, the newest first."""
    if not who.name:
        return []
    found = await asyncio.to_thread(desk.register.work.attempts, who.name)
    reached = [attempt for attempt in found if who.name in attempt.people]
    return [attempt_payload(attempt, _line(attempt, desk)) for attempt in reached[:500]]


@router.get("/line", responses=REFUSED)
async def line(who: Learner, desk: LabDeskHere, ticket: Annotated[Ticket | None, Query()] = None) -> Json:
    """Say how one's own line stands, or the one that starts for a ticket; how much of its past has been computed."""
    owner = desk.starting.get(ticket, "") if ticket else who.name
    found = desk.sandboxes.of(owner) if owner else None
    return {"state": found.state.value if found else None, "progress": found.progress if found else None}


@router.get("/attempts/{attempt}", responses=REFUSED)
async def one_attempt(attempt: Own, desk: LabDeskHere) -> Json:
    """Return an attempt: its lab, what was done, its results."""
    return await _whole(attempt, desk)


@router.get("/attempts/{attempt}/files", responses=REFUSED)
async def files(attempt: Own, desk: LabDeskHere) -> Json:
    """Return the configuration that the line runs with, and the one it began with."""
    with answering():
        running = dict(await desk.files(attempt))
        return {"files": running, "start": dict(desk.lab(attempt).files), "version": version_of(running)}


@router.put("/attempts/{attempt}/files", responses=REFUSED)
async def apply(attempt: Own, body: FilesBody, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Run with another configuration; where `faults` are answered, nothing has changed."""
    with answering():
        running = dict(await desk.files(attempt))
        faults = await desk.apply(attempt, body.files, instead_of=body.version)
    if attempt.named:
        told = {"attempt": attempt.id, **_files(body.files), "faults": len(faults)}
        await audit(who, "lab.apply", str(attempt.key), before=_files(running), after=told)
    return {"faults": [fault_payload(fault) for fault in faults], "version": version_of(body.files)}


@router.put("/attempts/{attempt}/answers", responses=REFUSED)
async def answer(attempt: Own, body: AnswersBody, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Keep answers; those to choose from stand once they were graded."""
    given: dict[str, Answer] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in body.answers.items()
    }
    before, _ = await asyncio.to_thread(desk.register.work.answers, attempt.id)
    with answering():
        await asyncio.to_thread(desk.answer, attempt, given)
    if attempt.named:
        stood = {key: _said(before[key]) for key in sorted(given) if key in before}
        after: Json = {"attempt": attempt.id, "answers": {key: _said(given[key]) for key in sorted(given)}}
        await audit(who, "lab.answer", str(attempt.key), before={"answers": stood}, after=after)
    return await _work(attempt, desk)


@router.post("/attempts/{attempt}/hints", responses=REFUSED)
async def hint(attempt: Own, body: HintBody, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Read the next hint of a step; it costs from now on, in later attempts too."""
    with answering():
        number, found = await asyncio.to_thread(desk.hint, attempt, body.step)
    if attempt.named:
        told = {"attempt": attempt.id, "step": body.step, "number": number}
        await audit(who, "lab.hint", str(attempt.key), after=told)
    return {"step": body.step, "number": number, "cost": found.cost, "text": html(found.text)}


@router.get("/attempts/{attempt}/choices", responses=REFUSED)
async def choices(attempt: Own, desk: LabDeskHere) -> list[Json]:
    """Return what could be broken, and where; it says nothing about what is."""
    with answering():
        found = await desk.line(attempt).choices()
    return [
        {
            "cause": one.kind,
            "name": said(one.name),
            "places": [{"id": target, "name": said(name)} for target, name in one.targets],
        }
        for one in found
    ]


@router.post("/attempts/{attempt}/claims", status_code=201, responses=REFUSED)
async def claim(attempt: Own, body: ClaimBody, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Say what is wrong, and where; no claim is taken back."""
    begun = None if body.begun is None else body.begun / 1000
    with answering():
        made = await desk.claim(attempt, cause=body.cause, place=body.place, begun=begun)
    if attempt.named:
        told = {"attempt": attempt.id, "cause": made.cause, "place": made.place}
        await audit(who, "lab.claim", str(attempt.key), after=told)
    return claim_payload(made)


@router.get("/attempts/{attempt}/messages", responses=REFUSED)
async def messages(
    attempt: Own,
    desk: LabDeskHere,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Json]:
    """Return what went over the wire of this line, decoded, after a message's number."""
    with answering():
        found = await desk.line(attempt).messages(after=after, limit=limit)
    return [message_payload(message) for message in found]


@router.post("/attempts/{attempt}/reset", responses=REFUSED)
async def reset(attempt: Own, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Begin anew on a fresh line; answers, hints and claims stay."""
    with answering():
        again = await desk.reset(attempt)
    if attempt.named:
        await audit(who, "lab.reset", str(attempt.key), after={"attempt": attempt.id})
    return await _whole(again, desk)


@router.post("/attempts/{attempt}/resume", responses=REFUSED)
async def resume(attempt: Own, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Go on after the line was stopped because nobody was at it; with a line that runs, nothing changes."""
    with answering():
        again = await desk.resume(attempt)
    if attempt.named:
        await audit(who, "lab.resume", str(attempt.key), after={"attempt": attempt.id})
    return await _whole(again, desk)


@router.post("/attempts/{attempt}/grade", responses=REFUSED)
async def grade(attempt: Own, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """Judge the line as it stands now; it can be done again, and the best counts."""
    with answering():
        graded = await desk.grade(attempt)
    if attempt.named:
        told = {"attempt": attempt.id, "points": graded.result.points, "of": graded.result.of}
        await audit(who, "lab.grade", str(attempt.key), after=told)
    return graded_payload(graded)


@router.post("/attempts/{attempt}/end", responses=REFUSED)
async def end(attempt: Own, who: Learner, desk: LabDeskHere, audit: AuditHere) -> Json:
    """End an attempt and give its line back."""
    with answering():
        await desk.end(attempt)
    if attempt.named:
        await audit(who, "lab.end", str(attempt.key), after={"attempt": attempt.id})
    found = await asyncio.to_thread(desk.register.work.attempt, attempt.id)
    return attempt_payload(found or attempt, None)


def _files(files: Mapping[str, str]) -> Json:
    return {"files": {name: len(text) for name, text in files.items()}, "version": version_of(files)}


def _said(answer: Answer) -> int | float | str | list[int]:
    return list(answer) if isinstance(answer, tuple) else answer


async def _attend(learner: str, attempt: Attempt, *, desk: LabDesk, zone: str) -> None:
    now = desk.clock.now()
    presence = Presence(learner, attempt.key.course, day_of(now, zone), now)
    await asyncio.to_thread(desk.register.roll.attend, [presence])


def _line(attempt: Attempt, desk: LabDesk) -> Sandbox | None:
    if attempt.ended is not None or not attempt.sandbox:
        return None
    try:
        return desk.sandboxes.get(attempt.sandbox)
    except NoSandbox:
        return None


async def _work(attempt: Attempt, desk: LabDesk) -> Json:
    work = desk.register.work
    answers, fixed = await asyncio.to_thread(work.answers, attempt.id)
    return work_payload(answers, fixed, await asyncio.to_thread(work.claims, attempt.id))


async def _whole(attempt: Attempt, desk: LabDesk) -> Json:
    work, lab = desk.register.work, desk.library.lab(attempt.key)
    results = await asyncio.to_thread(work.results, attempt.id)
    read = await asyncio.to_thread(work.hints, attempt)
    applied = await asyncio.to_thread(work.applied, attempt.id)
    alone = attempt.named and attempt.ended is None and not attempt.partner and not results
    return {
        **attempt_payload(attempt, _line(attempt, desk)),
        **await _work(attempt, desk),
        "code": join_code(attempt.id) if alone else None,
        "applied": applied and applied // MILLISECOND,
        "lab_document": lab_payload(lab, read) if lab else None,
        "results": [result_payload(result) for result in results[-20:]],
    }
