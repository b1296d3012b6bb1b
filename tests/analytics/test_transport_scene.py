"""Told by telemetry alone, vehicles' figures are those of the simulation's own truth."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import configs
from analytics.studies import scene_details
from analytics.indicator import Indicator
from configs.loader import load
from plant.batch import Batch
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from simulators.running import fast
from simulators.truth import Fact, Truth, What
from tests.analytics.memory import MemoryHistorian

PACKAGED = Path(configs.__file__).parent
START, SECONDS = 1_772_000_000 * SECOND, 1800
STOP = START + SECONDS * SECOND


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Indicator], Truth]:
    folder = tmp_path_factory.mktemp("pack")
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / "agv.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    configuration, truth = load(folder), Truth()
    scene = next(one for one in configuration.site.scenes if one.id == "agv")
    batches = fast(configuration.scenes["agv"], configuration.bindings, start=START, stop=STOP, truth=truth)
    historian = MemoryHistorian(Batch.concat(list(batches)))
    found = scene_details(scene, historian, (START, STOP), calendar=ShiftCalendar.around_the_clock("UTC"))
    return {indicator.key.removeprefix("cq/agv/fleet/"): indicator for indicator in found}, truth


def spent(facts: list[Fact], *states: str, cause: str | None = None) -> float:
    chosen = [f for f in facts if f.detail["state"] in states and cause in (None, f.detail["cause"])]
    return sum(float(f.detail["seconds"]) for f in chosen) / SECONDS


@pytest.mark.parametrize("vehicle", [f"agv-{n}" for n in range(1, 7)])
def test_what_a_vehicle_did_is_what_its_telemetry_tells(watched, vehicle: str) -> None:
    figures, truth = watched
    facts = list(truth.of(What.STATE, vehicle))
    done = sum(f.detail["event"] == "transport" for f in truth.of(What.EVENT, vehicle))
    rate, use = figures[f"{vehicle}:transports-per-vehicle-hour"], figures[f"{vehicle}:vehicle-utilization"]
    assert rate.simulated
    assert rate.inputs["TRN"].value == done
    # The first message comes two seconds after the start, and time before it is unknown.
    assert rate.value == pytest.approx(done * 2, rel=0.003)
    assert use.value == pytest.approx(spent(facts, "EXECUTE"), abs=0.003)
    waited = spent(facts, "SUSPENDED", "HELD", "ABORTED", "SUSPENDING", "UNSUSPENDING", "HOLDING", "UNHOLDING")
    assert figures[f"{vehicle}:vehicle-waiting-share"].value == pytest.approx(waited, abs=0.003)
    energy = [i.value for key, i in figures.items() if key.startswith(f"{vehicle}#state=") and i.id == "energy"]
    assert sum(energy) == pytest.approx(float(facts[-1].detail["energy"]), abs=0.02)


def test_waits_are_told_apart_by_the_cause_the_truth_gives(watched) -> None:
    figures, truth = watched
    told = {k: i for k, i in figures.items() if i.id == "waiting-share-by-cause" and k.startswith("agv-")}
    assert told
    for key, indicator in told.items():
        vehicle, _, rest = key.partition("#cause=")
        facts = list(truth.of(What.STATE, vehicle))
        true = spent(facts, "SUSPENDED", "HELD", cause=rest.partition(":")[0])
        assert indicator.value == pytest.approx(true, abs=0.005), key
