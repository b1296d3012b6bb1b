"""Details add up: over any split of a window, at every level, whatever the order data came in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.indicator import Indicator
from analytics.record import decode, encode
from analytics.scene import Rules, analyse, roll_up
from plant.assets import Device, Line, Scene
from plant.batch import Batch, BatchBuilder
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from plant.quality import Quality
from plant.tags import Kind, Role
from plant.text import Text
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import samples
from tests.analytics.test_no_data import device, everything

CALENDAR = ShiftCalendar.around_the_clock("UTC")
LAST = 100
MACHINE = frozenset(
    (
        Role.STATE,
        Role.JOB,
        Role.GOOD_COUNT,
        Role.REJECT_COUNT,
        Role.PRODUCT,
        Role.ENERGY,
        Role.LATENCY,
        Role.VERDICT,
        Role.TRUTH,
    )
)
VEHICLE = frozenset((Role.STATE, Role.TRANSPORT_COUNT, Role.STOP_REASON, Role.BATTERY, Role.ENERGY))
STORE = frozenset((Role.EVENT_NUMBER, Role.STOCK))


def scene(*, serial: bool = False) -> Scene:
    machines = (device("press", MACHINE), device("mill", MACHINE))
    others = (device("agv", VEHICLE), device("store", STORE))
    lines = (
        Line(path="cq/demo/first", name=Text("线", "Line"), serial=serial, devices=machines),
        Line(path="cq/demo/second", name=Text("运", "Carry"), serial=False, devices=others),
    )
    return Scene(path="cq/demo", name=Text("场景", "Scene"), lines=lines)


def value(kind: Kind, role: Role | None, number: int) -> object:
    if kind is Kind.TEXT:
        return ("good", "bad")[number % 2]
    return (6, 9, 4)[number % 3] if role is Role.STATE else number


def told(rows) -> list[Batch]:
    """Every tag's samples from rows of (tag, second, number, bad), each a batch of its own."""
    tags = [t for d in scene().devices for t in d.tags]
    batches = []
    for place, second, number, bad in rows:
        tag = tags[place]
        quality = int(Quality.BAD_NO_COMMUNICATION) if bad else 0
        one = [(float(second), value(tag.kind, tag.role, number), quality)]
        batches.append(samples(one, path=tag.path))
    return batches


rows = st.lists(
    st.tuples(
        st.integers(0, sum(len(d.tags) for d in scene().devices) - 1),
        st.integers(-20, LAST - 1),
        st.integers(0, 60),
        st.sampled_from((0, 0, 0, 0, 1)),
    ),
    min_size=20,
    max_size=150,
    unique_by=lambda row: (row[0], row[1]),
)


def figures(plant: Scene, historian: MemoryHistorian, cuts: list[int]) -> dict[str, Indicator]:
    rules = Rules(min_coverage=0.0, settings=everything(plant))
    edges = [0, *sorted(set(cuts)), LAST]
    parts = [
        analyse(
            plant,
            historian,
            (start * SECOND, stop * SECOND),
            calendar=CALENDAR,
            rules=rules,
            now=LAST * SECOND,
            detailed=True,
        )
        for start, stop in itertools.pairwise(edges)
    ]
    return {i.key: i for i in roll_up(parts).details()}


@given(rows, st.lists(st.integers(1, LAST - 1), max_size=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_split_of_a_window_gives_the_details_of_the_whole_at_every_level(rows, cuts, serial) -> None:
    plant, historian = scene(serial=serial), MemoryHistorian(samples([(0, 0)], path="a/b/c/d/e"), *told(rows))
    # A meter's reading owns what was drawn since the one before; read right before the cut, nothing lies across it.
    meters = [t for t in plant.tags if t.role is Role.ENERGY]
    for meter in meters:
        at_cuts = [(cut - before, cut % 7) for cut in sorted({0, *cuts}) for before in (0.001, 0)]
        historian.write(samples(at_cuts, path=meter.path))
    whole, split = figures(plant, historian, []), figures(plant, historian, cuts)
    assert whole.keys() == split.keys()
    for key, one in whole.items():
        assert split[key].value == (None if one.value is None else pytest.approx(one.value, abs=1e-9)), key
        assert split[key].coverage == (None if one.coverage is None else pytest.approx(one.coverage)), key
        assert split[key].status is one.status, key


@given(rows, st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_and_duplicates_of_samples_leave_no_trace_in_details(rows, random) -> None:
    plant, batches = scene(), told(rows)
    shuffled = [*batches, *random.sample(batches, len(batches) // 2)]
    random.shuffle(shuffled)
    first, second = (
        figures(plant, MemoryHistorian(samples([(0, 0)], path="a/b/c/d/e"), *some), []) for some in (batches, shuffled)
    )
    assert {k: i.payload() for k, i in first.items()} == {k: i.payload() for k, i in second.items()}


@given(rows)
@settings(max_examples=15, deadline=None)
def test_details_are_kept_and_read_back_as_they_were(rows) -> None:
    plant, historian = scene(), MemoryHistorian(samples([(0, 0)], path="a/b/c/d/e"), *told(rows))
    rules = Rules(min_coverage=0.0, settings=everything(plant))
    window = (0, LAST * SECOND)
    found = analyse(plant, historian, window, calendar=CALENDAR, rules=rules, now=window[1], detailed=True)
    blob = encode(found.units)
    assert encode(decode(blob)) == blob


def hour(*batches: Batch, plant: Scene) -> dict[str, Indicator]:
    window = (0, 3600 * SECOND)
    rules = Rules(min_coverage=0.0, settings=everything(plant))
    found = analyse(
        plant, MemoryHistorian(*batches), window, calendar=CALENDAR, rules=rules, now=window[1], detailed=True
    )
    return {i.key.removeprefix("cq/demo/"): i for i in found.details()}


def one(*devices: Device, serial: bool = True) -> Scene:
    line = Line(path="cq/demo/first", name=Text("线", "Line"), serial=serial, devices=devices)
    return Scene(path="cq/demo", name=Text("场景", "Scene"), lines=(line,))


def at(signal: str, *told: tuple[float, object]) -> Batch:
    return samples(told, path=f"cq/demo/first/{signal}")


def test_a_serial_line_multiplies_its_yields_and_parallel_machines_add_their_pieces() -> None:
    roles = frozenset((Role.STATE, Role.GOOD_COUNT, Role.TOTAL_COUNT))
    machines = (device("a", roles), device("b", roles))
    told = [
        samples([(s, v) for s in range(0, 3600, 5)], path=f"cq/demo/first/{name}/state")
        for name, v in (("a", 6), ("b", 6))
    ]
    for name, good, total in (("a", 90, 100), ("b", 80, 90)):
        for signal, whole in (("good-count", good), ("total-count", total)):
            counted = [(s, round(whole * s / 3595)) for s in range(0, 3600, 5)]
            told.append(samples(counted, path=f"cq/demo/first/{name}/{signal}"))
    serial = hour(*told, plant=one(*machines))
    assert serial["first:rolled-throughput-yield"].value == pytest.approx(0.9 * 80 / 90)
    assert "first:first-pass-yield" not in serial
    parallel = hour(*told, plant=one(*machines, serial=False))
    assert parallel["first:first-pass-yield"].value == pytest.approx(170 / 190)
    assert "first:rolled-throughput-yield" not in parallel


def test_a_product_has_its_own_oee_and_products_sum_to_the_whole() -> None:
    press = device("press", MACHINE)
    ticks = range(0, 3600, 5)
    plant = one(press)
    told = [
        at("press/state", *[(s, 9 if 900 <= s < 1200 else 6) for s in ticks]),
        at("press/product", *[(s, "A" if s < 1800 else "B") for s in ticks]),
        at("press/good-count", *[(s, s // 5) for s in ticks]),
        at("press/reject-count-burr", *[(s, s // 50) for s in ticks]),
        at("press/reject-count-crack", *[(s, 0) for s in ticks]),
    ]
    found = hour(*told, plant=plant)
    a, b = (found[f"first/press#product={name}:oee"] for name in "AB")
    assert found["first/press#product=A:availability"].value == pytest.approx(1500 / 1800)
    assert found["first/press#product=B:availability"].value == 1.0
    assert a.inputs["PBT"].value + b.inputs["PBT"].value == 3600
    assert found["first/press#product=A:scrap-ratio"].value == pytest.approx(1 / 11, abs=0.01)


def test_energy_is_paid_at_the_tariff_and_stands_for_coal_and_carbon_with_their_sources() -> None:
    press = device("press", frozenset((Role.STATE, Role.ENERGY, Role.GOOD_COUNT, Role.TOTAL_COUNT)))
    ticks = range(0, 3600, 5)
    told = [
        at("press/state", *[(s, 6) for s in ticks]),
        at("press/energy", *[(s, 10.0 * s / 3595) for s in ticks]),
        at("press/good-count", *[(s, s // 50) for s in ticks]),
        at("press/total-count", *[(s, s // 50) for s in ticks]),
    ]
    found = hour(*told, plant=one(press))
    assert found["first/press:energy-cost"].value == pytest.approx(6.0)
    assert found["first/press:comprehensive-energy"].value == pytest.approx(1.229)
    assert found["first/press:carbon"].value == pytest.approx(5.306)
    assert "2023" in found["first/press:carbon"].note.en
    assert found["first/press:carbon-per-good-piece"].value == pytest.approx(5.306 / 71)
    assert found["first:carbon"].value == pytest.approx(5.306)


def test_verdicts_are_held_against_the_reference_of_the_same_moment() -> None:
    gauge = device("gauge", frozenset((Role.VERDICT, Role.TRUTH)))
    pairs = [("good", "good")] * 90 + [("good", "bad")] * 4 + [("bad", "bad")] * 5 + [("bad", "good")]
    told = [
        at("gauge/verdict", *[(10.0 * n, said) for n, (said, _) in enumerate(pairs)], (1001, "good")),
        at("gauge/reference-verdict", *[(10.0 * n, true) for n, (_, true) in enumerate(pairs)]),
    ]
    found = hour(*told, plant=one(gauge))
    assert found["first/gauge:misjudgement-rate"].value == pytest.approx(0.05)
    assert found["first/gauge:false-accept-rate"].value == pytest.approx(4 / 9)
    assert found["first/gauge:misjudgement-rate"].coverage == pytest.approx(100 / 101)
    assert found["first/gauge:false-reject-rate"].value == pytest.approx(1 / 91)
    wide = found["first/gauge:misjudgement-rate"].uncertainty
    assert wide == pytest.approx((0.0164, 0.1128), abs=1e-3)


def test_a_number_that_never_came_is_an_event_that_was_not_visible() -> None:
    reader = device("gate", frozenset((Role.EVENT_NUMBER,)))
    builder = BatchBuilder()
    for number, second, late in ((0, 0, 0.1), (1, 100, 0.1), (2, 200, 5.0), (4, 400, 0.2)):
        at_ = second * SECOND
        builder.add("cq/demo/first/gate/event-number", at_, number, received=at_ + round(late * SECOND))
    found = hour(builder.build(), plant=one(reader))
    rate = found["first/gate:real-time-rate"]
    assert (rate.inputs["EVV"].value, rate.inputs["EVT"].value) == (2, 4)


def test_an_orders_time_is_what_its_machine_is_held_against() -> None:
    """An hour of which an order ran for half, a sixth of that in failure, a piece each five seconds."""
    press = device("press", frozenset((Role.STATE, Role.JOB, Role.TOTAL_COUNT)))
    ticks = range(0, 3600, 5)
    found = hour(
        at("press/state", *[(s, 9 if 600 <= s < 900 else 6) for s in ticks]),
        at("press/job", *[(s, "order-1" if s < 1800 else "") for s in ticks]),
        at("press/total-count", *[(s, s // 5) for s in ticks]),
        plant=one(press),
    )
    assert found["first/press:allocation-ratio"].value == 1.0  # a failure is busy time too
    assert found["first/press:production-process-ratio"].value == pytest.approx(1500 / 1800)
    assert found["first/press:throughput-rate"].value == pytest.approx(720, rel=0.01)


def test_the_same_hour_is_read_by_semi_e10_beside_iso() -> None:
    """Set-up is scheduled down time, starving is standby, and what nobody knows is left out of both sides."""
    press = device("press", frozenset((Role.STATE,)))
    states = [(s, 6 if s < 2100 else 5 if s < 2700 else 3 if s < 3000 else 9) for s in range(0, 3300, 5)]
    found = hour(at("press/state", *states), plant=one(press))
    uptime = found["first/press:e10-operational-uptime"]
    known = 3305  # the last sample holds for the ten seconds it may be silent
    assert uptime.value == pytest.approx(2700 / known)
    assert uptime.coverage == pytest.approx(known / 3600)
    assert found["first/press:e10-operational-utilization"].value == pytest.approx(2100 / known)
    assert found["first/press:e10-total-utilization"].inputs["E10TOT"].value == 3600
