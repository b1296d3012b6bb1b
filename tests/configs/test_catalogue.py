"""The catalogues ask what the documents ask, anybody can add one, and every slip in one is named with its place."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from analytics.acceptance.vocabulary import answers
from configs.catalogue import AcceptanceCatalogue, ClauseConfig
from configs.loader import PACKAGED, examine, load, shipped_catalogues

# Copied by hand from the notices: clause, indicator, comparison, bound, unit.
NOTICES = """
    cq-2020-1   CQ-2020-1/A1.2.2.1  digital-workshop              coverage            >=  0.50    1
    cq-2020-1   CQ-2020-1/A1.2.2.1  digital-workshop              networked           >=  30      {device}
    cq-2020-1   CQ-2020-1/A1.2.2.1  digital-workshop              efficiency-gain     >=  0.20    1
    cq-2020-1   CQ-2020-1/A1.2.2.2  vision-inspection             inspection-gain     >=  0.20    1
    cq-2020-1   CQ-2020-1/A1.2.2.2  vision-inspection             defect-cut          >=  0.05    1
    cq-2020-1   CQ-2020-1/A1.2.2.2  vision-inspection             yield               >=  0.98    1
    cq-2020-1   CQ-2020-1/A1.2.2.2  vision-inspection             misjudgement        <   0.0001  1
    cq-2020-1   CQ-2020-1/A1.2.2.3  ar-assist                     trainings           >=  100     {person}
    cq-2020-1   CQ-2020-1/A1.2.2.3  ar-assist                     remote-maintenance  >=  50      {session}
    cq-2020-1   CQ-2020-1/A1.2.2.4  wireless-control              closed-loop         >=  0.95    1
    cq-2020-1   CQ-2020-1/A1.2.2.4  wireless-control              efficiency-gain     >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.2.2.5  cloud-robot                   decision            >=  0.95    1
    cq-2020-1   CQ-2020-1/A1.2.2.6  material                      realtime-rate       >=  0.95    1
    cq-2020-1   CQ-2020-1/A1.2.2.6  material                      accuracy            >=  0.95    1
    cq-2020-1   CQ-2020-1/A1.2.2.7  agv                           cost-cut            >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.2.2.7  agv                           agv-gain            >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.2.2.8  identifier                    collect-gain        >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.2.2.9  line-coordination             five-g-access       >=  0.50    1
    cq-2020-1   CQ-2020-1/A1.2.2.9  line-coordination             latency             <   10      ms
    cq-2020-1   CQ-2020-1/A1.2.2.9  line-coordination             efficiency-gain     >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.1      identifier-node-second-level  enterprises         >=  50      {enterprise}
    cq-2020-1   CQ-2020-1/A1.1      identifier-node-second-level  registered          >=  500000  {identifier}
    cq-2020-1   CQ-2020-1/A1.1      identifier-node-second-level  daily-resolutions   >=  5000    {resolution}/d
    cq-2020-1   CQ-2020-1/A1.1      identifier-node-enterprise    registered          >=  500000  {identifier}
    cq-2020-1   CQ-2020-1/A1.1      identifier-node-enterprise    daily-resolutions   >=  5000    {resolution}/d
    cq-2020-1   CQ-2020-1/A1.3      industry-cluster              served              >=  50      {enterprise}
    cq-2020-1   CQ-2020-1/A1.3      industry-cluster              cost-cut            >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.3      industry-cluster              efficiency-gain     >=  0.10    1
    cq-2020-1   CQ-2020-1/A1.3      industry-cluster              defect-cut          >=  0.05    1
    cq-2020-1   CQ-2020-1/A1.3      industry-cluster              energy-gain         >=  0.05    1
    cq-2023-38  CQ-2023-38          plan-2027                     digital-design      >=  0.87    1
    cq-2023-38  CQ-2023-38          plan-2027                     nc-rate             >=  0.65    1
    cq-2024-5   CQ-2024-5/A1-A2     centre-comprehensive          scenes              >=  8       {scene}
    cq-2024-5   CQ-2024-5/A1-A2     centre-comprehensive          scene-classes       >=  6       {class}
    cq-2024-5   CQ-2024-5/A1-A2     centre-comprehensive          industries          >=  4       {industry}
    cq-2024-5   CQ-2024-5/A1-A2     centre-comprehensive          courses             >=  8       {course}
    cq-2024-5   CQ-2024-5/A1-A2     centre-comprehensive          trained             >=  1000    {person}
    cq-2024-5   CQ-2024-5/A1-A2     centre-regional               scenes              >=  8       {scene}
    cq-2024-5   CQ-2024-5/A1-A2     centre-regional               scene-classes       >=  6       {class}
    cq-2024-5   CQ-2024-5/A1-A2     centre-regional               industries          >=  4       {industry}
    cq-2024-5   CQ-2024-5/A1-A2     centre-regional               courses             >=  8       {course}
    cq-2024-5   CQ-2024-5/A1-A2     centre-regional               trained             >=  800     {person}
"""
DOCUMENTS = {
    "cq-2020-1": ("渝经信智能〔2020〕1号", "2020-01-08"),
    "cq-2023-38": ("渝经信发〔2023〕38号", "2023-06-29"),
    "cq-2024-5": ("渝经信智能〔2024〕5号", "2024-03-18"),
}
OWN = """
type: acceptance-catalogue
id: own
document: {number: 内部〔2026〕1号, date: 2026-05-01, title: {zh: 内部要求, en: Own demands}}
clauses:
  - id: press
    number: OWN/1
    scene: not-configured-here
    name: {zh: 冲压, en: Press}
    indicators:
      - {id: gain, name: Gain, kind: change-up, op: ">=", value: 0.15, measure: production-rate, statistic: ratio}
"""


def shipped(catalogue: str, clause: str) -> ClauseConfig:
    (found,) = (one for one in shipped_catalogues() if one.id == catalogue)
    return next(one for one in found.clauses if one.id == clause)


def test_the_catalogues_ask_what_the_notices_ask() -> None:
    asked = sorted(line.split() for line in NOTICES.strip().splitlines())
    listed = sorted(
        [catalogue.id, clause.number, clause.id, one.id, one.op.value, one.value, one.unit]
        for catalogue in shipped_catalogues()
        for clause in catalogue.clauses
        for one in clause.indicators
    )
    assert [[*row[:5], float(row[5]), row[6]] for row in asked] == listed


def test_the_documents_are_quoted_by_number_and_date() -> None:
    found = {one.id: (one.document.number, one.document.date.isoformat()) for one in shipped_catalogues()}
    assert found == DOCUMENTS


def test_a_cut_of_rejects_or_a_yield_is_enough_and_the_cluster_needs_two_of_four() -> None:
    either = {one.id: one.any_of for one in shipped("cq-2020-1", "vision-inspection").indicators}
    assert either == {"inspection-gain": None, "defect-cut": "quality", "yield": "quality", "misjudgement": None}
    cluster = shipped("cq-2020-1", "industry-cluster")
    assert cluster.at_least == 2
    assert [one.id for one in cluster.indicators if one.any_of is None] == ["served"]


def test_every_clause_speaks_both_languages_and_says_its_formula() -> None:
    for catalogue in shipped_catalogues():
        for clause in catalogue.clauses:
            words = [clause.name, *(text for one in clause.indicators for text in (one.name, one.note))]
            assert all(text.zh and text.en and text.zh != text.en for text in words), clause.id


def test_every_shipped_indicator_is_answered_by_a_measure_that_can() -> None:
    assert examine(PACKAGED / "acceptance", measures=answers())[1] == []


def test_every_scene_clause_has_the_measure_of_its_indicator() -> None:
    measures = {(c.id, one.id): one.measure for a in shipped_catalogues() for c in a.clauses for one in c.indicators}
    assert measures["agv", "cost-cut"] == "cost-per-transport"
    assert measures["line-coordination", "latency"] == "device-latency"
    assert measures["industry-cluster", "energy-gain"] == "records"
    assert measures["centre-regional", "courses"] == "records"


# ------------------------------------------------------------------------------ one's own
def put(folder: Path, text: str, name: str = "own.yaml") -> Path:
    (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def test_a_folder_adds_a_catalogue_of_its_own_to_those_that_ship(tmp_path: Path) -> None:
    found = load(put(tmp_path, OWN)).catalogues
    assert set(found) == {*DOCUMENTS, "own"}
    assert found["own"].clauses[0].indicators[0].value == 0.15


def test_a_folder_replaces_a_shipped_catalogue_by_its_id(tmp_path: Path) -> None:
    found = load(put(tmp_path, OWN.replace("id: own", "id: cq-2020-1"))).catalogues
    assert [clause.id for clause in found["cq-2020-1"].clauses] == ["press"]


@pytest.mark.parametrize(
    ("slip", "mended", "line", "path", "words"),
    [
        (
            "measure: production-rat,",
            "measure: production-rate,",
            11,
            "clauses[0].indicators[0].measure",
            "did you mean",
        ),
        ("statistic: proportion}", "statistic: ratio}", 11, "clauses[0].indicators[0].statistic", "ratio"),
        (
            "statistic: ratio, parameters: {wight: pieces}}",
            "statistic: ratio}",
            11,
            "clauses[0].indicators[0].parameters.wight",
            "did you mean 'weight'",
        ),
        (
            "statistic: ratio, parameters: {weight: 3}}",
            "statistic: ratio}",
            11,
            "clauses[0].indicators[0].parameters.weight",
            "a text",
        ),
        ("statistic: ratio, pooling: least}", "statistic: ratio}", 11, "clauses[0].indicators[0]", "tally"),
        ("statistic: percentile}", "statistic: ratio}", 11, "clauses[0].indicators[0]", "percentile"),
        ("op: '=>',", 'op: ">=",', 11, "clauses[0].indicators[0].op", "'>='"),
        ("kind: growth,", "kind: change-up,", 11, "clauses[0].indicators[0].kind", "change-up"),
        ("value: a lot,", "value: 0.15,", 11, "clauses[0].indicators[0].value", "number"),
        ("subject: centre\n    scene: not-", "scene: not-", 6, "clauses[0]", "names the scene"),
        ("valve: 0.15,", "value: 0.15,", 11, "clauses[0].indicators[0].valve", "value"),
        ("at_least: 2\n    scene:", "scene:", 6, "clauses[0]", "any_of"),
    ],
)
def test_a_slip_in_a_catalogue_is_named_with_file_line_and_path(
    tmp_path: Path, slip: str, mended: str, line: int, path: str, words: str
) -> None:
    assert mended in OWN
    _, faults = examine(put(tmp_path, OWN.replace(mended, slip)), measures=answers())
    fault = next(one for one in faults if one.path == path)
    assert (fault.file, fault.line) == ("own.yaml", line)
    assert words in f"{fault.message} {fault.hint}"


def test_a_clause_and_a_catalogue_are_there_only_once(tmp_path: Path) -> None:
    again = OWN[OWN.index("  - id: press") :]
    put(tmp_path, OWN + again)
    put(tmp_path, OWN, "second.yaml")
    said = [(one.file, one.path, one.message) for one in examine(tmp_path)[1]]
    assert said == [
        ("own.yaml", "clauses[1].id", "clause 'press' is already there"),
        ("second.yaml", "id", "catalogue 'own' is already there"),
    ]


def test_without_knowing_measures_a_folder_is_not_blamed_for_them(tmp_path: Path) -> None:
    assert examine(put(tmp_path, OWN.replace("production-rate", "something-else")))[1] == []


def test_a_catalogue_is_read_as_it_was_written() -> None:
    for one in shipped_catalogues():
        assert AcceptanceCatalogue.model_validate(one.model_dump(mode="json")) == one


@pytest.mark.parametrize("page", ["acceptance-statistics.md", "acceptance-statistics.zh-CN.md"])
def test_the_example_of_the_guide_is_sound(tmp_path: Path, page: str) -> None:
    text = (PACKAGED.parent / "docs" / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    documents, faults = examine(put(tmp_path, example), measures=answers())
    assert faults == []
    assert len(documents) == 1


def test_the_measured_statistics_keep_their_promise_in_both_languages() -> None:
    tables = []
    for page in ("acceptance-statistics.md", "acceptance-statistics.zh-CN.md"):
        text = (PACKAGED.parent / "docs" / page).read_text(encoding="utf-8")
        parts = re.findall(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
        tables.append({name: [line.split(" | ") for line in part.split("\n")[3:]] for name, part in parts})
    assert tables[0] == tables[1]
    gains = [row for row in tables[0]["gains"] if len(row) > 1]
    assert len(gains) == 48
    assert max(float(row[4]) for row in gains) <= 5  # a baseline against a baseline
    assert max(float(row[5]) for row in gains if row[1] != "0.5") <= 5  # a gain at its bound
