"""Floods, frequent, chattering and stale alarms are counted from the history."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.alarms.performance import TEN_MINUTES, indicators, performance
from analytics.alarms.states import Action, Alarm, Definition, Do, Event, Priority, apply, new
from analytics.indicator import Basis, Status
from plant.clock import SECOND
from plant.text import Text

BASIS = Basis(scope="cq/first", window=(0, 1))
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def alarm(name: str, *rows: tuple[float, Do]) -> tuple[Alarm, list[Event]]:
    one = new(Definition(id=name, name=Text(name, name), scope="cq/first/line/press", priority=Priority.LOW), 0)
    history: list[Event] = []
    for second, do in rows:
        done = Action(time=round(second * SECOND), do=do, by="li", reason="test", until=round(second * SECOND) + HOUR)
        one, events = apply(one, done)
        history.extend(events)
    return one, history


def pulses(name: str, *seconds: float) -> list[Event]:
    return alarm(name, *[row for s in seconds for row in ((s, Do.RAISE), (s + 0.5, Do.CLEAR))])[1]


def values(found) -> dict[str, float | None]:
    return {i.id: i.value for i in indicators(found, BASIS)}


def test_more_than_ten_alarms_in_ten_minutes_are_a_flood_until_fewer_than_five_come() -> None:
    counts = [3, 11, 5, 6, 4, 10]  # per ten minutes
    seconds = [block * 600 + 40 * n for block, count in enumerate(counts) for n in range(count)]
    found = performance(pulses("a", *seconds), [], (0, HOUR))
    assert found.floods == ((TEN_MINUTES, 4 * TEN_MINUTES),)
    assert values(found)["alarm-flood-share"] == 0.5
    assert values(found)["alarms-per-operator-hour"] == sum(counts)
    shared = performance(pulses("a", *seconds), [], (0, HOUR), operators=2)
    assert shared.floods == ()
    assert values(shared)["alarms-per-operator-hour"] == sum(counts) / 2


def test_the_peak_is_of_any_ten_minutes_not_of_blocks() -> None:
    assert performance(pulses("a", 500, 550, 650, 700, 1200), [], (0, HOUR)).peak == 4


def test_the_ten_most_frequent_alarms_are_named_with_their_share() -> None:
    history = [e for n in range(12) for e in pulses(f"a{n:02}", *range(0, 600 * (n + 1), 600))]
    found = performance(history, [], (0, 3 * HOUR))
    assert [name for name, _ in found.by_alarm[:3]] == ["a11", "a10", "a09"]
    assert values(found)["alarm-top-ten-share"] == pytest.approx(sum(range(3, 13)) / 78)
    assert found.by_priority[Priority.LOW] == 78


def test_alarms_that_come_three_times_a_minute_chatter() -> None:
    history = [*pulses("bell", 0, 20, 50), *pulses("calm", 0, 30, 61)]
    assert performance(history, [], (0, HOUR)).chattering == ("bell",)


def test_an_alarm_that_is_active_for_more_than_a_day_is_stale_unless_it_is_not_shown() -> None:
    old, _ = alarm("old", (0, Do.RAISE), (5, Do.ACKNOWLEDGE))
    fresh, _ = alarm("fresh", (80_000, Do.RAISE))
    away, _ = alarm("away", (0, Do.RAISE), (1, Do.REMOVE))
    found = performance([], [old, fresh, away], (0, DAY + 10 * SECOND))
    assert found.stale == ("old",)
    assert values(found)["stale-alarms"] == 1


def test_only_what_calls_for_attention_is_counted_and_only_within_the_window() -> None:
    _, history = alarm(
        "a", (10, Do.SHELVE), (20, Do.RAISE), (30, Do.UNSHELVE), (40, Do.ACKNOWLEDGE), (50, Do.CLEAR), (7200, Do.RAISE)
    )
    found = performance(history, [], (0, HOUR))
    assert found.total == 1  # when it came back from the shelf
    assert performance(history, [], (0, 3 * HOUR)).total == 2


def test_a_quiet_hour_has_no_alarms_which_is_known() -> None:
    found = {i.id: i for i in indicators(performance([], [], (0, HOUR)), BASIS)}
    assert found["alarms-per-operator-hour"].value == 0
    assert found["alarm-flood-share"].value == 0
    assert found["alarm-top-ten-share"].status is Status.INSUFFICIENT_DATA
    with pytest.raises(ValueError, match="longer than nothing"):
        performance([], [], (5, 5))
    with pytest.raises(ValueError, match="operator"):
        performance([], [], (0, 1), operators=0)


@given(st.lists(st.integers(0, 7199), unique=True, max_size=120), st.floats(0.5, 3))
@settings(deadline=None)
def test_floods_lie_within_the_window_and_counts_agree(seconds, operators) -> None:
    found = performance(pulses("a", *sorted(seconds)), [], (0, 2 * HOUR), operators=operators)
    assert found.total == len(seconds) == sum(count for _, count in found.by_alarm)
    assert 0 <= sum(stop - start for start, stop in found.floods) <= 2 * HOUR
    assert found.peak <= found.total
    assert not found.floods or found.peak > 10 * operators
