"""All alarms of a plant together.

The desk is a value: every action gives a new one and the events to append to the history,
which is never altered. Replaying a history's actions gives the same desk again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from analytics.alarms.states import Action, Alarm, AlarmState, Definition, Do, Event, Refused, apply, expire, new


@dataclass(frozen=True, slots=True)
class Desk:
    """Alarms by id."""

    alarms: Mapping[str, Alarm]

    @staticmethod
    def of(definitions: Iterable[Definition], now: int) -> Desk:
        """Return a desk on which every alarm is normal. Raises ValueError where an id is given twice."""
        listed = list(definitions)
        alarms = {definition.id: new(definition, now) for definition in listed}
        if len(alarms) < len(listed):
            raise ValueError("two alarms have the same id")
        return Desk(alarms)

    def after(self, alarm: str, action: Action) -> tuple[Desk, tuple[Event, ...]]:
        """Return the desk after something happened to one alarm. Raises `Refused` as `states.apply` does."""
        known = self.alarms.get(alarm)
        if known is None:
            raise Refused(f"there is no alarm {alarm!r}")
        changed, events = apply(known, action)
        return Desk({**self.alarms, alarm: changed}), events

    def at(self, now: int) -> tuple[Desk, tuple[Event, ...]]:
        """Return the desk at a later moment: shelvings whose time is over have ended, in order."""
        alarms = dict(self.alarms)
        events: list[Event] = []
        ends = [(alarm.shelved_until, name) for name, alarm in alarms.items() if alarm.shelved_until is not None]
        for until, name in sorted(ends):
            if until <= now:
                alarms[name], ended = expire(alarms[name], now)
                events.extend(ended)
        return Desk(alarms), tuple(events)

    @property
    def next_expiry(self) -> int | None:
        """When the next shelving ends, ns UTC; None where none is shelved."""
        return min((a.shelved_until for a in self.alarms.values() if a.shelved_until is not None), default=None)

    def shown(self) -> tuple[Alarm, ...]:
        """Return what is on the operator's list: most urgent first, then unacknowledged, then newest."""
        listed = [a for a in self.alarms.values() if a.annunciating and a.state is not AlarmState.NORMAL]
        return tuple(sorted(listed, key=lambda a: (a.definition.priority, a.acknowledged, -a.since, a.definition.id)))


def replay(
    definitions: Iterable[Definition],
    history: Iterable[Event],
    start: int,
    *,
    refused: Callable[[Refused], None] | None = None,
) -> Desk:
    """Return the desk that a history, in the order it happened, leads to.

    `refused`: told of what is no longer possible, because definitions have changed, and is then
    left out; without it that raises.
    """
    desk = Desk.of(definitions, start)
    for event in history:
        try:
            if event.action.do is Do.EXPIRE:
                desk, _ = desk.at(event.action.time)
            else:
                desk, _ = desk.after(event.alarm, event.action)
        except Refused as refusal:
            if refused is None:
                raise
            refused(refusal)
    return desk
