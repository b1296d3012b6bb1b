"""What campaigns look like to a page: rows, whole campaigns, what could be planned, what a verification found."""

from __future__ import annotations

from configs.catalogue import IndicatorConfig
from dashboard_api.centre import Centre
from dashboard_api.query import Json, words
from evidence.campaign import Campaign, Stage, clause_of
from evidence.handed import kind_of
from evidence.plan import SimulatedArm
from evidence.planning import counts_only
from evidence.verify import Verification
from plant.clock import iso
from plant.errors import ProvenlineError


def options(centre: Centre) -> list[Json]:
    """Return what could be planned: clauses about a scene that is here, and those that count records alone.

    `profile`: of the scene's simulation, None where it has none; `shifts`: those of the scene's calendar.
    """
    found = []
    for catalogue in centre.configuration.catalogues.values():
        for clause in catalogue.clauses:
            scene = centre.configuration.scenes.get(clause.scene or "")
            profile = scene.simulation.profile if scene and scene.simulation else None
            if scene is None and not counts_only(clause):
                continue
            found.append(
                {
                    "scene": scene.id if scene else None,
                    "name": words(scene.name.text if scene else clause.name.text),
                    "catalogue": catalogue.id,
                    "clause": clause.id,
                    "number": clause.number,
                    "profile": profile,
                    "shifts": _shifts(centre, scene.id) if scene else [],
                    "compares": any(one.kind.compares for one in clause.indicators),
                    "indicators": [_bound(one) for one in clause.indicators],
                }
            )
    return found


def _shifts(centre: Centre, scene: str) -> list[Json]:
    return [{"id": one.id, "name": words(one.name)} for one in centre.configuration.calendar(scene).patterns]


def _bound(one: IndicatorConfig) -> Json:
    return {
        "name": words(one.name.text),
        "kind": one.kind.value,
        "op": one.op.value,
        "bound": one.value,
        "unit": one.unit,
        "least_shifts": one.minimum.shifts,
    }


def asked(found: Campaign, centre: Centre) -> list[Json]:
    """Return the records that the plan's clause asks for, and whether both sides need them."""
    try:
        _, clause = clause_of(centre.configuration.catalogues, found.plan.plan)
    except ProvenlineError:
        return []  # the catalogue has moved on: what was planned is shown, and carrying it out says why it cannot be
    return [
        {"kind": kind, "name": words(one.name.text), "note": words(one.note.text), "both": one.kind.compares}
        for one in clause.indicators
        if (kind := kind_of(one)) is not None
    ]


def row(found: Campaign) -> Json:
    """Return a campaign as a list shows it."""
    status, frozen = found.status, found.plan
    return {
        "id": found.id,
        "name": words(frozen.plan.name.text),
        "scene": frozen.plan.scene,
        "clause": frozen.plan.clause,
        "revision": frozen.revision,
        "frozen": iso(frozen.at),
        "author": frozen.plan.author,
        "simulated": any(isinstance(arm, SimulatedArm) for arm in (frozen.plan.baseline, frozen.plan.improved)),
        "stage": status.stage.value,
        "share": status.share,
        "step": words(status.step),
        "error": status.error or None,
        "verdict": status.verdict or None,
        "has_package": found.package.exists(),
    }


def whole(found: Campaign, centre: Centre) -> Json:
    """Return a campaign as its own page shows it."""
    return {
        **row(found),
        "revisions": [one.model_dump(mode="json") for one in found.revisions],
        "exclusions": [one.model_dump(mode="json") for one in found.exclusions],
        "records": [one.model_dump(mode="json") for one in found.records],
        "asked": asked(found, centre),
        "finding": found.finding if found.status.stage is Stage.DONE else None,
        "reports": list(found.reports),
        "size": found.package.stat().st_size if found.package.exists() else None,
    }


def checked(found: Verification) -> Json:
    """Return what a verification found, step by step."""
    return {
        "holds": found.holds,
        "signer": found.signer,
        "checks": [
            {"step": one.step.value, "result": one.result.value, "details": [words(text) for text in one.details]}
            for one in found.checks
        ],
    }
