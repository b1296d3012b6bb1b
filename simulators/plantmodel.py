"""What a scene's model is built from, and what it is to everything around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from configs.network_profile import FloorPlan, NetworkProfile
from simulators.faces.layout import Layout
from simulators.kernel.draws import branch
from simulators.kernel.floor import Floor
from simulators.kernel.machine import Machine
from simulators.kernel.station import Station
from simulators.network import Link

Parameter = float | int | bool | str


class Setting:
    """What a scene gives its model: a floor, a network, and parameters that are all to be taken."""

    def __init__(self, floor: Floor, parameters: dict[str, Parameter], network: NetworkProfile | None = None) -> None:
        self.floor = floor
        self._parameters = dict(parameters)
        self._known: list[str] = []
        self._network = network

    def number(self, name: str, default: float, *, low: float = 0.0, high: float = 1e9) -> float:
        """Take a number out of the parameters. Raises ValueError when it is no number in [low, high]."""
        self._known.append(name)
        value = self._parameters.pop(name, default)
        if isinstance(value, (bool, str)) or not low <= value <= high:
            raise ValueError(f"simulation parameter {name}: {value!r} is not a number from {low:g} to {high:g}")
        return float(value)

    def link(self, station: str, plan: FloorPlan | None = None) -> Link:
        """Return the link of one station under the scene's network profile. Raises ValueError without a profile.

        With a floor `plan` the link can be asked for positions.
        """
        if self._network is None:
            raise ValueError("this model needs a network profile; name one as simulation.profile")
        seed = int(branch(self.floor.seed, "link", station).integers(2**31))
        return Link(self._network, seed=seed, floor=plan)

    def close(self) -> None:
        """Raise ValueError when parameters are left that the model does not have."""
        if self._parameters:
            there_are = ", ".join(self._known) or "none"
            raise ValueError(f"unknown simulation parameters {', '.join(self._parameters)}; there are {there_are}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantModel:
    """A model ready to run. `faces` by name, as a scene's `simulation.faces` refers to them."""

    floor: Floor
    faces: dict[str, Layout]
    stations: dict[str, Station] = field(default_factory=dict)
    machines: tuple[Machine, ...] = ()
    """Units that are no stations."""

    def finish(self) -> None:
        """Write what is still open into the truth record."""
        for station in self.stations.values():
            station.machine.close()
        for machine in self.machines:
            machine.close()


Build = Callable[[Setting], PlantModel]
"""Makes a model from what its scene gives it."""
