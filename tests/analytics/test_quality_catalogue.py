"""Every formula of every field is named, sourced, measured in a known unit, and written in known symbols."""

from __future__ import annotations

import pytest

from analytics import catalogue
from analytics.catalogue import alarms, energy, measures, network, quality, semi, transport, warning
from analytics.formulas import BEYOND_ISO, FORMULAS, SYMBOLS
from analytics.indicator import Formula
from analytics.iso22400 import KPIS
from analytics.iso22400 import SYMBOLS as ISO_SYMBOLS
from plant.units import check_unit


@pytest.mark.parametrize("formula", catalogue.FORMULAS, ids=lambda formula: formula.id)
def test_a_formula_is_complete(formula: Formula) -> None:
    assert formula.name.zh
    assert formula.name.en
    assert formula.source.of("en")
    check_unit(formula.unit)
    for name in formula.inputs:
        assert SYMBOLS[name].name.zh
        assert SYMBOLS[name].name.en
        check_unit(SYMBOLS[name].unit)


def test_no_field_redefines_a_formula_or_a_symbol_of_another() -> None:
    ids = [formula.id for formula in (*KPIS, *BEYOND_ISO, *catalogue.FORMULAS)]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(FORMULAS)
    assert not set(catalogue.SYMBOLS) & set(ISO_SYMBOLS)
    fields = (alarms, energy, measures, network, quality, semi, transport, warning)
    assert sum(len(field.SYMBOLS) for field in fields) == len(catalogue.SYMBOLS)
