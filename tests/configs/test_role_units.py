"""A role measures one thing, and figures are made by rules that the configuration states once."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.formulas import PERCENTILES
from analytics.reliability import Denominator
from analytics.rules import configured
from configs.loader import examine, load
from configs.schema import CentreDocument, RulesConfig
from plant.clock import SECOND
from tests.configs.test_loader import SCENE, SITE, write

TAG = "- {id: power, kind: analog, role: power, unit: kW, address: {register: 2, format: float32}}"


def with_tag(folder: Path, role: str, unit: str, kind: str = "analog") -> Path:
    tag = f"- {{id: odd, kind: {kind}, role: {role}, unit: '{unit}', address: {{register: 2, format: float32}}}}"
    return write(folder, site=SITE, scene=SCENE.replace(TAG, tag))


@pytest.mark.parametrize(
    ("role", "unit"),
    [
        ("ideal-cycle", "mm"),
        ("energy", "kW"),
        ("latency", "1"),
        ("power", "kW.h"),
        ("good-count", "kg"),
        ("clock-error", "m"),
    ],
)
def test_a_unit_that_measures_something_else_than_the_role_is_a_fault(tmp_path: Path, role: str, unit: str) -> None:
    _, faults = examine(with_tag(tmp_path, role, unit))
    [fault] = faults
    assert fault.path == "lines[0].devices[0].tags[1].unit"
    assert repr(unit) in fault.message
    assert "write a unit such as" in fault.hint
    assert fault.line == 18


@pytest.mark.parametrize(
    ("role", "unit", "kind"),
    [
        ("ideal-cycle", "min", "analog"),
        ("energy", "MJ", "energy"),
        ("latency", "us", "analog"),
        ("good-count", "{part}", "counter"),
        ("setpoint", "Cel", "analog"),
    ],
)
def test_any_unit_of_the_right_dimension_will_do(tmp_path: Path, role: str, unit: str, kind: str) -> None:
    assert examine(with_tag(tmp_path, role, unit, kind))[1] == []


def test_a_unit_that_does_not_exist_is_reported_once(tmp_path: Path) -> None:
    _, faults = examine(with_tag(tmp_path, "energy", "kWh"))
    assert len(faults) == 1
    assert "write 'kW.h'" in str(faults[0])


def test_the_rules_of_the_centre_document_reach_the_engine(tmp_path: Path) -> None:
    centre = """
    type: centre
    min_coverage: 0.8
    rules: {micro_stop: 2min, start_up: 30s, mean_times_by: failures, percentiles: [50, 99.999]}
    """
    settings = load(write(tmp_path, site=SITE, scene=SCENE, centre=centre)).centre
    rules = configured(settings.rules, min_coverage=settings.min_coverage)
    assert (rules.model.micro_stop, rules.model.start_up) == (120 * SECOND, 30 * SECOND)
    assert rules.min_coverage == 0.8
    assert rules.denominator is Denominator.FAILURES
    assert rules.percentiles == ("50", "99.999")


def test_a_percentile_that_nobody_can_compute_is_a_fault(tmp_path: Path) -> None:
    _, faults = examine(write(tmp_path, site=SITE, scene=SCENE, centre="type: centre\nrules: {percentiles: [98]}"))
    assert [fault.path for fault in faults] == ["rules.percentiles[0]"]


def test_the_configuration_offers_exactly_the_percentiles_of_the_catalogue() -> None:
    assert RulesConfig(percentiles=tuple(PERCENTILES)).percentiles == tuple(PERCENTILES)
    assert CentreDocument(type="centre").rules.percentiles == ("50", "95", "99", "99.9")
