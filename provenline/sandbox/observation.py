"""What the checks of a lab may look at, answered inside the sandbox: see `labs.observation`.

One of these is one question's view: figures are computed once for all checks of it, and "now"
is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from analytics.alarms.states import Alarm, AlarmState
from analytics.counters import MICRO
from analytics.indicator import Indicator
from analytics.losses import Waterfall
from analytics.scene import Analysis, analyse
from analytics.studies import scene_studies
from dashboard_api.centre import Centre
from labs.observation import SeenAlarm, SeenAnnotation, SeenCampaign, SeenLosses, Submission, Truth
from plant.assets import Scene
from plant.calendar import Span
from plant.clock import SECOND
from plant.health import LINE
from plant.tags import Role
from provenline.sandbox.campaigns import CampaignView
from provenline.sandbox.truth import resolved
from provenline.sandbox.views import ConfigView, FigureView, TagView

_AHEAD = 3600 * SECOND
_DAYS = 4 * 86_400 * SECOND
LAST_SHIFT = "last-shift"
"""The one `period` there is; see `labs.vocabulary.PERIODS`."""


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
        period: str | None = None,
    ) -> float | None:
        """Return a figure of the trainee's own data; None where it has no value."""
        found = self.figure(id, device, minutes, hours, period)
        return None if found is None else found.value

    def indicator_status(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        period: str | None = None,
    ) -> str | None:
        """Return the same figure's status."""
        found = self.figure(id, device, minutes, hours, period)
        return None if found is None else found.status

    def figure(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        period: str | None = None,
    ) -> FigureView | None:
        """Return the same figure with what it was made from."""
        span = self._span(minutes, hours, period)
        found = None if span is None else self._indicator(id, device, span)
        return None if found is None else FigureView(found)

    def losses(
        self, device: str, minutes: float | None = None, hours: float | None = None, period: str | None = None
    ) -> SeenLosses | None:
        """Return where planned time of a device or line went."""
        scene, span = next(iter(self.centre.scenes), None), self._span(minutes, hours, period)
        scope = None if scene is None else resolved(device, dict.fromkeys(_units(scene)))
        if scene is None or span is None or scope is None:
            return None
        self._figures(scene, span, detailed=False)
        unit = self._analyses[span, False][0].unit(scope)
        return None if unit is None or unit.waterfall is None else _lost(unit.waterfall)

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

    def campaigns(self) -> Sequence[SeenCampaign]:
        """Return the trainee's acceptance campaigns."""
        desk = self.centre.desk
        return [] if desk is None else [CampaignView(one) for one in desk.store]

    def _span(self, minutes: float | None, hours: float | None, period: str | None) -> Span | None:
        if period is not None:
            return self._last_shift() if period == LAST_SHIFT else None
        seconds = (minutes or 0.0) * 60 + (hours or 0.0) * 3600
        return (self.now - round(seconds * SECOND) if seconds > 0 else self.begun), self.now

    def _last_shift(self) -> Span | None:
        """Return the last whole shift before the attempt began: however long somebody works, it stays the same."""
        scene = next(iter(self.centre.scenes), None)
        if scene is None:
            return None
        began = round(self.submission.begun * SECOND) or self.now
        shifts = self.centre.configuration.calendar(scene.id).shifts(began - _DAYS, began)
        over = [(shift.start, shift.stop) for shift in shifts if shift.stop <= began]
        return over[-1] if over else None

    def _indicator(self, wanted: str, device: str | None, span: Span) -> Indicator | None:
        scene = next(iter(self.centre.scenes), None)
        if scene is None or span[1] <= span[0]:
            return None
        scope = scene.path if device is None else _scope(scene, device)
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


def _scope(scene: Scene, asked: str) -> str | None:
    """Return whose figure is meant: a unit, a tag or a part of one, `press#state=IDLE`."""
    name, mark, part = asked.partition("#")
    known = [*_units(scene), *(tag.path for tag in scene.tags if tag.role is not Role.HEALTH)]
    whole = resolved(name, dict.fromkeys(known))
    return None if whole is None else f"{whole}{mark}{part}"


def _lost(fall: Waterfall) -> SeenLosses:
    by_loss = {loss.value.replace("-", "_").replace("set_up", "setup"): spent for loss, spent in fall.losses.items()}
    largest = max(fall.losses, key=fall.losses.__getitem__)
    unit = SECOND * MICRO
    return SeenLosses(
        **by_loss,
        planned=fall.planned / unit,
        valuable=fall.valuable / unit,
        largest=largest.value if fall.losses[largest] > 0 else None,
    )


def _units(scene: Scene) -> list[str]:
    """Return the lines and devices of a scene; a collector may be called as the device it reads."""
    lines = [line for line in scene.lines if line.path.rpartition("/")[2] != LINE]
    return [*(line.path for line in lines), *(device.path for line in lines for device in line.devices)]


def _called(code: str, asked: str | None) -> bool:
    """Say whether an alarm is meant; the limits of one tag are alarms of their own, `oil.high` and `oil.high_high`."""
    return asked is None or code == asked or code.startswith(f"{asked}.")


def _device(scope: str) -> str:
    """Return the id of the device that a path leads to, or through; else that of the line or scene."""
    return scope.split("/")[:4][-1]


def _seen(alarm: Alarm) -> SeenAlarm:
    definition = alarm.definition
    return SeenAlarm(
        code=definition.id.rpartition(":")[2].rpartition("/")[2],
        device=_device(definition.scope),
        state=alarm.state.value,
        acknowledged=alarm.acknowledged,
        shelved=alarm.shelving is not None,
    )
