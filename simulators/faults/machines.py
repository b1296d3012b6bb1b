"""Faults of machines and of the devices that speak for them."""

from __future__ import annotations

from collections.abc import Callable

from plant.clock import SECOND
from simulators.faults.kinds import PlannedFault
from simulators.kernel.draws import Constant
from simulators.kernel.machine import Cause
from simulators.kernel.station import Failure
from simulators.plantmodel import PlantModel

Undo = Callable[[], None]
JAMMED = Cause(60, "jam")


def wear(model: PlantModel, fault: PlannedFault) -> Undo:
    """Let power rise, and defects faster: a die at 1.2 times its force has lost its edge."""
    station, machine, factor = model.stations.get(fault.target), model.units[fault.target], fault.amount

    def alter(by: float) -> None:
        machine.wear *= by
        if station is not None:
            station.defect_factor *= by**6

    alter(factor)
    return lambda: alter(1 / factor)


def leak(model: PlantModel, fault: PlannedFault) -> Undo:
    """Let power be lost in every state."""
    machine = model.units[fault.target]
    machine.leak += fault.amount

    def undo() -> None:
        machine.leak -= fault.amount

    return undo


def jam(model: PlantModel, fault: PlannedFault) -> Undo:
    """Make a machine stand until somebody has worked on it; there is nothing to undo."""
    station = model.stations.get(fault.target)
    if station is not None:
        station.jam(Failure(cause=JAMMED, every=Constant(0), lasts=Constant(fault.amount)))
    else:
        model.stoppable[fault.target](JAMMED, fault.amount)
    return lambda: None


def misdate(model: PlantModel, fault: PlannedFault) -> Undo:
    """Put a device's clock forward, or back."""
    signals, error = model.floor.signals, round(fault.amount * SECOND)
    signals.adjust(fault.target, error)
    return lambda: signals.adjust(fault.target, -error)


def kill(model: PlantModel, fault: PlannedFault) -> Undo:
    """Let a device answer no more."""
    signals = model.floor.signals
    signals.switch(fault.target, online=False)
    return lambda: signals.switch(fault.target, online=True)
