"""Everything a scene's screens, reports and labs show of a window, from one reading of the data.

    device  →  line (serial: seen at its boundary; side by side: sums)  →  scene (sums)
    shift   →  day, week, month (sums)

`analyse` asks devices for roles, never for names, reads each column once, and returns what
every unit did. `scene_indicators` puts that into figures. There is no second path: the tile
of the running shift and the report of last month call the same function on the same
columns, so a figure that was watched live is the figure that a recomputation gives.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analytics import delays, detail_figures, details, device_details, energy, quality
from analytics.details import Details, Operation
from analytics.indicator import Indicator
from analytics.losses import Stops
from analytics.readings import Readings, read
from analytics.reliability import reported_reasons
from analytics.spans import Spans
from analytics.states import Intervals
from analytics.station import Signals
from analytics.stations import SIGNALS, bottleneck, device_signals, is_station, line_signals, playing
from analytics.thinned import explained, scopes
from analytics.unit import Rules, Unit, in_succession, indicators, of_station, side_by_side
from historian.port import Historian
from plant.assets import Device, Line, Scene
from plant.calendar import Plan, ShiftCalendar, Span
from plant.tags import Role

__all__ = ["READ_ROLES", "Analysis", "Rules", "Unit", "analyse", "roll_up", "scene_indicators", "state_timeline"]

READ_ROLES = frozenset((*SIGNALS, Role.STOP_REASON, Role.ENERGY, *delays.ROLES, Role.CLOCK_ERROR))
"""The roles this module asks for; with details, those of `device_details` too; nothing else is read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """What every unit of a scene did: devices in order, then lines, then the scene.

    `windows`: what was analysed, in order of time; several where shifts were rolled up.
    `thinned`: scopes some of whose samples are no longer kept, and until when; see `analytics.thinned`.
    """

    windows: tuple[Span, ...]
    rules: Rules
    units: tuple[Unit, ...]
    thinned: Mapping[str, int] = field(default_factory=dict)

    def unit(self, scope: str) -> Unit | None:
        """Return the unit with this path, or None."""
        return next((unit for unit in self.units if unit.scope == scope), None)

    def indicators(self) -> list[Indicator]:
        """Compute every indicator of every unit."""
        found = (indicator for unit in self.units for indicator in indicators(unit, self.windows, self.rules))
        return explained(found, self.thinned)

    def details(self) -> list[Indicator]:
        """Compute every figure that lies behind those; none where the analysis was made without details."""
        found = (one for unit in self.units for one in detail_figures.indicators(unit, self.windows, self.rules))
        return explained(found, self.thinned)


def analyse(
    scene: Scene,
    historian: Historian,
    window: Span,
    *,
    calendar: ShiftCalendar,
    rules: Rules | None = None,
    now: int | None = None,
    detailed: bool = False,
) -> Analysis:
    """Read a scene's window and return what every unit did, `detailed` with what lies behind it.

    `window`: half open, ns UTC; for the running shift it ends now, not in the future, for
    what has not happened would count as unknown. `now`: the moment up to which data can
    exist, which decides how long a stop at the window's end has lasted; by default that of
    the scene's newest sample.
    """
    rules = rules or Rules()
    roles = READ_ROLES | device_details.READ_ROLES if detailed else READ_ROLES
    tags = [tag for tag in scene.tags if tag.role in roles]
    readings = read(historian, tags, window, margin=max(rules.model.micro_stop, rules.model.start_up), now=now)
    plan = calendar.plan(*window)
    signals = {device.path: device_signals(device, readings) for device in scene.devices if is_station(device)}
    devices = {d.path: _device(d, signals.get(d.path), readings, plan, rules) for d in scene.devices}
    if detailed:
        for d in scene.devices:
            found = device_details.read(d, signals.get(d.path), readings, plan, rules)
            devices[d.path] = replace(devices[d.path], details=found)
    lines = [_line(line, devices, signals, readings, plan, rules) for line in scene.lines]
    units = (*devices.values(), *lines, side_by_side(lines, scene.path, scene.name))
    if scene.simulated:
        units = tuple(replace(unit, simulated=True) for unit in units)
    return Analysis(windows=(window,), rules=rules, units=units, thinned=scopes(readings.holes))


def roll_up(analyses: Sequence[Analysis]) -> Analysis:
    """Sum the analyses of one scene over windows that follow each other: shifts to a day, days to a month.

    They need not touch, and must not overlap. Raises ValueError for none, or for scenes or
    rules that differ.
    """
    ordered = sorted(analyses, key=lambda analysis: analysis.windows[0])
    scopes = {tuple(unit.scope for unit in analysis.units) for analysis in ordered}
    if len(scopes) != 1 or any(analysis.rules != ordered[0].rules for analysis in ordered):
        raise ValueError("only analyses of one scene under one set of rules can be rolled up")
    windows = tuple(window for analysis in ordered for window in analysis.windows)
    if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(windows)):
        raise ValueError("windows that overlap would count twice")
    units = tuple(in_succession(parts) for parts in zip(*(analysis.units for analysis in ordered), strict=True))
    thinned = {scope: stop for analysis in ordered for scope, stop in analysis.thinned.items()}  # the last holds
    return Analysis(windows=windows, rules=ordered[0].rules, units=units, thinned=thinned)


def scene_indicators(
    scene: Scene,
    historian: Historian,
    window: Span,
    *,
    calendar: ShiftCalendar,
    rules: Rules | None = None,
    now: int | None = None,
) -> list[Indicator]:
    """Compute every indicator of a scene's devices, lines and of the scene itself; see `analyse`."""
    return analyse(scene, historian, window, calendar=calendar, rules=rules, now=now).indicators()


def state_timeline(scene: Scene, historian: Historian, window: Span) -> dict[str, Intervals]:
    """Return the state intervals of every device that has states, by its path."""
    tags = {device.path: tag for device in scene.devices if (tag := device.role(Role.STATE))}
    readings = read(historian, list(tags.values()), window, margin=0)
    return {path: readings.states(tag) for path, tag in tags.items()}


def product_spans(scene: Scene, historian: Historian, window: Span, product: str) -> dict[str, Spans]:
    """Return when every device that says what it makes made a product, by the device's path."""
    tags = {device.path: tag for device in scene.devices if (tag := device.role(Role.PRODUCT))}
    readings = read(historian, list(tags.values()), window, margin=0)
    found = {}
    for path, tag in tags.items():
        held, names = readings.held(tag), readings.texts(tag)
        made = np.array([row >= 0 and names[row] == product for row in held.row.tolist()], np.bool_)
        found[path] = Spans.where(made, held.start, held.stop)
    return found


def _device(device: Device, signals: Signals | None, readings: Readings, plan: Plan, rules: Rules) -> Unit:
    unit = Unit(scope=device.path, name=device.name)
    if signals is not None:
        unit = of_station(device.path, device.name, signals, plan, rules)
    meters = playing(device, Role.ENERGY)
    delay_tags = [tag for role in delays.ROLES for tag in device.roles(role)]
    return replace(
        unit,
        reasons=_reasons(unit.stops, device, readings),
        energy=energy.side_by_side([energy.metered(readings.increments(tag), tag.unit) for tag in meters]),
        delays=tuple(delays.read(device, readings)),
        simulated=unit.simulated or readings.simulated((*meters, *delay_tags)),
    )


def _line(
    line: Line, devices: dict[str, Unit], signals: dict[str, Signals], readings: Readings, plan: Plan, rules: Rules
) -> Unit:
    summed = side_by_side((devices[device.path] for device in line.devices), line.path, line.name)
    slowest = bottleneck(line.devices, readings) if line.serial else None
    boundary = line_signals(line.devices, signals, readings) if slowest is not None else None
    if boundary is None or slowest is None:
        return summed
    unit = of_station(line.path, line.name, boundary, plan, rules)
    found = _line_details([devices[device.path] for device in line.devices])
    return replace(
        unit,
        reasons=_reasons(unit.stops, slowest, readings),
        bottleneck=slowest.path,
        energy=summed.energy,
        details=found,
        simulated=summed.simulated,
    )


def _line_details(units: Sequence[Unit]) -> Details | None:
    # A serial line's pieces pass every operation, so its yields are multiplied, not added.
    found = [unit.details for unit in units if unit.details is not None]
    if len(found) != len(units):
        return None
    steps = [
        Operation(unit.name.en, quality.total(unit.details.tallies.values()))
        for unit in units
        if unit.details is not None and unit.output is not None
    ]
    return details.side_by_side(found, operations=tuple(steps))


def _reasons(found: Stops | None, device: Device, readings: Readings) -> tuple[str, ...]:
    told = device.role(Role.STOP_REASON)
    if found is None or told is None:
        return ()
    samples = readings.of(told)
    return tuple(reported_reasons(found, readings.held(told), readings.texts(told), samples.time.tolist()))
