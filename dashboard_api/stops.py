"""Stops and what is said about them: machine and people side by side, never one over the other.

Whoever writes gives a name, which is kept with the time; what stood before stays in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from analytics.annotations import Annotation, ExplainedStop
from analytics.losses import LOSS_NAMES, Loss
from analytics.reliability import ranked
from analytics.scene import product_spans
from analytics.unit import Unit
from configs.stop_reasons import StopReasonConfig
from dashboard_api.access import Actor, Permission, requires
from dashboard_api.audit import AuditHere
from dashboard_api.figures import FiguresHere, ProductName
from dashboard_api.query import CentreHere, Json, moment, scene_of, window, words
from dashboard_api.windows import Asked, AskedHere
from plant.assets import Scene
from plant.clock import MILLISECOND, SECOND

router = APIRouter(prefix="/api/v1", tags=["stops"])

MOST = 5_000
"""Annotations in one answer; of more, the newest."""
_LONGEST = 32 * 86_400 * SECOND
_AHEAD = 86_400 * SECOND


def _trimmed(text: str) -> str:
    text = text.strip()
    if any(ord(character) < 32 and character != "\n" for character in text):
        raise ValueError("has control characters")
    return text


def _named(text: str) -> str:
    if not text:
        raise ValueError("names nobody")
    return text


Short = Annotated[str, Field(max_length=100), AfterValidator(_trimmed)]


class AnnotationBody(BaseModel):
    """A reason for a stretch of one machine's time; an empty one withdraws what was said before."""

    model_config = ConfigDict(extra="forbid")

    scope: str = Field(max_length=400, description="path of a device or line")
    start: str | int = Field(description="ISO 8601 with a zone, or ms since 1970")
    stop: str | int
    reason: Short
    author: Annotated[str, Field(max_length=100), AfterValidator(_trimmed), AfterValidator(_named)] | None = Field(
        default=None, description="who says it, where several share an account; else the account's name"
    )
    comment: Annotated[str, Field(max_length=2_000), AfterValidator(_trimmed)] = ""


@router.get("/scenes/{scene_id}/annotations")
async def what_was_said(centre: CentreHere, scene_id: str, start: str, stop: str) -> list[Json]:
    """Give what people said about a scene's time, corrected entries too, in the order it was written."""
    scene, span = scene_of(centre, scene_id), window(start, stop)
    notes = await asyncio.to_thread(centre.annotations.within, scene.path, span, most=MOST)
    return [_annotation(note) for note in notes.log]


@router.post("/scenes/{scene_id}/annotations", status_code=201)
async def annotate(
    centre: CentreHere,
    scene_id: str,
    body: AnnotationBody,
    actor: Annotated[Actor, Depends(requires(Permission.ANNOTATE))],
    audit: AuditHere,
) -> Json:
    """Add a reason for a stop. Nothing is changed or deleted by it: the log only grows."""
    scene = scene_of(centre, scene_id)
    if body.scope not in _scopes(scene):
        raise HTTPException(422, f"{body.scope!r} is no device or line of scene {scene_id!r}")
    span, now = (moment(str(body.start)), moment(str(body.stop))), centre.clock.now()
    if not 0 < span[1] - span[0] <= _LONGEST or span[1] > now + _AHEAD:
        raise HTTPException(422, "stop lies after start, by 32 days at most, and not beyond tomorrow")
    try:
        note = Annotation(
            scope=body.scope,
            span=span,
            reason=body.reason,
            author=body.author or actor.name,
            made=now,
            comment=body.comment,
        )
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    await asyncio.to_thread(centre.annotations.add, note)
    await audit(actor, "annotation.add", note.scope, after=_annotation(note))
    return _annotation(note)


@router.get("/scenes/{scene_id}/stops")
async def stops(
    centre: CentreHere, figures: FiguresHere, scene_id: str, asked: AskedHere, product: ProductName = None
) -> list[Json]:
    """Give every stop of every machine with both reasons: the machine's own and the one that people gave.

    With `product`, those that began while the machine made it.
    """
    explained = await _explained(centre, figures, scene_of(centre, scene_id), asked, product)
    return [{"scope": unit.scope, "stops": [_stop(stop) for stop in found]} for unit, found in explained]


@router.get("/scenes/{scene_id}/pareto")
async def reasons(
    centre: CentreHere,
    figures: FiguresHere,
    scene_id: str,
    asked: AskedHere,
    scope: str | None = None,
    by: Literal["reason", "reported", "loss", "category"] = "reason",
    product: ProductName = None,
) -> list[Json]:
    """Sum stopped time up by reason, the largest first, of one device or of all.

    `by`: the reason to show (people's before the machine's), the machine's alone, the loss that its
    state and length make it, or the loss that the catalogue says the reason is, "" for reasons that are
    not in it. `words`: what the catalogue calls it.
    """
    scene = scene_of(centre, scene_id)
    if scope is not None and scope not in _scopes(scene):
        raise HTTPException(404, f"{scope!r} is no device or line of scene {scene_id!r}")
    devices = {device.path for device in scene.devices}
    explained = await _explained(centre, figures, scene, asked, product)
    chosen = [found for unit, found in explained if (unit.scope == scope if scope else unit.scope in devices)]
    known = centre.configuration.reasons(scene_id)

    def key(stop: ExplainedStop) -> str:
        if by == "category":
            return known[stop.reason].loss.value if stop.reason in known else ""
        return str(getattr(stop, by))

    rows = ranked((key(stop), stop.planned, stop.begins) for found in chosen for stop in found)
    return [
        {
            "reason": row.reason,
            "words": _words(row.reason, known, loss=by in ("loss", "category")),
            "count": row.count,
            "seconds": row.ns / SECOND,
            "share": row.share,
            "cumulative": row.cumulative,
        }
        for row in rows
    ]


async def _explained(
    centre: CentreHere, figures: FiguresHere, scene: Scene, asked: Asked, product: str | None
) -> list[tuple[Unit, list[ExplainedStop]]]:
    computed = await figures.of(scene, asked)
    if len(computed.analysis.windows) > 1:
        raise HTTPException(422, "stops are listed for one stretch of time: a shift, a duration, or start and stop")
    notes = await asyncio.to_thread(centre.annotations.within, scene.path, computed.window)
    found = [(unit, unit.explained(notes)) for unit in computed.analysis.units if unit.stops is not None]
    if product is None:
        return found
    made = await asyncio.to_thread(product_spans, scene, centre.historian, computed.window, product)
    return [
        (unit, [stop for stop in listed if made[unit.scope].holds(np.array([stop.span[0]]))[0]])
        for unit, listed in found
        if unit.scope in made
    ]


def _words(reason: str, known: Mapping[str, StopReasonConfig], *, loss: bool) -> Json | None:
    if loss:
        return words(LOSS_NAMES[Loss(reason)]) if reason else None
    return words(known[reason].name.text) if reason in known else None


def _scopes(scene: Scene) -> set[str]:
    return {device.path for device in scene.devices} | {line.path for line in scene.lines}


def _stop(stop: ExplainedStop) -> Json:
    return {
        "start": stop.span[0] // MILLISECOND,
        "stop": stop.span[1] // MILLISECOND,
        "seconds": stop.planned / SECOND,
        "loss": stop.loss,
        "name": words(LOSS_NAMES[Loss(stop.loss)]),
        "reason": stop.reason,
        "reported": stop.reported,
        "annotation": _annotation(stop.annotation) if stop.annotation else None,
    }


def _annotation(note: Annotation) -> Json:
    return {
        "scope": note.scope,
        "start": note.span[0] // MILLISECOND,
        "stop": note.span[1] // MILLISECOND,
        "reason": note.reason,
        "comment": note.comment,
        "author": note.author,
        "made": note.made // MILLISECOND,
    }
