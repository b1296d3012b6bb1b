"""Alarms as they go over the wire, and their log as a table for people: plain values, both languages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from analytics.alarms.conditions import InState, Limit, OutOfControl, Rate
from analytics.alarms.log import Entry
from analytics.alarms.rules import AlarmRule, OfFigure, OfSilence, OfTag
from analytics.alarms.states import Alarm
from analytics.formulas import FORMULAS
from analytics.indicator import Shown
from dashboard_api.centre import Centre
from dashboard_api.query import Json, words
from plant.clock import MILLISECOND, SECOND

_COLUMNS: Final = ("number", "time", "alarm", "name_zh", "name_en", "scope", "priority", "do", "before", "after")
_MORE: Final = ("by", "reason", "until", "value", "simulated")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula when a text begins with it."""


def alarm_payload(centre: Centre, alarm: Alarm) -> Json:
    """Give an alarm with its definition and its state."""
    definition, shelving = alarm.definition, alarm.shelving
    return {
        "id": definition.id,
        "scene": definition.scope.split("/")[1],
        "scope": definition.scope,
        "name": words(definition.name),
        "consequence": words(definition.consequence),
        "response": words(definition.response),
        "priority": definition.priority.name.lower(),
        "state": alarm.state.name.lower().replace("_", "-"),
        "letter": alarm.state.value,
        "active": alarm.active,
        "acknowledged": alarm.acknowledged,
        "since": alarm.since // MILLISECOND,
        "active_since": ms(alarm.active_since),
        "value": alarm.value if alarm.active else None,
        "simulated": alarm.simulated,
        "latching": definition.latching,
        "max_shelving": definition.max_shelving // SECOND,
        "shelving": {
            "by": shelving.by,
            "reason": shelving.reason,
            "since": shelving.time // MILLISECOND,
            "until": ms(shelving.until),
        }
        if shelving
        else None,
        **_condition(centre.alarms.rules[definition.id]),
    }


def _condition(rule: AlarmRule) -> Json:
    """Say what is watched: `kind`, `limit` with `side` where there is one, their unit, and how people read them."""
    kind: Literal["limit", "rate", "state", "spc", "stale", "kpi"]
    limit: float | None = None
    side: str | None = None
    unit, shown = "1", Shown.NUMBER
    match rule.watched:
        case OfTag(condition=Limit() as beyond, unit=unit):
            kind, limit, side = "limit", beyond.limit, beyond.side.value
        case OfTag(condition=Rate() as rate, unit=unit):
            kind, limit, unit = "rate", rate.per_second, f"{unit}/s"
        case OfTag(condition=OutOfControl(), unit=unit):
            kind = "spc"
        case OfTag(condition=InState()):
            kind = "state"
        case OfSilence(after=after):
            kind, limit, unit = "stale", after, "s"
        case OfFigure(key=key, limit=beyond):
            formula = FORMULAS[key.rpartition(":")[2]]
            kind, limit, side, unit, shown = "kpi", beyond.limit, beyond.side.value, formula.unit, formula.shown
    return {"kind": kind, "limit": limit, "side": side, "unit": unit, "shown": shown.value}


def event_payload(centre: Centre, entry: Entry) -> Json:
    """Give one line of the log; an alarm that is no longer configured is named by its id."""
    event, action = entry.event, entry.event.action
    rule = centre.alarms.rules.get(event.alarm)
    return {
        "number": entry.number,
        "time": action.time // MILLISECOND,
        "alarm": event.alarm,
        "name": called(centre, event.alarm),
        "scope": rule.definition.scope if rule else event.alarm.partition(":")[0],
        "do": action.do.value,
        "before": event.before.name.lower().replace("_", "-"),
        "after": event.after.name.lower().replace("_", "-"),
        "priority": event.priority.name.lower(),
        "by": action.by,
        "reason": action.reason,
        "until": ms(action.until),
        "value": action.value,
        "simulated": event.simulated,
    }


def called(centre: Centre, name: str) -> dict[str, str]:
    """Give an alarm's name in both languages; its id where it is no longer configured."""
    rule = centre.alarms.rules.get(name)
    return words(rule.definition.name) if rule else {"zh": name, "en": name}


def ms(moment: int | None) -> int | None:
    """Give a moment in ms UTC, None for none."""
    return None if moment is None else moment // MILLISECOND


def table(centre: Centre, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the log as CSV with a byte order mark, which spreadsheets need; times in the site's zone, with offset."""
    zone = ZoneInfo(centre.configuration.site.zone)
    yield "\ufeff".encode() + _line((*_COLUMNS, *_MORE))
    for entry in entries:
        event = event_payload(centre, entry)
        event |= {"name_zh": event["name"]["zh"], "name_en": event["name"]["en"]}
        event |= {key: _local(event[key], zone) for key in ("time", "until")}
        yield _line(_cell(event[key]) for key in (*_COLUMNS, *_MORE))


def _cell(value: object) -> object:
    if value is None:
        return ""
    # Reasons are what people typed; a spreadsheet must not compute with them.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _local(moment: int | None, zone: ZoneInfo) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment / 1000, UTC).astimezone(zone).isoformat()


def _line(cells: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
