"""A scene's model, running: live behind its protocol faces, or in virtual time.

    async with serve(scene, seed=7, clock=SystemClock(), speed=10) as running:
        running.endpoints["press-opcua"].url      # where the face really listens
        running.faults.inject(PlannedFault(kind=FaultKind.JAM, target="press", size=120))

    for batch in fast(scene, bindings, seed=7, start=t0, stop=t1): ...

Both build the same model from the same seed; only who reads its signals differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from configs.configuration import Binding
from configs.network_profile import NetworkProfile, network_profile
from configs.schema import SceneDocument, SimulationConfig
from configs.sources import (
    ModbusSource,
    ModbusTcp,
    MqttSource,
    OpcuaSource,
    SourceConfig,
    SparkplugSource,
    StampSource,
    Vda5050Source,
)
from plant.batch import Batch
from plant.clock import SECOND, Clock, SystemClock
from plant.errors import ConfigError, Fault, Unavailable
from simulators.faces.broker import OwnBroker, broker
from simulators.faces.endpoint import Endpoint, Face, PortPolicy
from simulators.faces.layout import (
    Layout,
    ModbusLayout,
    MqttLayout,
    OpcuaLayout,
    SparkplugLayout,
    StampLayout,
    Vda5050Layout,
)
from simulators.faces.modbus import serve_modbus
from simulators.faces.mqtt import serve_mqtt
from simulators.faces.opcua import serve_opcua
from simulators.faces.opcua_guard import Guard, read_guard
from simulators.faces.sparkplug import serve_sparkplug
from simulators.faces.stamp import serve_stamp
from simulators.faces.vda5050 import serve_vda5050
from simulators.faults import FaultBoard, FaultKind, Outage, PlannedFault
from simulators.kernel.floor import Floor, Interval
from simulators.network.law import law
from simulators.network.link import Direction
from simulators.network.udp_relay import nobody
from simulators.pace import ScaledClock
from simulators.plantmodel import PlantModel, Setting
from simulators.recorder import Recorder
from simulators.scenes import MODELS
from simulators.truth import Truth

_LIVE_FACTS = 200_000
_LONGEST_NAP = 0.1
_SHORTEST_NAP = 0.01

Heard = Callable[[str, Direction, bytes], None]
"""Is told of each STAMP packet: its source, whether it goes up or comes back, and what it is."""


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


def build(
    scene: SceneDocument,
    *,
    seed: int | None = None,
    start: int,
    network: NetworkProfile | None = None,
    planned: Sequence[Interval] | None = None,
    truth_limit: int | None = None,
) -> PlantModel:
    """Build a scene's model at model time `start`.

    `network` describes the link; by default it is the packaged profile that the scene names.
    Raises ConfigError when the scene's simulation cannot be.
    """
    simulation = _simulation(scene)
    if simulation.model not in MODELS:
        raise _wrong(scene, "simulation.model", f"unknown model; there are {', '.join(MODELS)}")
    chosen = simulation.seed if seed is None else seed
    floor = Floor(start=start, seed=chosen, planned=planned, truth_limit=truth_limit)
    setting = Setting(floor, simulation.parameters, network or _network(simulation))
    try:
        model = MODELS[simulation.model](setting)
        setting.close()
    except ValueError as error:
        raise _wrong(scene, "simulation.parameters", str(error)) from error
    unknown = sorted(set(simulation.faces) - set(model.faces))
    if unknown:
        raise _wrong(scene, f"simulation.faces.{unknown[0]}", f"the model has the faces {', '.join(model.faces)}")
    for name in simulation.guards:
        if name not in simulation.faces or not isinstance(model.faces[name], OpcuaLayout):
            raise _wrong(scene, f"simulation.guards.{name}", "only an OPC UA face that is served can be guarded")
    return replace(model, sources=dict(simulation.faces), links=setting.links)


def fast(
    scene: SceneDocument,
    bindings: Sequence[Binding],
    *,
    seed: int | None = None,
    start: int,
    stop: int,
    network: NetworkProfile | None = None,
    planned: Sequence[Interval] | None = None,
    faults: Sequence[PlannedFault] = (),
    chunk: float = 60.0,
    truth: Truth | None = None,
) -> Iterator[Batch]:
    """Run a scene's model from `start` to `stop` (ns UTC) as fast as it goes.

    Yields, for every `chunk` seconds of model time, the batch that a perfect collector of
    `bindings` would have produced. `truth`, when given, receives the facts. Raises ConfigError.
    """
    model = build(scene, seed=seed, start=start, network=network, planned=planned)
    if truth is not None:
        model.floor.truth = truth
    FaultBoard(model).schedule(faults)
    yield from lived(model, scene, bindings, until=stop, chunk=chunk)
    model.finish()


def lived(
    model: PlantModel, scene: SceneDocument, bindings: Sequence[Binding], *, until: int, chunk: float = 60.0
) -> Iterator[Batch]:
    """Let a model that has just been built live until a moment (ns UTC), and yield what `fast` does.

    It can be served afterwards, and goes on from there. Raises ConfigError.
    """
    recorder = Recorder(model.floor, bindings, _faces(scene, model))
    span, step = (until - model.floor.start) / SECOND, 0
    try:
        while step * chunk < span:
            step += 1
            at = min(step * chunk, span)
            model.floor.run_through(at)
            yield recorder.take(model.floor.start + round(at * SECOND))
    finally:
        recorder.close()


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
    network = network or _network(_simulation(scene))
    if network is not None:
        await asyncio.to_thread(law, network)  # the fit takes most of a second, and other scenes are being served
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
        listeners = _Listeners(scene, model, host, ports, mqtt, clock.now)
        listeners.heard = heard
        faces = {name: await listeners.open(stack, name, source) for name, source in _simulation(scene).faces.items()}
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


class _Listeners:
    """Opens a scene's faces, and a broker where there is none."""

    def __init__(
        self,
        scene: SceneDocument,
        model: PlantModel,
        host: str,
        ports: PortPolicy,
        mqtt: Endpoint | None,
        now: Callable[[], int],
    ) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.brokers: dict[str, OwnBroker] = {}
        self.heard: Heard | None = None
        self._scene, self._model = scene, model
        self._host, self._ports, self._mqtt = host, ports, mqtt
        self._now = now

    async def open(self, stack: AsyncExitStack, name: str, source_id: str) -> Face:
        """Open one face for as long as `stack`. Raises ConfigError and Unavailable."""
        source = next(s for s in self._scene.sources if s.id == source_id)
        listen = _listen(source, self._host)
        try:
            face = await stack.enter_async_context(await self._face(stack, name, source, listen, self._ports))
        except Unavailable:
            if self._ports is not PortPolicy.PREFER:
                raise
            # Somebody took the port after it had been found free.
            face = await stack.enter_async_context(await self._face(stack, name, source, listen, PortPolicy.ANY))
        self.endpoints[source_id] = face.endpoint
        return face

    async def _face(
        self, stack: AsyncExitStack, name: str, source: SourceConfig, listen: Endpoint, ports: PortPolicy
    ) -> AbstractAsyncContextManager[Face]:
        layout, signals = self._model.faces[name], self._model.floor.signals
        if isinstance(layout, OpcuaLayout) and isinstance(source, OpcuaSource):
            return serve_opcua(layout, signals, listen=listen, ports=ports, guard=await self._guard(name))
        if isinstance(layout, ModbusLayout) and isinstance(source, ModbusSource) and isinstance(source.link, ModbusTcp):
            return serve_modbus(layout, signals, listen=listen, ports=ports)
        if isinstance(layout, MqttLayout) and isinstance(source, MqttSource):
            at = await self._broker(stack, source.id, listen, ports)
            return serve_mqtt(layout, self._model.floor, broker=at)
        if isinstance(layout, Vda5050Layout) and isinstance(source, Vda5050Source):
            at = await self._broker(stack, source.id, listen, ports)
            return serve_vda5050(layout, self._model.floor, broker=at, source=source)
        if isinstance(layout, SparkplugLayout) and isinstance(source, SparkplugSource):
            at = await self._broker(stack, source.id, listen, ports)
            return serve_sparkplug(layout, self._model.floor, broker=at)
        if isinstance(layout, StampLayout) and isinstance(source, StampSource):
            heard = partial(self.heard, source.id) if self.heard else nobody
            return serve_stamp(layout, signals, now=self._now, listen=listen, ports=ports, heard=heard)
        protocol = type(layout).__name__.removesuffix("Layout").upper()
        message = f"this face speaks {protocol}, and source {source.id} does not"
        raise _wrong(self._scene, f"simulation.faces.{name}", message)

    async def _guard(self, name: str) -> Guard | None:
        config = _simulation(self._scene).guards.get(name)
        place = f"scene {self._scene.id}: simulation.guards.{name}"
        return None if config is None else await asyncio.to_thread(read_guard, place, config)

    async def _broker(self, stack: AsyncExitStack, source_id: str, listen: Endpoint, ports: PortPolicy) -> Endpoint:
        """Return the broker of a source: the one given, else one of our own, which its faces share."""
        if self._mqtt is not None:
            return self._mqtt
        if source_id not in self.brokers:
            self.brokers[source_id] = await stack.enter_async_context(broker(listen, ports))
        return self.brokers[source_id].endpoint


def _listen(source: SourceConfig, host: str) -> Endpoint:
    """Return where the configuration expects a source, on the interface `host`."""
    if isinstance(source, OpcuaSource):
        _, _, address = source.endpoint.partition("://")
        port = address.partition("/")[0].partition(":")[2]
        return Endpoint("opc.tcp", host, int(port or 4840))
    if isinstance(source, ModbusSource) and isinstance(source.link, ModbusTcp):
        return Endpoint("modbus", host, source.link.port)
    if isinstance(source, StampSource):
        return Endpoint("stamp", host, source.port)
    return Endpoint(
        "mqtt", host, source.port if isinstance(source, (MqttSource, SparkplugSource, Vda5050Source)) else 0
    )


def _faces(scene: SceneDocument, model: PlantModel) -> dict[str, list[Layout]]:
    """Return the layouts behind each source; several devices may publish to one broker."""
    layouts: dict[str, list[Layout]] = {}
    for name, source in _simulation(scene).faces.items():
        layouts.setdefault(source, []).append(model.faces[name])
    return layouts


def _network(simulation: SimulationConfig) -> NetworkProfile | None:
    return None if simulation.profile is None else network_profile(simulation.profile)


def _simulation(scene: SceneDocument) -> SimulationConfig:
    if scene.simulation is None:
        raise _wrong(scene, "simulation", "this scene has no simulation")
    return scene.simulation


def _wrong(scene: SceneDocument, path: str, message: str) -> ConfigError:
    return ConfigError((Fault(f"scene {scene.id}", path, message),))
