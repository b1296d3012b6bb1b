"""What stands around the workshop's machines: line meters, compressor, chiller, climate sensors.

Their readings follow the machines: a line meter sums its four, the compressor's load
follows how many machines cut, the chiller carries their heat away, the hall warms with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulators.kernel.floor import Floor
from simulators.kernel.machine import Machine

LINES = ("a", "b", "c", "d")
MACHINES = ("turn", "mill", "wash", "gauge")
CLIMATE = ("climate-north", "climate-south")
_PERIOD = 5.0
_COMPRESSOR, _CHILLER = 15.0, 11.0  # kW at full load


class Utilities:
    """The plant's own devices. Signals: `meter-<line>.power`, `.energy`; `compressor.*`, `chiller.*`, `climate-*.*`."""

    def __init__(self, floor: Floor, machines: Sequence[Machine]) -> None:
        self._signals = floor.signals
        self._machines = {line: [m for m in machines if m.name.endswith(f"-{line}")] for line in LINES}
        self._rng = floor.rng("utilities")
        self._energy = {"compressor": 0.0, "chiller": 0.0}
        self._coolant = 18.0
        for line in LINES:
            self._signals.add(f"meter-{line}.power", 0.0, digits=2)
            self._signals.add(f"meter-{line}.energy", 0.0, digits=3)
        for device, extra, initial in (("compressor", "pressure", 7.0), ("chiller", "temperature", 18.0)):
            self._signals.add(f"{device}.{extra}", initial, digits=2)
            self._signals.add(f"{device}.power", 0.0, digits=2)
            self._signals.add(f"{device}.energy", 0.0, digits=3)
        for sensor in CLIMATE:
            self._signals.add(f"{sensor}.temperature", 22.0, digits=1)
            self._signals.add(f"{sensor}.humidity", 45.0, digits=1)

    def read(self) -> None:
        """Read every device once."""
        for line, machines in self._machines.items():
            powers = [float(self._signals[f"{m.name}.power"].true) for m in machines]
            self._signals[f"meter-{line}.power"].set(sum(powers))
            self._signals[f"meter-{line}.energy"].set(sum(m.energy for m in machines))
        everyone = [m for machines in self._machines.values() for m in machines]
        load = sum(m.producing for m in everyone) / len(everyone)
        noise = self._rng.standard_normal(6)
        self._run("compressor", _COMPRESSOR * (0.35 + 0.65 * load))
        self._signals["compressor.pressure"].set(7.4 - 0.8 * load + 0.05 * float(noise[0]))
        self._run("chiller", _CHILLER * (0.2 + 0.8 * load))
        self._coolant += (17.0 + 4.0 * load - self._coolant) * _PERIOD / 600
        self._signals["chiller.temperature"].set(self._coolant + 0.05 * float(noise[1]))
        for i, sensor in enumerate(CLIMATE):
            self._signals[f"{sensor}.temperature"].set(21.0 + 3.5 * load + i + 0.1 * float(noise[2 + i]))
            self._signals[f"{sensor}.humidity"].set(48.0 - 6.0 * load + 0.5 * float(noise[4 + i]))

    def _run(self, device: str, power: float) -> None:
        self._energy[device] += power * _PERIOD / 3600
        self._signals[f"{device}.power"].set(power)
        self._signals[f"{device}.energy"].set(self._energy[device])
