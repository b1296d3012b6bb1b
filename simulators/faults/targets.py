"""What of a model a fault can be done to: checked for a fault, and listed for those who choose one.

Every kind has a subject, and every subject is a question to the model. Only what somebody can
notice is a target: a signal that no face shows has none, nor has the clock of a device whose
protocol carries no times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from configs.configuration import Binding
from configs.schema import SceneDocument
from plant.text import Text
from simulators.faces.layout import (
    Layout,
    ModbusLayout,
    MqttLayout,
    OpcuaLayout,
    SparkplugLayout,
    StampLayout,
    Vda5050Layout,
)
from simulators.faults.kinds import KINDS, FaultKind, Kind, PlannedFault, RefusedFault, Subject, UnknownTarget
from simulators.plantmodel import PlantModel

EVERYBODY = "all"
"""The target that stands for every link."""

_PROTOCOLS = {
    OpcuaLayout: "OPC UA",
    ModbusLayout: "Modbus",
    MqttLayout: "MQTT",
    SparkplugLayout: "Sparkplug B",
    Vda5050Layout: "VDA 5050",
    StampLayout: "STAMP",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something a fault can be done to. `others`: what it can be swapped with. `areas`: its position is known."""

    id: str
    name: Text
    others: tuple[str, ...] = ()
    areas: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOffer:
    """A kind of fault, described, and all of a scene's targets for it."""

    id: FaultKind
    kind: Kind
    targets: tuple[Target, ...]


def offers(model: PlantModel, names: Mapping[str, Text] | None = None) -> tuple[FaultOffer, ...]:
    """Return every kind of fault that a model offers, with its targets.

    With `names`, as from `names_of`, signals without one are left out: nobody collects them.
    """
    found = []
    for id_, kind in KINDS.items():
        chosen = _TARGETS[kind.subject](model)
        if names and kind.subject in _SIGNALS:
            chosen = (name for name in chosen if name in names)
        targets = tuple(_target(model, kind.subject, name, names or {}) for name in chosen)
        if targets:
            found.append(FaultOffer(id=id_, kind=kind, targets=targets))
    return tuple(found)


def check(model: PlantModel, fault: PlannedFault) -> None:
    """Raise RefusedFault for a fault that means nothing to the model; the message lists what would."""
    subject = KINDS[fault.kind].subject
    known = tuple(_TARGETS[subject](model))
    wanted = _parts(fault.target) if subject is Subject.LINK else (fault.target,)
    for name in wanted:
        if name not in known:
            there_are = f"there are {', '.join(known)}" if known else "this scene has nothing it could be done to"
            raise UnknownTarget(f"{fault.kind}: no {name!r}; {there_are}")
    fault.check()
    if subject is Subject.ADDRESS and fault.with_ not in (others := _others(model, fault.target)):
        raise UnknownTarget(
            f"{fault.kind}: {fault.target} cannot be swapped with {fault.with_!r}; there are {', '.join(others)}"
        )
    if fault.area is not None and not any(model.links[name].positioned for name in chosen_links(model, fault)):
        raise RefusedFault(f"{fault.kind}: no link of {fault.target} knows where its station is; leave out the area")


def chosen_links(model: PlantModel, fault: PlannedFault) -> tuple[str, ...]:
    """Return the stations whose links a fault is meant for."""
    wanted = _parts(fault.target)
    return tuple(model.links) if EVERYBODY in wanted else wanted


def names_of(model: PlantModel, scene: SceneDocument, bindings: Sequence[Binding]) -> dict[str, Text]:
    """Return what people call a model's signals and devices: the names its scene's configuration gives them."""
    devices = {device.id: device.name for line in scene.lines for device in line.devices}
    names: dict[str, Text] = {}
    for binding in bindings:
        layouts = [model.faces[face] for face, source in model.sources.items() if source == binding.source.id]
        for tag, address in binding.points if binding.scene == scene.id else ():
            reading = next((r for layout in layouts if (r := layout.reading(address, 1.0))), None)
            device = devices.get(tag.path.split("/")[-2])
            if reading is None or device is None:
                continue
            owner = Text(device.zh, device.en)
            names.setdefault(reading.signal, _joined(owner, tag.description))
            names.setdefault(reading.signal.partition(".")[0], owner)
    return names


def _joined(owner: Text, signal: Text) -> Text:
    return Text(f"{owner.of('zh')} · {signal.of('zh')}", f"{owner.of('en')} · {signal.of('en')}")


def _parts(target: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in target.split(","))


# ---------------------------------------------------------------------------- naming
def _target(model: PlantModel, subject: Subject, id_: str, names: Mapping[str, Text]) -> Target:
    if subject is Subject.ADDRESS:
        return Target(id=id_, name=names.get(id_, Text(id_, id_)), others=_others(model, id_))
    if subject is Subject.FACE:
        protocol = _PROTOCOLS[type(model.faces[id_])]
        return Target(id=id_, name=Text(f"{id_}（{protocol}）", f"{id_} ({protocol})"))
    if subject is Subject.BROKER:
        return Target(id=id_, name=Text(f"MQTT代理 {id_}", f"MQTT broker {id_}"))
    if subject is Subject.LINK:
        everybody = Text("全部站点", "All stations")
        name = everybody if id_ == EVERYBODY else names.get(id_, Text(id_, id_))
        links = model.links.values() if id_ == EVERYBODY else [model.links[id_]]
        return Target(id=id_, name=name, areas=any(link.positioned for link in links))
    return Target(id=id_, name=names.get(id_, Text(id_, id_)))


# -------------------------------------------------------------------------- subjects
def _shown(model: PlantModel) -> Iterator[str]:
    return iter(dict.fromkeys(name for layout in model.faces.values() for name in layout.signals))


def _instruments(model: PlantModel) -> Iterator[str]:
    return (name for name in _shown(model) if isinstance(model.floor.signals[name].true, float))


def _counters(model: PlantModel) -> Iterator[str]:
    codes = {f"{unit}.{code}" for unit in model.units for code in ("state", "reason")}
    for name in _shown(model):
        whole = type(model.floor.signals[name].true) is int  # a truth value is an int, too
        if (whole and name not in codes) or name.endswith(".energy"):
            yield name


def _addresses(model: PlantModel) -> Iterator[str]:
    return (name for name in _shown(model) if _others(model, name))


def _others(model: PlantModel, name: str) -> tuple[str, ...]:
    """Return the signals whose wires could be mixed up with those of `name`."""
    signals = model.floor.signals
    faces = [set(layout.signals) for layout in model.faces.values() if name in layout.signals]
    form = type(signals[name].true)
    found = {other for face in faces for other in face if type(signals[other].true) is form}
    device = name.partition(".")[0]
    return tuple(sorted(found - {name}, key=lambda other: (other.partition(".")[0] != device, other)))


def _dated(model: PlantModel) -> Iterator[str]:
    layouts = (layout for layout in model.faces.values() if not isinstance(layout, ModbusLayout))
    return _devices_of(layouts)


def _devices_of(layouts: Iterator[Layout]) -> Iterator[str]:
    return iter(dict.fromkeys(name.partition(".")[0] for layout in layouts for name in layout.signals))


def _rated(model: PlantModel) -> Iterator[str]:
    shown = set(_shown(model))
    return (name for name in model.stations if f"{name}.ideal" in shown)


_SIGNALS = (Subject.INSTRUMENT, Subject.COUNTER, Subject.SIGNAL, Subject.ADDRESS)
_TARGETS: dict[Subject, Callable[[PlantModel], Iterator[str]]] = {
    Subject.INSTRUMENT: _instruments,
    Subject.COUNTER: _counters,
    Subject.SIGNAL: _shown,
    Subject.ADDRESS: _addresses,
    Subject.RATED: _rated,
    Subject.UNIT: lambda model: iter(model.units),
    Subject.STOPPABLE: lambda model: iter([*model.stations, *model.stoppable]),
    Subject.DATED: _dated,
    Subject.DEVICE: lambda model: _devices_of(iter(model.faces.values())),
    Subject.FACE: lambda model: (face for face, layout in model.faces.items() if type(layout) in _PROTOCOLS),
    Subject.BROKER: lambda model: iter(model.brokers),
    Subject.LINK: lambda model: iter([EVERYBODY, *model.links] if model.links else []),
}
