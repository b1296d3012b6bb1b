"""Plans as a page asks for them, in a few words: simulated, recorded, counted, or whole."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from configs.base import Words
from configs.schema import SceneDocument
from dashboard_api.access import Actor
from dashboard_api.centre import Centre
from evidence.plan import Plan
from evidence.planning import Days, clause_for, counted_plan, recorded_plan, simulated_plan
from plant.errors import ProvenlineError


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")
    purpose: str = Field(default="", max_length=500)


class _OfScene(_Wanted):
    scene: str = Field(max_length=48)
    catalogue: str | None = Field(default=None, max_length=48)
    clause: str | None = Field(default=None, max_length=64)


class Simulated(_OfScene):
    """A scene as it stands against its own baseline, in virtual time."""

    shifts: int = Field(default=5, ge=1, le=1000)
    seed: int = Field(default=7, ge=0, lt=2**53)
    profile: str | None = Field(default=None, max_length=48)


class Shifts(BaseModel):
    """Whole shifts of a line: local days, both included; `shift`: only those of this id."""

    model_config = ConfigDict(extra="forbid")

    first: date
    last: date
    shift: str | None = Field(default=None, max_length=48)

    @property
    def days(self) -> Days:
        """The same, as plans are made from."""
        return Days(self.first, self.last, self.shift)


class RecordedSides(_OfScene):
    """A line judged by what the centre records of it, before and after."""

    baseline: Shifts | None = None
    improved: Shifts


class Counted(_Wanted):
    """A clause about a centre, a node or a cluster: people hand in what it counts."""

    catalogue: str = Field(max_length=48)
    clause: str = Field(max_length=64)


class Planned(BaseModel):
    """A simulated or recorded campaign or a count in a few words, or a whole plan.

    `reason`: why an existing one is changed.
    """

    model_config = ConfigDict(extra="forbid")

    simulated: Simulated | None = None
    recorded: RecordedSides | None = None
    counted: Counted | None = None
    plan: Plan | None = None
    reason: str = Field(default="", max_length=500)


def plan_of(planned: Planned, centre: Centre, who: Actor, *, name: str | None = None) -> Plan:
    """Return the plan that is asked for, in the name of who asks. Raises ProvenlineError and ValueError."""
    author = who.name or who.address or "unnamed"
    given = [one for one in (planned.plan, planned.simulated, planned.recorded, planned.counted) if one is not None]
    if len(given) != 1:
        raise ProvenlineError("give one of `simulated`, `recorded`, `counted` and `plan`")
    match given[0]:
        case Plan() as plan:
            return plan.model_copy(update={"author": author})
        case Simulated() as asked:
            plan = _simulated(asked, centre, author, name)
        case RecordedSides() as asked:
            plan = _recorded(asked, centre, author, name)
        case Counted() as asked:
            catalogues = centre.configuration.catalogues
            plan = counted_plan(
                catalogues, catalogue=asked.catalogue, clause=asked.clause, author=author, name=name or asked.id
            )
    return plan.model_copy(update={"purpose": Words(zh=asked.purpose, en=asked.purpose)}) if asked.purpose else plan


def _recorded(asked: RecordedSides, centre: Centre, author: str, name: str | None) -> Plan:
    scene = _scene(asked.scene, centre)
    return recorded_plan(
        scene,
        centre.configuration.calendar(scene.id),
        *clause_for(centre.configuration.catalogues, scene.id, catalogue=asked.catalogue, clause=asked.clause),
        baseline=asked.baseline.days if asked.baseline else None,
        improved=asked.improved.days,
        author=author,
        name=name or asked.id,
    )


def _scene(wanted: str, centre: Centre) -> SceneDocument:
    if wanted not in centre.configuration.scenes:
        raise ProvenlineError(f"there is no scene {wanted!r}")
    return centre.configuration.scenes[wanted]


def _simulated(asked: Simulated, centre: Centre, author: str, name: str | None) -> Plan:
    configuration = centre.configuration
    scene = _scene(asked.scene, centre)
    if asked.profile is not None and asked.profile not in configuration.networks:
        raise ProvenlineError(f"there is no network profile {asked.profile!r}")
    chosen = clause_for(configuration.catalogues, asked.scene, catalogue=asked.catalogue, clause=asked.clause)
    return simulated_plan(
        scene,
        *chosen,
        shifts=asked.shifts,
        seed=asked.seed,
        author=author,
        name=name or asked.id,
        profile=asked.profile,
    )
