"""A vehicle's body: where it is, what makes it stand still, what that costs in time and energy.

Cruising speed with constant acceleration; an edge is driven to the braking point, where it is
decided whether the next one may be entered at full speed. Anything may put a hold on the
vehicle: it brakes, stands until the last hold is gone, waits `restart` and drives on.

Assumed, and why plausible: 1.2 m/s and 0.5 m/s² as for carriers in mixed traffic (ISO 3691-4
allows 1.2 m/s where people may be closer than 0.5 m); 0.8 kW driving and 0.09 kW standing for
600 kg; a 2.4 kW.h battery (48 V, 50 A.h) on a 1C contact charger; automatic restart 2 s after
the way is clear; a person in the way every 20 minutes of driving for 4-25 s; localisation
lost every 4 hours of driving, when an attendant walks there and sets the vehicle right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from simpy import Event

from plant.packml import Command, PackState
from simulators.kernel.crew import Crew
from simulators.kernel.draws import Draw, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.machine import RUNNING, ActingTimes, Cause, Machine, PowerDraw
from simulators.scenes.agv.hall import Place

ZONE = Cause(10, "zone-release")
NO_TRANSPORT = Cause(11, "no-transport")
CHARGING = Cause(12, "charging")
NO_HEARTBEAT = Cause(70, "no-heartbeat")
OBSTACLE = Cause(30, "obstacle")
LOST = Cause(31, "localisation-lost")
PAUSED = Cause(32, "paused")

_S = PackState
_BACK = {_S.SUSPENDED: Command.UNSUSPEND, _S.HELD: Command.UNHOLD}
_FORTH = {_S.SUSPENDED: Command.SUSPEND, _S.HELD: Command.HOLD, _S.COMPLETE: Command.COMPLETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a vehicle can do. m/s, m/s², kW, kW.h, s; draws of troubles count seconds of driving."""

    speed: float = 1.2
    acceleration: float = 0.5
    power: PowerDraw = PowerDraw(off=0.02, standby=0.09, execute=0.8)
    capacity: float = 2.4
    charger: float = 2.4
    restart: float = 2.0
    obstacle: Draw = Exponential(1200)
    in_the_way: Draw = Triangular(4, 8, 25)
    lost: Draw = Exponential(14_400)
    relocalise: Draw = LogNormal(60, 0.4)


class Drive:
    """One vehicle's drive. Signals: those of a `Machine`, and `<name>.told` set after each of its changes."""

    def __init__(self, floor: Floor, name: str, body: Body, place: Place, attendants: Crew) -> None:
        self.floor = floor
        self.name = name
        self.body = body
        self.machine = Machine(floor, name, body.power, ActingTimes(default=0.0, by_state={}))
        self.heading = 0.0
        self.charging = False
        self.told = floor.signals.add(f"{name}.told", 0)
        self._place = place
        self._goal = place
        self._began = self._lasts = 0.0
        self._moving = self._rolling = False
        self._holds: list[Cause] = []
        self._changed = floor.env.event()
        self._attendants = attendants
        self._rng = floor.rng(name, "drive")
        self._obstacle = body.obstacle.draw(self._rng)
        self._loss = body.lost.draw(self._rng)
        self._charge = body.capacity * float(self._rng.uniform(0.55, 0.95))
        self._counted = 0.0
        self._at = floor.seconds()

    @property
    def moving(self) -> bool:
        """Whether the wheels turn."""
        return self._moving

    def where(self) -> Place:
        """Return the position now."""
        if not self._moving:
            return self._place
        share = min(1.0, (self.floor.seconds() - self._began) / self._lasts)
        (x1, y1), (x2, y2) = self._place, self._goal
        return (x1 + share * (x2 - x1), y1 + share * (y2 - y1))

    def battery(self) -> float:
        """Return the charge in percent, after reading the meter."""
        self.machine.measure()
        now = self.floor.seconds()
        self._charge -= self.machine.energy - self._counted
        if self.charging:
            self._charge += self.body.charger * (now - self._at) / 3600
        self._charge = min(self.body.capacity, max(0.0, self._charge))
        self._counted, self._at = self.machine.energy, now
        return 100 * self._charge / self.body.capacity

    def hold(self, cause: Cause) -> None:
        """Make the vehicle stand until `release`."""
        if cause not in self._holds:
            self._holds.append(cause)
            self._disturb()

    def release(self, cause: Cause) -> None:
        """Take back a hold."""
        if cause in self._holds:
            self._holds.remove(cause)
            self._disturb()

    def break_down(self, cause: Cause, work: float) -> None:
        """Stand from now on, until an attendant has come and worked on it for so many seconds."""
        self._trouble(cause, self.floor.env.process(self._attendants.attend(self.name, cause.id, work)))

    def held_by(self, cause: Cause) -> bool:
        """Tell whether `cause` makes the vehicle stand."""
        return cause in self._holds

    def show(self, state: PackState, cause: Cause = RUNNING) -> Steps:
        """Bring the unit to EXECUTE, SUSPENDED, HELD or COMPLETE, along PackML's transitions."""
        machine = self.machine
        if machine.state is state and machine.cause is cause:
            return
        if machine.state in _BACK:
            yield from machine.command(_BACK[machine.state], RUNNING)
        elif machine.state is not _S.EXECUTE:
            yield from machine.start()
        if state in _FORTH:
            yield from machine.command(_FORTH[state], cause)
        self.told.set(self.told.true)

    def travel(self, goal: Place, goes_on: Callable[[], bool]) -> Steps:
        """Drive straight to `goal`; `goes_on`, asked at the braking point, tells whether to pass it at speed."""
        speed, ramp = self.body.speed, self.body.speed / (2 * self.body.acceleration)
        (x1, y1), (x2, y2) = self._place, goal
        way = math.dist(self._place, goal)
        if way == 0:
            return
        brake = min(speed * ramp, way / 2)
        self.heading = math.atan2(y2 - y1, x2 - x1)
        point = (x2 - brake / way * (x2 - x1), y2 - brake / way * (y2 - y1))
        yield from self._move(point, (way - brake) / speed + (0.0 if self._rolling else ramp))
        self._rolling = goes_on()
        yield from self._move(goal, brake / speed + (0.0 if self._rolling else ramp))

    def _move(self, goal: Place, lasts: float) -> Steps:
        left = lasts
        while left > 1e-9:
            if self._holds:
                yield from self._stand()
                left += self.body.speed / self.body.acceleration  # braking and getting up to speed again
            self._goal, self._began, self._lasts, self._moving = goal, self.floor.seconds(), left, True
            self._changed = self.floor.env.event()
            yield self._changed | self.floor.env.timeout(min(left, self._obstacle, self._loss))
            passed = self.floor.seconds() - self._began
            self._place, self._moving = self.where(), False
            left -= passed
            self._wear(passed)
        self._place = goal

    def _wear(self, passed: float) -> None:
        """Count down to the next trouble, and let it begin."""
        self._obstacle -= passed
        self._loss -= passed
        if self._obstacle <= 1e-9:
            self._obstacle = self.body.obstacle.draw(self._rng)
            self._trouble(OBSTACLE, self.floor.env.timeout(self.body.in_the_way.draw(self._rng)))
        if self._loss <= 1e-9:
            self._loss = self.body.lost.draw(self._rng)
            work = self.body.relocalise.draw(self._rng)
            self._trouble(LOST, self.floor.env.process(self._attendants.attend(self.name, LOST.id, work)))

    def _trouble(self, cause: Cause, over: Event) -> None:
        self.hold(cause)
        if over.callbacks is not None:
            over.callbacks.append(lambda _: self.release(cause))

    def _stand(self) -> Steps:
        self._rolling = False
        while self._holds:
            yield from self.show(_S.HELD, self._holds[0])
            self._changed = self.floor.env.event()
            if self._holds:
                yield self._changed
            if not self._holds:
                yield self.floor.env.timeout(self.body.restart)
        yield from self.show(_S.EXECUTE)

    def _disturb(self) -> None:
        if not self._changed.triggered:
            self._changed.succeed()
