"""Figures over REST: indicators of a scene in a window, how one came about, and machine states.

Nothing is computed twice for two viewers: what one asked for, the others get for as long as
it is fresh, and while it is being computed they wait for the same answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.requests import HTTPConnection

from analytics.explain import explain
from analytics.indicator import Indicator
from analytics.periods import current
from analytics.scene import Analysis, analyse, state_timeline
from analytics.states import UNKNOWN, Intervals
from analytics.steps import Unknown
from configs.base import duration
from dashboard_api.centre import Centre
from dashboard_api.query import CentreHere, Json, scene_of, window
from plant.assets import Scene
from plant.calendar import Period, Span
from plant.clock import MILLISECOND, SECOND
from plant.packml import PackState

router = APIRouter(prefix="/api/v1", tags=["figures"])

FRESH = 2.0
"""Seconds for which a computed answer is given again."""

_SHIFT = "shift"
_LONGEST = 32 * 86_400.0
_PERIODS = frozenset(Period)
WindowName = Annotated[
    str, Query(description="`shift`, a duration up to now (15min, 1h, 8h), or `day`, `week`, `month` of production")
]


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """One scene's figures in one window."""

    window: Span
    analysis: Analysis
    indicators: list[Indicator]


@dataclass(slots=True)
class Figures:
    """The indicators that were asked for lately, one computation each."""

    centre: Centre
    _kept: dict[tuple[str, str], tuple[float, asyncio.Task[Computed]]] = field(default_factory=dict)

    async def of(self, scene: Scene, name: str) -> Computed:
        """Return the figures of a scene in a window. Answers 404 or 422 for a window that is none."""
        now = self.centre.clock.monotonic()
        self._kept = {key: kept for key, kept in self._kept.items() if now - kept[0] < FRESH or not kept[1].done()}
        key = (scene.id, name)
        if key not in self._kept:
            self._kept[key] = now, asyncio.create_task(self._compute(scene, name), name=f"figures {scene.id} {name}")
        # Shielded: a viewer who leaves must not take the answer away from the others.
        return await asyncio.shield(self._kept[key][1])

    async def _compute(self, scene: Scene, name: str) -> Computed:
        span = self._span(scene, name)
        return await asyncio.to_thread(self._computed, scene, name, span)

    def _computed(self, scene: Scene, name: str, span: Span) -> Computed:
        centre = self.centre
        calendar = centre.configuration.calendar(scene.id)
        if name in _PERIODS:
            analysis = centre.results.period(scene, centre.historian, span, calendar=calendar, rules=centre.rules)
        else:
            analysis = analyse(scene, centre.historian, span, calendar=calendar, rules=centre.rules, now=span[1])
        return Computed((analysis.windows[0][0], analysis.windows[-1][1]), analysis, analysis.indicators())

    def _span(self, scene: Scene, name: str) -> Span:
        now = self.centre.clock.now() // SECOND * SECOND
        if name == _SHIFT:
            shifts = self.centre.configuration.calendar(scene.id).shifts(now - SECOND, now)
            if not shifts:
                raise HTTPException(404, "no shift is running now; ask for a duration, such as 8h")
            return min(shifts[-1].start, now - SECOND), now
        if name in _PERIODS:
            return current(self.centre.configuration.calendar(scene.id), now, Period(name))
        return now - round(seconds(name) * SECOND), now


def seconds(name: str) -> float:
    """Read a duration from a query. Answers 422 for what is none or too long."""
    try:
        length = duration(name)
    except ValueError as error:
        raise HTTPException(422, f"window: {error}") from error
    if not isinstance(length, float) or not 1 <= length <= _LONGEST:
        raise HTTPException(422, "a window is 1 s to 32 d long")
    return length


def figures_of(connection: HTTPConnection) -> Figures:
    """Return the figures kept for the centre of this application."""
    figures: Figures = connection.app.state.figures
    return figures


FiguresHere = Annotated[Figures, Depends(figures_of)]
_KEY = "the indicator's key: scope:id"
Key = Annotated[str, Path(description=_KEY)]
Language = Literal["zh", "en"]


@router.get("/scenes/{scene_id}/indicators")
async def indicators(centre: CentreHere, figures: FiguresHere, scene_id: str, window: WindowName = _SHIFT) -> Json:
    """Give every indicator of a scene's devices and lines, and of the scene itself."""
    computed = await figures.of(scene_of(centre, scene_id), window)
    start, stop = computed.window
    return {
        "window": {"start": start // MILLISECOND, "stop": stop // MILLISECOND, "label": window},
        "indicators": [_payload(indicator) for indicator in computed.indicators],
    }


@router.get("/indicators/{key:path}/explain")
async def explain_indicator(
    centre: CentreHere, figures: FiguresHere, key: Key, window: WindowName = _SHIFT, language: Language = "zh"
) -> Json:
    """Derive one indicator step by step, down to the stops behind it, in the reader's language."""
    _, _, below_site = key.partition("/")
    scene = scene_of(centre, below_site.partition("/")[0].partition(":")[0])
    computed = await figures.of(scene, window)
    indicator = next((i for i in computed.indicators if i.key == key), None)
    if indicator is None:
        raise HTTPException(404, f"no indicator {key!r} in this window")
    unit = computed.analysis.unit(indicator.scope)
    notes = await asyncio.to_thread(centre.annotations.within, indicator.scope, computed.window)
    derivation = explain(indicator, language, stops=unit.explained(notes) if unit else ())
    return {
        "title": derivation.title,
        "scope": derivation.scope,
        "window": derivation.window,
        "steps": [{"kind": s.kind.value, "label": s.label, "text": s.text} for s in derivation.steps],
    }


@router.get("/scenes/{scene_id}/explain")
async def explain_in_scene(
    centre: CentreHere,
    figures: FiguresHere,
    scene_id: str,
    key: Annotated[str, Query(description=_KEY)],
    window: WindowName = _SHIFT,
    language: Language = "zh",
) -> Json:
    """Derive one indicator of a scene, as `/indicators/{key}/explain` does."""
    scene = scene_of(centre, scene_id)
    if key.partition(":")[0] != scene.path and not key.startswith(f"{scene.path}/"):
        raise HTTPException(404, f"no indicator {key!r} in this scene")
    return await explain_indicator(centre, figures, key, window, language)


@router.get("/scenes/{scene_id}/revisions")
async def revisions(centre: CentreHere, scene_id: str, start: str, stop: str) -> list[Json]:
    """Give every computation of a closed shift's figures: the first, and those that late data made necessary."""
    found = await asyncio.to_thread(centre.results.revisions, scene_of(centre, scene_id), window(start, stop))
    return [
        {
            "start": revision.window[0] // MILLISECOND,
            "stop": revision.window[1] // MILLISECOND,
            "number": revision.number,
            "computed": revision.computed // MILLISECOND,
            "reason": revision.reason.value,
            "late": revision.late,
        }
        for revision in found
    ]


@router.get("/scenes/{scene_id}/states")
async def states(centre: CentreHere, scene_id: str, start: str, stop: str) -> list[Json]:
    """Give what state each machine was in, interval by interval, and where that is unknown, why."""
    span = window(start, stop)
    timeline = await asyncio.to_thread(state_timeline, scene_of(centre, scene_id), centre.historian, span)
    return [{"device": path, "intervals": _intervals(found)} for path, found in timeline.items()]


def _payload(indicator: Indicator) -> Json:
    payload: Json = dict(indicator.payload())
    payload["formula"] = {"id": indicator.formula, "version": payload.pop("version")}
    return payload


def _intervals(found: Intervals) -> list[dict[str, Any]]:
    return [
        {
            "start": start // MILLISECOND,
            "stop": stop // MILLISECOND,
            "state": "UNKNOWN" if state == UNKNOWN else PackState(state).name,
            "why": Unknown(why).name.lower().replace("_", "-") if why else None,
        }
        for start, stop, state, why in zip(
            found.start.tolist(), found.stop.tolist(), found.state.tolist(), found.why.tolist(), strict=True
        )
    ]
