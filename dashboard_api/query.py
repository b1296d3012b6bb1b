"""Reading over REST: the asset tree, declared tags, and the history of one tag."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query

from analytics.losses import LOSS_NAMES, Loss
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of
from historian.port import Rollup
from plant.assets import Device, Line, Scene
from plant.clock import MILLISECOND, SECOND, from_iso
from plant.floor import Floor
from plant.quality import Quality, good
from plant.tags import Tag, check_path
from plant.text import Text
from plant.units import symbol

router = APIRouter(prefix="/api/v1", tags=["read"])
CentreHere = Annotated[Centre, Depends(centre_of)]
Json = dict[str, Any]

# As plant.health lays collectors out.
COLLECTOR, CONNECTED = "collector", "connected"

LONGEST_WINDOW = 10 * 366 * 86_400 * SECOND


def words(text: Text) -> dict[str, str]:
    """Give both languages, each filled from the other where it is missing."""
    return {"zh": text.of("zh"), "en": text.of("en")}


def moment(text: str) -> int:
    """Read a moment from a query: ISO 8601 with a zone, or ms since 1970. Answers 422 otherwise."""
    try:
        return int(text) * MILLISECOND if text.lstrip("-").isdigit() else from_iso(text)
    except ValueError as error:
        raise HTTPException(422, f"{text!r} is not a moment: {error}") from error


def window(start: str, stop: str) -> tuple[int, int]:
    """Read a half-open window from a query. Answers 422 when it is empty or absurdly long."""
    begin, end = moment(start), moment(stop)
    if not 0 < end - begin <= LONGEST_WINDOW:
        raise HTTPException(422, "stop must lie after start, by ten years at most")
    return begin, end


def scene_of(centre: Centre, scene_id: str) -> Scene:
    """Return a scene. Answers 404 with the scenes there are."""
    scene = centre.configuration.site.scene(scene_id)
    if scene is None:
        raise HTTPException(404, f"no scene {scene_id!r}; there are: {', '.join(s.id for s in centre.scenes)}")
    return scene


@router.get("/site")
async def site(centre: CentreHere) -> Json:
    """Say which centre this is."""
    here = centre.configuration.site
    return {
        "id": here.id,
        "name": words(here.name),
        "zone": here.zone,
        "version": centre.version,
        "overview": centre.configuration.overview.model_dump(mode="json"),
    }


@router.get("/scenes")
async def scenes(centre: CentreHere) -> list[Json]:
    """List the scenes with their lines and devices, and the panels of their pages (none: whatever applies)."""
    documents = centre.configuration.scenes
    return [
        _scene(scene)
        | {"page": [panel.value for panel in documents[scene.id].page], "stop_reasons": _reasons(centre, scene)}
        for scene in centre.scenes
    ]


@router.get("/scenes/{scene_id}/health")
async def scene_health(centre: CentreHere, scene_id: str) -> Json:
    """Count how far a scene's newest values can be trusted, and say which of its collectors are connected."""
    scene = scene_of(centre, scene_id)
    plant = [tag.path for device in scene.devices if device.type != COLLECTOR for tag in device.tags]
    newest = centre.live.snapshot(plant)
    trusted = int(np.count_nonzero(good(newest.quality)))
    connected = {f"{device.path}/{CONNECTED}": device.id for device in scene.devices if device.type == COLLECTOR}
    reports = centre.live.snapshot(list(connected)).samples()
    told = {sample.path: bool(sample.value) for sample in reports if sample.quality == Quality.GOOD}
    return {
        "tags": len(plant),
        "good": trusted,
        "collectors": [{"id": id_, "connected": told.get(path)} for path, id_ in connected.items()],
    }


@router.get("/tags")
async def tags(centre: CentreHere, scene: str | None = None) -> list[Json]:
    """List the declared tags, of one scene or of all."""
    chosen = scene_of(centre, scene).tags if scene else tuple(centre.tags.values())
    return [_tag(tag, centre) for tag in chosen]


@router.get("/tags/{path:path}/history")
async def history(
    centre: CentreHere, path: str, start: str, stop: str, buckets: Annotated[int, Query(ge=1, le=10_000)] = 600
) -> Json:
    """Sum one tag up in equal buckets of a window: count, min, max, mean, last, worst quality.

    `rollup`: seconds, the coarsest of the stored buckets that stand for samples which are no longer
    kept; 0 where all comes from samples. Where they are coarser than was asked for, so is the answer.
    """
    try:
        check_path(path)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    begin, end = window(start, stop)
    rollup = await asyncio.to_thread(_summed, centre, path, (begin, end), min(buckets, end - begin))
    tag = centre.tags.get(path)
    return {
        "path": path,
        "unit": tag.unit if tag else "1",
        "start": (rollup.start // MILLISECOND).tolist(),
        "count": rollup.count.tolist(),
        "usable": rollup.usable.tolist(),
        **{name: _numbers(getattr(rollup, name)) for name in ("minimum", "maximum", "mean", "last")},
        "quality": rollup.quality.tolist(),
        "rollup": int(rollup.step.max()) / SECOND,
    }


def _summed(centre: Centre, path: str, span: tuple[int, int], buckets: int) -> Rollup:
    begin, end = span
    found = centre.historian.rollup(path, begin, end, buckets)
    step = int(found.step.max())
    if not step or step * buckets <= end - begin:
        return found
    # Finer parts than what is stored would stand empty between those it happens to begin in.
    begin, end = begin // step * step, -(-end // step) * step
    return centre.historian.rollup(path, begin, end, (end - begin) // step)


def _numbers(column: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in column.tolist()]


def _reasons(centre: Centre, scene: Scene) -> list[Json]:
    return [
        {
            "code": reason.code,
            "name": words(reason.name.text),
            "loss": reason.loss.value,
            "loss_name": words(LOSS_NAMES[Loss(reason.loss)]),
        }
        for reason in centre.configuration.reasons(scene.id).values()
    ]


def _scene(scene: Scene) -> Json:
    return {
        "id": scene.id,
        "path": scene.path,
        "name": words(scene.name),
        "simulated": scene.simulated,
        "floor": None if scene.floor is None else _floor(scene.floor),
        "lines": [_line(line) for line in scene.lines],
    }


def _floor(floor: Floor) -> Json:
    """Return a floor as it is drawn: metres, x to the right and y upwards from the lower left corner."""
    zones = [{**asdict(zone), "name": words(zone.name)} for zone in floor.zones]
    return {
        "width": floor.width,
        "height": floor.height,
        "zones": zones,
        "walls": [asdict(wall) for wall in floor.walls],
        "access_points": [asdict(point) for point in floor.access_points],
    }


def _line(line: Line) -> Json:
    devices = [_device(device) for device in line.devices]
    return {"path": line.path, "name": words(line.name), "serial": line.serial, "devices": devices}


def _device(device: Device) -> Json:
    return {
        "path": device.path,
        "id": device.id,
        "name": words(device.name),
        "type": device.type,
        "access": device.access.value,
        "position": device.position,
        "tags": [tag.path for tag in device.tags],
    }


def _tag(tag: Tag, centre: Centre) -> Json:
    return {
        "path": tag.path,
        "kind": tag.kind.value,
        "role": tag.role.value if tag.role else None,
        "label": tag.label,
        "unit": tag.unit,
        "symbol": symbol(tag.unit),
        "low": tag.low,
        "high": tag.high,
        "deadband": tag.deadband,
        "stale_after": tag.stale_after,
        "description": words(tag.description),
        "states": {raw: state.name for raw, state in tag.states.items()},
        "simulated": tag.simulated,
        "source": centre.sources.get(tag.path),
        "address": centre.addresses.get(tag.path),
    }
