"""What lies behind a device's main figures: products and causes, energy by state, delay variation, vehicles.

`scene` gives the figures that add up over machines and shifts. These here belong to one device
and one window; for another window they are computed anew from its own columns. Like `scene`
this asks devices for roles, reads each column once, and gives only what the roles support.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analytics import delays, demand, energy, energy_states, network, quality, transport
from analytics.indicator import Basis, Indicator
from analytics.readings import Readings, read
from analytics.spans import Spans, common
from analytics.station import Signals, sums
from analytics.stations import COUNTING, SIGNALS, device_signals, playing
from analytics.unit import Rules
from historian.port import Historian
from plant.assets import Device, Scene
from plant.calendar import Plan, ShiftCalendar, Span
from plant.tags import Role, Tag
from plant.text import Text

READ_ROLES = frozenset((*SIGNALS, Role.STOP_REASON, Role.ENERGY, Role.TRANSPORT_COUNT, Role.BATTERY, *delays.ROLES))
"""The roles this module asks for; nothing else is read."""

VARIATION = ("95", "99", "99.9")
"""Percentiles of delay variation, in per cent."""


def scene_details(
    scene: Scene,
    historian: Historian,
    window: Span,
    *,
    calendar: ShiftCalendar,
    rules: Rules | None = None,
    now: int | None = None,
) -> list[Indicator]:
    """Compute the details of every device of a scene; arguments as those of `scene.analyse`."""
    rules = rules or Rules()
    tags = [tag for tag in scene.tags if tag.role in READ_ROLES]
    readings = read(historian, tags, window, margin=0, now=now)
    plan = calendar.plan(*window)
    found = [one for device in scene.devices for one in device_details(device, readings, plan, rules)]
    return [replace(one, simulated=True) for one in found] if scene.simulated else found


def device_details(device: Device, readings: Readings, plan: Plan, rules: Rules) -> Iterator[Indicator]:
    """Compute what one device's roles support."""
    signals = device_signals(device, readings)
    if signals.counters:
        yield from _quality(device, signals, readings, plan, rules)
    meters = playing(device, Role.ENERGY)
    if meters:
        yield from _energy(device, meters, signals, readings, rules)
    for role in delays.ROLES:
        for tag in device.roles(role):
            yield from _variation(device, tag, readings, rules)
    carried = playing(device, Role.TRANSPORT_COUNT)
    if carried and signals.states is not None:
        yield from _trips(device, carried, signals, readings, plan, rules)
    charge = device.role(Role.BATTERY)
    if charge is not None:
        samples = readings.of(charge)
        inside = (samples.time >= readings.window[0]) & (samples.time < readings.window[1])
        basis = _basis(device, readings, rules, (charge,), [readings.held(charge).known])
        yield from transport.battery(samples.take(inside), charge.unit, basis)


def _quality(device: Device, signals: Signals, readings: Readings, plan: Plan, rules: Rules) -> Iterator[Indicator]:
    measured = signals.measured(plan)
    basis = sums(signals, plan, model=rules.model, measured=measured).basis(
        device.path, readings.window, min_coverage=rules.min_coverage
    )
    used = {role: tuple((tag.label, readings.increments(tag)) for tag in playing(device, role)) for role in COUNTING}
    counters = quality.Counters(
        good=signals.good, total=signals.total, scrap=used[Role.REJECT_COUNT], rework=used[Role.REWORK_COUNT]
    )
    whole = quality.total(quality.by_product(counters, measured=measured).values())
    # Scrap, rework and defects of the whole machine come with its OEE.
    yield from quality.indicators(whole, basis, ids=("first-pass-yield",))
    product = device.role(Role.PRODUCT)
    if product is not None:
        made = quality.Products(held=readings.held(product), names=readings.texts(product))
        yield from quality.indicators_by_product(quality.by_product(counters, made, measured=measured), basis)


def _energy(
    device: Device, meters: Sequence[Tag], signals: Signals, readings: Readings, rules: Rules
) -> Iterator[Indicator]:
    drawn = [(readings.increments(tag), tag.unit) for tag in meters]
    known = [meter.known for meter, _ in drawn]
    paths = ", ".join(tag.path for tag in meters)
    origin = Text(paths, paths)
    if signals.states is not None:
        by_state = [energy_states.by_state(meter, unit, signals.states) for meter, unit in drawn]
        basis = _basis(device, readings, rules, meters, [*known, signals.states.known])
        yield from energy_states.indicators(_added(by_state), basis, origin=origin)
    product = device.role(Role.PRODUCT)
    if product is not None:
        held, names = readings.held(product), readings.texts(product)
        shared = _added([energy_states.by_product(meter, unit, held, names) for meter, unit in drawn])
        good = quality.by_product(
            quality.Counters(good=signals.good, total=signals.total, scrap=tuple(("", one) for one in signals.scrap)),
            quality.Products(held=held, names=names),
        )
        pieces = {name: amount for name, tally in good.items() if (amount := _good(tally)) is not None}
        basis = _basis(device, readings, rules, meters, [*known, *(one.known for one in signals.counters)])
        yield from energy_states.product_indicators(shared, pieces, basis, origin=origin)
    if len(drawn) == 1:  # peaks of several meters need not coincide
        basis = _basis(device, readings, rules, meters, known)
        yield demand.peak_indicator(demand.peak(*drawn[0], kind=demand.Demand.SLIDING), basis)


def _added(parts: Sequence[energy_states.Shared]) -> energy_states.Shared:
    return sum(parts[1:], parts[0].to(energy.UNIT))


def _good(tally: quality.Tally) -> float | None:
    found = tally.symbols()
    return None if tally.scrap is None or tally.produced is None else found["GP"]


def _variation(device: Device, tag: Tag, readings: Readings, rules: Rules) -> Iterator[Indicator]:
    found = network.probes(readings.of(tag), tag.unit, readings.window)
    packets = len(found.received) + found.lost
    basis = Basis(
        scope=device.path if tag.role is Role.LATENCY and not tag.label else tag.path,
        window=readings.window,
        coverage=packets / len(found.delay) if packets else None,
        simulated=readings.simulated((tag,)),
        min_coverage=rules.min_coverage,
    )
    yield from network.variation(found, basis, shares=VARIATION)


def _trips(
    device: Device, carried: Sequence[Tag], signals: Signals, readings: Readings, plan: Plan, rules: Rules
) -> Iterator[Indicator]:
    assert signals.states is not None
    told = device.role(Role.STOP_REASON)
    reasons = None if told is None else transport.Reasons(readings.held(told), readings.texts(told))
    counters = tuple(readings.increments(tag) for tag in carried)
    found = transport.trips(signals.states, plan, transports=counters, reasons=reasons, model=rules.model)
    basis = _basis(device, readings, rules, carried, [])
    yield from transport.indicators(found, basis)


def _basis(device: Device, readings: Readings, rules: Rules, tags: Sequence[Tag], known: Sequence[Spans]) -> Basis:
    # For figures of the whole window, planned or not.
    everything = Spans.of([readings.window])
    covered = common([everything, *known])
    return Basis(
        scope=device.path,
        window=readings.window,
        coverage=covered.total / everything.total if everything.total and covered.total else None,
        simulated=readings.simulated((*tags, *(tag for tag in device.tags if tag.role in SIGNALS))),
        min_coverage=rules.min_coverage,
    )
