"""Figures over REST: indicators of a scene in a window, how one came about, and machine states.

Nothing is computed twice for two viewers: what one asked for, the others get for as long as
it is fresh, and while it is being computed they wait for the same answer.

The running shift is asked for every few seconds by every page, so it is computed without what
lies behind its figures; that is worked out when somebody asks for it (`details`, a derivation).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.requests import HTTPConnection

from analytics.explain import explain
from analytics.indicator import Indicator
from analytics.scene import Analysis, analyse, product_spans, state_timeline
from analytics.states import UNKNOWN, Intervals
from analytics.steps import Unknown
from analytics.studies import scene_studies
from dashboard_api.centre import Centre
from dashboard_api.query import CentreHere, Json, moment, scene_of, window, words
from dashboard_api.windows import Asked, AskedHere, bounded
from plant.assets import Scene
from plant.calendar import Span
from plant.clock import MILLISECOND, SECOND
from plant.packml import PackState

router = APIRouter(prefix="/api/v1", tags=["figures"])

FRESH = 2.0
"""Seconds for which a computed answer is given again."""
FRESH_DETAILS = 10.0
"""Seconds for which what lies behind it is given again."""
MOST_AT_ONCE = 24
"""Answers that are worked out at the same time; who asks for one more is told to come back."""
STUDIED = 8 * 86_400 * SECOND
"""The longest window of which what does not add up is worked out, from its own samples."""

ProductName = Annotated[
    str | None, Query(max_length=200, description="only what was done for this product, as the machine names it")
]


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """One scene's figures in one window; `details`: what lies behind them, where it was asked for."""

    window: Span
    analysis: Analysis
    indicators: list[Indicator]
    details: list[Indicator] = field(default_factory=list)

    def of(self, key: str) -> Indicator | None:
        """Return the indicator with this key, or None."""
        return next((i for i in (*self.indicators, *self.details) if i.key == key), None)


@dataclass(frozen=True, slots=True)
class _Question:
    scene: str
    asked: Asked
    detailed: bool


@dataclass(slots=True)
class Figures:
    """The indicators that were asked for lately, one computation each."""

    centre: Centre
    _kept: dict[_Question, tuple[float, asyncio.Task[Computed]]] = field(default_factory=dict)

    async def of(self, scene: Scene, asked: Asked) -> Computed:
        """Return the figures of a scene in a window. Answers 404 or 422 for a window that is none."""
        return await self._answer(_Question(scene.id, asked, detailed=False), scene)

    async def detailed(self, scene: Scene, asked: Asked) -> Computed:
        """Return the figures with what lies behind them; answers as `of` does."""
        return await self._answer(_Question(scene.id, asked, detailed=True), scene)

    async def _answer(self, question: _Question, scene: Scene) -> Computed:
        now = self.centre.clock.monotonic()
        self._kept = {q: kept for q, kept in self._kept.items() if now - kept[0] < _fresh(q) or not kept[1].done()}
        if question not in self._kept:
            if sum(not task.done() for _, task in self._kept.values()) >= MOST_AT_ONCE:
                raise HTTPException(503, "too many figures are being worked out; ask again", {"Retry-After": "5"})
            name = f"figures {question.scene} {question.asked.label}"
            self._kept[question] = now, asyncio.create_task(self._compute(question, scene), name=name)
        # Shielded: a viewer who leaves must not take the answer away from the others.
        return await asyncio.shield(self._kept[question][1])

    async def _compute(self, question: _Question, scene: Scene) -> Computed:
        centre = self.centre
        span = question.asked.window(centre.configuration.calendar(scene.id), centre.clock.now())
        return await asyncio.to_thread(self._computed, question, scene, span)

    def _computed(self, question: _Question, scene: Scene, span: Span) -> Computed:
        centre, detailed = self.centre, question.detailed
        calendar, rules = centre.configuration.calendar(scene.id), centre.rules
        # A stop that reaches beyond a past window is as long as it became, not as long as it was then.
        now = span[1] if question.asked.span is None else max(span[1], centre.clock.now())
        if question.asked.summed:
            analysis = centre.results.period(
                scene, centre.historian, span, calendar=calendar, rules=rules, detailed=detailed
            )
        else:
            analysis = analyse(
                scene, centre.historian, span, calendar=calendar, rules=rules, now=now, detailed=detailed
            )
        whole = (analysis.windows[0][0], analysis.windows[-1][1])
        details = analysis.details() if detailed else []
        if detailed and whole[1] - whole[0] <= STUDIED:
            details += scene_studies(scene, centre.historian, whole, calendar=calendar, rules=rules, now=now)
        return Computed(whole, analysis, analysis.indicators(), details)


def _fresh(question: _Question) -> float:
    return FRESH_DETAILS if question.detailed else FRESH


def figures_of(connection: HTTPConnection) -> Figures:
    """Return the figures kept for the centre of this application."""
    figures: Figures = connection.app.state.figures
    return figures


FiguresHere = Annotated[Figures, Depends(figures_of)]
Key = Annotated[str, Path(description="the indicator's key: scope:id", max_length=800)]
Language = Literal["zh", "en"]


@router.get("/scenes/{scene_id}/indicators")
async def indicators(
    centre: CentreHere, figures: FiguresHere, scene_id: str, asked: AskedHere, product: ProductName = None
) -> Json:
    """Give every indicator of a scene's devices and lines, and of the scene itself; or those of one product."""
    scene = scene_of(centre, scene_id)
    if product is None:
        computed = await figures.of(scene, asked)
        return answer(computed.window, computed.indicators, asked)
    computed = await figures.detailed(scene, asked)
    return answer(computed.window, of_product(computed.details, product), asked)


@router.get("/indicators/{key:path}/explain")
async def explain_indicator(
    centre: CentreHere, figures: FiguresHere, key: Key, asked: AskedHere, language: Language = "zh"
) -> Json:
    """Derive one indicator step by step, down to the stops behind it, in the reader's language."""
    _, _, below_site = key.partition("/")
    scene = scene_of(centre, below_site.partition("/")[0].partition(":")[0].partition("#")[0])
    computed = await figures.of(scene, asked)
    indicator = computed.of(key)
    if indicator is None:
        computed = await figures.detailed(scene, asked)
        indicator = computed.of(key)
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


@router.get("/scenes/{scene_id}/shifts")
async def shifts(centre: CentreHere, scene_id: str, start: str, stop: str) -> list[Json]:
    """List the shifts of a scene's calendar that reach into a window: what can be asked for as shift and day."""
    calendar = centre.configuration.calendar(scene_of(centre, scene_id).id)
    return [
        {
            "shift": shift.id,
            "day": shift.date.isoformat(),
            "name": words(shift.name),
            "start": shift.start // MILLISECOND,
            "stop": shift.stop // MILLISECOND,
        }
        for shift in calendar.shifts(*bounded(moment(start), moment(stop)))
    ]


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
async def states(centre: CentreHere, scene_id: str, asked: AskedHere, product: ProductName = None) -> list[Json]:
    """Give what state each machine was in, interval by interval, and where that is unknown, why.

    With `product`, of the machines that say what they make, and only of the time in which it was that.
    """
    scene = scene_of(centre, scene_id)
    span = asked.window(centre.configuration.calendar(scene.id), centre.clock.now())

    def work() -> dict[str, Intervals]:
        timeline = state_timeline(scene, centre.historian, span)
        if product is None:
            return timeline
        made = product_spans(scene, centre.historian, span, product)
        return {path: found.during(made[path]) for path, found in timeline.items() if path in made}

    timeline = await asyncio.to_thread(work)
    return [{"device": path, "intervals": _intervals(found)} for path, found in timeline.items()]


def answer(span: Span, found: list[Indicator], asked: Asked) -> Json:
    """Give indicators with the window they are of."""
    start, stop = span
    return {
        "window": {"start": start // MILLISECOND, "stop": stop // MILLISECOND, "label": asked.label},
        "indicators": [_payload(indicator) for indicator in found],
    }


def of_product(found: list[Indicator], product: str) -> list[Indicator]:
    """Return the indicators that speak of one product."""
    marks = f"#product={product}", f"#product={product}#"
    return [i for i in found if i.scope.endswith(marks[0]) or marks[1] in i.scope]


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
