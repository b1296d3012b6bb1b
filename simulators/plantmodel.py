"""What a scene's model is built from, and what it is to everything around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from configs.network_profile import FloorPlan, NetworkProfile
from configs.schema import SceneDocument, SimulationConfig
from plant.errors import ConfigError, Fault
from simulators.faces.layout import Layout, MqttLayout, SparkplugLayout, Vda5050Layout
from simulators.kernel.draws import branch
from simulators.kernel.floor import Floor
from simulators.kernel.machine import Cause, Machine
from simulators.kernel.station import Station
from simulators.network import Link

Parameter = float | int | bool | str


class Setting:
    """What a scene gives its model: a floor, a network, and parameters that are all to be taken."""

    def __init__(self, floor: Floor, parameters: dict[str, Parameter], network: NetworkProfile | None = None) -> None:
        self.floor = floor
        self.links: dict[str, Link] = {}
        """The links given so far, by station."""
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
        link = self.links[station] = Link(self._network, seed=seed, floor=plan)
        return link

    def close(self) -> None:
        """Raise ValueError when parameters are left that the model does not have."""
        if self._parameters:
            there_are = ", ".join(self._known) or "none"
            raise ValueError(f"unknown simulation parameters {', '.join(self._parameters)}; there are {there_are}")


Stop = Callable[[Cause, float], None]
"""Makes a machine stand for a reason until somebody has worked on it for so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantModel:
    """A model ready to run. `faces` by name, as a scene's `simulation.faces` refers to them.

    `sources`: the source that each face answers to; `links`: those of stations across the
    network, by name. Both are the scene's, not the builder's.
    """

    floor: Floor
    faces: dict[str, Layout]
    stations: dict[str, Station] = field(default_factory=dict)
    machines: tuple[Machine, ...] = ()
    """Units that are no stations."""
    stoppable: dict[str, Stop] = field(default_factory=dict)
    """How to make those stand that can be, by name."""
    sources: dict[str, str] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    @property
    def units(self) -> dict[str, Machine]:
        """Every machine, those of the stations and the others, by name."""
        stations = {name: station.machine for name, station in self.stations.items()}
        return stations | {machine.name: machine for machine in self.machines}

    @property
    def brokers(self) -> dict[str, tuple[str, ...]]:
        """The faces that speak through a broker, by the source that this is."""
        found: dict[str, tuple[str, ...]] = {}
        for face, layout in self.faces.items():
            if isinstance(layout, MqttLayout | SparkplugLayout | Vda5050Layout):
                source = self.sources.get(face, face)
                found[source] = (*found.get(source, ()), face)
        return found

    def finish(self) -> None:
        """Write what is still open into the truth record."""
        for station in self.stations.values():
            station.machine.close()
        for machine in self.machines:
            machine.close()


Build = Callable[[Setting], PlantModel]
"""Makes a model from what its scene gives it."""


def simulation_of(scene: SceneDocument) -> SimulationConfig:
    """Return how a scene is simulated. Raises ConfigError where it is not."""
    if scene.simulation is None:
        raise wrong(scene, "simulation", "this scene has no simulation")
    return scene.simulation


def wrong(scene: SceneDocument, path: str, message: str) -> ConfigError:
    """Return the error of a fault in a scene's document."""
    return ConfigError((Fault(f"scene {scene.id}", path, message),))
