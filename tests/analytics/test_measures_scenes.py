"""What clauses ask for besides output, on plants small enough to count by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from analytics.indicator import Status
from analytics.measures.measurement import Measurement, Part, Trials
from analytics.settings import FleetRates, FloorLimit, SceneSettings, Settings
from analytics.studies import scene_details
from analytics.unit import Rules
from plant.assets import Access
from plant.packml import PackState
from plant.quality import Quality
from plant.tags import Role
from tests.analytics.scenery import SCENE, Plant, every
from tests.analytics.signals import BAD, UNCERTAIN, window

HOUR = 3600.0
TIMEOUT = int(Quality.BAD_TIMEOUT)


def agreed(plant: Plant, **what) -> Plant:
    plant.rules = Rules(settings=Settings(scenes={SCENE: SceneSettings(**what)}))
    return plant


def unanswered(found: Measurement) -> bool:
    nothing = not found.parts and found.trials is None and not len(found.sample)
    return found.indicator.status is Status.INSUFFICIENT_DATA and found.indicator.value is None and nothing


# ------------------------------------------------------------------------------ who is networked
def devices() -> Plant:
    plant = Plant().device("here", {Role.POWER: [(10.0, 1.0)]}, access=Access.FIVE_G)
    plant.device("wired", {Role.POWER: [(20.0, 1.0), (90.0, 0.0, BAD)]})
    plant.device("doubtful", {Role.POWER: [(30.0, 1.0, UNCERTAIN)]}, access=Access.FIVE_G)
    plant.device("bad", {Role.POWER: [(30.0, 1.0, BAD)]}, access=Access.FIVE_G)
    plant.device("gone", {Role.POWER: [(-30.0, 1.0)]}, access=Access.FIVE_G)
    plant.device("never", {Role.POWER: []}, access=Access.FIVE_G)
    return plant.device("dumb", {}, access=Access.NONE)


def test_a_device_is_networked_when_something_usable_was_heard_from_it_in_the_window() -> None:
    found = devices().measure("networked-devices", 0, 100)
    assert found.indicator.value == 3
    assert found.whole == (3, 7)
    assert found.indicator.quality_share == pytest.approx(2 / 3)


def test_five_g_access_is_a_share_of_the_networked_ones() -> None:
    found = devices().measure("five-g-access", 0, 100)
    assert found.indicator.value == pytest.approx(2 / 3)
    assert found.trials == Trials(2, 3)
    assert devices().measure("networked-share", 0, 100).indicator.value == pytest.approx(3 / 7)


def test_device_types_can_be_chosen() -> None:
    assert unanswered(devices().measure("networked-devices", 0, 100, types="robot"))
    assert devices().measure("networked-devices", 0, 100, types="robot, machine").indicator.value == 3


def test_collectors_are_none_of_the_plants_devices() -> None:
    plant = devices().device("collector", {(Role.HEALTH, "lag"): [(5.0, 0.1)]})
    assert plant.measure("networked-devices", 0, 100).whole == (3, 7)


# --------------------------------------------------------------------------------------- delays
def probed(clock: float | None = 0.5, **more) -> Plant:
    up = [(n / 10, 4.0 + n % 7) for n in range(1000)]
    up[500] = (50.0, 0.0, TIMEOUT)
    roles = {Role.LATENCY_UP: up, Role.LATENCY_DOWN: [(n / 10, 2.0) for n in range(1000)], Role.LATENCY: [(1.0, 9.0)]}
    if clock is not None:
        roles[Role.CLOCK_ERROR] = [(-1.0, clock), (50.0, clock / 2)]
    return Plant().device("probe", roles, **more)


def test_both_ways_are_pooled_and_the_lost_are_infinitely_late() -> None:
    found = probed().measure("device-latency", 0, 100)
    assert len(found.sample) == 2000
    assert np.isinf(found.sample).sum() == 1
    assert found.clock_error == pytest.approx(0.5e-3)
    assert found.indicator.value == 10.0
    assert found.indicator.uncertainty is not None
    assert found.indicator.uncertainty[1] >= 10.5
    assert found.indicator.coverage == pytest.approx(1.0)


def test_a_percentile_among_the_lost_is_unbounded() -> None:
    found = probed().measure("device-latency", 0, 100, percentile="99.9")
    assert found.indicator.status is Status.OK
    lost = Plant().device("probe", {Role.LATENCY_UP: [(n / 10, 0.0, TIMEOUT) for n in range(1000)]})
    found = lost.measure("device-latency", 0, 100)
    assert (found.indicator.status, found.indicator.value) == (Status.UNBOUNDED, math.inf)


def test_one_way_delays_without_a_clock_error_mean_nothing() -> None:
    assert unanswered(probed(clock=None).measure("device-latency", 0, 100))
    round_trip = Plant().device("probe", {Role.LATENCY: every(0.1, [8.0] * 1000)})
    found = round_trip.measure("device-latency", 0, 100, direction="round-trip")
    assert (found.indicator.value, found.clock_error) == (8.0, None)


def test_a_prober_that_fell_silent_covers_only_the_time_it_probed() -> None:
    found = probed(stale_after=10).measure("device-latency", 0, 400)
    assert found.indicator.coverage == pytest.approx((100 + 9.9) / 400, abs=0.001)
    assert found.indicator.status is Status.INSUFFICIENT_DATA


def test_a_percentile_that_so_few_packets_do_not_support_is_not_given() -> None:
    found = probed().measure("device-latency", 0, 4.0)
    assert found.indicator.status is Status.INSUFFICIENT_DATA
    assert len(found.sample) == 80


# ---------------------------------------------------------------------------------------- floor
def walked(lost: bool = False) -> Plant:
    """A robot on a floor of four cells: 20 probes each in three of them, the third one too slow."""
    moments = [float(n) for n in range(60)]
    x = [2.0 if n < 20 else 7.0 for n in range(60)]
    y = [2.0 if n < 40 else 7.0 for n in range(60)]
    roles = {
        Role.POSITION_X: list(zip(moments, x, strict=True)),
        Role.POSITION_Y: list(zip(moments, y, strict=True)),
        Role.LATENCY: [(t, 5.0 if n < 40 else 80.0) for n, t in enumerate(moments)],
        Role.LOSS: [(t, float(lost and 20 <= n < 40)) for n, t in enumerate(moments)],
    }
    plant = Plant().device("robot", roles)
    return agreed(plant, floor=FloorLimit(width=10, depth=10, cell=5, limit=50, share=Fraction("0.9")))


def test_cells_never_walked_are_not_covered() -> None:
    found = walked().measure("coverage-of-floor", 0, 60)
    assert found.trials == Trials(2, 4)
    assert found.indicator.value == 0.5
    assert found.indicator.uncertainty == (0.5, 0.75)


def test_a_probe_that_was_lost_covers_nothing_whatever_delay_it_shows() -> None:
    assert walked(lost=True).measure("coverage-of-floor", 0, 60).trials == Trials(1, 4)


def test_what_was_agreed_of_a_floor_can_be_replaced() -> None:
    assert walked().measure("coverage-of-floor", 0, 60, limit=100.0).trials == Trials(3, 4)
    assert walked().measure("coverage-of-floor", 0, 60, width=20.0).trials == Trials(2, 8)
    assert unanswered(walked().measure("coverage-of-floor", 0, 60, share="0.99"))  # takes 100 probes a cell
    nothing_agreed = replace(walked(), rules=Rules())
    assert unanswered(nothing_agreed.measure("coverage-of-floor", 0, 60))


# -------------------------------------------------------------------------------------- judging
def audit(rows: list[tuple[float, str, str]]) -> Plant:
    roles = {
        Role.VERDICT: [(t, said) for t, said, _ in rows],
        Role.TRUTH: [(t, true) for t, _, true in rows],
    }
    return Plant().device("audit", roles, stale_after=60)


ROWS = [(float(n), "good" if n % 10 else "scrap", "good" if n % 10 else "defective") for n in range(100)]


def test_judged_to_be_what_it_is_not() -> None:
    rows = [*ROWS[:98], (98.0, "scrap", "good"), (99.0, "good", "defective")]
    found = audit(rows).measure("misjudgement", 0, 100)
    assert found.trials == Trials(2, 100)
    assert found.indicator.value == pytest.approx(0.02)
    assert found.indicator.coverage == pytest.approx(1.0)


def test_verdicts_that_let_a_part_pass_can_be_named() -> None:
    rows = [(t, "accepted" if v == "good" else "no", "accepted" if r == "good" else "no") for t, v, r in ROWS]
    assert audit(rows).measure("misjudgement", 0, 100, good="accepted").trials == Trials(0, 100)


def test_a_verdict_without_reference_is_not_compared_and_lowers_the_coverage() -> None:
    plant = Plant().device(
        "audit",
        {Role.VERDICT: [(t, v) for t, v, _ in ROWS], Role.TRUTH: [(t, r) for t, _, r in ROWS if t % 5]},
        stale_after=60,
    )
    found = plant.measure("misjudgement", 0, 100)
    assert found.trials == Trials(0, 80)
    # A fifth is not compared, and nothing was heard of the reference in the first second.
    assert found.indicator.coverage == pytest.approx(0.8 * 0.99)
    assert found.indicator.status is Status.INSUFFICIENT_DATA


def test_a_decision_is_correct_when_it_is_what_should_have_been_decided() -> None:
    roles = {
        Role.DECISION: [(float(n), ["insert", "wait", "none"][n % 3]) for n in range(90)],
        Role.TRUTH: [(float(n), ["insert", "wait", "wait"][n % 3]) for n in range(90)],
    }
    found = Plant().device("robot", roles, stale_after=60).measure("decision-correctness", 0, 90)
    assert found.trials == Trials(60, 90)
    assert found.indicator.value == pytest.approx(2 / 3)


def test_correct_cycles_are_summed_over_loops() -> None:
    plant = Plant().device(
        "fast", {Role.CONTROL_CYCLES: every(1, range(0, 2020, 20)), Role.CORRECT_CYCLES: every(1, range(0, 1919, 19))}
    )
    plant.device("slow", {Role.CONTROL_CYCLES: every(1, range(101)), Role.CORRECT_CYCLES: every(1, range(101))})
    found = plant.measure("closed-loop-correctness", 0, 101)
    assert found.trials == Trials(1900 + 100, 2000 + 100)


def test_late_cycles_are_the_same_figure_on_the_page_and_in_evidence() -> None:
    plant = Plant()
    for name, late in (("fast", range(0, 404, 4)), ("slow", range(101))):
        roles = {Role.CONTROL_CYCLES: every(1, range(0, 2020, 20)), Role.DEADLINE_MISSED: every(1, late)}
        plant.device(name, roles)
    measured = plant.measured()
    found = plant.measure("deadline-miss-rate", 0, 101)
    details = scene_details(
        measured.scene, measured.historian, window(0, 101), calendar=measured.calendar, rules=measured.rules
    )
    shown = {one.scope: one for one in details if one.formula == "deadline-miss-rate"}
    assert found.trials == Trials(400 + 100, 4000)
    assert shown[measured.scene.path].value == found.indicator.value == 500 / 4000
    assert {scope.rpartition("/")[2]: one.value for scope, one in shown.items()} == {
        "fast": 400 / 2000,
        "slow": 100 / 2000,
        "line": 500 / 4000,
        "scene": 500 / 4000,
    }
    assert "closed-loop-correctness" not in {one.formula for one in details}


def test_counters_that_contradict_each_other_give_no_figure() -> None:
    roles = {Role.CONTROL_CYCLES: every(1, range(101)), Role.CORRECT_CYCLES: every(1, range(0, 202, 2))}
    assert unanswered(Plant().device("loop", roles).measure("closed-loop-correctness", 0, 101))


# ------------------------------------------------------------------------------------- sessions
def glasses(*sessions: tuple[float, str, float, float, float], kind: str = "training") -> Plant:
    """Sessions: when each ended, its result, its length in s, motion to photon in s, standstills."""
    roles = {
        (Role.SESSION, kind): [(t, f"S{n}") for n, (t, *_) in enumerate(sessions)],
        Role.VERDICT: [(t, result) for t, result, *_ in sessions],
        (Role.DURATION, "session"): [(t, s) for t, _, s, _, _ in sessions],
        (Role.LATENCY, "session"): [(t, m * 1000) for t, _, _, m, _ in sessions],
        (Role.FREEZE_COUNT, "session"): [(t, f) for t, *_, f in sessions],
        Role.BATTERY: every(10, [80.0] * 360),
    }
    return Plant().device("glasses", roles, stale_after=30)


def test_a_session_counts_when_completed_in_time_and_without_too_many_standstills() -> None:
    plant = glasses(
        (600, "completed", 600, 0.04, 0),
        (1200, "aborted", 300, 0.04, 0),
        (1800, "completed", 600, 0.08, 0),
        (2400, "completed", 600, 0.06, 10),
        (3000, "completed", 600, 0.04, 11),
    )
    found = plant.measure("completed-sessions", 0, HOUR)
    assert found.indicator.value == 2
    assert found.trials == Trials(2, 5)
    assert plant.measure("completed-sessions", 0, HOUR, latency=0.1).indicator.value == 3
    assert plant.measure("completed-sessions", 0, HOUR, freezes=2.0).indicator.value == 3
    assert unanswered(plant.measure("completed-sessions", 0, HOUR, kind="remote-maintenance"))


def test_a_kind_has_its_own_limit_of_delay() -> None:
    plant = glasses((600, "completed", 600, 0.25, 0), kind="remote-maintenance")
    assert plant.measure("completed-sessions", 0, HOUR, kind="remote-maintenance").indicator.value == 1


def test_glasses_that_were_there_and_held_no_session_held_none_but_silent_ones_are_not_known() -> None:
    found = glasses().measure("completed-sessions", 0, HOUR)
    assert (found.indicator.value, found.trials) == (0, Trials(0, 0))
    assert unanswered(glasses().measure("completed-sessions", 10 * HOUR, 11 * HOUR))


# ------------------------------------------------------------------------------------- material
def reader(numbers: list[int], delay: float = 0.02) -> Plant:
    plant = Plant().device("gate", {Role.EVENT_NUMBER: every(10, numbers)}, stale_after=HOUR, delay=delay)
    return agreed(plant, agreed=0.05)


def test_an_event_is_in_time_when_visible_within_what_was_agreed() -> None:
    assert reader([*range(100)]).measure("realtime-rate", 0, 1000).trials == Trials(99, 99)
    assert reader([*range(100)], delay=0.06).measure("realtime-rate", 0, 1000).trials == Trials(0, 99)
    assert reader([*range(100)], delay=0.06).measure("realtime-rate", 0, 1000, agreed=0.1).trials == Trials(99, 99)


def test_a_number_that_is_left_out_is_an_event_that_never_became_visible() -> None:
    found = reader([n for n in range(100) if n not in (50, 51, 70)]).measure("realtime-rate", 0, 1000)
    assert found.trials == Trials(96, 99)


def test_a_number_that_is_said_again_is_no_event() -> None:
    assert reader([n // 2 for n in range(100)]).measure("realtime-rate", 0, 1000).trials == Trials(49, 49)


def test_what_the_plant_publishes_goes_before_what_the_scene_agreed() -> None:
    plant = reader([*range(100)], delay=0.06)
    plant.device("stock", {(Role.SETPOINT, "agreed-time"): [(5.0, 0.1)]})
    assert plant.measure("realtime-rate", 0, 1000).trials == Trials(99, 99)


def test_how_far_clocks_differ_is_stated_with_the_rate() -> None:
    plant = reader([*range(100)])
    assert plant.measure("realtime-rate", 0, 1000).clock_error is None
    offsets = [(10.0, 0.002), (20.0, -0.012), (30.0, 5.0, BAD)]
    plant.device("collector", {(Role.HEALTH, "clock-offset"): offsets}, line="edge")
    assert plant.measure("realtime-rate", 0, 1000).clock_error == pytest.approx(0.012)


def test_a_reader_may_be_a_machine_with_states_of_its_own() -> None:
    roles = {Role.EVENT_NUMBER: every(10, range(100)), Role.STATE: every(10, [6] * 100)}
    plant = agreed(Plant().device("gate", roles, stale_after=HOUR, delay=0.02), agreed=0.05)
    assert plant.measure("realtime-rate", 0, 1000).trials == Trials(99, 99)


def test_without_an_agreed_time_there_is_no_rate() -> None:
    assert unanswered(replace(reader([*range(100)]), rules=Rules()).measure("realtime-rate", 0, 1000))


def test_events_that_arrive_before_they_happen_measure_nothing() -> None:
    assert unanswered(reader([*range(100)], delay=-1).measure("realtime-rate", 0, 1000))


def test_a_count_matches_when_the_record_of_the_same_moment_is_equal() -> None:
    moments = [60.0 * n for n in range(20)]
    roles = {
        (Role.STOCK, "counted"): [(t, 50) for t in moments],
        (Role.STOCK, "recorded"): [(t, 50 if n % 4 else 49) for n, t in enumerate(moments) if n != 19],
    }
    found = Plant().device("stock", roles, stale_after=HOUR).measure("stock-accuracy", 0, 1200)
    assert found.trials == Trials(14, 19)
    assert found.indicator.value == pytest.approx(14 / 19)
    assert found.indicator.coverage == pytest.approx(19 / 20)


# ---------------------------------------------------------------------------------------- fleet
def fleet() -> Plant:
    working = int(PackState.EXECUTE)
    plant = Plant()
    for name, step in (("one", 100.0), ("two", 200.0)):
        roles = {
            Role.STATE: every(5, [working] * 720),
            Role.TRANSPORT_COUNT: [(t, int(t // step)) for t, _ in every(5, range(720))],
            Role.ENERGY: [(t, t / 3600) for t, _ in every(5, range(720))],
        }
        plant.device(name, roles)
    rates = FleetRates(vehicle_hour=10.0, labour_hour=45.0, vehicles_per_person=2.0)
    return agreed(plant, fleet=rates)


def test_transports_over_the_hours_of_all_vehicles() -> None:
    found = fleet().measure("transports-per-vehicle-hour", 0, HOUR)
    assert found.whole == (pytest.approx(35 + 17), pytest.approx(2.0))
    assert found.indicator.value == pytest.approx(26.0)


def test_a_transport_costs_vehicles_people_and_energy() -> None:
    found = fleet().measure("cost-per-transport", 0, HOUR)
    energy = 2 * 3595 / 3600 / 0.88
    spent = 2 * 10 + 1 * 45 + energy * 0.8
    assert found.whole == (pytest.approx(spent), pytest.approx(52.0))
    assert found.indicator.value == pytest.approx(spent / 52)
    dearer = fleet().measure("cost-per-transport", 0, HOUR, vehicle_hour=20.0, energy_price=0.0)
    assert dearer.whole == (pytest.approx(2 * 20 + 45), pytest.approx(52.0))


def test_without_rates_or_meters_a_transport_has_no_cost() -> None:
    assert unanswered(replace(fleet(), rules=Rules()).measure("cost-per-transport", 0, HOUR))
    plant = Plant().device("one", {Role.STATE: every(5, [6] * 720), Role.TRANSPORT_COUNT: every(5, range(720))})
    agreed(plant, fleet=FleetRates(vehicle_hour=1, labour_hour=1, vehicles_per_person=1))
    assert unanswered(plant.measure("cost-per-transport", 0, HOUR))
    with pytest.raises(ValueError, match="charging-efficiency"):
        fleet().measure("cost-per-transport", 0, HOUR, charging_efficiency=0.0)


# ------------------------------------------------------------------------------------ equipment
def machine() -> Plant:
    """One press: three quarters of an hour at work, a quarter broken down; 1 kWh every 6 min of work."""
    states = [int(PackState.EXECUTE) if t < 2700 else int(PackState.ABORTED) for t in range(0, 3600, 5)]
    made = [min(t, 2700) // 30 for t in range(0, 3600, 5)]
    roles = {
        Role.STATE: every(5, states),
        Role.GOOD_COUNT: every(5, made),
        Role.REJECT_COUNT: every(5, [0] * 720),
        Role.ENERGY: every(5, [min(t, 2700) / 360 for t in range(0, 3600, 5)]),
        Role.PRODUCT: [(-1.0, "small"), (1350.5, "large")],
    }
    return Plant().device("press", roles, ideal_cycle={"": 24.0})


def test_effectiveness_comes_with_ideal_and_planned_hours() -> None:
    found = machine().measure("oee", 0, HOUR)
    assert found.whole == (pytest.approx(90 * 24 / 3600), pytest.approx(1.0))
    assert found.indicator.value == pytest.approx(0.6)


def test_repair_time_is_that_of_all_failures() -> None:
    found = machine().measure("mttr", 0, HOUR)
    assert found.parts == {"": Part(pytest.approx(900.0), 1.0)}
    assert found.indicator.value == pytest.approx(900.0)
    without = machine().measure("mttr", 0, 2000)
    assert without.parts == {"": Part(0.0, 0.0)}
    assert without.indicator.status is Status.INSUFFICIENT_DATA


def test_energy_belongs_to_the_product_that_was_made_meanwhile() -> None:
    found = machine().measure("energy-per-piece", 0, HOUR)
    assert found.whole == (pytest.approx(7.5), pytest.approx(90.0))
    assert found.parts["small"] == (pytest.approx(3.75, abs=0.01), pytest.approx(45.0))
    assert found.indicator.value == pytest.approx(7.5 / 90)


def test_energy_of_nobody_is_shared_out_in_proportion() -> None:
    plant = machine()
    plant.device("lights", {Role.ENERGY: every(5, [t / 720 for t in range(0, 3600, 5)])}, line="utilities")
    found = plant.measure("energy-per-piece", 0, HOUR)
    assert found.whole == (pytest.approx(7.5 + 3595 / 720), pytest.approx(90.0))
    assert found.parts["small"].numerator == pytest.approx(found.parts["large"].numerator, rel=0.01)


# ------------------------------------------------------------------------------------- in common
def test_samples_that_came_after_the_window_was_computed_are_said() -> None:
    roles = {Role.IDENTIFIED_COUNT: every(10, range(100))}
    assert Plant().device("bench", roles, delay=59.0).measure("identified-per-hour", 0, 1000).late == 0.0
    late = Plant().device("bench", roles, delay=300.0).measure("identified-per-hour", 0, 1000).late
    assert late == pytest.approx(0.23)  # those of the last 240 s, but one
