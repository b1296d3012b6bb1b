"""Commands to devices over REST: off, but for the tags that the centre document lists.

    who may ─▶ which tag, how far ─▶ written down ─▶ sent once ─▶ read back ─▶ written down again

What is asked for is in the audit log before anything is sent. A command whose answer is missing
is never sent again by itself: `unknown` is said, and a person looks at the device.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from configs.commands import CommandConfig
from dashboard_api.access import Actor, Json, Permission, Role, requires
from dashboard_api.audit import AuditHere
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of

router = APIRouter(prefix="/api/v1", tags=["commands"])

CentreHere = Annotated[Centre, Depends(centre_of)]
Commander = Annotated[Actor, Depends(requires(Permission.COMMAND))]


class Command(BaseModel):
    """What is asked for, in the tag's unit, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Annotated[float | bool, Field(allow_inf_nan=False)]
    reason: str = Field(min_length=3, max_length=500, pattern=r"\S")


@router.get("/commands")
async def commands(centre: CentreHere, actor: Commander) -> list[Json]:
    """List the tags that the one who asks may write to, and how far."""
    site = centre.configuration.site.id
    return [
        {"path": f"{site}/{one.tag}", "low": one.low, "high": one.high}
        for one in centre.configuration.centre.commands
        if _may(actor, one)
    ]


@router.post("/tags/{path:path}/command")
async def command(centre: CentreHere, actor: Commander, audit: AuditHere, path: str, asked: Command) -> Json:
    """Write to a device, once. `unknown`: sent, but nobody knows whether it was carried out; look at the device."""
    allowed = _allowed(centre, actor, path)
    if not allowed.low <= asked.value <= allowed.high:
        raise HTTPException(422, f"{asked.value:g} is not within {allowed.low:g} and {allowed.high:g}")
    if centre.commanding is None:
        raise HTTPException(409, "this centre has no way to its devices")
    newest = next(iter(centre.live.snapshot([path]).samples()), None)
    before = None if newest is None or newest.value != newest.value else newest.value
    wanted = {"value": asked.value, "reason": asked.reason}
    await audit(actor, "command.send", path, before={"value": before}, after=wanted)
    outcome = await centre.commanding(path, allowed, asked.value)
    await audit(actor, "command.outcome", path, before=wanted, after=outcome.payload())
    return {"path": path, "value": asked.value, **outcome.payload()}


def _may(actor: Actor, allowed: CommandConfig) -> bool:
    return actor.role in (None, Role.ADMIN) or (actor.role is not None and actor.role.value in allowed.roles)


def _allowed(centre: Centre, actor: Actor, path: str) -> CommandConfig:
    site = centre.configuration.site.id
    found = next((one for one in centre.configuration.centre.commands if f"{site}/{one.tag}" == path), None)
    if found is None:
        raise HTTPException(404, f"{path[:200]!r} is not among the commands of the centre document")
    if not _may(actor, found):
        raise HTTPException(403, f"{actor.name} may not write to {path}")
    return found
