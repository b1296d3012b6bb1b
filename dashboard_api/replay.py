"""A past stretch of time as it was shown then: the live feed's frames, made again from what is stored.

    store ──samples, in the order they were received──▶ LiveTable at the clock of then ──every step──▶ frame

The same table with the same rules makes them, so silence, doubt and late samples look as they
did: a sample counts from when it was received, not from when it was measured. It is a table of
its own for each answer; the centre's live values are not touched. What was made up for by a
replay of a recording moved no live value then, and moves none here.

Frames have the form of `dashboard_api.live`, the first is a snapshot. Alarms are asked for by
themselves: what stood at a moment, from their log.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Query

from analytics.alarms.desk import replay as after
from analytics.alarms.states import AlarmState
from dashboard_api.alarm_payloads import alarm_payload
from dashboard_api.centre import Centre
from dashboard_api.live import rows_of
from dashboard_api.query import CentreHere, Json, moment, scene_of
from historian.live import LiveTable
from plant.assets import Scene
from plant.batch import Batch
from plant.calendar import Span
from plant.clock import MILLISECOND, SECOND, VirtualClock

router = APIRouter(prefix="/api/v1", tags=["figures"])

LONGEST = 1_800
"""Seconds of the past in one answer."""
MOST_FRAMES = 1_200
FINEST = SECOND
"""Of one tag, no more than one sample in this time is in a frame; a shorter step has one a step."""
LATE = 120 * SECOND
"""Samples measured this much before or after what is shown may have been received within it."""

Step = Annotated[int, Query(ge=100, le=60_000, description="ms of the past that one frame covers")]


@router.get("/scenes/{scene_id}/replay")
async def frames(centre: CentreHere, scene_id: str, start: str, stop: str, step: Step = 250) -> Json:
    """Give a past stretch of a scene as frames of the live feed, one every `step`; at most half an hour at once."""
    scene, span = scene_of(centre, scene_id), (moment(start), moment(stop))
    longest = min(LONGEST * SECOND, MOST_FRAMES * step * MILLISECOND)
    if not 0 < span[1] - span[0] <= longest:
        raise HTTPException(422, f"a replay shows {longest // SECOND} s at once, at most")
    if span[0] < LONGEST * SECOND:
        raise HTTPException(422, "a window begins in 1970 at the earliest")
    if span[0] >= centre.clock.now():
        raise HTTPException(422, "this window lies in the future: nothing has happened in it yet")
    paths = tuple(tag.path for tag in scene.tags)
    made = await asyncio.to_thread(lambda: list(_frames(centre, paths, span, step * MILLISECOND)))
    return {
        "scene": scene.id,
        "start": span[0] // MILLISECOND,
        "stop": span[1] // MILLISECOND,
        "step": step,
        "frames": made,
    }


@router.get("/scenes/{scene_id}/replay/alarms")
async def alarms_then(centre: CentreHere, scene_id: str, at: str) -> Json:
    """Give the alarms of a scene that were not normal at a moment of the past, as `/alarms` gives those of now."""
    scene, then = scene_of(centre, scene_id), moment(at)
    stood = await asyncio.to_thread(_stood, centre, scene, then)
    return {"number": 0, "flood": None, "alarms": stood}


def _frames(centre: Centre, paths: tuple[str, ...], span: Span, step: int) -> Iterator[Json]:
    start, stop = span
    clock = VirtualClock(start)
    stale = {path: centre.tags[path].stale_after for path in paths}
    table = LiveTable(stale, clock=clock)
    # In the order they came in, and of the same moment as they are stored.
    samples = _received(centre, paths, span)
    places = {path: i for i, path in enumerate(paths)}
    edges = np.append(np.arange(start, stop, min(step, FINEST), dtype=np.int64), stop)
    cuts = np.searchsorted(samples.received, edges, side="right")
    table.update(samples.take(np.arange(cuts[0])))
    yield _frame(0, start, paths, rows_of(table.snapshot(paths), places))
    number = table.changes(0, paths).number
    rows: list[tuple[object, ...]] = []
    seq, due = 0, start + step
    for edge, (first, last) in zip(edges[1:].tolist(), itertools.pairwise(cuts.tolist()), strict=True):
        clock.set(edge)
        if last > first:
            table.update(samples.take(np.arange(first, last)))
        changes = table.changes(number, paths)
        number = changes.number
        rows += rows_of(changes.batch, places)
        if edge >= due or edge == stop:
            seq, due = seq + 1, due + step
            yield _frame(seq, edge, None, rows)
            rows = []


def _received(centre: Centre, paths: tuple[str, ...], span: Span) -> Batch:
    """Return what was received until the end of a span, and of what came before it, what was then in force."""
    begin = span[0] - LATE
    found = Batch.concat(
        [centre.historian.before(paths, begin), centre.historian.history(paths, begin, span[1] + LATE)]
    )
    # Written by others, a sample may have no time of its arrival; then it counts from when it was measured.
    return found.take(np.argsort(found.received, kind="stable"))


def _frame(seq: int, now: int, paths: tuple[str, ...] | None, rows: list[tuple[object, ...]]) -> Json:
    whole = {} if paths is None else {"paths": paths}
    return {"seq": seq, "now": now // MILLISECOND, "snapshot": paths is not None, **whole, "rows": rows}


def _stood(centre: Centre, scene: Scene, then: int) -> list[Json]:
    definitions = [rule.definition for rule in centre.alarms.rules.values()]
    events = centre.alarms.log.standing(at=then)
    desk, _ = after(definitions, events, 0, refused=lambda _: None).at(then)
    stood = [
        alarm
        for alarm in desk.alarms.values()
        if alarm.state is not AlarmState.NORMAL and alarm.definition.id.startswith(f"{scene.path}:")
    ]
    stood.sort(key=lambda a: (a.definition.priority, a.acknowledged, -a.since, a.definition.id))
    return [alarm_payload(centre, alarm) for alarm in stood]
