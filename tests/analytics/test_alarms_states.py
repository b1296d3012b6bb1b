"""No sequence of events leads an alarm into the undefined, loses it, or leaves it shelved for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.alarms.desk import Desk, replay
from analytics.alarms.states import (
    Action,
    Alarm,
    AlarmState,
    Definition,
    Do,
    Event,
    Priority,
    Refused,
    apply,
    expire,
    new,
)
from plant.clock import SECOND
from plant.text import Text

PLAIN = Definition(id="press-hot", name=Text("压机过热", "press too hot"), scope="cq/first/line/press")
LATCHING = Definition(id="guard", name=Text("", "guard open"), scope="cq/first/line/press", latching=True)
HOUR = 3600 * SECOND


def action(do: Do, at: float = 1.0, **more) -> Action:
    time = round(at * SECOND)
    known = {"by": "wang", "reason": "sensor being replaced"}
    if do is Do.SHELVE:
        known["until"] = time + HOUR
    return Action(time=time, do=do, **{**known, **more})


def walk(definition: Definition, *does: Do) -> tuple[Alarm, list[Event]]:
    alarm, history = new(definition, 0), []
    for second, do in enumerate(does, start=1):
        alarm, events = apply(alarm, action(do, second))
        history.extend(events)
    return alarm, history


@pytest.mark.parametrize(
    ("does", "letter"),
    [
        ([], "A"),
        ([Do.RAISE], "B"),
        ([Do.RAISE, Do.ACKNOWLEDGE], "C"),
        ([Do.RAISE, Do.CLEAR], "D"),
        ([Do.RAISE, Do.CLEAR, Do.ACKNOWLEDGE], "A"),
        ([Do.RAISE, Do.CLEAR, Do.RAISE], "B"),
        ([Do.RAISE, Do.ACKNOWLEDGE, Do.CLEAR], "A"),
        ([Do.RAISE, Do.ACKNOWLEDGE, Do.CLEAR, Do.RAISE], "B"),
        ([Do.SHELVE], "G"),
        ([Do.SHELVE, Do.UNSHELVE], "A"),
        ([Do.SHELVE, Do.RAISE], "G"),
        ([Do.SHELVE, Do.RAISE, Do.UNSHELVE], "B"),
        ([Do.SHELVE, Do.RAISE, Do.CLEAR, Do.UNSHELVE], "A"),
        ([Do.RAISE, Do.ACKNOWLEDGE, Do.SHELVE, Do.UNSHELVE], "B"),
        ([Do.RAISE, Do.SUPPRESS], "H"),
        ([Do.RAISE, Do.SUPPRESS, Do.UNSUPPRESS], "B"),
        ([Do.SHELVE, Do.SUPPRESS, Do.UNSUPPRESS], "G"),
        ([Do.REMOVE, Do.RAISE], "I"),
        ([Do.SUPPRESS, Do.REMOVE, Do.RAISE, Do.RETURN], "H"),
        ([Do.REMOVE, Do.RAISE, Do.RETURN], "B"),
    ],
)
def test_an_alarm_goes_through_the_states_of_the_standard(does, letter: str) -> None:
    assert walk(PLAIN, *does)[0].state == letter


@pytest.mark.parametrize(
    ("does", "letter"),
    [
        ([Do.RAISE, Do.CLEAR], "E"),
        ([Do.RAISE, Do.CLEAR, Do.ACKNOWLEDGE], "F"),
        ([Do.RAISE, Do.ACKNOWLEDGE, Do.CLEAR], "F"),
        ([Do.RAISE, Do.ACKNOWLEDGE, Do.CLEAR, Do.RESET], "A"),
        ([Do.RAISE, Do.ACKNOWLEDGE, Do.CLEAR, Do.RAISE], "B"),
        ([Do.RAISE, Do.CLEAR, Do.SHELVE, Do.UNSHELVE], "E"),
        ([Do.SUPPRESS, Do.RAISE, Do.UNSUPPRESS, Do.CLEAR], "E"),
    ],
)
def test_a_latching_alarm_stays_until_it_is_reset(does, letter: str) -> None:
    assert walk(LATCHING, *does)[0].state == letter


@pytest.mark.parametrize(
    ("before", "refused", "match"),
    [
        ([], action(Do.ACKNOWLEDGE, 9), "nothing to acknowledge"),
        ([Do.RAISE, Do.SHELVE], action(Do.ACKNOWLEDGE, 9), "nothing to acknowledge"),
        ([Do.RAISE], action(Do.RESET, 9), "over and acknowledged"),
        ([Do.RAISE], action(Do.ACKNOWLEDGE, 9, by=" "), "somebody"),
        ([], action(Do.SHELVE, 9, reason=""), "a reason"),
        ([], action(Do.SHELVE, 9, until=None), "takes an end"),
        ([], action(Do.SHELVE, 9, until=9 * HOUR), "at most 28800 s"),
        ([], action(Do.SHELVE, 9, until=9 * SECOND), "takes an end"),
        ([Do.SHELVE], action(Do.SHELVE, 9), "already"),
        ([], action(Do.UNSHELVE, 9), "not shelved"),
        ([], action(Do.REMOVE, 9, reason=" "), "a reason"),
        ([Do.RAISE], action(Do.CLEAR, 0.5), "does not go back"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(before, refused: Action, match: str) -> None:
    alarm, _ = walk(PLAIN, *before)
    with pytest.raises(Refused, match=match):
        apply(alarm, refused)
    assert alarm == walk(PLAIN, *before)[0]


def test_every_line_of_the_history_says_who_when_why_and_from_where_to_where() -> None:
    _, history = walk(PLAIN, Do.RAISE, Do.ACKNOWLEDGE, Do.SHELVE)
    assert [(e.before, e.after) for e in history] == [("A", "B"), ("B", "C"), ("C", "G")]
    shelved = history[-1].action
    assert (shelved.by, shelved.reason, shelved.time) == ("wang", "sensor being replaced", 3 * SECOND)
    assert [e.annunciated for e in history] == [True, False, False]


def test_a_condition_that_repeats_itself_makes_no_event() -> None:
    assert len(walk(PLAIN, Do.RAISE, Do.RAISE, Do.CLEAR, Do.CLEAR)[1]) == 2


def test_shelving_ends_at_its_own_time_whatever_happens_later() -> None:
    alarm, _ = walk(PLAIN, Do.SHELVE, Do.RAISE)
    later, events = apply(alarm, action(Do.CLEAR, 7200))
    assert [(e.action.do, e.action.time, e.after) for e in events] == [
        (Do.EXPIRE, HOUR + SECOND, AlarmState.UNACKNOWLEDGED),
        (Do.CLEAR, 7200 * SECOND, AlarmState.RETURNED),
    ]
    assert later.state is AlarmState.RETURNED


steps = st.lists(
    st.tuples(st.sampled_from(list(Do)), st.integers(0, 3000), st.integers(-1, 9 * 3600), st.booleans()), max_size=40
)


def follow(definition: Definition, rows) -> tuple[Alarm, list[Event]]:
    alarm, history, now = new(definition, 0), [], 0
    for do, wait, length, named in rows:
        now += wait * SECOND
        done = Action(
            time=now, do=do, by="li" if named else "", reason="test" if named else "", until=now + length * SECOND
        )
        before = alarm
        try:
            alarm, events = apply(alarm, done)
        except Refused:
            assert alarm is before
            continue
        history.extend(events)
    return alarm, history


@given(st.sampled_from((PLAIN, LATCHING)), steps)
@settings(deadline=None)
def test_no_sequence_leads_to_an_undefined_state(definition, rows) -> None:
    alarm, history = follow(definition, rows)
    assert alarm.state in AlarmState
    state = AlarmState.NORMAL
    for event in history:
        assert event.before is state
        state = event.after
    assert state is alarm.state
    assert [e.action.time for e in history] == sorted(e.action.time for e in history)
    if not definition.latching:
        assert not alarm.latched


@given(st.sampled_from((PLAIN, LATCHING)), steps)
@settings(deadline=None)
def test_whether_the_condition_holds_is_only_decided_by_the_condition(definition, rows) -> None:
    alarm, history = follow(definition, rows)
    raised = [e.action.do for e in history if e.action.do in (Do.RAISE, Do.CLEAR)]
    assert alarm.active == (bool(raised) and raised[-1] is Do.RAISE)
    assert alarm.active == (alarm.active_since is not None)
    for event in history:
        if event.action.do is Do.ACKNOWLEDGE and event.before is AlarmState.UNACKNOWLEDGED:
            assert event.after is AlarmState.ACKNOWLEDGED


@given(st.sampled_from((PLAIN, LATCHING)), steps)
@settings(deadline=None)
def test_shelving_always_ends_and_shows_what_is_active(definition, rows) -> None:
    alarm, _ = follow(definition, rows)
    if alarm.shelved_until is not None:
        assert alarm.shelved_until - alarm.time <= definition.max_shelving
    later, _ = expire(alarm, alarm.time + definition.max_shelving)
    assert later.shelving is None
    if later.active and later.annunciating and alarm.shelving is not None:
        assert later.state is AlarmState.UNACKNOWLEDGED


@given(steps, steps)
@settings(deadline=None)
def test_replaying_the_history_gives_the_same_desk(first, second) -> None:
    desk, history, now = Desk.of((PLAIN, LATCHING), 0), [], 0
    for name, (do, wait, length, _) in [("press-hot", row) for row in first] + [("guard", row) for row in second]:
        now += wait * SECOND
        desk, ended = desk.at(now)
        history.extend(ended)
        try:
            done = Action(time=now, do=do, by="li", reason="test", until=now + length * SECOND)
            desk, events = desk.after(name, done)
        except Refused:
            continue
        history.extend(events)
    again = replay((PLAIN, LATCHING), history, 0)
    for name, alarm in desk.alarms.items():
        assert (alarm.state, alarm.active, alarm.since) == (
            again.alarms[name].state,
            again.alarms[name].active,
            again.alarms[name].since,
        )


def test_the_operators_list_is_in_order_of_urgency() -> None:
    low = Definition(id="low", name=Text("", "low"), scope="s", priority=Priority.LOW)
    high = Definition(id="high", name=Text("", "high"), scope="s", priority=Priority.HIGH)
    seen = Definition(id="seen", name=Text("", "seen"), scope="s", priority=Priority.HIGH)
    desk = Desk.of((low, high, seen, PLAIN), 0)
    for name, do, at in (
        ("low", Do.RAISE, 1),
        ("seen", Do.RAISE, 2),
        ("seen", Do.ACKNOWLEDGE, 3),
        ("high", Do.RAISE, 4),
    ):
        desk, _ = desk.after(name, action(do, at))
    assert [a.definition.id for a in desk.shown()] == ["high", "seen", "low"]
    assert desk.next_expiry is None
    desk, _ = desk.after("low", action(Do.SHELVE, 5))
    assert desk.next_expiry == 5 * SECOND + HOUR
    assert [a.definition.id for a in desk.shown()] == ["high", "seen"]
    desk, events = desk.at(2 * HOUR)
    assert [(e.alarm, e.after) for e in events] == [("low", AlarmState.UNACKNOWLEDGED)]


def test_impossible_alarms_are_refused() -> None:
    with pytest.raises(ValueError, match="an id"):
        Definition(id=" ", name=Text(), scope="s")
    with pytest.raises(ValueError, match="at most 24 h"):
        Definition(id="a", name=Text(), scope="s", max_shelving=25 * HOUR)
    with pytest.raises(ValueError, match="same id"):
        Desk.of((PLAIN, PLAIN), 0)
    with pytest.raises(Refused, match="no alarm 'x'"):
        Desk.of((PLAIN,), 0).after("x", action(Do.RAISE))
