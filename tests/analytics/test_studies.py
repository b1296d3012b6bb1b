"""Studies of one window: stops and the link behind them, capability a piece, wear against a healthy time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analytics.capability import Tolerance
from analytics.indicator import Indicator, Status
from analytics.network import Service
from analytics.rules import of_centre
from analytics.scene import Rules, scene_indicators
from analytics.settings import SceneSettings, Settings, Watch
from analytics.studies import scene_studies
from configs.loader import PACKAGED, load
from configs.network_profile import network_profile
from plant.assets import Device, Line, Scene
from plant.batch import Batch
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from plant.tags import Kind, Role, Tag
from plant.text import Text
from simulators.virtual import fast
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import samples

CALENDAR = ShiftCalendar.around_the_clock("UTC")
START = 1_772_000_000 * SECOND
HOUR = (0, 3600 * SECOND)
PATH = "cq/demo/first/press"


def tag(role: Role, kind: Kind = Kind.ANALOG, unit: str = "1", *, of: str = PATH) -> Tag:
    return Tag(path=f"{of}/{role.value}", role=role, kind=kind, unit=unit, stale_after=0.0)


def scene(*devices: Device) -> Scene:
    line = Line(path="cq/demo/first", name=Text("线", "Line"), devices=devices)
    return Scene(path="cq/demo", name=Text("场景", "Scene"), lines=(line,))


def studied(plant: Scene, settings: Settings, *batches: Batch, window=HOUR) -> dict[str, Indicator]:
    rules = Rules(min_coverage=0.5, settings=settings)
    found = scene_studies(plant, MemoryHistorian(*batches), window, calendar=CALENDAR, rules=rules, now=window[1])
    return {i.key: i for i in found}


# ------------------------------------------------------------------------- stops and the link
@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Indicator]]:
    folder = tmp_path_factory.mktemp("agv")
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / "agv.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    configuration = load(folder)
    plant = configuration.site.scene("agv")
    assert plant
    wanted = (Role.STATE, Role.LINK_EVENT)
    bindings = [replace(b, points=tuple(p for p in b.points if p[0].role in wanted)) for b in configuration.bindings]

    def watched(profile: str) -> dict[str, Indicator]:
        window = (START, START + 1200 * SECOND)
        made = fast(
            configuration.scenes["agv"], bindings, start=START, stop=window[1], network=network_profile(profile)
        )
        found = scene_studies(
            plant,
            MemoryHistorian(Batch.concat(list(made))),
            window,
            calendar=CALENDAR,
            rules=of_centre(configuration),
            now=window[1],
        )
        return {i.key.removeprefix("cq/agv/fleet/"): i for i in found if i.id.startswith("stops-")}

    return watched


def test_a_link_that_loses_heartbeats_stops_vehicles_and_a_good_one_is_acquitted(fleet) -> None:
    bad, good = fleet("wifi-roaming"), fleet("5g-sa-sub6")
    for vehicle in (f"agv-{n}" for n in range(1, 7)):
        share, caused = (bad[f"{vehicle}:{kpi}"] for kpi in ("stops-after-link-events", "stops-caused-by-link"))
        assert share.value > 0.3
        assert share.value > caused.value > 0.25
        assert "chance" not in caused.note.en
        low, high = caused.uncertainty
        assert low < caused.value < high
        assert good[f"{vehicle}:stops-caused-by-link"].value == 0


def test_nearly_constant_events_explain_every_stop_and_none() -> None:
    press = Device(path=PATH, name=Text("", "Press"), tags=(tag(Role.STATE, Kind.STATE),))
    probe = Device(
        path="cq/demo/first/probe",
        name=Text("", "Probe"),
        tags=(tag(Role.LATENCY, unit="ms", of="cq/demo/first/probe"),),
    )
    states = samples([(s, 9 if s % 600 > 540 else 6) for s in range(0, 3600, 5)], path=f"{PATH}/state")
    late = samples([(float(s), 80.0) for s in range(3600)], path="cq/demo/first/probe/latency")
    agreed = SceneSettings(service=Service(interval=1000, deadline=20, survival=1000))
    found = studied(scene(press, probe), Settings(scenes={"cq/demo": agreed}), states, late)
    caused = found[f"{PATH}:stops-caused-by-link"]
    assert found[f"{PATH}:stops-after-link-events"].value == 1.0
    assert caused.value is None or "chance is not ruled out" in caused.note.en
    assert caused.uncertainty in (None, (0.0, 1.0))


# ---------------------------------------------------------------------------- process values
FORCE = tag(Role.PROCESS_VALUE, unit="kN")


def test_capability_takes_one_value_a_piece_however_often_it_was_read() -> None:
    press = Device(path=PATH, name=Text("", "Press"), tags=(FORCE, tag(Role.TOTAL_COUNT, Kind.COUNTER)))
    random = np.random.default_rng(3)
    values = random.normal(412, 4, 360).tolist()
    read = samples([(10 * n + s, value) for n, value in enumerate(values) for s in range(0, 10, 2)], path=FORCE.path)
    count = samples([(10.0 * n + 5, n) for n in range(360)], path=f"{PATH}/total-count")
    tolerance = {FORCE.path: Tolerance(lower=392, upper=432, target=412)}
    found = studied(scene(press), Settings(tolerances=tolerance), read, count)
    cp = found[f"{FORCE.path}:cp"]
    assert cp.value == pytest.approx(40 / 24, rel=0.1)
    assert found[f"{FORCE.path}:pp"].inputs["S"].origin.en == "359 values"
    assert found[f"{FORCE.path}#chart=i:control-upper"].value == pytest.approx(412 + 12, abs=2)
    by_sample = Device(path=PATH, name=Text("", "Press"), tags=(FORCE,))
    calm = studied(scene(by_sample), Settings(tolerances=tolerance), read)
    assert calm[f"{FORCE.path}:cp"].value > 2 * cp.value  # what repetitions make of it


def test_a_piece_is_not_credited_with_what_was_read_while_the_machine_stood() -> None:
    # Read each second, standing half of each minute; the first piece is counted before the next reading.
    press = Device(
        path=PATH,
        name=Text("", "Press"),
        tags=(FORCE, tag(Role.TOTAL_COUNT, Kind.COUNTER), tag(Role.STATE, Kind.STATE)),
    )
    random = np.random.default_rng(4)
    force = [(float(s), 0.0 if s % 60 <= 30 else float(random.normal(412, 4))) for s in range(3600)]
    states = [(m * 60 + after, state) for m in range(60) for after, state in ((0, 4), (30.2, 6))]
    made = [m * 60 + 30.75 + n for m in range(60) for n in range(28)]
    batches = (
        samples(force, path=FORCE.path),
        samples([(0.0, 0), *((when, n + 1) for n, when in enumerate(made))], path=f"{PATH}/total-count"),
        samples(states, path=f"{PATH}/state"),
    )
    settings = Settings(tolerances={FORCE.path: Tolerance(lower=392, upper=432, target=412)})
    found = studied(scene(press), settings, *batches)
    centre = found[f"{FORCE.path}#chart=i:control-centre"]
    assert centre.value == pytest.approx(412, abs=0.5)
    assert found[f"{FORCE.path}#chart=i:control-upper"].value == pytest.approx(424, abs=1)
    assert centre.coverage == pytest.approx(27 / 28)
    # A value that is sent when it changes, and did not, is that of every piece.
    steady = samples([(0.0, 412.0), (1700.0, 415.0)], path=FORCE.path)
    found = studied(scene(press), settings, steady, *batches[1:])
    assert found[f"{FORCE.path}#chart=i:control-centre"].coverage > 0.98


WATCH = Watch(healthy=3600 * SECOND, block=60 * SECOND, allowance=1.0, blocks_between_alarms=10_000, limit=450.0)


def worn(slope: float, *, standing: bool = False) -> dict[str, Indicator]:
    """Run an hour in health, then an hour in which the force rises; stand every sixth minute."""
    press = Device(path=PATH, name=Text("", "Press"), tags=(FORCE, tag(Role.STATE, Kind.STATE)))
    random, rows, states = np.random.default_rng(5), [], []
    for s in range(0, 7200, 2):
        stands = s % 360 < 60 or standing
        level = 412 + max(s - 3600, 0) / 3600 * slope
        rows.append((s, 0.0 if stands else level + float(random.normal(0, 4))))
        states.append((s, 9 if stands else 6))
    batches = samples(rows, path=FORCE.path), samples(states, path=f"{PATH}/state")
    window = (3600 * SECOND, 7200 * SECOND)
    return studied(scene(press), Settings(watches={FORCE.path: WATCH}), *batches, window=window)


def test_a_signal_that_wears_is_warned_of_and_its_remaining_life_told() -> None:
    found = worn(19.0)
    drift, life = found[f"{FORCE.path}:drift-index"], found[f"{FORCE.path}:remaining-life"]
    assert drift.value > 1
    assert "drifting most likely since" in drift.note.en
    assert life.value == pytest.approx(1.0, abs=0.15)
    assert life.uncertainty[0] < 1.0 < life.uncertainty[1]


def test_a_healthy_signal_is_not_warned_of_although_its_machine_stands_now_and_then() -> None:
    found = worn(0.0)
    assert found[f"{FORCE.path}:drift-index"].value < 1
    assert found[f"{FORCE.path}:remaining-life"].value is None


def test_a_machine_that_never_ran_has_shown_nothing_of_its_wear() -> None:
    found = worn(0.0, standing=True)
    assert {i.status for i in found.values()} == {Status.INSUFFICIENT_DATA}


# ------------------------------------------------------------------------------ one-way delays
@pytest.mark.parametrize("error", [500.0, None])
def test_a_one_way_delay_is_as_sure_as_its_devices_clocks(error: float | None) -> None:
    up, clocks = tag(Role.LATENCY_UP, unit="us"), tag(Role.CLOCK_ERROR, unit="us")
    probe = Device(path=PATH, name=Text("", "Probe"), tags=(up, clocks) if error else (up,))
    told = [samples([(float(s), 750.0) for s in range(3600)], path=up.path)]
    if error:
        told.append(samples([(0, 100.0), (1800, error)], path=clocks.path))
    found = scene_indicators(scene(probe), MemoryHistorian(*told), HOUR, calendar=CALENDAR, rules=Rules(), now=HOUR[1])
    [median] = [i for i in found if i.id == "latency-p50"]
    assert (median.value is None) == (error is None)
    if error:
        assert median.uncertainty == pytest.approx((0.75 - 0.5, 0.75 + 0.5))
