"""What really happens on a sandbox's line, in the terms of its tags; it never leaves the sandbox's process.

The plant's own configuration says which signal of the model each tag ought to show, and how. What
probes of a link ought to measure is measured beside them, by packets that meet the same fate and
delay nobody.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configs.configuration import Binding
from configs.sources import ModbusSource, StampSource
from labs.observation import Scalar, TrueFault
from plant.batch import Value
from plant.clock import SECOND
from simulators.faces.layout import Layout, Reading, StampLayout
from simulators.kernel.signals import Signal
from simulators.network.route import twin
from simulators.plantmodel import PlantModel
from simulators.probing import Probes
from simulators.truth import What

EVERY = 5.0
"""Plant seconds between two looks at the true values."""
_KEPT = 8 * 3600
_ENDLESS = 1 << 62


def layouts_of(model: PlantModel) -> dict[str, list[Layout]]:
    """Return the layouts behind each source; several devices may publish to one broker."""
    found: dict[str, list[Layout]] = {}
    for face, source in model.sources.items():
        found.setdefault(source, []).append(model.faces[face])
    return found


def resolved(path: str, known: Mapping[str, object]) -> str | None:
    """Return the whole path of a tag that is named from below its line; None when there is none, or several."""
    if path in known:
        return path
    found = [whole for whole in known if whole.endswith(f"/{path}")]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class _Traced:
    """A tag's signal, and what it truly was at every look."""

    signal: Signal
    reading: Reading
    every: float = EVERY
    values: deque[float] = field(default_factory=lambda: deque(maxlen=round(_KEPT / EVERY)))

    @property
    def now(self) -> Scalar:
        return _scalar(self.reading.convert(self.signal.true))

    def look(self) -> None:
        if isinstance(self.signal.true, int | float):
            value = self.reading.convert(self.signal.true)
            self.values.append(float(value) if isinstance(value, int | float) else float("nan"))


@dataclass(frozen=True, slots=True)
class _Probed:
    """A figure of a probed link, packet by packet; `every`: seconds between two. NaN where one was lost."""

    every: float
    values: deque[float]

    @property
    def now(self) -> Scalar:
        return self.values[-1] if self.values and math.isfinite(self.values[-1]) else None


class TruthBook:
    """The true values of a line and the facts its model recorded; from the moment it is made."""

    def __init__(self, model: PlantModel, bindings: Sequence[Binding]) -> None:
        self._model = model
        self._traced = dict(_traced(model, bindings))
        self._sessions = list(_sessions(model, bindings))
        self._tags: dict[str, _Traced | _Probed] = {**self._traced}
        for source, probes in self._sessions:
            kept = round(_KEPT / source.interval)
            self._tags |= {path: _Probed(source.interval, deque(maxlen=kept)) for path in probes.paths}
        model.floor.every(EVERY, self._look)

    def tag(self, path: str) -> Scalar:
        """Return what a tag would show now if everything were right; None for what the line does not have."""
        whole = resolved(path, self._tags)
        return None if whole is None else self._tags[whole].now

    def mean(self, path: str, minutes: float) -> float | None:
        """Return the mean of the same over the last minutes."""
        whole = resolved(path, self._tags)
        if whole is None:
            return None
        tag = self._tags[whole]
        recent = list(tag.values)[-max(1, round(minutes * 60 / tag.every)) :]
        values = [value for value in recent if not math.isnan(value)]
        return sum(values) / len(values) if values else None

    def share(self, path: str, value: float, minutes: float) -> float | None:
        """Return in which share of the last minutes it had a value."""
        whole = resolved(path, self._tags)
        if whole is None:
            return None
        tag = self._tags[whole]
        recent = list(tag.values)[-max(1, round(minutes * 60 / tag.every)) :]
        return sum(one == value for one in recent) / len(recent) if recent else None

    @property
    def faults(self) -> tuple[TrueFault, ...]:
        """Every fault that has begun, in order."""
        found: list[TrueFault] = []
        for fact in list(self._model.floor.truth):
            if fact.what is not What.FAULT:
                continue
            kind, moment = str(fact.detail["kind"]), fact.time / SECOND
            if fact.detail["edge"] == "begin":
                found.append(TrueFault(kind, fact.where, moment))
                continue
            for i, fault in enumerate(found):
                if (fault.kind, fault.target, fault.ended) == (kind, fact.where, None):
                    found[i] = TrueFault(kind, fact.where, fault.started, moment)
                    break
        return tuple(found)

    def count(self, kind: str) -> int:
        """Return how many facts of a kind there are."""
        return sum(fact.what == kind for fact in list(self._model.floor.truth))

    def _look(self) -> None:
        for traced in self._traced.values():
            traced.look()
        for _, probes in self._sessions:
            for number, batch in enumerate(probes.take(self._model.floor.now(), first=0)):
                self._tags[probes.paths[number]].values.extend(batch.numbers.tolist())


def _traced(model: PlantModel, bindings: Sequence[Binding]) -> list[tuple[str, _Traced]]:
    layouts = layouts_of(model)
    found = []
    for binding in bindings:
        period = binding.source.period if isinstance(binding.source, ModbusSource) else 0.0
        for tag, address in binding.points:
            readings = (layout.reading(address, period) for layout in layouts.get(binding.source.id, []))
            reading = next((r for r in readings if r is not None), None)
            if reading is not None:
                found.append((tag.path, _Traced(model.floor.signals[reading.signal], reading)))
    return found


def _sessions(model: PlantModel, bindings: Sequence[Binding]) -> Iterator[tuple[StampSource, Probes]]:
    """Yield a session of our own for each that the plant has."""
    layouts = layouts_of(model)
    for binding in bindings:
        if isinstance(binding.source, StampSource):
            there = [one for one in layouts.get(binding.source.id, []) if isinstance(one, StampLayout)]
            beside = [replace(one, way=twin(one.way)) for one in there]
            if beside:
                yield binding.source, Probes(model.floor, binding, beside)


def _scalar(value: Value) -> Scalar:
    return value
