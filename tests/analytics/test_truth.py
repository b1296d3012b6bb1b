"""Told by telemetry alone, the engine's figures are those of the simulations' own truth, within stated errors.

Each scene runs once, in virtual time; the truth is summed up here by hand, with none of the
engine's code. What telemetry cannot show bounds the errors: a state is seen when its signal is
sampled, a meter when it is read, and the last piece may not have been reported yet.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest

from analytics.indicator import Indicator
from analytics.losses import Loss
from analytics.rules import of_centre
from analytics.scene import Analysis, analyse
from analytics.studies import scene_studies
from configs.loader import PACKAGED, load
from configs.network_profile import network_profile
from plant.batch import Batch
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from simulators.truth import Fact, Truth, What
from simulators.virtual import fast
from tests.analytics.memory import MemoryHistorian

START = 1_772_000_000 * SECOND
SAMPLED = 1.0
"""Seconds by which one change of state may be seen late: twice the cadence of the slowest signal."""

SETUP = {"STARTING", "RESETTING", "COMPLETING"}
OWN = {"HOLDING", "HELD", "UNHOLDING", "ABORTING", "ABORTED", "CLEARING"}
HELD_UP = {"SUSPENDING", "SUSPENDED", "UNSUSPENDING"}
FREE = {"IDLE", "COMPLETE", "STOPPING", "STOPPED"}


@dataclass(frozen=True)
class Run:
    """One scene's figures by key below the scene, and its truth."""

    seconds: int
    analysis: Analysis
    figures: dict[str, Indicator]
    truth: Truth

    def facts(self, device: str) -> list[Fact]:
        return list(self.truth.of(What.STATE, device))

    def spent(self, device: str, states: set[str], cause: str | None = None) -> float:
        chosen = [f for f in self.facts(device) if f.detail["state"] in states and cause in (None, f.detail["cause"])]
        return sum(float(f.detail["seconds"]) for f in chosen)

    def parts(self, device: str, *verdicts: str) -> list[Fact]:
        return [f for f in self.truth.of(What.PART, device) if not verdicts or f.detail["verdict"] in verdicts]

    def input(self, key: str, symbol: str) -> float:
        amount = self.figures[key].inputs[symbol].value
        assert isinstance(amount, float)
        return amount


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    @cache
    def ran(scene_id: str, minutes: int, profile: str | None = None, only: str = "") -> Run:
        folder = tmp_path_factory.mktemp(scene_id)
        shutil.copy(PACKAGED / "site.yaml", folder)
        shutil.copy(PACKAGED / "scenes" / f"{scene_id}.yaml", folder)
        shutil.copytree(PACKAGED / "network", folder / "network")
        configuration, truth = load(folder), Truth()
        scene = configuration.site.scene(scene_id)
        assert scene
        bindings = [replace(b, points=tuple(p for p in b.points if only in p[0].path)) for b in configuration.bindings]
        window = (START, START + minutes * 60 * SECOND)
        batches = fast(
            configuration.scenes[scene_id],
            bindings,
            start=window[0],
            stop=window[1],
            network=network_profile(profile) if profile else None,
            truth=truth,
        )
        historian = MemoryHistorian(Batch.concat(list(batches)))
        calendar, rules = ShiftCalendar.around_the_clock("UTC"), of_centre(configuration)
        found = analyse(scene, historian, window, calendar=calendar, rules=rules, now=window[1], detailed=True)
        studied = scene_studies(scene, historian, window, calendar=calendar, rules=rules, now=window[1])
        figures = [*found.indicators(), *found.details(), *studied]
        return Run(minutes * 60, found, {i.key.removeprefix(f"{scene.path}/"): i for i in figures}, truth)

    return ran


# ----------------------------------------------------------------- OEE, losses, counts, energy
LINE = "line-1"
CYCLES = {"press": {"bracket-a": 4.0, "bracket-b": 4.6}, "conveyor": defaultdict(lambda: 2.0)}
CYCLES["vision"] = defaultdict(lambda: 2.5)


@pytest.fixture(scope="module")
def line(run) -> Run:
    return run("first-light", 120)


def ideal(line: Run, station: str, *verdicts: str) -> float:
    return sum(CYCLES[station][str(f.detail["product"])] for f in line.parts(station, *verdicts))


def error(line: Run, station: str) -> float:
    """Time that sampling may put into another state: one sample a change."""
    return SAMPLED * len(line.facts(station)) / 2 + 2


@pytest.mark.parametrize("station", ["press", "conveyor", "vision"])
def test_times_and_oee_of_a_machine_are_what_it_really_did(line: Run, station: str) -> None:
    """Stated error: half a sample a change of state, and one piece."""
    key, known = f"{LINE}/{station}", error(line, station)
    assert line.input(f"{key}:availability", "APT") == pytest.approx(line.spent(station, {"EXECUTE"}), abs=known)
    assert line.input(f"{key}:setup-ratio", "AUST") == pytest.approx(line.spent(station, SETUP), abs=known)
    assert line.input(f"{key}:technical-efficiency", "ADET") == pytest.approx(
        line.spent(station, OWN | HELD_UP), abs=known
    )
    oee = ideal(line, station, "good") / line.seconds
    assert line.figures[f"{key}:oee"].value == pytest.approx(oee, abs=5 / line.seconds)
    quality = ideal(line, station, "good") / ideal(line, station)
    assert line.figures[f"{key}:quality-ratio"].value == pytest.approx(quality, abs=0.001)


@pytest.mark.parametrize("station", ["press", "conveyor", "vision"])
def test_pieces_are_counted_by_verdict_and_product_as_they_were_made(line: Run, station: str) -> None:
    """Stated error: the last piece, which may not have been reported yet."""
    key = f"{LINE}/{station}"
    made, good = len(line.parts(station)), len(line.parts(station, "good"))
    assert 0 <= made - line.figures[f"{key}:output"].value <= 1
    assert 0 <= good - line.figures[f"{key}:good-output"].value <= 1
    for product in {str(f.detail["product"]) for f in line.parts(station)}:
        if f"{key}#product={product}:quality-ratio" not in line.figures:
            continue  # the conveyor does not say what it carries
        of_it = [f for f in line.parts(station) if f.detail["product"] == product]
        counted = line.figures[f"{key}#product={product}:scrap-ratio"].inputs["PQ"].value
        assert counted == pytest.approx(len(of_it), abs=1)


@pytest.mark.parametrize("station", ["press", "conveyor", "vision"])
def test_losses_are_those_of_the_stops_there_really_were(line: Run, station: str) -> None:
    """Stated error: half a sample a change of state; the rest of the waterfall follows, for it adds up."""
    kinds = [(_kind(f), float(f.detail["seconds"])) for f in line.facts(station) if f.detail["seconds"]]
    stops = [
        (kind, sum(length for _, length in group)) for kind, group in itertools.groupby(kinds, key=lambda one: one[0])
    ]
    lost: dict[Loss, float] = defaultdict(float)
    for kind, length in stops:
        if kind is None:
            continue
        minor = length < 300 and kind in ("own", "held-up")
        named = {"own": Loss.BREAKDOWN, "held-up": Loss.WAITING, "free": Loss.WAITING, "set-up": Loss.SETUP}[kind]
        lost[Loss.MINOR_STOP if minor else named] += length
    unit = line.analysis.unit(f"cq/first-light/{LINE}/{station}")
    assert unit is not None
    assert unit.waterfall is not None
    for loss in (Loss.BREAKDOWN, Loss.SETUP, Loss.WAITING, Loss.MINOR_STOP):
        assert unit.waterfall.losses[loss] == pytest.approx(lost[loss], abs=error(line, station)), loss
    assert unit.waterfall.valuable / 1e15 == pytest.approx(ideal(line, station, "good"), abs=5)


def _kind(fact: Fact) -> str | None:
    state = fact.detail["state"]
    groups = {"set-up": SETUP, "own": OWN, "held-up": HELD_UP, "free": FREE}
    return next((name for name, states in groups.items() if state in states), None)


@pytest.mark.parametrize("station", ["press", "conveyor", "vision"])
def test_energy_and_its_idle_share_are_what_was_really_drawn(line: Run, station: str) -> None:
    """Stated error: what is drawn in a sample a change, and the meter's last digit (0.1 kWh over Modbus)."""
    key, facts = f"{LINE}/{station}", line.facts(station)
    drawn = float(facts[-1].detail["energy"])
    assert line.figures[f"{key}:energy"].value == pytest.approx(drawn, rel=0.005, abs=0.11)
    begun, idle = 0.0, 0.0
    for fact in facts:
        amount = float(fact.detail["energy"]) - begun
        begun = float(fact.detail["energy"])
        idle += amount if fact.detail["state"] in OWN | HELD_UP | FREE else 0.0
    assert line.figures[f"{key}:idle-energy-share"].value == pytest.approx(idle / drawn, abs=0.01)


# ---------------------------------------------------------------------------------- vehicles
@pytest.mark.parametrize("vehicle", [f"agv-{n}" for n in range(1, 7)])
def test_what_a_vehicle_did_is_what_its_telemetry_tells(run, vehicle: str) -> None:
    """Stated error: the two seconds until the first message, and a message a change."""
    fleet = run("agv", 30)
    key, hours = f"fleet/{vehicle}", fleet.seconds / 3600
    done = sum(f.detail["event"] == "transport" for f in fleet.truth.of(What.EVENT, vehicle))
    rate, use = (fleet.figures[f"{key}:{kpi}"] for kpi in ("transports-per-vehicle-hour", "vehicle-utilization"))
    assert (rate.simulated, rate.inputs["TRN"].value) == (True, done)
    assert rate.value == pytest.approx(done / hours, rel=0.003)
    assert use.value == pytest.approx(fleet.spent(vehicle, {"EXECUTE"}) / fleet.seconds, abs=0.003)
    waited = fleet.spent(vehicle, OWN | HELD_UP) / fleet.seconds
    assert fleet.figures[f"{key}:vehicle-waiting-share"].value == pytest.approx(waited, abs=0.003)
    drawn = float(fleet.facts(vehicle)[-1].detail["energy"])
    by_state = [i.value for k, i in fleet.figures.items() if k.startswith(f"{key}#state=") and i.id == "energy"]
    assert sum(by_state) == pytest.approx(drawn, abs=0.02)


def test_waits_are_told_apart_by_the_cause_the_truth_gives(run) -> None:
    fleet = run("agv", 30)
    told = {k: i for k, i in fleet.figures.items() if i.id == "waiting-share-by-cause" and k.startswith("fleet/")}
    assert told
    for key, indicator in told.items():
        vehicle, _, rest = key.removeprefix("fleet/").partition("#cause=")
        true = fleet.spent(vehicle, {"SUSPENDED", "HELD"}, cause=rest.partition(":")[0]) / fleet.seconds
        assert indicator.value == pytest.approx(true, abs=0.005), key


def test_a_transport_costs_what_its_vehicles_drew_at_the_hours_price_and_their_time(run) -> None:
    """Stated error: 1 %, what was drawn before the first and after the last reading of the meters."""
    fleet = run("agv", 30)
    vehicles = [f"agv-{n}" for n in range(1, 7)]
    drawn = sum(float(fleet.facts(vehicle)[-1].detail["energy"]) for vehicle in vehicles)
    done = sum(f.detail["event"] == "transport" for vehicle in vehicles for f in fleet.truth.of(What.EVENT, vehicle))
    hours = len(vehicles) * fleet.seconds / 3600
    rates = fleet.analysis.rules.settings.of("cq/agv").fleet
    assert rates is not None
    people = hours / rates.vehicles_per_person
    spent = drawn * _price(fleet) + hours * rates.vehicle_hour + people * rates.labour_hour
    assert fleet.figures["fleet:cost-per-transport"].value == pytest.approx(spent / done, rel=0.01)


def _price(run: Run) -> float:
    """Return the price at START, 14:13 at the site, which the tariff does not change within the half hour."""
    tariff = run.analysis.rules.settings.tariff
    assert tariff is not None
    [price] = [b.price for b in tariff.bands for first, last in b.hours if first.hour <= 14 < (last.hour or 24)]
    return price


# ------------------------------------------------------------------ delays, floor, decisions
@pytest.mark.parametrize("profile", ["5g-sa-sub6", "5g-degraded"])
def test_delay_percentiles_and_variation_are_those_of_the_probes_that_were_sent(run, profile: str) -> None:
    """Stated error: one rank, for the last probe is reported after the window, and 1 µs, the resolution on the wire.

    The survey counts a lost probe as one second.
    """
    survey = run("digital-workshop", 20, profile, "/survey/")
    sent = [f.detail for f in survey.truth.of(What.EVENT, "survey")]
    delays = sorted(1000.0 if p["lost"] else float(p["rtt"]) * 1000 for p in sent)
    key = next(k for k in survey.figures if k.endswith("/survey:latency-p50")).removesuffix("latency-p50")
    for text, share in (("50", 0.5), ("95", 0.95), ("99", 0.99)):
        rank = math.ceil(share * len(delays))
        value = survey.figures[f"{key}latency-p{text}"].value
        assert delays[rank - 2] - 0.001 <= value <= delays[min(rank, len(delays) - 1)] + 0.001, text
    rank = math.ceil(0.95 * len(delays))
    variation = survey.figures[f"{key}pdv-p95"].value + delays[0]
    assert delays[rank - 2] - 0.002 <= variation <= delays[rank] + 0.002


def test_wrong_decisions_are_counted_as_they_were_made(run) -> None:
    """Stated error: one decision, the last, which may not have been published yet."""
    cell = run("cloud-robot", 20)
    for robot in ("place", "press-in", "fasten"):
        made = list(cell.truth.of(What.EVENT, robot))
        decided = [f.detail for f in made if "correct" in f.detail]
        found = cell.figures[f"gearbox/{robot}:wrong-decision-rate"]
        assert found.inputs["DN"].value == pytest.approx(len(decided), abs=1)
        wrong = sum(not one["correct"] for one in decided)
        assert found.inputs["DW"].value == pytest.approx(wrong, abs=1)


def test_events_are_visible_in_time_and_records_true_as_often_as_they_really_were(run) -> None:
    """Stated error: an event a reader and a count, whose reports arrive after the window, and 2 % of the rate."""
    store = run("material", 120, "5g-degraded")
    events = [f.detail for f in store.truth.of(What.EVENT) if "number" in f.detail]
    in_time = sum(not e["lost"] and e["late"] <= 0.05 for e in events)
    shown = [i for k, i in store.figures.items() if i.id == "real-time-rate" and k.startswith("assembly/")]
    timely, seen = (sum(i.inputs[symbol].value for i in shown) for symbol in ("EVV", "EVT"))
    assert seen == pytest.approx(len(events), abs=2 * len(shown))
    assert timely / seen == pytest.approx(in_time / len(events), abs=0.02)
    counts = [f.detail for f in store.truth.of(What.EVENT, "count")]
    found = store.figures["assembly/stock:record-accuracy"].inputs
    assert found["CCN"].value == pytest.approx(len(counts), abs=1)
    assert found["CCOK"].value == pytest.approx(sum(c["counted"] == c["recorded"] for c in counts), abs=1)
