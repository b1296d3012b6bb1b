"""Layouts: which signal lives where, as data. And backwards: what a collector's address would read.

A layout is the device's own; a scene's configuration says where the collector looks. The
two are written apart, as for a real machine, so a wrong address in a configuration is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import get_args

from configs.sources import (
    AddressConfig,
    ModbusAddress,
    ModbusFormat,
    ModbusTable,
    MqttAddress,
    OpcuaAddress,
    SparkplugAddress,
    Vda5050Address,
)
from plant.batch import Value
from plant.clock import MICROSECOND, MILLISECOND
from simulators.faces.registers import raw
from simulators.network.route import Way
from simulators.vda5050 import MANUFACTURER, Exchange

NAMESPACE = "urn:provenline:simulator:plant"


class Cadence(Enum):
    """When a perfect collector gets a sample of a signal."""

    ON_CHANGE = auto()
    """Subscribed: whenever the value or its quality changes."""
    POLLED = auto()
    """At each multiple of the collector's own period."""
    ON_TIMER = auto()
    """Published by the device at each multiple of a period since it started."""
    ON_TRIGGER = auto()
    """Published by the device when another signal is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading an address yields: a signal, when, and through which conversion.

    `period`: seconds, for POLLED and ON_TIMER. `trigger`: signal name, for ON_TRIGGER.
    `tick`: ns to which the protocol cuts the device's time; 0 = the receiving time counts.
    """

    signal: str
    cadence: Cadence
    convert: Callable[[Value], Value]
    period: float = 0.0
    trigger: str = ""
    tick: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """An OPC UA variable: the signal at browse path `path`, parts joined by dots."""

    path: str
    signal: str

    @property
    def node(self) -> str:
        """The node id as a client writes it."""
        return f"ns=2;s={self.path}"

    @property
    def browse_path(self) -> str:
        """The browse path below Objects."""
        return "/".join(f"2:{part}" for part in self.path.split("."))


@dataclass(frozen=True, slots=True)
class OpcuaLayout:
    """The address space of one OPC UA server. `nameplate`: fixed texts by path."""

    name: str
    variables: tuple[Variable, ...]
    nameplate: dict[str, str] = field(default_factory=dict)

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are served."""
        return tuple(v.signal for v in self.variables)

    def reading(self, address: AddressConfig, period: float) -> Reading | None:  # noqa: ARG002 - not polled
        """Return what `address` would read, or None where there is nothing."""
        if not isinstance(address, OpcuaAddress):
            return None
        for variable in self.variables:
            if address.node == variable.node or _matches(address.path, variable.browse_path):
                convert = _scaling(address.scale, address.offset)
                return Reading(signal=variable.signal, cadence=Cadence.ON_CHANGE, convert=convert, tick=MICROSECOND)
        return None


@dataclass(frozen=True, slots=True)
class Register:
    """A signal in the registers of a unit; `address` is the device's own way of coding it."""

    signal: str
    address: ModbusAddress


@dataclass(frozen=True, slots=True)
class ModbusLayout:
    """The register maps of all units behind one listener."""

    name: str
    registers: tuple[Register, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are served."""
        return tuple(r.signal for r in self.registers)

    def reading(self, address: AddressConfig, period: float) -> Reading | None:
        """Return what `address` would read each `period` s, or None where there is nothing of that format."""
        if not isinstance(address, ModbusAddress):
            return None
        for register in self.registers:
            if _place(register.address) == _place(address):
                convert = _through(register.address, _scaling(address.scale, address.offset))
                return Reading(signal=register.signal, cadence=Cadence.POLLED, convert=convert, period=period)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A JSON message: `fields` maps keys to signals. Published `every` so many seconds, or `on` a signal being set.

    `dated`: the signal whose time it carries, where that is not the time of publishing.
    """

    topic: str
    fields: dict[str, str]
    every: float | None = None
    on: str = ""
    dated: str = ""


@dataclass(frozen=True, slots=True)
class MqttLayout:
    """The messages of one MQTT client. Each carries `ts` (ms UTC) and `simulated: true`."""

    name: str
    messages: tuple[Message, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are served."""
        return tuple(name for message in self.messages for name in message.fields.values())

    def reading(self, address: AddressConfig, period: float) -> Reading | None:  # noqa: ARG002 - not polled
        """Return what `address` would read, or None where there is nothing."""
        if not isinstance(address, MqttAddress):
            return None
        for message in self.messages:
            signal = message.fields.get(address.pointer.removeprefix("/"))
            if signal is None or not topic_matches(address.topic, message.topic):
                continue
            return Reading(
                signal=signal,
                cadence=Cadence.ON_TIMER if message.every is not None else Cadence.ON_TRIGGER,
                convert=_mapping(address),
                period=message.every or 0.0,
                trigger=message.on,
                tick=MILLISECOND if address.time else 0,
            )
        return None


_POSITION = ("position-x", "position-y", "theta", "map")


@dataclass(frozen=True, slots=True)
class Vda5050Layout:
    """Vehicles that speak VDA 5050, each field of a state being the signal `<vehicle>.<field>`.

    States are composed when `<vehicle>.report` is set, positions also when `.seen` is.
    """

    name: str
    vehicles: tuple[str, ...]
    exchange: Exchange

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are served."""
        fields = Vda5050Address.model_fields["field"].annotation
        return tuple(f"{vehicle}.{name}" for vehicle in self.vehicles for name in get_args(fields))

    def reading(self, address: AddressConfig, period: float) -> Reading | None:  # noqa: ARG002 - not polled
        """Return what `address` would read, or None where there is nothing."""
        if not isinstance(address, Vda5050Address) or (address.manufacturer, address.serial) not in (
            (MANUFACTURER, vehicle) for vehicle in self.vehicles
        ):
            return None
        by = {"connection": "connection", **dict.fromkeys(_POSITION, "seen")}.get(address.field, "report")
        return Reading(
            signal=f"{address.serial}.{address.field}",
            cadence=Cadence.ON_TRIGGER,
            convert=lambda value: value,
            trigger=f"{address.serial}.{by}",
            tick=MICROSECOND,
        )


@dataclass(frozen=True, slots=True)
class Metric:
    """A Sparkplug metric: the signal under `name`, of the edge node itself where `device` is empty."""

    device: str
    name: str
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkplugLayout:
    """One Sparkplug edge node with its devices. `host_id`: the host without which it says nothing, if any."""

    name: str
    group: str
    metrics: tuple[Metric, ...]
    host_id: str | None = None

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are served."""
        return tuple(m.signal for m in self.metrics)

    def reading(self, address: AddressConfig, period: float) -> Reading | None:  # noqa: ARG002 - not polled
        """Return what `address` would read, or None where there is nothing."""
        if not isinstance(address, SparkplugAddress) or (address.group, address.node) != (self.group, self.name):
            return None
        for metric in self.metrics:
            if (metric.device, metric.name) == (address.device or "", address.metric):
                return Reading(
                    signal=metric.signal,
                    cadence=Cadence.ON_TRIGGER,
                    convert=_scaling(address.scale, address.offset),
                    trigger=metric.signal,
                    tick=MILLISECOND,
                )
        return None


@dataclass(frozen=True, slots=True)
class StampLayout:
    """A STAMP reflector at the far end of `way`, which is what is probed.

    `reflector`: signal of the device that the reflector is in; while that is silent, it does not answer.
    """

    name: str
    way: Way
    reflector: str

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that answers depend on."""
        return (self.reflector,)

    def reading(self, address: AddressConfig, period: float) -> Reading | None:  # noqa: ARG002 - not read
        """Return None: nothing here is read; see `simulators.probing`."""
        return None


Layout = OpcuaLayout | ModbusLayout | MqttLayout | Vda5050Layout | SparkplugLayout | StampLayout


def topic_matches(pattern: str, topic: str) -> bool:
    """Tell whether an MQTT topic filter without `#` matches `topic`."""
    levels, parts = pattern.split("/"), topic.split("/")
    return len(levels) == len(parts) and all(a in ("+", b) for a, b in zip(levels, parts, strict=True))


def _matches(pattern: str | None, path: str) -> bool:
    if pattern is None:
        return False
    wanted, parts = pattern.split("/"), path.split("/")
    return len(wanted) == len(parts) and all(a in ("*", b) for a, b in zip(wanted, parts, strict=True))


def _place(address: ModbusAddress) -> tuple[int, ModbusTable, int, ModbusFormat, str, int | None]:
    bits = address.table in (ModbusTable.COIL, ModbusTable.DISCRETE)
    form = ModbusFormat.BIT if bits else address.format
    order: str = address.order
    if address.width == 1 or form is ModbusFormat.STRING:  # there is no order of words, but there is one of bytes
        order = "BA" if order in ("BADC", "DCBA") else "AB"
    return (address.unit, address.table, address.register_, form, order, address.bit)


def _scaling(scale: float, offset: float) -> Callable[[Value], Value]:
    if scale == 1.0 and offset == 0.0:
        return lambda value: value
    return lambda value: value if isinstance(value, str) else value * scale + offset


def _through(register: ModbusAddress, scale: Callable[[Value], Value]) -> Callable[[Value], Value]:
    return lambda value: scale(raw(value, register))


def _mapping(address: MqttAddress) -> Callable[[Value], Value]:
    scale = _scaling(address.scale, address.offset)
    if not address.values:
        return scale
    return lambda value: scale(address.values[str(value)])
