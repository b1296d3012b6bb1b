"""Where planned time went: the waterfall from planned to valuable time, ready to be drawn."""

from __future__ import annotations

from fastapi import APIRouter

from analytics.counters import MICRO
from analytics.losses import LOSS_NAMES, Waterfall
from analytics.unit import Unit
from dashboard_api.figures import FiguresHere, ProductName
from dashboard_api.query import CentreHere, Json, scene_of, words
from dashboard_api.windows import AskedHere
from plant.clock import SECOND

router = APIRouter(prefix="/api/v1", tags=["figures"])


@router.get("/scenes/{scene_id}/losses")
async def losses(
    centre: CentreHere, figures: FiguresHere, scene_id: str, asked: AskedHere, product: ProductName = None
) -> list[Json]:
    """Give the loss waterfall, in seconds, of every device, line and scene whose signals allow one.

    With `product`, that of the time in which each machine made it.
    """
    scene = scene_of(centre, scene_id)
    computed = await (figures.of(scene, asked) if product is None else figures.detailed(scene, asked))
    found = [(unit, _fall(unit, product)) for unit in computed.analysis.units]
    return [
        {"scope": unit.scope, "name": words(unit.name), "simulated": unit.simulated} | _steps(fall)
        for unit, fall in found
        if fall is not None
    ]


def _fall(unit: Unit, product: str | None) -> Waterfall | None:
    if product is None:
        return unit.waterfall
    worked = unit.details.products.get(product) if unit.details is not None else None
    return worked.waterfall if worked is not None else None


def _steps(fall: Waterfall) -> Json:
    return {
        "planned": fall.planned / (SECOND * MICRO),
        "losses": [
            {"id": loss.value, "name": words(LOSS_NAMES[loss]), "seconds": seconds}
            for loss, seconds in fall.losses.items()
        ],
        "valuable": fall.valuable / (SECOND * MICRO),
    }
