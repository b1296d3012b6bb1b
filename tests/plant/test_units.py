"""Units convert when they measure the same thing, and are refused with a hint when they are not UCUM."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.errors import UnitError
from plant.units import check_unit, convert, parse, symbol

KNOWN = ["1", "%", "kW.h", "mm/s", "Cel", "{part}/h", "/min", "m3/h", "us", "kg.m/s2", "10*3/uL", "Mbit/s", "g/(kW.h)"]


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (1, "kW.h", "MJ", 3.6),
        (100, "Cel", "[degF]", 212),
        (0, "K", "Cel", -273.15),
        (1, "bar", "kPa", 100),
        (1, "L", "m3", 0.001),
        (60, "{part}/min", "{part}/s", 1),
        (1, "N.m", "J", 1),
        (1, "h", "s", 3600),
        (1, "V.A", "W", 1),
        (8, "Mbit/s", "MBy/s", 1),
        (50, "%", "1", 0.5),
    ],
)
def test_values_convert_between_units_of_one_dimension(value, source, target, result) -> None:
    assert convert(value, source, target) == pytest.approx(result)
    assert convert(convert(value, source, target), target, source) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("source", "target"), [("kW", "kW.h"), ("m", "m2"), ("Cel", "s"), ("1", "m")])
def test_units_of_different_things_do_not_convert(source: str, target: str) -> None:
    with pytest.raises(UnitError, match="same thing"):
        convert(1, source, target)


@pytest.mark.parametrize(
    ("slip", "hint"), [("kWh", "kW.h"), ("°C", "Cel"), ("rpm", "{rev}/min"), ("pcs", "{part}"), ("Nm", "N.m")]
)
def test_a_usual_slip_is_answered_with_the_right_code(slip: str, hint: str) -> None:
    with pytest.raises(UnitError) as caught:
        check_unit(slip)
    assert repr(hint) in str(caught.value)


@pytest.mark.parametrize(
    "code", ["", "kW.", "m/(s", "m)", "xyz", "m//s", "Cel2", "Cel.m", "m" * 65, "/0", "Ym99", "ym99"]
)
def test_what_is_no_unit_is_refused(code: str) -> None:
    with pytest.raises(UnitError):
        check_unit(code)


@given(st.text(max_size=20))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    try:
        unit = parse(text)
    except UnitError:
        return
    assert math.isfinite(unit.factor)
    assert isinstance(symbol(text), str)


@given(st.sampled_from(KNOWN), st.sampled_from(KNOWN))
def test_a_quotient_divides_factors_and_dimensions(a: str, b: str) -> None:
    if parse(a).offset or parse(b).offset or not a or a.startswith("/"):
        return
    whole, first, second = parse(f"({a})/({b})") if not b.startswith("/") else parse(a), parse(a), parse(b)
    if b.startswith("/"):
        return
    assert whole.factor == pytest.approx(first.factor / second.factor)
    assert whole.dimension == tuple(x - y for x, y in zip(first.dimension, second.dimension, strict=True))


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("kW.h", "kW·h"),
        ("Cel", "°C"),
        ("{part}/h", "part/h"),
        ("m3/h", "m³/h"),
        ("us", "µs"),
        ("1", ""),
        ("m/s2", "m/s²"),
    ],
)
def test_people_read_symbols(code: str, shown: str) -> None:
    assert symbol(code) == shown
