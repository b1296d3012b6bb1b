"""What happened to one device lately, in one list: states, stops, alarms, doubt, silence, and its collectors.

    state      HELD → EXECUTE                     quality    good → sensor failure, of these tags
    stop       breakdown, 150 s, with its reason  silence    nothing heard of these tags, from … to …
    alarm      raised, acknowledged, …            collector  lost its connection, and why; connected again

Tags of a device often fall silent or into doubt together; what begins within `TOGETHER` is one event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, TypeVar

import numpy as np
from fastapi import APIRouter, HTTPException, Query

from analytics.alarms.log import Question
from analytics.annotations import ExplainedStop
from analytics.losses import LOSS_NAMES, Loss
from analytics.scene import state_timeline
from analytics.states import UNKNOWN
from analytics.steps import Unknown
from dashboard_api.alarm_payloads import event_payload, ms
from dashboard_api.centre import Centre
from dashboard_api.figures import FiguresHere
from dashboard_api.query import COLLECTOR, CONNECTED, CentreHere, Json, moment, scene_of, words
from dashboard_api.windows import Asked, bounded
from plant.assets import Device, Scene
from plant.batch import Batch
from plant.calendar import Span
from plant.clock import MILLISECOND, SECOND
from plant.packml import PackState

router = APIRouter(prefix="/api/v1", tags=["figures"])

REASON = "reason"
"""As plant.health lays collectors out: the signal that says why one is not connected."""
LONGEST = 2 * 86_400 * SECOND
TOGETHER = 2 * SECOND
Kind = TypeVar("Kind", bound=Hashable)
MOST_OF_ALARMS = 2_000
_SEVERITY = 30
"""The top two bits of a StatusCode tell good, uncertain and bad apart."""


@router.get("/scenes/{scene_id}/events")
async def device_events(
    centre: CentreHere,
    figures: FiguresHere,
    scene_id: str,
    device: Annotated[str, Query(max_length=400, description="path of a device")],
    start: str,
    stop: str,
    most: Annotated[int, Query(ge=1, le=2_000)] = 300,
) -> Json:
    """Give what happened to a device in a window, the newest first; `more` when there was more than that."""
    scene = scene_of(centre, scene_id)
    found = next((one for one in scene.devices if one.path == device), None)
    if found is None:
        raise HTTPException(404, f"no device {device!r} in scene {scene_id!r}")
    span = bounded(moment(start), moment(stop))
    if span[1] - span[0] > LONGEST:
        raise HTTPException(422, f"events are listed for {LONGEST // (86_400 * SECOND)} days at most")
    window = Asked(span=span).window(centre.configuration.calendar(scene.id), centre.clock.now())
    computed = await figures.of(scene, Asked(span=window))
    notes = await asyncio.to_thread(centre.annotations.within, found.path, window)
    unit = computed.analysis.unit(found.path)
    stops = [] if unit is None or unit.stops is None else unit.explained(notes)
    events = [_stopped(one) for one in stops] + await asyncio.to_thread(
        lambda: list(_all(centre, scene, found, window))
    )
    events.sort(key=lambda event: event["time"], reverse=True)
    return {"events": events[:most], "more": len(events) > most}


def _all(centre: Centre, scene: Scene, device: Device, window: Span) -> Iterator[Json]:
    yield from _states(centre, scene, device, window)
    yield from _alarms(centre, scene, device, window)
    paths = [tag.path for tag in device.tags]
    samples = centre.historian.history(paths, *window)
    yield from _doubts(samples)
    yield from _silences(samples, {tag.path: tag.stale_after for tag in device.tags}, window)
    yield from _collectors(centre, scene, device, window)


def _stopped(stop: ExplainedStop) -> Json:
    return {
        "kind": "stop",
        "time": stop.span[0] // MILLISECOND,
        "stop": stop.span[1] // MILLISECOND,
        "loss": stop.loss,
        "name": words(LOSS_NAMES[Loss(stop.loss)]),
        "reason": stop.reason,
    }


def _states(centre: Centre, scene: Scene, device: Device, window: Span) -> Iterator[Json]:
    line = next(line for line in scene.lines if device in line.devices)
    alone = replace(scene, lines=(replace(line, devices=(device,)),))
    for found in state_timeline(alone, centre.historian, window).values():
        rows = zip(found.start.tolist(), found.state.tolist(), found.why.tolist(), strict=True)
        before = None
        for start, state, why in rows:
            name = "UNKNOWN" if state == UNKNOWN else PackState(state).name
            if before is not None and name != before:
                reason = Unknown(why).name.lower().replace("_", "-") if why else None
                yield {"kind": "state", "time": start // MILLISECOND, "before": before, "after": name, "why": reason}
            before = name


def _alarms(centre: Centre, scene: Scene, device: Device, window: Span) -> Iterator[Json]:
    question = Question(window=window, below=scene.path, most=MOST_OF_ALARMS)
    for entry in centre.alarms.log.find(question):
        event = event_payload(centre, entry)
        if event["scope"] == device.path or event["scope"].startswith(f"{device.path}/"):
            yield {"kind": "alarm", **event}


def _doubts(samples: Batch) -> Iterator[Json]:
    """Yield where the severity of a tag's quality changes; a device's tags that change alike are one event."""
    severity = samples.quality >> _SEVERITY
    turned = (
        np.flatnonzero((np.diff(severity.astype(np.int64)) != 0) & (np.diff(samples.tag.astype(np.int64)) == 0)) + 1
    )
    rows = [
        (int(samples.time[i]), samples.names[samples.tag[i]], int(samples.quality[i - 1]), int(samples.quality[i]))
        for i in turned.tolist()
    ]
    for time, tags, (before, after) in _together((time, tag, (before, after)) for time, tag, before, after in rows):
        yield {"kind": "quality", "time": time // MILLISECOND, "tags": tags, "before": before, "after": after}


def _silences(samples: Batch, allowed: Mapping[str, float], window: Span) -> Iterator[Json]:
    """Yield where tags were not heard of for longer than they may be silent."""
    rows = []
    for i, path in enumerate(samples.names):
        times = samples.time[samples.tag == i]
        if not len(times):
            continue
        ends = np.append(times[1:], window[1])
        for gap in np.flatnonzero(ends - times > allowed.get(path, np.inf) * SECOND).tolist():
            stop = int(ends[gap]) if gap + 1 < len(times) else None
            rows.append((int(times[gap]), path, stop))
    kept = {(start, path): stop for start, path, stop in rows}
    for start, tags, ended in _together((start, path, stop is not None) for start, path, stop in rows):
        stops = [stop for (began, path), stop in kept.items() if path in tags and 0 <= began - start <= TOGETHER]
        last = max((stop for stop in stops if stop is not None), default=None) if ended else None
        yield {"kind": "silence", "time": start // MILLISECOND, "tags": tags, "stop": ms(last)}


def _together(rows: Iterable[tuple[int, str, Kind]]) -> Iterator[tuple[int, list[str], Kind]]:
    """Join what happens alike to several tags within `TOGETHER` of the first of them."""
    open_: dict[Kind, tuple[int, list[str]]] = {}
    for time, tag, kind in sorted(rows, key=lambda row: row[0]):
        begun = open_.get(kind)
        if begun is not None and time - begun[0] <= TOGETHER and tag not in begun[1]:
            begun[1].append(tag)
            continue
        if begun is not None:
            yield *begun, kind
        open_[kind] = time, [tag]
    for kind, begun in open_.items():
        yield *begun, kind


def _collectors(centre: Centre, scene: Scene, device: Device, window: Span) -> Iterator[Json]:
    """Yield how the links of the collectors went that read this device."""
    sources = {centre.sources.get(tag.path) for tag in device.tags}
    for collector in scene.devices:
        if collector.type != COLLECTOR or collector.id not in sources:
            continue
        told = centre.historian.history([f"{collector.path}/{CONNECTED}"], *window).samples()
        reasons = list(centre.historian.history([f"{collector.path}/{REASON}"], *window).samples())
        before: bool | None = None
        for sample in told:
            connected = bool(sample.value)
            if before is not None and connected != before:
                why = next((str(r.value) for r in reasons if r.time >= sample.time and r.value), "")
                yield {
                    "kind": "collector",
                    "time": sample.time // MILLISECOND,
                    "collector": collector.id,
                    "connected": connected,
                    "reason": "" if connected else why,
                }
            before = connected
