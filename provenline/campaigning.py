"""Carrying campaigns out: where each side's samples come from, and many campaigns at once.

A simulated side is run in virtual time; a recorded one is read from the centre's store, beside
whoever is writing to it. Everything else is `evidence.campaign`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from configs.base import Words
from configs.catalogue import AcceptanceCatalogue, ClauseConfig, Kind
from configs.configuration import Configuration
from configs.schema import SceneDocument
from evidence.assess import Arm, clause_digest
from evidence.campaign import Campaign, Record, Status, carry_out
from evidence.package import Report, Side, TimeStamper
from evidence.plan import Arm as ArmPlan
from evidence.plan import ExclusionRule, Plan, RecordedArm, SimulatedArm
from evidence.signing import Signer
from historian.embedded import EmbeddedReader
from plant.clock import Clock, SystemClock
from plant.errors import ProvenlineError
from provenline.fast_forward import fast_forward

RULES = (
    ExclusionRule(
        id="outside-force",
        text=Words(zh="外部原因停产（停电、停气、演练）", en="stopped from outside (power, air, a drill)"),
    ),
    ExclusionRule(
        id="measuring-fault",
        text=Words(zh="测量系统故障，已记录", en="a fault of the measuring system, on record"),
    ),
    ExclusionRule(
        id="trial",
        text=Words(zh="非生产性试验", en="a trial that was no production"),
    ),
)
"""What a plan allows to be left out unless it says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What campaigns are carried out with. `store`: the folder of the centre's samples, None where there is none."""

    configuration: Configuration
    signer: Signer
    store: Path | None = None
    clock: Clock = SystemClock()
    report: Report | None = None
    stamper: TimeStamper | None = None

    def carry_out(self, campaign: Campaign, progress: Callable[[Status], None] = lambda _: None) -> None:
        """Carry a campaign out to its package. Raises ProvenlineError, and whatever `progress` raises."""
        carry_out(
            campaign,
            self.configuration,
            self.configuration.catalogues,
            record=self._recorder(campaign.plan.plan),
            signer=self.signer,
            clock=self.clock,
            report=self.report,
            stamper=self.stamper,
            progress=progress,
        )

    def _recorder(self, plan: Plan) -> Record:
        def record(arm: Arm, planned: ArmPlan, work: Path, progress: Callable[[float], None]) -> Side:
            if isinstance(planned, SimulatedArm):
                return self._simulated(plan.scene, planned, work / arm.value, progress)
            return self._recorded(planned)

        return record

    def _simulated(self, scene: str, planned: SimulatedArm, into: Path, progress: Callable[[float], None]) -> Side:
        run = fast_forward(
            self.configuration,
            scene,
            shifts=planned.shifts,
            into=into,
            profile=planned.profile,
            seed=planned.seed,
            parameters=planned.parameters,
            progress=progress,
        )
        return Side(historian=run.historian(), windows=run.windows)

    def _recorded(self, planned: RecordedArm) -> Side:
        if self.store is None:
            raise ProvenlineError("this plan asks for recorded windows; name the data folder of the centre with --data")
        windows = sorted((one.start, one.stop) for one in planned.windows)
        if windows[-1][1] > self.clock.now():
            raise ProvenlineError("a window of the plan has not ended yet")
        return Side(historian=EmbeddedReader(self.store), windows=windows)


def clause_for(
    catalogues: dict[str, AcceptanceCatalogue], scene: str, *, catalogue: str | None = None, clause: str | None = None
) -> tuple[AcceptanceCatalogue, ClauseConfig]:
    """Return the clause about a scene. Raises ProvenlineError when there is none, or more than one to choose from."""
    found = [
        (one, each)
        for one in catalogues.values()
        for each in one.clauses
        if each.scene == scene and catalogue in (None, one.id) and clause in (None, each.id)
    ]
    if len(found) != 1:
        known = ", ".join(f"{one.id}/{each.id}" for one, each in found) or "none"
        raise ProvenlineError(f"which clause about the scene {scene!r}? There are: {known}")
    return found[0]


def simulated_plan(
    scene: SceneDocument,
    catalogue: AcceptanceCatalogue,
    clause: ClauseConfig,
    *,
    shifts: int,
    seed: int,
    author: str,
    name: str | None = None,
    profile: str | None = None,
) -> Plan:
    """Return the plan that compares a scene as it stands with its own baseline, seed by seed.

    `profile`: another link for the improved side. Raises ProvenlineError when the scene has no simulation
    with a link, or the clause compares and the scene names no baseline.
    """
    simulation = scene.simulation
    if simulation is None or simulation.profile is None:
        raise ProvenlineError(f"the scene {scene.id!r} has no simulation with a network profile")
    baseline = None
    if any(one.kind not in (Kind.ABSOLUTE, Kind.COUNT) for one in clause.indicators):
        if simulation.baseline is None:
            raise ProvenlineError(f"the scene {scene.id!r} names no simulation.baseline to compare with")
        before = simulation.baseline
        baseline = SimulatedArm(
            profile=before.profile or simulation.profile, parameters=before.parameters, shifts=shifts, seed=seed
        )
    return Plan(
        id=name or scene.id,
        name=clause.name,
        scene=scene.id,
        catalogue=catalogue.id,
        clause=clause.id,
        clause_digest=clause_digest(clause),
        baseline=baseline,
        improved=SimulatedArm(profile=profile or simulation.profile, shifts=shifts, seed=seed),
        exclusion_rules=RULES,
        seed=seed,
        author=author,
    )
