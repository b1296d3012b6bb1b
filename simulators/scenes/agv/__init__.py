"""AGV: a fleet that fetches and brings loads in a hall, told by radio where it may drive.

    calls ─▶ fleet manager ══ orders: released nodes = granted zones ══▶ vehicles ─▶ transports
                 ▲        ══ heartbeat every 0.5 s ═══════════════════▶    │
                 └═══════════ states: node passed, action done ════════════┘

What the link does to the fleet, and nothing else does: a grant that comes late makes a
vehicle brake at the end of its released way; a state that comes late keeps the zones behind
a vehicle locked for the others; heartbeats that stay away for `patience` seconds stop it
wherever it is. Where a vehicle is decides which access point it is on and how weak the
signal is; a change of access point costs a gap under profiles that have one.

`hall`: the map · `drive`: a vehicle's body · `vehicle`: its orders and reports · `post`: the
radio · `manager`: transports and zones. Assumptions stand in each.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.faces.layout import Message, MqttLayout, Vda5050Layout
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Triangular
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.agv.drive import Body, Drive
from simulators.scenes.agv.hall import BAYS, PLACES, RADIO
from simulators.scenes.agv.manager import Calls, Manager
from simulators.scenes.agv.post import Post, Terminal
from simulators.scenes.agv.vehicle import BEAT, Vehicle

_SHOWN = 2.0
"""Seconds between two looks at a vehicle: position, meter."""


def build(setting: Setting) -> PlantModel:
    """Build hall, fleet and manager.

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
    fleet = [
        Vehicle(Drive(floor, name, Body(), PLACES[bay], attendants), post, bay, patience=patience)
        for name, bay in homes.items()
    ]
    for vehicle in fleet:
        post.connect(_terminal(vehicle, setting))
    if dispatch:
        Manager(floor, post, Calls(floor, pause), homes, ahead=ahead)
    floor.every(BEAT, lambda: _each(fleet, Vehicle.listen))
    floor.every(_SHOWN, lambda: _each(fleet, Vehicle.show))
    return PlantModel(
        floor=floor,
        faces={"fleet": Vda5050Layout("fleet", tuple(homes), post), "units": _units(tuple(homes))},
        machines=tuple(vehicle.drive.machine for vehicle in fleet),
    )


def _each(fleet: list[Vehicle], act: Callable[[Vehicle], None]) -> None:
    for vehicle in fleet:
        act(vehicle)


def _terminal(vehicle: Vehicle, setting: Setting) -> Terminal:
    return Terminal(
        name=vehicle.name,
        link=setting.link(vehicle.name, RADIO),
        where=vehicle.drive.where,
        receive=vehicle.receive,
        refuse=vehicle.refuse,
    )


def _units(names: tuple[str, ...]) -> MqttLayout:
    """Return what VDA 5050 has no field for: each vehicle's PackML unit, meter and count of transports."""
    fields = {"state": "state", "reason": "cause", "power": "power", "energy": "energy", "transports": "transports"}
    return MqttLayout(
        "units",
        tuple(
            Message(
                topic=f"fleet/{name}/unit",
                on=f"{name}.told",
                fields={key: f"{name}.{signal}" for key, signal in fields.items()},
            )
            for name in names
        ),
    )
