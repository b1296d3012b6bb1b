"""A conveyor: carries several parts at once, stands still as a whole, and holds what fits on it.

Parts travel in belt time, which passes only while the belt rolls: a part that entered at
belt time b leaves at b + transit, however long the belt stood in between.
"""

from __future__ import annotations

import simpy

from plant.packml import PackState
from simulators.kernel.crew import Crew
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.parts import Buffer, Part
from simulators.kernel.station import Door, Station, StationPlan


class Conveyor(Station):
    """A belt of `transit` seconds at `speed` m/s. Further signals: `.speed`, `.running`."""

    def __init__(
        self,
        floor: Floor,
        name: str,
        plan: StationPlan,
        *,
        transit: float,
        speed: float,
        inlet: Buffer,
        outlet: Buffer,
        crew: Crew,
    ) -> None:
        self.transit = transit
        self._nominal = speed
        self._belt = 0.0
        self._rolling: float | None = None
        inlet.stamp = self.belt
        super().__init__(floor, name, plan, inlet=inlet, outlet=outlet, crew=crew)
        self._shown_speed = floor.signals.add(f"{name}.speed", 0.0, digits=3)
        self._shown_running = floor.signals.add(f"{name}.running", initial=False)
        floor.signals[f"{name}.state"].watch(lambda _: self._show_motion())

    def belt(self) -> float:
        """Return belt time in seconds."""
        return self._belt + (0.0 if self._rolling is None else self.floor.seconds() - self._rolling)

    def _content(self, part: Part) -> float:
        return max(0.0, part.entered + self.transit - self.belt())

    def _listen(self, event: simpy.Event, door: Door) -> Steps:
        if door is Door.WORKING:
            self._rolling = self.floor.seconds()
        yield from super()._listen(event, door)
        self._belt, self._rolling = self.belt(), None

    def _show_motion(self) -> None:
        rolls = self.machine.state is PackState.EXECUTE
        if rolls is not self._shown_running.true:
            self._shown_running.set(rolls)
            self._shown_speed.set(self._nominal if rolls else 0.0)
