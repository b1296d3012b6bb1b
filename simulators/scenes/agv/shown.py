"""What a vehicle shows: the signals behind its VDA 5050 state, and those that say a message was composed."""

from __future__ import annotations

from simulators.kernel.floor import Floor
from simulators.scenes.agv.drive import Drive
from simulators.scenes.agv.hall import PLACES

MAP = "hall"


class Shown:
    """The signals of one vehicle at `home`; see `vehicle.Vehicle` for their names."""

    def __init__(self, floor: Floor, name: str, home: str) -> None:
        add = floor.signals.add
        x, y = PLACES[home]
        self.x = add(f"{name}.position-x", x, digits=3)
        self.y = add(f"{name}.position-y", y, digits=3)
        self.theta = add(f"{name}.theta", 0.0, digits=4)
        self.battery = add(f"{name}.battery", 0.0, digits=1)
        self.charging = add(f"{name}.charging", False)
        self.driving = add(f"{name}.driving", False)
        self.paused = add(f"{name}.paused", False)
        self.errors = add(f"{name}.errors", 0)
        self.level = add(f"{name}.error-level", 0)
        self.order = add(f"{name}.order", "")
        self.last_node = add(f"{name}.last-node", home)
        self.loads = add(f"{name}.loads", "")
        self.transports = add(f"{name}.transports", 0)
        self.missed = add(f"{name}.missed", 0)
        self.connection = add(f"{name}.connection", 1)
        for field, value in (("map", MAP), ("operating-mode", "AUTOMATIC"), ("emergency-stop", "NONE")):
            add(f"{name}.{field}", value)
        self.seen = add(f"{name}.seen", 0)
        self.report = add(f"{name}.report", 0)

    def connect(self) -> None:
        """Say that the vehicle is online."""
        self.connection.set(1)

    def locate(self, drive: Drive) -> None:
        """Measure position and heading."""
        x, y = drive.where()
        self.x.set(x)
        self.y.set(y)
        self.theta.set(drive.heading)

    def reported(self) -> None:
        """Say that a state has been composed."""
        self.seen.set(0)
        self.report.set(0)
