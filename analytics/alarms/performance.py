"""How well the alarm system serves its operators (ISA-18.2 / IEC 62682, clause "performance metrics").

Usual targets: at most 6 alarms per operator hour (12 at the very most), less than 1 % of the
time in flood, the ten most frequent alarms not more than 5 % of all, fewer than 5 stale ones.

A flood begins with the first ten minutes that bring more than ten alarms per operator and
ends with the first that bring fewer than five; ten minutes are counted from the window's start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.alarms.states import Alarm, Event, Priority
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from plant.batch import Ints
from plant.calendar import Span
from plant.clock import SECOND
from plant.text import Text

TEN_MINUTES = 600 * SECOND
STALE_AFTER = 24 * 3600 * SECOND
FLOOD_BEGINS, FLOOD_ENDS = 10, 5
"""Alarms per operator in ten minutes: more than the first begins a flood, fewer than the second ends it."""


@dataclass(frozen=True, slots=True)
class Performance:
    """What a window of alarm history shows.

    `total`: annunciations; `counts`: those of each ten minutes, the last of which may be cut
    short. `by_alarm`: the most frequent first. `floods`: spans in ns UTC.
    `peak`: most in ten minutes. `stale`: ids active for more than a day at the window's end.
    `chattering`: ids that came three times or more within a minute.
    """

    window: Span
    operators: float
    total: int
    by_alarm: tuple[tuple[str, int], ...]
    by_priority: dict[Priority, int]
    counts: tuple[int, ...]
    floods: tuple[Span, ...]
    peak: int
    stale: tuple[str, ...]
    chattering: tuple[str, ...]


def performance(
    history: Iterable[Event], alarms: Iterable[Alarm], window: Span, *, operators: float = 1.0
) -> Performance:
    """Sum up a history within a window; `alarms` as they are when it ends.

    Raises ValueError for an empty window or without operators.
    """
    if window[1] <= window[0] or not operators > 0:
        raise ValueError("performance is of a window longer than nothing and of at least some operator")
    called = [e for e in history if e.annunciated and window[0] <= e.action.time < window[1]]
    times = np.sort(np.array([event.action.time for event in called], np.int64))
    counts = Counter(event.alarm for event in called)
    return Performance(
        window=window,
        operators=operators,
        total=len(called),
        by_alarm=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        by_priority={priority: sum(event.priority is priority for event in called) for priority in Priority},
        counts=tuple(_in_tens(times, window).tolist()),
        floods=tuple(_floods(times, window, operators)),
        peak=_most(times, TEN_MINUTES),
        stale=tuple(sorted(a.definition.id for a in alarms if _stale(a, window[1]))),
        chattering=tuple(sorted(name for name in counts if _chatters(name, called))),
    )


def indicators(found: Performance, basis: Basis) -> list[Indicator]:
    """Compute the figures of an alarm system; no alarm at all is a figure of 0, except for the top ten's share."""
    names = ", ".join(name for name, _ in found.by_alarm[:10])
    flooded = sum(stop - start for start, stop in found.floods)
    inputs = quantities(
        {
            "ALN": float(found.total),
            "ALH": (found.window[1] - found.window[0]) / (3600 * SECOND),
            "OPS": found.operators,
            "ALF": flooded / SECOND,
            "ALX": float(found.peak),
            "ALT": float(sum(count for _, count in found.by_alarm[:10])),
            "ALS": float(len(found.stale)),
            "ALC": float(len(found.chattering)),
        },
        {
            "ALT": Text(names, names),
            "ALS": Text("", ", ".join(found.stale)),
            "ALC": Text("", ", ".join(found.chattering)),
        },
    )
    ids = ("alarms-per-operator-hour", "alarm-flood-share", "alarm-peak", "alarm-top-ten-share")
    return [evaluate(FORMULAS[kpi], inputs, basis) for kpi in (*ids, "stale-alarms", "chattering-alarms")]


def _in_tens(times: Ints, window: Span) -> Ints:
    blocks = -(-(window[1] - window[0]) // TEN_MINUTES)
    return np.bincount((times - window[0]) // TEN_MINUTES, minlength=blocks)


def _floods(times: Ints, window: Span, operators: float) -> list[Span]:
    counts = _in_tens(times, window) / operators
    floods: list[Span] = []
    flooding = False
    for block, count in enumerate(counts.tolist()):
        flooding = count > FLOOD_BEGINS or (flooding and count >= FLOOD_ENDS)
        if not flooding:
            continue
        start = window[0] + block * TEN_MINUTES
        stop = min(start + TEN_MINUTES, window[1])
        if floods and floods[-1][1] == start:
            floods[-1] = (floods[-1][0], stop)
        else:
            floods.append((start, stop))
    return floods


def _most(times: Ints, length: int) -> int:
    # The most within any stretch of this length: it begins with one of them.
    if not len(times):
        return 0
    return int((np.searchsorted(times, times + length, side="left") - np.arange(len(times))).max())


def _stale(alarm: Alarm, now: int) -> bool:
    return alarm.active_since is not None and alarm.annunciating and now - alarm.active_since > STALE_AFTER


def _chatters(name: str, called: Sequence[Event]) -> bool:
    times = np.sort(np.array([event.action.time for event in called if event.alarm == name], np.int64))
    return _most(times, 60 * SECOND) >= 3
