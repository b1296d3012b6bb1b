"""Clauses about a centre or a node: no samples, only what people hand in – with name, time and document."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from evidence.assess import clause_digest
from evidence.campaign import Campaign, Campaigns, Stage, clause_of
from evidence.plan import HandedIn, Plan, SimulatedArm, Window
from evidence.planning import counted_plan
from evidence.report import report
from evidence.signing import Signer
from evidence.verify import Result, Step, Verification, verify
from plant.clock import SECOND, VirtualClock, from_iso
from plant.errors import ProvenlineError
from provenline.acceptance import app
from provenline.campaigning import Means
from tests.evidence.test_tampering import Cover, Manipulation, manipulated, told

CLOCK = VirtualClock(from_iso("2026-11-02T08:00:00+00:00"))
DAY = 86_400 * SECOND
OCTOBER = Window(start=from_iso("2026-10-01T00:00:00+08:00"), stop=from_iso("2026-11-01T00:00:00+08:00"))


@pytest.fixture(scope="module")
def packaged() -> Configuration:
    return load(PACKAGED)


def plan_for(configuration: Configuration, clause: str, name: str) -> Plan:
    catalogue = configuration.catalogues["cq-2020-1"]
    found = next(one for one in catalogue.clauses if one.id == clause)
    return Plan(
        id=name,
        name=found.name,
        catalogue=catalogue.id,
        clause=clause,
        clause_digest=clause_digest(found),
        author="Li Wei",
    )


def record(kind: str, number: float, **others: Any) -> HandedIn:
    given = {"window": OCTOBER, "source": "registry export 2026-10", "author": "Wang Fang", "at": CLOCK.now(), **others}
    return HandedIn(kind=kind, number=number, **given)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def means(packaged: Configuration, store: Path) -> Means:
    return Means(configuration=packaged, signer=Signer.load(store / "key.pem"), clock=CLOCK, report=report)


@pytest.fixture(scope="module")
def node(packaged: Configuration, store: Path, means: Means) -> Campaign:
    made = Campaigns(store).create(plan_for(packaged, "identifier-node-second-level", "node"), clock=CLOCK)
    made.hand_in(record("enterprises", 5, source="a draft of the list"))  # a slip: what comes later counts
    made.hand_in(record("enterprises", 61, source="list of enterprises, 2026-10-31"))
    made.hand_in(record("identifiers", 730_000))
    made.hand_in(record("resolutions", 210_000, of=31))
    means.carry_out(made)
    return made


@pytest.fixture(scope="module")
def checked(node: Campaign) -> Verification:
    return verify(node.package)


def test_a_node_is_judged_by_what_was_handed_in_and_anybody_can_verify_it(checked: Verification) -> None:
    assert checked.holds, told(checked)
    assert checked.simulated is False
    assert checked.finding["verdict"] == "met"
    estimates = {one["indicator"]: one["estimate"] for one in checked.finding["findings"]}
    assert estimates == {
        "enterprises": 61,
        "registered": 730_000,
        "daily-resolutions": pytest.approx(210_000 / 31),
    }


def test_the_report_names_document_person_and_time_of_each_record(node: Campaign) -> None:
    assert {"report.zh.pdf", "report.en.pdf"} <= set(node.reports)
    with zipfile.ZipFile(node.package) as archive:
        held = json.loads(archive.read("node/data/records.json"))
        book = openpyxl.load_workbook(io.BytesIO(archive.read("node/data/report/report.en.xlsx")))
    assert [one["number"] for one in held] == [5, 61, 730_000, 210_000]
    assert all(one["author"] and one["source"] and one["at"] for one in held)
    cells = [cell for row in book["daily-resolutions"].iter_rows(values_only=True) for cell in row]
    assert {210_000, 31} <= set(cells)


def test_records_are_called_what_they_are_in_the_report(node: Campaign) -> None:
    with zipfile.ZipFile(node.package) as archive:
        book = openpyxl.load_workbook(io.BytesIO(archive.read("node/data/report/report.en.xlsx")))
    said = {str(cell) for row in book.worksheets[0].iter_rows(values_only=True) for cell in row if cell is not None}
    assert {"≥ 500,000 identifier", "730,000 identifier", "6,774 resolution/d"} <= said


def test_a_count_below_the_bound_is_not_met_and_one_that_is_missing_is_too_little(
    packaged: Configuration, store: Path, means: Means
) -> None:
    made = Campaigns(store).create(plan_for(packaged, "identifier-node-second-level", "few"), clock=CLOCK)
    made.hand_in(record("enterprises", 49))
    made.hand_in(record("identifiers", 730_000))
    Means(configuration=packaged, signer=means.signer, clock=CLOCK).carry_out(made)
    assert made.finding is not None
    verdicts = {one["indicator"]: one["verdict"] for one in made.finding["findings"]}
    assert verdicts == {"enterprises": "not-met", "registered": "met", "daily-resolutions": "insufficient-data"}
    assert verify(made.package).holds


def edited(**values: object) -> Callable[[Path], None]:
    """Change the record that counts for the enterprises."""

    def do(folder: Path) -> None:
        file = folder / "data" / "records.json"
        found = json.loads(file.read_bytes())
        found[1] |= values
        file.write_text(json.dumps(found))

    return do


def removed(folder: Path) -> None:
    file = folder / "data" / "records.json"
    file.write_text(json.dumps(json.loads(file.read_bytes())[:1]))


@pytest.mark.parametrize(
    ("do", "step", "message"),
    [
        (edited(number=99), Step.FIGURES, "61.0 stated, 99.0 computed"),
        (removed, Step.FIGURES, "enterprises"),
        (edited(author=" "), Step.PLAN, "author"),
        (edited(source=""), Step.PLAN, "source"),
        (edited(at=0), Step.PLAN, "between plan and end"),
        (edited(at=CLOCK.now() + DAY), Step.PLAN, "between plan and end"),
        (edited(window={"start": 0, "stop": CLOCK.now() + DAY}), Step.PLAN, "before its window had ended"),
        (edited(kind="hearsay"), Step.FIGURES, "asks for no records of hearsay"),
    ],
)
def test_a_record_changed_afterwards_is_caught_even_when_signed_anew(
    do: Callable[[Path], None], step: Step, message: str, node: Campaign, tmp_path: Path
) -> None:
    found = verify(manipulated(Manipulation("", do, Cover.SIGNATURE, step, message), node.package, tmp_path))
    first = next(check for check in found.checks if check.result is Result.FAILS)
    assert first.step is step, told(found)
    assert message in " ".join(detail.en for detail in first.details)


def test_a_cluster_is_judged_by_what_its_enterprises_handed_in_before_and_after(
    packaged: Configuration, store: Path, means: Means
) -> None:
    catalogues = packaged.catalogues
    plan = counted_plan(catalogues, catalogue="cq-2020-1", clause="industry-cluster", author="Li Wei", name="cluster")
    made = Campaigns(store).create(plan, clock=CLOCK)
    made.hand_in(record("enterprises", 64))
    for month in range(1, 7):
        window = Window(start=OCTOBER.start - month * 31 * DAY, stop=OCTOBER.start - (month - 1) * 31 * DAY)
        side = "baseline" if month > 3 else "improved"
        better = side == "improved"
        made.hand_in(record("good-output", (60_000 if better else 50_000) + month, of=4_000, window=window, side=side))
        made.hand_in(record("rejects", 1_000 + month, of=50_000, window=window, side=side))
        made.hand_in(record("energy", (80_000 if better else 100_000) + month, of=50_000, window=window, side=side))
    means.carry_out(made)
    assert made.finding
    found = {one["indicator"]: one for one in made.finding["findings"]}
    verdicts = {name: one["verdict"] for name, one in found.items()}
    assert verdicts["served"] == verdicts["efficiency-gain"] == verdicts["energy-gain"] == "met"
    assert (verdicts["defect-cut"], verdicts["cost-cut"]) == ("not-met", "insufficient-data")
    assert found["efficiency-gain"]["estimate"] == pytest.approx(0.2, abs=0.001)
    assert found["energy-gain"]["estimate"] == pytest.approx(0.25, abs=0.001)
    assert made.finding["verdict"] == "met", "two of the four are enough"
    assert verify(made.package).holds


# ------------------------------------------------------------------------- what is refused
def test_a_record_that_the_clause_does_not_ask_for_is_refused(
    packaged: Configuration, store: Path, means: Means
) -> None:
    made = Campaigns(store).create(plan_for(packaged, "identifier-node-second-level", "foreign"), clock=CLOCK)
    made.hand_in(record("courses", 12))
    with pytest.raises(ProvenlineError, match="no records of courses; it asks for: enterprises"):
        means.carry_out(made)
    assert made.status.stage is Stage.FAILED


def test_a_clause_that_needs_samples_is_not_judged_by_records(
    packaged: Configuration, store: Path, means: Means
) -> None:
    made = Campaigns(store).create(plan_for(packaged, "wireless-control", "samples"), clock=CLOCK)
    with pytest.raises(ProvenlineError, match="needs"):
        means.carry_out(made)


def test_nothing_handed_in_is_an_error_that_says_so(packaged: Configuration, store: Path, means: Means) -> None:
    made = Campaigns(store).create(plan_for(packaged, "identifier-node-second-level", "nothing"), clock=CLOCK)
    with pytest.raises(ProvenlineError, match="nothing was handed in"):
        means.carry_out(made)


def test_nothing_is_handed_in_of_a_time_to_come_nor_after_the_verdict(node: Campaign, packaged: Configuration) -> None:
    with pytest.raises(ProvenlineError, match="make a new revision first"):
        node.hand_in(record("enterprises", 62))
    open_one = Campaigns(node.folder.parent).create(
        plan_for(packaged, "identifier-node-second-level", "ahead"), clock=CLOCK
    )
    with pytest.raises(ProvenlineError, match="has ended"):
        open_one.hand_in(record("enterprises", 62, window=Window(start=0, stop=CLOCK.now() + DAY)))
    assert open_one.records == ()


def test_a_plan_has_a_scene_with_its_side_or_neither(packaged: Configuration) -> None:
    plan = plan_for(packaged, "identifier-node-second-level", "half")
    with pytest.raises(ValueError, match="names a scene and its improved side"):
        Plan.model_validate({**plan.model_dump(), "scene": "agv"})
    with pytest.raises(ValueError, match="names a scene and its improved side"):
        Plan.model_validate({**plan.model_dump(), "improved": SimulatedArm(profile="wired", shifts=1, seed=1)})


def test_a_record_is_handed_in_from_the_command_line(packaged: Configuration, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "{id: node, name: 节点, catalogue: cq-2020-1, clause: identifier-node-second-level, author: Li Wei}", "utf-8"
    )
    data = ["--data", str(tmp_path)]
    frozen = CliRunner().invoke(app, ["plan", "--file", str(plan), *data])
    assert frozen.exit_code == 0, frozen.output
    words = ["hand-in", "node", "--kind", "enterprises", "--number", "61", "--start", "2025-10-01T00:00:00+08:00"]
    more = ["--stop", "2025-11-01T00:00:00+08:00", "--source", "list of October", "--author", "Wang Fang", *data]
    found = CliRunner().invoke(app, [*words, *more])
    assert found.exit_code == 0, found.output
    (one,) = Campaigns(tmp_path / "campaigns").open("node").records
    assert (one.kind, one.number, one.author, one.source) == ("enterprises", 61, "Wang Fang", "list of October")
    assert clause_of(packaged.catalogues, Campaigns(tmp_path / "campaigns").open("node").plan.plan)
