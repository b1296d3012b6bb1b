"""Faults of every kind in every scene: what they do shows in telemetry, what they are stands in the truth record."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from configs.configuration import Binding, Configuration
from configs.loader import PACKAGED, load
from plant.batch import Batch, Form
from plant.clock import SECOND
from plant.quality import Quality
from simulators.faces.endpoint import PortPolicy
from simulators.faults import FaultBoard, FaultKind, PlannedFault, RefusedFault, UnknownTarget, names_of, offers
from simulators.network.interference import Area
from simulators.running import serve
from simulators.truth import Truth, What
from simulators.virtual import build, fast

START = 1_772_000_000 * SECOND
LINKS = (FaultKind.LINK_LOSS, FaultKind.JAMMING, FaultKind.ROAMING_STORM)


@pytest.fixture(scope="module")
def packs() -> Configuration:
    return load(PACKAGED)


def bindings(packs: Configuration, scene: str) -> list[Binding]:
    return [binding for binding in packs.bindings if binding.scene == scene]


def run(packs: Configuration, scene: str, *faults: PlannedFault, seconds: float = 300) -> tuple[Batch, Truth]:
    truth = Truth()
    batches = fast(
        packs.scenes[scene],
        bindings(packs, scene),
        start=START,
        stop=START + round(seconds * SECOND),
        faults=faults,
        truth=truth,
    )
    return Batch.concat(list(batches)), truth


def column(batch: Batch, scene: str, tag: str) -> tuple[np.ndarray, Batch]:
    """Seconds at which a tag's samples were received, and the samples."""
    rows = batch.of(f"cq/{scene}/{tag}")
    return (rows.received - START) / SECOND, rows


def texts(rows: Batch) -> list[str]:
    return [str(rows.value(i)) for i in range(len(rows))]


def noted(truth: Truth) -> list[tuple[str, str, str]]:
    return [(str(f.detail["kind"]), f.where, str(f.detail["edge"])) for f in truth.of(What.FAULT)]


# --------------------------------------------------------------------------- all of them
def everything(batch: Batch) -> dict[str, tuple[object, ...]]:
    shown: dict[str, tuple[object, ...]] = {}
    for name in batch.names:
        rows = batch.of(name)
        values = texts(rows) if len(rows) and rows.form[0] == Form.TEXT else rows.raw.tolist()
        shown[name] = (rows.time.tolist(), values, rows.quality.tolist())
    return shown


SCENES = ("first-light", "cloud-robot", "agv", "identifier", "digital-workshop")
# What may need more than two minutes to show: a step too small, a change that did not come up, people who did not call.
QUIET = {"sensor-stuck", "sensor-spike", "sensor-drift", "wrong-ideal-cycle", "counter-reset"}


@pytest.mark.parametrize("scene", SCENES)
def test_every_kind_a_scene_offers_shows_in_telemetry_and_is_noted_in_the_truth_record(
    packs: Configuration, scene: str
) -> None:
    model = build(packs.scenes[scene], start=START)
    sound = everything(run(packs, scene, seconds=180)[0])
    offered = offers(model, names_of(model, packs.scenes[scene], bindings(packs, scene)))
    assert len(offered) >= 12
    for offer in offered:
        target = offer.targets[0]
        other = target.others[0] if target.others else ""
        fault = PlannedFault(kind=offer.id, target=target.id, with_=other, at=40, lasts=120)
        batch, truth = run(packs, scene, fault, seconds=180)
        shown = everything(batch)
        assert shown.keys() == sound.keys(), "a fault brings no tag of its own"
        assert (shown != sound) or offer.id in QUIET, offer.id
        assert noted(truth) == [(offer.id, target.id, "begin"), (offer.id, target.id, "end")]
        said = {str(value) for _, values, _ in shown.values() for value in values}
        assert not any(offer.id in text for text in said if offer.id != FaultKind.JAM), "the word is out"


def test_an_offer_names_kinds_and_targets_in_both_languages(packs: Configuration) -> None:
    scene = packs.scenes["agv"]
    model = build(scene, start=START)
    offered = {o.id: o for o in offers(model, names_of(model, scene, bindings(packs, "agv")))}
    assert set(LINKS) <= offered.keys()
    for offer in offered.values():
        words = (offer.kind.name, offer.kind.does, *(target.name for target in offer.targets))
        assert all(text.zh and text.en for text in words)
    vehicles = {t.id: t.name for t in offered[FaultKind.DEAD_DEVICE].targets}
    assert (vehicles["agv-1"].zh, vehicles["agv-1"].en) == ("AGV 1号", "AGV 1")
    battery = {t.id: t.name for t in offered[FaultKind.SENSOR_STUCK].targets}["agv-1.battery"]
    assert battery.zh == "AGV 1号 · 电量"
    assert all(t.areas for t in offered[FaultKind.JAMMING].targets)
    assert {t.id for t in offered[FaultKind.JAM].targets} == {f"agv-{i}" for i in range(1, 7)}


@pytest.mark.parametrize("page", ["faults.md", "faults.zh-CN.md"])
def test_the_guide_describes_every_kind_and_no_other(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)`", text, re.MULTILINE)) == set(FaultKind)


def test_a_scene_on_cables_offers_no_fault_of_a_link(packs: Configuration) -> None:
    offered = {o.id for o in offers(build(packs.scenes["first-light"], start=START))}
    assert not offered & set(LINKS)


@pytest.mark.parametrize(
    ("scene", "fault", "message"),
    [
        ("agv", PlannedFault(kind=FaultKind.LINK_LOSS, target="agv-9"), "no 'agv-9'; there are all, agv-1, agv-2"),
        ("agv", PlannedFault(kind=FaultKind.WRONG_IDEAL_CYCLE, target="agv-1"), "nothing it could be done to"),
        ("first-light", PlannedFault(kind=FaultKind.LINK_LOSS, target="press"), "nothing it could be done to"),
        ("first-light", PlannedFault(kind=FaultKind.CLOCK_JUMP, target="conveyor"), "there are press, vision"),
        ("first-light", PlannedFault(kind=FaultKind.SENSOR_DRIFT, target="press.state"), "there are press.cycle"),
        ("first-light", PlannedFault(kind=FaultKind.COUNTER_RESET, target="press.state"), "no 'press.state'"),
        ("first-light", PlannedFault(kind=FaultKind.BROKER_OUTAGE, target="press"), "there are broker"),
        (
            "first-light",
            PlannedFault(kind=FaultKind.MISWIRED_REGISTER, target="press.total", with_="vision.good"),
            "cannot be swapped with 'vision.good'",
        ),
        ("first-light", PlannedFault(kind=FaultKind.WEAR, target="press", size=0.0), "size 0 is not from 1 to 3"),
        ("first-light", PlannedFault(kind=FaultKind.LEAK, target="press", lasts=-1), "cannot last -1 s"),
        ("agv", PlannedFault(kind=FaultKind.JAMMING, target="all", size=1.0), "size 1 is not from 0.01 to 0.95"),
        (
            "agv",
            PlannedFault(kind=FaultKind.LINK_LOSS, target="all", area=Area(0, 0, 5)),
            "only jamming happens in an area",
        ),
        (
            "cloud-robot",
            PlannedFault(kind=FaultKind.JAMMING, target="all", area=Area(0, 0, 5)),
            "no link of all knows where its station is",
        ),
    ],
)
def test_a_fault_without_a_meaning_is_refused_and_told_what_there_is(
    packs: Configuration, scene: str, fault: PlannedFault, message: str
) -> None:
    with pytest.raises(RefusedFault, match=message):
        run(packs, scene, fault, seconds=1)


# ------------------------------------------------------------------------------- links
def test_a_vehicle_without_its_link_stands_while_the_others_drive(packs: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.LINK_LOSS, target="agv-2", at=120, lasts=90)
    batch, _ = run(packs, "agv", fault, seconds=360)
    reasons = {name: column(batch, "agv", f"fleet/{name}/stop-reason") for name in ("agv-2", "agv-3")}
    seen = np.array([s for s, reason in zip(reasons["agv-2"][0], texts(reasons["agv-2"][1]), strict=True)
                     if reason == "no-heartbeat"])  # fmt: skip
    assert len(seen) > 20
    assert seen.min() == pytest.approx(120, abs=5)
    assert seen.max() == pytest.approx(210, abs=5)
    assert "no-heartbeat" not in texts(reasons["agv-3"][1])


def test_a_jammer_is_felt_in_its_area_and_nowhere_else(packs: Configuration) -> None:
    area = Area(15, 10, 12)
    fault = PlannedFault(kind=FaultKind.JAMMING, target="survey", size=0.8, area=area, at=0)
    batch, truth = run(packs, "digital-workshop", fault, seconds=1200)
    sound, _ = run(packs, "digital-workshop", seconds=1200)

    def probes(of: Batch) -> tuple[np.ndarray, np.ndarray]:
        columns = [column(of, "digital-workshop", f"utilities/survey/{name}")[1].numbers for name in ("x", "y", "rtt")]
        x, y, rtt = columns
        return np.array([area.holds(place) for place in zip(x, y, strict=True)]), rtt

    inside, rtt = probes(batch)
    inside_sound, rtt_sound = probes(sound)
    assert np.median(rtt[inside]) > 3 * np.median(rtt_sound[inside_sound])
    assert np.median(rtt[~inside]) == pytest.approx(np.median(rtt_sound[~inside_sound]), rel=0.05)
    assert next(truth.of(What.FAULT)).detail["area"] == "15,10,12"


@pytest.mark.parametrize("cut_for", [20.0, 200.0])
def test_machines_wait_for_a_cut_of_unknown_length_to_end_and_no_longer_than_a_retry_takes(
    packs: Configuration, cut_for: float
) -> None:
    model = build(packs.scenes["line-coordination"], seed=2, start=START)  # a seed without a breakdown meanwhile
    board, told = FaultBoard(model), model.floor.signals["wash.handshake"]
    model.floor.run_through(120)
    number = board.inject(PlannedFault(kind=FaultKind.LINK_LOSS, target="all"))
    model.floor.run_through(125)
    before = told.time
    model.floor.run_through(120 + cut_for)
    assert told.time == before
    board.clear(number)
    model.floor.run_through(120 + 2 * cut_for + 30)
    assert told.time > before


def test_a_storm_of_roaming_makes_gaps_for_the_stations_it_is_meant_for(packs: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.ROAMING_STORM, target="agv-1, agv-2", size=6, at=0)
    _, truth = run(packs, "agv", fault, seconds=600)
    stood = {
        name: sum(1 for f in truth.of(What.STATE, name) if f.detail["cause"] == "no-heartbeat")
        for name in ("agv-1", "agv-2", "agv-3", "agv-4")
    }
    assert min(stood["agv-1"], stood["agv-2"]) > 10
    assert stood["agv-3"] == stood["agv-4"] == 0


def test_one_seed_gives_one_storm(packs: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.ROAMING_STORM, target="all", at=10)
    first, second = (run(packs, "identifier", fault, seconds=200)[1] for _ in range(2))
    assert list(first) == list(second)


# --------------------------------------------------------------- devices, machines, addresses
def test_a_jammed_vehicle_stands_until_an_attendant_has_worked_on_it(packs: Configuration) -> None:
    batch, _ = run(packs, "agv", PlannedFault(kind=FaultKind.JAM, target="agv-1", size=60, at=120), seconds=420)
    seen, reasons = column(batch, "agv", "fleet/agv-1/stop-reason")
    jammed = [s for s, reason in zip(seen, texts(reasons), strict=True) if reason == "jam"]
    assert min(jammed) >= 120
    assert max(jammed) >= 180
    assert texts(reasons)[-1] != "jam"


def test_a_dead_vehicle_says_nothing_and_obeys_nobody(packs: Configuration) -> None:
    batch, _ = run(packs, "agv", PlannedFault(kind=FaultKind.DEAD_DEVICE, target="agv-1", at=100, lasts=100))
    seen, _rows = column(batch, "agv", "fleet/agv-1/battery")
    assert not ((seen > 100) & (seen < 200)).any()
    assert (seen < 100).any()
    assert (seen >= 200).any()


def test_a_vehicle_whose_clock_jumped_dates_its_states_wrongly(packs: Configuration) -> None:
    batch, _ = run(packs, "agv", PlannedFault(kind=FaultKind.CLOCK_JUMP, target="agv-3", size=-45, at=100, lasts=100))
    seen, rows = column(batch, "agv", "fleet/agv-3/battery")
    behind = (rows.received - rows.time) / SECOND
    assert behind[(seen > 101) & (seen < 199)] == pytest.approx(45, abs=1.5)
    assert behind[seen < 99] == pytest.approx(0, abs=1.5)


def test_two_mis_wired_addresses_show_each_other_s_signal_until_they_are_put_right(packs: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.MISWIRED_REGISTER, target="press.oil", with_="press.power", at=200, lasts=100)
    sound, swapped = (run(packs, "first-light", *f, seconds=400)[0] for f in ((), (fault,)))

    def at(batch: Batch, tag: str, second: float) -> float:
        seen, rows = column(batch, "first-light", f"line-1/press/{tag}")
        return float(rows.numbers[np.searchsorted(seen, second, side="right") - 1])

    for one, other in (("oil-temperature", "power"), ("power", "oil-temperature")):
        assert at(swapped, one, 250) == pytest.approx(at(sound, other, 250), abs=0.6)
        assert at(swapped, one, 390) == at(sound, one, 390)


def test_a_device_that_is_dead_behind_a_face_that_is_out_needs_both_back(packs: Configuration) -> None:
    faults = (
        PlannedFault(kind=FaultKind.DEAD_DEVICE, target="press", at=60, lasts=120),
        PlannedFault(kind=FaultKind.FACE_OUTAGE, target="press", at=100, lasts=140),
    )
    batch, _ = run(packs, "first-light", *faults)
    seen, rows = column(batch, "first-light", "line-1/press/power")
    state = [(s, int(q)) for s, q in zip(seen, rows.quality, strict=True)]
    assert all(q == Quality.BAD_NO_COMMUNICATION for s, q in state if 60 <= s < 240)
    assert any(q == Quality.GOOD for s, q in state if s >= 240)


def test_what_a_fleet_says_by_one_broker_is_heard_while_the_other_is_out(packs: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.BROKER_OUTAGE, target="units", at=60, lasts=120)
    batch, _ = run(packs, "agv", fault)
    quiet, _rows = column(batch, "agv", "fleet/agv-1/power")
    heard, _rows = column(batch, "agv", "fleet/agv-1/battery")
    assert not ((quiet > 60) & (quiet < 180)).any()
    assert ((heard > 60) & (heard < 180)).any()


# -------------------------------------------------------------------------------- board
def test_a_fault_that_was_called_off_never_begins(packs: Configuration) -> None:
    model = build(packs.scenes["first-light"], start=START)
    board = FaultBoard(model)
    number = board.inject(PlannedFault(kind=FaultKind.LEAK, target="press", at=100))
    assert list(board.waiting) == [number]
    board.clear(number)
    model.floor.run_through(200)
    assert not board.active
    assert not list(model.floor.truth.of(What.FAULT))


def test_of_several_faults_one_that_cannot_be_keeps_all_from_beginning(packs: Configuration) -> None:
    board = FaultBoard(build(packs.scenes["first-light"], start=START))
    good = PlannedFault(kind=FaultKind.LEAK, target="press")
    with pytest.raises(UnknownTarget):
        board.schedule([good, dataclasses.replace(good, target="nowhere")])
    assert not board.active


# --------------------------------------------------------------------------------- live
@pytest.fixture
def listener() -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    yield client
    client.disconnect()
    client.loop_stop()


async def until(condition, what: str) -> None:
    async with asyncio.timeout(90):
        while not condition():
            await asyncio.sleep(0.05)
    assert condition(), what


async def test_a_broker_that_goes_down_drops_its_connections_and_comes_back(
    packs: Configuration, listener: paho.Client
) -> None:
    dropped: list[object] = []
    messages: list[str] = []
    async with serve(packs.scenes["first-light"], ports=PortPolicy.ANY, speed=5) as running:
        at = running.endpoints["broker"]
        listener.on_connect = lambda client, *_: client.subscribe("#")
        listener.on_disconnect = lambda *_: dropped.append(1)
        listener.on_message = lambda _c, _d, message: messages.append(message.topic)
        listener.connect_async(at.host, at.port)
        listener.loop_start()
        await until(lambda: messages, "a message")
        number = running.faults.inject(PlannedFault(kind=FaultKind.BROKER_OUTAGE, target="broker"))
        await until(lambda: dropped, "the connection to drop")
        before = len(messages)
        running.faults.clear(number)
        await until(lambda: len(messages) > before, "messages again")
        assert noted(running.truth) == [("broker-outage", "broker", "begin"), ("broker-outage", "broker", "end")]
