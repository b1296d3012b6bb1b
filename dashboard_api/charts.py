"""Control charts over REST: a process value held against limits that an earlier stretch of time taught."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query

from analytics.charting import Charted, chart
from analytics.runs import RULE_TEXTS
from dashboard_api.query import CentreHere, Json, moment, scene_of, words
from dashboard_api.windows import AskedHere, bounded
from plant.clock import MILLISECOND
from plant.tags import Role

router = APIRouter(prefix="/api/v1", tags=["figures"])

Moment = Annotated[str | None, Query(description="ISO 8601 with a zone, or ms since 1970")]


@router.get("/scenes/{scene_id}/chart")
async def control_chart(
    centre: CentreHere,
    scene_id: str,
    tag: Annotated[str, Query(max_length=400, description="path of a process value")],
    asked: AskedHere,
    learn_start: Moment = None,
    learn_stop: Moment = None,
) -> Json:
    """Chart a process value, one point a piece: single values and their moving ranges (I-MR), with what they signal.

    Limits are learned from `learn_start` … `learn_stop`, or from a stretch of the same length right
    before the window, and do not move with the points shown. Answers 409 where there are too few
    values for limits or points, or too many to draw.
    """
    scene = scene_of(centre, scene_id)
    found = next(((d, t) for d in scene.devices for t in d.tags if t.path == tag), None)
    if found is None or found[1].role is not Role.PROCESS_VALUE:
        raise HTTPException(404, f"{tag!r} is no process value of scene {scene_id!r}")
    if (learn_start is None) != (learn_stop is None):
        raise HTTPException(422, "learn_start and learn_stop belong together")
    shown = asked.window(centre.configuration.calendar(scene.id), centre.clock.now())
    learn = (2 * shown[0] - shown[1], shown[0])
    if learn_start is not None and learn_stop is not None:
        learn = bounded(moment(learn_start), moment(learn_stop))
    try:
        single, ranges = await asyncio.to_thread(chart, *found, centre.historian, learn, shown)
    except ValueError as error:
        raise HTTPException(409, str(error)) from error
    return {
        "tag": tag,
        "unit": found[1].unit,
        "simulated": found[1].simulated or scene.simulated,
        "learned": {"start": learn[0] // MILLISECOND, "stop": learn[1] // MILLISECOND},
        "individuals": _charted(single),
        "ranges": _charted(ranges),
    }


def _charted(found: Charted) -> Json:
    plotted = found.plotted
    return {
        "learned_from": plotted.limits.subgroups,
        "time": (found.time // MILLISECOND).tolist(),
        "value": plotted.value.tolist(),
        **{name: _line(getattr(plotted, name)) for name in ("centre", "lower", "upper")},
        "signals": [
            {"at": one.at, "points": list(one.points), "rule": one.rule.value, "name": words(RULE_TEXTS[one.rule])}
            for one in found.signals
        ],
    }


def _line(column: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    # The lines of charts of single values are level.
    return float(column[0]) if len(column) else None
