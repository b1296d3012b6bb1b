"""Which points of a control chart signal a special cause, and by which rule.

Points are judged by their distance from the centre in standard deviations of what is plotted,
so the rules hold for unequal subgroups too. A signal is raised at the point that completes a
pattern; at the beginning of the data a pattern of "k of m" needs no m points if k are enough.

Sources: Western Electric, Statistical Quality Control Handbook (1956); L. S. Nelson, "The
Shewhart control chart – tests for special causes", J. Quality Technology 16 (1984).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from configs.alarms import RunRule
from plant.batch import Floats, Mask
from plant.text import Text

WESTERN_ELECTRIC = (RunRule.WE_1, RunRule.WE_2, RunRule.WE_3, RunRule.WE_4)
NELSON = tuple(rule for rule in RunRule if rule not in WESTERN_ELECTRIC)

_BEYOND = Text("一点超出 3σ", "one point beyond 3σ")
_TWO_OF_THREE = Text("连续三点中两点在同侧 2σ 外", "two of three points beyond 2σ on one side")
_FOUR_OF_FIVE = Text("连续五点中四点在同侧 1σ 外", "four of five points beyond 1σ on one side")

RULE_TEXTS: dict[RunRule, Text] = {
    RunRule.WE_1: _BEYOND,
    RunRule.WE_2: _TWO_OF_THREE,
    RunRule.WE_3: _FOUR_OF_FIVE,
    RunRule.WE_4: Text("连续八点在中心线同侧", "eight points in a row on one side of the centre"),
    RunRule.NELSON_1: _BEYOND,
    RunRule.NELSON_2: Text("连续九点在中心线同侧", "nine points in a row on one side of the centre"),
    RunRule.NELSON_3: Text("连续六点递增或递减", "six points in a row rising or falling"),
    RunRule.NELSON_4: Text("连续十四点上下交替", "fourteen points in a row alternating up and down"),
    RunRule.NELSON_5: _TWO_OF_THREE,
    RunRule.NELSON_6: _FOUR_OF_FIVE,
    RunRule.NELSON_7: Text("连续十五点在中心线两侧 1σ 内", "fifteen points in a row within 1σ of the centre"),
    RunRule.NELSON_8: Text("连续八点在两侧 1σ 外，无一在内", "eight points in a row beyond 1σ, on both sides"),
}


@dataclass(frozen=True, slots=True)
class Signal:
    """A rule that was met at point `at`, and the points, counted from 0, that meet it."""

    rule: RunRule
    at: int
    points: tuple[int, ...]


def signals(distance: Floats, rules: Iterable[RunRule] = WESTERN_ELECTRIC) -> list[Signal]:
    """Return every signal, in order of points and, within a point, of rules.

    `distance`: `Plotted.distance`, how far each point lies from its centre.
    """
    points = np.asarray(distance, np.float64)
    with np.errstate(invalid="ignore"):  # two points infinitely far off neither rise nor fall
        found = [signal for rule in rules for signal in _by_rule(points, rule)]
    return sorted(found, key=lambda signal: signal.at)


def _by_rule(z: Floats, rule: RunRule) -> list[Signal]:
    match rule:
        case RunRule.WE_1 | RunRule.NELSON_1:
            return [Signal(rule, at, (at,)) for at in np.flatnonzero(np.abs(z) > 3).tolist()]
        case RunRule.WE_2 | RunRule.NELSON_5:
            return _of(rule, z > 2, 2, 3) + _of(rule, z < -2, 2, 3)
        case RunRule.WE_3 | RunRule.NELSON_6:
            return _of(rule, z > 1, 4, 5) + _of(rule, z < -1, 4, 5)
        case RunRule.WE_4:
            return _of(rule, z > 0, 8, 8) + _of(rule, z < 0, 8, 8)
        case RunRule.NELSON_2:
            return _of(rule, z > 0, 9, 9) + _of(rule, z < 0, 9, 9)
        case RunRule.NELSON_3:
            step = np.diff(z)
            return _steps(rule, step > 0, 5) + _steps(rule, step < 0, 5)
        case RunRule.NELSON_4:
            step = np.diff(z)
            return _turns(rule, step[1:] * step[:-1] < 0, 12)
        case RunRule.NELSON_7:
            return _of(rule, np.abs(z) < 1, 15, 15)
        case RunRule.NELSON_8:
            rows = _of(rule, np.abs(z) > 1, 8, 8)
            return [s for s in rows if (z[list(s.points)] > 0).any() and (z[list(s.points)] < 0).any()]


def _of(rule: RunRule, hit: Mask, enough: int, among: int) -> list[Signal]:
    # `enough` hits among the last `among` points, the last of which is one.
    if not len(hit):
        return []
    padded = np.concatenate((np.zeros(among - 1, np.bool_), hit))
    recent = sliding_window_view(padded, among)
    ends = np.flatnonzero(hit & (recent.sum(axis=1) >= enough))
    return [
        Signal(rule, end, tuple(n for n in range(max(end - among + 1, 0), end + 1) if hit[n])) for end in ends.tolist()
    ]


def _steps(rule: RunRule, hit: Mask, enough: int) -> list[Signal]:
    # Runs of steps between points: step n leads from point n to n + 1.
    return [Signal(rule, s.at + 1, (s.points[0], *(n + 1 for n in s.points))) for s in _of(rule, hit, enough, enough)]


def _turns(rule: RunRule, hit: Mask, enough: int) -> list[Signal]:
    # Runs of turning points: turn n is at point n + 1, between points n and n + 2.
    return [Signal(rule, s.at + 2, tuple(range(s.points[0], s.points[-1] + 3))) for s in _of(rule, hit, enough, enough)]
