"""How delays are distributed, over REST: percentiles, the curve behind them, and the bound they are held against.

A lost packet has an infinite delay: the curve of a link that loses one packet in a hundred ends
at 99 %. The bound is that of the scene's own clause; where no clause asks, what was agreed for
the scene; else a clause of the same kind of another scene, and the answer says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from fastapi import APIRouter

from analytics.delays import Delays, indicators
from analytics.indicator import Indicator
from analytics.intervals import clopper_pearson
from configs.catalogue import ClauseConfig, IndicatorConfig
from dashboard_api.centre import Centre
from dashboard_api.figures import FiguresHere, answer
from dashboard_api.query import CentreHere, Json, scene_of, words
from dashboard_api.windows import AskedHere
from plant.assets import Scene
from plant.text import Text
from plant.units import convert

router = APIRouter(prefix="/api/v1", tags=["figures"])

PERCENTILES = ("50", "90", "99", "99.9")
MEASURE = "device-latency"
"""The measure of clauses that bound a delay between devices."""
MOST_POINTS = 240
_FINEST = 1e-5
_AGREED = Text("约定的传输期限", "the agreed deadline")


@dataclass(frozen=True, slots=True)
class _Bound:
    # `scene`: whose bound it is; `strict`: the delay must be below it, not at most it.
    milliseconds: float
    percentile: str | None
    source: Json
    scene: str
    strict: bool


@router.get("/scenes/{scene_id}/delays")
async def delays(centre: CentreHere, figures: FiguresHere, scene_id: str, asked: AskedHere) -> Json:
    """Give each link's delays in a window: percentiles, and points of the curve "this share came within"."""
    scene = scene_of(centre, scene_id)
    computed = await figures.of(scene, asked)
    bound = _bound(centre, scene)
    rules = centre.rules
    links = []
    for unit in computed.analysis.units:
        for found in unit.delays:
            if not (len(found.received) + found.lost + found.unmeasured):
                continue
            figs = indicators(found, computed.window, min_coverage=rules.min_coverage, shares=PERCENTILES)
            links.append(_link(found, figs, bound, simulated=found.simulated or unit.simulated))
    return {
        "window": answer(computed.window, [], asked)["window"],
        "bound": None if bound is None else _bound_payload(bound),
        "links": links,
    }


def _link(found: Delays, figures: list[Indicator], bound: _Bound | None, *, simulated: bool) -> Json:
    received, count = np.sort(found.received), len(found.received) + found.lost
    kept = None
    if bound is not None and count:
        kept_to = received < bound.milliseconds if bound.strict else received <= bound.milliseconds
        within = int(kept_to.sum())
        kept = {"count": within, "share": within / count, "interval": clopper_pearson(within, count)}
    return {
        "scope": found.scope,
        "one_way": found.one_way,
        "clock_error": found.clock_error,
        "simulated": simulated,
        "packets": count,
        "lost": found.lost,
        "unmeasured": found.unmeasured,
        "within": kept,
        "percentiles": [
            {
                "percentile": percentile,
                "value": one.value if one.value is not None and math.isfinite(one.value) else None,
                "status": one.status.value,
                "interval": one.uncertainty,
                "note": words(one.note),
            }
            for percentile, one in zip(PERCENTILES, figures, strict=False)
        ],
        "curve": _curve(received, count),
    }


def _curve(received: np.ndarray[tuple[int], np.dtype[np.float64]], count: int) -> Json:
    """Give points of the curve: every rank where there are few, else ranks as dense in the tail as in the middle."""
    if not len(received):
        return {"delay": [], "share": []}
    last = len(received)
    if last <= MOST_POINTS:
        ranks = np.arange(1, last + 1)
    else:
        half = MOST_POINTS // 2
        tail = 1 - np.geomspace(1, max(1 / count, _FINEST), half)
        ranks = np.unique(np.concatenate([np.linspace(1, last, half), tail * count]).round().astype(np.int64))
        ranks = np.unique(np.clip(ranks, 1, last))
    return {"delay": received[ranks - 1].tolist(), "share": (ranks / count).tolist()}


def _bound(centre: Centre, scene: Scene) -> _Bound | None:
    asked = [(clause, one) for clause, one in _clauses(centre) if clause.scene is not None]
    own = next(((clause, one) for clause, one in asked if clause.scene == scene.id), None)
    if own is not None:
        return _of_clause(*own)
    agreed = centre.configuration.scenes[scene.id].agreed
    if agreed.service is not None:
        return _Bound(agreed.service.deadline * 1000, None, words(_AGREED), scene.id, strict=False)
    return _of_clause(*asked[0]) if asked else None


def _clauses(centre: Centre) -> Iterator[tuple[ClauseConfig, IndicatorConfig]]:
    for catalogue in centre.configuration.catalogues.values():
        for clause in catalogue.clauses:
            yield from ((clause, one) for one in clause.indicators if one.measure == MEASURE)


def _of_clause(clause: ClauseConfig, one: IndicatorConfig) -> _Bound:
    source = {"zh": f"{clause.number} {one.name.text.of('zh')}", "en": f"{clause.number} {one.name.text.of('en')}"}
    limit = convert(one.value, one.unit, "ms")
    return _Bound(limit, one.percentile, source, clause.scene or "", strict=one.op.value == "<")


def _bound_payload(bound: _Bound) -> Json:
    return {
        "ms": bound.milliseconds,
        "percentile": bound.percentile,
        "source": bound.source,
        "scene": bound.scene,
        "below": bound.strict,
    }
