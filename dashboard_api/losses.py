"""Where planned time went: the waterfall from planned to valuable time, ready to be drawn."""

from __future__ import annotations

from fastapi import APIRouter

from analytics.counters import MICRO
from analytics.losses import LOSS_NAMES, Waterfall
from dashboard_api.figures import FiguresHere, WindowName
from dashboard_api.query import CentreHere, Json, scene_of, words
from plant.clock import SECOND

router = APIRouter(prefix="/api/v1", tags=["figures"])


@router.get("/scenes/{scene_id}/losses")
async def losses(centre: CentreHere, figures: FiguresHere, scene_id: str, window: WindowName = "shift") -> list[Json]:
    """Give the loss waterfall, in seconds, of every device, line and scene whose signals allow one."""
    computed = await figures.of(scene_of(centre, scene_id), window)
    return [
        {"scope": unit.scope, "name": words(unit.name), "simulated": unit.simulated} | _steps(unit.waterfall)
        for unit in computed.analysis.units
        if unit.waterfall is not None
    ]


def _steps(fall: Waterfall) -> Json:
    return {
        "planned": fall.planned / (SECOND * MICRO),
        "losses": [
            {"id": loss.value, "name": words(LOSS_NAMES[loss]), "seconds": seconds}
            for loss, seconds in fall.losses.items()
        ],
        "valuable": fall.valuable / (SECOND * MICRO),
    }
