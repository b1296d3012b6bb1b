"""A device's details come from its roles, and agree with the figures they are details of."""

from __future__ import annotations

import pytest

from analytics.explain import explain
from analytics.indicator import Indicator, Status
from analytics.scene import Rules, scene_indicators
from analytics.studies import scene_details
from plant.assets import Device, Line, Scene
from plant.batch import Batch, Value
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from plant.packml import PackState
from plant.tags import Kind, Role, Tag
from plant.text import Text
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import samples

ROLES = {
    Role.STATE: (Kind.STATE, "1"),
    Role.PRODUCT: (Kind.TEXT, "1"),
    Role.STOP_REASON: (Kind.TEXT, "1"),
    Role.ENERGY: (Kind.ENERGY, "W.h"),
    Role.LATENCY: (Kind.ANALOG, "us"),
    Role.BATTERY: (Kind.ANALOG, "%"),
}
CALENDAR = ShiftCalendar.around_the_clock("UTC")
WINDOW = (0, 3600 * SECOND)


def device(name: str, *roles: Role, labels: dict[Role, tuple[str, ...]] | None = None) -> Device:
    tags = [
        Tag(
            path=f"cq/demo/first/{name}/{role.value}{label and '-' + label}",
            kind=ROLES.get(role, (Kind.COUNTER, "1"))[0],
            unit=ROLES.get(role, (Kind.COUNTER, "1"))[1],
            role=role,
            label=label,
            stale_after=0.0,
        )
        for role in roles
        for label in (labels or {}).get(role, ("",))
    ]
    return Device(path=f"cq/demo/first/{name}", name=Text(name, name), tags=tuple(tags))


def scene(*devices: Device, simulated: bool = False) -> Scene:
    line = Line(path="cq/demo/first", name=Text("线", "Line"), devices=devices)
    return Scene(path="cq/demo", name=Text("场景", "Scene"), lines=(line,), simulated=simulated)


def at(signal: str, *rows: tuple[float, Value]) -> Batch:
    return samples(rows, path=f"cq/demo/first/{signal}")


def figures(found: list[Indicator]) -> dict[str, Indicator]:
    return {i.key.removeprefix("cq/demo/first/"): i for i in found}


PRESS = device(
    "press",
    Role.STATE,
    Role.GOOD_COUNT,
    Role.REJECT_COUNT,
    Role.PRODUCT,
    Role.ENERGY,
    labels={Role.REJECT_COUNT: ("burr", "crack")},
)
PRESS_DATA = MemoryHistorian(
    at("press/state", (0, int(PackState.EXECUTE)), (1800, int(PackState.IDLE)), (2700, int(PackState.EXECUTE))),
    at("press/product", (0, "A"), (1800, "B")),
    at("press/good-count", (0, 0), (900, 40), (1700, 80), (3500, 100)),
    at("press/reject-count-burr", (0, 0), (1700, 15), (3500, 16)),
    at("press/reject-count-crack", (0, 0), (1700, 5), (3500, 8)),
    at("press/energy", (0, 0.0), (1800, 6000.0), (2700, 7500.0), (3599, 12000.0)),
)


def details(scene_: Scene, historian: MemoryHistorian) -> dict[str, Indicator]:
    return figures(scene_details(scene_, historian, WINDOW, calendar=CALENDAR))


def test_yield_by_product_and_cause_agrees_with_the_machines_own_counts() -> None:
    found = details(scene(PRESS), PRESS_DATA)
    assert found["press:first-pass-yield"].value == pytest.approx(100 / 124)
    assert found["press#cause=burr:reject-rate-by-cause"].value == pytest.approx(16 / 124)
    assert found["press#product=A:scrap-ratio"].value == 0.2
    assert found["press#product=B#cause=crack:reject-rate-by-cause"].value == pytest.approx(3 / 24)
    main = figures(scene_indicators(scene(PRESS), PRESS_DATA, WINDOW, calendar=CALENDAR))
    assert main["press:scrap-ratio"].value == pytest.approx(24 / 124)


def test_energy_by_state_and_product_adds_up_to_the_machines_energy() -> None:
    found = details(scene(PRESS), PRESS_DATA)
    main = figures(scene_indicators(scene(PRESS), PRESS_DATA, WINDOW, calendar=CALENDAR))
    states = [i.value for key, i in found.items() if key.startswith("press#state=") and i.id == "energy"]
    assert sum(states) == pytest.approx(main["press:energy"].value) == 12
    assert found["press:idle-energy-share"].value == pytest.approx(1.5 / 12)
    assert found["press#product=A:energy-per-good-piece"].value == pytest.approx(6 / 80)
    assert found["press:peak-demand"].value == pytest.approx(4.5 / 899 * 3600, rel=0.01)


def test_a_vehicle_has_its_trips_and_its_battery() -> None:
    agv = device("agv", Role.STATE, Role.TRANSPORT_COUNT, Role.STOP_REASON, Role.BATTERY)
    data = MemoryHistorian(
        at("agv/state", (0, int(PackState.EXECUTE)), (2700, int(PackState.SUSPENDED))),
        at("agv/stop-reason", (0, ""), (2800, "zone")),
        at("agv/transport-count", (0, 0), (1000, 5), (3000, 12)),
        at("agv/battery", (0, 90.0), (3000, 60.0)),
    )
    found = details(scene(agv), data)
    assert found["agv:transports-per-vehicle-hour"].value == 12
    assert found["agv#cause=zone:waiting-share-by-cause"].value == 0.25
    assert found["agv:battery-lowest"].value == pytest.approx(0.6)


def test_a_link_has_its_variation_under_the_scope_of_its_percentiles() -> None:
    probe = device("probe", Role.LATENCY)
    data = MemoryHistorian(at("probe/latency", *[(float(n), 1000.0 + n % 10) for n in range(200)]))
    found = details(scene(probe), data)
    assert found["probe:pdv-p95"].value == pytest.approx(0.009)
    assert found["probe:pdv-p99-9"].status is Status.INSUFFICIENT_DATA


def test_without_data_no_detail_is_a_number_and_every_detail_explains_itself() -> None:
    everything = scene(
        PRESS, device("agv", Role.STATE, Role.TRANSPORT_COUNT, Role.BATTERY), device("probe", Role.LATENCY)
    )
    found = details(everything, MemoryHistorian(at("other/signal", (0, 1))))
    assert found
    for indicator in [*found.values(), *details(scene(PRESS), PRESS_DATA).values()]:
        assert explain(indicator, "zh").steps
        assert explain(indicator, "en").steps
    assert {i.value for i in found.values()} == {None}


def test_details_of_a_simulated_scene_say_so_and_no_key_appears_twice() -> None:
    listed = scene_details(scene(PRESS, simulated=True), PRESS_DATA, WINDOW, calendar=CALENDAR, rules=Rules())
    assert all(i.simulated for i in listed)
    main = scene_indicators(scene(PRESS), PRESS_DATA, WINDOW, calendar=CALENDAR)
    keys = [i.key for i in (*listed, *main)]
    assert len(set(keys)) == len(keys)
