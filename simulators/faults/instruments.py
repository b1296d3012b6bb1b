"""Faults of what is shown: instruments, counters, and addresses that show another signal."""

from __future__ import annotations

from collections.abc import Callable

from plant.batch import Value
from simulators.faults.kinds import FaultKind, PlannedFault
from simulators.kernel.signals import Signal
from simulators.plantmodel import PlantModel

Undo = Callable[[], None]
Distort = Callable[[Value, float], Value]


def _number(value: Value) -> float:
    return 0.0 if isinstance(value, str) else float(value)


def _like(value: Value, number: float) -> Value:
    return round(number) if isinstance(value, int) else number


def _drift(signal: Signal, fault: PlannedFault) -> Distort:
    begun = signal.seconds
    return lambda value, t: _like(value, _number(value) + fault.amount * (t - begun) / 3600.0)


def _offset(_: Signal, fault: PlannedFault) -> Distort:
    return lambda value, _t: _like(value, _number(value) + fault.amount)


def _stuck(signal: Signal, _: PlannedFault) -> Distort:
    frozen = signal.value
    return lambda _value, _t: frozen


def _spike(_: Signal, fault: PlannedFault) -> Distort:
    shown = 0

    def distort(value: Value, _t: float) -> Value:
        nonlocal shown
        shown += 1
        return _like(value, _number(value) + (fault.amount if shown % 10 == 0 else 0.0))

    return distort


def _reset(signal: Signal, _: PlannedFault) -> Distort:
    lost = _number(signal.true)
    return lambda value, _t: _like(value, _number(value) - lost)


_DISTORTIONS: dict[FaultKind, Callable[[Signal, PlannedFault], Distort]] = {
    FaultKind.SENSOR_DRIFT: _drift,
    FaultKind.SENSOR_OFFSET: _offset,
    FaultKind.SENSOR_STUCK: _stuck,
    FaultKind.SENSOR_SPIKE: _spike,
    FaultKind.COUNTER_RESET: _reset,
}


def distort(model: PlantModel, fault: PlannedFault) -> Undo:
    """Let the fault's signal show something else than the truth."""
    signal = model.floor.signals[fault.target]
    return signal.distort(_DISTORTIONS[fault.kind](signal, fault))


def swap(model: PlantModel, fault: PlannedFault) -> Undo:
    """Let two addresses show each other's signal, as with two wires mixed up."""
    one, other = model.floor.signals[fault.target], model.floor.signals[fault.with_]

    def follow(shown: Signal) -> None:
        if shown.occurred:  # and not when it only follows in its turn
            (other if shown is one else one).show()

    # What the other would show by itself; its own distortion would lead back here.
    straight = one.distort(lambda _value, _t: other.true), other.distort(lambda _value, _t: one.true)
    for signal in (one, other):
        signal.watch(follow)

    def undo() -> None:
        for signal, put_right in zip((one, other), straight, strict=True):
            signal.unwatch(follow)
            put_right()

    return undo


def misstate(model: PlantModel, fault: PlannedFault) -> Undo:
    """Let a station report an ideal cycle that is not its own."""
    ideal = model.floor.signals[f"{fault.target}.ideal"]
    return ideal.distort(lambda value, _t: _number(value) * fault.amount)
