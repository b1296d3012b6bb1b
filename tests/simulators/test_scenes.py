"""Scenes whose results the network causes: what a link does to the plant, and that nothing else does it."""

from __future__ import annotations

import pytest

from configs.network_profile import network_profile
from plant.clock import SECOND
from simulators.faces.layout import (
    ModbusLayout,
    MqttLayout,
    OpcuaLayout,
    SparkplugLayout,
    StampLayout,
    Vda5050Layout,
)
from simulators.kernel.floor import Floor
from simulators.kernel.parts import Verdict
from simulators.plantmodel import Parameter, PlantModel, Setting
from simulators.scenes import MODELS
from simulators.truth import What

HALF_HOUR = 1800.0


def run(scene: str, profile: str, *, seconds: float = HALF_HOUR, seed: int = 1, **parameters: Parameter) -> PlantModel:
    floor = Floor(start=1_772_000_000 * SECOND, seed=seed)
    setting = Setting(floor, parameters, network_profile(profile))
    model = MODELS[scene](setting)
    setting.close()
    floor.run_through(seconds)
    model.finish()
    return model


def shown(model: PlantModel, signal: str) -> float:
    return float(model.floor.signals[signal].value)


# ------------------------------------------------------------------------------- all
@pytest.mark.parametrize("scene", sorted(MODELS))
def test_every_face_serves_signals_that_the_model_has_under_addresses_of_their_own(scene: str) -> None:
    model = run(scene, "wired", seconds=5)
    for layout in model.faces.values():
        assert layout.signals
        assert all(name in model.floor.signals for name in layout.signals)
        if isinstance(layout, OpcuaLayout):
            places = [v.path for v in layout.variables] + list(layout.nameplate)
        elif isinstance(layout, ModbusLayout):
            places = [
                (r.address.unit, r.address.table, r.address.register_ + i, r.address.bit)
                for r in layout.registers
                for i in range(r.address.width)
            ]
        elif isinstance(layout, Vda5050Layout):
            places = list(layout.vehicles)
        elif isinstance(layout, SparkplugLayout):
            places = [(m.device, m.name) for m in layout.metrics]
        elif isinstance(layout, StampLayout):
            places = [layout.reflector]
        else:
            assert isinstance(layout, MqttLayout)
            places = [(m.topic, key) for m in layout.messages for key in m.fields]
        assert len(set(places)) == len(places)


@pytest.mark.parametrize("scene", sorted(set(MODELS) - {"assembly-line"}))
def test_a_scene_across_a_link_asks_for_a_profile(scene: str) -> None:
    with pytest.raises(ValueError, match="needs a network profile"):
        MODELS[scene](Setting(Floor(start=0, seed=1), {}))


@pytest.mark.parametrize("scene", sorted(MODELS))
def test_one_seed_gives_one_history(scene: str) -> None:
    first, second, other = (run(scene, "5g-sa-sub6", seconds=150, seed=seed) for seed in (3, 3, 4))
    assert list(first.floor.truth) == list(second.floor.truth)
    assert list(first.floor.truth) != list(other.floor.truth)


# ------------------------------------------------------------------ wireless control
def correctness(model: PlantModel) -> float:
    loops = ("speed", "level", "dryer")
    return sum(shown(model, f"{n}.correct") for n in loops) / sum(shown(model, f"{n}.cycles") for n in loops)


def coated(model: PlantModel) -> int:
    return model.stations["coater"].counts[Verdict.GOOD]


@pytest.fixture(scope="module")
def control() -> dict[str, PlantModel]:
    profiles = ("wired", "5g-urllc", "5g-sa-sub6", "5g-degraded", "wifi5-loaded")
    return {profile: run("wireless-control", profile, seconds=900) for profile in profiles}


def test_control_is_correct_across_links_that_keep_the_cycle_and_not_across_others(control) -> None:
    assert correctness(control["5g-urllc"]) >= 0.95
    assert correctness(control["5g-sa-sub6"]) >= 0.95
    assert correctness(control["5g-degraded"]) < 0.95
    assert correctness(control["wifi5-loaded"]) < 0.95


def test_commands_come_late_as_often_as_the_link_exceeds_the_control_cycle(control) -> None:
    """The share of late commands is that of round trips over 50 ms, which the profile alone decides."""
    late = shown(control["wifi5-loaded"], "speed.late") / shown(control["wifi5-loaded"], "speed.cycles")
    assert late == pytest.approx(0.055, abs=0.025)
    assert shown(control["wired"], "speed.late") == 0


def test_late_commands_cost_panels_by_stops_and_by_deviation(control) -> None:
    assert coated(control["5g-urllc"]) > 1.1 * coated(control["wifi5-loaded"])
    kinds = {f.detail["defect"] for f in control["wifi5-loaded"].floor.truth.of(What.PART, "coater")}
    assert "stop-mark" in kinds
    stops = {f.detail["cause"] for f in control["wired"].floor.truth.of(What.STATE, "coater")}
    assert "command-timeout" not in stops


def test_a_radio_link_gains_nothing_over_a_cable(control) -> None:
    assert coated(control["5g-urllc"]) == pytest.approx(coated(control["wired"]), rel=0.03)


def test_the_same_link_on_both_sides_shows_no_gain() -> None:
    """Another seed is another plant and another link, of the same kind: no difference beyond chance."""
    results = [coated(run("wireless-control", "wifi5-loaded", seconds=1200, seed=seed)) for seed in (1, 2)]
    assert results[0] == pytest.approx(results[1], rel=0.1)


def test_a_panel_is_scrap_when_and_only_when_something_spoiled_it(control) -> None:
    for model in control.values():
        for fact in model.floor.truth.of(What.PART, "coater"):
            assert (fact.detail["defect"] != "") == (fact.detail["verdict"] == "scrap")


# ----------------------------------------------------------------- line coordination
@pytest.fixture(scope="module")
def lines() -> dict[str, PlantModel]:
    # This seed has no breakdown in the half hour; one would fall on the same part under every link.
    links = {p: run("line-coordination", p, seed=2) for p in ("wired", "5g-urllc", "5g-sa-sub6", "5g-degraded")}
    return links | {"islands": run("line-coordination", "wired", seed=2, poll=0.2)}


def made_by(model: PlantModel) -> int:
    return model.stations["test"].counts[Verdict.GOOD]


def test_each_message_takes_as_long_as_the_two_links_it_passes(lines) -> None:
    latencies: dict[str, float] = {}
    for name, model in lines.items():
        seen = [float(f.detail["latency"]) for f in model.floor.truth.of(What.EVENT)]
        assert len(seen) > 100, name
        latencies[name] = sorted(seen)[len(seen) // 2] / 1000
    # Published medians, up and down together: 0.69 + 0.76 ms and 6.4 + 5.3 ms.
    assert latencies["5g-urllc"] == pytest.approx(1.45, abs=0.3)
    assert latencies["5g-sa-sub6"] == pytest.approx(11.7, abs=1.2)
    assert latencies["wired"] < 0.5


def test_slower_words_make_fewer_parts(lines) -> None:
    made = {name: made_by(model) for name, model in lines.items()}
    assert made["wired"] >= made["5g-urllc"] >= made["5g-sa-sub6"] > made["5g-degraded"]
    assert made["5g-urllc"] > 1.1 * made["islands"]


def test_without_messages_the_link_makes_no_difference() -> None:
    """The causal path removed: machines that do not wait for words are equally fast on any link."""
    results = [made_by(run("line-coordination", p, seed=2, messages=0)) for p in ("5g-urllc", "5g-degraded")]
    assert results[0] == results[1]


# ----------------------------------------------------------------- vision inspection
@pytest.fixture(scope="module")
def cameras() -> dict[str, PlantModel]:
    return {p: run("vision-inspection", p, seed=2) for p in ("wired", "5g-sa-sub6", "wifi5-loaded", "5g-degraded")}


def inspected(model: PlantModel) -> int:
    return sum(model.stations["camera"].counts.values())


def test_an_image_takes_its_size_over_the_throughput_of_the_link_up(cameras) -> None:
    for profile, model in cameras.items():
        shortest = 12e6 * 8 / (network_profile(profile).throughput.up * 1e6)
        assert shortest < shown(model, "camera.upload") < shortest + 1.0, profile


def test_a_link_slower_than_the_takt_makes_the_mould_wait(cameras) -> None:
    assert inspected(cameras["5g-sa-sub6"]) == pytest.approx(inspected(cameras["wired"]), rel=0.02)
    assert inspected(cameras["5g-sa-sub6"]) > 1.2 * inspected(cameras["wifi5-loaded"])
    assert inspected(cameras["5g-degraded"]) < 0.5 * inspected(cameras["wifi5-loaded"])
    blocked = sum(
        float(f.detail["seconds"])
        for f in cameras["5g-degraded"].floor.truth.of(What.STATE, "mould")
        if f.detail["cause"] == "blocked"
    )
    assert blocked > 600


def test_without_the_size_of_the_images_the_link_makes_no_difference() -> None:
    """The causal path removed: thumbnails pass any of these links within the takt."""
    small = [inspected(run("vision-inspection", p, seed=2, image=0.05)) for p in ("wired", "5g-degraded")]
    assert small[0] == pytest.approx(small[1], rel=0.02)


def test_a_drifting_process_is_corrected_after_defects_were_seen(cameras) -> None:
    model = cameras["wired"]
    corrections = [f for f in model.floor.truth.of(What.EVENT, "mould") if "correction" in f.detail]
    assert len(corrections) == shown(model, "mould.corrections") >= 1
    assert all(abs(float(f.detail["correction"])) > 0.5 for f in corrections)


def test_the_audit_publishes_what_a_part_really_is(cameras) -> None:
    model = cameras["wired"]
    measured = str(model.floor.signals["audit.part"].value)
    fact = next(f for f in model.floor.truth.of(What.PART, "camera") if f.detail["part"] == measured)
    assert model.floor.signals["audit.reference"].value == ("defective" if fact.detail["defect"] else "good")
    assert model.floor.signals["audit.verdict"].value == fact.detail["verdict"]
