"""What really happens on a sandbox's line, in the terms of its tags; it never leaves the sandbox's process.

The plant's own configuration says which signal of the model each tag ought to show, and how.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from configs.configuration import Binding
from configs.sources import ModbusSource
from labs.observation import Scalar, TrueFault
from plant.batch import Value
from plant.clock import SECOND
from simulators.faces.layout import Layout, Reading
from simulators.kernel.signals import Signal
from simulators.plantmodel import PlantModel
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
    values: deque[float] = field(default_factory=lambda: deque(maxlen=round(_KEPT / EVERY)))

    @property
    def now(self) -> Scalar:
        return _scalar(self.reading.convert(self.signal.true))

    def look(self) -> None:
        if isinstance(self.signal.true, int | float):
            value = self.reading.convert(self.signal.true)
            self.values.append(float(value) if isinstance(value, int | float) else float("nan"))


class TruthBook:
    """The true values of a line and the facts its model recorded; from the moment it is made."""

    def __init__(self, model: PlantModel, bindings: Sequence[Binding]) -> None:
        self._model = model
        self._tags = dict(_traced(model, bindings))
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
        wanted = max(1, round(minutes * 60 / EVERY))
        values = list(self._tags[whole].values)[-wanted:]
        return sum(values) / len(values) if values else None

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
        for traced in self._tags.values():
            traced.look()


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


def _scalar(value: Value) -> Scalar:
    return value
