"""The floor of a scene, for those who draw it: its size, zones, walls and access points. All in metres.

x runs to the right and y upwards from the lower left corner, as positions of devices do.
"""

from __future__ import annotations

from dataclasses import dataclass

from plant.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A rectangle with a name; (`x`, `y`) is its lower left corner."""

    id: str
    name: Text
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall or a rack seen from above: a straight line."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """A radio head or access point."""

    id: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A rectangular floor from (0, 0) to (`width`, `height`) and what is on it besides devices."""

    width: float
    height: float
    zones: tuple[Zone, ...] = ()
    walls: tuple[Wall, ...] = ()
    access_points: tuple[AccessPoint, ...] = ()
