"""Published examples hold at their published precision, and the standard's identities hold at all."""

from __future__ import annotations

import math

import oee as peer
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics import catalogue, oee
from analytics.formulas import BEYOND_ISO, FORMULAS, value
from analytics.indicator import Flag, Indicator, Status
from analytics.iso22400 import ALIASES, KPIS, SYMBOLS
from analytics.oee import Sums, by_numbers, total

MINUTE = 60.0


def figures(sums: Sums) -> dict[str, Indicator]:
    return {i.id: i for i in oee.indicators(sums, sums.basis("by hand", (0, 1)))}


def percent(sums: Sums, *ids: str) -> tuple[float, ...]:
    found = figures(sums)
    return tuple(100 * (found[kpi].value or 0.0) for kpi in ids)


FACTORS = ("availability", "effectiveness", "quality-ratio", "oee")

PUBLISHED = [
    # planned busy, down, ideal cycle, produced, rejected (s, pieces) → A, E, Q, OEE in %, decimals
    pytest.param((420 * 60, 47 * 60, 1.0, 19271, 423), (88.81, 86.11, 97.80, 74.79), 2, id="Vorne"),
    pytest.param((420 * 60, 60 * 60, 60.0, 320, 16), (85.7, 88.9, 95.0, 72.4), 1, id="ReliaMag"),
    pytest.param((960 * 60, 120 * 60, 30.0, 1440, 144), (87.5, 85.7, 90.0, 67.5), 1, id="FIRGELLI"),
    pytest.param((460 * 60, 60 * 60, 30.0, 400, 8), (87.0, 50.0, 98.0, 42.6), 1, id="Nakajima 1988"),
]


@pytest.mark.parametrize(("given", "published", "decimals"), PUBLISHED)
def test_published_examples_of_oee_hold_at_their_precision(given, published, decimals: int) -> None:
    busy, down, cycle, produced, rejected = given
    sums = by_numbers(planned_busy_time=busy, down_time=down, ideal_cycle=cycle, produced=produced, rejected=rejected)
    assert tuple(round(x, decimals) for x in percent(sums, *FACTORS)) == published


def test_teep_and_utilization_of_the_vorne_example_hold() -> None:
    sums = by_numbers(
        planned_busy_time=420 * MINUTE,
        down_time=47 * MINUTE,
        ideal_cycle=1.0,
        produced=19271,
        rejected=423,
        planned_down_time=60 * MINUTE,
        calendar_time=480 * MINUTE,
    )
    assert [round(x, 2) for x in percent(sums, "oee", "teep", "utilization", "ooe")] == [74.79, 65.44, 87.5, 65.44]


def test_the_world_class_example_is_the_product_of_its_factors() -> None:
    # A 0.90, E 0.95, Q 0.999, made from a shift of 1 000 000 s with a cycle of 1 s.
    sums = by_numbers(planned_busy_time=1_000_000, down_time=100_000, ideal_cycle=1.0, produced=855_000, rejected=855)
    assert round(percent(sums, "oee")[0], 4) == 85.4145


MACHINES = st.builds(
    lambda busy, down, setup, cycle, produced, rejected: {
        "planned_busy_time": busy,
        "down_time": busy * down,
        "setup_time": busy * setup,
        "ideal_cycle": cycle,
        "produced": produced,
        "rejected": produced * rejected // 100,
    },
    st.integers(60, 100_000),
    st.floats(0, 0.5),
    st.floats(0, 0.4),
    st.floats(0.01, 100),
    st.integers(1, 100_000),
    st.integers(0, 100),
)


@given(MACHINES)
def test_the_identities_of_the_standard_hold(machine) -> None:
    found = {kpi: indicator.value for kpi, indicator in figures(by_numbers(**machine)).items()}
    assume(machine["rejected"] < machine["produced"])

    def same(a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=1e-9)

    assert same(found["oee"], found["availability"] * found["effectiveness"] * found["quality-ratio"])
    assert same(found["availability"], found["allocation-efficiency"] * found["utilization-efficiency"])
    assert same(found["nee"], found["oee"] / (1 - found["setup-ratio"]))
    assert same(found["quality-ratio"] + found["scrap-ratio"] + found["rework-ratio"], 1)
    direct = machine["ideal_cycle"] * (machine["produced"] - machine["rejected"]) / machine["planned_busy_time"]
    assert math.isclose(found["oee"], direct, rel_tol=1e-6, abs_tol=1e-9)


@given(st.lists(MACHINES, min_size=1, max_size=6))
def test_ratios_of_sums_are_those_of_the_whole_whatever_the_grouping(machines) -> None:
    parts = [by_numbers(**machine) for machine in machines]
    assert total(parts) == total(reversed(parts))
    assert total([total(parts[:2]), total(parts[2:])]) == total(parts)
    found = {kpi: indicator.value for kpi, indicator in figures(total(parts)).items()}
    if found["quality-ratio"]:
        product = found["availability"] * found["effectiveness"] * found["quality-ratio"]
        assert math.isclose(found["oee"], product, rel_tol=1e-9)
    # The mean of OEEs is the OEE of the whole only when weighted by planned busy time.
    weights = [part.times.busy for part in parts]
    oees = [figures(part)["oee"].value for part in parts]
    mean = sum(w * o for w, o in zip(weights, oees, strict=True)) / sum(weights)
    assert math.isclose(found["oee"], mean, rel_tol=1e-9, abs_tol=1e-12)


@given(MACHINES)
def test_oee_agrees_with_an_independent_implementation(machine) -> None:
    """PyPI `oee` caps effectiveness at 100 % for its OEE (and says so); only there the two differ."""
    ours = {kpi: indicator.value for kpi, indicator in figures(by_numbers(**machine)).items()}
    theirs = peer.oee(
        planned_production_time=machine["planned_busy_time"],
        downtime=machine["down_time"] + machine["setup_time"],
        ideal_cycle_time=machine["ideal_cycle"],
        total_count=machine["produced"],
        reject_count=machine["rejected"],
    )
    assert math.isclose(ours["availability"], theirs.availability, rel_tol=1e-6)
    assert math.isclose(ours["effectiveness"], theirs.performance_raw, rel_tol=1e-6)
    assert math.isclose(ours["quality-ratio"], theirs.quality, rel_tol=1e-9)
    if theirs.performance_raw <= 1:
        assert math.isclose(ours["oee"], theirs.oee, rel_tol=1e-6, abs_tol=1e-12)
    elif theirs.performance_raw > 1 + 1e-6 and theirs.quality:
        assert theirs.performance == 1.0
        assert ours["oee"] > theirs.oee


def test_effectiveness_above_one_is_flagged_and_not_capped() -> None:
    sums = by_numbers(planned_busy_time=1000, down_time=0, ideal_cycle=2, produced=600, rejected=0)
    found = figures(sums)
    assert found["effectiveness"].value == 1.2
    assert found["oee"].value == 1.2
    assert Flag.EFFECTIVENESS_ABOVE_ONE in found["effectiveness"].flags
    assert found["availability"].flags == ()


def test_nothing_divided_by_nothing_is_insufficient_data() -> None:
    stood = by_numbers(planned_busy_time=1000, down_time=1000, ideal_cycle=1, produced=0, rejected=0)
    found = figures(stood)
    assert found["oee"].value == 0.0
    assert found["availability"].value == 0.0
    for kpi in ("effectiveness", "quality-ratio", "nee", "setup-ratio", "scrap-ratio"):
        assert found[kpi].value is None
        assert found[kpi].status is Status.INSUFFICIENT_DATA


def test_nothing_planned_is_no_plan_and_no_number() -> None:
    assert {(i.value, i.status) for i in figures(Sums()).values()} == {(None, Status.NO_PLAN)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"down_time": 2000},
        {"rejected": 11},
        {"planned_busy_time": 0},
        {"produced": -1},
        {"calendar_time": 10},
    ],
)
def test_numbers_that_contradict_each_other_are_refused(wrong) -> None:
    numbers = {"planned_busy_time": 1000, "down_time": 0, "ideal_cycle": 1, "produced": 10, "rejected": 0}
    with pytest.raises(ValueError, match=r"."):
        by_numbers(**(numbers | wrong))


def test_all_34_kpis_of_the_standard_are_there_and_computable_in_either_spelling() -> None:
    assert [formula.source.en for formula in KPIS] == [f"ISO 22400-2, KPI {n}" for n in range(1, 35)]
    ones = dict.fromkeys(SYMBOLS, 2.0) | {"UT": 0.0, "USL": 8.0}
    for formula in KPIS:
        assert value(formula, **ones) is not None, formula.id
        assert formula.name.zh
        assert formula.name.en
    assert set(ALIASES) == {"PRU", "ASUT", "PPT", "ICT"}
    assert value(FORMULAS["oee"], PRU=1.0, GQ=18848, POT=480 * 60, PDOT=60 * 60) == pytest.approx(0.74794, abs=1e-5)
    assert value(FORMULAS["setup-ratio"], ASUT=10, APT=90) == 0.1
    with pytest.raises(KeyError, match="NONSENSE"):
        value(FORMULAS["oee"], NONSENSE=1.0)


@pytest.mark.parametrize(
    ("kpi", "given", "expected"),
    [
        ("worker-efficiency", {"APWT": 6, "APAT": 8}, 0.75),
        ("allocation-ratio", {"AUBT": (4, 5), "AOET": 6}, 1.5),
        ("throughput-rate", {"PQ": 50, "AOET": 1800}, 100),
        ("allocation-efficiency", {"AUPT": 5, "ADET": 1, "PBT": 8}, 0.75),
        ("utilization-efficiency", {"APT": 3, "AUST": 1, "ADET": 2}, 0.5),
        ("technical-efficiency", {"APT": 3, "ADET": 1}, 0.75),
        ("production-process-ratio", {"APT": (3, 4), "AOET": 10}, 0.7),
        ("actual-to-planned-scrap-ratio", {"SQ": 5, "PSQ": 10}, 0.5),
        ("first-pass-yield", {"GP": 90, "IP": 100}, 0.9),
        ("fall-off-ratio", {"SQ": 5, "PQF": 100}, 0.05),
        ("cm", {"USL": 10, "LSL": 4, "S": 0.5}, 2),
        ("cmk", {"USL": 10, "LSL": 4, "MEAN": 8, "S": 0.5}, 4 / 3),
        # SAS QCUG 18.37: R̄ = 30.4762 of samples of 5, so σ̂ = R̄ / 2.326
        ("cp", {"USL": 270, "LSL": 240, "SIGMA": 30.4762 / 2.32593}, 0.38160),
        ("cpk", {"USL": 270, "LSL": 240, "MEAN": 259 + 2 / 3, "SIGMA": 30.4762 / 2.32593}, 0.26288),
        ("mttr", {"TTR": (10, 20), "FE": 2}, 10),
        ("corrective-maintenance-ratio", {"CMT": 1, "PMT": 3}, 0.25),
        # Minitab: 700 of 1000 units pass three steps without rework
        ("rolled-throughput-yield", {"FPY": (0.95, 0.84, 0.88)}, 0.70224),
        ("inherent-availability", {"MTBF": 1000 * 3600, "MTTR": 5 * 3600}, 0.99502),
        ("mtbf-by-failures", {"TBF": 10_000 * 3600, "FE": 10}, 1000 * 3600),
    ],
)
def test_each_formula_computes_what_the_standard_says(kpi: str, given, expected) -> None:
    assert value(FORMULAS[kpi], **given) == pytest.approx(expected, abs=5e-6)


@given(st.floats(1, 100), st.floats(1, 100), st.floats(0.1, 10), st.floats(-50, 50))
def test_cpk_is_cp_times_one_minus_k(half, middle, sigma, shift) -> None:
    limits = {"USL": middle + half, "LSL": middle - half, "SIGMA": sigma}
    cp, cpk = value(FORMULAS["cp"], **limits), value(FORMULAS["cpk"], MEAN=middle + shift, **limits)
    assert cp is not None
    assert cpk == pytest.approx(cp * (1 - abs(shift) / half), rel=1e-6, abs=1e-6)


def test_every_formula_of_the_catalogue_is_named_sourced_and_unique() -> None:
    assert len(FORMULAS) == len(KPIS) + len(BEYOND_ISO) + len(catalogue.FORMULAS) + 7
    for formula in FORMULAS.values():
        assert formula.source.of("zh")
        assert formula.version >= 1
        assert {formula.name.zh, formula.name.en} & {""} == set()
