"""What one part of a configuration says about another: ids, sources, addresses, calendars, files.

Works on plain data, tolerantly, because it must also run over documents whose shape is
faulty elsewhere; whatever is not of the expected shape here has a fault of its own already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configs.alarm_refs import check_alarms
from configs.floor import check_floor
from configs.reading import Place, Reading, dotted
from configs.role_units import misfit
from configs.shape import shape_faults
from configs.sources import ADDRESS_OF
from plant.errors import Fault

FILE_KEYS = ("certificate", "key", "server_certificate", "user_certificate", "user_key", "ca")
"""Keys of a source whose values are files, relative to the configuration's folder."""
FOLDER_KEYS = ("trust_list",)
"""Keys whose values are folders, relative likewise, which are made when they are needed."""

_BROKERED = ("mqtt", "sparkplug", "vda5050")
Part = tuple[Place, dict[str, Any]]


def check_references(folder: Path, readings: list[Reading]) -> list[Fault]:
    """Return every fault of reference among the documents of one folder."""
    by_type: dict[object, list[Reading]] = defaultdict(list)
    for reading in readings:
        kind = reading.data.get("type")
        by_type[kind if isinstance(kind, str) else None].append(reading)
    faults = list(_counts(folder, by_type))
    faults += _unique_documents(by_type["scene"], "id", "scene")
    faults += _unique_documents(by_type["network-profile"], "id", "network profile")
    calendars = {key for site in by_type["site"] for key in _mapping(site.data, "calendars")}
    profiles = {str(p.data.get("id")) for p in by_type["network-profile"]}
    for scene in by_type["scene"]:
        faults += _scene(folder, scene, calendars, profiles)
    known = {str(scene.data.get("id")) for scene in by_type["scene"]}
    for site in by_type["site"]:
        faults += _tiles(site, known)
    return faults + list(_client_ids(by_type["scene"]))


def _counts(folder: Path, by_type: dict[object, list[Reading]]) -> Iterator[Fault]:
    if by_type["scene"] and not by_type["site"]:
        yield Fault(str(folder), "", "no document of type site", "add a file with type: site, id, name and zone")
    for kind in ("site", "centre", "edge"):
        for extra in by_type[kind][1:]:
            yield extra.fault(("type",), f"a second {kind}", f"the first is in {by_type[kind][0].file}")


def _unique_documents(readings: list[Reading], key: str, noun: str) -> Iterator[Fault]:
    first: dict[Hashable, Reading] = {}
    for reading in readings:
        value = reading.data.get(key)
        if isinstance(value, str) and first.setdefault(value, reading) is not reading:
            yield reading.fault((key,), f"{noun} {value!r} is already there", f"in {first[value].file}")


def _tiles(site: Reading, scenes: set[str]) -> Iterator[Fault]:
    tiles = _mapping(site.data, "overview").get("tiles")
    for i, tile in enumerate(tiles if isinstance(tiles, list) else ()):
        place: Place = ("overview", "tiles", i)
        if isinstance(tile, dict):
            yield from _known(site, (*place, "scene"), tile.get("scene"), scenes, "scene")
        else:
            yield from _known(site, place, tile, scenes, "scene")


def _scene(folder: Path, scene: Reading, calendars: set[str], profiles: set[str]) -> Iterator[Fault]:
    data = scene.data
    sources = list(_parts(data, (), "sources"))
    types = {str(s.get("id")): str(s.get("type")) for _, s in sources}
    yield from _unique(scene, sources, "source")
    yield from _known(
        scene, ("calendar",), data.get("calendar"), calendars, "calendar", "declared in the site document"
    )
    simulation = _mapping(data, "simulation")
    yield from _known(scene, ("simulation", "profile"), simulation.get("profile"), profiles, "network profile")
    for face, source in _mapping(simulation, "faces").items():
        yield from _known(scene, ("simulation", "faces", face), source, types, "source")
    for place, source in sources:
        yield from _files(folder, scene, place, source)
    lines = list(_parts(data, (), "lines"))
    yield from _unique(scene, lines, "line")
    for line_place, line in lines:
        devices = list(_parts(line, line_place, "devices"))
        yield from _unique(scene, devices, "device")
        for device_place, device in devices:
            yield from _device(scene, device_place, device, types)
    yield from check_alarms(scene)
    yield from check_floor(scene)


def _device(scene: Reading, place: Place, device: dict[str, Any], types: dict[str, str]) -> Iterator[Fault]:
    yield from _known(scene, (*place, "source"), device.get("source"), types, "source")
    tags = list(_parts(device, place, "tags"))
    yield from _unique(scene, tags, "tag")
    roles: dict[Hashable, Place] = {}
    for tag_place, tag in tags:
        role = (str(tag.get("role")), str(tag.get("label", "")))
        if tag.get("role") is not None and roles.setdefault(role, tag_place) != tag_place:
            hint = f"also {dotted(roles[role])}; tell them apart by label"
            yield scene.fault((*tag_place, "role"), f"role {role[0]!r} is already played", hint)
        message, hint = misfit(role[0], str(tag.get("unit", "1")))
        if message:
            yield scene.fault((*tag_place, "unit"), message, hint)
        own = tag.get("source")
        yield from _known(scene, (*tag_place, "source"), own, types, "source")
        source = own if own is not None else device.get("source")
        if source is None:
            yield scene.fault((*tag_place, "source"), "missing", "name a source here or on the device")
        elif str(source) in types and isinstance(tag.get("address"), dict):
            yield from _address(scene, (*tag_place, "address"), tag["address"], types[str(source)])


def _address(scene: Reading, place: Place, address: dict[str, Any], source_type: str) -> Iterator[Fault]:
    model = ADDRESS_OF.get(source_type)
    if model is None:
        return
    try:
        model.model_validate(address)
    except ValidationError as error:
        yield from shape_faults(scene, error, model, place)


def _files(folder: Path, scene: Reading, place: Place, part: dict[str, Any]) -> Iterator[Fault]:
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _files(folder, scene, (*place, key), value)
        elif _names_file(part, key) and isinstance(value, str) and not (folder / value).is_file():
            yield scene.fault((*place, key), f"no file {value!r}", f"relative to {folder}")


def _names_file(part: dict[str, Any], key: str) -> bool:
    return key in FILE_KEYS or (key == "file" and part.get("type") == "replay")


def _client_ids(scenes: list[Reading]) -> Iterator[Fault]:
    first: dict[Hashable, str] = {}
    for scene in scenes:
        for place, source in _parts(scene.data, (), "sources"):
            if source.get("type") in _BROKERED and isinstance(source.get("client_id"), str):
                key = (source.get("host"), source.get("port", 1883), source["client_id"])
                here = f"{scene.file} {dotted(place)}"
                if first.setdefault(key, here) != here:
                    hint = f"also in {first[key]}; the broker would throw one of them out"
                    yield scene.fault((*place, "client_id"), f"client id {source['client_id']!r} is taken", hint)


def _known(
    reading: Reading, place: Place, value: object, known: Iterable[str], noun: str, hint: str = ""
) -> Iterator[Fault]:
    names = sorted(known)
    if isinstance(value, str) and value not in names:
        listed = f"there are: {', '.join(names)}" if names else f"there is no {noun}"
        yield reading.fault(place, f"unknown {noun} {value!r}", f"{listed}{f', {hint}' if hint else ''}")


def _unique(reading: Reading, parts: list[Part], noun: str) -> Iterator[Fault]:
    first: dict[str, Place] = {}
    for place, part in parts:
        name = part.get("id")
        if isinstance(name, str) and first.setdefault(name, place) != place:
            yield reading.fault((*place, "id"), f"{noun} {name!r} is already there", f"as {dotted(first[name])}")


def _parts(data: dict[str, Any], place: Place, key: str) -> Iterator[Part]:
    items = data.get(key)
    if isinstance(items, list):
        yield from (((*place, key, i), item) for i, item in enumerate(items) if isinstance(item, dict))


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
