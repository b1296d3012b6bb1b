"""Acceptance campaigns over REST: plan, leave out, carry out, watch, read, download.

GET  /campaigns                    all of them, newest plan first, and what could be planned
POST /campaigns                    freeze a plan
GET  /campaigns/{id}               its plan's revisions, exclusions, findings, how far it is
POST /campaigns/{id}/revisions     a changed plan, with the reason
POST /campaigns/{id}/exclusions    leave a window out, under a rule of the plan
POST /campaigns/{id}/records       hand in what no telemetry knows
POST /campaigns/{id}/run, /cancel  carried out by a process of its own
POST /campaigns/{id}/verification  everything checked and computed anew
GET  /campaigns/{id}/package       the evidence; /report/{name} one file of the report
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api import campaign_payloads as payload
from dashboard_api.access import Actor, Permission, requires
from dashboard_api.audit import Audit, AuditHere
from dashboard_api.campaign_plans import Planned, plan_of
from dashboard_api.desk import Desk
from dashboard_api.query import CentreHere, Json, words
from evidence.campaign import Campaign
from evidence.plan import Exclusion, HandedIn, Window
from evidence.verify import verify
from plant.clock import iso
from plant.errors import ProvenlineError

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
Viewing = Annotated[Actor, Depends(requires(Permission.CAMPAIGN_VIEW))]
Running = Annotated[Actor, Depends(requires(Permission.CAMPAIGN_RUN))]
Exporting = Annotated[Actor, Depends(requires(Permission.EVIDENCE_EXPORT))]

_MEDIA = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_REFUSED: dict[int | str, dict[str, Any]] = {404: {}, 409: {"description": "not as it stands"}}


class LeftOut(BaseModel):
    """A window to leave out; ns UTC. Who does it is known from the session."""

    model_config = ConfigDict(extra="forbid")

    window: Window
    rule: str = Field(max_length=48)
    reason: str = Field(min_length=3, max_length=500)


class Handed(BaseModel):
    """A record to hand in: `number` of so many, by a document; ns UTC. Who does it is known from the session."""

    model_config = ConfigDict(extra="forbid")

    side: Literal["baseline", "improved"] = "improved"
    kind: str = Field(max_length=48)
    window: Window
    number: float = Field(ge=0, le=1e15, allow_inf_nan=False)
    of: float = Field(default=1.0, gt=0, le=1e15, allow_inf_nan=False)
    source: str = Field(min_length=3, max_length=500)


def desk_here(centre: CentreHere) -> Desk:
    """Return the desk of the centre that answers."""
    if centre.desk is None:
        raise HTTPException(404, "this centre carries out no campaigns")
    return centre.desk


DeskHere = Annotated[Desk, Depends(desk_here)]


@router.get("")
async def list_campaigns(who: Viewing, centre: CentreHere, desk: DeskHere) -> Json:
    """List campaigns, and the scenes for which one could be planned."""
    found = await asyncio.to_thread(lambda: [payload.row(one) for one in desk.store])
    return {
        "campaigns": sorted(found, key=lambda one: one["frozen"], reverse=True),
        "options": payload.options(centre),
        "profiles": [{"id": one.id, "name": words(one.name.text)} for one in centre.configuration.networks.values()],
        "may_run": who.may(Permission.CAMPAIGN_RUN),
        "may_export": who.may(Permission.EVIDENCE_EXPORT),
    }


@router.post("", status_code=201, responses=_REFUSED)
async def freeze(planned: Planned, who: Running, centre: CentreHere, desk: DeskHere, audit: AuditHere) -> Json:
    """Freeze a plan as a new campaign."""
    with _answering():
        plan = plan_of(planned, centre, who)
        campaign = await asyncio.to_thread(desk.store.create, plan, clock=centre.clock)
    await audit(who, "campaign.freeze", plan.id, after={"hash": plan.hash, "revision": 1})
    return await asyncio.to_thread(payload.whole, campaign, centre)


@router.get("/{name}", responses=_REFUSED)
async def campaign(name: Name, _: Viewing, centre: CentreHere, desk: DeskHere) -> Json:
    """Return one campaign."""
    return await asyncio.to_thread(payload.whole, _open(desk, name), centre)


@router.post("/{name}/revisions", status_code=201, responses=_REFUSED)
async def revise(
    name: Name, planned: Planned, who: Running, centre: CentreHere, desk: DeskHere, audit: AuditHere
) -> Json:
    """Freeze a changed plan as the next revision; the change and its reason show in every report."""
    found = _open(desk, name)
    before = found.plan
    with _answering():
        plan = plan_of(planned, centre, who, name=name)
        after = await asyncio.to_thread(found.revise, plan, clock=centre.clock, reason=planned.reason)
    changes = {"hash": after.hash, "revision": after.revision, "reason": after.reason}
    await audit(who, "campaign.revise", name, before={"hash": before.hash}, after=changes)
    return await asyncio.to_thread(payload.whole, found, centre)


@router.post("/{name}/exclusions", status_code=201, responses=_REFUSED)
async def exclude(
    name: Name, left_out: LeftOut, who: Running, centre: CentreHere, desk: DeskHere, audit: AuditHere
) -> Json:
    """Leave a window out, in one's own name."""
    found = _open(desk, name)
    with _answering():
        exclusion = Exclusion(
            window=left_out.window,
            rule=left_out.rule,
            reason=left_out.reason,
            author=who.name or who.address or "unnamed",
            at=centre.clock.now(),
        )
        await asyncio.to_thread(found.exclude, exclusion)
    window = [iso(left_out.window.start), iso(left_out.window.stop)]
    await audit(
        who, "campaign.exclude", name, after={"window": window, "rule": exclusion.rule, "reason": exclusion.reason}
    )
    return await asyncio.to_thread(payload.whole, found, centre)


@router.post("/{name}/records", status_code=201, responses=_REFUSED)
async def hand_in(
    name: Name, handed: Handed, who: Running, centre: CentreHere, desk: DeskHere, audit: AuditHere
) -> Json:
    """Hand in what no telemetry knows, in one's own name; of those for the same kind and window the last counts."""
    found = _open(desk, name)
    with _answering():
        asked = {one["kind"] for one in payload.asked(found, centre)}
        if handed.kind not in asked:
            known = ", ".join(sorted(asked)) or "none"
            raise ProvenlineError(f"the clause asks for no records of {handed.kind}; it asks for: {known}")
        author = who.name or who.address or "unnamed"
        record = HandedIn(**dict(handed), author=author, at=centre.clock.now())
        await asyncio.to_thread(found.hand_in, record)
    told = record.model_dump(mode="json", include={"side", "kind", "number", "of", "source"})
    window = [iso(record.window.start), iso(record.window.stop)]
    await audit(who, "campaign.hand-in", name, after={**told, "window": window})
    return await asyncio.to_thread(payload.whole, found, centre)


@router.post("/{name}/run", status_code=202, responses=_REFUSED)
async def run(name: Name, who: Running, desk: DeskHere, audit: AuditHere) -> Json:
    """Carry a campaign out, in the background."""
    found = _open(desk, name)
    if found.package.exists():
        raise HTTPException(409, "this revision has its package; change the plan to carry it out again")
    with _answering():
        await desk.runner.start(found)
    await _told(audit, who, "campaign.run", found)
    return await asyncio.to_thread(payload.row, found)


@router.post("/{name}/cancel", status_code=202, responses=_REFUSED)
async def cancel(name: Name, who: Running, desk: DeskHere, audit: AuditHere) -> Json:
    """Call a running campaign off; what it recorded so far is thrown away."""
    found = _open(desk, name)
    with _answering():
        await desk.runner.cancel(found)
    await _told(audit, who, "campaign.cancel", found)
    return await asyncio.to_thread(payload.row, found)


@router.post("/{name}/verification", responses=_REFUSED)
async def verification(name: Name, _: Running, desk: DeskHere) -> Json:
    """Check a campaign's package and compute everything in it anew."""
    package = _open(desk, name).package
    if not package.exists():
        raise HTTPException(409, "there is no package yet")
    return payload.checked(await asyncio.to_thread(verify, package))


@router.get("/{name}/package", response_class=FileResponse, responses=_REFUSED)
async def package(name: Name, who: Exporting, desk: DeskHere, audit: AuditHere) -> FileResponse:
    """Download the evidence."""
    found = _open(desk, name)
    if not found.package.exists():
        raise HTTPException(409, "there is no package yet")
    await _told(audit, who, "evidence.export", found)
    return FileResponse(found.package, media_type="application/zip", filename=found.package.name)


@router.get("/{name}/report/{file}", response_class=Response, responses=_REFUSED)
async def report(
    name: Name, file: Annotated[str, Path(pattern=r"^[a-z]+\.(zh|en)\.(pdf|xlsx|docx)$")], _: Exporting, desk: DeskHere
) -> Response:
    """Download one file of the report."""
    found = _open(desk, name)
    content = await asyncio.to_thread(found.report, file)
    if content is None:
        raise HTTPException(404, "there is no such file")
    headers = {"Content-Disposition": f'attachment; filename="{name}-{file}"'}
    return Response(content, media_type=_MEDIA[file.rpartition(".")[2]], headers=headers)


@contextmanager
def _answering() -> Iterator[None]:
    """Answer 409, with the reason, where something cannot be as it stands."""
    try:
        yield
    except (ProvenlineError, ValueError) as error:
        raise HTTPException(409, str(error)) from error


async def _told(audit: Audit, who: Actor, what: str, found: Campaign) -> None:
    await audit(who, what, found.id, after={"revision": found.plan.revision, "plan": found.plan.hash})


def _open(desk: Desk, name: str) -> Campaign:
    try:
        return desk.store.open(name)
    except ProvenlineError as error:
        raise HTTPException(404, str(error)) from error
