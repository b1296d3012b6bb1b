"""What a scene's model is to everything around it: a floor, and the layouts of its faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulators.faces.layout import Layout
from simulators.kernel.floor import Floor
from simulators.kernel.station import Station

Parameter = float | int | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantModel:
    """A model ready to run. `faces` by name, as a scene's `simulation.faces` refers to them."""

    floor: Floor
    faces: dict[str, Layout]
    stations: dict[str, Station] = field(default_factory=dict)

    def finish(self) -> None:
        """Write what is still open into the truth record."""
        for station in self.stations.values():
            station.machine.close()


Build = Callable[[Floor, dict[str, Parameter]], PlantModel]
"""Makes a model on a floor from a scene's parameters."""


def take(parameters: dict[str, Parameter], name: str, default: float, *, low: float = 0.0, high: float = 1e9) -> float:
    """Take a number out of `parameters`. Raises ValueError when it is no number in [low, high]."""
    value = parameters.pop(name, default)
    if isinstance(value, (bool, str)) or not low <= value <= high:
        raise ValueError(f"simulation parameter {name}: {value!r} is not a number from {low:g} to {high:g}")
    return float(value)


def nothing_left(parameters: dict[str, Parameter], known: Sequence[str]) -> None:
    """Raise ValueError when a scene gave parameters the model does not have."""
    if parameters:
        raise ValueError(f"unknown simulation parameters {', '.join(parameters)}; there are {', '.join(known)}")
