"""Variation, availability and coverage of a link count what was lost and say what is not known."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import latency
from analytics.floor import Coverage, Floor, floor_coverage, indicator
from analytics.indicator import Basis, Indicator, Status
from analytics.network import (
    Availability,
    Probes,
    Service,
    availability,
    availability_indicators,
    ipdv,
    one_way,
    probes,
    variation,
)
from plant.clock import MILLISECOND, SECOND
from plant.quality import Quality
from tests.analytics.signals import BAD, samples, window

BASIS = Basis(scope="cq/first/cell/probe", window=(0, 1))
LOST, UNMEASURED = math.inf, math.nan


def sent(delays, interval: float = 10.0) -> Probes:
    """Build probes sent every `interval` ms."""
    time = np.arange(len(delays), dtype=np.int64) * round(interval * MILLISECOND)
    return Probes(time, np.array(delays, float))


def figures(found: list[Indicator]) -> dict[str, Indicator]:
    return {i.id: i for i in found}


def test_a_time_out_is_a_loss_and_any_other_bad_sample_no_measurement() -> None:
    batch = samples([(0, 2000.0), (1, 0.0, int(Quality.BAD_TIMEOUT)), (2, 5.0, BAD), (3, -1.0), (9, 1.0)])
    found = probes(batch, "us", window(0, 9))
    assert found.delay.tolist()[:2] == [2.0, LOST]
    assert np.isnan(found.delay[2:]).all()
    assert (found.received.tolist(), found.lost) == ([2.0], 1)


def test_variation_between_packets_needs_both_of_them() -> None:
    assert ipdv(sent([1, 3, LOST, LOST, 2, UNMEASURED, 5, 4])).tolist() == [2, -1]


def test_lost_packets_vary_without_bound_and_leave_no_successive_difference() -> None:
    found = figures(variation(sent([5.0] * 90 + [9.0] * 10), BASIS))
    assert (found["pdv-p95"].value, found["pdv-p99"].value) == (4.0, 4.0)
    assert found["ipdv-p95"].value == 0.0
    assert found["ipdv-p99"].status is Status.INSUFFICIENT_DATA  # 99 differences
    lossy = figures(variation(sent([5.0] * 90 + [LOST] * 10), BASIS))
    assert lossy["pdv-p95"].status is Status.UNBOUNDED
    assert json.dumps([i.payload() for i in lossy.values()], allow_nan=False)
    assert lossy["ipdv-p95"].value == 0.0


@given(st.lists(st.floats(0, 1000) | st.just(LOST), min_size=20, max_size=200), st.floats(0, 500))
@settings(deadline=None)
def test_variation_does_not_depend_on_the_clock_offset(delays, offset) -> None:
    one, other = (figures(variation(sent(np.array(delays) + o), BASIS, shares=("95",))) for o in (0.0, offset))
    for kpi, indicator_ in one.items():
        assert (indicator_.value is None) == (other[kpi].value is None)
        if indicator_.value is not None and math.isfinite(indicator_.value):
            assert indicator_.value == pytest.approx(other[kpi].value, abs=1e-6)


def test_nothing_sent_or_measured_has_no_figures() -> None:
    assert {i.value for i in variation(sent([LOST] * 200), BASIS)} == {None}
    for found in (sent([]), sent([UNMEASURED] * 200)):
        assert {i.value for i in variation(found, BASIS)} == {None}
        down = availability(found, Service(interval=10, deadline=5, survival=0), (0, SECOND))
        assert {i.value for i in availability_indicators(down, Basis(scope="s", window=(0, SECOND)))} == {None}


def test_a_one_way_delay_is_as_sure_as_the_clocks_and_nothing_without_them() -> None:
    plain = latency.indicators(np.arange(1.0, 201.0), 0, BASIS, shares=("50",))
    stated = figures(one_way(plain, 3.0))["latency-p50"]
    low, high = plain[0].uncertainty or (0, 0)
    assert stated.value == 100
    assert stated.uncertainty == (low - 3, high + 3)
    assert stated.inputs["CLK"].value == 3.0
    assert "3 ms" in stated.note.en
    unknown = figures(one_way(plain, None))
    assert (unknown["latency-p50"].value, unknown["latency-p50"].status) == (None, Status.INSUFFICIENT_DATA)
    assert "clock error is not known" in unknown["latency-p50"].note.en
    assert unknown["loss-ratio"].value == 0
    with pytest.raises(ValueError, match="clock error"):
        one_way(plain, -1.0)


def outages(delays, *, survival: float, deadline: float = 5.0, stop: float = 0.1) -> list[tuple[float, float]]:
    service = Service(interval=10, deadline=deadline, survival=survival)
    down = availability(sent(delays), service, window(0, stop)).down
    return [(a / MILLISECOND, b / MILLISECOND) for a, b in zip(down.start.tolist(), down.stop.tolist(), strict=True)]


def test_a_service_survives_what_its_survival_time_covers() -> None:
    delays = [1.0, 1.0, LOST, LOST, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    # First lost message expected by 25 ms; the next timely one arrives at 42 ms.
    assert outages(delays, survival=17) == []
    assert outages(delays, survival=10) == [(35, 42)]
    assert outages(delays, survival=0) == [(25, 42)]


def test_a_late_message_counts_like_a_lost_one() -> None:
    assert outages([1.0, 5.1, 1.0, 1.0], survival=0, stop=0.04) == [(15, 21)]
    assert outages([1.0, 5.0, 1.0, 1.0], survival=0, stop=0.04) == []


def test_an_outage_that_still_lasts_ends_with_the_window() -> None:
    assert outages([1.0, LOST, LOST, LOST], survival=10, stop=0.04) == [(25, 40)]


def test_what_was_not_observed_is_neither_up_nor_down() -> None:
    found = Probes(np.array([0, 10, 500, 510], np.int64) * MILLISECOND, np.array([1.0, LOST, 1.0, 1.0]))
    service = Service(interval=10, deadline=5, survival=0)
    state = availability(found, service, window(0, 0.52))
    assert state.observed.total == (30 + 20) * MILLISECOND
    # Still down when probing resumes, until the first answer: one outage over unobserved time.
    assert (state.down.start // MILLISECOND).tolist() == [15, 500]
    assert (state.down.stop // MILLISECOND).tolist() == [30, 501]
    at_all = availability_indicators(state, Basis(scope="s", window=window(0, 0.52)))
    assert {i.status for i in at_all} == {Status.INSUFFICIENT_DATA}
    known = figures(availability_indicators(state, Basis(scope="s", window=window(0, 0.52), min_coverage=0.05)))
    assert known["communication-availability"].value == pytest.approx(34 / 50)
    assert known["communication-outages"].value == 1
    assert known["communication-reliability"].value == pytest.approx(0.034)


delays_ = st.lists(st.sampled_from((1.0, 4.0, 6.0, 25.0, LOST, UNMEASURED)), max_size=60)


@given(delays_, st.floats(0, 50), st.floats(0, 50))
@settings(deadline=None)
def test_down_time_lies_in_observed_time_and_shrinks_with_survival(delays, survival, more) -> None:
    def at(ms: float) -> Availability:
        return availability(sent(delays), Service(interval=10, deadline=5, survival=ms), (0, SECOND))

    short, long = at(survival), at(survival + more)
    assert short.down.without(short.observed).total == 0
    assert long.down.total <= short.down.total
    if not any(d == LOST or d > 5 for d in delays):
        assert short.down.total == 0


def test_impossible_services_and_probes_are_refused() -> None:
    with pytest.raises(ValueError, match="survival"):
        Service(interval=10, deadline=5, survival=-1)
    with pytest.raises(ValueError, match="2 packets but 1"):
        Probes(np.array([0, 1], np.int64), np.array([1.0]))
    with pytest.raises(ValueError, match="one per instant"):
        Probes(np.array([1, 1], np.int64), np.array([1.0, 2.0]))


def walk(*stays: tuple[float, float, float, int]) -> tuple:
    x, y, delay = zip(*[(a, b, d) for a, b, d, n in stays for _ in range(n)], strict=True)
    return np.array(x, float), np.array(y, float), np.array(delay, float)


def test_a_cell_is_covered_unknown_or_not() -> None:
    floor = Floor.rectangle(3, 1, 1)
    place = walk((0.5, 0.5, 5.0, 40), (1.5, 0.5, 5.0, 37), (1.5, 0.5, LOST, 3), (2.5, 0.5, 5.0, 19), (9, 9, 1.0, 2))
    found = floor_coverage(*place, floor, limit=10.0)
    assert [r.coverage for r in found.cells.values()] == [Coverage.COVERED, Coverage.NOT_COVERED, Coverage.UNKNOWN]
    assert found.cells[1, 0].lost == 3
    assert found.elsewhere == 2
    figure = indicator(found, BASIS, limit=10.0)
    assert figure.value == pytest.approx(1 / 3)
    assert figure.uncertainty == pytest.approx((1 / 3, 2 / 3))
    assert "1 cells with too few packets" in figure.inputs["CELLOK"].origin.en


def test_a_floor_nobody_walked_is_not_covered_to_any_share() -> None:
    found = floor_coverage(*walk((math.nan, 0, 1.0, 50), (0.5, 0.5, UNMEASURED, 50)), Floor.rectangle(2, 2, 1), limit=9)
    assert found.elsewhere == 50
    assert indicator(found, BASIS, limit=9).status is Status.INSUFFICIENT_DATA
    assert indicator(floor_coverage(*[np.zeros(0)] * 3, Floor(frozenset(), 1), limit=9), BASIS, limit=9).value is None


points = st.lists(st.tuples(st.floats(-1, 5), st.floats(-1, 5), st.sampled_from((1.0, 20.0, LOST))), max_size=200)


@given(points, st.floats(2, 30))
@settings(deadline=None)
def test_every_packet_is_in_one_cell_or_elsewhere_and_more_is_covered_under_a_looser_limit(rows, limit) -> None:
    columns = [np.array([row[n] for row in rows], float) for n in range(3)]
    floor = Floor.rectangle(4, 4, 2)
    found = floor_coverage(*columns, floor, limit=limit, share=Fraction(1, 2))
    assert sum(r.packets for r in found.cells.values()) + found.elsewhere == len(rows)
    looser = floor_coverage(*columns, floor, limit=limit + 10, share=Fraction(1, 2))
    assert looser.count(Coverage.COVERED) >= found.count(Coverage.COVERED)


def test_impossible_floors_are_refused() -> None:
    with pytest.raises(ValueError, match="250 000"):
        Floor.rectangle(1e6, 1e6, 1)
    with pytest.raises(ValueError, match="edge"):
        Floor(frozenset(), 0)
    with pytest.raises(ValueError, match="each packet"):
        floor_coverage(np.zeros(1), np.zeros(2), np.zeros(2), Floor.rectangle(1, 1, 1), limit=1)
