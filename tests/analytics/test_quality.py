"""Pieces by product and cause add up exactly, and yields come from the sums."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.counters import MICRO, Increments, increments
from analytics.indicator import Basis, Indicator, Status
from analytics.quality import (
    Counters,
    Products,
    Tally,
    by_product,
    causes,
    indicators,
    indicators_by_product,
    pareto,
    rolled,
    total,
)
from analytics.spans import Spans
from analytics.station import Signals, counts
from analytics.steps import steps
from tests.analytics.signals import counter_rows, gaps, samples, window

BASIS = Basis(scope="cq/first/line/press", window=(0, 1))
SHIFT = window(0, 100)


def counter(*rows, max_gap: float | None = None, span=SHIFT) -> Increments:
    return increments(samples(rows), span, max_gap=max_gap)


def made(*rows) -> Products:
    batch = samples(rows)
    return Products(held=steps(batch, SHIFT, max_gap=None), names=tuple(str(batch.value(n)) for n in range(len(batch))))


def tally(produced: int, *, scrap=(), rework=()) -> Tally:
    return Tally(
        produced=produced * MICRO,
        scrap={cause: n * MICRO for cause, n in dict(scrap).items()},
        rework={cause: n * MICRO for cause, n in dict(rework).items()},
    )


def figures(found: list[Indicator]) -> dict[str, Indicator]:
    return {i.key: i for i in found}


def value(found: list[Indicator], kpi: str) -> float | None:
    return next(i.value for i in found if i.id == kpi)


def test_pieces_belong_to_the_product_that_was_made_when_they_were_counted() -> None:
    good = counter((0, 0), (10, 4), (60, 9), (90, 11))
    scrap = counter((0, 0), (10, 1), (60, 1), (90, 3))
    found = by_product(Counters(good=(good,), scrap=(("burr", scrap),)), made((0, "A"), (50, "B")))
    assert {name: (t.produced, t.scrap) for name, t in found.items()} == {
        "A": (5 * MICRO, {"burr": MICRO}),
        "B": (9 * MICRO, {"burr": 2 * MICRO}),
    }


def test_pieces_counted_across_a_gap_and_a_change_of_product_belong_to_none() -> None:
    good = counter((0, 0), (10, 4), (60, 9), (90, 11), max_gap=40.0)
    found = by_product(Counters(good=(good,), total=(good,)), made((0, "A"), (50, "B")))
    assert {name: t.produced for name, t in found.items()} == {"": 5 * MICRO, "A": 4 * MICRO, "B": 2 * MICRO}


def test_scrap_follows_from_good_and_total_when_nobody_counts_it() -> None:
    good, whole = counter((0, 0), (10, 8)), counter((0, 0), (10, 10))
    found = by_product(Counters(good=(good,), total=(whole,)))[""]
    assert found.scrap == {"": 2 * MICRO}
    assert value(indicators(found, BASIS), "first-pass-yield") == 0.8


def test_good_pieces_alone_do_not_say_that_nothing_was_rejected() -> None:
    found = by_product(Counters(good=(counter((0, 0), (10, 8)),)))[""]
    assert {i.status for i in indicators(found, BASIS)} == {Status.INSUFFICIENT_DATA}


def test_reworked_pieces_fail_the_first_pass_but_are_not_scrap() -> None:
    found = indicators(tally(100, scrap={"burr": 3, "crack": 2}, rework={"burr": 5}), BASIS)
    assert {i.id: i.value for i in found if "#" not in i.scope} == {
        "first-pass-yield": 0.9,
        "scrap-ratio": 0.05,
        "rework-ratio": 0.05,
        "defect-rate": 0.1,
    }
    by_cause = figures(found)
    assert by_cause["cq/first/line/press#cause=burr:reject-rate-by-cause"].value == 0.08
    assert by_cause["cq/first/line/press#cause=crack:reject-rate-by-cause"].value == 0.02


def test_every_product_has_its_own_figures() -> None:
    found = indicators_by_product({"A": tally(10, scrap={"burr": 1}), "B": tally(0)}, BASIS)
    by_scope = figures(found)
    assert by_scope["cq/first/line/press#product=A:scrap-ratio"].value == 0.1
    assert by_scope["cq/first/line/press#product=A#cause=burr:reject-rate-by-cause"].value == 0.1
    assert by_scope["cq/first/line/press#product=B:scrap-ratio"].status is Status.INSUFFICIENT_DATA


def test_causes_are_ranked_by_pieces_with_cumulative_shares() -> None:
    rows = pareto(tally(100, scrap={"burr": 3, "crack": 2}, rework={"crack": 5}))
    assert [(r.cause, r.pieces, r.share, r.cumulative) for r in rows] == [
        ("crack", 7, 0.7, 0.7),
        ("burr", 3, 0.3, 1.0),
    ]
    assert pareto(Tally()) == []


def test_rolled_throughput_yield_multiplies_yields_and_fall_off_is_of_the_first_operation() -> None:
    # Minitab's example: yields 0.95, 0.84, 0.88 of three steps → 0.70.
    steps_ = [
        ("cut", tally(1000, scrap={"": 50})),
        ("bend", tally(950, scrap={"": 52}, rework={"": 100})),
        ("paint", tally(898, rework={"": 107.76})),
    ]
    found = rolled(steps_, BASIS)
    assert value(found, "rolled-throughput-yield") == pytest.approx(0.95 * 0.84 * 0.88)
    assert value(found, "fall-off-ratio") == pytest.approx(102 / 1000)


def test_no_operation_and_an_operation_without_pieces_have_no_rolled_yield() -> None:
    for operations in ([], [("cut", tally(10)), ("bend", tally(0))]):
        assert value(rolled(operations, BASIS), "rolled-throughput-yield") is None


product_rows = st.lists(
    st.tuples(st.integers(0, 400).map(lambda t: t / 4), st.sampled_from("ABC")), max_size=6, unique_by=lambda r: r[0]
)


@given(counter_rows, counter_rows, product_rows, gaps, st.integers(0, 100))
@settings(deadline=None)
def test_products_and_causes_sum_to_what_the_oee_counts_over_any_split(good, scrap, products, gap, cut) -> None:
    spans = Spans.of([window(5, 80)])

    def read(span) -> tuple[Tally, Signals]:
        g, s = (increments(samples(rows), span, max_gap=gap) for rows in (good, scrap))
        tallies = by_product(Counters(good=(g,), scrap=(("burr", s),)), made(*products), measured=spans)
        return total(tallies.values()), Signals(states=None, good=(g,), scrap=(s,))

    whole, signals = read(SHIFT)
    core = counts(signals, spans)
    assert whole.produced == core.produced
    assert sum(causes(whole).values()) == core.scrap
    parts = total(read(span)[0] for span in (window(0, cut), window(cut, 100)))
    assert parts == whole
