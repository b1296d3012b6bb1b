"""The calculator: OEE and its factors from numbers that somebody types, by the engine's own formulas.

What `provenline calc oee` says at the command line, for a page: times in seconds, pieces, and
each figure with the derivation that the page shows for measured ones. Nothing is stored.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from analytics import oee
from analytics.explain import explain
from analytics.indicator import Indicator
from dashboard_api.query import Json
from plant.clock import SECOND

router = APIRouter(prefix="/api/v1", tags=["figures"])

FIGURES = ("availability", "effectiveness", "quality-ratio", "oee")
"""The three factors and their product, in the order in which they are worked out."""
LONGEST = 366 * 86_400.0
MOST = 1e9

Time = Annotated[float, Query(ge=0, le=LONGEST, allow_inf_nan=False, description="in seconds")]
Pieces = Annotated[float, Query(ge=0, le=MOST, allow_inf_nan=False, description="pieces")]


@router.get("/calculator/oee")
async def calculate_oee(
    planned_busy_time: Time,
    ideal_cycle: Time,
    produced: Pieces,
    down_time: Time = 0.0,
    setup_time: Time = 0.0,
    rejected: Pieces = 0.0,
    language: Literal["zh", "en"] = "zh",
) -> list[Json]:
    """Compute availability, effectiveness, quality ratio and OEE, each with its derivation.

    `down_time`: every stop within planned busy time except set-up. `ideal_cycle`: seconds a piece.
    """
    try:
        sums = oee.by_numbers(
            planned_busy_time=planned_busy_time,
            down_time=down_time,
            setup_time=setup_time,
            ideal_cycle=ideal_cycle,
            produced=produced,
            rejected=rejected,
        )
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    basis = sums.basis("calculator", (0, SECOND))
    return [_worked_out(figure, language) for figure in oee.indicators(sums, basis, ids=FIGURES)]


def _worked_out(figure: Indicator, language: str) -> Json:
    payload = dict(figure.payload())
    steps = [
        {"kind": step.kind.value, "label": step.label, "text": step.text} for step in explain(figure, language).steps
    ]
    told = ("id", "name", "value", "unit", "shown", "formula", "status", "flags")
    return {key: payload[key] for key in told} | {"steps": steps}
