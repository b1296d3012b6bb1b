"""A simulated verdict is tried against its assumptions, one at a time; the report shows what it rests on."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from analytics.acceptance import ClauseFinding, Verdict
from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from evidence.campaign import Campaigns, Status
from evidence.dossier import Dossier
from evidence.payload import Plain
from evidence.plan import Plan, RecordedArm, SimulatedArm, Window
from evidence.planning import clause_for, simulated_plan
from evidence.report.content import content
from evidence.report.workbook import workbook
from evidence.sensitivity import HIGH, LOW, Assumption, vary
from evidence.signing import Signer
from evidence.verify import verify
from plant.errors import ProvenlineError
from plant.text import Text
from provenline.assumptions import numbers
from provenline.campaigning import Means
from tests.evidence.conftest import CLOCK, short_shifts


# ------------------------------------------------------------------------- the table alone
def judged(verdict: Verdict) -> ClauseFinding:
    return ClauseFinding(clause="c", number="1", name=Text("c"), verdict=verdict, findings=())


def test_every_assumption_is_tried_at_half_and_at_half_as_much_again() -> None:
    asked: list[tuple[str, float]] = []

    def rerun(parameter: str, factor: float) -> ClauseFinding:
        asked.append((parameter, factor))
        return judged(Verdict.MET)

    told: list[tuple[float, str]] = []
    table = vary(
        [Assumption("speed", 2.0), Assumption("crew", 3.0, 4.0)],
        Verdict.MET,
        rerun,
        lambda share, step: told.append((share, step.of("en"))),
    )
    assert (
        asked
        == [("speed", LOW), ("speed", HIGH), ("crew", LOW), ("crew", HIGH)]
        == [
            ("speed", 0.5),
            ("speed", 1.5),
            ("crew", 0.5),
            ("crew", 1.5),
        ]
    )
    assert [row["parameter"] for row in table] == ["speed", "crew"]
    assert table[1]["baseline"] == 4.0
    assert told == [(n / 4, f"trying assumptions, {n + 1} of 4") for n in range(4)]


def test_what_turns_the_verdict_comes_first() -> None:
    def rerun(parameter: str, factor: float) -> ClauseFinding:
        return judged(Verdict.NOT_MET if (parameter, factor) == ("b", HIGH) else Verdict.MET)

    table = vary([Assumption("a", 1.0), Assumption("b", 1.0)], Verdict.MET, rerun, lambda *_: None)
    assert [row["parameter"] for row in table] == ["b", "a"]


def test_a_value_the_model_cannot_take_is_said_and_stops_nothing() -> None:
    def rerun(parameter: str, factor: float) -> ClauseFinding:
        if factor == HIGH:
            raise ValueError(f"{parameter}: 1.2 is not a number from 0 to 1")
        return judged(Verdict.MET)

    (row,) = vary([Assumption("share", 0.8)], Verdict.MET, rerun, lambda *_: None)
    assert row["high"] == {"error": "share: 1.2 is not a number from 0 to 1"}
    assert row["low"]["verdict"] == "met"


def test_half_of_nothing_is_not_tried() -> None:
    def rerun(parameter: str, factor: float) -> ClauseFinding:
        raise AssertionError(parameter, factor)

    assert vary([Assumption("desk", 0.0)], Verdict.MET, rerun, lambda *_: None) == []


# ------------------------------------------------------------------- a campaign, end to end
@pytest.fixture(scope="module")
def varied(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dossier, Path, list[str]]:
    """Return a campaign's dossier, its package and the steps it told, with all its assumptions varied."""
    place = tmp_path_factory.mktemp("varied")
    (place / "configuration").mkdir()
    configuration = short_shifts(place / "configuration", "identifier", minutes=10)
    chosen = clause_for(configuration.catalogues, "identifier")
    plan = simulated_plan(configuration.scenes["identifier"], *chosen, shifts=3, seed=7, author="Li Wei")
    made = Campaigns(place / "store").create(plan, clock=CLOCK)
    kept: list[Dossier] = []

    def keep(dossier: Dossier) -> dict[str, bytes]:
        kept.append(dossier)
        return {}

    steps: list[str] = []
    shares: list[float] = []

    def note(status: Status) -> None:
        steps.append(status.step.of("en"))
        shares.append(status.share)

    Means(configuration=configuration, signer=signer, clock=CLOCK, report=keep, sensitivity=True).carry_out(made, note)
    assert shares == sorted(shares)
    return kept[0], made.package, steps


def rows(varied: tuple[Dossier, Path, list[str]]) -> dict[str, Plain]:
    with zipfile.ZipFile(varied[1]) as archive:
        return {row["parameter"]: row for row in json.loads(archive.read("identifier/data/sensitivity.json"))}


def test_every_number_the_model_takes_is_varied_on_both_sides(varied: tuple[Dossier, Path, list[str]]) -> None:
    found = rows(varied)
    assert set(found) == {"desk", "batch"}
    assert (found["desk"]["value"], found["desk"]["baseline"]) == (0, 12)
    assert (found["batch"]["value"], found["batch"]["baseline"]) == (4, None)
    near, far = (found["desk"][name]["estimates"]["collect-gain"] for name in ("low", "high"))
    # The farther the wired PC the worker walked to before, the more is gained by not walking.
    (finding,) = varied[0].assessment.finding.findings
    assert finding.estimate is not None
    assert near < finding.estimate < far
    assert [step for step in varied[2] if "of 4" in step]


def test_the_package_with_its_table_verifies(varied: tuple[Dossier, Path, list[str]]) -> None:
    assert verify(varied[1]).holds


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_report_has_a_row_an_assumption(varied: tuple[Dossier, Path, list[str]], language: str) -> None:
    table = content(varied[0], language)[0]["sensitivity"]
    assert {row[0]: row[1] for row in table} == {"desk": "0 / 12", "batch": "4"}
    assert all(len(row) == 4 and all(isinstance(cell, str) and cell for cell in row) for row in table)
    assert all("%" in cell for row in table for cell in row[2:])
    last = openpyxl.load_workbook(io.BytesIO(workbook(varied[0], language))).worksheets[-1]
    assert [[cell.value for cell in row] for row in last.iter_rows(min_row=7, max_col=4)] == table


# ---------------------------------------------------------------------------- what there is
def test_the_numbers_of_every_packaged_scene_are_known() -> None:
    configuration = load(PACKAGED)
    for scene in configuration.scenes.values():
        if scene.simulation is None or scene.simulation.profile is None:
            continue
        side = SimulatedArm(profile=scene.simulation.profile, shifts=1, seed=1)
        found = numbers(configuration, scene.id, side)
        given = {name for name, value in scene.simulation.parameters.items() if isinstance(value, int | float)}
        given -= {name for name, value in scene.simulation.parameters.items() if isinstance(value, bool)}
        assert given <= found.keys(), scene.id


def test_recorded_sides_have_no_assumptions(configuration: Configuration, signer: Signer, tmp_path: Path) -> None:
    chosen = clause_for(configuration.catalogues, "identifier")
    plan = simulated_plan(configuration.scenes["identifier"], *chosen, shifts=1, seed=7, author="Li Wei")
    real = Plan.model_validate({**plan.model_dump(), "improved": RecordedArm(windows=(Window(start=0, stop=1),))})
    made = Campaigns(tmp_path).create(real, clock=CLOCK)
    with pytest.raises(ProvenlineError, match="only what is simulated"):
        Means(configuration=configuration, signer=signer, clock=CLOCK, sensitivity=True).carry_out(made)
