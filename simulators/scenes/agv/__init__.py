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
radio · `echo`: what a vehicle measures of it · `manager`: transports and zones · `fleet`: all of
them together. Assumptions stand in each.
"""

from __future__ import annotations

from simulators.faces.layout import Message, MqttLayout, Vda5050Layout
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.agv.fleet import assemble


def build(setting: Setting) -> PlantModel:
    """Build hall, fleet and manager; for the parameters see `fleet.assemble`."""
    fleet = assemble(setting)
    names = fleet.post.vehicles
    return PlantModel(
        floor=setting.floor,
        faces={"fleet": Vda5050Layout("fleet", names, fleet.post), "units": _units(names)},
        machines=tuple(vehicle.drive.machine for vehicle in fleet.vehicles),
        stoppable={vehicle.name: vehicle.drive.break_down for vehicle in fleet.vehicles},
    )


def _units(names: tuple[str, ...]) -> MqttLayout:
    """Return what VDA 5050 has no field for: each vehicle's PackML unit, meter, count of transports, and its link."""
    fields = {"state": "state", "reason": "cause", "power": "power", "energy": "energy", "transports": "transports"}
    fields["missed"] = "missed"  # heartbeats that did not come in time
    units = tuple(
        Message(
            topic=f"fleet/{name}/unit",
            on=f"{name}.told",
            fields={key: f"{name}.{signal}" for key, signal in fields.items()},
        )
        for name in names
    )
    links = tuple(
        Message(
            topic=f"fleet/{name}/link",
            on=f"{name}.rtt",
            dated=f"{name}.rtt",
            fields={key: f"{name}.{key}" for key in ("rtt", "lost", "signal")},
        )
        for name in names
    )
    return MqttLayout("units", units + links)
