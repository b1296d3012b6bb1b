"""Small plants in memory: devices from roles and plain rows, and what a measure finds of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measured, Measurement
from analytics.unit import Rules
from plant.assets import Access, Device, Line, Scene
from plant.batch import Batch, BatchBuilder, Value
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from plant.tags import Kind, Role, Tag
from plant.text import Text
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import window

SCENE = "cq/scene"
Row = tuple[float, Value] | tuple[float, Value, int]
CALENDAR = ShiftCalendar.around_the_clock("UTC")

_KINDS = {
    Role.STATE: Kind.STATE,
    Role.PRODUCT: Kind.TEXT,
    Role.VERDICT: Kind.TEXT,
    Role.TRUTH: Kind.TEXT,
    Role.DECISION: Kind.TEXT,
    Role.SESSION: Kind.TEXT,
    Role.ENERGY: Kind.ENERGY,
    Role.GOOD_COUNT: Kind.COUNTER,
    Role.REJECT_COUNT: Kind.COUNTER,
    Role.REWORK_COUNT: Kind.COUNTER,
    Role.TOTAL_COUNT: Kind.COUNTER,
    Role.TRANSPORT_COUNT: Kind.COUNTER,
    Role.EVENT_NUMBER: Kind.COUNTER,
    Role.IDENTIFIED_COUNT: Kind.COUNTER,
    Role.CONTROL_CYCLES: Kind.COUNTER,
    Role.CORRECT_CYCLES: Kind.COUNTER,
}
_UNITS = {
    Role.ENERGY: "kW.h",
    Role.LATENCY: "ms",
    Role.LATENCY_UP: "ms",
    Role.LATENCY_DOWN: "ms",
    Role.CLOCK_ERROR: "ms",
    Role.POSITION_X: "m",
    Role.POSITION_Y: "m",
    Role.DURATION: "s",
    Role.SETPOINT: "s",
    Role.HEALTH: "s",
}


@dataclass
class Plant:
    """Devices with what they said; each device is a line of its own unless lines are named."""

    calendar: ShiftCalendar = CALENDAR
    rules: Rules = field(default_factory=Rules)
    lines: dict[str, list[Device]] = field(default_factory=dict)
    serial: bool = True
    batch: Batch = field(default_factory=Batch.empty)

    def device(
        self,
        name: str,
        roles: Mapping[Role | tuple[Role, str], Iterable[Row]],
        *,
        line: str = "line",
        access: Access = Access.WIRED,
        stale_after: float = 10.0,
        ideal_cycle: dict[str, float] | None = None,
        delay: float = 0.0,
    ) -> Plant:
        """Add a device; rows are (seconds, value[, quality]), received `delay` seconds later."""
        path = f"{SCENE}/{line}/{name}"
        tags, builder = [], BatchBuilder()
        for played, rows in roles.items():
            role, label = played if isinstance(played, tuple) else (played, "")
            tag = Tag(
                path=f"{path}/{role.value}{'-' if label else ''}{label}",
                kind=_KINDS.get(role, Kind.ANALOG),
                role=role,
                label=label,
                unit=_UNITS.get(role, "1"),
                stale_after=stale_after,
            )
            tags.append(tag)
            for row in rows:
                time = round(row[0] * SECOND)
                received = time + round(delay * SECOND)
                quality = row[2] if len(row) > 2 else 0
                builder.add(tag.path, time, row[1], received=received, quality=quality)
        device = Device(
            path=path, name=Text(name, name), access=access, tags=tuple(tags), ideal_cycle=ideal_cycle or {}
        )
        self.lines.setdefault(line, []).append(device)
        self.batch = Batch.concat([self.batch, builder.build()])
        return self

    @property
    def scene(self) -> Scene:
        lines = tuple(
            Line(path=f"{SCENE}/{name}", name=Text(name, name), serial=self.serial, devices=tuple(devices))
            for name, devices in self.lines.items()
        )
        return Scene(path=SCENE, name=Text("", "scene"), lines=lines)

    def measured(self) -> Measured:
        historian = MemoryHistorian(self.batch)
        return Measured(scene=self.scene, historian=historian, calendar=self.calendar, rules=self.rules)

    def measure(self, measure: str, start: float, stop: float, **parameters: float | str) -> Measurement:
        """Compute a measure of a window in seconds; `_` in a parameter's name stands for `-`."""
        given = {name.replace("_", "-"): value for name, value in parameters.items()}
        return MEASURES[measure].compute(self.measured(), window(start, stop), given)


def every(step: float, values: Iterable[Value], *, start: float = 0.0) -> list[Row]:
    """Return rows of values `step` seconds apart."""
    return [(start + n * step, value) for n, value in enumerate(values)]
