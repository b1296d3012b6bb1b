"""The first scene's model: what it makes, uses and says is physically possible, and the same for one seed."""

from __future__ import annotations

import numpy as np
import pytest

from configs.configuration import Configuration
from plant.batch import Batch, Form, Origin
from plant.clock import SECOND
from plant.errors import ConfigError
from plant.packml import PackState
from plant.quality import Quality
from simulators.faults import FaultKind, PlannedFault
from simulators.truth import Truth, What
from simulators.virtual import build, fast

from .conftest import START

HOUR = 3600
LINE = "cq/first-light/line-1"


def run(pack: Configuration, seconds: float, **options) -> Batch:
    scene = pack.scenes["first-light"]
    stop = START + round(seconds * SECOND)
    return Batch.concat(list(fast(scene, pack.bindings, start=START, stop=stop, **options)))


@pytest.fixture(scope="module")
def shift(pack: Configuration) -> tuple[Batch, Truth]:
    truth = Truth()
    return run(pack, 4 * HOUR, truth=truth), truth


def last(batch: Batch, tag: str) -> float:
    return float(batch.of(f"{LINE}/{tag}").numbers[-1])


# ------------------------------------------------------------------------- determinism
def test_two_runs_with_one_seed_give_identical_batches(pack: Configuration) -> None:
    assert run(pack, 1200, seed=3).to_bytes() == run(pack, 1200, seed=3).to_bytes()
    assert run(pack, 1200, seed=3).to_bytes() != run(pack, 1200, seed=4).to_bytes()


def test_the_size_of_the_chunks_changes_nothing(pack: Configuration) -> None:
    small, large = run(pack, 900, chunk=7.3), run(pack, 900, chunk=300)
    for name in large.names:
        one, other = small.of(name), large.of(name)
        assert np.array_equal(one.time, other.time), name
        assert [one.value(i) for i in range(len(one))] == [other.value(i) for i in range(len(other))]


# -------------------------------------------------------------------- physical plausibility
def test_every_tag_of_the_pack_is_produced_and_marked_as_simulated(
    pack: Configuration, shift: tuple[Batch, Truth]
) -> None:
    batch, _ = shift
    declared = {tag.path for binding in pack.bindings for tag, _ in binding.points}
    assert {batch.names[i] for i in np.unique(batch.tag)} == declared
    assert (batch.origin == Origin.SIMULATED).all()
    assert (batch.quality == Quality.GOOD).all()
    assert (np.diff(batch.received) >= 0).all()


def test_counts_energy_and_time_only_grow(shift: tuple[Batch, Truth]) -> None:
    batch, _ = shift
    for name in batch.names:
        rows = batch.of(name)
        assert (np.diff(rows.time) >= 0).all(), name
        if name.rpartition("/")[2] in ("total", "good", "reject", "rework", "energy"):
            assert (np.diff(rows.numbers) >= 0).all(), name


def test_parts_are_conserved_from_press_to_inspection(shift: tuple[Batch, Truth]) -> None:
    batch, truth = shift
    pressed, carried = last(batch, "press/good"), last(batch, "conveyor/total")
    assert 0 <= pressed - carried <= 16  # what fits on the belt, and one in the press
    inspected = last(batch, "vision/total")
    assert last(batch, "vision/good") + last(batch, "vision/reject") + last(batch, "vision/rework") == inspected
    # A reworked part is carried once more, so parts, not counts, are what must agree.
    made = {f.detail["part"] for f in truth.of(What.PART, "press")}
    judged = {f.detail["part"] for f in truth.of(What.PART, "vision")}
    assert judged <= made
    assert len(made) - len(judged) - last(batch, "press/reject") <= 14 + 4 + 3


def test_telemetry_agrees_with_the_truth_about_what_was_made(shift: tuple[Batch, Truth]) -> None:
    batch, truth = shift
    for station, tag in (("press", "press/total"), ("conveyor", "conveyor/total"), ("vision", "vision/total")):
        facts = sum(1 for _ in truth.of(What.PART, station))
        assert facts - 1 <= last(batch, tag) <= facts


def test_state_durations_in_telemetry_are_those_of_the_truth(shift: tuple[Batch, Truth]) -> None:
    batch, truth = shift
    states = batch.of(f"{LINE}/press/state")
    ends = np.append(states.time[1:], START + 4 * HOUR * SECOND)
    seen = dict.fromkeys(PackState, 0.0)
    for value, begin, end in zip(states.numbers, states.time, ends, strict=True):
        seen[PackState(int(value))] += (end - begin) / SECOND
    real = dict.fromkeys(PackState, 0.0)
    for fact in truth.of(What.STATE, "press"):
        real[PackState[str(fact.detail["state"])]] += float(fact.detail["seconds"])
    assert sum(seen.values()) == pytest.approx(4 * HOUR)
    for state in PackState:
        assert seen[state] == pytest.approx(real[state], abs=1.0), state.name


def test_the_line_runs_as_such_lines_do(shift: tuple[Batch, Truth]) -> None:
    batch, _ = shift
    total, good = last(batch, "vision/total"), last(batch, "vision/good")
    assert 1500 < good < 4 * HOUR / 4.0
    assert 0.95 < good / total < 0.999
    assert 20 < last(batch, "press/energy") < 11.9 * 4
    assert 45 < last(batch, "press/oil-temperature") < 55


def test_the_defects_seen_are_not_quite_the_defects_there_are(shift: tuple[Batch, Truth]) -> None:
    _, truth = shift
    facts = list(truth.of(What.PART, "vision"))
    wrong = [f for f in facts if (f.detail["defect"] != "") != (f.detail["verdict"] != "good")]
    assert 0 < len(wrong) < 0.01 * len(facts)


def test_nothing_is_made_outside_planned_time(pack: Configuration) -> None:
    planned = [(START, START + 600 * SECOND), (START + 1800 * SECOND, START + 2400 * SECOND)]
    made = run(pack, 2400, planned=planned).of(f"{LINE}/press/total")
    seconds = (made.time - START) / SECOND
    idle = made.numbers[(seconds > 640) & (seconds < 1800)]
    assert len(idle) > 100  # a steady count is confirmed again and again
    assert np.ptp(idle) == 0
    assert made.numbers[-1] > idle[-1] + 20


# ------------------------------------------------------------------------------- coding
def test_values_are_those_that_the_devices_registers_can_hold(shift: tuple[Batch, Truth]) -> None:
    batch, _ = shift
    power = batch.of(f"{LINE}/conveyor/power").numbers
    assert (power.astype(np.float32).astype(np.float64) == power).all()
    assert batch.of(f"{LINE}/conveyor/product").form[0] == Form.TEXT
    assert batch.of(f"{LINE}/conveyor/total").form[0] == Form.INTEGER


def test_a_message_s_time_is_cut_to_the_milliseconds_it_carries(shift: tuple[Batch, Truth]) -> None:
    batch, _ = shift
    results = batch.of(f"{LINE}/vision/part")
    assert (results.time % 1_000_000 == 0).all()
    assert ((results.received - results.time) < 1_000_000).all()


def test_an_address_with_nothing_behind_it_is_refused_with_its_tag(pack: Configuration) -> None:
    binding = next(b for b in pack.bindings if b.source.id == "plc")
    tag, address = binding.points[0]
    wrong = type(binding)(binding.scene, binding.source, ((tag, address.model_copy(update={"register_": 99})),))
    with pytest.raises(ConfigError, match=r"line-1/conveyor/state.*nothing at .*99"):
        next(iter(fast(pack.scenes["first-light"], [wrong], start=START, stop=START + SECOND)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "no-such"}, "unknown model"),
        ({"parameters": {"maintainer": 2}}, "unknown simulation parameters maintainer"),
        ({"parameters": {"maintainers": 0}}, "not a number from 1"),
        ({"faces": {"presse": "press"}}, "the model has the faces press"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused(pack: Configuration, changes: dict, message: str) -> None:
    scene = pack.scenes["first-light"]
    assert scene.simulation
    wrong = scene.model_copy(update={"simulation": scene.simulation.model_copy(update=changes)})
    with pytest.raises(ConfigError, match=message):
        build(wrong, start=START)


# ------------------------------------------------------------------------------- faults
def faulty(pack: Configuration, fault: PlannedFault, seconds: float = 1200) -> tuple[Batch, list[str]]:
    truth = Truth()
    batch = run(pack, seconds, faults=[fault], truth=truth)
    return batch, [f"{f.detail['kind']} {f.detail['edge']}" for f in truth.of(What.FAULT)]


def test_more_maintainers_and_fewer_failures_make_more(pack: Configuration) -> None:
    def made(**parameters: float) -> float:
        scene = pack.scenes["first-light"]
        assert scene.simulation
        scene = scene.model_copy(update={"simulation": scene.simulation.model_copy(update={"parameters": parameters})})
        batches = fast(scene, pack.bindings, seed=11, start=START, stop=START + 6 * HOUR * SECOND, chunk=600)
        return last(Batch.concat(list(batches)), "vision/good")

    assert made(**{"failure-factor": 20.0}) > 1.05 * made(**{"failure-factor": 0.5})


def test_a_stuck_sensor_repeats_itself_while_the_machine_goes_on(pack: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.SENSOR_STUCK, target="conveyor.motor", at=300, lasts=600)
    batch, log = faulty(pack, fault)
    motor = batch.of(f"{LINE}/conveyor/motor-temperature")
    seconds = (motor.time - START) / SECOND
    assert len(np.unique(motor.numbers[(seconds > 301) & (seconds < 899)])) == 1
    assert len(np.unique(motor.numbers[seconds > 901])) > 5
    assert log == ["sensor-stuck begin", "sensor-stuck end"]


def test_a_drifting_sensor_moves_off_at_its_rate(pack: Configuration) -> None:
    sound = run(pack, 1200)
    fault = PlannedFault(kind=FaultKind.SENSOR_DRIFT, target="press.oil", size=30.0, at=0)
    batch, _ = faulty(pack, fault)
    error = last(batch, "press/oil-temperature") - last(sound, "press/oil-temperature")
    assert error == pytest.approx(30.0 * 1200 / 3600, abs=0.2)


def test_a_reset_counter_starts_from_zero_and_counts_on(pack: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.COUNTER_RESET, target="conveyor.total", at=600)
    counts = faulty(pack, fault)[0].of(f"{LINE}/conveyor/total")
    steps = np.diff(counts.numbers)
    assert (steps < 0).sum() == 1
    assert counts.numbers[np.argmin(steps) + 1] == 0
    assert counts.numbers[-1] > 20


def test_a_jam_stops_the_station_until_somebody_has_worked_on_it(pack: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.JAM, target="press", size=240, at=400)
    batch, log = faulty(pack, fault)
    reasons = batch.of(f"{LINE}/press/stop-reason")
    jam = [i for i in range(len(reasons)) if reasons.value(i) == "jam"]
    assert jam == list(range(jam[0], jam[-1] + 1))  # one jam, confirmed for as long as it lasts
    stood = (reasons.time[jam[-1] + 1] - reasons.time[jam[0]]) / SECOND
    assert 240 + 20 < stood < 240 + 180 + 20  # work and the way there
    assert (reasons.time[jam[0]] - START) / SECOND == pytest.approx(400, abs=1)
    assert log == ["jam begin"]


def test_a_worn_die_spoils_more_parts_and_takes_more_power(pack: Configuration) -> None:
    sound = run(pack, 2 * HOUR)
    worn = run(pack, 2 * HOUR, faults=[PlannedFault(kind=FaultKind.WEAR, target="press", size=1.35, at=0)])
    assert last(worn, "vision/reject") > 3 * last(sound, "vision/reject")
    assert last(worn, "press/energy") > 1.2 * last(sound, "press/energy")


def test_a_leak_costs_energy_and_nothing_else(pack: Configuration) -> None:
    sound, leaking = run(pack, 1200), faulty(pack, PlannedFault(kind=FaultKind.LEAK, target="press", size=6.0, at=0))[0]
    lost = last(leaking, "press/energy") - last(sound, "press/energy")
    assert lost == pytest.approx(6.0 * 1200 / 3600, rel=0.01)
    assert last(leaking, "press/total") == last(sound, "press/total")


def test_a_dead_device_reads_bad_where_it_is_polled_and_says_nothing_where_it_publishes(pack: Configuration) -> None:
    batch, _ = faulty(pack, PlannedFault(kind=FaultKind.DEAD_DEVICE, target="conveyor", at=300, lasts=300))
    speed = batch.of(f"{LINE}/conveyor/speed")
    seconds = (speed.time - START) / SECOND
    dead = (seconds >= 300) & (seconds < 600)
    assert (speed.quality[dead] == Quality.BAD_NO_COMMUNICATION).all()
    assert (speed.quality[~dead] == Quality.GOOD).all()
    batch, _ = faulty(pack, PlannedFault(kind=FaultKind.FACE_OUTAGE, target="vision", at=300, lasts=300))
    seconds = (batch.of(f"{LINE}/vision/total").time - START) / SECOND
    assert not ((seconds > 300) & (seconds < 600)).any()
    assert (seconds >= 600).any()


def test_a_clock_that_jumps_dates_what_the_device_itself_dates(pack: Configuration) -> None:
    batch, _ = faulty(pack, PlannedFault(kind=FaultKind.CLOCK_JUMP, target="vision", size=90, at=300, lasts=300))
    rows = batch.of(f"{LINE}/vision/total")
    ahead = (rows.time - rows.received) / SECOND
    during = (rows.received > START + 301 * SECOND) & (rows.received < START + 599 * SECOND)
    assert ahead[during] == pytest.approx(90, abs=0.002)
    assert ahead[~during & (rows.received < START + 299 * SECOND)] == pytest.approx(0, abs=0.002)


def test_a_device_that_comes_back_does_not_publish_its_last_result_again(pack: Configuration) -> None:
    sound = run(pack, 1200).of(f"{LINE}/vision/part")
    batch, _ = faulty(pack, PlannedFault(kind=FaultKind.DEAD_DEVICE, target="vision", at=300, lasts=60))
    parts = batch.of(f"{LINE}/vision/part")
    assert set(parts.time) < set(sound.time)


def test_a_mis_wired_register_shows_another_signal(pack: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.MISWIRED_REGISTER, target="conveyor.total", with_="conveyor.level", at=600)
    assert last(faulty(pack, fault)[0], "conveyor/total") < 16


def test_a_wrong_ideal_cycle_is_reported_and_not_worked_to(pack: Configuration) -> None:
    fault = PlannedFault(kind=FaultKind.WRONG_IDEAL_CYCLE, target="press", size=0.5, at=0)
    batch, _ = faulty(pack, fault)
    assert last(batch, "press/ideal-cycle") == pytest.approx(2.0)
    assert last(batch, "press/total") == last(run(pack, 1200), "press/total")


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_on_something_that_is_not_there_is_refused(pack: Configuration, kind: FaultKind) -> None:
    with pytest.raises(Exception, match="no 'nowhere'"):
        run(pack, 10, faults=[PlannedFault(kind=kind, target="nowhere")])


def test_truth_is_never_telemetry(pack: Configuration, shift: tuple[Batch, Truth]) -> None:
    """No tag equals, sample for sample, whether the part was really defective."""
    batch, truth = shift
    really = [f.detail["defect"] != "" for f in truth.of(What.PART, "vision")]
    seen = batch.of(f"{LINE}/vision/defect")
    claimed = [seen.value(i) != "" for i in range(len(seen))]
    assert claimed != really[: len(claimed)]


def test_the_truth_record_is_exported_whole(shift: tuple[Batch, Truth], tmp_path) -> None:
    import json

    import pyarrow.parquet as pq

    _, truth = shift
    truth.write(tmp_path / "truth.jsonl")
    truth.write(tmp_path / "truth.parquet")
    lines = (tmp_path / "truth.jsonl").read_text().splitlines()
    table = pq.read_table(tmp_path / "truth.parquet").to_pylist()
    first = next(iter(truth))
    assert len(lines) == len(table) == len(truth)
    assert json.loads(lines[0])["time"] == table[0]["time"] == first.time
    assert json.loads(lines[-1])["what"] == table[-1]["what"]
