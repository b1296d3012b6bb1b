"""The fleet: vehicles, their radio, the attendants who help them, and the manager, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Triangular
from simulators.plantmodel import Setting
from simulators.scenes.agv.drive import Body, Drive
from simulators.scenes.agv.echo import Echo
from simulators.scenes.agv.hall import BAYS, PLACES, RADIO
from simulators.scenes.agv.manager import Calls, Manager
from simulators.scenes.agv.post import Post, Terminal
from simulators.scenes.agv.vehicle import BEAT, Vehicle

_SHOWN = 2.0
"""Seconds between two looks at a vehicle: position, meter."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """`manager`: None when vehicles wait for the orders of another one."""

    vehicles: tuple[Vehicle, ...]
    post: Post
    manager: Manager | None


def assemble(setting: Setting) -> Fleet:
    """Put a fleet on the floor.

    Parameters: `vehicles`; `ahead` (zones released in front of a vehicle); `patience` (s without
    heartbeat); `pause` (s from a delivery to the relation's next call); `dispatch` (0 = vehicles
    wait for the orders of another fleet manager).
    """
    floor = setting.floor
    count = int(setting.number("vehicles", 6, low=1, high=len(BAYS)))
    ahead = int(setting.number("ahead", 2, low=1, high=5))
    patience = setting.number("patience", 1.5, low=2 * BEAT, high=60)
    pause = setting.number("pause", 60.0, low=1, high=86_400)
    dispatch = setting.number("dispatch", 1, high=1) > 0
    post = Post(floor)
    attendants = Crew(floor, "attendants", CrewPlan(people=1, response=Triangular(30, 60, 180)))
    homes = {f"agv-{i + 1}": bay for i, bay in enumerate(BAYS[:count])}
    vehicles = tuple(
        Vehicle(Drive(floor, name, Body(), PLACES[bay], attendants), post, bay, patience=patience)
        for name, bay in homes.items()
    )
    for vehicle in vehicles:
        terminal = _terminal(vehicle, setting)
        post.connect(terminal)
        Echo(floor, terminal.name, terminal.link, terminal.where)
    manager = Manager(floor, post, Calls(floor, pause), homes, ahead=ahead) if dispatch else None
    floor.every(BEAT, lambda: _each(vehicles, Vehicle.listen))
    floor.every(_SHOWN, lambda: _each(vehicles, Vehicle.show))
    return Fleet(vehicles, post, manager)


def _each(vehicles: tuple[Vehicle, ...], act: Callable[[Vehicle], None]) -> None:
    for vehicle in vehicles:
        act(vehicle)


def _terminal(vehicle: Vehicle, setting: Setting) -> Terminal:
    return Terminal(
        name=vehicle.name,
        link=setting.link(vehicle.name, RADIO),
        where=vehicle.drive.where,
        receive=vehicle.receive,
        refuse=vehicle.refuse,
    )
