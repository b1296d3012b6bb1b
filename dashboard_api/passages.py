"""What passed, over REST: hand-shakes between machines, and the way of one product through the stations."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.requests import HTTPConnection

from analytics.hand_overs import HandOver, Pair, pairs
from analytics.tracing import Seen, Trace, Visit, recent, stations, trace
from dashboard_api.centre import Centre
from dashboard_api.present import PresentHere
from dashboard_api.query import CentreHere, Json, scene_of
from dashboard_api.shared import Shared
from dashboard_api.windows import Asked, AskedHere
from plant.batch import Value
from plant.clock import MILLISECOND, SECOND

router = APIRouter(prefix="/api/v1", tags=["passages"])

MOST_HAND_OVERS = 200
MOST_RECENT = 100
_FRESH, _FRESH_TRACE = 1.0, 3.0
_LONGEST = 8 * 86_400 * SECOND


class Passages:
    """What was asked for lately, one computation each."""

    def __init__(self, centre: Centre) -> None:
        self.pairs: Shared[tuple[str, Asked, int], list[Pair]] = Shared(centre.clock, _FRESH)
        self.recent: Shared[tuple[str, int, int | None], list[Seen]] = Shared(centre.clock, _FRESH)
        # Few at a time: a product that nobody knows is looked for through days.
        self.traces: Shared[tuple[str, str, int | None], Trace] = Shared(centre.clock, _FRESH_TRACE, most=3)


def passages_of(connection: HTTPConnection) -> Passages:
    """Return what is kept for the centre of this application."""
    passages: Passages = connection.app.state.passages
    return passages


PassagesHere = Annotated[Passages, Depends(passages_of)]


@router.get("/scenes/{scene_id}/hand-overs")
async def hand_overs(
    centre: CentreHere,
    passages: PassagesHere,
    scene_id: str,
    asked: AskedHere,
    most: Annotated[int, Query(ge=1, le=MOST_HAND_OVERS, description="of each pair, the newest")] = 20,
) -> list[Json]:
    """Give the newest hand-shakes of a window between each two machines, word by word, and those that were missed.

    Answers 422 beyond 8 days.
    """
    scene = scene_of(centre, scene_id)
    span = asked.window(centre.configuration.calendar(scene.id), centre.clock.now())
    if span[1] - span[0] > _LONGEST:
        raise HTTPException(422, f"hand-shakes are listed of {_LONGEST // SECOND // 86_400} days at most")
    question = scene.id, asked, most
    found = await passages.pairs.of(question, lambda: pairs(scene, centre.historian, span, most=most))
    return [
        {
            "giver": pair.giver.path,
            "receiver": pair.receiver.path if pair.receiver is not None else None,
            "words": list(pair.words),
            "hand_overs": [_hand_over(one) for one in pair.hand_overs],
            "simulated": pair.simulated,
        }
        for pair in found
    ]


def _hand_over(one: HandOver) -> Json:
    return {
        "time": one.time // MILLISECOND,
        "seconds": one.seconds,
        "words": {word.name: word.seconds for word in one.words},
        "missed": one.missed,
        "trusted": one.trusted,
    }


@router.get("/scenes/{scene_id}/identifiers")
async def identifiers(
    centre: CentreHere,
    passages: PassagesHere,
    scene_id: str,
    at: PresentHere,
    most: Annotated[int, Query(ge=1, le=MOST_RECENT)] = 20,
) -> list[Json]:
    """Give the products that were seen last in a scene, the newest first, within 24 h."""
    scene = scene_of(centre, scene_id)
    question = scene.id, most, at.until
    found = await passages.recent.of(question, lambda: recent(scene, centre.historian, at.now, most=most))
    return [
        {
            "identifier": seen.identifier,
            "time": seen.time // MILLISECOND,
            "device": seen.device.path,
            "stations": seen.stations,
        }
        for seen in found
    ]


@router.get("/scenes/{scene_id}/trace")
async def way(
    centre: CentreHere,
    passages: PassagesHere,
    scene_id: str,
    at: PresentHere,
    identifier: Annotated[str, Query(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")],
) -> Json:
    """Give the way of one product through the stations of a scene, with what each of them said of it.

    A product that nobody saw within the last 7 days has no visits; `stations` lists who would have told.
    """
    scene, wanted = scene_of(centre, scene_id), identifier.strip()
    question = scene.id, wanted, at.until
    found = await passages.traces.of(question, lambda: trace(scene, centre.historian, wanted, at.now))
    return {
        "identifier": found.identifier,
        "since": found.since // MILLISECOND,
        "simulated": found.simulated,
        "stations": [device.path for device, _ in stations(scene)],
        "visits": [_visit(visit) for visit in found.visits],
    }


def _visit(visit: Visit) -> Json:
    return {
        "device": visit.device.path,
        "tag": visit.tag.path,
        "time": visit.sample.time // MILLISECOND,
        "received": visit.sample.received // MILLISECOND,
        "quality": visit.sample.quality,
        "until": None if visit.until is None else visit.until // MILLISECOND,
        "facts": [
            {
                "path": fact.tag.path,
                "value": _sayable(fact.sample.value),
                "quality": fact.sample.quality,
                "time": fact.sample.time // MILLISECOND,
            }
            for fact in visit.facts
        ],
    }


def _sayable(value: Value) -> Value | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
