"""A closed control loop whose controller sits across a network link.

    sample ──up──▶ controller (PI) ──down──▶ actuator ──▶ process ──▶ sample …
       t          t + up              t + up + down

Each cycle sends one sample; the controller answers each sample that reaches it with one
command. The actuator holds the last command it has. A command that comes late is used all
the same, and disturbances act meanwhile: what delay and loss cost comes out of the process.

Everything is relative to the set point: x = 1 is where the process should be.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from plant.clock import SECOND
from simulators.kernel.floor import Floor, Steps
from simulators.network import Direction
from simulators.network.route import Way
from simulators.truth import What

_SAMPLE, _COMMAND = 84, 64  # octets of UDP payload: a value with its time and sequence, signed; a command


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPlan:
    """A process and its controller.

    `setpoint` and the signals are in the loop's own unit; `tolerance` is relative. `cycle`:
    seconds between samples, and also the deadline of a command. `lag`: time constant;
    `self_regulating`: the process settles by itself (speed, temperature) or integrates (level).
    `gain`, `reset`: PI controller. `load`, `load_lag`: deviation and correlation time of the
    random load; `step`, `step_every`: size of sudden changes and mean seconds between them.
    `hold`: seconds without a command after which the actuator calls itself blind.
    """

    name: str
    setpoint: float
    tolerance: float
    cycle: float
    lag: float
    self_regulating: bool = True
    gain: float
    reset: float
    load: float
    load_lag: float
    step: float
    step_every: float
    hold: float


class ControlLoop:
    """One loop. Signals: `<name>.pv`, `.sp`, `.tolerance`, `.deadline`, `.cycles`, `.late`, `.correct`, `.round-trip`.

    A cycle is correct when its command came within the cycle and the process is in tolerance
    at the cycle's end. `on_blind` is called when no command has come for too long.
    """

    def __init__(self, floor: Floor, plan: LoopPlan, link: Way, *, on_blind: Callable[[], None]) -> None:
        self.plan = plan
        self.x = 1.0
        self.cycles = self.late = self.correct = 0
        self._floor = floor
        self._link = link
        self._on_blind = on_blind
        self._rng = floor.rng(plan.name)
        self._command = self._steady = 1.0 if plan.self_regulating else 0.0
        self._integral = self._load = self._step = 0.0
        self._coming: deque[tuple[float, float]] = deque()
        self._heard = 0.0
        self._round_trip = 0.0
        self._worst = 0.0
        self._persistence = math.exp(-plan.cycle / plan.load_lag)
        signals = floor.signals
        self._pv = signals.add(f"{plan.name}.pv", plan.setpoint, digits=4)
        signals.add(f"{plan.name}.sp", plan.setpoint)
        signals.add(f"{plan.name}.tolerance", plan.tolerance)
        signals.add(f"{plan.name}.deadline", plan.cycle)
        self._shown = tuple(signals.add(f"{plan.name}.{what}", 0) for what in ("cycles", "late", "correct"))
        self._shown_trip = signals.add(f"{plan.name}.round-trip", 0.0, digits=1)
        floor.env.process(self._run())

    def take_worst(self) -> float:
        """Return the largest relative deviation since the last call."""
        worst, self._worst = self._worst, 0.0
        return worst

    def show(self) -> None:
        """Write the present values into the signals, as the PLC's scan does."""
        self._pv.set(self.x * self.plan.setpoint)
        self._shown_trip.set(self._round_trip * 1e6)
        for signal, value in zip(self._shown, (self.cycles, self.late, self.correct), strict=True):
            signal.set(value)

    def note(self) -> None:
        """Write the counts so far into the truth record."""
        self._floor.record(
            What.EVENT, self.plan.name, cycles=self.cycles, late=self.late, correct=self.correct, deviation=self.x - 1
        )

    def _run(self) -> Steps:
        env, cycle = self._floor.env, self.plan.cycle
        while True:
            now = self.cycles * cycle
            trip = self._exchange(now)
            self._disturb()
            self._proceed(now, now + cycle)
            yield env.timeout(max(0.0, (self.cycles + 1) * cycle - env.now))
            self._close_cycle(trip)

    def _exchange(self, now: float) -> float | None:
        """Send the sample and the command it leads to; return when that arrives, after `now`."""
        up = self._link.delay(self._ns(now), _SAMPLE, Direction.UP)
        if up is None:
            return None
        error = 1.0 - self.x
        self._integral = min(max(self._integral + error * self.plan.cycle / self.plan.reset, -1.0), 1.0)
        command = self._steady + self.plan.gain * (error + self._integral)
        down = self._link.delay(self._ns(now + up), _COMMAND, Direction.DOWN)
        if down is None:
            return None
        self._round_trip = up + down
        self._coming.append((now + up + down, min(max(command, -1.0), 3.0)))
        return up + down

    def _disturb(self) -> None:
        plan, keep = self.plan, self._persistence
        self._load = keep * self._load + plan.load * math.sqrt(1 - keep * keep) * float(self._rng.standard_normal())
        if self._rng.random() < plan.cycle / plan.step_every:
            self._step = plan.step * (1.0 if self._rng.random() < 0.5 else -1.0)

    def _proceed(self, begin: float, end: float) -> None:
        """Let the process go on until `end`, under each command from the moment it arrives."""
        while self._coming and self._coming[0][0] <= end:
            arrival, command = self._coming.popleft()
            moment = max(begin, arrival)
            self._drift(moment - begin)
            begin, self._command, self._heard = moment, command, arrival
        self._drift(end - begin)

    def _drift(self, seconds: float) -> None:
        push = self._command + self._load + self._step
        if self.plan.self_regulating:
            self.x += (push - self.x) * -math.expm1(-seconds / self.plan.lag)
        else:
            self.x += push * seconds / self.plan.lag

    def _close_cycle(self, trip: float | None) -> None:
        deviation = abs(self.x - 1.0)
        self._worst = max(self._worst, deviation)
        in_time = trip is not None and trip <= self.plan.cycle
        self.cycles += 1
        self.late += not in_time
        self.correct += in_time and deviation <= self.plan.tolerance
        silent = self._floor.seconds() - self._heard
        if silent > self.plan.hold:
            self._heard = self._floor.seconds()
            self._on_blind()

    def _ns(self, seconds: float) -> int:
        return self._floor.start + round(seconds * SECOND)
