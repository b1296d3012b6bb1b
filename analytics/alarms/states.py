"""The state machine of one alarm (ISA-18.2, figure "alarm state transition"; IEC 62682).

    A normal ──raise──▶ B unacknowledged ──ack──▶ C acknowledged
       ▲                    │ clear                  │ clear
       │                    ▼                        ▼
       ├──ack── D returned, unacknowledged           A       (or, where the alarm latches,
       └──reset── F latched, acknowledged ◀──ack── E latched, unacknowledged)

    G shelved · H suppressed by design · I out of service: not annunciated, the condition is
    still watched; an alarm that is active when it comes back is unacknowledged, never lost.

The memory is a few independent facts and the letter follows from them, so there is no
combination without a state. An action that makes no sense is `Refused` and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from plant.clock import SECOND
from plant.errors import ProvenlineError
from plant.text import Text

LONGEST_SHELVING = 24 * 3600 * SECOND


class Refused(ProvenlineError):
    """An action on an alarm is not possible in its state, or lacks what it needs. Nothing has changed."""


class AlarmState(StrEnum):
    """The states of ISA-18.2 by their letters."""

    NORMAL = "A"
    UNACKNOWLEDGED = "B"
    ACKNOWLEDGED = "C"
    RETURNED = "D"
    """Returned to normal, unacknowledged."""
    LATCHED_UNACKNOWLEDGED = "E"
    LATCHED_ACKNOWLEDGED = "F"
    SHELVED = "G"
    SUPPRESSED = "H"
    """Suppressed by design."""
    OUT_OF_SERVICE = "I"


class Priority(IntEnum):
    """How soon an operator has to act; the lowest number first."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One alarm as it was rationalized.

    `scope`: path of what it is about. `consequence`: what happens if nobody acts; `response`:
    what the operator is to do; an alarm that needs no response is no alarm. `latching`: stays
    until it is reset by hand. `max_shelving`: ns, at most a day. `simulated`: what it watches is
    declared simulated. Raises ValueError without an id or with an impossible shelving time.
    """

    id: str
    name: Text
    scope: str
    priority: Priority = Priority.MEDIUM
    consequence: Text = Text()
    response: Text = Text()
    latching: bool = False
    max_shelving: int = 8 * 3600 * SECOND
    simulated: bool = False

    def __post_init__(self) -> None:
        if not self.id.strip():
            raise ValueError("an alarm has an id")
        if not 0 < self.max_shelving <= LONGEST_SHELVING:
            raise ValueError(f"alarm {self.id!r}: shelving lasts more than 0 s and at most 24 h")


class Do(StrEnum):
    """What can happen to an alarm."""

    RAISE = "raise"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    REMOVE = "remove-from-service"
    RETURN = "return-to-service"
    COMMENT = "comment"
    """Something worth knowing, said about an alarm in any state; its text is the reason."""
    EXPIRE = "shelving-expired"
    """Of itself, when the time of a shelving is over."""


BY_PEOPLE = frozenset({Do.ACKNOWLEDGE, Do.RESET, Do.SHELVE, Do.UNSHELVE, Do.REMOVE, Do.RETURN, Do.COMMENT})
"""What only somebody with a name can do."""
_WITH_REASON = frozenset({Do.SHELVE, Do.REMOVE, Do.COMMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that happens to an alarm. `time`: ns UTC. `by`: who did it; `reason`: why.

    `until`: end of a shelving, ns UTC. `value`: what the condition saw, for the record;
    `simulated`: whether that was made by a simulator.
    """

    time: int
    do: Do
    by: str = ""
    reason: str = ""
    until: int | None = None
    value: float | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of an alarm's history: an action with the states before and after it.

    `simulated`: whether the alarm was last raised by simulated data, or watches nothing else.
    """

    alarm: str
    priority: Priority
    action: Action
    before: AlarmState
    after: AlarmState
    simulated: bool = False

    @property
    def annunciated(self) -> bool:
        """Whether the alarm newly called for the operator's attention."""
        return self.after is AlarmState.UNACKNOWLEDGED and self.before is not AlarmState.UNACKNOWLEDGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm's memory. `active`: its condition holds. `since`: when the state last changed, ns UTC.

    `active_since`: when the condition began to hold, None while it does not. `value`: what it saw
    then. `shelving`: the action that shelved it, with author, reason and end.
    """

    definition: Definition
    time: int
    since: int
    active: bool = False
    acknowledged: bool = True
    latched: bool = False
    shelving: Action | None = None
    suppressed: bool = False
    out_of_service: bool = False
    active_since: int | None = None
    value: float | None = None
    simulated: bool = False

    @property
    def shelved_until(self) -> int | None:
        """When its shelving ends, ns UTC; None while it is not shelved."""
        return None if self.shelving is None else self.shelving.until

    @property
    def state(self) -> AlarmState:
        """The letter that follows from the facts."""
        if self.out_of_service:
            return AlarmState.OUT_OF_SERVICE
        if self.suppressed:
            return AlarmState.SUPPRESSED
        if self.shelving is not None:
            return AlarmState.SHELVED
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        if self.latched:
            return AlarmState.LATCHED_ACKNOWLEDGED if self.acknowledged else AlarmState.LATCHED_UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED

    @property
    def annunciating(self) -> bool:
        """Whether it is shown at all: neither shelved, nor suppressed, nor out of service."""
        return self.shelving is None and not self.suppressed and not self.out_of_service


def new(definition: Definition, now: int) -> Alarm:
    """Return an alarm in its normal state."""
    return Alarm(definition=definition, time=now, since=now, simulated=definition.simulated)


def apply(alarm: Alarm, action: Action) -> tuple[Alarm, tuple[Event, ...]]:
    """Let something happen to an alarm; return its new memory and what to write into the history.

    A shelving whose time is over ends first, at its own time. A condition that repeats itself
    makes no event. Raises `Refused`, without any effect, for an action that is not possible,
    lacks author or reason, or lies before the last one.
    """
    if action.time < alarm.time:
        raise Refused(f"{alarm.definition.id}: time does not go back")
    alarm, events = expire(alarm, action.time)
    if action.do is Do.EXPIRE:
        return alarm, events
    _check(alarm, action)
    changed = _changed(alarm, action)
    if changed is None:
        return replace(alarm, time=action.time), events
    return _entered(alarm, changed, action, events)


def expire(alarm: Alarm, now: int) -> tuple[Alarm, tuple[Event, ...]]:
    """End a shelving whose time is over by `now`; to be called at `shelved_until` at the latest."""
    until = alarm.shelved_until
    if until is None or until > now:
        return alarm, ()
    action = Action(time=until, do=Do.EXPIRE)
    return _entered(alarm, _returned(replace(alarm, shelving=None)), action, ())


def _entered(before: Alarm, after: Alarm, action: Action, events: tuple[Event, ...]) -> tuple[Alarm, tuple[Event, ...]]:
    moved = before.state is not after.state
    alarm = replace(after, time=action.time, since=action.time if moved else before.since)
    definition = alarm.definition
    event = Event(
        alarm=definition.id,
        priority=definition.priority,
        action=action,
        before=before.state,
        after=alarm.state,
        simulated=alarm.simulated,
    )
    return alarm, (*events, event)


def _check(alarm: Alarm, action: Action) -> None:
    name = alarm.definition.id
    if action.do in BY_PEOPLE and not action.by.strip():
        raise Refused(f"{name}: to {action.do} takes somebody who does it")
    if action.do in _WITH_REASON and not action.reason.strip():
        raise Refused(f"{name}: to {action.do} takes a reason")
    match action.do:
        case Do.ACKNOWLEDGE if not alarm.annunciating or alarm.acknowledged:
            raise Refused(f"{name}: there is nothing to acknowledge")
        case Do.RESET if alarm.state is not AlarmState.LATCHED_ACKNOWLEDGED:
            raise Refused(f"{name}: only a latched alarm that is over and acknowledged can be reset")
        case Do.SHELVE:
            _check_shelving(alarm, action)
        case Do.UNSHELVE if alarm.shelving is None:
            raise Refused(f"{name}: it is not shelved")


def _check_shelving(alarm: Alarm, action: Action) -> None:
    name, longest = alarm.definition.id, alarm.definition.max_shelving
    if not alarm.annunciating:
        raise Refused(f"{name}: it is shelved, suppressed or out of service already")
    if action.until is None or not 0 < action.until - action.time <= longest:
        raise Refused(f"{name}: shelving takes an end, at most {longest // SECOND} s from now")


def _changed(alarm: Alarm, action: Action) -> Alarm | None:
    """Return the memory after an action, None where there is nothing new."""
    match action.do:
        case Do.RAISE:
            return None if alarm.active else _raised(alarm, action)
        case Do.CLEAR:
            return replace(alarm, active=False, active_since=None) if alarm.active else None
        case Do.ACKNOWLEDGE:
            return replace(alarm, acknowledged=True)
        case Do.RESET:
            return replace(alarm, latched=False)
        case Do.SHELVE:
            return replace(alarm, shelving=action)
        case Do.UNSHELVE:
            return _returned(replace(alarm, shelving=None))
        case Do.SUPPRESS:
            return None if alarm.suppressed else replace(alarm, suppressed=True)
        case Do.UNSUPPRESS:
            return _returned(replace(alarm, suppressed=False)) if alarm.suppressed else None
        case Do.REMOVE:
            return None if alarm.out_of_service else replace(alarm, out_of_service=True)
        case Do.RETURN:
            return _returned(replace(alarm, out_of_service=False)) if alarm.out_of_service else None
        case Do.COMMENT:
            return alarm
    raise Refused(f"{alarm.definition.id}: {action.do} is nothing to be done")


def _raised(alarm: Alarm, action: Action) -> Alarm:
    simulated = alarm.definition.simulated or action.simulated
    raised = replace(alarm, active=True, active_since=action.time, value=action.value, simulated=simulated)
    if not alarm.annunciating:
        return raised
    return replace(raised, acknowledged=False, latched=alarm.latched or alarm.definition.latching)


def _returned(alarm: Alarm) -> Alarm:
    # Back from where it was not shown: what is active or latched has to be seen anew, and
    # what came and went meanwhile is over.
    if not alarm.annunciating:
        return alarm
    latched = alarm.latched or (alarm.active and alarm.definition.latching)
    return replace(alarm, latched=latched, acknowledged=not (alarm.active or latched))
