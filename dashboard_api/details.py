"""What lies behind a scene's figures, over REST: products and causes, energy by state, carbon and cost, links.

The same indicators, under the same keys, as `/indicators/{key}/explain` derives; of the scene as
a whole or of one of its devices and lines.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from dashboard_api.figures import FiguresHere, ProductName, answer, of_product
from dashboard_api.query import CentreHere, Json, scene_of
from dashboard_api.windows import AskedHere
from plant.assets import Scene

router = APIRouter(prefix="/api/v1", tags=["figures"])


@router.get("/scenes/{scene_id}/details")
async def details(
    centre: CentreHere,
    figures: FiguresHere,
    scene_id: str,
    asked: AskedHere,
    scope: Annotated[
        str | None, Query(max_length=400, description="path of a device, line or scene; none = all")
    ] = None,
    product: ProductName = None,
) -> Json:
    """Give every indicator that lies behind a scene's main ones, or those of one device, line or product."""
    scene = scene_of(centre, scene_id)
    if scope is not None and scope not in _scopes(scene):
        raise HTTPException(404, f"{scope!r} is no device or line of scene {scene_id!r}, nor the scene")
    computed = await figures.detailed(scene, asked)
    found = computed.details if product is None else of_product(computed.details, product)
    if scope is not None:
        found = [i for i in found if i.scope == scope or i.scope.startswith((f"{scope}#", *_tags(scene, scope)))]
    return answer(computed.window, found, asked)


def _scopes(scene: Scene) -> set[str]:
    return {scene.path, *(device.path for device in scene.devices), *(line.path for line in scene.lines)}


def _tags(scene: Scene, scope: str) -> tuple[str, ...]:
    # A device's delays and process values have their tag's scope.
    return tuple(tag.path for device in scene.devices if device.path == scope for tag in device.tags)
