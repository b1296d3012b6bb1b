"""A scene's window as measures look at it: the columns they ask for, and how much of it is known.

The time in question is what the calendar plans. Where it plans nothing at all, a rate has
nothing to be measured against and says so; what only counts events (decisions, probes,
sessions) then asks for the whole window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics import device_details
from analytics.details import Details
from analytics.indicator import Basis, Indicator
from analytics.measures.measurement import Measured, Measurement, Part, Trials
from analytics.readings import Readings, max_gap, read
from analytics.settings import SceneSettings
from analytics.spans import Spans, common
from analytics.stations import COUNTING, device_signals
from analytics.steps import known
from plant.assets import Device
from plant.batch import Batch, Floats
from plant.calendar import Plan, Span
from plant.clock import SECOND
from plant.quality import usable
from plant.tags import Role, Tag

COMPUTED_AFTER = 60 * SECOND
"""How long after its end a window is taken to be first computed: what arrives later came late."""
_OF_A_STATION = (Role.STATE, *COUNTING)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One window of a scene. `tags`: those that were read."""

    of: Measured
    window: Span
    plan: Plan
    readings: Readings
    tags: tuple[Tag, ...]

    @property
    def busy(self) -> Spans:
        """The planned busy time."""
        return Spans.of(self.plan.busy)

    @property
    def asked(self) -> Spans:
        """The time in question for what counts events: planned time, or the window where none is planned."""
        return self.busy if self.plan.busy else Spans.of([self.window])

    @property
    def devices(self) -> tuple[Device, ...]:
        """The scene's devices."""
        return self.of.scene.devices

    def playing(self, *roles: Role, label: str | None = None) -> Iterator[tuple[Device, tuple[Tag, ...]]]:
        """Yield every device that plays all of the roles, with the tags that do."""
        return playing(self.devices, *roles, label=label)

    def samples(self, tag: Tag) -> Batch:
        """Return a tag's samples of the window, of any quality, in order of time."""
        samples = self.readings.of(tag)
        return samples.take((samples.time >= self.window[0]) & (samples.time < self.window[1]))

    def usable(self, tag: Tag) -> Floats:
        """Return the finite numbers among a tag's usable samples of the window."""
        samples = self.samples(tag)
        numbers = samples.numbers[usable(samples.quality)]
        return numbers[np.isfinite(numbers)]

    def heard(self, tag: Tag) -> tuple[Spans, Spans]:
        """Return when a tag was known in the time in question, and when in good quality."""
        sure, good = known(self.readings.of(tag), self.window, max_gap=max_gap(tag))
        return sure.both(self.asked), good.both(self.asked)

    def details(self, device: Device, agreed: SceneSettings | None = None) -> Details:
        """Return what the columns say behind a device's figures; `agreed` replaces what the scene has agreed."""
        rules, readings = self.of.rules, self.readings
        if agreed is not None:
            scenes = {**rules.settings.scenes, self.of.scene.path: agreed}
            rules = replace(rules, settings=replace(rules.settings, scenes=scenes))
        states = (tag.role in _OF_A_STATION for tag in self.tags if tag.device == device.path)
        signals = device_signals(device, readings) if any(states) else None
        return device_details.read(device, signals, readings, self.plan, rules)

    @property
    def agreed(self) -> SceneSettings:
        """What was agreed for the scene."""
        return self.of.rules.settings.of(self.of.scene.path)

    def known(self, groups: Sequence[Sequence[Tag]], *, counted: int = 1, told: int = 1) -> Basis:
        """Return the basis of a sample from several devices.

        `groups`: the tags of each. Known is the time in which all of a device's tags were, less
        the share of what was `told` that could not be `counted`.
        """
        known = good = 0
        for tags in groups:
            heard = [self.heard(tag) for tag in tags]
            known += common([sure for sure, _ in heard]).total
            good += common([fine for _, fine in heard]).total
        share = counted / told if told else 1.0
        return self.basis(known=known * share, whole=self.asked.total * len(groups), good=good * share)

    def basis(self, *, known: float, whole: float, good: float | None = None, planned: bool = True) -> Basis:
        """Return the basis of a figure of which `known` of `whole` is known, `good` of it in good quality."""
        return Basis(
            scope=self.of.scene.path,
            window=self.window,
            coverage=min(known / whole, 1.0) if known > 0 and whole > 0 else None,
            quality_share=min((known if good is None else good) / known, 1.0) if known > 0 else 0.0,
            planned=planned,
            simulated=self.of.scene.simulated or self.readings.simulated(self.tags),
            min_coverage=self.of.rules.min_coverage,
        )

    @property
    def late(self) -> float:
        """The share of samples that came after the window was first computed; see `COMPUTED_AFTER`."""
        samples = late = 0
        for tag in self.tags:
            received = self.samples(tag).received
            samples += len(received)
            late += int(np.greater(received, self.window[1] + COMPUTED_AFTER).sum())
        return late / samples if samples else 0.0

    def of_trials(self, indicator: Indicator, trials: Trials) -> Measurement:
        """Return a measurement of so many of so many; nothing when there were none."""
        if not trials.total or indicator.coverage is None:
            return self.unanswered(indicator)
        part = Part(float(trials.successes), float(trials.total))
        return Measurement(indicator=indicator, parts={"": part}, trials=trials, late=self.late)

    def unanswered(self, indicator: Indicator) -> Measurement:
        """Return a measurement that contributes nothing."""
        return Measurement(indicator=indicator, late=self.late)


def look(measured: Measured, window: Span, tags: Iterable[Tag]) -> View:
    """Read some tags of a scene's window."""
    chosen = tuple(tags)
    return View(
        of=measured,
        window=window,
        plan=measured.calendar.plan(*window),
        readings=read(measured.historian, chosen, window, margin=0),
        tags=chosen,
    )


def look_at(measured: Measured, window: Span, roles: Iterable[Role]) -> View:
    """Read every tag of a scene that plays one of some roles."""
    wanted = frozenset(roles)
    return look(measured, window, (tag for tag in measured.scene.tags if tag.role in wanted))


def playing(
    devices: Iterable[Device], *roles: Role, label: str | None = None
) -> Iterator[tuple[Device, tuple[Tag, ...]]]:
    """Yield every device that plays all of the roles, with the first tag of each."""
    for device in devices:
        found = tuple(tag for role in roles if (tag := device.role(role, label)) is not None)
        if len(found) == len(roles):
            yield device, found
