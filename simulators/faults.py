"""Faults put into a running model on purpose, each written into the truth record.

A fault names its kind, its target (a signal, a station, or a face) and, where it matters,
a size. It begins at a model time and lasts a while, or until it is cleared. What a trainee
sees is only its effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from plant.batch import Value
from plant.clock import SECOND
from plant.errors import ProvenlineError
from simulators.kernel.draws import Constant
from simulators.kernel.machine import Cause
from simulators.kernel.signals import Signal
from simulators.kernel.station import Failure, Station
from simulators.plantmodel import PlantModel
from simulators.truth import What


class FaultKind(StrEnum):
    """What can be broken, and what the target and the size mean."""

    SENSOR_DRIFT = "sensor-drift"
    """Signal; units an hour."""
    SENSOR_OFFSET = "sensor-offset"
    """Signal; units."""
    SENSOR_STUCK = "sensor-stuck"
    """Signal shows the value it had."""
    SENSOR_SPIKE = "sensor-spike"
    """Signal; units added to every tenth value."""
    WRONG_IDEAL_CYCLE = "wrong-ideal-cycle"
    """Station reports an ideal cycle that is `size` times the right one."""
    COUNTER_RESET = "counter-reset"
    """Signal counts from zero again; stays so."""
    MISWIRED_REGISTER = "mis-wired-register"
    """Signal shows another one of its device, `with`."""
    WEAR = "wear"
    """Station; power, force and heat are `size` times the normal, defects more than that."""
    LEAK = "leak"
    """Station; kW lost in every state."""
    JAM = "jam"
    """Station stops now; someone has to work `size` seconds on it."""
    CLOCK_JUMP = "clock-jump"
    """Station's clock; seconds ahead (negative: behind)."""
    DEAD_DEVICE = "dead-device"
    """Station answers no more."""
    FACE_OUTAGE = "face-outage"
    """Face (server, broker, link) cannot be reached."""


class UnknownTarget(ProvenlineError):
    """A fault names something the model does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One fault. `at`: model seconds, None = now; `lasts`: seconds, None = until cleared."""

    kind: FaultKind
    target: str
    size: float = 0.0
    with_: str = ""
    at: float | None = None
    lasts: float | None = None


Undo = Callable[[], None]
JAMMED = Cause(60, "jam")


class FaultBoard:
    """Begins and ends faults in one model. `unreachable`: the faces that are out at present."""

    def __init__(self, model: PlantModel) -> None:
        self.unreachable: set[str] = set()
        self._model = model
        self._active: dict[int, tuple[PlannedFault, Undo]] = {}
        self._waiting: set[int] = set()
        self._last = 0

    @property
    def active(self) -> dict[int, PlannedFault]:
        """The faults in effect, by number."""
        return {number: fault for number, (fault, _) in self._active.items()}

    def schedule(self, faults: Iterable[PlannedFault]) -> list[int]:
        """Arrange for faults; returns their numbers. Raises UnknownTarget before any is arranged."""
        chosen = list(faults)
        for fault in chosen:
            self._check(fault)
        return [self._arrange(fault) for fault in chosen]

    def inject(self, fault: PlannedFault) -> int:
        """Arrange for one fault and return its number. Raises UnknownTarget."""
        return self.schedule([fault])[0]

    def clear(self, number: int) -> None:
        """End a fault, or call it off before it began; one that is over already is left alone."""
        self._waiting.discard(number)
        if number in self._active:
            fault, undo = self._active.pop(number)
            undo()
            self._note(fault, "end")

    def _arrange(self, fault: PlannedFault) -> int:
        self._last += 1
        number, floor = self._last, self._model.floor
        self._waiting.add(number)

        def begin() -> None:
            if number not in self._waiting:
                return
            self._waiting.discard(number)
            self._note(fault, "begin")
            self._active[number] = (fault, self._begin(fault))
            if fault.lasts is not None:
                floor.at(floor.seconds() + fault.lasts, lambda: self.clear(number))

        if fault.at is None:
            begin()
        else:
            floor.at(fault.at, begin)
        return number

    def _note(self, fault: PlannedFault, edge: str) -> None:
        self._model.floor.record(
            What.FAULT, fault.target, kind=str(fault.kind), edge=edge, size=fault.size, other=fault.with_
        )

    def _check(self, fault: PlannedFault) -> None:
        known: Iterable[str] = self._model.stations
        if fault.kind in _ON_SIGNAL:
            known = [s.name for s in self._model.floor.signals]
        elif fault.kind is FaultKind.FACE_OUTAGE:
            known = self._model.faces
        for name in (fault.target, fault.with_) if fault.kind is FaultKind.MISWIRED_REGISTER else (fault.target,):
            if name not in known:
                raise UnknownTarget(f"{fault.kind}: no {name!r}; there are {', '.join(sorted(known))}")

    def _begin(self, fault: PlannedFault) -> Undo:
        if fault.kind is FaultKind.FACE_OUTAGE:
            return self._outage(fault.target)
        if fault.kind in _ON_SIGNAL:
            signals = self._model.floor.signals
            # A mis-wired register reads another signal; every other kind alters its own.
            source = fault.with_ if fault.kind is FaultKind.MISWIRED_REGISTER else fault.target
            return signals[fault.target].distort(_ON_SIGNAL[fault.kind](signals[source], fault))
        return _ON_STATION[fault.kind](self._model.stations[fault.target], fault)

    def _outage(self, face: str) -> Undo:
        """Cut a face off; to a perfect collector, everything behind it falls silent."""
        signals = self._model.floor.signals
        behind = {name.partition(".")[0] for name in self._model.faces[face].signals}
        self.unreachable.add(face)
        for device in behind:
            signals.switch(device, online=False)

        def undo() -> None:
            self.unreachable.discard(face)
            for device in behind:
                signals.switch(device, online=True)

        return undo


# ----------------------------------------------------------------- faults of instruments
Distort = Callable[[Value, float], Value]


def _number(value: Value) -> float:
    return 0.0 if isinstance(value, str) else float(value)


def _like(value: Value, number: float) -> Value:
    return round(number) if isinstance(value, int) else number


def _drift(signal: Signal, fault: PlannedFault) -> Distort:
    begun = signal.seconds
    return lambda value, t: _like(value, _number(value) + fault.size * (t - begun) / 3600.0)


def _offset(_: Signal, fault: PlannedFault) -> Distort:
    return lambda value, _t: _like(value, _number(value) + fault.size)


def _stuck(signal: Signal, _: PlannedFault) -> Distort:
    frozen = signal.value
    return lambda _value, _t: frozen


def _spike(_: Signal, fault: PlannedFault) -> Distort:
    shown = 0

    def distort(value: Value, _t: float) -> Value:
        nonlocal shown
        shown += 1
        return _like(value, _number(value) + (fault.size if shown % 10 == 0 else 0.0))

    return distort


def _reset(signal: Signal, _: PlannedFault) -> Distort:
    lost = _number(signal.true)
    return lambda value, _t: _like(value, _number(value) - lost)


def _other(signal: Signal, _: PlannedFault) -> Distort:
    return lambda _value, _t: signal.value


_ON_SIGNAL: dict[FaultKind, Callable[[Signal, PlannedFault], Distort]] = {
    FaultKind.SENSOR_DRIFT: _drift,
    FaultKind.SENSOR_OFFSET: _offset,
    FaultKind.SENSOR_STUCK: _stuck,
    FaultKind.SENSOR_SPIKE: _spike,
    FaultKind.COUNTER_RESET: _reset,
    FaultKind.MISWIRED_REGISTER: _other,
}


# -------------------------------------------------------------------- faults of machines
def _wear(station: Station, fault: PlannedFault) -> Undo:
    # Defects grow faster than forces do: a die at 1.2 times its force has lost its edge.
    station.machine.wear *= fault.size
    station.defect_factor *= fault.size**6

    def undo() -> None:
        station.machine.wear /= fault.size
        station.defect_factor /= fault.size**6

    return undo


def _leak(station: Station, fault: PlannedFault) -> Undo:
    station.machine.leak += fault.size

    def undo() -> None:
        station.machine.leak -= fault.size

    return undo


def _jam(station: Station, fault: PlannedFault) -> Undo:
    station.jam(Failure(cause=JAMMED, every=Constant(0), lasts=Constant(fault.size)))
    return lambda: None


def _clock(station: Station, fault: PlannedFault) -> Undo:
    signals, error = station.floor.signals, round(fault.size * SECOND)
    signals.adjust(station.name, error)
    return lambda: signals.adjust(station.name, 0)


def _dead(station: Station, _: PlannedFault) -> Undo:
    signals = station.floor.signals
    signals.switch(station.name, online=False)
    return lambda: signals.switch(station.name, online=True)


def _ideal(station: Station, fault: PlannedFault) -> Undo:
    return station.floor.signals[f"{station.name}.ideal"].distort(lambda value, _t: _number(value) * fault.size)


_ON_STATION: dict[FaultKind, Callable[[Station, PlannedFault], Undo]] = {
    FaultKind.WEAR: _wear,
    FaultKind.LEAK: _leak,
    FaultKind.JAM: _jam,
    FaultKind.CLOCK_JUMP: _clock,
    FaultKind.DEAD_DEVICE: _dead,
    FaultKind.WRONG_IDEAL_CYCLE: _ideal,
}
