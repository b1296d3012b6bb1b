"""A scene's model, live behind its protocol faces.

    async with serve(scene, seed=7, clock=SystemClock(), speed=10) as running:
        running.endpoints["press-opcua"].url      # where the face really listens
        running.faults.inject(PlannedFault(kind=FaultKind.JAM, target="press", size=120))

The same model from the same seed runs in virtual time too (`virtual`); only who reads its signals differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from configs.network_profile import NetworkProfile
from configs.schema import SceneDocument
from plant.clock import Clock, SystemClock
from simulators.faces.broker import OwnBroker
from simulators.faces.endpoint import Endpoint, Face, PortPolicy
from simulators.faults import FaultBoard, FaultKind, Outage, PlannedFault
from simulators.kernel.floor import Interval
from simulators.listeners import Heard, Listeners
from simulators.network.law import law
from simulators.pace import ScaledClock
from simulators.plantmodel import PlantModel, simulation_of
from simulators.truth import Truth
from simulators.virtual import build, network_of

_LIVE_FACTS = 200_000
_LONGEST_NAP = 0.1
_SHORTEST_NAP = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A live simulation. `endpoints`: source id to where it is really served."""

    endpoints: dict[str, Endpoint]
    faults: FaultBoard
    model: PlantModel

    @property
    def truth(self) -> Truth:
        """What really happened so far; for graders, never for telemetry."""
        return self.model.floor.truth


@asynccontextmanager
async def serve(
    scene: SceneDocument,
    *,
    seed: int | None = None,
    clock: Clock | None = None,
    speed: float = 1.0,
    host: str = "127.0.0.1",
    ports: PortPolicy = PortPolicy.PREFER,
    mqtt: Endpoint | None = None,
    network: NetworkProfile | None = None,
    planned: Sequence[Interval] | None = None,
    faults: Sequence[PlannedFault] = (),
) -> AsyncIterator[Running]:
    """Run a scene's model live behind real servers, `speed` times as fast as `clock`.

    `mqtt` is the broker to publish to; without it, one of our own is started for each MQTT
    source. Raises ConfigError, and Unavailable when a face cannot listen.
    """
    network = network or network_of(simulation_of(scene))
    if network is not None:
        await asyncio.to_thread(law, network)  # a fit takes a moment, and other scenes are being served
    # Made after the fit: the model begins when its clock does, or it would stay ahead of it by that second.
    paced = ScaledClock(clock or SystemClock(), speed=speed)
    model = build(scene, seed=seed, start=paced.now(), network=network, planned=planned, truth_limit=_LIVE_FACTS)
    board = FaultBoard(model)
    board.schedule(faults)
    async with serving(scene, model, board, clock=paced, host=host, ports=ports, mqtt=mqtt) as running:
        yield running


@asynccontextmanager
async def serving(
    scene: SceneDocument,
    model: PlantModel,
    board: FaultBoard,
    *,
    clock: ScaledClock,
    host: str = "127.0.0.1",
    ports: PortPolicy = PortPolicy.PREFER,
    mqtt: Endpoint | None = None,
    heard: Heard | None = None,
) -> AsyncIterator[Running]:
    """Serve a model that may have lived already; `clock` says how many seconds of its life have passed.

    `heard` is told of the probes that pass. Raises ConfigError, and Unavailable when a face cannot listen.
    """
    async with AsyncExitStack() as stack:
        listeners = Listeners(scene, model, host, ports, mqtt, clock.now)
        listeners.heard = heard
        faces = {name: await listeners.open(stack, name, source) for name, source in simulation_of(scene).faces.items()}
        endpoints = listeners.endpoints
        outages = _outages(model, faces, listeners.brokers)
        async with _beside(_drive(model, faces, board, clock, outages), name=f"simulate {scene.id}"):
            try:
                yield Running(endpoints=endpoints, faults=board, model=model)
            finally:
                model.finish()


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None], *, name: str) -> AsyncIterator[None]:
    """Run `work` while the context is open; when it fails, the context fails with its error."""
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work, name=name)
            yield
            task.cancel()
    except BaseExceptionGroup as errors:
        # One task and one body: whichever failed first is the whole story.
        raise errors.exceptions[0] from None


Outages = dict[Outage, tuple[Face, ...]]
"""What goes out of reach in each of the outages that can be."""


def _outages(model: PlantModel, faces: dict[str, Face], brokers: dict[str, OwnBroker]) -> Outages:
    """Return what goes down with what; a broker that is not ours cannot be stopped, but its clients can leave it."""
    found: Outages = {(FaultKind.FACE_OUTAGE, name): (face,) for name, face in faces.items()}
    for source, names in model.brokers.items():
        clients = tuple(faces[name] for name in names if name in faces)
        found[FaultKind.BROKER_OUTAGE, source] = (brokers[source],) if source in brokers else clients
    return found


async def _drive(
    model: PlantModel, faces: dict[str, Face], board: FaultBoard, clock: ScaledClock, outages: Outages
) -> None:
    """Let the model follow the clock; when late, it catches up instead of drifting."""
    floor = model.floor
    out: frozenset[Outage] = frozenset()
    while True:
        floor.run_through(clock.monotonic())
        now_out = board.outages
        for outage in now_out ^ out:
            for face in outages[outage]:
                await face.reach(reachable=outage in out)
        out = now_out
        for face in faces.values():
            await face.flush()
        nap = (floor.env.peek() - clock.monotonic()) / clock.speed
        await clock.sleep(min(max(nap, _SHORTEST_NAP), _LONGEST_NAP) * clock.speed)
