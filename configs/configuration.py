"""A sound configuration, assembled: the asset tree, and who reads which tag where.

Nothing here can fail any more; everything doubtful was refused by `loader`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from configs.base import Secret
from configs.catalogue import AcceptanceCatalogue
from configs.crossrefs import FILE_KEYS, FOLDER_KEYS
from configs.figures import EnergyConfig
from configs.network_profile import NetworkProfile
from configs.overview import OverviewConfig
from configs.schema import (
    CalendarConfig,
    CentreDocument,
    DeviceConfig,
    EdgeDocument,
    LineConfig,
    SceneDocument,
    ShiftConfig,
    SiteDocument,
    TagConfig,
    Weekday,
)
from configs.sources import ADDRESS_OF, AddressConfig, ReplaySource, SourceConfig
from configs.stop_reasons import StopReasonConfig, merged
from plant.assets import Device, Line, Scene, Site
from plant.calendar import ShiftCalendar, ShiftPattern
from plant.health import collectors
from plant.tags import CounterPolicy, Tag

_WEEKDAYS = {day: number for number, day in enumerate(Weekday)}


@dataclass(frozen=True, slots=True)
class Binding:
    """A source's settings and the tags it reads, each with its address."""

    scene: str
    source: SourceConfig
    points: tuple[tuple[Tag, AddressConfig], ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a folder says. `bindings` has one entry a source, in order of declaration."""

    folder: Path
    site: Site
    scenes: dict[str, SceneDocument]
    bindings: tuple[Binding, ...]
    calendars: dict[str, ShiftCalendar] = field(default_factory=dict)
    networks: dict[str, NetworkProfile] = field(default_factory=dict)
    catalogues: dict[str, AcceptanceCatalogue] = field(default_factory=dict)
    centre: CentreDocument = CentreDocument(type="centre")
    edge: EdgeDocument = EdgeDocument(type="edge")
    energy: EnergyConfig = EnergyConfig()
    overview: OverviewConfig = OverviewConfig()
    stop_reasons: tuple[StopReasonConfig, ...] = ()

    def calendar(self, scene_id: str) -> ShiftCalendar:
        """Return the calendar a scene is planned by; an empty one when it has none."""
        name = self.scenes[scene_id].calendar
        return self.calendars[name] if name else ShiftCalendar(zone=self.site.zone)

    def reasons(self, scene_id: str) -> dict[str, StopReasonConfig]:
        """Return why machines of a scene stop, by code."""
        return merged(self.stop_reasons, self.scenes[scene_id].stop_reasons)


def assemble(
    folder: Path, documents: Iterable[BaseModel], catalogues: Iterable[AcceptanceCatalogue] = ()
) -> Configuration:
    """Build the asset tree and the bindings from sound documents; a document replaces a catalogue of its id."""
    chosen = list(documents)
    site = next((d for d in chosen if isinstance(d, SiteDocument)), None) or SiteDocument.model_validate(
        {"type": "site", "id": "site", "name": "site"}
    )
    scenes = [_guarded(folder, d) for d in chosen if isinstance(d, SceneDocument)]
    trees = {scene.id: _scene(site.id, scene) for scene in scenes}
    return Configuration(
        folder=folder,
        site=Site(id=site.id, name=site.name.text, zone=site.zone, scenes=tuple(trees.values())),
        scenes={scene.id: scene for scene in scenes},
        bindings=tuple(b for scene in scenes for b in _bindings(folder, scene, trees[scene.id])),
        calendars={name: calendar(site.zone, config) for name, config in site.calendars.items()},
        networks={d.id: d for d in chosen if isinstance(d, NetworkProfile)},
        catalogues={d.id: d for d in (*catalogues, *chosen) if isinstance(d, AcceptanceCatalogue)},
        centre=next((d for d in chosen if isinstance(d, CentreDocument)), CentreDocument(type="centre")),
        edge=next((d for d in chosen if isinstance(d, EdgeDocument)), EdgeDocument(type="edge")),
        energy=site.energy,
        overview=site.overview,
        stop_reasons=site.stop_reasons,
    )


def calendar(zone: str, config: CalendarConfig) -> ShiftCalendar:
    """Build a shift calendar; holidays have no shifts, extra days those of `extra_as`."""
    worked = tuple(_pattern(shift) for shift in config.shifts if _WEEKDAYS[config.extra_as] in _numbers(shift))
    exceptions = {**dict.fromkeys(config.extra, worked), **dict.fromkeys(config.holidays, ())}
    patterns = tuple(_pattern(shift) for shift in config.shifts)
    return ShiftCalendar(zone=zone, patterns=patterns, exceptions=exceptions)


def _numbers(shift: ShiftConfig) -> frozenset[int]:
    return frozenset(_WEEKDAYS[day] for day in shift.days)


def _pattern(shift: ShiftConfig) -> ShiftPattern:
    breaks = tuple((b.start, b.end) for b in shift.breaks)
    return ShiftPattern(
        id=shift.id, name=shift.name.text, start=shift.start, stop=shift.end, weekdays=_numbers(shift), breaks=breaks
    )


def _scene(site: str, scene: SceneDocument) -> Scene:
    simulated = scene.simulation is not None
    path = f"{site}/{scene.id}"
    lines = tuple(_line(path, line, simulated=simulated) for line in scene.lines)
    edge = collectors(path, tuple(source.id for source in scene.sources))
    return Scene(
        path=path,
        name=scene.name.text,
        calendar=scene.calendar or "",
        simulated=simulated,
        lines=(*lines, edge),
        floor=scene.floor.floor if scene.floor else None,
    )


def _guarded(folder: Path, scene: SceneDocument) -> SceneDocument:
    """Return a scene whose guards name their files absolutely."""
    if scene.simulation is None or not scene.simulation.guards:
        return scene
    guards = {face: guard.located(folder) for face, guard in scene.simulation.guards.items()}
    return scene.model_copy(update={"simulation": scene.simulation.model_copy(update={"guards": guards})})


def _line(parent: str, line: LineConfig, *, simulated: bool) -> Line:
    path = f"{parent}/{line.id}"
    devices = tuple(_device(path, device, simulated=simulated) for device in line.devices)
    return Line(path=path, name=line.name.text, serial=line.serial, devices=devices)


def _device(parent: str, device: DeviceConfig, *, simulated: bool) -> Device:
    path = f"{parent}/{device.id}"
    return Device(
        path=path,
        name=device.name.text,
        type=device.type,
        access=device.access,
        position=device.position,
        ideal_cycle=dict(device.ideal_cycle),
        tags=tuple(_tag(path, tag, simulated=simulated) for tag in device.tags),
    )


def _tag(parent: str, tag: TagConfig, *, simulated: bool) -> Tag:
    counter = tag.counter
    return Tag(
        path=f"{parent}/{tag.id}",
        kind=tag.kind,
        role=tag.role,
        label=tag.label,
        unit=tag.unit,
        low=tag.low,
        high=tag.high,
        deadband=tag.deadband,
        min_interval=tag.min_interval,
        stale_after=tag.stale_after,
        description=tag.description.text,
        counter=CounterPolicy(counter.on_decrease, counter.modulus, counter.largest_step),
        states=dict(tag.states),
        simulated=simulated,
    )


def _bindings(folder: Path, scene: SceneDocument, tree: Scene) -> Iterable[Binding]:
    points: dict[str, list[tuple[Tag, AddressConfig]]] = {source.id: [] for source in scene.sources}
    types = {source.id: source.type for source in scene.sources}
    tags = iter(tree.tags)
    for device in (d for line in scene.lines for d in line.devices):
        for tag_config in device.tags:
            source = tag_config.source or device.source or ""
            address = ADDRESS_OF[types[source]].model_validate(tag_config.address)
            points[source].append((next(tags), address))
    return [Binding(scene.id, _located(folder, source), tuple(points[source.id])) for source in scene.sources]


Model = TypeVar("Model", bound=BaseModel)
_PLACES = (*FILE_KEYS, *FOLDER_KEYS)


def _located(folder: Path, part: Model) -> Model:
    """Return a source's settings with the files it names as absolute paths."""
    changes: dict[str, object] = {}
    for key, value in part:
        if isinstance(value, BaseModel) and not isinstance(value, Secret):
            changes[key] = _located(folder, value)
        elif isinstance(value, str) and (key in _PLACES or (key == "file" and isinstance(part, ReplaySource))):
            changes[key] = str((folder / value).resolve())
    return part.model_copy(update=changes) if changes else part
