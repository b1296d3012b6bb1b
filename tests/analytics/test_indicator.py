"""An indicator accounts for itself, and says nothing it cannot stand for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.explain import StepKind, explain, written
from analytics.expression import ExpressionError, compute, symbols
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Quantity, Shown, Status, evaluate, report
from plant.text import Text
from plant.units import COUNTED

BASIS = Basis(scope="cq/first/line/press", window=(0, 3600 * 10**9))
AVAILABILITY = FORMULAS["availability"]


def test_an_expression_is_computed_as_it_reads() -> None:
    assert compute("A × (B - 2) / -C + max(A, B, 9)", {"A": 3, "B": 4, "C": 2}) == 6
    assert symbols("sum(TBF) / (FE + 1) + FE") == ("TBF", "FE")
    assert compute("sum(TBF) / (FE + 1)", {"TBF": (1, 2, 3), "FE": 2}) == 2


@pytest.mark.parametrize(
    "text", ["__import__('os')", "A.b", "A[0]", "lambda: 1", "A ** 9", "open(A)", "A if B else C", "True", "'x'", "A +"]
)
def test_an_expression_can_do_nothing_but_arithmetic(text: str) -> None:
    with pytest.raises(ExpressionError):
        compute(text, {"A": 1, "B": 1, "C": 1})


@pytest.mark.parametrize(
    ("text", "given"),
    [("A / B", {"A": 1, "B": 0}), ("A", {}), ("A", {"A": None}), ("max(A)", {"A": ()}), ("A × A", {"A": 1e300})],
)
def test_an_expression_without_an_answer_has_none(text: str, given) -> None:
    assert compute(text, given) is None


def test_below_the_coverage_asked_for_there_is_no_number() -> None:
    inputs = quantities({"APT": 90.0, "PBT": 100.0, "UT": 0.0})
    enough = evaluate(AVAILABILITY, inputs, Basis(scope="s", window=(0, 1), coverage=0.9))
    too_little = evaluate(AVAILABILITY, inputs, Basis(scope="s", window=(0, 1), coverage=0.89))
    assert (enough.value, enough.status) == (0.9, Status.OK)
    assert (too_little.value, too_little.status) == (None, Status.INSUFFICIENT_DATA)
    assert "89.0%" in too_little.note.en
    assert "89.0%" in too_little.note.zh


def test_a_missing_input_is_named() -> None:
    found = evaluate(FORMULAS["effectiveness"], quantities({"APT": 1.0, "IPT": None}), BASIS)
    assert found.status is Status.INSUFFICIENT_DATA
    assert found.note.en == "Not known: IPT."


def test_a_derivation_shows_formula_inputs_with_origin_substitution_and_result() -> None:
    origins = {"APT": Text("压机状态", "state of the press")}
    found = evaluate(AVAILABILITY, quantities({"APT": 22380.0, "PBT": 25200.0, "UT": 0.0}, origins), BASIS)
    english, chinese = explain(found, "en"), explain(found, "zh")
    text = {step.kind: step.text for step in english.steps}
    assert text[StepKind.FORMULA] == "APT / (PBT - UT)"
    assert text[StepKind.SUBSTITUTION] == "22380 / (25200 - 0)"
    assert text[StepKind.RESULT] == "88.81 %"
    assert "ISO 22400-2, KPI 8 [availability v1]" in text[StepKind.SOURCE]
    assert any("22380 s — state of the press" in step.text for step in english.steps)
    assert chinese.title == "可用率"
    assert any("压机状态" in step.text for step in chinese.steps)
    assert [step.kind for step in chinese.steps] == [step.kind for step in english.steps]


@pytest.mark.parametrize("kpi", sorted(FORMULAS))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_formula_can_be_explained_without_a_value(kpi: str, language: str) -> None:
    formula = FORMULAS[kpi]
    missing = report(formula, None, {"N": Quantity(None)}, BASIS)
    assert missing.status is Status.INSUFFICIENT_DATA
    assert explain(missing, language).steps


def test_the_payload_is_json_and_an_infinite_value_is_told_by_its_status() -> None:
    infinite = report(FORMULAS["latency-p99"], float("inf"), quantities({"N": 10.0}), BASIS)
    payload = json.loads(json.dumps(infinite.payload(), allow_nan=False))
    assert (payload["value"], payload["status"]) == (None, "unbounded")
    assert payload["key"] == "cq/first/line/press:latency-p99"
    assert payload["stop"] == "1970-01-01T01:00:00.000000Z"


def test_figures_are_rounded_in_one_place() -> None:
    assert written(0.74794, "1", Shown.PERCENT, "zh") == "74.79 %"
    assert written(19271, "{part}", Shown.NUMBER, "zh") == "19,271 件"
    assert written(0.0123456789, "kW.h/{part}", Shown.NUMBER, "en") == "0.0123457 kW·h/part"


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.floats(-1e12, 1e12),
    st.floats(0, 1) | st.none(),
    st.booleans(),
)
def test_a_value_is_a_finite_number_exactly_when_the_status_is_ok(kpi, amount, coverage, planned) -> None:
    formula = FORMULAS[kpi]
    if kpi.startswith("latency"):
        return
    inputs = quantities(dict.fromkeys(formula.inputs, amount))
    found = evaluate(formula, inputs, Basis(scope="s", window=(0, 1), coverage=coverage, planned=planned))
    assert (found.value is not None) == (found.status is Status.OK)
    assert found.status is not Status.OK or (planned and coverage is not None and coverage >= 0.9)


def test_what_is_counted_is_called_alike_in_figures_and_on_pages() -> None:
    words = json.loads((Path(__file__).parents[2] / "web/src/locales/zh-CN/common.json").read_text(encoding="utf-8"))
    assert words["unit"] == COUNTED
