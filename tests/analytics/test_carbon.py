"""Every conversion names its factor, and factors of different years or scopes never meet in one figure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.carbon import (
    DIESEL,
    ELECTRICITY,
    GRID_FACTORS,
    Consumed,
    Efficiency,
    GridFactor,
    Scope,
    comprehensive,
    emission,
    grid_factor,
    improvement,
    natural_gas,
    per_piece,
    same_factor,
)
from analytics.explain import explain
from analytics.indicator import Basis, Status
from plant.errors import UnitError
from plant.text import Text

BASIS = Basis(scope="cq/first", window=(0, 1))
OTHER = GridFactor(value=0.6, year=2030, scope=Scope.NATIONAL, source=Text("", "made up"))


def test_the_published_example_of_standard_coal_holds() -> None:
    electricity = comprehensive([Consumed(ELECTRICITY, 18_540_000, "kW.h")], BASIS)
    gas = comprehensive([Consumed(natural_gas(1.2143), 1_280_000, "m3")], BASIS)
    assert [round((i.value or 0) / 1000, 1) for i in (electricity, gas)] == [2278.6, 1554.3]
    assert [round((i.value or 0) / 1000, 3) for i in (electricity, gas)] == [2278.566, 1554.304]


def test_carriers_add_up_in_any_unit_and_the_figure_names_their_factors() -> None:
    found = comprehensive([Consumed(ELECTRICITY, 3600, "MJ"), Consumed(DIESEL, 0.002, "t")], BASIS)
    assert found.value == pytest.approx(1000 * 0.1229 + 2 * 1.4571)
    assert found.unit == "kg{ce}"
    assert "3600 MJ × 0.1229 (GB/T 2589-2020)" in found.inputs["CE"].origin.en
    given_off = comprehensive([Consumed(ELECTRICITY, 10, "kW.h"), Consumed(ELECTRICITY, -4, "kW.h")], BASIS)
    assert given_off.value == pytest.approx(6 * 0.1229)
    with pytest.raises(UnitError):
        comprehensive([Consumed(ELECTRICITY, 1, "m3")], BASIS)


def test_nothing_consumed_is_no_figure() -> None:
    assert comprehensive([], BASIS).status is Status.INSUFFICIENT_DATA
    assert per_piece(100.0, 0.0, BASIS).value is None
    assert per_piece(100.0, 400.0, BASIS).value == 0.25


def test_twenty_percent_less_per_piece_is_twenty_five_percent_more_use() -> None:
    found = improvement(Efficiency(25.0, 100.0), Efficiency(20.0, 100.0), BASIS)
    assert {i.id: i.value for i in found} == pytest.approx(
        {"specific-consumption-reduction": 0.20, "energy-utilization-gain": 0.25}
    )


@given(*[st.floats(1, 100)] * 4)
def test_reduction_and_gain_are_two_views_of_one_ratio(e0, q0, e1, q1) -> None:
    reduction, gain = (i.value for i in improvement(Efficiency(e0, q0), Efficiency(e1, q1), BASIS))
    assert (1 - reduction) * (1 + gain) == pytest.approx(1)
    assert (reduction > 1e-9) == (gain > 1e-9) or abs(reduction) < 1e-8


def test_an_emission_carries_year_scope_and_source_of_its_factor() -> None:
    total, single = emission(1000.0, grid_factor(2023), BASIS, good=500)
    assert total.value == pytest.approx(530.6)
    assert single.value == pytest.approx(1.0612)
    assert total.unit == "kg{CO2}"
    assert "2023, national average" in total.note.en
    assert "2023 年全国平均" in total.note.zh
    assert any("notice of the Ministry" in step.text for step in explain(total, "en").steps)


def test_an_emission_that_is_not_known_says_why_instead() -> None:
    few = Basis(scope="cq/first", window=(0, 1), coverage=0.5)
    assert emission(1.0, grid_factor(2022), few)[0].note.en.startswith("Only 50.0%")


def test_another_year_or_scope_is_no_substitute() -> None:
    with pytest.raises(KeyError, match="2019"):
        grid_factor(2019)
    with pytest.raises(KeyError, match="fossil"):
        grid_factor(2023, Scope.FOSSIL)
    assert grid_factor(2023, Scope.REGIONAL, "East").value == 0.55


def test_emissions_by_different_factors_do_not_compare() -> None:
    first, second = (emission(10.0, factor, BASIS)[0] for factor in (grid_factor(2021), grid_factor(2022)))
    with pytest.raises(ValueError, match=r"2021, national average.* against 2022, national average"):
        same_factor(first, second)
    same_factor(first, emission(20.0, grid_factor(2021), BASIS)[0])


def test_a_year_and_scope_has_one_published_factor() -> None:
    keys = [(f.year, f.scope, f.region) for f in GRID_FACTORS]
    assert len(set(keys)) == len(keys)
    assert "2030, national average, made up" in OTHER.label.en


def test_factors_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no grid factor"):
        GridFactor(value=530.6, year=2023, scope=Scope.NATIONAL, source=Text("", "g instead of kg"))
    with pytest.raises(ValueError, match="outside"):
        natural_gas(12.143)
