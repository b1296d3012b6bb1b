"""Instruments on a machine: analog values that follow what it does, read at every scan."""

from __future__ import annotations

import math
from typing import Protocol

from plant.packml import PackState
from simulators.kernel.floor import Floor
from simulators.kernel.machine import Machine


class Instrument(Protocol):
    """Something that reads a physical quantity when asked."""

    def read(self, machine: Machine, elapsed: float) -> None:
        """Set its signal to the quantity now, `elapsed` seconds after the last reading."""


class Gauge:
    """Follows the state at once: `busy` (times wear) while executing, else `idle`; `noise` is a deviation."""

    def __init__(
        self, floor: Floor, name: str, *, idle: float, busy: float, noise: float = 0.0, digits: int = 2
    ) -> None:
        self._signal = floor.signals.add(name, idle, digits=digits)
        self._rng = floor.rng(name)
        self._idle, self._busy, self._noise = idle, busy, noise

    def read(self, machine: Machine, elapsed: float) -> None:  # noqa: ARG002 - follows at once
        mean = self._busy * machine.wear if machine.state is PackState.EXECUTE else self._idle
        self._signal.set(mean + self._noise * float(self._rng.standard_normal()))


class Thermometer:
    """Creeps towards `idle` or `busy` degrees with time constant `lag` in seconds."""

    def __init__(
        self, floor: Floor, name: str, *, idle: float, busy: float, lag: float, noise: float = 0.1, digits: int = 1
    ) -> None:
        self._signal = floor.signals.add(name, idle, digits=digits)
        self._rng = floor.rng(name)
        self._idle, self._busy, self._lag, self._noise = idle, busy, lag, noise
        self._warmth = idle

    def read(self, machine: Machine, elapsed: float) -> None:
        rise = (self._busy - self._idle) * machine.wear
        target = self._idle + rise if machine.state is PackState.EXECUTE else self._idle
        self._warmth += (target - self._warmth) * -math.expm1(-elapsed / self._lag)
        self._signal.set(self._warmth + self._noise * float(self._rng.standard_normal()))


def scan(floor: Floor, machine: Machine, instruments: tuple[Instrument, ...] = (), *, period: float = 1.0) -> None:
    """Read a machine's meter and instruments every `period` seconds, as a PLC does."""

    def read() -> None:
        machine.measure()
        for instrument in instruments:
            instrument.read(machine, period)

    floor.every(period, read)
