"""How strong a radio signal is at a place: log-distance path loss, and what walls and racks take off.

Simple on purpose (one slope, straight rays, no fading): it decides where coverage ends and
which access point a moving station is on, not how a packet fares in the next millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from configs.network_profile import AccessPoint, FloorPlan, Obstacle

Position = tuple[float, float]
"""Metres on the floor plan."""


class Floor:
    """A floor plan that can be asked for signals."""

    def __init__(self, plan: FloorPlan) -> None:
        self._plan = plan

    def signals(self, position: Position) -> dict[str, float]:
        """Return the signal of each access point at a position, in dBm."""
        return {point.id: self._received(point, position) for point in self._plan.access_points}

    def serving(self, position: Position, current: str | None = None) -> tuple[str, float]:
        """Return the access point a station there is on, and its signal in dBm.

        A station stays on `current` until another is stronger by the plan's hysteresis.
        """
        signals = self.signals(position)
        best = max(signals, key=signals.__getitem__)
        if current in signals and signals[best] < signals[current] + self._plan.hysteresis:
            best = current
        return best, signals[best]

    def _received(self, point: AccessPoint, position: Position) -> float:
        distance = max(1.0, math.dist((point.x, point.y), position))
        loss = 10 * self._plan.exponent * math.log10(distance)
        return point.power - loss - _blocked((point.x, point.y), position, self._plan.obstacles)


def _blocked(a: Position, b: Position, obstacles: Iterable[Obstacle]) -> float:
    return sum(o.loss for o in obstacles if _cross(a, b, (o.x1, o.y1), (o.x2, o.y2)))


def _cross(a: Position, b: Position, c: Position, d: Position) -> bool:
    # Segments cross when each one's ends lie on different sides of the other.
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Position, b: Position, p: Position) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
