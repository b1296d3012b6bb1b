"""What a scene's model assumes, and the same comparison under other assumptions.

A model's numbers are whatever it asks its setting for; so they are found by building it once
with a setting that notes them, and none can be forgotten.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from analytics.acceptance import ClauseFinding
from configs.configuration import Configuration
from configs.network_profile import NetworkProfile, network_profile
from evidence.assess import Arm, assess
from evidence.package import Side, recorded
from evidence.payload import Plain
from evidence.plan import Plan, SimulatedArm
from evidence.sensitivity import Assumption, Judged, Tell, vary
from plant.errors import ProvenlineError
from provenline.fast_forward import FIRST_DAY, configured, fast_forward
from simulators.kernel.floor import Floor
from simulators.plantmodel import Parameter, Setting
from simulators.scenes import MODELS


class _Noting(Setting):
    """A setting that keeps every number a model takes from it."""

    def __init__(self, floor: Floor, parameters: dict[str, Parameter], network: NetworkProfile) -> None:
        super().__init__(floor, parameters, network)
        self.numbers: dict[str, float] = {}

    def number(self, name: str, default: float, *, low: float = 0.0, high: float = 1e9) -> float:
        """Take a number, as from any setting, and note it."""
        self.numbers[name] = value = super().number(name, default, low=low, high=high)
        return value


def numbers(configuration: Configuration, scene_id: str, side: SimulatedArm) -> dict[str, float]:
    """Return every number that a scene's model takes on a side, given or by default. Raises ProvenlineError."""
    simulation = configured(configuration, scene_id, profile=side.profile, parameters=side.parameters).simulation
    assert simulation is not None
    network = configuration.networks.get(side.profile) or network_profile(side.profile)
    setting = _Noting(Floor(start=FIRST_DAY, seed=side.seed), dict(simulation.parameters), network)
    MODELS[simulation.model](setting)
    return setting.numbers


def simulated_sides(plan: Plan) -> dict[Arm, SimulatedArm]:
    """Return both sides of a plan, or the one there is. Raises ProvenlineError when any is not simulated."""
    arms = {Arm.BASELINE: plan.baseline, Arm.IMPROVED: plan.improved}
    sides = {arm: side for arm, side in arms.items() if isinstance(side, SimulatedArm)}
    if Arm.IMPROVED not in sides or len(sides) < sum(side is not None for side in arms.values()):
        raise ProvenlineError("only what is simulated has assumptions to vary; this plan has a recorded side, or none")
    return sides


def varied(configuration: Configuration, plan: Plan, judged: Judged, tell: Tell) -> Plain:
    """Run a simulated campaign under each other assumption; blocks for as long as that takes, twice a parameter.

    Raises ProvenlineError when a side is recorded: what was measured rests on no model.
    """
    scene, sides = plan.scene, simulated_sides(plan)
    assert scene is not None
    taken = {arm: numbers(configuration, scene, side) for arm, side in sides.items()}
    before = taken.get(Arm.BASELINE, {})
    assumptions = [
        Assumption(name, value, before.get(name) if before.get(name) != value else None)
        for name, value in taken[Arm.IMPROVED].items()
    ]
    rerun = partial(_rerun, configuration, plan, judged, sides, taken)
    return vary(assumptions, judged.verdict, rerun, tell)


def _rerun(
    configuration: Configuration,
    plan: Plan,
    judged: Judged,
    sides: Mapping[Arm, SimulatedArm],
    taken: Mapping[Arm, Mapping[str, float]],
    parameter: str,
    factor: float,
) -> ClauseFinding:
    assert plan.scene is not None
    with tempfile.TemporaryDirectory(dir=judged.work, prefix="varied-") as scratch:
        runs = {}
        for arm, side in sides.items():
            changed = {parameter: taken[arm][parameter] * factor} if parameter in taken[arm] else {}
            run = fast_forward(
                configuration,
                plan.scene,
                shifts=side.shifts,
                into=Path(scratch) / arm.value,
                profile=side.profile,
                seed=side.seed,
                parameters={**side.parameters, **changed},
            )
            runs[arm] = Side(historian=run.historian(), windows=run.windows)
        copies = recorded(configuration, plan.scene, runs, Path(scratch))
        for one in runs.values():
            one.historian.close()
        return assess(plan, judged.clause, copies, judged.exclusions, judged.records).finding
