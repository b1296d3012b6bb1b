"""The line of a sandbox: one model that lives its past as fast as it goes, then goes on behind real servers.

There is no seam between past and present: counters go on counting, a fault that began an hour
ago is still there, and the truth record knows of both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from configs.configuration import Binding, Configuration
from configs.loader import PACKAGED, load
from configs.schema import SceneDocument
from configs.sources import ModbusSource, StampSource
from plant.batch import Batch
from plant.clock import SECOND, SystemClock
from plant.errors import ProvenlineError
from provenline.choice import Choice
from provenline.pace import Anchor, PlantTime
from provenline.past import planned
from provenline.sandbox.order import LinePlan
from provenline.sandbox.truth import TruthBook, layouts_of
from provenline.sandbox.wire import Tap
from provenline.virtual_edge import VirtualEdge
from simulators.faces.endpoint import PortPolicy
from simulators.faults import FaultBoard
from simulators.pace import ScaledClock
from simulators.plantmodel import PlantModel
from simulators.running import Running, serving
from simulators.virtual import build, lived

_FACTS = 200_000
_CHUNK = 300.0

Progress = Callable[[float], None]
"""Is told which share of the past has been computed, 0 to 1."""


@cache
def plant_of(folder: Path) -> Configuration:
    """Return the configuration in a folder of scene packs, read once a process. Raises ConfigError."""
    return load(folder)


def chosen(plan: LinePlan) -> Configuration:
    """Return the configuration of the scene of a line, as whoever built the plant would write it.

    Raises ConfigError, and ProvenlineError when there is no such scene, or it is not simulated.
    """
    configuration = plant_of(plan.plant)
    if plan.network is not None:
        configuration = replace(configuration, networks={**plant_of(PACKAGED).networks, **configuration.networks})
    configuration = Choice((plan.scene,), plan.network).of(configuration)
    if configuration.scenes[plan.scene].simulation is None:
        raise ProvenlineError(f"scene {plan.scene!r} has no simulation")
    return configuration


@dataclass(frozen=True, slots=True)
class SandboxLine:
    """A line whose model stands at `now` (ns UTC) and has not been served yet."""

    plan: LinePlan
    plant: Configuration
    model: PlantModel
    board: FaultBoard
    truth: TruthBook
    now: int

    @classmethod
    def build(cls, plan: LinePlan, *, seed: int, now: int) -> SandboxLine:
        """Build the model at the begin of its past. Raises ConfigError, RefusedFault and ProvenlineError."""
        plant = chosen(plan)
        start = now - round(plan.past * SECOND)
        network = plan.network and plant.networks.get(plan.network)
        model = build(
            plant.scenes[plan.scene],
            seed=seed,
            start=start,
            network=network or None,
            planned=planned(plant, plan.scene, start),
            truth_limit=_FACTS,
        )
        board = FaultBoard(model)
        truth = TruthBook(model, plant.bindings)
        board.schedule(plan.faults)
        return cls(plan, plant, model, board, truth, now)

    @property
    def scene(self) -> SceneDocument:
        """The scene as its plant has it."""
        return self.plant.scenes[self.plan.scene]

    def past(self, bindings: Sequence[Binding], progress: Progress) -> Iterator[Batch]:
        """Let the model live its past, and yield what an edge with these bindings would have delivered of it."""
        start = self.model.floor.start
        readable = list(self._readable(bindings))
        edge = VirtualEdge(readable, start)
        for number, batch in enumerate(lived(self.model, self.scene, readable, until=self.now, chunk=_CHUNK), start=1):
            until = min(start + round(number * _CHUNK * SECOND), self.now)
            yield edge.pass_on(batch, until)
            progress((until - start) / max(self.now - start, 1))

    def _readable(self, bindings: Sequence[Binding]) -> Iterator[Binding]:
        """Leave out what is read where there is nothing: live it reads bad, and has no past."""
        layouts = layouts_of(self.model)
        for binding in bindings:
            known = layouts.get(binding.source.id, [])
            if isinstance(binding.source, StampSource):
                points = binding.points
            else:
                period = binding.source.period if isinstance(binding.source, ModbusSource) else 0.0
                points = tuple(
                    (tag, address)
                    for tag, address in binding.points
                    if any(layout.reading(address, period) is not None for layout in known)
                )
            if known:
                yield replace(binding, points=points)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[tuple[Running, PlantTime, Tap]]:
        """Go on from now behind real servers on free ports; yields with this plant's clock and a tap that hears probes.

        Raises Unavailable when a server cannot listen.
        """
        real, floor = SystemClock(), self.model.floor
        anchor = Anchor(self.now, real.monotonic())
        lived_for = (self.now - floor.start) / SECOND
        clock = ScaledClock(real, speed=self.plan.speed, start=floor.start, passed=lived_for)
        shown = PlantTime(anchor, self.plan.speed)
        tap, ports = Tap(shown), PortPolicy.ANY
        async with serving(self.scene, self.model, self.board, clock=clock, ports=ports, heard=tap.probe) as running:
            yield running, shown, tap
