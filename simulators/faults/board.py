"""The fault board: begins and ends faults in one model, and notes both in the truth record."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulators.faults import instruments, links, machines
from simulators.faults.kinds import FaultKind, PlannedFault
from simulators.faults.targets import check
from simulators.plantmodel import PlantModel
from simulators.truth import What

Undo = Callable[[], None]
Outage = tuple[FaultKind, str]
"""Something that cannot be reached: how it went out, and which face or source it is."""

_OUTAGES = (FaultKind.FACE_OUTAGE, FaultKind.BROKER_OUTAGE)
_BEGIN: dict[FaultKind, Callable[[PlantModel, PlannedFault], Undo]] = {
    FaultKind.SENSOR_DRIFT: instruments.distort,
    FaultKind.SENSOR_OFFSET: instruments.distort,
    FaultKind.SENSOR_STUCK: instruments.distort,
    FaultKind.SENSOR_SPIKE: instruments.distort,
    FaultKind.COUNTER_RESET: instruments.distort,
    FaultKind.MISWIRED_REGISTER: instruments.swap,
    FaultKind.WRONG_IDEAL_CYCLE: instruments.misstate,
    FaultKind.WEAR: machines.wear,
    FaultKind.LEAK: machines.leak,
    FaultKind.JAM: machines.jam,
    FaultKind.CLOCK_JUMP: machines.misdate,
    FaultKind.DEAD_DEVICE: machines.kill,
    FaultKind.LINK_LOSS: links.disturb,
    FaultKind.JAMMING: links.disturb,
    FaultKind.ROAMING_STORM: links.disturb,
}


class FaultBoard:
    """Begins and ends faults in one model."""

    def __init__(self, model: PlantModel) -> None:
        self._model = model
        self._active: dict[int, tuple[PlannedFault, Undo]] = {}
        self._waiting: dict[int, PlannedFault] = {}
        self._last = 0

    @property
    def active(self) -> dict[int, PlannedFault]:
        """The faults in effect, by number."""
        return {number: fault for number, (fault, _) in self._active.items()}

    @property
    def waiting(self) -> dict[int, PlannedFault]:
        """The faults that are still to begin, by number."""
        return dict(self._waiting)

    @property
    def outages(self) -> frozenset[Outage]:
        """The faces and brokers that are out at present."""
        return frozenset((f.kind, f.target) for f, _ in self._active.values() if f.kind in _OUTAGES)

    def schedule(self, faults: Iterable[PlannedFault]) -> list[int]:
        """Arrange for faults; returns their numbers. Raises RefusedFault before any is arranged."""
        chosen = list(faults)
        for fault in chosen:
            check(self._model, fault)
        return [self._arrange(fault) for fault in chosen]

    def inject(self, fault: PlannedFault) -> int:
        """Arrange for one fault and return its number. Raises RefusedFault."""
        return self.schedule([fault])[0]

    def clear(self, number: int) -> None:
        """End a fault, or call it off before it began; one that is over already is left alone."""
        self._waiting.pop(number, None)
        if number in self._active:
            fault, undo = self._active.pop(number)
            undo()
            self._note(fault, "end")

    def _arrange(self, fault: PlannedFault) -> int:
        self._last += 1
        number, floor = self._last, self._model.floor
        self._waiting[number] = fault

        def begin() -> None:
            if self._waiting.pop(number, None) is None:
                return
            self._note(fault, "begin")
            self._active[number] = (fault, self._begin(fault))
            if fault.lasts is not None:
                floor.at(floor.seconds() + fault.lasts, lambda: self.clear(number))

        if fault.at is None:
            begin()
        else:
            floor.at(fault.at, begin)
        return number

    def _begin(self, fault: PlannedFault) -> Undo:
        model = self._model
        if fault.kind is FaultKind.FACE_OUTAGE:
            return links.cut_off(model, [model.faces[fault.target]])
        if fault.kind is FaultKind.BROKER_OUTAGE:
            return links.cut_off(model, [model.faces[face] for face in model.brokers[fault.target]])
        return _BEGIN[fault.kind](model, fault)

    def _note(self, fault: PlannedFault, edge: str) -> None:
        area = {} if fault.area is None else {"area": str(fault.area)}
        self._model.floor.record(
            What.FAULT, fault.target, kind=str(fault.kind), edge=edge, size=fault.amount, other=fault.with_, **area
        )
