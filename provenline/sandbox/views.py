"""A tag, a configuration and a figure of a sandbox as its trainee has them before them: see `labs.observation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.indicator import Indicator
from dashboard_api.centre import Centre
from labs.observation import Fields, Scalar
from plant.batch import Batch, Floats
from plant.clock import SECOND
from plant.quality import Severity, severity, usable
from plant.tags import Tag
from provenline.sandbox.truth import resolved

_QUALITY = {Severity.GOOD: "good", Severity.UNCERTAIN: "uncertain", Severity.BAD: "bad"}


@dataclass(frozen=True, slots=True)
class TagView:
    """A tag as the trainee's line shows it; `tag` is None where the configuration has none of that name."""

    centre: Centre
    now: int
    tag: Tag | None
    newest: Batch

    @property
    def exists(self) -> bool:
        return self.tag is not None

    @property
    def value(self) -> Scalar:
        sample = next(self.newest.samples(), None)
        if sample is None or severity(sample.quality) is Severity.BAD:
            return None
        return sample.value

    @property
    def quality(self) -> str | None:
        sample = next(self.newest.samples(), None)
        return None if sample is None else _QUALITY[severity(sample.quality)]

    @property
    def time(self) -> float | None:
        return float(self.newest.time[0]) / SECOND if len(self.newest) else None

    @property
    def age(self) -> float | None:
        return None if self.time is None else self.now / SECOND - self.time

    @property
    def unit(self) -> str | None:
        return None if self.tag is None else self.tag.unit

    @property
    def simulated(self) -> bool:
        return self.tag is not None and self.tag.simulated

    def count(self, minutes: float) -> int:
        return 0 if self.tag is None else int(np.count_nonzero(usable(self._history(minutes).quality)))

    def mean(self, minutes: float) -> float | None:
        values = self._values(minutes)
        return float(values.mean()) if len(values) else None

    def min(self, minutes: float) -> float | None:
        values = self._values(minutes)
        return float(values.min()) if len(values) else None

    def max(self, minutes: float) -> float | None:
        values = self._values(minutes)
        return float(values.max()) if len(values) else None

    def within(self, value: float, minutes: float) -> float | None:
        if self.tag is None or not len(batch := self._history(minutes)):
            return None
        return float(np.mean(usable(batch.quality) & (batch.numbers <= value)))

    def _values(self, minutes: float) -> Floats:
        if self.tag is None:
            return np.zeros(0)
        batch = self._history(minutes)
        numbers = batch.numbers[usable(batch.quality)]
        return numbers[np.isfinite(numbers)]

    def _history(self, minutes: float) -> Batch:
        assert self.tag is not None
        start = self.now - round(minutes * 60 * SECOND)
        return self.centre.historian.history([self.tag.path], start, self.now + 1)


@dataclass(frozen=True, slots=True)
class ConfigView:
    """What the trainee wrote, as plain values."""

    centre: Centre
    files: Mapping[str, str]

    @property
    def sources(self) -> Sequence[Fields]:
        return [
            source.model_dump(mode="json", by_alias=True)
            for scene in self.centre.configuration.scenes.values()
            for source in scene.sources
        ]

    @property
    def tags(self) -> Sequence[Fields]:
        return [fields for _, fields in self._tags()]

    def source(self, id: str) -> Fields | None:  # noqa: A002 - the word that checks use
        return next((source for source in self.sources if source["id"] == id), None)

    def tag(self, path: str) -> Fields | None:
        found = dict(self._tags())
        whole = resolved(path, found)
        return None if whole is None else found[whole]

    @property
    def alarms(self) -> Sequence[Fields]:
        return [
            alarm.model_dump(mode="json", by_alias=True)
            for scene in self.centre.configuration.scenes.values()
            for alarm in scene.alarms
        ]

    @property
    def energy(self) -> Fields:
        return self.centre.configuration.energy.model_dump(mode="json", by_alias=True)

    def text(self, file: str) -> str | None:
        return self.files.get(file)

    def _tags(self) -> list[tuple[str, Fields]]:
        found: list[tuple[str, Fields]] = []
        site = self.centre.configuration.site.id
        sources = self.centre.sources
        addresses = {
            tag.path: address.model_dump(mode="json", by_alias=True)
            for binding in self.centre.configuration.bindings
            for tag, address in binding.points
        }
        for scene in self.centre.configuration.scenes.values():
            for line in scene.lines:
                for device in line.devices:
                    for tag in device.tags:
                        path = f"{site}/{scene.id}/{line.id}/{device.id}/{tag.id}"
                        own = tag.model_dump(mode="json", exclude={"address"})
                        fields = {**addresses.get(path, {}), **own, "path": path, "address": addresses.get(path)}
                        found.append((path, {**fields, "source": sources.get(path), "device": device.id}))
        return found


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure as the page derives it."""

    indicator: Indicator

    @property
    def value(self) -> float | None:
        return self.indicator.value

    @property
    def status(self) -> str:
        return str(self.indicator.status)

    @property
    def low(self) -> float | None:
        return self.indicator.uncertainty[0] if self.indicator.uncertainty else None

    @property
    def high(self) -> float | None:
        return self.indicator.uncertainty[1] if self.indicator.uncertainty else None

    @property
    def coverage(self) -> float | None:
        return self.indicator.coverage

    @property
    def flags(self) -> Sequence[str]:
        return [flag.value for flag in self.indicator.flags]

    def input(self, symbol: str) -> float | None:
        quantity = self.indicator.inputs.get(symbol)
        return quantity.value if quantity is not None and isinstance(quantity.value, (int, float)) else None
