"""What the checks of a lab may look at, answered inside the sandbox: see `labs.observation`.

One of these is one question's view: figures are computed once for all checks of it, and "now"
is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from analytics.alarms.states import Alarm, AlarmState
from analytics.indicator import Indicator
from analytics.scene import Analysis, analyse
from analytics.studies import scene_studies
from dashboard_api.centre import Centre
from labs.observation import Fields, Scalar, SeenAlarm, SeenAnnotation, Submission, Truth
from plant.assets import Scene
from plant.batch import Batch, Floats
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import Severity, severity, usable
from plant.tags import Tag
from provenline.sandbox.truth import resolved

_QUALITY = {Severity.GOOD: "good", Severity.UNCERTAIN: "uncertain", Severity.BAD: "bad"}
_AHEAD = 3600 * SECOND


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
                        fields = {**addresses.get(path, {}), **own, "path": path}
                        found.append((path, {**fields, "source": sources.get(path), "device": device.id}))
        return found


@dataclass
class SandboxObservation:
    """One sandbox at one moment. `begun`: when its past began, ns UTC. Its methods block; call them from a thread."""

    centre: Centre
    truth: Truth
    submission: Submission
    files: Mapping[str, str]
    counts: Mapping[str, int]
    begun: int
    now: int
    _analyses: dict[tuple[Span, bool], tuple[Analysis, list[Indicator]]] = field(default_factory=dict)

    @cached_property
    def config(self) -> ConfigView:
        """What the trainee wrote."""
        return ConfigView(self.centre, self.files)

    def tag(self, path: str) -> TagView:
        """Return a tag as the trainee's line shows it."""
        whole = resolved(path, self.centre.tags)
        tag = None if whole is None else self.centre.tags[whole]
        return TagView(self.centre, self.now, tag, self.centre.live.snapshot([tag.path] if tag else []))

    def indicator(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
    ) -> float | None:
        """Return a figure of the trainee's own data; None where it has no value."""
        found = self._indicator(id, device, self._span(minutes, hours))
        return None if found is None else found.value

    def indicator_status(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
    ) -> str | None:
        """Return the same figure's status."""
        found = self._indicator(id, device, self._span(minutes, hours))
        return None if found is None else str(found.status)

    def alarms(self, code: str | None = None, device: str | None = None) -> Sequence[SeenAlarm]:
        """Return the alarms that are not normal."""
        standing = (a for a in self.centre.alarms.panel.alarms if a.state is not AlarmState.NORMAL)
        found = [_seen(alarm) for alarm in standing]
        return [a for a in found if _called(a.code, code) and device in (None, a.device)]

    def annotations(self, device: str | None = None) -> Sequence[SeenAnnotation]:
        """Return what was written about stops."""
        span = self.begun, self.now + _AHEAD
        notes = (note for scene in self.centre.scenes for note in self.centre.annotations.within(scene.path, span).log)
        found = [SeenAnnotation(note.scope.rpartition("/")[2], note.reason, note.comment) for note in notes]
        return [note for note in found if device in (None, note.device)]

    def messages(self, source: str | None = None) -> int:
        """Return how many protocol messages the trainee's edge exchanged."""
        return sum(self.counts.values()) if source is None else self.counts.get(source, 0)

    def _span(self, minutes: float | None, hours: float | None) -> Span:
        seconds = (minutes or 0.0) * 60 + (hours or 0.0) * 3600
        return (self.now - round(seconds * SECOND) if seconds > 0 else self.begun), self.now

    def _indicator(self, wanted: str, device: str | None, span: Span) -> Indicator | None:
        scene = next(iter(self.centre.scenes), None)
        if scene is None or span[1] <= span[0]:
            return None
        scope = scene.path if device is None else resolved(device, dict.fromkeys(_units(scene)))
        for detailed in (False, True):
            for one in self._figures(scene, span, detailed=detailed):
                if one.id == wanted and one.scope == scope:
                    return one
        return None

    def _figures(self, scene: Scene, span: Span, *, detailed: bool) -> list[Indicator]:
        if (span, detailed) not in self._analyses:
            calendar, rules = self.centre.configuration.calendar(scene.id), self.centre.rules
            store = self.centre.historian
            analysis = analyse(scene, store, span, calendar=calendar, rules=rules, now=self.now, detailed=detailed)
            found = analysis.details() if detailed else analysis.indicators()
            if detailed:
                found += scene_studies(scene, store, span, calendar=calendar, rules=rules, now=self.now)
            self._analyses[span, detailed] = analysis, found
        return self._analyses[span, detailed][1]


def _units(scene: Scene) -> list[str]:
    return [*(line.path for line in scene.lines), *(device.path for device in scene.devices)]


def _called(code: str, asked: str | None) -> bool:
    """Say whether an alarm is meant; the limits of one tag are alarms of their own, `oil.high` and `oil.high_high`."""
    return asked is None or code == asked or code.startswith(f"{asked}.")


def _seen(alarm: Alarm) -> SeenAlarm:
    definition = alarm.definition
    return SeenAlarm(
        code=definition.id.rpartition(":")[2].rpartition("/")[2],
        device=definition.scope.rpartition("/")[2],
        state=alarm.state.value,
        acknowledged=alarm.acknowledged,
        shelved=alarm.shelving is not None,
    )
