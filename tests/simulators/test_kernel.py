"""The building blocks of plant models: chance, signals, machines, stations, breaks, people."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant.clock import SECOND
from plant.packml import Command, PackState, after, done
from plant.quality import Quality
from simulators.kernel.conveyor import Conveyor
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular, Weibull, branch
from simulators.kernel.floor import Floor, merged
from simulators.kernel.machine import NOT_PLANNED, Cause, Machine, NotAllowed, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan, Verdict
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping
from simulators.truth import What

POWER = PowerDraw(off=0.0, standby=1.0, execute=10.0, ripple=0.0)
BREAKDOWN = Failure(cause=Cause(20, "breaks"), every=Exponential(900), lasts=LogNormal(120, 0.5))
MICRO = Failure(cause=Cause(30, "sticks"), every=Exponential(200), lasts=Constant(8), severity=Severity.MICRO_STOP)


def floor(**options) -> Floor:
    return Floor(start=0, seed=options.pop("seed", 1), **options)


def line(ground: Floor, plans: list[StationPlan], *, rooms: int = 3) -> list[Station]:
    """Put stations in a row between an endless supply and an endless sink."""
    crew = Crew(ground, "crew", CrewPlan(people=1, response=Constant(30)))
    buffers = [Buffer(ground, rooms, f"b{i}.level") for i in range(len(plans) + 1)]

    def feed():
        for part in JobPlan((("a", 50), ("b", 20))).parts():
            yield buffers[0].put(part)

    ground.env.process(feed())
    stations = [
        Station(ground, f"s{i}", plan, inlet=buffers[i], outlet=buffers[i + 1], crew=crew)
        for i, plan in enumerate(plans)
    ]
    Shipping(ground, buffers[-1])
    return stations


# ------------------------------------------------------------------------------- chance
def test_a_branch_depends_on_seed_and_name_only() -> None:
    assert branch(1, "press").random() == branch(1, "press").random()
    assert branch(1, "press").random() != branch(2, "press").random()
    assert branch(1, "press").random() != branch(1, "press", "power").random()


@pytest.mark.parametrize(
    "draw", [Constant(40.0), Exponential(40.0), LogNormal(40.0, 0.6), Triangular(10, 20, 90), Weibull(40.0, 1.7)]
)
def test_a_distribution_has_the_mean_it_says(draw) -> None:
    rng = branch(3, "mean")
    values = np.array([draw.draw(rng) for _ in range(20_000)])
    assert values.min() >= 0
    assert values.mean() == pytest.approx(draw.mean, rel=0.03)


def test_adding_a_station_leaves_the_numbers_of_the_others_alone() -> None:
    plan = StationPlan(ideal={"": 4.0}, power=POWER, slowness=LogNormal(1.1, 0.1), failures=(MICRO,))
    alone, together = floor(), floor()
    (first,) = line(alone, [plan])
    many = line(together, [plan, StationPlan(ideal={"": 0.1}, power=POWER)], rooms=1000)
    alone.run_through(3600)
    together.run_through(3600)
    assert many[0].counts == first.counts
    assert many[0].machine.seconds == first.machine.seconds


# ------------------------------------------------------------------------------ signals
def test_a_signal_shows_its_value_at_the_resolution_of_its_instrument() -> None:
    signal = floor().signals.add("press.force", 0.0, digits=1)
    signal.set(411.2678)
    assert (signal.value, signal.true) == (411.3, 411.2678)


def test_a_distortion_changes_what_is_shown_and_not_what_is_true() -> None:
    signal = floor().signals.add("press.force", 10.0)
    undo = signal.distort(lambda value, _t: value * 2)
    signal.set(7.0)
    assert (signal.value, signal.true) == (14.0, 7.0)
    undo()
    assert signal.value == 7.0


def test_a_silent_device_marks_all_of_its_signals_and_no_others() -> None:
    signals = floor().signals
    mine, other = signals.add("press.force", 1.0), signals.add("belt.speed", 1.0)
    signals.switch("press", online=False)
    assert (mine.quality, other.quality) == (Quality.BAD_NO_COMMUNICATION, Quality.GOOD)
    signals.switch("press", online=True)
    assert mine.quality == Quality.GOOD


def test_a_signal_is_declared_once() -> None:
    signals = floor().signals
    signals.add("press.force", 1.0)
    with pytest.raises(ValueError, match="twice"):
        signals.add("press.force", 1.0)


# ----------------------------------------------------------------------------- machines
@given(st.lists(st.sampled_from(Command), max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_machine_walks_only_along_packml_transitions(commands: list[Command]) -> None:
    ground = floor()
    machine = Machine(ground, "press", POWER)
    walked = [machine.state]
    ground.signals["press.state"].watch(lambda s: walked.append(PackState(s.value)))

    def obey():
        for command in commands:
            if after(machine.state, command) is not None:
                yield from machine.command(command, NOT_PLANNED)
            yield ground.env.timeout(1)

    ground.env.process(obey())
    ground.run_through(1000)
    for one, next_one in pairwise(walked):
        reachable = {done(one), *(after(one, command) for command in Command)}
        assert next_one in reachable


def test_a_machine_refuses_a_command_that_its_state_does_not_have() -> None:
    machine = Machine(floor(), "press", POWER)
    with pytest.raises(NotAllowed, match="HOLD in STOPPED"):
        next(machine.command(Command.HOLD, NOT_PLANNED))


def test_energy_is_the_integral_of_the_power_shown() -> None:
    ground = floor()
    (station,) = line(ground, [StationPlan(ideal={"": 5.0}, power=PowerDraw(off=0, standby=1, execute=9, ripple=0.2))])
    ground.every(1.0, station.machine.measure)
    shown: list[tuple[float, float, float]] = []
    energy = ground.signals["s0.energy"]
    ground.signals["s0.power"].watch(lambda s: shown.append((ground.seconds(), s.true, energy.true)))
    ground.run_through(1800)
    integral = sum(p * (t1 - t0) for (t0, p, _), (t1, _, _) in pairwise(shown)) / 3600
    assert shown[-1][2] - shown[0][2] == pytest.approx(integral, rel=1e-9)
    assert all(a[2] <= b[2] for a, b in pairwise(shown))


# ----------------------------------------------------------------------------- stations
RANDOM_PLAN = st.builds(
    StationPlan,
    ideal=st.floats(0.5, 20).map(lambda s: {"": s}),
    power=st.just(POWER),
    slowness=st.floats(1.0, 1.5).map(lambda m: LogNormal(m, 0.1)),
    failures=st.sampled_from([(), (MICRO,), (BREAKDOWN,), (BREAKDOWN, MICRO)]),
    setup=st.sampled_from([None, Constant(90)]),
    defects=st.floats(0, 0.3).map(lambda p: {"burr": p}),
    detects=st.floats(0, 1),
)


@given(st.lists(RANDOM_PLAN, min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_parts_and_time_are_conserved_and_buffers_keep_their_limits(plans, rooms: int, seed: int) -> None:
    hour = 3600
    ground = floor(seed=seed, planned=[(0, 1200 * SECOND), (1500 * SECOND, 10 * hour * SECOND)])
    stations = line(ground, plans, rooms=rooms)
    levels: list[int] = []
    for i in range(len(plans) + 1):
        ground.signals[f"b{i}.level"].watch(lambda s: levels.append(s.value))
    ground.run_through(hour)
    for station, following in pairwise(stations):
        good = [part for part, verdict in _judged(ground, station) if verdict == "good"]
        taken = [part for part, _ in _judged(ground, following)]
        assert taken == good[: len(taken)]  # nothing appears, overtakes or is lost
        between = good[len(taken) :]
        assert {p.id for p in station.outlet.parts} <= set(between)
        assert len(between) <= rooms + 2  # in the buffer, and in the hands of either station
    for station in stations:
        station.machine.close()
        # The clock of a station stops at its last event, at most one wait before the hour is over.
        assert sum(station.machine.seconds.values()) == pytest.approx(ground.seconds(), abs=1e-6)
    assert all(0 <= level <= rooms for level in levels)


def _judged(ground: Floor, station: Station) -> list[tuple[str, str]]:
    return [(f.detail["part"], f.detail["verdict"]) for f in ground.truth.of(What.PART, station.name)]


def test_availability_follows_from_time_to_failure_and_time_to_repair() -> None:
    failure = Failure(cause=Cause(20, "breaks"), every=Exponential(3000), lasts=Exponential(570))
    ground = floor(seed=5)
    (station,) = line(ground, [StationPlan(ideal={"": 10.0}, power=POWER, failures=(failure,))])
    ground.run_through(250 * 3600)
    station.machine.close()
    up = station.machine.seconds[PackState.EXECUTE]
    # 30 s until someone comes, and 2+2+3 s and some tenths to restart, belong to each stop.
    assert up / ground.seconds() == pytest.approx(3000 / (3000 + 570 + 30 + 7.4), abs=0.02)


def test_a_slow_station_starves_the_next_and_blocks_the_one_before() -> None:
    ground = floor()
    quick, slow = (StationPlan(ideal={"": s}, power=POWER, slowness=Constant(1.0)) for s in (2.0, 20.0))
    before, _, behind = line(ground, [quick, slow, quick])
    ground.run_through(3600)
    causes = {s.name: {f.detail["cause"] for f in ground.truth.of(What.STATE, s.name)} for s in (before, behind)}
    assert "blocked" in causes["s0"]
    assert "starved" not in causes["s0"]
    assert "starved" in causes["s2"]
    assert "blocked" not in causes["s2"]


def test_outside_planned_time_a_station_is_stopped_and_a_part_in_work_is_finished_first() -> None:
    ground = floor(planned=[(0, 100 * SECOND), (1000 * SECOND, 5000 * SECOND)])
    (station,) = line(ground, [StationPlan(ideal={"": 30.0}, power=POWER, slowness=Constant(1.0))])
    ground.run_through(900)
    assert station.machine.state is PackState.STOPPED
    assert station.machine.cause is NOT_PLANNED
    made = station.counts[Verdict.GOOD]
    stopped = [f for f in ground.truth.of(What.STATE, "s0") if f.detail["state"] == "EXECUTE"]
    assert 100 < stopped[-1].time / SECOND < 130
    ground.run_through(1100)
    assert station.machine.state is PackState.EXECUTE
    assert station.counts[Verdict.GOOD] > made


def test_a_change_of_shift_without_a_pause_is_no_stop() -> None:
    assert merged([(5, 9), (0, 5), (20, 30)]) == [(0, 9), (20, 30)]


def test_another_product_is_set_up_by_a_person_and_the_same_one_is_not() -> None:
    ground = floor()
    line(ground, [StationPlan(ideal={"": 1.0}, power=POWER, setup=Constant(100))])
    ground.run_through(900)
    repairs = list(ground.truth.of(What.REPAIR, "s0"))
    products = [f.detail["product"] for f in ground.truth.of(What.PART, "s0")]
    changes = sum(a != b for a, b in pairwise(products))
    assert changes >= 4
    assert changes <= len(repairs) <= changes + 1  # the last set-up may still have its first part to make
    assert {r.detail["cause"] for r in repairs} == {"changeover"}


def test_one_person_cannot_repair_two_machines_at_once() -> None:
    ground = floor()
    failure = Failure(cause=Cause(9, "fails"), every=Constant(100), lasts=Constant(300))
    plan = StationPlan(ideal={"": 5.0}, power=POWER, slowness=Constant(1), failures=(failure,))
    line(ground, [plan, plan])
    ground.run_through(3600)
    spans = sorted((f.time - f.detail["worked"] * SECOND, f.time) for f in ground.truth.of(What.REPAIR))
    assert len(spans) > 4
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_parts_on_a_belt_travel_only_while_it_rolls() -> None:
    ground = floor()
    crew = Crew(ground, "crew", CrewPlan(people=1, response=Constant(0)))
    inlet, outlet = Buffer(ground, 5), Buffer(ground, 5)
    halt = Failure(cause=Cause(1, "halt"), every=Constant(4), lasts=Constant(50), severity=Severity.MICRO_STOP)
    plan = StationPlan(ideal={"": 1.0}, power=POWER, failures=(halt,))
    Conveyor(ground, "belt", plan, transit=10.0, speed=0.5, inlet=inlet, outlet=outlet, crew=crew)
    parts = JobPlan((("a", 10),)).parts()

    def feed():
        yield ground.env.timeout(20)
        yield inlet.put(next(parts))
        yield ground.env.timeout(1)
        yield inlet.put(next(parts))

    ground.env.process(feed())
    ground.run_through(1000)
    out = [f.time / SECOND for f in ground.truth.of(What.PART, "belt")]
    # The belt stands twice (after 4 and 8 s of rolling) for 50.4 s; both parts ride 10 s of belt time.
    assert out[0] == pytest.approx(20 + 10 + 2 * 50.4, abs=1.0)
    assert 0.5 <= out[1] - out[0] <= 1.5
