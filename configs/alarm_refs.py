"""What alarms say about the rest of their scene: tags, devices, states and figures that have to be there.

Works on plain data, tolerantly, as `crossrefs` does; what is not of the expected shape has a
fault of its own already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from configs.alarms import INDICATORS
from configs.reading import Place, Reading, dotted
from configs.shape import nearest
from plant.errors import Fault
from plant.health import collectors
from plant.packml import PackState
from plant.tags import Kind, Role

_COUNTABLE = frozenset({Kind.ANALOG, Kind.COUNTER, Kind.ENERGY, Kind.EVENT})
_DELAYS = frozenset({Role.LATENCY, Role.LATENCY_UP, Role.LATENCY_DOWN})
_HERE = "site/scene"
_SOUND = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
_STATES = {state.name.lower() for state in PackState}


@dataclass(slots=True)
class _Known:
    """What a scene has: kinds of its tags, the states that its devices report, its lines, its delay tags."""

    tags: dict[str, str] = field(default_factory=dict)
    states: dict[str, set[str]] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    delays: set[str] = field(default_factory=set)


def check_alarms(scene: Reading) -> Iterator[Fault]:
    """Yield every fault of reference among the alarms of a scene's document."""
    alarms = scene.data.get("alarms")
    if not isinstance(alarms, list):
        return
    known = _inventory(scene.data)
    first: dict[str, Place] = {}
    for index, alarm in enumerate(alarms):
        if not isinstance(alarm, dict):
            continue
        place: Place = ("alarms", index)
        name = alarm.get("id")
        if isinstance(name, str) and first.setdefault(name, place) != place:
            yield scene.fault((*place, "id"), f"alarm {name!r} is already there", f"as {dotted(first[name])}")
        yield from _condition(scene, (*place, "when"), alarm.get("when"), known)
        suppress = alarm.get("suppress")
        if isinstance(suppress, dict):
            yield from _machine(scene, (*place, "suppress"), suppress, known, keys=("in", "not_in"))


def _condition(scene: Reading, place: Place, when: object, known: _Known) -> Iterator[Fault]:
    if not isinstance(when, dict):
        return
    match when.get("type"):
        case "limit" | "rate" | "spc":
            yield from _tag(scene, (*place, "tag"), when.get("tag"), known, kinds=_COUNTABLE)
        case "stale":
            yield from _tag(scene, (*place, "tag"), when.get("tag"), known, kinds=frozenset(Kind))
            yield from _one_of(scene, (*place, "device"), when.get("device"), known.devices, "device")
        case "state":
            yield from _machine(scene, place, when, known, keys=("in",))
        case "kpi":
            yield from _one_of(scene, (*place, "indicator"), when.get("indicator"), INDICATORS, "indicator")
            units = known.lines | known.devices | known.delays
            yield from _one_of(scene, (*place, "of"), when.get("of"), units, "line, device or delay tag")


def _tag(scene: Reading, place: Place, value: object, known: _Known, *, kinds: frozenset[Kind]) -> Iterator[Fault]:
    yield from _one_of(scene, place, value, known.tags, "tag")
    kind = known.tags.get(value) if isinstance(value, str) else None
    if kind in set(Kind) and kind not in kinds:
        yield scene.fault(place, f"a tag of kind {kind} is not compared with numbers", "watch its state instead")


def _machine(
    scene: Reading, place: Place, part: dict[str, Any], known: _Known, *, keys: tuple[str, ...]
) -> Iterator[Fault]:
    device = part.get("device")
    yield from _one_of(scene, (*place, "device"), device, known.devices, "device")
    if not isinstance(device, str) or device not in known.devices:
        return
    reported = known.states.get(device)
    if reported is None:
        hint = f"devices with one: {', '.join(sorted(known.states)) or 'none'}"
        yield scene.fault((*place, "device"), f"device {device!r} has no tag of role state", hint)
        return
    for key in keys:
        names = part.get(key)
        for index, name in enumerate(names if isinstance(names, list) else ()):
            word = str(name).lower().replace("-", "_")
            if word in _STATES and word not in reported:
                hint = f"its states: {', '.join(sorted(reported))}"
                yield scene.fault((*place, key, index), f"{device!r} never reports {name}", hint)


def _one_of(scene: Reading, place: Place, value: object, known: Iterable[str], noun: str) -> Iterator[Fault]:
    names = sorted(known)
    if isinstance(value, str) and value not in names:
        hint = nearest(value, names) or f"there are: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
        yield scene.fault(place, f"unknown {noun} {value!r}", hint)


def _inventory(data: dict[str, Any]) -> _Known:
    known = _Known()
    for line in _parts(data, "lines"):
        known.lines.add(str(line.get("id")))
        for device in _parts(line, "devices"):
            _take_in(known, f"{line.get('id')}/{device.get('id')}", device)
    ids = (source.get("id") for source in _parts(data, "sources"))
    for collector in collectors(
        _HERE, tuple(id_ for id_ in ids if isinstance(id_, str) and _SOUND.fullmatch(id_))
    ).devices:
        known.devices.add(collector.path.removeprefix(f"{_HERE}/"))
        known.tags |= {tag.path.removeprefix(f"{_HERE}/"): tag.kind for tag in collector.tags}
    return known


def _take_in(known: _Known, place: str, device: dict[str, Any]) -> None:
    known.devices.add(place)
    for tag in _parts(device, "tags"):
        path, role = f"{place}/{tag.get('id')}", tag.get("role")
        known.tags[path] = str(tag.get("kind"))
        if role in _DELAYS:
            known.delays.add(path)
        if role == Role.STATE:
            states = tag.get("states")
            known.states[place] = (
                {str(name).lower().replace("-", "_") for name in states.values()}
                if isinstance(states, dict)
                else _STATES
            )


def _parts(data: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    items = data.get(key)
    return (item for item in items if isinstance(item, dict)) if isinstance(items, list) else iter(())
