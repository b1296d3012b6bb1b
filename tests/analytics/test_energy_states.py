"""Energy is shared out without loss, peaks are found exactly, and every kWh has one price."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.counters import MICRO, Increments, increments
from analytics.demand import Band, Demand, Tariff, cost, peak, peak_indicator
from analytics.energy_states import Shared, by_product, by_state, indicators, product_indicators, within
from analytics.indicator import Basis, Status
from analytics.states import intervals
from analytics.steps import steps
from plant.clock import SECOND
from plant.errors import UnitError
from plant.packml import PackState
from plant.text import Text
from tests.analytics.signals import BAD, counter_rows, gaps, samples, state_rows, window

BASIS = Basis(scope="cq/first/line/press", window=(0, 1))
SHIFT = window(0, 100)
IDLE, EXECUTE, HELD = (int(s) for s in (PackState.IDLE, PackState.EXECUTE, PackState.HELD))


def meter(*rows, max_gap: float | None = None, span=SHIFT) -> Increments:
    return increments(samples(rows), span, max_gap=max_gap)


def states(*rows, span=SHIFT):
    return intervals(samples(rows), span)


def test_energy_between_readings_is_shared_by_how_long_each_state_lasted() -> None:
    found = by_state(
        meter((0, 0.0), (50, 4.0), (100, 10.0), span=window(0, 101)),
        "kW.h",
        states((0, IDLE), (25, EXECUTE), (75, HELD)),
    )
    assert {name: micro / MICRO for name, micro in found.parts.items()} == {"IDLE": 2, "EXECUTE": 5, "HELD": 3}
    assert found.unplaced == 0


def test_energy_across_a_gap_and_in_unknown_states_has_no_state() -> None:
    drawn = meter((0, 0.0), (10, 1.0), (60, 6.0), (70, 7.0), (80, 8.0), max_gap=20.0)
    found = by_state(drawn, "kW.h", states((0, EXECUTE), (75, EXECUTE, BAD)))
    assert found.parts == {"EXECUTE": 2 * MICRO + MICRO // 2}
    assert found.unplaced == 5 * MICRO + MICRO // 2


def test_idle_share_is_of_the_energy_whose_state_is_known() -> None:
    shared = Shared(unit="kW.h", parts={"IDLE": MICRO, "HELD": MICRO, "EXECUTE": 6 * MICRO}, unplaced=MICRO)
    found = {i.key: i for i in indicators(shared, BASIS)}
    assert found["cq/first/line/press:idle-energy-share"].value == 0.25
    assert found["cq/first/line/press#state=EXECUTE:energy"].value == 6
    narrow = {i.id: i for i in indicators(shared, BASIS, idle={PackState.IDLE})}
    assert narrow["idle-energy-share"].value == 0.125


def test_nothing_metered_has_no_idle_share() -> None:
    found = indicators(by_state(meter(), "kW.h", states((0, IDLE))), BASIS)
    assert {i.id: i.value for i in found} == {"energy": 0.0, "idle-energy-share": None}


def test_every_product_has_its_energy_and_its_energy_per_good_piece() -> None:
    batch = samples([(0, "A"), (40, "B")])
    found = by_product(meter((0, 0.0), (80, 8.0)), "kW.h", steps(batch, SHIFT, max_gap=None), ["A", "B"])
    figures = {i.key: i for i in product_indicators(found, {"A": 8.0}, BASIS)}
    assert figures["cq/first/line/press#product=A:energy"].value == 4
    assert figures["cq/first/line/press#product=A:energy-per-good-piece"].value == 0.5
    assert figures["cq/first/line/press#product=B:energy-per-good-piece"].status is Status.INSUFFICIENT_DATA


def test_meters_of_different_units_add_up() -> None:
    both = Shared(unit="kW.h", parts={"IDLE": MICRO}) + Shared(unit="MJ", parts={"IDLE": 36 * MICRO // 10}, unplaced=36)
    assert both == Shared(unit="kW.h", parts={"IDLE": 2 * MICRO}, unplaced=10)
    with pytest.raises(UnitError):
        by_state(meter((0, 0), (1, 1)), "m", states((0, IDLE)))


@given(counter_rows, state_rows, gaps, st.integers(0, 100))
@settings(deadline=None)
def test_shares_add_up_to_the_meter_over_any_split(rows, state, gap, cut) -> None:
    def shared(span) -> Shared:
        drawn = increments(samples(rows), span, max_gap=gap)
        found = by_state(drawn, "kW.h", intervals(samples(state), span, max_gap=gap))
        assert found.total == drawn.total
        assert all(micro >= 0 for micro in found.parts.values())
        return found

    whole = shared(SHIFT)
    assert (shared(window(0, cut)) + shared(window(cut, 100))).total == whole.total


@given(counter_rows, gaps, st.lists(st.floats(-10, 110), max_size=10))
@settings(deadline=None)
def test_energy_within_intervals_is_never_negative_and_adds_up_exactly(rows, gap, cuts) -> None:
    drawn = increments(samples(rows), SHIFT, max_gap=gap)
    edges = np.array([0, *sorted(round(c * SECOND) for c in cuts if 0 < c < 100), SHIFT[1]], np.int64)
    amounts = within(drawn, edges[:-1], edges[1:])
    assert (amounts >= 0).all()
    assert amounts.sum() == drawn.micro[drawn.in_time].sum()


def test_the_sliding_peak_finds_what_blocks_cut_in_two() -> None:
    rows = [(t, float(max(0, min(t, 70) - 40))) for t in range(0, 121, 5)]  # 1 kWh/s from 40 s to 70 s
    drawn = meter(*rows, span=window(0, 121))
    sliding = peak(drawn, "kW.h", kind=Demand.SLIDING, interval=30 * SECOND)
    blocks = peak(drawn, "kW.h", interval=30 * SECOND)
    assert sliding is not None
    assert (sliding.span, sliding.energy) == (window(40, 70), 30.0)
    assert blocks is not None
    assert (blocks.span, blocks.energy) == (window(30, 60), 20.0)
    assert peak_indicator(sliding, BASIS, interval=30 * SECOND).value == pytest.approx(30 * 120)


def test_an_interval_that_is_not_known_throughout_is_no_peak() -> None:
    drawn = meter((0, 0.0), (20, 1.0), (90, 100.0), (100, 101.0), max_gap=25.0, span=window(0, 101))
    found = peak(drawn, "kW.h", interval=20 * SECOND)
    assert found is not None
    assert (found.span, found.energy) == (window(0, 20), 1.0)
    nothing = peak(meter((0, 0.0), (100, 9.0), max_gap=5.0), "kW.h", interval=20 * SECOND)
    assert nothing is None
    assert peak_indicator(nothing, BASIS).status is Status.INSUFFICIENT_DATA
    with pytest.raises(ValueError, match="longer than nothing"):
        peak(drawn, "kW.h", interval=0)


@given(counter_rows, st.integers(1, 50))
@settings(deadline=None)
def test_a_sliding_peak_is_never_below_that_of_blocks_nor_of_any_other_interval(rows, seconds) -> None:
    drawn = increments(samples(rows), SHIFT)
    interval = seconds * SECOND
    sliding = peak(drawn, "kW.h", kind=Demand.SLIDING, interval=interval)
    blocks = peak(drawn, "kW.h", interval=interval)
    if sliding is None:
        assert blocks is None
        return
    rounding = 2 / MICRO
    assert blocks is None or sliding.energy >= blocks.energy - rounding
    begins = np.arange(0, SHIFT[1] - interval, SECOND // 3, dtype=np.int64)
    begins = begins[drawn.known.within(begins, begins + interval) == interval]
    if len(begins):
        assert within(drawn, begins, begins + interval).max() / MICRO <= sliding.energy + rounding


PEAK = Band(Text("峰", "peak"), 1.2, ((time(8), time(12)), (time(18), time(22))))
FLAT = Band(Text("平", "flat"), 0.8, ((time(12), time(18)), (time(6), time(8))))
VALLEY = Band(Text("谷", "valley"), 0.3, ((time(22), time(6)),))
TARIFF = Tariff("Asia/Shanghai", (PEAK, FLAT, VALLEY))


def moment(text: str, zone: str = "Asia/Shanghai") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * SECOND


def draw(start: str, stop: str, kilowatts: float, zone: str = "Asia/Shanghai") -> Increments:
    begin, end = moment(start, zone), moment(stop, zone)
    seconds = np.append(np.arange(begin // SECOND, end // SECOND, 1800), end // SECOND)
    rows = [(float(t), kilowatts * (t - seconds[0]) / 3600) for t in seconds.tolist()]
    return increments(samples(rows), (begin, end + 1))


def test_each_hour_has_the_price_of_its_band_over_midnight_too() -> None:
    bill = cost(draw("2026-03-02T20:00", "2026-03-03T09:00", 10.0), "kW.h", TARIFF, BASIS)
    # 20–22 peak, 22–06 valley, 06–08 flat, 08–09 peak
    assert bill.value == pytest.approx(10 * (2 * 1.2 + 8 * 0.3 + 2 * 0.8 + 1 * 1.2))
    assert "valley 80 kWh × 0.3" in bill.inputs["COST"].origin.en
    assert bill.unit == "{CNY}"


def test_a_day_with_a_clock_change_costs_its_23_or_25_hours() -> None:
    one = Tariff("Europe/Berlin", (Band(Text("", "all day"), 1.0, ((time(0), time(0)),)),))
    assert cost(
        draw("2026-03-29T00:00", "2026-03-30T00:00", 1.0, "Europe/Berlin"), "kW.h", one, BASIS
    ).value == pytest.approx(23)
    assert cost(
        draw("2026-10-25T00:00", "2026-10-26T00:00", 1.0, "Europe/Berlin"), "kW.h", one, BASIS
    ).value == pytest.approx(25)


def test_energy_of_a_gap_is_paid_for_as_well() -> None:
    begin = moment("2026-03-02T09:00")
    drawn = increments(
        samples([(begin / SECOND, 0.0), (begin / SECOND + 3600, 5.0)]), (begin, begin + 4000 * SECOND), max_gap=60
    )
    assert cost(drawn, "kW.h", TARIFF, BASIS).value == pytest.approx(5 * 1.2)


def test_a_tariff_that_prices_a_minute_twice_or_never_is_refused() -> None:
    with pytest.raises(ValueError, match="no price at 06:00"):
        Tariff("Asia/Shanghai", (PEAK, VALLEY))
    with pytest.raises(ValueError, match="more than one price at 08:00"):
        Tariff("Asia/Shanghai", (*TARIFF.bands, PEAK))
    with pytest.raises(ValueError, match="Mars/Base"):
        Tariff("Mars/Base", TARIFF.bands)
