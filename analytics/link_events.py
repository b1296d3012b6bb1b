"""Which link events a scene's own signals show, and whether its machines' stops follow them.

    a lost or late probe                          role latency, loss
    a decision or message that missed its time    role deadline-missed
    whatever else the plant calls one             role link-event

A counter says only that something happened since the reading before, so its events are dated
by that reading: never after the fact. A device that has such signals of its own is judged by
them; one that has none, by those of the scene's probes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analytics import network
from analytics.indicator import Basis, Indicator
from analytics.link_stops import Association, associate, indicators
from analytics.losses import Stops, stops
from analytics.readings import Readings
from analytics.settings import SceneSettings
from analytics.spans import Spans, any_of, common
from analytics.states import Intervals
from analytics.time_model import TimeElement
from analytics.unit import Rules
from plant.assets import Device, Scene
from plant.batch import Ints
from plant.calendar import Plan
from plant.quality import usable
from plant.tags import Kind, Role, Tag

EVENT_ROLES = (Role.LATENCY, Role.LOSS, Role.DEADLINE_MISSED, Role.LINK_EVENT)
"""Roles that show link events."""


def judge(scene: Scene, readings: Readings, plan: Plan, rules: Rules) -> Iterator[Indicator]:
    """Compute, for every machine with states, how many of its stops follow link events and how many they explain."""
    shared = [tag for device in scene.devices if device.role(Role.STATE) is None for tag in _showing(device)]
    for device in scene.devices:
        state, tags = device.role(Role.STATE), _showing(device) or shared
        if state is None or not tags:
            continue
        found = association(readings.states(state), tags, readings, plan, rules)
        basis = Basis(
            scope=device.path,
            window=readings.window,
            coverage=_coverage(readings, state, tags),
            planned=bool(plan.busy),
            simulated=scene.simulated or readings.simulated((state, *tags)),
            min_coverage=rules.min_coverage,
        )
        yield from indicators(found, basis)


def association(states: Intervals, tags: Sequence[Tag], readings: Readings, plan: Plan, rules: Rules) -> Association:
    """Hold the stops of one machine, as its waterfall knows them, against the link events of some tags."""
    settings = rules.settings.of(tags[0].path)
    measured = common([Spans.of(plan.busy), states.known])
    stood: Stops = stops(states, plan, model=rules.model, measured=measured)
    running = Spans.where(rules.model.of(states, TimeElement.PRODUCTION), states.start, states.stop)
    watched = [_watched(tag, readings) for tag in tags]
    return associate(
        stood.start[stood.begins],
        np.concatenate([_events(tag, readings, settings) for tag in tags]),
        running=running.both(measured),
        observed=any_of(watched) if len(watched) > 1 else watched[0],
        window=settings.link_window,
    )


def _showing(device: Device) -> list[Tag]:
    return [tag for role in EVENT_ROLES for tag in device.roles(role)]


def _watched(tag: Tag, readings: Readings) -> Spans:
    return readings.believed(tag).known if tag.kind is not Kind.COUNTER else readings.increments(tag).known


def _events(tag: Tag, readings: Readings, settings: SceneSettings) -> Ints:
    if tag.kind is Kind.COUNTER:
        grown = readings.increments(tag)
        return grown.since[(grown.micro > 0) & grown.in_time]
    samples = readings.of(tag)
    if tag.role is Role.LATENCY:
        deadline = settings.service.deadline if settings.service is not None else np.inf
        probes = network.probes(samples, tag.unit, readings.around)
        return probes.time[(probes.delay > deadline) | np.isposinf(probes.delay)]
    return samples.time[usable(samples.quality) & (samples.numbers > 0)]


def _coverage(readings: Readings, state: Tag, tags: Sequence[Tag]) -> float | None:
    window = Spans.of([readings.window])
    known = [readings.states(state).known, any_of([_watched(tag, readings) for tag in tags])]
    covered = common([window, *known]).total
    return covered / window.total if window.total and covered else None
