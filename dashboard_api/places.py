"""What belongs to a place, over REST: where on the floor a link is good, and what is in stock where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.requests import HTTPConnection

from analytics.radio_map import UNITS, Cell, RadioMap, radio_map
from analytics.stock_book import StockBook, stock_book
from dashboard_api.centre import Centre
from dashboard_api.present import PresentHere
from dashboard_api.query import CentreHere, Json, scene_of
from dashboard_api.shared import Shared
from dashboard_api.windows import Asked, AskedHere
from plant.calendar import Span
from plant.clock import MILLISECOND, SECOND

router = APIRouter(prefix="/api/v1", tags=["places"])

MAPPED = 8 * 86_400 * SECOND
"""The longest window that is put on a map, in ns: it is read sample by sample."""
_FRESH_MAP, _FRESH_STOCK = 10.0, 2.0

Percentile = Literal["50", "95", "99"]
_SHARES: Mapping[Percentile, Fraction] = {name: Fraction(int(name), 100) for name in ("50", "95", "99")}


class Places:
    """What was asked for lately, one computation each."""

    def __init__(self, centre: Centre) -> None:
        self.maps: Shared[tuple[str, Asked, str | None], tuple[Span, RadioMap | None]]
        self.maps = Shared(centre.clock, _FRESH_MAP)
        self.stock: Shared[tuple[str, int | None], StockBook] = Shared(centre.clock, _FRESH_STOCK)


def places_of(connection: HTTPConnection) -> Places:
    """Return what is kept for the centre of this application."""
    places: Places = connection.app.state.places
    return places


PlacesHere = Annotated[Places, Depends(places_of)]


@router.get("/scenes/{scene_id}/radio-map")
async def radio(
    centre: CentreHere,
    places: PlacesHere,
    scene_id: str,
    asked: AskedHere,
    percentile: Annotated[
        Percentile | None, Query(description="of delay; none = the highest that most cells have enough packets for")
    ] = None,
) -> Json:
    """Put delay, loss, signal and link events of a window into cells of the scene's floor.

    A cell with fewer samples than its layer needs has no value; one whose percentile is among the
    lost packets is `unbounded`. Answers 404 for a scene without a floor, 422 beyond 8 days.
    """
    scene = scene_of(centre, scene_id)
    span = asked.window(centre.configuration.calendar(scene.id), centre.clock.now())
    if span[1] - span[0] > MAPPED:
        raise HTTPException(422, f"a map shows {MAPPED // SECOND // 86_400} days at most")
    agreed = centre.rules.settings.of(scene.path).floor
    share = None if percentile is None else _SHARES[percentile]

    def work() -> tuple[Span, RadioMap | None]:
        return span, radio_map(scene, centre.historian, span, agreed=agreed, share=share)

    mapped, found = await places.maps.of((scene.id, asked, percentile), work)
    if found is None:
        raise HTTPException(404, f"scene {scene_id!r} declares no floor")
    return {
        "window": {"start": mapped[0] // MILLISECOND, "stop": mapped[1] // MILLISECOND, "label": asked.label},
        "size": found.size,
        "columns": found.columns,
        "rows": found.rows,
        "percentile": float(100 * found.share),
        "limit": agreed.limit if agreed is not None else None,
        "elsewhere": found.elsewhere,
        "simulated": found.simulated,
        "layers": [
            {
                "measure": layer.measure.value,
                "unit": UNITS[layer.measure],
                "needed": layer.needed,
                "cells": [_cell(cell) for cell in layer.cells],
            }
            for layer in found.layers
        ],
    }


def _cell(cell: Cell) -> Json:
    unbounded = cell.value is not None and math.isinf(cell.value)
    status = "insufficient-data" if cell.value is None else "unbounded" if unbounded else "ok"
    return asdict(cell) | {"value": None if unbounded else cell.value, "status": status}


@router.get("/scenes/{scene_id}/stock")
async def stock(centre: CentreHere, places: PlacesHere, scene_id: str, at: PresentHere) -> Json:
    """Give the last count of every place beside its record of that moment, and the calls that nobody has answered.

    Looks back 24 h. What the records say now are live values of role `stock`.
    """
    scene = scene_of(centre, scene_id)
    found = await places.stock.of((scene.id, at.until), lambda: stock_book(scene, centre.historian, at.now))
    return {
        "counts": [asdict(count) | {"time": count.time // MILLISECOND} for count in found.counts],
        "calls": [
            {"item": call.item, "time": call.time // MILLISECOND, "device": call.device.path} for call in found.calls
        ],
        "unseen": found.unseen,
        "simulated": found.simulated,
    }
