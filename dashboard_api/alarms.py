"""Alarms over REST: what stands, what people do about it, what happened, and how well the plant alarms.

    GET  /alarms                what is not normal, encoded once for all who ask
    POST /alarms/acknowledge    and the other things people do, to one alarm or to many at once
    GET  /alarms/history        the log, newest first; as a table: /alarms/history.csv
    GET  /alarms/performance    alarms an hour, floods, the most frequent, after ISA-18.2

The live feed carries a number that rises with every change, so a page asks when there is
something to ask for. Whoever acts is named in the log for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.requests import HTTPConnection
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from analytics.alarms.log import Entry, Question
from analytics.alarms.performance import TEN_MINUTES, Performance, indicators, performance
from analytics.alarms.states import Action, AlarmState, Do
from analytics.indicator import Basis
from dashboard_api.access import Actor, Permission, requires
from dashboard_api.alarm_payloads import alarm_payload, called, event_payload, ms, table
from dashboard_api.audit import Audit, AuditHere
from dashboard_api.centre import Centre
from dashboard_api.query import CentreHere, Json, scene_of, window
from dashboard_api.refusals import told
from plant.calendar import Span
from plant.clock import MILLISECOND, SECOND

router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

LONGEST = 32 * 86_400 * SECOND
"""Span of one question about performance, in ns."""
MOST_AT_ONCE = 1_000
_RECORDED = 200
"""Alarms in one record of the audit log, whose size is limited."""
_PAGE = 2_000
"""Lines of the log that are read at once for a table."""

Viewer = Annotated[Actor, Depends(requires(Permission.VIEW))]
AlarmId = Annotated[str, Field(min_length=1, max_length=300)]
_Words = StringConstraints(strip_whitespace=True, max_length=1_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")
Said = Annotated[str, _Words]
Reason = Annotated[str, _Words, Field(min_length=1)]


class Several(BaseModel):
    """Which alarms, and what may be said about it."""

    model_config = ConfigDict(extra="forbid")

    alarms: list[AlarmId] = Field(min_length=1, max_length=MOST_AT_ONCE)
    comment: Said = ""


class Because(BaseModel):
    """Which alarms, and why; without a reason it is not done."""

    model_config = ConfigDict(extra="forbid")

    alarms: list[AlarmId] = Field(min_length=1, max_length=MOST_AT_ONCE)
    reason: Reason


class Shelving(Because):
    """Which alarms, why, and for how many seconds; each alarm may allow less than a day."""

    seconds: float = Field(gt=0, le=86_400)


def _by_state(alarms: Sequence[str], states: Mapping[str, str]) -> Json:
    """Put alarms under the letters of their states."""
    found: dict[str, list[str]] = {}
    for name in alarms:
        found.setdefault(states[name], []).append(name)
    return {"states": found}


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who may act on alarms, and the two logs that keep what they did."""

    centre: Centre
    who: Actor
    audit: Audit

    async def do(self, what: Do, alarms: list[str], reason: str, *, length: int | None = None) -> Json:
        """Do it to each alarm that it is possible for. Answers 409 where it is possible for none.

        `length`: of a shelving, in ns.
        """

        def action(now: int) -> Action:
            return Action(time=now, do=what, by=self._name, reason=reason, until=length and now + length)

        before = await asyncio.to_thread(self._states)
        outcome = await asyncio.to_thread(self.centre.alarms.people, alarms, action)
        refused = [{"alarm": name, "why": why, "words": told(why).words} for name, why in outcome.refused.items()]
        if not outcome.done:
            raise HTTPException(409, "; ".join(outcome.refused.values()))
        after = await asyncio.to_thread(self._states)
        asked: Json = {"reason": reason, "seconds": length and length / SECOND}
        for at in range(0, len(outcome.done), _RECORDED):
            some = outcome.done[at : at + _RECORDED]
            was, now = _by_state(some, before), _by_state(some, after)
            await self.audit(self.who, f"alarm.{what}", some[0], before=was, after={**now, **asked})
        return {"number": self.centre.alarms.number, "done": list(outcome.done), "refused": refused}

    def _states(self) -> dict[str, str]:
        return {alarm.definition.id: alarm.state.value for alarm in self.centre.alarms.panel.alarms}

    @property
    def _name(self) -> str:
        # Where visitors may act without signing in, the log at least says from where.
        return self.who.name or f"visitor {self.who.address}".strip()


def acting(
    who: Annotated[Actor, Depends(requires(Permission.ALARM_ACT))], centre: CentreHere, audit: AuditHere
) -> Acting:
    """Let in who may act on alarms."""
    return Acting(centre, who, audit)


Operator = Annotated[Acting, Depends(acting)]


@dataclass(slots=True)
class AlarmList:
    """What is not normal, as JSON, made again only when something has changed."""

    centre: Centre
    _number: int = 0
    _body: bytes = b""

    def body(self) -> bytes:
        """Return the encoded list. Blocks for as long as alarms are being followed."""
        panel = self.centre.alarms.panel
        if panel.number != self._number:
            listed = [alarm for alarm in panel.alarms if alarm.state is not AlarmState.NORMAL]
            listed.sort(key=lambda a: (a.definition.priority, a.acknowledged, -a.since, a.definition.id))
            body = {"number": panel.number, "flood": ms(panel.flood)}
            self._body = orjson.dumps({**body, "alarms": [alarm_payload(self.centre, alarm) for alarm in listed]})
            self._number = panel.number
        return self._body


def alarm_list_of(connection: HTTPConnection) -> AlarmList:
    """Return the list of this application."""
    found: AlarmList = connection.app.state.alarm_list
    return found


@router.get("", response_class=Response, responses={200: {"content": {"application/json": {}}}})
async def standing(_: Viewer, listed: Annotated[AlarmList, Depends(alarm_list_of)]) -> Response:
    """Give every alarm that is not normal: the most urgent first, then what nobody acknowledged, then the newest."""
    return Response(await asyncio.to_thread(listed.body), media_type="application/json")


@router.get("/definitions")
async def definitions(_: Viewer, centre: CentreHere, scene: str | None = None) -> list[Json]:
    """Give every alarm there is, normal ones too, of one scene or of all."""
    below = f"{scene_of(centre, scene).path}:" if scene else ""
    panel = await asyncio.to_thread(lambda: centre.alarms.panel)
    return [alarm_payload(centre, alarm) for alarm in panel.alarms if alarm.definition.id.startswith(below)]


@router.post("/acknowledge")
async def acknowledge(operator: Operator, body: Several) -> Json:
    """Acknowledge alarms: somebody has seen them and acts."""
    return await operator.do(Do.ACKNOWLEDGE, body.alarms, body.comment)


@router.post("/reset")
async def reset(operator: Operator, body: Several) -> Json:
    """Reset latched alarms that are over and acknowledged."""
    return await operator.do(Do.RESET, body.alarms, body.comment)


@router.post("/shelve")
async def shelve(operator: Operator, body: Shelving) -> Json:
    """Put alarms aside for a limited time, for a reason; they come back by themselves."""
    return await operator.do(Do.SHELVE, body.alarms, body.reason, length=round(body.seconds * SECOND))


@router.post("/unshelve")
async def unshelve(operator: Operator, body: Several) -> Json:
    """Bring shelved alarms back before their time."""
    return await operator.do(Do.UNSHELVE, body.alarms, body.comment)


@router.post("/out-of-service")
async def remove(operator: Operator, body: Because) -> Json:
    """Take alarms out of service, for a reason, until somebody returns them."""
    return await operator.do(Do.REMOVE, body.alarms, body.reason)


@router.post("/return")
async def put_back(operator: Operator, body: Several) -> Json:
    """Return alarms to service."""
    return await operator.do(Do.RETURN, body.alarms, body.comment)


@router.post("/comment")
async def comment(operator: Operator, body: Because) -> Json:
    """Write something about alarms into the log; `reason` is the text."""
    return await operator.do(Do.COMMENT, body.alarms, body.reason)


@router.get("/history")
async def history(
    _: Viewer,
    centre: CentreHere,
    start: str,
    stop: str,
    alarm: str | None = None,
    scene: str | None = None,
    before: Annotated[int | None, Query(description="go on below this event number")] = None,
    most: Annotated[int, Query(ge=1, le=5_000)] = 500,
) -> Json:
    """Give what happened in a window, the newest first; `next` is where to go on, null at the end."""
    below = scene_of(centre, scene).path if scene else None
    question = Question(window=window(start, stop), alarm=alarm, below=below, before=before, most=most + 1)
    found = await asyncio.to_thread(centre.alarms.log.find, question)
    more = len(found) > most
    return {
        "events": [event_payload(centre, entry) for entry in found[:most]],
        "next": found[most - 1].number if more else None,
    }


@router.get("/history.csv", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}}})
async def history_file(
    _: Viewer, centre: CentreHere, start: str, stop: str, alarm: str | None = None, scene: str | None = None
) -> StreamingResponse:
    """Give everything that happened in a window as a table for spreadsheets, the newest first."""
    below = scene_of(centre, scene).path if scene else None
    question = Question(window=window(start, stop), alarm=alarm, below=below, most=_PAGE)
    headers = {"Content-Disposition": 'attachment; filename="alarms.csv"'}
    return StreamingResponse(table(centre, _pages(centre, question)), media_type="text/csv", headers=headers)


def _pages(centre: Centre, question: Question) -> Iterator[Entry]:
    while found := centre.alarms.log.find(question):
        yield from found
        question = replace(question, before=found[-1].number)


@router.get("/performance")
async def how_well(
    _: Viewer,
    centre: CentreHere,
    start: str,
    stop: str,
    operators: Annotated[float, Query(gt=0, le=100)] = 1.0,
) -> Json:
    """Say how well the plant alarmed in a window, per operator."""
    span = window(start, stop)
    if span[1] - span[0] > LONGEST:
        raise HTTPException(422, f"performance is of {LONGEST // (86_400 * SECOND)} days at most")
    return await asyncio.to_thread(_performance, centre, span, operators)


def _performance(centre: Centre, span: Span, operators: float) -> Json:
    events = centre.alarms.log.annunciations(span)
    found = performance(events, centre.alarms.panel.alarms, window=span, operators=operators)
    basis = Basis(scope=centre.configuration.site.id, window=span, simulated=any(event.simulated for event in events))
    return {
        "window": {"start": span[0] // MILLISECOND, "stop": span[1] // MILLISECOND},
        "operators": operators,
        "total": found.total,
        "peak": found.peak,
        "by_priority": {priority.name.lower(): count for priority, count in found.by_priority.items()},
        "most_frequent": _most_frequent(centre, found),
        "floods": [{"start": a // MILLISECOND, "stop": b // MILLISECOND} for a, b in found.floods],
        "stale": list(found.stale),
        "chattering": list(found.chattering),
        "ten_minutes": {"length": TEN_MINUTES // MILLISECOND, "counts": list(found.counts)},
        "indicators": [indicator.payload() for indicator in indicators(found, basis)],
    }


def _most_frequent(centre: Centre, found: Performance) -> list[Json]:
    return [
        {"alarm": name, "name": called(centre, name), "count": count, "share": count / found.total}
        for name, count in found.by_alarm[:10]
    ]
