"""Plans made from what a configuration says: a scene against the plant before, or a count of what people hand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from configs.base import Words
from configs.catalogue import AcceptanceCatalogue, ClauseConfig
from configs.schema import SceneDocument
from evidence.assess import clause_digest
from evidence.handed import kind_of
from evidence.plan import ExclusionRule, Plan, RecordedArm, SimulatedArm, Window
from plant.calendar import ShiftCalendar
from plant.errors import ProvenlineError

DAYS = 400
"""Most days one side may reach over."""

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


@dataclass(frozen=True, slots=True)
class Days:
    """Whole shifts of a line, as people name them: from one day to another, both included; `shift`: only this one."""

    first: date
    last: date
    shift: str | None = None

    def windows(self, calendar: ShiftCalendar) -> tuple[Window, ...]:
        """Return the shifts as windows. Raises ProvenlineError when there are none, or the days run backwards."""
        length = (self.last - self.first).days
        if not 0 <= length < DAYS:
            raise ProvenlineError(f"from {self.first} to {self.last}: give 1 to {DAYS} days, the first one first")
        days = (self.first + timedelta(days=number) for number in range(length + 1))
        shifts = [one for day in days for one in calendar.on(day) if self.shift in (None, one.id)]
        if not shifts:
            raise ProvenlineError(f"from {self.first} to {self.last} there is no shift {self.shift or 'at all'}")
        return tuple(Window(start=one.start, stop=one.stop) for one in shifts)


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


def recorded_plan(
    scene: SceneDocument,
    calendar: ShiftCalendar,
    catalogue: AcceptanceCatalogue,
    clause: ClauseConfig,
    *,
    baseline: Days | None,
    improved: Days,
    author: str,
    name: str | None = None,
) -> Plan:
    """Return the plan that judges a line by whole shifts of what the centre records; those to come may be named too.

    Raises ProvenlineError when there are no such shifts, when the clause compares and no baseline is given, and
    ValueError when two windows of a side overlap.
    """
    compares = any(one.kind.compares for one in clause.indicators)
    if compares and baseline is None:
        raise ProvenlineError("the clause compares: give the days of the baseline too")
    return Plan(
        id=name or scene.id,
        name=clause.name,
        scene=scene.id,
        catalogue=catalogue.id,
        clause=clause.id,
        clause_digest=clause_digest(clause),
        baseline=RecordedArm(windows=baseline.windows(calendar)) if baseline and compares else None,
        improved=RecordedArm(windows=improved.windows(calendar)),
        exclusion_rules=RULES,
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
