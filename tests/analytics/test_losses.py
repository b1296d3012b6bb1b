"""Losses sum exactly to planned time, and a stop is what it is wherever a window cuts it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.annotations import Annotation, Annotations, explained
from analytics.counters import MICRO, increments
from analytics.indicator import Basis
from analytics.loss_reasons import OPENED, Because, opened
from analytics.losses import LOSS_NAMES, Loss, Stops, Waterfall, stops, waterfall
from analytics.oee import Sums
from analytics.reliability import Denominator, indicators, pareto, reliability, reported_reasons
from analytics.states import intervals
from analytics.station import IdealCycle, Signals, sums
from analytics.steps import steps
from analytics.time_model import E10State, TimeModel, Times, e10_times, times
from analytics.unit import Rules, Unit, in_succession, of_station, side_by_side
from plant.batch import Batch
from plant.calendar import Plan
from plant.clock import SECOND
from plant.packml import PackState
from plant.text import Text
from tests.analytics.signals import counter_rows, gaps, samples, state_rows, window

MODEL = TimeModel(micro_stop=10 * SECOND, start_up=5 * SECOND)
E, HELD, ABORTED, IDLE, STARTING, SUSPENDED = 6, 11, 9, 4, 3, 5


def plan(start: float, stop: float, *, breaks: tuple[tuple[float, float], ...] = ()) -> Plan:
    edges = [start, *(edge for pair in breaks for edge in pair), stop]
    clipped = [(max(a, start), min(b, stop)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    busy = tuple(window(a, b) for a, b in clipped if a < b)
    return Plan(window=window(start, stop), operation=(window(start, stop),), busy=busy)


def signals(
    states: Batch,
    good: Batch | None = None,
    scrap: Batch | None = None,
    *,
    start: float,
    stop: float,
    gap: float | None = None,
    cycle: float = 1.0,
) -> Signals:
    def counter(batch: Batch | None) -> tuple:
        return () if batch is None else (increments(batch, window(start, stop), max_gap=gap),)

    return Signals(
        states=intervals(states, window(start - 20, stop + 20), max_gap=gap),
        good=counter(good),
        scrap=counter(scrap),
        ideal=(IdealCycle({"": cycle}),),
    )


def found_stops(rows, start: float, stop: float, *, breaks: tuple[tuple[float, float], ...] = ()) -> Stops:
    read, planned = signals(samples(rows), start=start, stop=stop), plan(start, stop, breaks=breaks)
    return stops(read.states, planned, model=MODEL, measured=read.measured(planned))


def summed(read: Signals, planned: Plan) -> Sums:
    return sums(read, planned, model=MODEL, measured=read.measured(planned))


def fallen(read: Signals, planned: Plan) -> Waterfall | None:
    measured = read.measured(planned)
    stood = stops(read.states, planned, model=MODEL, measured=measured)
    return waterfall(read, summed(read, planned), stood, model=MODEL, measured=measured)


def listed(found: Stops) -> list[tuple[float, float, str]]:
    return [
        (a / 1e9, p / 1e9, str(name))
        for a, p, name in zip(found.start.tolist(), found.planned.tolist(), found.loss.tolist(), strict=True)
    ]


def test_stops_are_told_apart_by_cause_and_length() -> None:
    rows = [(0, E), (10, HELD), (15, E), (20, HELD), (25, ABORTED), (40, STARTING), (42, E), (50, IDLE), (60, E),
            (70, SUSPENDED), (90, E)]  # fmt: skip
    assert listed(found_stops(rows, 0, 100)) == [
        (10, 5, "minor-stop"),
        (20, 20, "breakdown"),
        (40, 2, "set-up"),
        (50, 10, "waiting"),
        (70, 20, "waiting"),
    ]


def test_the_micro_stop_threshold_itself_is_a_stop_in_its_own_right() -> None:
    assert listed(found_stops([(0, E), (10, HELD), (20, E)], 0, 100)) == [(10, 10, "breakdown")]
    assert listed(found_stops([(0, E), (10, HELD), (19.999, E)], 0, 100))[0][2] == "minor-stop"


def test_a_stop_cut_by_the_windows_edge_is_judged_by_its_whole_length() -> None:
    rows = [(0, E), (95, HELD), (108, E)]
    assert listed(found_stops(rows, 0, 100)) == [(95, 5, "breakdown")]
    later = found_stops(rows, 100, 200)
    assert listed(later) == [(95, 8, "breakdown")]
    assert later.begins.tolist() == [False]


def test_a_stop_that_begins_in_a_break_costs_time_but_is_no_failure() -> None:
    found = found_stops([(0, E), (30, ABORTED), (50, E)], 0, 100, breaks=((20, 40),))
    assert listed(found) == [(30, 10, "breakdown")]
    assert found.begins.tolist() == [False]


@pytest.mark.parametrize("before", [IDLE, STARTING])
def test_rejects_right_after_production_resumes_are_start_up_rejects(before: int) -> None:
    read = signals(
        samples([(0, E), (20, before), (40, E)]),
        samples([(0, 0), (90, 20)]),
        samples([(0, 0), (44, 3), (46, 5)]),
        start=0,
        stop=100,
    )
    found = fallen(read, plan(0, 100))
    assert (found.losses[Loss.START_UP], found.losses[Loss.DEFECTS]) == (3.0, 2.0)


def test_a_break_inside_a_stop_costs_nothing() -> None:
    assert listed(found_stops([(0, E), (10, ABORTED), (50, E)], 0, 100, breaks=((20, 40),))) == [(10, 20, "breakdown")]


def test_a_waterfall_names_every_second_of_planned_time() -> None:
    states = samples([(0, E), (30, HELD), (35, E), (40, ABORTED), (60, STARTING), (65, E), (80, IDLE), (90, E)])
    good = samples([(0, 0), (20, 15), (70, 20), (95, 40)])
    scrap = samples([(0, 0), (25, 2), (67, 3)])
    read, planned = signals(states, good, scrap, start=0, stop=100), plan(0, 100)
    found = fallen(read, planned)
    assert found is not None
    assert found.losses == {
        Loss.UNKNOWN: 0.0,
        Loss.BREAKDOWN: 20.0,
        Loss.SETUP: 5.0,
        Loss.WAITING: 10.0,
        Loss.MINOR_STOP: 5.0,
        Loss.REDUCED_SPEED: 60.0 - 43.0,
        Loss.DEFECTS: 2.0,
        Loss.START_UP: 1.0,
    }
    assert found.valuable == 40 * SECOND * MICRO
    assert list(LOSS_NAMES) == list(found.losses)


def test_a_waterfall_needs_counts_of_good_and_bad_and_an_ideal_cycle() -> None:
    states, counted = samples([(0, E)]), samples([(0, 0), (5, 5)])
    assert fallen(signals(states, counted, counted, start=0, stop=100), plan(0, 100)) is not None
    assert fallen(signals(states, counted, start=0, stop=100), plan(0, 100)) is None
    assert fallen(signals(states, counted, counted, start=0, stop=100, cycle=0), plan(0, 100)) is None


REASONS = ("", "E17 jam", "tool broken")
notes = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 30), st.sampled_from(REASONS), st.sampled_from(("press", "lathe"))),
    max_size=6,
).map(
    lambda rows: Annotations(
        tuple(
            Annotation(scope=scope, span=window(start, start + length), reason=reason, author="李工", made=made)
            for made, (start, length, reason, scope) in enumerate(rows)
        )
    )
)


def unit_of(rows, gap: float | None, reported: list[str], scope: str) -> Unit:
    read = signals(samples(rows), samples([(0, 0), (99, 40)]), samples([(0, 0)]), start=20, stop=80, gap=gap)
    unit = of_station(scope, Text(scope, scope), read, plan(20, 80, breaks=((40, 50),)), Rules(model=MODEL))
    assert unit.stops is not None
    return dataclasses.replace(unit, reasons=tuple(reported[n % len(reported)] for n in range(len(unit.stops))))


@given(state_rows, state_rows, gaps, st.lists(st.sampled_from(REASONS), min_size=1, max_size=5), notes)
@settings(deadline=None, max_examples=100)
def test_the_reasons_of_a_loss_add_up_to_it_exactly_whatever_people_say(first, second, gap, reported, said) -> None:
    machines = [unit_of(rows, gap, reported, scope) for rows, scope in ((first, "press"), (second, "lathe"))]
    line = side_by_side(machines, "line", Text("line", "line"))
    scene = side_by_side([line, line], "scene", Text("scene", "scene"))
    units = {unit.scope: unit for unit in (*machines, line)}
    for unit in (*machines, line, scene):
        assert unit.waterfall is not None
        silent, spoken = (opened(unit, units, layer) for layer in (Annotations(), said))
        assert silent is not None
        assert spoken is not None
        for loss in OPENED:
            whole = getattr(unit.waterfall, loss.value.replace("-", "_").replace("set_up", "setup"))
            for found in (silent[loss], spoken[loss]):
                assert sum(one.ns for one in found) * MICRO == whole
                assert all(0 <= one.said <= one.ns and one.count >= 0 for one in found)
            assert sum(one.said for one in silent[loss]) == 0
            assert sum(one.count for one in silent[loss]) >= sum(one.count for one in spoken[loss] if one.said)
    assert opened(in_succession([line, line]), units, said) is None


def test_a_person_names_a_part_of_a_loss_and_moves_none_of_it() -> None:
    unit = unit_of([(0, E), (21, ABORTED), (33, E), (52, ABORTED), (70, E)], None, ["E17 jam"], "press")
    note = Annotation(scope="press", span=window(55, 56), reason="tool broken", author="李工", made=1)
    found = opened(unit, {}, Annotations((note,)))
    assert found is not None
    assert found[Loss.BREAKDOWN] == (
        Because(reason="tool broken", ns=18 * SECOND, said=18 * SECOND, count=1),
        Because(reason="E17 jam", ns=12 * SECOND, said=0, count=1),
    )
    on_the_line = dataclasses.replace(unit, scope="line", bottleneck="press")
    assert opened(on_the_line, {}, Annotations((note,))) == found
    assert unit.reasons == ("E17 jam", "E17 jam")


split_plans = st.tuples(st.integers(20, 80), st.integers(20, 80), st.integers(20, 80)).map(sorted)


@given(state_rows, counter_rows, counter_rows, gaps, split_plans)
@settings(deadline=None, max_examples=200)
def test_losses_sum_to_planned_time_and_add_up_over_any_split(rows, good, scrap, gap, cuts) -> None:
    start_break, stop_break, middle = cuts[0], cuts[1], cuts[2]

    def fall(a: float, b: float) -> tuple[Waterfall | None, Plan]:
        read = signals(samples(rows), samples(good), samples(scrap), start=a, stop=b, gap=gap)
        holes = ((min(max(start_break, a), b), min(max(stop_break, a), b)),)
        planned = plan(a, b, breaks=holes)
        return fallen(read, planned), planned

    whole, planned = fall(20, 80)
    assert whole is not None
    parts = [getattr(whole, f.name) for f in dataclasses.fields(whole) if f.name != "planned"]
    assert sum(parts) == whole.planned == sum(b - a for a, b in planned.busy) * MICRO
    for name in ("unknown", "breakdown", "setup", "waiting", "minor_stop", "defects", "start_up", "valuable"):
        assert getattr(whole, name) >= 0, name
    left, right = fall(20, middle)[0], fall(middle, 80)[0]
    assert left is not None
    assert right is not None
    assert left + right == whole


@given(state_rows, counter_rows, counter_rows, gaps, st.integers(20, 80))
@settings(deadline=None)
def test_times_form_the_tree_of_the_standard_and_sums_add_up_over_any_split(rows, good, scrap, gap, middle) -> None:
    def read(a: float, b: float):
        found = signals(samples(rows), samples(good), samples(scrap), start=a, stop=b, gap=gap)
        return summed(found, plan(a, b))

    whole = read(20, 80)
    t = whole.times
    assert t.busy == t.operation - t.planned_down == t.unit_busy + t.down + t.unknown
    assert t.unit_busy == t.processing + t.delay
    assert t.processing == t.production + t.setup
    assert min(getattr(t, f.name) for f in dataclasses.fields(Times)) >= 0
    assert t.unknown >= 0
    assert whole.measured == t.known
    assert whole.measured_good <= whole.measured
    assert read(20, middle) + read(middle, 80) == whole


@given(state_rows, gaps)
def test_semi_e10_states_fill_total_time(rows, gap) -> None:
    planned = plan(30, 70)
    planned = dataclasses.replace(planned, window=window(20, 80))
    found = e10_times(intervals(samples(rows), window(20, 80), max_gap=gap), planned)
    assert sum(found.states.values()) + found.unknown == found.total == 60 * SECOND
    assert found.states[E10State.NONSCHEDULED] == 20 * SECOND
    assert found.operations == 40 * SECOND
    assert found.uptime <= found.operations


def test_semi_e10_counts_set_up_as_scheduled_down_and_starving_as_standby() -> None:
    rows = [(0, E), (10, STARTING), (20, SUSPENDED), (30, ABORTED), (40, E)]
    found = e10_times(intervals(samples(rows), window(0, 50)), plan(0, 50))
    seconds = {state: ns / SECOND for state, ns in found.states.items() if ns}
    assert seconds == {
        E10State.PRODUCTIVE: 20,
        E10State.SCHEDULED_DOWN: 10,
        E10State.STANDBY: 10,
        E10State.UNSCHEDULED_DOWN: 10,
    }


def test_every_packml_state_is_mapped_in_both_models() -> None:
    assert set(TimeModel().elements) == set(PackState)
    every = samples([(n, int(state)) for n, state in enumerate(PackState)])
    cut = intervals(every, window(0, len(PackState)))
    assert e10_times(cut, plan(0, len(PackState))).unknown == 0
    assert times(cut, plan(0, 17), model=TimeModel(), measured=cut.known).unknown == 0


def test_mean_times_name_the_divisor_they_use() -> None:
    rows = [(0, E), (20, ABORTED), (40, E), (60, HELD), (75, E), (80, HELD), (83, E)]
    read, planned = signals(samples(rows), start=0, stop=100), plan(0, 100)
    stood = stops(read.states, planned, model=MODEL, measured=read.measured(planned))
    found = reliability(stood, summed(read, planned).times)
    assert (found.failures, found.operating / SECOND, found.repair / SECOND) == (2, 62, 35)
    basis = Basis(scope="s", window=window(0, 100))
    by_standard = {i.id: i for i in indicators(found, basis, denominator=Denominator.FAILURES_PLUS_ONE)}
    by_failures = {i.id: i for i in indicators(found, basis, denominator=Denominator.FAILURES)}
    assert (by_standard["mtbf"].value, by_failures["mtbf"].value) == (pytest.approx(62 / 3), 31)
    assert (by_standard["mttr"].value, by_failures["mttr"].value) == (pytest.approx(35 / 3), 17.5)
    assert (by_standard["mtbf"].formula, by_failures["mtbf"].formula) == ("mtbf", "mtbf-by-failures")


def test_reasons_are_summed_with_the_largest_first() -> None:
    found = found_stops([(0, E), (10, ABORTED), (30, E), (40, HELD), (55, E), (60, ABORTED), (70, E)], 0, 100)
    rows = pareto(["jam", "", "jam"], found)
    assert [(row.reason, row.count, row.ns // SECOND) for row in rows] == [("jam", 2, 30), ("", 1, 15)]
    assert [round(row.cumulative, 3) for row in rows] == [0.667, 1.0]


def test_a_reason_reported_during_a_stop_is_its_own_and_an_old_one_is_not() -> None:
    found = found_stops([(0, E), (10, ABORTED), (30, E), (40, ABORTED), (60, E)], 0, 100)
    told = samples([(12, "E17 jam"), (99, "late")])
    reasons = reported_reasons(
        found, steps(told, window(0, 100), max_gap=None), ("E17 jam", "late"), told.time.tolist()
    )
    assert reasons == ["E17 jam", ""]


def test_annotations_explain_stops_without_altering_what_the_machine_said() -> None:
    found = found_stops([(0, E), (10, ABORTED), (30, E), (40, ABORTED), (60, E)], 0, 100)
    log = Annotations()

    def note(reason: str, made: int) -> Annotation:
        return Annotation(scope="press", span=window(15, 20), reason=reason, author="李工", made=made)

    log = log.with_(note("wear", 1)).with_(note("tool broken", 2))
    first, second = explained(found, ["E17", "E18"], "press", log)
    assert (first.reason, first.reported) == ("tool broken", "E17")
    assert (second.reason, second.annotation) == ("E18", None)
    at_once, _ = explained(found, ["E17", "E18"], "press", log.with_(note("written last", 2)))
    assert at_once.reason == "written last"
    withdrawn, _ = explained(found, ["E17", "E18"], "press", log.with_(note("", 3)))
    assert withdrawn.reason == "E17"
    assert [a.reason for a in log.about("press", window(0, 100))] == ["wear", "tool broken"]
    assert explained(found, ["E17", "E18"], "lathe", log)[0].reason == "E17"
    with pytest.raises(ValueError, match="author"):
        Annotation(scope="press", span=(1, 2), reason="x", author=" ", made=1)
    with pytest.raises(ValueError, match="ends after it begins"):
        Annotation(scope="press", span=(2, 2), reason="x", author="李工", made=1)
