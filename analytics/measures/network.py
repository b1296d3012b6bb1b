"""Measures of the network: who is on it, by what, how late its packets are, and where it reaches.

A device is networked when something usable was heard from it in the window; being declared
is not enough. By what it is connected is declared (`access`), for no telemetry says it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from analytics import delays, floor, latency, network
from analytics.formulas import FORMULAS, PERCENTILES, quantities
from analytics.indicator import Basis, Indicator, Quantity, evaluate, report
from analytics.measures.measurement import Measured, Measurement, Part, Trials
from analytics.measures.parameters import Chosen
from analytics.measures.view import View, look_at
from analytics.readings import max_gap
from analytics.settings import FloorLimit
from analytics.spans import Spans
from analytics.steps import ordered
from plant.assets import Access, Device
from plant.batch import Batch, Floats, Ints, Origin
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import good, usable
from plant.tags import Role, Tag
from plant.text import Text
from plant.units import convert

_DIRECTIONS: Mapping[str, tuple[Role, ...]] = {
    "one-way": (Role.LATENCY_UP, Role.LATENCY_DOWN),
    "round-trip": (Role.LATENCY,),
}


# ------------------------------------------------------------------------------ who is on it
def networked_devices(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Count the devices that were heard from. Not additive: over two halves it is at least the larger count."""
    asked = _of_types(measured, given)
    heard, basis = _heard(measured, window, asked)
    inputs = quantities({"NDV": float(len(heard)) if heard else None}, {"NDV": _of(heard, asked)})
    return _access("networked-devices", inputs, basis, Trials(len(heard), len(asked)))


def networked_share(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the devices that were heard from over those declared. Not additive, as `networked_devices`."""
    asked = _of_types(measured, given)
    heard, basis = _heard(measured, window, asked)
    inputs = quantities({"NDV": float(len(heard)) if heard else None, "DEV": float(len(asked))})
    return _access("networked-share", inputs, basis, Trials(len(heard), len(asked)))


def five_g_access(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the devices on 5G over all that were heard from. Not additive, as `networked_devices`."""
    asked = _of_types(measured, given)
    heard, basis = _heard(measured, window, asked)
    wireless = [device for device in heard if device.access is Access.FIVE_G]
    inputs = quantities(
        {"NDVG": float(len(wireless)) if heard else None, "NDV": float(len(heard))},
        {"NDVG": Text("按配置的接入方式", "by the access that is declared"), "NDV": _of(heard, asked)},
    )
    return _access("five-g-access", inputs, basis, Trials(len(wireless), len(heard)))


def _access(formula: str, inputs: dict[str, Quantity], basis: Basis, found: Trials) -> Measurement:
    indicator = evaluate(FORMULAS[formula], inputs, basis)
    if basis.coverage is None:
        return Measurement(indicator=indicator)
    part = Part(float(found.successes), float(found.total))
    return Measurement(indicator=indicator, parts={"": part}, trials=found)


def _of_types(measured: Measured, given: Chosen) -> list[Device]:
    types = given.words("types")
    return [
        device for device in measured.scene.devices if (not types or device.type in types) and not _is_collector(device)
    ]


def _is_collector(device: Device) -> bool:
    # Collectors stand in the scene's tree too, but they are ours, not the plant's.
    return bool(device.tags) and all(tag.role is Role.HEALTH for tag in device.tags)


def _of(heard: list[Device], asked: list[Device]) -> Text:
    return Text(f"清单 {len(asked)} 台中的 {len(heard)} 台", f"{len(heard)} of {len(asked)} declared")


def _heard(measured: Measured, window: Span, asked: Iterable[Device]) -> tuple[list[Device], Basis]:
    """Return the devices with a usable sample in the window; the basis is empty when there is none."""
    fine: dict[str, bool] = {}
    devices = [device for device in asked if device.tags]
    if measured.historian.thinned([tag.path for device in devices for tag in device.tags], *window):
        devices = []  # who was heard of then cannot be told any more
    simulated = measured.scene.simulated
    for batch in _newest_first(measured, window, devices, fine):
        inside = (batch.time >= window[0]) & (batch.time < window[1]) & usable(batch.quality)
        simulated |= bool((batch.origin & np.uint8(Origin.SIMULATED)).any())
        for index in np.unique(batch.tag[inside]).tolist():
            device = batch.names[index].rpartition("/")[0]
            fine[device] = fine.get(device, False) or bool(good(batch.quality[inside & (batch.tag == index)]).any())
    heard = [device for device in devices if device.path in fine]
    basis = Basis(
        scope=measured.scene.path,
        window=window,
        coverage=1.0 if heard else None,
        quality_share=sum(fine.values()) / len(heard) if heard else 0.0,
        simulated=simulated,
        min_coverage=measured.rules.min_coverage,
    )
    return heard, basis


def _newest_first(measured: Measured, window: Span, devices: list[Device], found: dict[str, bool]) -> Iterable[Batch]:
    # Most devices are still heard from at the window's end, so that the whole window is read of few.
    yield measured.historian.before([tag.path for device in devices for tag in device.tags], window[1])
    silent = [tag.path for device in devices if device.path not in found for tag in device.tags]
    if silent and window[1] > window[0]:
        yield measured.historian.history(silent, *window)


# ---------------------------------------------------------------------------- how late it is
def device_latency(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Pool the delays of every probed way, in ms, the lost as infinite; one-way delays with their clock error.

    Coverage is the share of the time in question in which the ways were being probed. Samples
    of two halves are those of the whole; the percentile of the whole is computed anew.
    """
    roles = given.one_of("direction", _DIRECTIONS)
    view = look_at(measured, window, (*roles, Role.CLOCK_ERROR))
    tags = [tag for tag in view.tags if tag.role in roles and not tag.label]
    found = [one for device in view.devices for one in delays.read(_only(device, roles), view.readings)]
    sample = np.concatenate([*(one.received for one in found), np.full(sum(one.lost for one in found), math.inf)])
    observed = sum(_observed(view, tag).total for tag in tags)
    basis = view.basis(known=observed, whole=view.asked.total * len(tags))
    packets = len(sample)
    basis = replace(basis, quality_share=sum(one.good for one in found) / packets if packets else 0.0)
    indicator = _percentile(sample, basis, given.one_of("percentile", {text: text for text in PERCENTILES}))
    errors = [one.clock_error for one in found if one.one_way and len(one.received)]
    if not errors:
        return Measurement(indicator=indicator, sample=sample, late=view.late)
    stated = None if None in errors else max(error for error in errors if error is not None)
    indicator = network.one_way([indicator], stated)[0]
    if stated is None:  # two clocks of which nobody says how they differ measure nothing
        return view.unanswered(indicator)
    return Measurement(indicator=indicator, sample=sample, clock_error=stated / 1e3, late=view.late)


def _only(device: Device, roles: tuple[Role, ...]) -> Device:
    wanted = (*roles, Role.CLOCK_ERROR)
    return replace(device, tags=tuple(tag for tag in device.tags if tag.role in wanted and not tag.label))


def _percentile(sample: Floats, basis: Basis, text: str) -> Indicator:
    received = sample[np.isfinite(sample)]
    if len(sample):
        return latency.indicators(received, len(sample) - len(received), basis, shares=(text,))[0]
    return report(PERCENTILES[text], None, quantities({"N": None, "RANK": None}), basis)


def _observed(view: View, tag: Tag) -> Spans:
    """Return when a way was being probed: a packet, lost or not, stands for the time until the next one."""
    samples = view.readings.of(tag)
    found = network.probes(samples, tag.unit, view.window)
    gap = round((max_gap(tag) or (view.window[1] - view.window[0]) / SECOND) * SECOND)
    until = np.minimum(np.append(found.time[1:], view.window[1]), found.time + gap)
    return Spans.where(~np.isnan(found.delay), found.time, until).both(view.asked)


# --------------------------------------------------------------------------- where it reaches
def coverage_of_floor(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of the floor's cells that a walking probe found covered.

    Floor and limit are those the scene has agreed, each replaced by the parameter that is not
    0. Not additive: a cell may have enough packets in a window and too few in either half.
    """
    view = look_at(measured, window, (Role.POSITION_X, Role.POSITION_Y, Role.LATENCY, Role.LOSS))
    probes = list(view.playing(Role.POSITION_X, Role.POSITION_Y, Role.LATENCY))
    agreed = _agreed(view, given)
    if agreed is None or not probes:
        none = quantities({"CELLOK": None, "CELLS": None})
        return view.unanswered(evaluate(FORMULAS["floor-coverage"], none, view.basis(known=0, whole=0)))
    columns = [_packets(view, device, tags) for device, tags in probes]
    x, y, delay = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    placed = ~np.isnan(x) & ~np.isnan(y) & ~np.isnan(delay)
    limit, share = agreed.limit, agreed.share
    found = floor.floor_coverage(x, y, delay, agreed.floor, limit=limit, share=share)
    basis = view.basis(known=float(placed.sum()), whole=float(len(delay)))
    indicator = floor.indicator(found, basis, limit=limit, share=share)
    if indicator.value is None:
        return view.unanswered(indicator)
    return view.of_trials(indicator, Trials(found.count(floor.Coverage.COVERED), len(found.cells)))


def _agreed(view: View, given: Chosen) -> FloorLimit | None:
    agreed = view.agreed.floor or FloorLimit(width=0.0, depth=0.0, cell=0.0, limit=0.0)
    share = Fraction(given.text("share")) if given.text("share") else agreed.share
    numbers = {name: given.number(name) or getattr(agreed, name) for name in ("width", "depth", "cell", "limit")}
    return FloorLimit(**numbers, share=share) if min(numbers.values()) > 0 else None


def _packets(view: View, device: Device, tags: tuple[Tag, ...]) -> tuple[Floats, Floats, Floats]:
    """Return where each packet of a walking probe was sent, in metres, and its delay in ms."""
    x, y, told = tags
    found = network.probes(ordered(view.samples(told)), told.unit, view.window)
    delay, lost = found.delay, device.role(Role.LOSS)
    if lost is not None:
        delay = np.where(_at(view, lost, found.time) > 0, math.inf, delay)
    return _metres(view, x, found.time), _metres(view, y, found.time), delay


def _metres(view: View, tag: Tag, moments: Ints) -> Floats:
    return _at(view, tag, moments) * convert(1.0, tag.unit, "m")


def _at(view: View, tag: Tag, moments: Ints) -> Floats:
    """Return a tag's value in force at each moment, NaN where it is not known."""
    samples = view.readings.of(tag)
    rows = view.readings.believed(tag).at(moments)
    return np.where(rows >= 0, samples.numbers[rows], math.nan) if len(samples) else np.full(len(moments), math.nan)
