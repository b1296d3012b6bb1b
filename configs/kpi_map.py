"""The map from a user's own exported table to machines, roles and units.

    layout: wide                       one column a signal, or `long`: one row a sample
    time: {column: Time, zone: Asia/Shanghai}
    signals:
      - {column: Press state, device: press, role: state, states: {RUN: execute, FAULT: aborted}}
      - {column: Press good, device: press, role: good-count}
    devices:
      press: {name: Press 1, ideal_cycle: 2s}
    calendar: …                        as in a site document; without it every hour is planned

In a long table a signal is named by `signal`, a text in the column `long.name`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from configs.base import Identifier, Seconds, State, Strict, Words
from configs.reading import Reading, dotted, read
from configs.role_units import misfit
from configs.schema import CalendarConfig, CounterConfig, RulesConfig, Unit, Zone
from configs.shape import nearest, shape_faults
from plant.errors import ConfigError, Fault
from plant.tags import Kind, Role


class TimeColumn(Strict):
    """Where the time of a row stands. `zone`: of times that carry none; `unit`: of times that are numbers."""

    column: str
    zone: Zone = "UTC"
    unit: Literal["s", "ms", "us", "ns"] = "s"


class LongColumns(Strict):
    """The columns of a table with one row a sample."""

    name: str
    value: str


class SignalConfig(Strict):
    """One signal: a `column` of a wide table, or a `signal` named in a long one."""

    column: str = ""
    signal: str = ""
    device: Identifier
    role: Role
    label: str = Field(default="", max_length=64)
    unit: Unit = "1"
    states: dict[str, State] = Field(default_factory=dict)
    counter: CounterConfig = CounterConfig()
    stale_after: Seconds = 0.0

    @property
    def name(self) -> str:
        """The column or signal, whichever there is."""
        return self.column or self.signal

    @property
    def kind(self) -> Kind:
        """What sort of quantity the role makes it."""
        return _KINDS.get(self.role, Kind.ANALOG)


_KINDS = {
    Role.STATE: Kind.STATE,
    Role.ENERGY: Kind.ENERGY,
    **dict.fromkeys((Role.GOOD_COUNT, Role.REJECT_COUNT, Role.REWORK_COUNT, Role.TOTAL_COUNT), Kind.COUNTER),
    **dict.fromkeys((Role.PRODUCT, Role.STOP_REASON), Kind.TEXT),
}
_Cycle = Annotated[Seconds, Field(gt=0)]


class MachineConfig(Strict):
    """One machine of the table; `ideal_cycle` is one figure or one per product."""

    name: Words = Words()
    ideal_cycle: Annotated[
        dict[str, _Cycle], BeforeValidator(lambda value: value if isinstance(value, dict) else {"": value})
    ] = Field(default_factory=dict)


class KpiMap(Strict):
    """What the columns of a table mean. `serial`: parts pass the devices in the order they are listed."""

    layout: Literal["wide", "long"] = "wide"
    time: TimeColumn
    long: LongColumns | None = None
    signals: tuple[SignalConfig, ...] = Field(min_length=1, max_length=5_000)
    devices: dict[Identifier, MachineConfig] = Field(default_factory=dict)
    serial: bool = False
    calendar: CalendarConfig | None = None
    rules: RulesConfig = RulesConfig()
    min_coverage: float = Field(default=0.95, ge=0, le=1)

    @model_validator(mode="after")
    def _columns(self) -> KpiMap:
        if (self.layout == "long") != (self.long is not None):
            raise ValueError("a long table, and only a long one, has long: {name: …, value: …}")
        return self

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Every column that is read, each with its place in the map."""
        found = [("time.column", self.time.column)]
        if self.long is not None:
            return [*found, ("long.name", self.long.name), ("long.value", self.long.value)]
        return [*found, *((f"signals[{n}].column", signal.column) for n, signal in enumerate(self.signals))]


def load_map(path: Path) -> KpiMap:
    """Read a map. Raises ConfigError with every fault in it."""
    reading = read(path, str(path))
    faults = list(reading.faults)
    if not faults and not isinstance(reading.data, dict):
        faults.append(reading.fault((), "not a mapping of keys to values"))
    if faults:
        raise ConfigError(tuple(faults))
    try:
        found = KpiMap.model_validate(reading.data)
    except ValidationError as error:
        raise ConfigError(tuple(shape_faults(reading, error, KpiMap))) from error
    faults = _signal_faults(reading, found)
    if faults:
        raise ConfigError(tuple(faults))
    return found


def column_faults(path: Path, wanted: KpiMap, there: list[str]) -> list[Fault]:
    """Return a fault for each column that the map names and the table does not have."""
    listed = f"there are: {', '.join(there[:20])}"
    return [
        Fault(str(path), place, f"no column {name!r}", nearest(name, there) or listed)
        for place, name in wanted.columns
        if name not in there
    ]


def _signal_faults(reading: Reading, found: KpiMap) -> list[Fault]:
    faults: list[Fault] = []
    key, other = ("signal", "column") if found.layout == "long" else ("column", "signal")
    names: dict[str, int] = {}
    roles: dict[tuple[str, Role, str], int] = {}
    for n, signal in enumerate(found.signals):
        place = ("signals", n)
        if not getattr(signal, key) or getattr(signal, other):
            faults.append(reading.fault((*place, key), f"a {found.layout} table names a signal by {key!r} alone"))
        elif names.setdefault(signal.name, n) != n:
            faults.append(reading.fault((*place, key), f"{signal.name!r} is already signals[{names[signal.name]}]"))
        role = (signal.device, signal.role, signal.label)
        if roles.setdefault(role, n) != n:
            hint = f"also {dotted(('signals', roles[role]))}; tell them apart by label"
            faults.append(reading.fault((*place, "role"), f"role {signal.role.value!r} is already played", hint))
        message, hint = misfit(signal.role.value, signal.unit)
        if message:
            faults.append(reading.fault((*place, "unit"), message, hint))
        if found.devices and signal.device not in found.devices:
            known = f"there are: {', '.join(found.devices)}"
            faults.append(reading.fault((*place, "device"), f"unknown device {signal.device!r}", known))
    return faults
