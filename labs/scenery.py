"""The lines that a course may name: packaged scenes and a course's own, and what can be broken in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from configs.configuration import Configuration
from configs.loader import load, packaged
from configs.reading import Place, Reading
from configs.schema import SceneDocument
from configs.shape import nearest
from labs.course import LineDocument, LineFault
from labs.sandboxes import FaultChoice
from plant.errors import ConfigError, Fault
from simulators.faults import FaultKind, PlannedFault, RefusedFault
from simulators.faults.targets import check, names_of, offers
from simulators.network.interference import Area
from simulators.plantmodel import PlantModel
from simulators.virtual import build


def planned(fault: LineFault) -> PlannedFault:
    """Return a fault of a course document as the simulator has it. Raises ValueError for an unknown kind."""
    return PlannedFault(
        kind=FaultKind(fault.kind),
        target=fault.target,
        size=fault.size,
        with_=fault.with_,
        area=Area(*fault.area) if fault.area else None,
        at=fault.at,
        lasts=fault.lasts,
    )


class Scenes:
    """Every scene a course may name; models are built to ask them, never run."""

    def faults(self, reading: Reading, place: Place, line: LineDocument, folder: Path) -> Iterator[Fault]:
        """Yield what is wrong with a line that stands at `place` of a course document in `folder`."""
        networks = packaged().networks
        if line.network is not None and line.network not in networks:
            hint = nearest(line.network, networks) or f"there are {', '.join(networks)}"
            yield reading.fault((*place, "network"), f"there is no network profile {line.network!r}", hint)
            return
        try:
            model = build(scene_of(folder, line), start=0, network=networks.get(line.network or ""))
        except (ConfigError, KeyError) as error:
            known = packaged().scenes
            hint = nearest(line.scene, known) or f"there are {', '.join(known)}, or a folder of the course"
            message = str(error) if isinstance(error, ConfigError) else f"there is no scene {line.scene!r}"
            yield reading.fault((*place, "scene"), message, hint)
            return
        yield from _astray(reading, place, line, model)

    def paths(self, folder: Path, line: LineDocument) -> frozenset[str] | None:
        """Return the tag paths of a line, `device/signal`; None where there is no such line."""
        try:
            scene = scene_of(folder, line)
        except (ConfigError, KeyError):
            return None
        return frozenset(
            f"{device.id}/{tag.id}" for part in scene.lines for device in part.devices for tag in device.tags
        )

    def choices(self, folder: Path, line: LineDocument) -> tuple[FaultChoice, ...]:
        """Return what could be broken in a line; nothing where there is no such line."""
        if line.scene in packaged().scenes:
            return _packaged_choices(line.scene, line.network)
        try:
            return _choices(scene_of(folder, line), line.network, load((folder / line.scene).resolve()))
        except (ConfigError, KeyError):
            return ()


@cache
def _packaged_choices(scene: str, network: str | None) -> tuple[FaultChoice, ...]:
    return _choices(packaged().scenes[scene], network, packaged())


def _choices(scene: SceneDocument, network: str | None, plant: Configuration) -> tuple[FaultChoice, ...]:
    model = build(scene, start=0, network=packaged().networks.get(network or ""))
    return tuple(
        FaultChoice(str(offer.id), offer.kind.name, tuple((target.id, target.name) for target in offer.targets))
        for offer in offers(model, names_of(model, scene, plant.bindings))
    )


def scene_of(folder: Path, line: LineDocument) -> SceneDocument:
    """Return the scene that a line names: a packaged one, or the one in a folder of the course.

    Raises KeyError where there is neither, ConfigError with what is wrong with the course's own.
    """
    if line.scene in packaged().scenes:
        return packaged().scenes[line.scene]
    own = (folder / line.scene).resolve()
    if not own.is_relative_to(folder.resolve()) or not own.is_dir():
        raise KeyError(line.scene)
    scenes = load(own).scenes
    if len(scenes) != 1:
        raise KeyError(line.scene)
    return next(iter(scenes.values()))


def _astray(reading: Reading, place: Place, line: LineDocument, model: PlantModel) -> Iterator[Fault]:
    for number, entry in enumerate(line.faults):
        at = (*place, "faults", number)
        if entry.kind not in set(FaultKind):
            hint = nearest(entry.kind, FaultKind) or f"one of {', '.join(FaultKind)}"
            yield reading.fault((*at, "kind"), f"no kind of fault {entry.kind!r}", hint)
            continue
        try:
            check(model, planned(entry))
        except RefusedFault as error:
            yield reading.fault(at, str(error))
