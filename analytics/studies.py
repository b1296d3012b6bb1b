"""What one window shows that does not add up over windows: spread, peaks, capability, coverage, causes.

Percentiles of delay variation, the peak of demand, what a process can do against its tolerance,
which cells of a floor a link covers, and whether stops follow link events. Each is a study of
one stretch of time and computed from its own samples, whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analytics import capability, delays, demand, floor, network, spc, wear
from analytics.indicator import Basis, Indicator
from analytics.link_events import judge
from analytics.per_piece import one_a_piece
from analytics.readings import Readings, read
from analytics.scene import analyse
from analytics.settings import FloorLimit
from analytics.spans import Spans, common
from analytics.stations import playing
from analytics.unit import Rules
from historian.port import Historian
from plant.assets import Device, Scene
from plant.batch import Batch, Floats
from plant.calendar import ShiftCalendar, Span
from plant.quality import good
from plant.tags import Role, Tag
from plant.units import convert

READ_ROLES = frozenset(
    (
        Role.STATE,
        Role.TOTAL_COUNT,
        Role.GOOD_COUNT,
        Role.ENERGY,
        Role.PROCESS_VALUE,
        Role.POSITION_X,
        Role.POSITION_Y,
        Role.LOSS,
        Role.DEADLINE_MISSED,
        Role.LINK_EVENT,
        *delays.ROLES,
    )
)
"""The roles this module asks for; nothing else is read."""

VARIATION = ("95", "99", "99.9")
"""Percentiles of delay variation, in per cent."""


def scene_studies(
    scene: Scene,
    historian: Historian,
    window: Span,
    *,
    calendar: ShiftCalendar,
    rules: Rules | None = None,
    now: int | None = None,
) -> list[Indicator]:
    """Compute the studies of every device of a scene, and of the scene; arguments as those of `scene.analyse`."""
    rules = rules or Rules()
    tags = [tag for tag in scene.tags if _wanted(tag, rules)]
    readings = read(historian, tags, window, margin=rules.model.micro_stop, now=now)
    watched = list(_watched(scene, historian, window, rules, now))
    study = _Study(readings, rules, simulated=scene.simulated)
    found = [one for device in scene.devices for one in study.device(device)]
    limit = rules.settings.of(scene.path).floor
    if limit is not None:
        found.extend(study.floor(scene, limit))
    found.extend(judge(scene, readings, calendar.plan(*window), rules))
    return found + watched


def scene_details(
    scene: Scene,
    historian: Historian,
    window: Span,
    *,
    calendar: ShiftCalendar,
    rules: Rules | None = None,
    now: int | None = None,
) -> list[Indicator]:
    """Compute all that lies behind a scene's main figures in one window: what adds up, and the studies."""
    analysis = analyse(scene, historian, window, calendar=calendar, rules=rules, now=now, detailed=True)
    return [
        *analysis.details(),
        *scene_studies(scene, historian, window, calendar=calendar, rules=rules, now=now),
    ]


def _watched(scene: Scene, historian: Historian, window: Span, rules: Rules, now: int | None) -> Iterator[Indicator]:
    """Watch signals for wear; each reaches back over its healthy time, so they are read apart."""
    for device in scene.devices:
        for tag in device.tags:
            if (watch := rules.settings.watches.get(tag.path)) is None:
                continue
            state = device.role(Role.STATE)
            tags = (tag, state) if state is not None else (tag,)
            readings = read(historian, tags, window, margin=watch.healthy, now=now)
            basis = Basis(
                scope=tag.path,
                window=window,
                simulated=scene.simulated or readings.simulated(tags),
                min_coverage=rules.min_coverage,
            )
            yield from wear.indicators(wear.running(device, tag, readings, rules.model), watch, basis)


def _wanted(tag: Tag, rules: Rules) -> bool:
    if tag.role is Role.PROCESS_VALUE:
        return tag.path in rules.settings.tolerances
    return tag.role in READ_ROLES


class _Study:
    def __init__(self, readings: Readings, rules: Rules, *, simulated: bool) -> None:
        self._readings, self._rules, self._simulated = readings, rules, simulated

    def device(self, device: Device) -> Iterator[Indicator]:
        meters = playing(device, Role.ENERGY)
        if len(meters) == 1:  # peaks of several meters need not coincide
            yield self._peak(device, meters[0])
        for role in delays.ROLES:
            for tag in device.roles(role):
                yield from self._variation(device, tag)
        for tag in device.roles(Role.PROCESS_VALUE):
            if (tolerance := self._rules.settings.tolerances.get(tag.path)) is not None:
                yield from self._capability(device, tag, tolerance)

    def floor(self, scene: Scene, limit: FloorLimit) -> Iterator[Indicator]:
        """Judge the floor by every probe that says where it is, whichever device it is on."""
        probes = [columns for device in scene.devices if (columns := self._placed(device)) is not None]
        if not probes:
            return
        x, y, delay = (np.concatenate(column) for column in zip(*probes, strict=True))
        found = floor.floor_coverage(x, y, delay, limit.floor, limit=limit.limit, share=limit.share)
        sent = float(np.isnan(delay).mean()) if len(delay) else 1.0
        tags = [tag for device in scene.devices for tag in device.roles(Role.LATENCY)]
        basis = self._basis(scene.path, tags, coverage=1.0 - sent)
        yield floor.indicator(found, basis, limit=limit.limit, share=limit.share)

    def _placed(self, device: Device) -> tuple[Floats, Floats, Floats] | None:
        """Return where and how long each probe of a device was; a place holds until the next one is told."""
        tag, across, along = (device.role(r) for r in (Role.LATENCY, Role.POSITION_X, Role.POSITION_Y))
        if tag is None or across is None or along is None:
            return None
        found = network.probes(self._readings.of(tag), tag.unit, self._readings.window)
        x, y = (self._values_at(place, found.time) for place in (across, along))
        return x, y, found.delay

    def _values_at(self, tag: Tag, moments: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        rows = self._readings.believed(tag).at(moments)
        values = self._readings.of(tag).numbers * convert(1.0, tag.unit, "m")
        return np.where(rows >= 0, values[rows], np.nan) if len(values) else np.full(len(moments), np.nan)

    def _peak(self, device: Device, tag: Tag) -> Indicator:
        meter = self._readings.increments(tag)
        whole = Spans.of([self._readings.window])
        known, fine = (common([whole, spans]).total for spans in (meter.known, meter.known_good))
        basis = self._basis(device.path, (tag,), coverage=known / whole.total, good=fine / known if known else 0.0)
        return demand.peak_indicator(demand.peak(meter, tag.unit, kind=demand.Demand.SLIDING), basis)

    def _variation(self, device: Device, tag: Tag) -> Iterator[Indicator]:
        found = network.probes(self._readings.of(tag), tag.unit, self._readings.window)
        packets = len(found.received) + found.lost
        share = packets / len(found.delay) if packets else None
        fine = good(self._inside(tag).quality) | np.isposinf(found.delay)
        basis = self._basis(
            delays.scope(device, tag), (tag,), coverage=share, good=int(fine.sum()) / packets if packets else 0.0
        )
        # A constant offset between two clocks leaves differences of delays as they are (RFC 5481 §6.2).
        yield from network.variation(found, basis, shares=VARIATION)

    def _capability(self, device: Device, tag: Tag, tolerance: capability.Tolerance) -> Iterator[Indicator]:
        samples = self._readings.of(tag)
        _, rows = one_a_piece(device, tag, self._readings)
        told = rows[rows >= 0]
        told = told[np.isfinite(samples.numbers[told])]
        values = samples.numbers[told]
        share = len(values) / len(rows) if len(rows) else None
        fine = int(good(samples.quality[told]).sum()) / len(values) if len(values) else 0.0
        basis = self._basis(tag.path, (tag,), coverage=share, good=fine)
        yield from capability.indicators(capability.single(values), tolerance, basis)
        if len(values) > 1:
            for limits in spc.individuals(values):
                yield from spc.indicators(limits, basis)

    def _inside(self, tag: Tag) -> Batch:
        samples = self._readings.of(tag)
        window = self._readings.window
        return samples.take((samples.time >= window[0]) & (samples.time < window[1]))

    def _basis(self, scope: str, tags: Sequence[Tag], *, coverage: float | None, good: float = 1.0) -> Basis:
        return Basis(
            scope=scope,
            window=self._readings.window,
            coverage=coverage,
            quality_share=good,
            simulated=self._simulated or self._readings.simulated(tags),
            min_coverage=self._rules.min_coverage,
        )
