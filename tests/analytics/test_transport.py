"""Vehicles' time adds up by what it was spent on, and only known time counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.counters import MICRO, increments
from analytics.indicator import Basis, Indicator, Status
from analytics.states import intervals
from analytics.steps import steps
from analytics.transport import HOUR, Rates, Reasons, Trips, battery, charge, cost, indicators, total, trips
from plant.calendar import Plan
from plant.clock import SECOND
from plant.packml import PackState
from tests.analytics.signals import BAD, counter_rows, gaps, samples, state_rows, window

BASIS = Basis(scope="cq/agv/fleet/agv-1", window=(0, 1))
EXECUTE, SUSPENDED, HELD, IDLE = (
    int(s) for s in (PackState.EXECUTE, PackState.SUSPENDED, PackState.HELD, PackState.IDLE)
)


def plan(start: float, stop: float) -> Plan:
    span = window(start, stop)
    return Plan(window=span, operation=(span,), busy=(span,))


def told(*rows, stop: float = 3600) -> Reasons:
    batch = samples(rows)
    texts = tuple(str(batch.value(n)) for n in range(len(batch)))
    return Reasons(steps(batch, window(0, stop), max_gap=None), texts)


def figures(found: list[Indicator]) -> dict[str, Indicator]:
    return {i.key.removeprefix(BASIS.scope).lstrip(":"): i for i in found}


HOUR_PLAN = plan(0, 3600)
STATES = intervals(samples([(0, EXECUTE), (1800, SUSPENDED), (2700, HELD), (3000, IDLE)]), window(0, 3600))
COUNTED = increments(samples([(0, 0), (900, 4), (3500, 10)]), window(0, 3600))
REASONS = told((0, "none"), (1900, "zone"), (2800, "obstacle"), (3000, "none"))


def test_work_waits_and_transports_of_a_vehicle_hour() -> None:
    found = trips(STATES, HOUR_PLAN, transports=(COUNTED,), reasons=REASONS)
    assert found.waits == {"zone": 900 * SECOND, "obstacle": 300 * SECOND}
    values = {key: i.value for key, i in figures(indicators(found, BASIS)).items()}
    assert values == pytest.approx(
        {
            "transports-per-vehicle-hour": 10,
            "vehicle-utilization": 0.5,
            "vehicle-waiting-share": 1 / 3,
            "#cause=zone:waiting-share-by-cause": 0.25,
            "#cause=obstacle:waiting-share-by-cause": 1 / 12,
        }
    )


def test_a_fleet_is_the_sum_of_its_vehicles_never_a_mean_of_ratios() -> None:
    short = Trips(planned=HOUR, known=HOUR, working=HOUR // 4, transports=2 * MICRO, waits={"zone": HOUR // 2})
    long = Trips(planned=3 * HOUR, known=3 * HOUR, working=3 * HOUR, transports=30 * MICRO)
    values = figures(indicators(total([short, long]), BASIS))
    assert values["transports-per-vehicle-hour"].value == 8
    assert values["vehicle-utilization"].value == pytest.approx(3.25 / 4)
    assert values["vehicle-waiting-share"].value == pytest.approx(0.5 / 4)


def test_a_wait_without_a_reported_reason_is_a_wait_all_the_same() -> None:
    found = trips(STATES, HOUR_PLAN)
    assert found.waits == {"": 1200 * SECOND}
    assert figures(indicators(found, BASIS))["transports-per-vehicle-hour"].status is Status.INSUFFICIENT_DATA


def test_unknown_time_is_no_vehicle_time() -> None:
    silent = intervals(samples([(0, EXECUTE), (1800, EXECUTE, BAD)]), window(0, 3600))
    found = trips(silent, HOUR_PLAN, transports=(COUNTED,))
    assert (found.known, found.transports) == (1800 * SECOND, 4 * MICRO)
    assert {i.value for i in indicators(found, BASIS)} == {None}
    lenient = figures(indicators(found, Basis(scope=BASIS.scope, window=(0, 1), min_coverage=0.5)))
    assert lenient["transports-per-vehicle-hour"].value == 8


def test_without_a_plan_or_data_there_is_no_figure() -> None:
    nothing = trips(intervals(samples([]), window(0, 3600)), HOUR_PLAN)
    assert {i.status for i in indicators(nothing, BASIS)} == {Status.INSUFFICIENT_DATA}
    unplanned = trips(STATES, Plan(window=window(0, 3600)))
    assert {i.status for i in indicators(unplanned, BASIS)} == {Status.NO_PLAN}


def test_a_transport_costs_energy_vehicle_hours_and_labour() -> None:
    found = trips(STATES, HOUR_PLAN, transports=(COUNTED,))
    rates = Rates(energy=0.8, vehicle_hour=12.0, labour_hour=60.0)
    figure = cost(found, rates, BASIS, energy=2.5, labour_hours=0.25)
    assert figure.value == pytest.approx((2.5 * 0.8 + 12 + 15) / 10)
    assert figure.unit == "{CNY}/{transport}"
    assert cost(found, rates, BASIS, energy=None, labour_hours=0).value is None
    with pytest.raises(ValueError, match="at least 0"):
        Rates(energy=-1, vehicle_hour=0, labour_hour=0)


def test_a_battery_counts_what_was_drawn_not_what_was_charged() -> None:
    rows = samples([(0, 80.0), (1, 30.0), (2, 0.0, BAD), (3, 90.0), (4, 40.0)])
    found = figures(battery(charge(rows, "%", window(0, 5)), BASIS))
    assert found["battery-lowest"].value == pytest.approx(0.30)
    assert found["battery-cycles"].value == pytest.approx(1.0)
    assert {i.value for i in battery(charge(samples([(0, 50.0, BAD)]), "%", window(0, 5)), BASIS)} == {None}
    parts = charge(rows, "%", window(0, 2)) + charge(rows, "%", window(2, 5))
    assert (parts.lowest, parts.drawn) == pytest.approx((0.30, 1.0))


@given(state_rows, counter_rows, gaps, st.integers(0, 100))
@settings(deadline=None)
def test_sums_over_any_split_are_the_sums_of_the_whole(states, counts, gap, cut) -> None:
    def read(start: float, stop: float) -> Trips:
        span = window(start, stop)
        found = intervals(samples(states), span, max_gap=gap)
        counted = increments(samples(counts), span, max_gap=gap)
        return trips(found, plan(start, stop), transports=(counted,))

    whole, parts = read(0, 100), total([read(0, cut), read(cut, 100)])
    assert parts == whole
    assert whole.working + sum(whole.waits.values()) <= whole.known <= whole.planned
