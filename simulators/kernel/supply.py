"""Where parts come from and where they go: material is brought in lots, good parts are taken away."""

from __future__ import annotations

from simulators.kernel.crew import Crew
from simulators.kernel.draws import Draw
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.parts import Buffer, JobPlan


class Supply:
    """Fills `outlet` lot by lot; each new lot is called from the crew and takes `handling` seconds of one."""

    def __init__(self, floor: Floor, jobs: JobPlan, *, outlet: Buffer, lot: int, handling: Draw, crew: Crew) -> None:
        self.made = 0
        self._floor = floor
        self._jobs = jobs
        self._outlet = outlet
        self._lot = lot
        self._handling = handling
        self._crew = crew
        self._rng = floor.rng("supply")
        floor.env.process(self._run())

    def _run(self) -> Steps:
        for part in self._jobs.parts():
            if self.made and self.made % self._lot == 0:
                yield from self._crew.attend("supply", "material", self._handling.draw(self._rng))
            yield self._outlet.put(part)
            self.made += 1


class Shipping:
    """Takes finished parts away as they come."""

    def __init__(self, floor: Floor, inlet: Buffer) -> None:
        self.shipped = 0
        self._inlet = inlet
        floor.env.process(self._run())

    def _run(self) -> Steps:
        while True:
            yield self._inlet.get()
            self.shipped += 1
