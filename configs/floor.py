"""A scene's floor as a scene document has it, and whether everything stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from configs.base import Identifier, Strict, Words
from configs.reading import Place, Reading
from plant.errors import Fault
from plant.floor import AccessPoint, Floor, Wall, Zone

_Metres = Annotated[float, Field(ge=0, le=10_000)]
_Length = Annotated[float, Field(gt=0, le=10_000)]


class ZoneConfig(Strict):
    """A rectangle of the floor; (`x`, `y`) is its lower left corner."""

    id: Identifier
    name: Words
    x: _Metres
    y: _Metres
    width: _Length
    height: _Length


class WallConfig(Strict):
    """A wall or rack from above: a straight line."""

    x1: _Metres
    y1: _Metres
    x2: _Metres
    y2: _Metres


class AccessPointConfig(Strict):
    """A radio head or access point, where it hangs."""

    id: Identifier
    x: _Metres
    y: _Metres


class FloorConfig(Strict):
    """The floor that positions of devices are on, in metres from its lower left corner."""

    width: _Length
    height: _Length
    zones: tuple[ZoneConfig, ...] = Field(default=(), max_length=200)
    walls: tuple[WallConfig, ...] = Field(default=(), max_length=1_000)
    access_points: tuple[AccessPointConfig, ...] = Field(default=(), max_length=200)

    @property
    def floor(self) -> Floor:
        """The floor as the plant's vocabulary has it."""
        return Floor(
            width=self.width,
            height=self.height,
            zones=tuple(
                Zone(id=z.id, name=z.name.text, x=z.x, y=z.y, width=z.width, height=z.height) for z in self.zones
            ),
            walls=tuple(Wall(w.x1, w.y1, w.x2, w.y2) for w in self.walls),
            access_points=tuple(AccessPoint(a.id, a.x, a.y) for a in self.access_points),
        )


def check_floor(scene: Reading) -> Iterator[Fault]:
    """Yield a fault for everything that does not stand on the scene's floor; data may be faulty elsewhere."""
    floor = scene.data.get("floor")
    width, height = (_number(floor.get(side)) for side in ("width", "height")) if isinstance(floor, dict) else (0, 0)
    if not isinstance(floor, dict) or not width or not height:
        return
    hint = f"the floor is {width:g} m by {height:g} m"
    for place, corners in (*_things(floor), *_devices(scene.data)):
        if any(x > width or y > height or x < 0 or y < 0 for x, y in corners):
            yield scene.fault(place, "this lies outside the floor", hint)


_Corners = list[tuple[float, float]]


def _things(floor: dict[str, Any]) -> Iterator[tuple[Place, _Corners]]:
    for key in ("zones", "walls", "access_points"):
        for i, thing in enumerate(_dicts(floor.get(key))):
            x, y = _number(thing.get("x")), _number(thing.get("y"))
            ends = [(_number(thing.get(f"x{n}")), _number(thing.get(f"y{n}"))) for n in (1, 2)]
            far = (x + _number(thing.get("width")), y + _number(thing.get("height")))
            yield ("floor", key, i), [(x, y), far, *ends]


def _devices(data: dict[str, Any]) -> Iterator[tuple[Place, _Corners]]:
    for i, line in enumerate(_dicts(data.get("lines"))):
        for j, device in enumerate(_dicts(line.get("devices"))):
            position = device.get("position")
            if isinstance(position, list) and len(position) == 2:
                yield ("lines", i, "devices", j, "position"), [(_number(position[0]), _number(position[1]))]


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each if isinstance(each, dict) else {} for each in value] if isinstance(value, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
