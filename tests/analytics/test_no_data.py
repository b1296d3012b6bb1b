"""What nobody knows is never a number: no formula, no scene, no setting makes one of an empty or all-bad window."""

from __future__ import annotations

from datetime import time
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.capability import Tolerance
from analytics.carbon import grid_factor
from analytics.demand import Band, Tariff
from analytics.explain import explain
from analytics.formulas import FORMULAS, PERCENTILES, quantities
from analytics.indicator import Basis, Status, evaluate, report
from analytics.network import Service
from analytics.scene import Rules, scene_indicators
from analytics.settings import FleetRates, FloorLimit, SceneSettings, Settings
from analytics.studies import scene_details
from plant.assets import Device, Line, Scene
from plant.batch import BatchBuilder
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from plant.quality import Quality
from plant.tags import Kind, Role, Tag
from plant.text import Text
from tests.analytics.memory import MemoryHistorian

WINDOW = (0, 100 * SECOND)
KINDS = {
    **dict.fromkeys((Role.STATE,), Kind.STATE),
    **dict.fromkeys((Role.ENERGY,), Kind.ENERGY),
    **dict.fromkeys(
        (
            Role.GOOD_COUNT,
            Role.REJECT_COUNT,
            Role.REWORK_COUNT,
            Role.TOTAL_COUNT,
            Role.TRANSPORT_COUNT,
            Role.EVENT_NUMBER,
            Role.DEADLINE_MISSED,
            Role.CONTROL_CYCLES,
            Role.CORRECT_CYCLES,
        ),
        Kind.COUNTER,
    ),
    **dict.fromkeys((Role.PRODUCT, Role.JOB, Role.STOP_REASON, Role.VERDICT, Role.TRUTH, Role.DECISION), Kind.TEXT),
}
UNITS = {Role.ENERGY: "kW.h", Role.BATTERY: "%", Role.POSITION_X: "m", Role.POSITION_Y: "m", Role.IDEAL_CYCLE: "s"}
UNITS |= dict.fromkeys((Role.LATENCY, Role.LATENCY_UP, Role.LATENCY_DOWN, Role.CLOCK_ERROR), "us")
PLAYED = (*KINDS, *UNITS, Role.PROCESS_VALUE, Role.LOSS, Role.LINK_EVENT, Role.STOCK)
LABELS = {Role.STOCK: ("counted", "recorded"), Role.REJECT_COUNT: ("burr", "crack")}
DAY = Tariff("UTC", (Band(Text("平", "flat"), 0.6, ((time(0), time(0)),)),))


def tag(device: str, role: Role, label: str) -> Tag:
    path = f"{device}/{role.value}{'-' + label if label else ''}"
    return Tag(path=path, role=role, label=label, kind=KINDS.get(role, Kind.ANALOG), unit=UNITS.get(role, "1"))


def device(name: str, roles: frozenset[Role]) -> Device:
    path = f"cq/demo/first/{name}"
    tags = tuple(tag(path, role, label) for role in sorted(roles) for label in LABELS.get(role, ("",)))
    return Device(path=path, name=Text(name, name), ideal_cycle={"": 2.0}, tags=tags)


def everything(scene: Scene) -> Settings:
    agreed = SceneSettings(
        service=Service(interval=100, deadline=50, survival=100),
        floor=FloorLimit(width=10, depth=10, cell=5, limit=20.0, share=Fraction("0.5")),
        fleet=FleetRates(vehicle_hour=5, labour_hour=20, vehicles_per_person=4),
        agreed=1.0,
    )
    tolerances = {t.path: Tolerance(lower=0.0, upper=1.0) for t in scene.tags if t.role is Role.PROCESS_VALUE}
    return Settings(tariff=DAY, grid=grid_factor(2023), scenes={scene.path: agreed}, tolerances=tolerances)


shares = st.sampled_from((0.0, 0.5, 0.95, 1.0))


def inputs(expression: str, names: tuple[str, ...], amount: float) -> dict[str, float | list[float]]:
    listed = [name for name in names if f"sum({name})" in expression or f"product({name})" in expression]
    return {name: [amount, amount + 1] if name in listed else amount for name in names}


@given(st.floats(0.5, 1e6), st.sampled_from((None, 0.0)), st.booleans(), shares)
@settings(max_examples=12, deadline=None)
def test_no_formula_gives_a_number_where_nothing_is_known(amount, coverage, planned, minimum) -> None:
    basis = Basis(scope="cq/demo", window=WINDOW, coverage=coverage, planned=planned, min_coverage=minimum)
    for formula in FORMULAS.values():
        if formula in PERCENTILES.values():
            found = report(formula, amount, {}, basis, uncertainty=(0.0, 1.0))
        else:
            values = quantities(inputs(formula.expression, formula.inputs, amount))
            found = evaluate(formula, values, basis, uncertainty=(0.0, 1.0))
        assert (found.value, found.uncertainty) == (None, None), formula.id
        assert found.status is (Status.INSUFFICIENT_DATA if planned else Status.NO_PLAN)
        assert all(explain(found, language).steps for language in ("zh", "en"))


@given(
    st.lists(st.frozensets(st.sampled_from(PLAYED), min_size=1), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(-50, 99), st.integers(0, 20)), max_size=12),
    shares,
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_scene_has_a_number_when_every_sample_is_bad_or_there_is_none(roles, rows, minimum, serial) -> None:
    devices = tuple(device(f"m{n}", chosen) for n, chosen in enumerate(roles))
    line = Line(path="cq/demo/first", name=Text("线", "Line"), serial=serial, devices=devices)
    scene = Scene(path="cq/demo", name=Text("场景", "Scene"), lines=(line,))
    builder = BatchBuilder()
    builder.add("other/of/another/scene/signal", 0, 1, received=0)
    for one in scene.tags:
        for second, value in rows:
            at = second * SECOND
            told = str(value) if one.kind is Kind.TEXT else value
            builder.add(one.path, at, told, received=at, quality=int(Quality.BAD_NO_COMMUNICATION))
    historian = MemoryHistorian(builder.build())
    rules = Rules(min_coverage=minimum, settings=everything(scene))
    calendar = ShiftCalendar.around_the_clock("UTC")
    found = [
        *scene_indicators(scene, historian, WINDOW, calendar=calendar, rules=rules, now=WINDOW[1]),
        *scene_details(scene, historian, WINDOW, calendar=calendar, rules=rules, now=WINDOW[1]),
    ]
    assert {i.key: i.value for i in found if i.value is not None} == {}
    assert len({i.key for i in found}) == len(found)
