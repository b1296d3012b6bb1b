"""The two headline targets, end to end: model → edge → store → recorded samples → measures → verdict.

Each is met where the model honestly meets it, and not met on a link, or against a baseline, where it must not be.
The clauses are the shipped catalogue's own indicators; nothing here knows a model's truth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from analytics.acceptance import Finding, Verdict
from configs.catalogue import ClauseConfig
from configs.loader import load
from evidence.assess import Arm, Recorded, assess, clause_digest
from evidence.package import Side, recorded
from evidence.plan import Plan, SimulatedArm
from plant.tags import Role
from provenline.fast_forward import fast_forward
from tests.evidence.conftest import short_shifts

Sides = Callable[..., Recorded]
COUNTED = frozenset((Role.GOOD_COUNT, Role.REJECT_COUNT, Role.PRODUCT))
"""What the rate of production is made of."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headline")


def simulated(
    place: Path, scene: str, *, minutes: int, shifts: int, roles: frozenset[Role] | None = None
) -> tuple[Sides, ClauseConfig]:
    """Return a function that records one side of a scene, once for each way it is asked for, and the scene's clause.

    `roles`: where only these are collected, which is quicker; the model is the same.
    """
    folder = place / scene
    folder.mkdir()
    configuration = short_shifts(folder, scene, minutes=minutes)
    if roles is not None:
        file = folder / "scenes" / f"{scene}.yaml"
        file.write_text(yaml.safe_dump(only(yaml.safe_load(file.read_text()), roles), allow_unicode=True))
        configuration = load(folder)
    clause = next(c for c in configuration.catalogues["cq-2020-1"].clauses if c.scene == scene)

    @cache
    def side(profile: str, seed: int = 7, **parameters: float) -> Recorded:
        into = place / f"{scene}-{profile}-{seed}-{sorted(parameters.items())}"
        run = fast_forward(
            configuration, scene, shifts=shifts, into=into / "run", profile=profile, seed=seed, parameters=parameters
        )
        historian = run.historian()
        copies = recorded(configuration, scene, {Arm.IMPROVED: Side(historian=historian, windows=run.windows)}, into)
        historian.close()
        return copies[Arm.IMPROVED]

    return side, clause


def only(scene: dict, roles: frozenset[Role]) -> dict:
    """Return a scene of which only the tags that play these roles are collected."""
    for line in scene["lines"]:
        for device in line["devices"]:
            device["tags"] = [tag for tag in device["tags"] if tag.get("role") in roles]
        line["devices"] = [device for device in line["devices"] if device["tags"]]
    scene["lines"] = [line for line in scene["lines"] if line["devices"]]
    return {key: value for key, value in scene.items() if key != "alarms"}


def judged(clause: ClauseConfig, indicator: str, improved: Recorded, baseline: Recorded | None = None) -> Finding:
    """Hold two recorded sides against one indicator of a clause."""
    chosen = next(one for one in clause.indicators if one.id == indicator)
    alone = clause.model_copy(update={"indicators": (chosen,)})
    planned = SimulatedArm(profile="5g-urllc", shifts=1, seed=1)  # how it was recorded does not matter here
    plan = Plan(
        id="headline",
        name=clause.name,
        scene=clause.scene or "",
        catalogue="cq-2020-1",
        clause=clause.id,
        clause_digest=clause_digest(alone),
        baseline=planned if baseline else None,
        improved=planned,
        author="test",
    )
    sides = {Arm.IMPROVED: improved} | ({Arm.BASELINE: baseline} if baseline else {})
    (finding,) = assess(plan, alone, sides).finding.findings
    return finding


# ------------------------------------------------------------------ device to device, below 10 ms
@pytest.fixture(scope="module")
def coordination(place: Path) -> tuple[Sides, ClauseConfig]:
    return simulated(place, "line-coordination", minutes=20, shifts=2)


def test_urllc_holds_the_delay_between_devices_below_10_ms(coordination: tuple[Sides, ClauseConfig]) -> None:
    side, clause = coordination
    found = judged(clause, "latency", side("5g-urllc"))
    assert (found.bound, found.unit, found.op.value) == (10, "ms", "<")
    assert found.verdict is Verdict.MET
    assert found.interval
    assert found.interval[1] < 10
    assert found.improved
    assert found.improved.simulated


@pytest.mark.parametrize("profile", ["5g-degraded", "wifi5-loaded"])
def test_a_degraded_or_loaded_link_does_not(profile: str, coordination: tuple[Sides, ClauseConfig]) -> None:
    side, clause = coordination
    found = judged(clause, "latency", side(profile))
    assert found.verdict is Verdict.NOT_MET
    assert found.estimate
    assert found.estimate > 10


# --------------------------------------------------------------- efficiency of production, +20 %
@pytest.fixture(scope="module")
def workshop(place: Path) -> tuple[Sides, ClauseConfig]:
    return simulated(place, "digital-workshop", minutes=120, shifts=12, roles=COUNTED)


@pytest.mark.timeout(600)  # twice a day of a workshop of 35 devices
def test_a_connected_workshop_makes_a_fifth_more_than_its_islands(workshop: tuple[Sides, ClauseConfig]) -> None:
    side, clause = workshop
    found = judged(clause, "efficiency-gain", side("5g-sa-sub6"), side("5g-sa-sub6", connected=0))
    assert (found.bound, found.op.value) == (0.20, ">=")
    assert found.verdict is Verdict.MET
    assert found.estimate
    assert 0.20 <= found.estimate < 0.35
    assert found.interval
    assert found.interval[0] > 0.20


def test_the_plant_before_against_itself_gains_nothing(workshop: tuple[Sides, ClauseConfig]) -> None:
    side, clause = workshop
    found = judged(clause, "efficiency-gain", side("5g-sa-sub6", seed=8, connected=0), side("5g-sa-sub6", connected=0))
    assert found.verdict is Verdict.NOT_MET
    assert found.estimate is not None
    assert abs(found.estimate) < 0.08


def test_without_a_baseline_a_gain_cannot_be_judged(workshop: tuple[Sides, ClauseConfig]) -> None:
    side, clause = workshop
    with pytest.raises(Exception, match="needs a baseline"):
        judged(clause, "efficiency-gain", side("5g-sa-sub6"))
