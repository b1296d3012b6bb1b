"""Plans made from what a configuration says: a scene against the plant before, or a count of what people hand in."""

from __future__ import annotations

from collections.abc import Mapping

from configs.base import Words
from configs.catalogue import AcceptanceCatalogue, ClauseConfig
from configs.schema import SceneDocument
from evidence.assess import clause_digest
from evidence.handed import kind_of
from evidence.plan import ExclusionRule, Plan, SimulatedArm
from plant.errors import ProvenlineError

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


def clause_for(
    catalogues: Mapping[str, AcceptanceCatalogue],
    scene: str,
    *,
    catalogue: str | None = None,
    clause: str | None = None,
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
    if any(one.kind.compares for one in clause.indicators):
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


def counts_only(clause: ClauseConfig) -> bool:
    """Say whether a clause rests on records alone, so that its plan names no scene."""
    return all(kind_of(one) is not None for one in clause.indicators)


def counted_plan(
    catalogues: Mapping[str, AcceptanceCatalogue],
    *,
    catalogue: str,
    clause: str,
    author: str,
    name: str | None = None,
) -> Plan:
    """Return the plan of a clause about a centre, a node or a cluster, which records answer.

    Raises ProvenlineError when there is no such clause, or it asks for samples.
    """
    clauses = catalogues[catalogue].clauses if catalogue in catalogues else ()
    found = next((one for one in clauses if one.id == clause), None)
    if found is None:
        raise ProvenlineError(f"there is no clause {clause!r} in a catalogue {catalogue!r}")
    if not counts_only(found):
        raise ProvenlineError(f"clause {clause} asks for samples of a scene; plan it by its scene")
    return Plan(
        id=name or found.id,
        name=found.name,
        catalogue=catalogue,
        clause=found.id,
        clause_digest=clause_digest(found),
        author=author,
    )
