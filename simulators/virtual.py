"""A scene's model in virtual time: built from its document, and run as fast as the processor allows.

    for batch in fast(scene, bindings, seed=7, start=t0, stop=t1): ...

No protocol is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from configs.configuration import Binding
from configs.network_profile import NetworkProfile, network_profile
from configs.schema import SceneDocument, SimulationConfig
from plant.batch import Batch
from plant.clock import SECOND
from simulators.faces.layout import Layout, OpcuaLayout
from simulators.faults import FaultBoard, PlannedFault
from simulators.kernel.floor import Floor, Interval
from simulators.plantmodel import PlantModel, Setting, simulation_of, wrong
from simulators.recorder import Recorder
from simulators.scenes import MODELS
from simulators.truth import Truth


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
    simulation = simulation_of(scene)
    if simulation.model not in MODELS:
        raise wrong(scene, "simulation.model", f"unknown model; there are {', '.join(MODELS)}")
    chosen = simulation.seed if seed is None else seed
    floor = Floor(start=start, seed=chosen, planned=planned, truth_limit=truth_limit)
    setting = Setting(floor, simulation.parameters, network or network_of(simulation))
    try:
        model = MODELS[simulation.model](setting)
        setting.close()
    except ValueError as error:
        raise wrong(scene, "simulation.parameters", str(error)) from error
    unknown = sorted(set(simulation.faces) - set(model.faces))
    if unknown:
        raise wrong(scene, f"simulation.faces.{unknown[0]}", f"the model has the faces {', '.join(model.faces)}")
    for name in simulation.guards:
        if name not in simulation.faces or not isinstance(model.faces[name], OpcuaLayout):
            raise wrong(scene, f"simulation.guards.{name}", "only an OPC UA face that is served can be guarded")
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


def _faces(scene: SceneDocument, model: PlantModel) -> dict[str, list[Layout]]:
    """Return the layouts behind each source; several devices may publish to one broker."""
    layouts: dict[str, list[Layout]] = {}
    for name, source in simulation_of(scene).faces.items():
        layouts.setdefault(source, []).append(model.faces[name])
    return layouts


def network_of(simulation: SimulationConfig) -> NetworkProfile | None:
    """Return the packaged profile that a simulation names; None where it names none."""
    return None if simulation.profile is None else network_profile(simulation.profile)
