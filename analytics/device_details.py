"""One device's details, read from its roles; see `details` for what they are.

Like `scene` this asks devices for roles, never for names, and gives only what the roles
support. It reads the same columns as the main figures, so the two agree to the last piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from analytics import control, delays, demand, energy_states, network, quality, transport
from analytics.confusion import class_table
from analytics.details import Details, Drawn, Judged, Linked, Ordered, Worked
from analytics.losses import stops, waterfall
from analytics.material import CycleCounts, Matched, Timely, matched, timely, visible_after
from analytics.readings import Readings
from analytics.settings import SceneSettings
from analytics.spans import Spans, Watched, any_of, common
from analytics.station import Signals, sums
from analytics.stations import COUNTING, playing
from analytics.steps import Steps
from analytics.time_model import e10_times
from analytics.unit import Rules, supported
from plant.assets import Device
from plant.batch import Batch, Ints
from plant.calendar import Plan
from plant.quality import usable
from plant.tags import Role, Tag

READ_ROLES = frozenset(
    (
        Role.JOB,
        Role.TRANSPORT_COUNT,
        Role.EVENT_NUMBER,
        Role.BATTERY,
        Role.CLOCK_ERROR,
        Role.VERDICT,
        Role.DECISION,
        Role.TRUTH,
        Role.STOCK,
        Role.CONTROL_CYCLES,
        Role.CORRECT_CYCLES,
        Role.DEADLINE_MISSED,
    )
)
"""The roles that are asked for beyond those of the main figures."""

COUNTED, RECORDED = "counted", "recorded"
"""Labels of role `stock` that together are a cycle count: what was there, and what the record said."""

_NOT_BY_PRODUCT = frozenset(("utilization", "teep", "ooe"))  # shares of time that is nobody's
_READ_BEHIND = 0.001  # s; source times are cut to ms, so an event looks up to 1 ms older than it was


def read(device: Device, signals: Signals | None, readings: Readings, plan: Plan, rules: Rules) -> Details:
    """Read everything that lies behind the figures of one device."""
    settings = rules.settings.of(device.path)
    stationed = signals is not None
    charge = device.role(Role.BATTERY)
    cycles, cycles_seen = control.counted(device, readings) or (None, None)
    return Details(
        tallies=_tallies(device, signals, readings, plan) if signals is not None and signals.counters else {},
        products=dict(_products(device, signals, readings, plan, rules)) if signals is not None else {},
        ordered=_ordered(device, signals, readings, plan, rules) if signals is not None else None,
        drawn=_drawn(device, signals, readings, rules),
        trips=_trips(device, signals, readings, plan, rules) if signals is not None else None,
        charge=None if charge is None else transport.charge(readings.of(charge), charge.unit, readings.window),
        charge_seen=None if charge is None else _held(readings, charge),
        links=tuple(_links(device, readings, settings)),
        judged=_judged(device, readings, settings),
        e10=None if signals is None or signals.states is None else e10_times(signals.states, plan),
        timely=None if stationed else _timely(device, readings, settings),
        matched=_matched(device, readings),
        cycles=cycles,
        cycles_seen=cycles_seen,
    )


def counters(device: Device, signals: Signals, readings: Readings) -> quality.Counters:
    """Return what a device counts, rejects and rework by the cause that their label tells."""
    used = {role: tuple((tag.label, readings.increments(tag)) for tag in playing(device, role)) for role in COUNTING}
    return quality.Counters(
        good=signals.good, total=signals.total, scrap=used[Role.REJECT_COUNT], rework=used[Role.REWORK_COUNT]
    )


def _tallies(device: Device, signals: Signals, readings: Readings, plan: Plan) -> dict[str, quality.Tally]:
    made = _made(device, readings)
    return quality.by_product(counters(device, signals, readings), made, measured=signals.measured(plan))


def _made(device: Device, readings: Readings) -> quality.Products | None:
    tag = device.role(Role.PRODUCT)
    return None if tag is None else quality.Products(held=readings.held(tag), names=readings.texts(tag))


def _products(
    device: Device, signals: Signals, readings: Readings, plan: Plan, rules: Rules
) -> Iterator[tuple[str, Worked]]:
    made = _made(device, readings)
    if made is None:
        return
    measured = signals.measured(plan)
    for name, spans in spans_by_name(made.held, made.names).items():
        part = replace(plan, operation=_within(plan.operation, spans), busy=_within(plan.busy, spans))
        inside = measured.both(spans)
        # Quality is read from the same signals, so good time follows the restricted plan.
        found = sums(signals, part, model=rules.model, measured=inside)
        fall = None
        if signals.states is not None:
            stood = stops(signals.states, part, model=rules.model, measured=inside)
            fall = waterfall(signals, found, stood, model=rules.model, measured=inside)
        ids = tuple(kpi for kpi in supported(signals) if kpi not in _NOT_BY_PRODUCT)
        if part.busy:
            yield name, Worked(sums=found, ids=ids, waterfall=fall)


def _ordered(device: Device, signals: Signals, readings: Readings, plan: Plan, rules: Rules) -> Ordered | None:
    job = device.role(Role.JOB)
    if job is None or signals.states is None:
        return None
    by_order = spans_by_name(readings.held(job), readings.texts(job))
    spans = any_of([found for name, found in by_order.items() if name] or [Spans.of(())])
    part = replace(plan, operation=_within(plan.operation, spans), busy=_within(plan.busy, spans))
    found = sums(signals, part, model=rules.model, measured=signals.measured(plan).both(spans))
    return Ordered(spans.both(Spans.of([readings.window])).total, found)


def spans_by_name(held: Steps, names: Sequence[str]) -> dict[str, Spans]:
    """Return when each name was in force. `names`: values of the samples behind `held`."""
    told = np.array([*names, ""], object)[held.row]
    return {
        name: Spans.where((told == name) & (held.row >= 0), held.start, held.stop)
        for name in sorted({str(one) for one, row in zip(told, held.row.tolist(), strict=True) if row >= 0})
    }


def _within(planned: tuple[tuple[int, int], ...], spans: Spans) -> tuple[tuple[int, int], ...]:
    part = Spans.of(planned).both(spans)
    return tuple(zip(part.start.tolist(), part.stop.tolist(), strict=True))


def _drawn(device: Device, signals: Signals | None, readings: Readings, rules: Rules) -> Drawn | None:
    meters = playing(device, Role.ENERGY)
    if not meters:
        return None
    read_ = [(readings.increments(tag), tag.unit) for tag in meters]
    seen = Watched(common([m.known for m, _ in read_]), common([m.known_good for m, _ in read_]))
    states = signals.states if signals is not None else None
    tariff, product = rules.settings.tariff, device.role(Role.PRODUCT)
    found = Drawn()
    if states is not None:
        shared = _added([energy_states.by_state(meter, unit, states) for meter, unit in read_])
        found = replace(found, states=shared, states_seen=seen.both(Watched(states.known, states.known_good)))
    if tariff is not None:
        bands = _added([demand.by_band(meter, unit, tariff) for meter, unit in read_])
        found = replace(found, bands=bands, bands_seen=seen)
    if product is not None and signals is not None:
        held, names = readings.held(product), readings.texts(product)
        shared = _added([energy_states.by_product(meter, unit, held, names) for meter, unit in read_])
        counted = [Watched(one.known, one.known_good) for one in signals.counters]
        for one in counted:
            seen = seen.both(one)
        good = _good(quality.by_product(counters(device, signals, readings), quality.Products(held=held, names=names)))
        found = replace(found, products=shared, good=good, products_seen=seen)
    return found


def _added(parts: Sequence[energy_states.Shared]) -> energy_states.Shared:
    return sum(parts[1:], parts[0])


def _good(tallies: dict[str, quality.Tally]) -> dict[str, int]:
    known = {name: tally for name, tally in tallies.items() if tally.scrap is not None and tally.produced is not None}
    return {
        name: tally.produced - sum((tally.scrap or {}).values()) - sum((tally.rework or {}).values())
        for name, tally in known.items()
        if tally.produced is not None
    }


def _trips(device: Device, signals: Signals, readings: Readings, plan: Plan, rules: Rules) -> transport.Trips | None:
    carried = playing(device, Role.TRANSPORT_COUNT)
    if not carried or signals.states is None:
        return None
    told = device.role(Role.STOP_REASON)
    reasons = None if told is None else transport.Reasons(readings.held(told), readings.texts(told))
    done = tuple(readings.increments(tag) for tag in carried)
    return transport.trips(signals.states, plan, transports=done, reasons=reasons, model=rules.model)


def _held(readings: Readings, tag: Tag) -> Watched:
    window, held = Spans.of([readings.window]), readings.believed(tag)
    return Watched(held.known.both(window), held.known_good.both(window))


def _links(device: Device, readings: Readings, settings: SceneSettings) -> Iterator[Linked]:
    if settings.service is None:
        return
    window = Spans.of([readings.window])
    for tag in device.roles(Role.LATENCY):
        # With the margin, so that an outage which began before the window is known in it.
        probes = network.probes(readings.of(tag), tag.unit, readings.around)
        found = network.availability(probes, settings.service, readings.around)
        down = found.down.both(window)
        yield Linked(
            scope=delays.scope(device, tag),
            observed=found.observed.both(window),
            down=down,
            outages=int(
                (found.down.start >= readings.window[0]).sum() - (found.down.start >= readings.window[1]).sum()
            ),
            simulated=readings.simulated((tag,)),
        )


def _judged(device: Device, readings: Readings, settings: SceneSettings) -> Judged | None:
    """Hold a device's verdicts or decisions against the reference that has the same source time."""
    truth = device.role(Role.TRUTH)
    judging = device.role(Role.VERDICT) or device.role(Role.DECISION)
    if truth is None or judging is None:
        return None
    said, true = (_said(readings, tag) for tag in (judging, truth))
    pairs = [(true[moment], verdict) for moment, verdict in said.items() if moment in true]
    right = sum(reference == verdict for reference, verdict in pairs)
    binary = None
    if judging.role is Role.VERDICT:
        table = class_table([reference for reference, _ in pairs], [verdict for _, verdict in pairs])
        binary = table.binary({name for name in table.classes if name.lower() in settings.accepted})
    return Judged(binary=binary, right=right, wrong=len(pairs) - right, alone=len(said) - len(pairs))


def _said(readings: Readings, tag: Tag) -> dict[int, str]:
    samples = _inside(readings, tag)
    fine = np.flatnonzero(usable(samples.quality))
    return {int(samples.time[row]): str(samples.value(row)) for row in fine.tolist()}


def _inside(readings: Readings, tag: Tag) -> Batch:
    samples = readings.of(tag)
    return samples.take((samples.time >= readings.window[0]) & (samples.time < readings.window[1]))


def _timely(device: Device, readings: Readings, settings: SceneSettings) -> Timely | None:
    """Count a reader's events: one per number of its counter; a number that never came is not visible."""
    numbered = tuple(device.roles(Role.EVENT_NUMBER))
    if settings.agreed is None or not numbered:
        return None
    found = Timely()
    for tag in numbered:
        samples, counted = _inside(readings, tag), readings.increments(tag)
        grown = counted.micro > 0
        at = np.searchsorted(samples.time, counted.time[grown])
        delay = visible_after(samples)[at]
        missing = int(counted.micro[grown].sum() // 1_000_000) - int(grown.sum())
        delay = np.concatenate((delay, np.full(max(missing, 0), np.inf)))
        found += timely(delay, settings.agreed + _READ_BEHIND)
    return found


def _matched(device: Device, readings: Readings) -> Matched | None:
    there, record = device.role(Role.STOCK, COUNTED), device.role(Role.STOCK, RECORDED)
    if there is None or record is None:
        return None
    counted, recorded = _inside(readings, there), _inside(readings, record)
    counted = counted.take(usable(counted.quality) & (counted.numbers >= 0))
    recorded = recorded.take(usable(recorded.quality))
    return matched(CycleCounts(_at(counted.time, recorded), counted.numbers))


def _at(moments: Ints, samples: Batch) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    # The values of the samples with exactly these times, NaN where there is none.
    if not len(samples):
        return np.full(len(moments), np.nan)
    row = np.minimum(np.searchsorted(samples.time, moments), len(samples) - 1)
    return np.where(samples.time[row] == moments, samples.numbers[row], np.nan)
