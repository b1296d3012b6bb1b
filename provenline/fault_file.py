"""Planned faults from a YAML file: what breaks, where, when, for how long.

    - {kind: jam, target: press, at: 2h, size: 180}
    - {kind: sensor-drift, target: dryer.temperature, at: 90min, duration: 1h, size: 4}
    - {kind: mis-wired-register, target: press.power, with: press.energy, at: 30min, duration: 20min}

Kinds, targets and sizes are those of `simulators.faults`. A file is refused whole, with every
fault in it, when a part of it cannot be: misspelt, of the wrong shape, or aimed at something
that the scene's model does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from configs.base import Seconds, Strict
from configs.network_profile import NetworkProfile
from configs.reading import Reading, read
from configs.schema import SceneDocument
from configs.shape import shape_faults
from plant.errors import ConfigError, Fault
from simulators.faults import FaultKind, PlannedFault, RefusedFault
from simulators.faults.targets import check
from simulators.network.interference import Area
from simulators.virtual import build

_MOST = 1_000


class FaultEntry(Strict):
    """One entry of the file. `at`: after the begin of the simulation, or of the first shift in a fast run.

    Without `duration` a fault stays; without `size` it has its kind's usual one. `with`: the
    other signal, for `mis-wired-register`. `area`: x, y and radius in metres, for `jamming`.
    """

    kind: FaultKind
    target: str = Field(min_length=1)
    at: Seconds = 0.0
    duration: Seconds | None = None
    size: float | None = None
    with_: str = Field(default="", alias="with")
    area: tuple[float, float, float] | None = None

    @property
    def planned(self) -> PlannedFault:
        """The entry as the simulator has it."""
        return PlannedFault(
            kind=self.kind,
            target=self.target,
            size=self.size,
            with_=self.with_,
            area=Area(*self.area) if self.area else None,
            at=self.at,
            lasts=self.duration,
        )


def planned_faults(path: Path, scene: SceneDocument, networks: Mapping[str, NetworkProfile]) -> list[PlannedFault]:
    """Read the faults planned for a scene's model. Raises ConfigError with every fault in the file."""
    reading = read(path, str(path))
    if reading.faults:
        raise ConfigError(tuple(reading.faults))
    if not isinstance(reading.data, list) or len(reading.data) > _MOST:
        raise ConfigError((reading.fault((), f"not a list of at most {_MOST} faults", "begin each with `- kind:`"),))
    entries, wrong = _entries(reading)
    profile = scene.simulation.profile if scene.simulation else None
    wrong += _astray(reading, entries, scene, networks.get(profile) if profile else None)
    if wrong:
        raise ConfigError(tuple(sorted(wrong, key=lambda fault: fault.line)))
    return [entry.planned for entry in entries.values()]


def _entries(reading: Reading) -> tuple[dict[int, FaultEntry], list[Fault]]:
    entries: dict[int, FaultEntry] = {}
    wrong: list[Fault] = []
    for number, data in enumerate(reading.data):
        try:
            entries[number] = FaultEntry.model_validate(data)
        except ValidationError as error:
            wrong += shape_faults(reading, error, FaultEntry, (number,))
    return entries, wrong


def _astray(
    reading: Reading, entries: dict[int, FaultEntry], scene: SceneDocument, network: NetworkProfile | None
) -> Iterator[Fault]:
    """Yield a fault for each entry that the model refuses; asked of a model that is never run."""
    model = build(scene, start=0, network=network)
    for number, entry in entries.items():
        try:
            check(model, entry.planned)
        except RefusedFault as error:
            yield reading.fault((number,), str(error))
