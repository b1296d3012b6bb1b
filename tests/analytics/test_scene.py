"""A scene's figures come from roles, from one reading, and are the same however they are come by."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.indicator import Flag, Indicator, Status
from analytics.scene import Rules, analyse, roll_up, scene_indicators, state_timeline
from analytics.time_model import TimeModel
from historian.embedded import EmbeddedHistorian
from plant.assets import Device, Line, Scene
from plant.batch import Batch, Value
from plant.calendar import ShiftCalendar, ShiftPattern
from plant.clock import SECOND
from plant.quality import Quality
from plant.tags import Kind, Role, Tag
from plant.text import Text
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import samples

HOUR = 3600
DAY0 = 20_000 * 24 * HOUR  # a midnight UTC, in seconds
KINDS = {
    Role.STATE: Kind.STATE,
    Role.ENERGY: Kind.ENERGY,
    Role.LATENCY: Kind.ANALOG,
    Role.PRODUCT: Kind.TEXT,
    Role.STOP_REASON: Kind.TEXT,
}
UNITS = {Role.ENERGY: "W.h", Role.LATENCY: "us", Role.IDEAL_CYCLE: "s"}
CALENDAR = ShiftCalendar(
    zone="UTC",
    patterns=(
        ShiftPattern(
            id="day",
            name=Text("白班", "Day"),
            start=time(6),
            stop=time(14),
            weekdays=frozenset(range(7)),
            breaks=((time(10), time(10, 30)),),
        ),
    ),
)
RULES = Rules(model=TimeModel(micro_stop=60 * SECOND, start_up=30 * SECOND))


def device(name: str, *roles: Role, line: str = "first", cycle: dict[str, float] | None = None, **fields) -> Device:
    path = f"cq/demo/{line}/{name}"
    tags = tuple(
        Tag(
            path=f"{path}/{role.value}",
            kind=KINDS.get(role, Kind.COUNTER),
            role=role,
            unit=UNITS.get(role, "1"),
            stale_after=fields.get("stale_after", 0.0),
            simulated=fields.get("simulated", False),
        )
        for role in roles
    )
    return Device(path=path, name=Text(name, name), ideal_cycle=cycle or {}, tags=tags)


MACHINE = (Role.STATE, Role.GOOD_COUNT, Role.REJECT_COUNT)


def scene(*devices: Device, serial: bool = True) -> Scene:
    line = Line(path="cq/demo/first", name=Text("线", "Line"), serial=serial, devices=devices)
    return Scene(path="cq/demo", name=Text("场景", "Scene"), lines=(line,))


def at(name: str, role: Role, rows: list[tuple[float, Value] | tuple[float, Value, int]]) -> Batch:
    return samples([(DAY0 + row[0], *row[1:]) for row in rows], path=f"cq/demo/first/{name}/{role.value}")


def shift(start: float = 6 * HOUR, stop: float = 14 * HOUR) -> tuple[int, int]:
    return round((DAY0 + start) * SECOND), round((DAY0 + stop) * SECOND)


def figures(found: list[Indicator]) -> dict[str, Indicator]:
    return {indicator.key.removeprefix("cq/demo"): indicator for indicator in found}


def a_days_work(name: str, *, good: int, rejects: int) -> list[Batch]:
    # Runs from 6:00, fails from 8:00 to 8:30, done at 14:00; counters start from a hundred.
    return [
        at(name, Role.STATE, [(0, 4), (6 * HOUR, 6), (8 * HOUR, 9), (8.5 * HOUR, 6), (14 * HOUR, 4)]),
        at(name, Role.GOOD_COUNT, [(0, 100), (7 * HOUR, 100 + good // 2), (13 * HOUR, 100 + good)]),
        at(name, Role.REJECT_COUNT, [(0, 7), (9 * HOUR, 7 + rejects)]),
    ]


def test_a_machines_shift_is_what_can_be_worked_out_by_hand() -> None:
    press = device("press", *MACHINE, Role.ENERGY, cycle={"": 10.0})
    energy = at("press", Role.ENERGY, [(0, 5000.0), (8 * HOUR, 9000.0), (13.9 * HOUR, 26_000.0), (14 * HOUR, 1.0)])
    historian = MemoryHistorian(*a_days_work("press", good=2000, rejects=100), energy)
    found = figures(scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES))
    press_figures = {key.partition(":")[2]: i for key, i in found.items() if key.startswith("/first/press:")}
    # Planned busy time is 7.5 h; half an hour of it failed.
    assert press_figures["availability"].value == pytest.approx(7 / 7.5)
    assert press_figures["effectiveness"].value == pytest.approx(21_000 / (7 * HOUR))
    assert press_figures["quality-ratio"].value == pytest.approx(2000 / 2100)
    assert press_figures["oee"].value == pytest.approx(20_000 / (7.5 * HOUR))
    assert press_figures["defect-rate"].value == pytest.approx(100 / 2100)
    assert press_figures["teep"].value == pytest.approx(20_000 / (8 * HOUR))
    assert press_figures["output"].value == 2100
    assert press_figures["energy"].value == 21.0
    assert press_figures["energy-per-good-piece"].value == pytest.approx(21.0 / 2000)
    assert press_figures["mttr"].value == pytest.approx(1800 / 2)
    assert all(i.status is Status.OK and i.coverage == 1.0 for i in press_figures.values())


def test_a_serial_line_is_seen_at_its_boundary_and_the_scene_is_its_sum() -> None:
    press = device("press", *MACHINE, cycle={"": 12.0})
    pack = device("pack", *MACHINE, cycle={"": 4.0})
    historian = MemoryHistorian(
        *a_days_work("press", good=2000, rejects=100), *a_days_work("pack", good=1900, rejects=50)
    )
    found = figures(scene_indicators(scene(press, pack), historian, shift(), calendar=CALENDAR, rules=RULES))
    assert found["/first:oee"].value == pytest.approx(1900 * 12.0 / (7.5 * HOUR))
    assert found["/first:quality-ratio"].value == pytest.approx(1900 / 2050)
    assert found["/first:good-output"].value == 1900
    assert found[":oee"].value == found["/first:oee"].value
    assert found[":oee"].value != pytest.approx((found["/first/press:oee"].value + found["/first/pack:oee"].value) / 2)


def test_machines_side_by_side_add_up_before_anything_is_divided() -> None:
    fast, slow = device("fast", *MACHINE, cycle={"": 5.0}), device("slow", *MACHINE, cycle={"": 20.0})
    historian = MemoryHistorian(
        *a_days_work("fast", good=4000, rejects=0), *a_days_work("slow", good=1000, rejects=200)
    )
    found = figures(
        scene_indicators(scene(fast, slow, serial=False), historian, shift(), calendar=CALENDAR, rules=RULES)
    )
    assert found["/first:oee"].value == pytest.approx((4000 * 5 + 1000 * 20) / (2 * 7.5 * HOUR))
    assert found["/first:quality-ratio"].value == pytest.approx(40_000 / 44_000)
    assert found["/first:output"].value == 5200


def test_the_ideal_cycle_is_that_of_the_product_in_work_when_the_piece_was_counted() -> None:
    press = device("press", *MACHINE, Role.PRODUCT, cycle={"A": 10.0, "B": 30.0})
    product = at("press", Role.PRODUCT, [(0, "A"), (12 * HOUR, "B")])
    historian = MemoryHistorian(*a_days_work("press", good=600, rejects=0), product)
    found = figures(scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES))
    assert found["/first/press:oee"].value == pytest.approx((300 * 10 + 300 * 30) / (7.5 * HOUR))


def test_a_product_without_an_ideal_cycle_leaves_no_effectiveness_but_a_quality_ratio() -> None:
    press = device("press", *MACHINE, Role.PRODUCT, cycle={"A": 10.0})
    historian = MemoryHistorian(
        *a_days_work("press", good=600, rejects=200), at("press", Role.PRODUCT, [(0, "A"), (8 * HOUR, "new")])
    )
    found = figures(scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES))
    assert found["/first/press:oee"].status is Status.INSUFFICIENT_DATA
    assert found["/first/press:availability"].status is Status.OK
    assert found["/first/press:quality-ratio"].value == 0.75
    assert found["/first/press:quality-ratio"].formula == "quality-ratio-by-pieces"


def test_a_line_is_as_available_as_its_bottleneck_wherever_that_stands() -> None:
    slow, fast = device("slow", *MACHINE, cycle={"": 12.0}), device("fast", *MACHINE, cycle={"": 4.0})
    steady = [
        at("fast", Role.STATE, [(0, 6)]),
        at("fast", Role.GOOD_COUNT, [(0, 0), (13 * HOUR, 1000)]),
        at("fast", Role.REJECT_COUNT, [(0, 0)]),
    ]
    historian = MemoryHistorian(*a_days_work("slow", good=1000, rejects=0), *steady)
    for order in ((slow, fast), (fast, slow)):
        found = figures(scene_indicators(scene(*order), historian, shift(), calendar=CALENDAR, rules=RULES))
        assert found["/first/fast:availability"].value == 1.0
        assert found["/first:availability"].value == found["/first/slow:availability"].value == pytest.approx(7 / 7.5)


def test_a_machine_of_a_line_that_has_no_cycle_for_the_product_leaves_the_line_without_oee() -> None:
    press = device("press", *MACHINE, Role.PRODUCT, cycle={"A": 12.0})
    pack = device("pack", *MACHINE, cycle={"": 4.0})
    work = [*a_days_work("press", good=600, rejects=0), *a_days_work("pack", good=600, rejects=0)]
    for product, status in (("A", Status.OK), ("new", Status.INSUFFICIENT_DATA)):
        historian = MemoryHistorian(*work, at("press", Role.PRODUCT, [(0, product)]))
        found = figures(scene_indicators(scene(press, pack), historian, shift(), calendar=CALENDAR, rules=RULES))
        assert found["/first:oee"].status is status


def test_rejects_by_cause_add_up_unless_the_machine_counts_them_itself() -> None:
    press = device("press", Role.STATE, Role.GOOD_COUNT, cycle={"": 10.0})
    causes = tuple(
        Tag(
            path=f"{press.path}/{label or 'all'}", kind=Kind.COUNTER, role=Role.REJECT_COUNT, label=label, stale_after=0
        )
        for label in ("scratch", "size", "")
    )
    rejects = [
        samples([(DAY0, 0), (DAY0 + 9 * HOUR, count)], path=tag.path)
        for tag, count in zip(causes, (30, 20, 60), strict=True)
    ]
    historian = MemoryHistorian(*a_days_work("press", good=150, rejects=0), *rejects)
    for tags, quality in ((causes[:2], 150 / 200), (causes, 150 / 210)):
        plant = scene(replace(press, tags=(*press.tags, *tags)))
        found = figures(scene_indicators(plant, historian, shift(), calendar=CALENDAR, rules=RULES))
        assert found["/first/press:quality-ratio"].value == pytest.approx(quality)


def test_a_vehicle_beside_machines_does_not_change_their_oee() -> None:
    press, vehicle = device("press", *MACHINE, cycle={"": 10.0}), device("vehicle", Role.STATE)
    historian = MemoryHistorian(*a_days_work("press", good=600, rejects=0), at("vehicle", Role.STATE, [(0, 4)]))
    found = figures(
        scene_indicators(scene(press, vehicle, serial=False), historian, shift(), calendar=CALENDAR, rules=RULES)
    )
    assert found["/first:oee"].value == found["/first/press:oee"].value
    assert found["/first/vehicle:availability"].value == 0.0
    assert "/first/vehicle:oee" not in found


def test_silence_is_unknown_time_and_pieces_made_in_it_are_in_no_ratio() -> None:
    press = device("press", *MACHINE, cycle={"": 10.0}, stale_after=60.0)
    talk = [t for t in range(6 * HOUR, 14 * HOUR, 30) if not 9 * HOUR <= t < 9.5 * HOUR]
    historian = MemoryHistorian(
        at("press", Role.STATE, [(t, 6) for t in talk]),
        at("press", Role.GOOD_COUNT, [(t, t // 10) for t in talk]),
        at("press", Role.REJECT_COUNT, [(t, 0) for t in talk]),
    )
    found = figures(scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES))
    oee = found["/first/press:oee"]
    assert oee.coverage == pytest.approx(1 - 1770 / 1800 * 0.5 / 7.5, rel=1e-3)
    assert oee.value == pytest.approx(1.0, abs=0.01)
    assert Flag.PARTLY_UNKNOWN in oee.flags
    assert Flag.UNCOUNTED_PARTS in oee.flags
    low, high = oee.uncertainty
    assert low < oee.value
    assert high - low == pytest.approx(1 - oee.coverage)
    assert found["/first/press:good-output"].value == 8 * HOUR / 10 - 3  # the first reading only starts the count


def test_below_the_coverage_asked_for_nothing_is_a_number() -> None:
    press = device("press", *MACHINE, cycle={"": 10.0}, stale_after=60.0)
    historian = MemoryHistorian(*a_days_work("press", good=10, rejects=1))
    found = scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES)
    assert {(i.value, i.status) for i in found} == {(None, Status.INSUFFICIENT_DATA)}


@pytest.mark.parametrize("bad", [False, True], ids=["no samples at all", "bad samples only"])
def test_no_figure_of_an_empty_or_all_bad_window_is_a_number(bad: bool) -> None:
    roles = (*MACHINE, Role.ENERGY, Role.LATENCY)
    press = device("press", *roles, cycle={"": 10.0})
    rows = [(hour * HOUR, 6, int(Quality.BAD_DEVICE_FAILURE)) for hour in range(14)]
    historian = MemoryHistorian(*(at("press", role, rows) for role in roles if bad))
    found = scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES)
    # That the shift plan fills so much of the calendar is known without any data.
    assert [i.value for i in found if i.id != "utilization"] == [None] * (len(found) - 3)
    assert {i.status for i in found if i.id != "utilization"} == {Status.INSUFFICIENT_DATA}


def test_without_a_plan_there_is_no_oee_and_it_says_so() -> None:
    press = device("press", *MACHINE, cycle={"": 10.0})
    historian = MemoryHistorian(*a_days_work("press", good=600, rejects=200))
    found = figures(scene_indicators(scene(press), historian, shift(), calendar=ShiftCalendar(zone="UTC"), rules=RULES))
    assert found["/first/press:oee"].status is Status.NO_PLAN
    assert found["/first/press:output"].value == 800


def test_lost_packets_are_infinite_and_failed_measurements_are_none() -> None:
    probe = device("probe", Role.LATENCY)
    lost, broken = int(Quality.BAD_TIMEOUT), int(Quality.BAD_COMMUNICATION_ERROR)
    rows: list = [(7 * HOUR + n, 1000.0 * n) for n in range(1, 98)]
    rows += [(8 * HOUR, float("nan"), lost), (8 * HOUR + 1, float("inf")), (8 * HOUR + 2, 5.0, lost)]
    rows += [(9 * HOUR + n, 1.0, broken) for n in range(5)]
    found = figures(
        scene_indicators(
            scene(probe), MemoryHistorian(at("probe", Role.LATENCY, rows)), shift(), calendar=CALENDAR, rules=RULES
        )
    )
    assert found["/first/probe:latency-p50"].value == 50.0
    assert found["/first/probe:latency-p99"].status is Status.UNBOUNDED
    assert found["/first/probe:loss-ratio"].value == 0.03
    assert found["/first/probe:loss-ratio"].coverage == pytest.approx(100 / 105)


def test_what_was_simulated_is_marked_up_to_the_scene() -> None:
    press = device("press", *MACHINE, cycle={"": 10.0}, simulated=True)
    other = device("other", *MACHINE, cycle={"": 10.0})
    historian = MemoryHistorian(*a_days_work("press", good=10, rejects=1), *a_days_work("other", good=10, rejects=1))
    found = scene_indicators(scene(press, other), historian, shift(), calendar=CALENDAR, rules=RULES)
    marked = {i.scope: i.simulated for i in found}
    assert marked == {
        "cq/demo/first/press": True,
        "cq/demo/first/other": False,
        "cq/demo/first": True,
        "cq/demo": True,
    }


def test_a_simulated_scene_marks_every_figure_whatever_its_tags_say() -> None:
    plant = replace(scene(device("press", *MACHINE, Role.LATENCY, cycle={"": 10.0})), simulated=True)
    found = scene_indicators(plant, MemoryHistorian(), shift(), calendar=CALENDAR, rules=RULES)
    assert all(indicator.simulated for indicator in found)


def test_shifts_roll_up_to_the_figures_of_the_day() -> None:
    press = device("press", *MACHINE, Role.ENERGY, Role.LATENCY, cycle={"": 7.0}, stale_after=1800.0)
    rows = [(t, t // 60, 0, 0) for t in range(0, 14 * HOUR, 60)]
    historian = MemoryHistorian(
        at("press", Role.STATE, [(t, 6 if n % 9 else 9) for t, n, *_ in rows if not 8 * HOUR < t < 9.5 * HOUR]),
        at("press", Role.GOOD_COUNT, [(t, n % 500) for t, n, *_ in rows]),
        at("press", Role.REJECT_COUNT, [(t, n // 50) for t, n, *_ in rows]),
        at("press", Role.ENERGY, [(t, n * 1.7) for t, n, *_ in rows]),
        at("press", Role.LATENCY, [(t, (n * 37) % 101 * 1000.0) for t, n, *_ in rows]),
    )
    plant = scene(press)

    def part(start: float, stop: float):
        return analyse(plant, historian, shift(start * HOUR, stop * HOUR), calendar=CALENDAR, rules=RULES)

    whole, rolled = part(6, 14), roll_up([part(9, 14), part(6, 8.25), part(8.25, 9)])

    def told(analysis) -> list:
        return [
            (i.key, i.value, i.status, i.coverage, i.quality_share, i.uncertainty, i.window)
            for i in analysis.indicators()
        ]

    assert told(rolled) == told(whole)
    assert rolled.unit("cq/demo").waterfall == whole.unit("cq/demo").waterfall
    # Shifts need not touch: what lies between them is not missing data.
    apart = roll_up([part(6, 7), part(12, 13)])
    energy = next(i for i in apart.indicators() if i.key == "cq/demo:energy")
    assert (energy.coverage, energy.value) == (1.0, pytest.approx(120 * 1.7 / 1000))
    with pytest.raises(ValueError, match="overlap"):
        roll_up([part(6, 8), part(7, 9)])
    with pytest.raises(ValueError, match="one scene"):
        roll_up([])


def test_each_column_is_read_once_and_only_roles_that_are_needed() -> None:
    press = device("press", *MACHINE, Role.SPEED, cycle={"": 10.0})
    historian = MemoryHistorian(*a_days_work("press", good=10, rejects=1))
    scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES)
    assert historian.reads == 2


def test_a_counter_whose_last_sample_was_bad_counts_on_from_the_last_usable_one() -> None:
    press = device("press", *MACHINE, cycle={"": 10.0})
    lost = int(Quality.BAD_NO_COMMUNICATION)
    historian = MemoryHistorian(
        at("press", Role.STATE, [(0, 6)]),
        at("press", Role.GOOD_COUNT, [(4 * HOUR, 10), (5 * HOUR, 0, lost), (5.5 * HOUR, 0, lost), (7 * HOUR, 25)]),
        at("press", Role.REJECT_COUNT, [(0, 0)]),
    )
    found = figures(scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES))
    assert found["/first/press:good-output"].status is Status.INSUFFICIENT_DATA
    assert analyse(scene(press), historian, shift(), calendar=CALENDAR).unit("cq/demo/first/press").output.good == 15e6


def test_the_timeline_shows_every_devices_states_over_exactly_the_window() -> None:
    press, gauge = device("press", *MACHINE), device("gauge", Role.TOTAL_COUNT)
    historian = MemoryHistorian(*a_days_work("press", good=10, rejects=1))
    timeline = state_timeline(scene(press, gauge), historian, shift(7 * HOUR, 9 * HOUR))
    assert list(timeline) == ["cq/demo/first/press"]
    rows = timeline["cq/demo/first/press"]
    assert rows.state.tolist() == [6, 9, 6]
    assert (int(rows.start[0]), int(rows.stop[-1])) == shift(7 * HOUR, 9 * HOUR)


def test_stops_carry_the_reason_the_machine_reported() -> None:
    press = device("press", *MACHINE, Role.STOP_REASON, cycle={"": 10.0})
    historian = MemoryHistorian(
        *a_days_work("press", good=10, rejects=1), at("press", Role.STOP_REASON, [(8.01 * HOUR, "E17")])
    )
    unit = analyse(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES).unit("cq/demo/first/press")
    assert unit.reasons == ("E17",)
    assert unit.stops.loss.tolist() == ["breakdown"]


def test_a_stop_that_is_still_running_is_as_long_as_it_has_lasted_so_far() -> None:
    press = device("press", *MACHINE, cycle={"": 10.0})
    historian = MemoryHistorian(at("press", Role.STATE, [(6 * HOUR, 6), (7 * HOUR, 11)]))

    def losses(stop: float) -> list[str]:
        window = shift(6 * HOUR, stop)
        unit = analyse(scene(press), historian, window, calendar=CALENDAR, rules=RULES).unit("cq/demo/first/press")
        return unit.stops.loss.tolist()

    assert losses(7 * HOUR + 20) == ["minor-stop"]
    assert losses(7 * HOUR + 60) == ["breakdown"]
    historian.write(at("press", Role.STATE, [(7 * HOUR + 90, 6)]))
    assert losses(7 * HOUR + 20) == ["breakdown"]  # looked at again, it has lasted longer


steps = st.lists(
    st.tuples(st.integers(0, 8 * 60), st.integers(1, 17), st.integers(0, 9), st.sampled_from((0, 0, 0, 1, 2))),
    max_size=30,
    unique_by=lambda row: row[0],
)
QUALITIES = (0, int(Quality.UNCERTAIN), int(Quality.BAD_NO_COMMUNICATION))


def history(name: str, rows: list[tuple[int, int, int, int]]) -> list[Batch]:
    ordered = sorted(rows)
    made = list(itertools.accumulate(row[2] for row in ordered))
    times = [6 * HOUR + row[0] * 60 for row in ordered]
    state = [(t, row[1], QUALITIES[row[3]]) for t, row in zip(times, ordered, strict=True)]
    good = [(t, n % 23, QUALITIES[row[3]]) for t, n, row in zip(times, made, ordered, strict=True)]
    bad = [(t + 7, n // 3) for t, n in zip(times, made, strict=True)]
    return [at(name, Role.STATE, state), at(name, Role.GOOD_COUNT, good), at(name, Role.REJECT_COUNT, bad)]


@given(steps, steps, st.lists(st.integers(0, 8 * 60), max_size=3), st.booleans(), st.sampled_from((0.0, 600.0)))
@settings(deadline=None, max_examples=60)
def test_a_running_shift_updated_piece_by_piece_is_the_shift_recomputed(first, second, cuts, serial, stale) -> None:
    press = device("press", *MACHINE, cycle={"": 7.0}, stale_after=stale)
    pack = device("pack", *MACHINE, cycle={"": 3.0}, stale_after=stale)
    historian = MemoryHistorian(*history("press", first), *history("pack", second))
    plant = scene(press, pack, serial=serial)

    def units(start: int, stop: int):
        window = shift(6 * HOUR + start * 60, 6 * HOUR + stop * 60)
        return analyse(plant, historian, window, calendar=CALENDAR, rules=RULES, now=shift()[1] + 10**12).units

    whole = units(0, 480)
    edges = [0, *sorted(cuts), 480]
    pieces = [units(a, b) for a, b in itertools.pairwise(edges) if a < b]
    for number, unit in enumerate(whole):
        parts = [piece[number] for piece in pieces]
        assert sum((p.sums for p in parts[1:]), parts[0].sums) == unit.sums
        assert sum((p.reliability for p in parts[1:]), parts[0].reliability) == unit.reliability
        assert sum(p.output.good for p in parts) == unit.output.good
        assert sum((p.waterfall for p in parts[1:]), parts[0].waterfall) == unit.waterfall


@given(steps, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_late_data_ends_in_the_figures_it_would_have_given_in_time(rows, random) -> None:
    press = device("press", *MACHINE, cycle={"": 7.0})
    batches = history("press", rows)
    pieces = [batch.take(slice(n, n + 1)) for batch in batches for n in range(len(batch))]
    random.shuffle(pieces)
    in_time, late = MemoryHistorian(*batches), MemoryHistorian(*pieces, *pieces[::2])
    expected, found = (
        scene_indicators(scene(press), historian, shift(), calendar=CALENDAR, rules=RULES)
        for historian in (in_time, late)
    )
    assert [i.payload() for i in found] == [i.payload() for i in expected]


def test_figures_from_a_real_store_are_those_from_memory(tmp_path) -> None:
    press = device("press", *MACHINE, Role.ENERGY, Role.LATENCY, cycle={"": 7.0}, stale_after=900.0)
    pack = device("pack", *MACHINE, cycle={"": 3.0})
    lost = int(Quality.BAD_TIMEOUT)
    batches = [
        *history("press", [(n, n % 17 + 1, n % 5, n % 3) for n in range(0, 480, 7)]),
        *a_days_work("pack", good=1000, rejects=10),
        at("press", Role.ENERGY, [(6 * HOUR + n * 300, n * 0.7) for n in range(90)]),
        at("press", Role.LATENCY, [(7 * HOUR + n, 0.5 * n, lost if n % 50 == 0 else 0) for n in range(400)]),
    ]
    plant = scene(press, pack)
    store = EmbeddedHistorian(tmp_path, seal_every=None)
    try:
        for batch in batches:
            store.write(batch)
        found = scene_indicators(plant, store, shift(), calendar=CALENDAR, rules=RULES)
        store.seal()
        sealed = scene_indicators(plant, store, shift(), calendar=CALENDAR, rules=RULES)
    finally:
        store.close()
    expected = scene_indicators(plant, MemoryHistorian(*batches), shift(), calendar=CALENDAR, rules=RULES)
    assert [i.payload() for i in found] == [i.payload() for i in expected]
    assert [i.payload() for i in sealed] == [i.payload() for i in expected]
