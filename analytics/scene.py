"""Everything a scene's screens, reports and labs show of a window, from one reading of the data.

    device  →  line (serial: seen at its boundary; side by side: sums)  →  scene (sums)

`analyse` asks devices for roles, never for names, reads each column once, and returns what
every unit did. `scene_indicators` puts that into figures. There is no second path: the tile
of the running shift and the report of last month call the same function on the same
columns, so a figure that was watched live is the figure that a recomputation gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from analytics import delays, energy, oee, output, reliability
from analytics.indicator import MIN_COVERAGE, Basis, Indicator
from analytics.losses import Stops, Waterfall, stops, waterfall
from analytics.readings import Readings, read
from analytics.reliability import Denominator, Reliability, reported_reasons
from analytics.spans import Spans
from analytics.states import Intervals
from analytics.station import Signals, sums
from analytics.stations import SIGNALS, device_signals, is_station, line_signals
from analytics.time_model import TimeModel
from historian.port import Historian
from plant.assets import Device, Line, Scene
from plant.calendar import Plan, ShiftCalendar, Span
from plant.tags import Role, Tag
from plant.text import Text

READ_ROLES = frozenset((*SIGNALS, Role.STOP_REASON, Role.ENERGY, *delays.ROLES))
"""The roles this module asks for; nothing else is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a plant's figures are made; one object for every view, so that no two can differ."""

    model: TimeModel = field(default_factory=TimeModel)
    min_coverage: float = MIN_COVERAGE
    denominator: Denominator = Denominator.FAILURES_PLUS_ONE
    percentiles: tuple[str, ...] = ("50", "95", "99", "99.9")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """What one device, line or scene did in a window; None where it has no such signals.

    `ids`: which of the OEE family its signals can support. `reasons`: one per stop, as the
    machine reported it. `stops` are those of devices and of serial lines' bottlenecks.
    """

    scope: str
    name: Text
    sums: oee.Sums | None = None
    ids: tuple[str, ...] = ()
    waterfall: Waterfall | None = None
    reliability: Reliability | None = None
    stops: Stops | None = None
    reasons: tuple[str, ...] = ()
    output: output.Output | None = None
    energy: energy.Metered | None = None
    delays: tuple[delays.Delays, ...] = ()
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """What every unit of a scene did in a window: devices in order, then lines, then the scene."""

    window: Span
    plan: Plan
    rules: Rules
    units: tuple[Unit, ...]

    def unit(self, scope: str) -> Unit | None:
        """Return the unit with this path, or None."""
        return next((unit for unit in self.units if unit.scope == scope), None)

    def indicators(self) -> list[Indicator]:
        """Compute every indicator of every unit."""
        return [indicator for unit in self.units for indicator in _indicators(unit, self.window, self.rules)]


def analyse(
    scene: Scene, historian: Historian, window: Span, *, calendar: ShiftCalendar, rules: Rules | None = None
) -> Analysis:
    """Read a scene's window and return what every unit did.

    `window`: half open, ns UTC; for the running shift it ends now, not in the future, for
    what has not happened would count as unknown.
    """
    rules = rules or Rules()
    tags = [tag for tag in scene.tags if tag.role in READ_ROLES]
    readings = read(historian, tags, window, margin=max(rules.model.micro_stop, rules.model.start_up))
    plan = calendar.plan(*window)
    signals = {device.path: device_signals(device, readings) for device in scene.devices if is_station(device)}
    devices = {
        device.path: _device(device, signals.get(device.path), readings, plan, rules) for device in scene.devices
    }
    lines = [_line(line, devices, signals, readings, plan, rules) for line in scene.lines]
    whole = replace(_sum(lines, scene.path, scene.name), simulated=scene.simulated or any(u.simulated for u in lines))
    return Analysis(window=window, plan=plan, rules=rules, units=(*devices.values(), *lines, whole))


def scene_indicators(
    scene: Scene, historian: Historian, window: Span, *, calendar: ShiftCalendar, rules: Rules | None = None
) -> list[Indicator]:
    """Compute every indicator of a scene's devices, lines and of the scene itself; see `analyse`."""
    return analyse(scene, historian, window, calendar=calendar, rules=rules).indicators()


def state_timeline(scene: Scene, historian: Historian, window: Span) -> dict[str, Intervals]:
    """Return the state intervals of every device that has states, by its path."""
    tags = {device.path: tag for device in scene.devices if (tag := device.role(Role.STATE))}
    readings = read(historian, list(tags.values()), window, margin=0)
    return {path: readings.states(tag) for path, tag in tags.items()}


def _device(device: Device, signals: Signals | None, readings: Readings, plan: Plan, rules: Rules) -> Unit:
    unit = Unit(scope=device.path, name=device.name) if signals is None else _station(device, signals, plan, rules)
    meters = _whole(device.roles(Role.ENERGY))
    used = [*meters, *(tag for role in delays.ROLES for tag in device.roles(role))]
    told = device.role(Role.STOP_REASON)
    return replace(
        unit,
        reasons=_reasons(unit.stops, told, readings) if told is not None and unit.stops is not None else (),
        energy=energy.together(energy.metered(readings.increments(tag), tag.unit) for tag in meters),
        delays=tuple(delays.read(device, readings)),
        simulated=unit.simulated or readings.simulated(used),
    )


def _station(owner: Device | Line, signals: Signals, plan: Plan, rules: Rules) -> Unit:
    measured, model = signals.measured(plan), rules.model
    found = sums(signals, plan, model=model, measured=measured)
    stood = fall = failed = None
    if signals.states is not None:
        stood = stops(signals.states, plan, model=model, measured=measured)
        fall = waterfall(signals, found, stood, model=model, measured=measured)
        failed = reliability.reliability(stood, found.times)
    return Unit(
        scope=owner.path,
        name=owner.name,
        sums=found,
        ids=_ids(signals),
        waterfall=fall,
        stops=stood,
        reliability=failed,
        output=output.output(signals),
        simulated=signals.simulated,
    )


def _ids(signals: Signals) -> tuple[str, ...]:
    if signals.states is None:
        return oee.PIECES
    return oee.FAMILY if signals.counters else oee.TIME


def _line(
    line: Line,
    devices: dict[str, Unit],
    signals: dict[str, Signals],
    readings: Readings,
    plan: Plan,
    rules: Rules,
) -> Unit:
    members = [devices[device.path] for device in line.devices]
    summed = _sum(members, line.path, line.name)
    boundary = line_signals(line.devices, signals, readings) if line.serial else None
    if boundary is None:
        return summed
    unit = _station(line, boundary, plan, rules)
    return replace(unit, energy=summed.energy, simulated=summed.simulated)


def _sum(parts: Iterable[Unit], scope: str, name: Text) -> Unit:
    # What works side by side adds up. Where some parts can support the whole OEE family,
    # those that only have states or only count (a vehicle, a gauge) are not machines of it.
    members = list(parts)
    working = [unit for unit in members if unit.sums is not None]
    working = [unit for unit in working if unit.ids == oee.FAMILY] or working
    falls = [unit.waterfall for unit in working]
    failing = [unit.reliability for unit in working if unit.reliability is not None]
    outputs = [unit.output for unit in working if unit.output is not None]
    supported = set.intersection(*(set(unit.ids) for unit in working)) if working else set()
    complete = [fall for fall in falls if fall is not None]
    return Unit(
        scope=scope,
        name=name,
        sums=oee.total(unit.sums for unit in working if unit.sums) if working else None,
        ids=tuple(kpi for kpi in oee.FAMILY if kpi in supported),
        waterfall=sum(complete, Waterfall()) if complete and len(complete) == len(falls) else None,
        reliability=sum(failing, Reliability()) if failing else None,
        output=sum(outputs[1:], outputs[0]) if outputs else None,
        energy=energy.together(unit.energy for unit in members if unit.energy),
        simulated=any(unit.simulated for unit in members),
    )


def _indicators(unit: Unit, window: Span, rules: Rules) -> Iterable[Indicator]:
    if unit.sums is not None:
        basis = unit.sums.basis(unit.scope, window, min_coverage=rules.min_coverage)
        yield from oee.indicators(unit.sums, basis, ids=unit.ids)
        if unit.reliability is not None:
            yield from reliability.indicators(unit.reliability, basis, denominator=rules.denominator)
    if unit.output is not None:
        yield from output.indicators(unit.output, _basis(unit, window, rules, unit.output))
    if unit.energy is not None:
        origin = Text(f"{unit.scope} 的电能表", f"meters of {unit.scope}")
        yield energy.indicator(unit.energy, _basis(unit, window, rules, unit.energy), origin=origin)
        if unit.output is not None and unit.output.good is not None:
            basis = _basis(unit, window, rules, unit.energy, unit.output)
            yield energy.per_good_piece(unit.energy, unit.output.good_pieces, basis, origin=origin)
    for found in unit.delays:
        yield from delays.indicators(found, window, min_coverage=rules.min_coverage, shares=rules.percentiles)


def _basis(unit: Unit, window: Span, rules: Rules, *parts: energy.Metered | output.Output) -> Basis:
    # For figures that count the whole window, planned or not.
    known, good = Spans.of((window,)), Spans.of((window,))
    for part in parts:
        known, good = known.both(part.known), good.both(part.known_good)
    length = window[1] - window[0]
    return Basis(
        scope=unit.scope,
        window=window,
        coverage=known.total / length if length > 0 and known.total else None,
        quality_share=good.total / known.total if known.total else 0.0,
        simulated=unit.simulated,
        min_coverage=rules.min_coverage,
    )


def _whole(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    # One unlabelled meter is the whole device; labelled ones are its parts.
    found = tuple(tags)
    return tuple(tag for tag in found if not tag.label)[:1] or found


def _reasons(found: Stops, told: Tag, readings: Readings) -> tuple[str, ...]:
    samples = readings.of(told)
    return tuple(reported_reasons(found, readings.held(told), readings.texts(told), samples.time.tolist()))
