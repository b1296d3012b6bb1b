"""Where planned time went: the waterfall from planned to valuable time, and the reasons behind each loss."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter

from analytics.counters import MICRO
from analytics.loss_reasons import Because, opened
from analytics.losses import LOSS_NAMES, Loss, Waterfall
from analytics.unit import Unit
from configs.stop_reasons import StopReasonConfig
from dashboard_api.figures import FiguresHere, ProductName
from dashboard_api.query import CentreHere, Json, scene_of, words
from dashboard_api.windows import AskedHere
from plant.clock import SECOND

router = APIRouter(prefix="/api/v1", tags=["figures"])

Opened = dict[Loss, tuple[Because, ...]]


@router.get("/scenes/{scene_id}/losses")
async def losses(
    centre: CentreHere, figures: FiguresHere, scene_id: str, asked: AskedHere, product: ProductName = None
) -> list[Json]:
    """Give the loss waterfall, in seconds, of every device, line and scene whose signals allow one.

    `reasons`: what a loss of standing is made of, together exactly the loss; people's reasons before the
    machine's, "" where nobody gave one, and `said` the seconds for which a person did. It is null for losses
    behind which there are no stops, for several windows, and with `product`: then the waterfall is that of the
    time in which each machine made it.
    """
    scene = scene_of(centre, scene_id)
    computed = await (figures.of(scene, asked) if product is None else figures.detailed(scene, asked))
    falls = [(unit, fall) for unit in computed.analysis.units if (fall := _fall(unit, product)) is not None]
    reasons: list[Opened | None] = [None] * len(falls)
    if product is None and falls and len(computed.analysis.windows) == 1:
        notes = await asyncio.to_thread(centre.annotations.within, scene.path, computed.window)
        units = {unit.scope: unit for unit in computed.analysis.units}
        reasons = [opened(unit, units, notes) for unit, _ in falls]
    known = centre.configuration.reasons(scene_id)
    return [
        {
            "scope": unit.scope,
            "name": words(unit.name),
            "simulated": unit.simulated,
            **_steps(fall, because or {}, known),
        }
        for (unit, fall), because in zip(falls, reasons, strict=True)
    ]


def _fall(unit: Unit, product: str | None) -> Waterfall | None:
    if product is None:
        return unit.waterfall
    worked = unit.details.products.get(product) if unit.details is not None else None
    return worked.waterfall if worked is not None else None


def _steps(fall: Waterfall, because: Opened, known: Mapping[str, StopReasonConfig]) -> Json:
    return {
        "planned": fall.planned / (SECOND * MICRO),
        "losses": [
            {
                "id": loss.value,
                "name": words(LOSS_NAMES[loss]),
                "seconds": seconds,
                "reasons": [_reason(one, known) for one in because[loss]] if loss in because else None,
            }
            for loss, seconds in fall.losses.items()
        ],
        "valuable": fall.valuable / (SECOND * MICRO),
    }


def _reason(one: Because, known: Mapping[str, StopReasonConfig]) -> Json:
    return {
        "reason": one.reason,
        "words": words(known[one.reason].name.text) if one.reason in known else None,
        "seconds": one.ns / SECOND,
        "said": one.said / SECOND,
        "count": one.count,
    }
