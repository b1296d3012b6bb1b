"""Faults of a station's link, and of what stands between a device and its collectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from plant.clock import SECOND
from simulators.faces.layout import Layout, Vda5050Layout
from simulators.faults.kinds import FaultKind, PlannedFault
from simulators.faults.targets import chosen_links
from simulators.kernel.draws import branch
from simulators.network.interference import Cut, Interference, Jamming, Storm, Until
from simulators.plantmodel import PlantModel

Undo = Callable[[], None]


def disturb(model: PlantModel, fault: PlannedFault) -> Undo:
    """Put the fault's interference on each of the links it is meant for."""
    floor = model.floor
    until = Until(None if fault.lasts is None else floor.now() + round(fault.lasts * SECOND))
    return _all(model.links[name].disturb(_made(model, fault, name, until)) for name in chosen_links(model, fault))


def _made(model: PlantModel, fault: PlannedFault, name: str, until: Until) -> Interference:
    if fault.kind is FaultKind.LINK_LOSS:
        return Cut(until)
    if fault.kind is FaultKind.JAMMING:
        return Jamming(fault.amount, until, fault.area)
    seed = int(branch(model.floor.seed, "storm", name).integers(2**31))
    return Storm(fault.amount, until, seed=seed)


def cut_off(model: PlantModel, layouts: Iterable[Layout]) -> Undo:
    """Let nobody hear what some faces show.

    Vehicles say everything by VDA 5050 and hear their orders there, so they count as switched off.
    """
    signals = model.floor.signals
    undone: list[Undo] = []
    for layout in layouts:
        if isinstance(layout, Vda5050Layout):
            for vehicle in layout.vehicles:
                signals.switch(vehicle, online=False)
                undone.append(lambda vehicle=vehicle: signals.switch(vehicle, online=True))  # type: ignore[misc]
        else:
            undone += [signals[name].silence() for name in dict.fromkeys(layout.signals)]
    return _all(undone)


def _all(undone: Iterable[Undo]) -> Undo:
    each = tuple(undone)

    def undo() -> None:
        for one in each:
            one()

    return undo
