"""The survey: a robot that walks the floor plan and probes the link wherever it is.

    60 m × 40 m, lanes 5 m apart, 0.5 m/s: one round in about 20 minutes, 8-12 probes a cell and round

Each second one probe goes to the server and back. What is published is where the robot
believes to be, how long the probe took, and whether it was lost; a lost one is given the
time after which the robot stops waiting. Coverage is then arithmetic on telemetry alone:
the share of cells of `CELL` metres in which enough of the probes came back soon enough.

Assumed, and why plausible: two ceiling radios share the hall, as an indoor 5G system of
that size has; a store of steel racks in one corner costs 18 dB a wall (published losses of
metal racking are 10-25 dB); the robot knows its place to 0.2 m (lidar localisation).
"""

from __future__ import annotations

from itertools import pairwise
from math import dist

from configs.network_profile import AccessPoint, FloorPlan, Obstacle
from plant.clock import SECOND
from simulators.kernel.floor import Floor
from simulators.network import Direction, Link
from simulators.network.floor import Position
from simulators.truth import What

LENGTH, WIDTH, CELL = 60.0, 40.0, 5.0
"""The hall and its cells, in metres."""

GIVE_UP = 1.0
"""Seconds after which a probe counts as lost."""

_SPEED, _LOCALISATION, _PROBE = 0.5, 0.2, 100


def floor_plan(power: float) -> FloorPlan:
    """Return the hall with radios that are received with `power` dBm at one metre."""
    radios = [AccessPoint(id=f"radio-{i}", x=x, y=20.0, power=power) for i, x in enumerate((15.0, 45.0), 1)]
    store = (
        Obstacle(x1=47.5, y1=30.0, x2=60.0, y2=30.0, loss=18.0),
        Obstacle(x1=47.5, y1=30.0, x2=47.5, y2=40.0, loss=18.0),
    )
    return FloorPlan.model_validate({"access-points": radios, "obstacles": store})


class Survey:
    """The robot. Signals: `survey.x`, `.y`, `.rtt` (us), `.loss`, `.signal` (dBm), `.probes`, set in this order."""

    def __init__(self, floor: Floor, link: Link) -> None:
        self._floor = floor
        self._link = link
        self._path = _lanes()
        self._length = sum(dist(a, b) for a, b in pairwise(self._path))
        self._rng = floor.rng("survey")
        signals = floor.signals
        self._x = signals.add("survey.x", 0.0, digits=2)
        self._y = signals.add("survey.y", 0.0, digits=2)
        self._rtt = signals.add("survey.rtt", 0.0, digits=1)
        self._loss = signals.add("survey.loss", 0.0, digits=0)
        self._signal = signals.add("survey.signal", 0.0, digits=1)
        self._probes = signals.add("survey.probes", 0)
        floor.every(1.0, self._probe)

    def _probe(self) -> None:
        floor = self._floor
        place = self._place(floor.seconds() * _SPEED % self._length)
        rtt = self._round_trip(place)
        floor.record(What.EVENT, "survey", x=place[0], y=place[1], rtt=rtt or GIVE_UP, lost=rtt is None)
        error = self._rng.normal(0.0, _LOCALISATION, 2)
        self._x.set(min(max(place[0] + float(error[0]), 0.0), LENGTH))
        self._y.set(min(max(place[1] + float(error[1]), 0.0), WIDTH))
        self._rtt.set((rtt or GIVE_UP) * 1e6)
        self._loss.set(float(rtt is None))
        self._signal.set(self._link.signal(place))
        self._probes.set(int(self._probes.true) + 1)

    def _round_trip(self, place: Position) -> float | None:
        now = self._floor.now()
        up = self._link.delay(now, _PROBE, Direction.UP, position=place)
        if up is None:
            return None
        down = self._link.delay(now + round(up * SECOND), _PROBE, Direction.DOWN, position=place)
        return up + down if down is not None and up + down < GIVE_UP else None

    def _place(self, travelled: float) -> Position:
        for a, b in pairwise(self._path):
            leg = dist(a, b)
            if travelled <= leg:
                share = travelled / leg
                return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            travelled -= leg
        return self._path[-1]


def _lanes() -> list[Position]:
    """Return the corners of a round: up and down the lanes through every row of cells, and back to the start."""
    near, far = CELL / 2, LENGTH - CELL / 2
    corners: list[Position] = []
    for row in range(round(WIDTH / CELL)):
        y = CELL * (row + 0.5)
        corners += [(near, y), (far, y)] if row % 2 == 0 else [(far, y), (near, y)]
    return [*corners, corners[0]]
