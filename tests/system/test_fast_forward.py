"""Shifts in virtual time: repeatable, by the calendar, through the edge's rules, whole or not there at all."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scene import analyse
from collectors.source import Point, discard
from configs.configuration import Binding, Configuration
from configs.loader import PACKAGED, load
from configs.sources import OpcuaAddress, OpcuaSource
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, SystemClock, from_iso
from plant.errors import ConfigError, ProvenlineError
from plant.quality import Quality
from plant.tags import Kind, Tag
from provenline.announcement import heard as heard_from
from provenline.fast_forward import MARGIN, Cancelled, FastRun, fast_forward, gathered
from provenline.fault_file import planned_faults
from provenline.sources import reader
from provenline.virtual_edge import VirtualEdge
from simulators.faces.endpoint import rewire
from simulators.faults import FaultKind, PlannedFault
from simulators.virtual import fast
from tests.peers.processes import Program

# Two short shifts on weekdays, with an hour between them; they pass in a second.
SITE = """
type: site
id: cq
name: {zh: 中心, en: Centre}
zone: Asia/Shanghai
calendars:
  demo:
    shifts:
      - {id: first, days: [mon, tue], start: "08:00", end: "08:40"}
      - {id: second, days: [mon, tue], start: "09:40", end: "10:20", breaks: [{start: "10:00", end: "10:05"}]}
"""
MINUTE = 60 * SECOND
MONDAY = from_iso("2026-01-05T08:00:00+08:00")
LINE = "cq/first-light/line-1"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("plant")
    (folder / "site.yaml").write_text(SITE)
    shutil.copy(PACKAGED / "scenes" / "first-light.yaml", folder)
    return load(folder)


@dataclass(frozen=True)
class Done:
    """A run of two shifts, and everything in its store."""

    run: FastRun
    stored: Batch

    def numbers(self, tag: str) -> np.ndarray:
        return self.stored.of(f"{LINE}/{tag}").numbers


def stored(run: FastRun) -> Batch:
    with closing(run.historian()) as historian:
        return historian.history(historian.paths(), 0, 2**62)


@pytest.fixture(scope="module")
def done(plant: Configuration, tmp_path_factory: pytest.TempPathFactory) -> Done:
    run = fast_forward(plant, "first-light", seed=7, shifts=2, into=tmp_path_factory.mktemp("runs") / "run")
    return Done(run, stored(run))


# ------------------------------------------------------------------------- what a run is
def test_shifts_are_those_of_the_calendar_in_order(done: Done) -> None:
    long = 40 * MINUTE
    begins = (MONDAY, MONDAY + 100 * MINUTE)
    assert done.run.windows == tuple((begin, begin + long) for begin in begins)


def test_samples_are_stored_of_shifts_and_a_few_minutes_around_them(done: Done) -> None:
    received = done.stored.received
    inside = np.zeros(len(received), np.bool_)
    for start, stop in done.run.windows:
        shift = (received >= start - MARGIN) & (received < stop + MARGIN)
        assert shift.sum() > 1000
        inside |= shift
    assert inside.all()
    # What has a tag's name and time twice, a change and a message in one millisecond, is stored once.
    assert 0.99 * done.run.samples < len(done.stored) <= done.run.samples


def test_everything_stored_is_marked_as_simulated(done: Done) -> None:
    assert ((done.stored.origin & Origin.SIMULATED) != 0).all()
    assert ((done.stored.origin & Origin.REPLAYED) == 0).all()


def test_the_plant_lives_on_between_shifts_but_nothing_is_made(done: Done) -> None:
    counts = done.stored.of(f"{LINE}/press/total")
    (_, first_stop), (second_start, _) = done.run.windows
    before = counts.numbers[counts.time < first_stop + MARGIN][-1]
    after = counts.numbers[counts.time > second_start - MARGIN][0]
    assert after == before > 100


def test_a_run_says_how_to_run_it_again(done: Done) -> None:
    said = json.loads((done.run.folder / "run.json").read_text())
    assert (said["scene"], said["seed"], said["simulated"]) == ("first-light", 7, True)
    assert [shift["date"] for shift in said["shifts"]] == ["2026-01-05", "2026-01-05"]
    assert [from_iso(shift["start"]) for shift in said["shifts"]] == [start for start, _ in done.run.windows]
    assert said["samples"] == done.run.samples
    assert said["speed"] > 60
    assert {"provenline", "numpy", "simpy"} <= set(said["versions"])


def test_one_seed_gives_one_run_and_another_seed_another(plant: Configuration, done: Done, tmp_path: Path) -> None:
    again = fast_forward(plant, "first-light", seed=7, shifts=2, into=tmp_path / "again")
    other = fast_forward(plant, "first-light", seed=8, shifts=2, into=tmp_path / "other")
    assert stored(again).to_bytes() == done.stored.to_bytes() != stored(other).to_bytes()
    assert pq.read_table(again.truth).equals(pq.read_table(done.run.truth))
    assert not pq.read_table(other.truth).equals(pq.read_table(done.run.truth))


def test_figures_of_a_run_agree_with_its_truth(done: Done) -> None:
    facts = pq.read_table(done.run.truth).to_pylist()
    with closing(done.run.historian()) as historian:
        for window in done.run.windows:
            analysis = analyse(done.run.scene, historian, window, calendar=done.run.calendar)
            vision = analysis.unit(f"{LINE}/vision")
            assert vision is not None
            made = sum(
                window[0] <= f["time"] < window[1] and json.loads(f["detail"])["verdict"] == "good"
                for f in facts
                if f["what"] == "part" and f["where"] == "vision"
            )
            # The camera reports once a second: at most one part more or less at either end.
            assert vision.output.good / 1e6 == pytest.approx(made, abs=2)
            assert all(i.coverage > 0.95 for i in analysis.indicators() if i.scope == vision.scope and i.id == "oee")


def test_parameters_and_profile_replace_the_scene_s_own(plant: Configuration, tmp_path: Path) -> None:
    with pytest.raises(ProvenlineError, match="no network profile"):
        fast_forward(plant, "first-light", shifts=1, into=tmp_path / "a", profile="5g-urllc")
    with pytest.raises(ConfigError, match="unknown simulation parameters wings"):
        fast_forward(plant, "first-light", shifts=1, into=tmp_path / "a", parameters={"wings": 2})
    with pytest.raises(ProvenlineError, match="no scene 'second-light'"):
        fast_forward(plant, "second-light", shifts=1, into=tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_calendar_without_shifts_cannot_be_run(plant: Configuration, tmp_path: Path) -> None:
    resting = replace(plant, calendars={"demo": replace(plant.calendars["demo"], patterns=())})
    with pytest.raises(ProvenlineError, match="has no 1 shifts"):
        fast_forward(resting, "first-light", shifts=1, into=tmp_path / "run")


def test_a_holiday_is_passed_over(plant: Configuration, tmp_path: Path) -> None:
    calendar = replace(plant.calendars["demo"], exceptions={date(2026, 1, 5): ()})
    late = replace(plant, calendars={"demo": calendar})
    run = fast_forward(late, "first-light", shifts=1, into=tmp_path / "run")
    assert run.windows[0][0] == MONDAY + 24 * 60 * MINUTE


# ----------------------------------------------------------------------- whole or nothing
def test_a_run_that_is_called_off_leaves_nothing(plant: Configuration, tmp_path: Path) -> None:
    shares: list[float] = []
    with pytest.raises(Cancelled):
        fast_forward(
            plant,
            "first-light",
            shifts=2,
            into=tmp_path / "run",
            progress=shares.append,
            cancelled=lambda: len(shares) >= 3,
        )
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_dies_leaves_nothing(plant: Configuration, tmp_path: Path) -> None:
    def die(share: float) -> None:
        if share > 0.5:
            raise MemoryError

    with pytest.raises(MemoryError):
        fast_forward(plant, "first-light", shifts=1, into=tmp_path / "run", progress=die)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused_and_left_alone(plant: Configuration, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes").write_text("mine")
    with pytest.raises(ProvenlineError, match="is there already"):
        fast_forward(plant, "first-light", shifts=1, into=tmp_path / "run")
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["notes"]


# ---------------------------------------------------------------------------- the edge's rules
def test_what_the_edge_would_not_record_is_not_stored(plant: Configuration, done: Done) -> None:
    """Of the oil's temperature, less is stored than a perfect collector gets, and no quick step below its deadband."""
    (tag,) = [t for b in plant.bindings for t, _ in b.points if t.path == f"{LINE}/press/oil-temperature"]
    assert tag.deadband > 0
    start, stop = done.run.windows[0]
    press = [b for b in plant.bindings if b.source.id == "press"]
    collected = Batch.concat(
        list(
            fast(
                plant.scenes["first-light"],
                press,
                seed=7,
                start=start - MARGIN,
                stop=stop,
                planned=plant.calendar("first-light").plan(start - MARGIN, stop).busy,
            )
        )
    ).of(tag.path)
    kept = done.stored.of(tag.path)
    kept = kept.take(kept.received < stop)
    assert set(kept.time.tolist()) < set(collected.time.tolist())
    quick = np.diff(kept.time) < tag.stale_after / 2 * SECOND
    assert (np.abs(np.diff(kept.numbers))[quick] >= tag.deadband).all()


TAGS = tuple(
    Tag(path=f"s/scene/line/device/{name}", kind=Kind.ANALOG, stale_after=10.0, high=high, deadband=deadband)
    for name, high, deadband in (("plain", None, 0.0), ("ranged", 5.0, 0.0), ("banded", None, 2.0))
)
BINDING = Binding(
    "scene",
    OpcuaSource(type="opcua", id="server", endpoint="opc.tcp://127.0.0.1:4840"),
    tuple((tag, OpcuaAddress(node="ns=2;s=x")) for tag in TAGS),
)
SILENCE = 20  # seconds: twice the longest `stale_after`


def heard(moments: list[int], values: list[float] | None = None) -> Batch:
    builder = BatchBuilder()
    for tag in TAGS:
        builder.add(tag.path, 0, 0.0, received=0)
    for moment, value in zip(moments, values or [1.0] * len(moments), strict=True):
        for tag in TAGS:
            builder.add(tag.path, moment * SECOND, value, received=moment * SECOND)
    return builder.build()


def given_up(batch: Batch) -> list[int]:
    bad = batch.quality == Quality.BAD_NO_COMMUNICATION
    assert sorted(np.bincount(batch.tag[bad]).tolist()) == [bad.sum() // 3] * 3  # every tag, each time
    return sorted(set((batch.received[bad] // SECOND).tolist()))


def test_a_source_that_is_silent_too_long_reads_bad_once_until_it_is_heard_again() -> None:
    passed = VirtualEdge([BINDING], 0).pass_on(heard([5, 100, 110, 131]), 200 * SECOND)
    assert given_up(passed) == [5 + SILENCE, 110 + SILENCE, 131 + SILENCE]
    assert (np.diff(passed.received) >= 0).all()


@given(st.lists(st.integers(1, 300), unique=True, max_size=12).map(sorted), st.sets(st.integers(1, 299)))
def test_how_a_run_is_cut_up_makes_no_difference(moments: list[int], cuts: set[int]) -> None:
    """However many seconds come at a time, silence is noticed at the same moments and the same samples pass."""
    values = [float(moment % 4) for moment in moments]
    whole = heard(moments, values)
    at_once = VirtualEdge([BINDING], 0).pass_on(whole, 300 * SECOND)
    edge, pieces, begin = VirtualEdge([BINDING], 0), [], -1
    for end in [*sorted(cuts), 300]:
        rows = (whole.received > begin * SECOND) & (whole.received <= end * SECOND)
        pieces.append(edge.pass_on(whole.take(rows), end * SECOND))
        begin = end
    assert rows_of(at_once) == rows_of(Batch.concat(pieces))


def rows_of(batch: Batch) -> list[tuple[str, int, str, int]]:
    return sorted((s.path, s.received, repr(s.value), s.quality) for s in batch.samples())


def test_a_value_out_of_range_is_kept_and_marked() -> None:
    passed = VirtualEdge([BINDING], 0).pass_on(heard([1, 2], [4.0, 6.0]), 3 * SECOND)
    assert passed.of(TAGS[1].path).quality.tolist() == [0, 0, Quality.UNCERTAIN_OUT_OF_RANGE]


def test_a_broker_s_source_may_be_silent(plant: Configuration) -> None:
    (binding,) = [b for b in plant.bindings if b.source.type == "mqtt"]
    assert len(VirtualEdge([binding], 0).pass_on(Batch.empty(), 3600 * SECOND)) == 0


def test_a_run_is_written_in_batches_worth_a_commit() -> None:
    pieces = list(gathered(iter([heard([n]) for n in range(1, 8)]), at_least=20))
    assert [len(piece) for piece in pieces] == [24, 18]


# --------------------------------------------------------------------------------- faults
FAULTS = """
- {kind: jam, target: press, at: 10min, size: 120}
- {kind: dead-device, target: press, at: 20min, duration: 5min}
"""


@pytest.fixture(scope="module")
def broken(plant: Configuration, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "faults.yaml").write_text(FAULTS)
    faults = planned_faults(folder / "faults.yaml", plant.scenes["first-light"], plant.networks)
    run = fast_forward(plant, "first-light", seed=7, shifts=1, into=folder / "run", faults=faults)
    return Done(run, stored(run))


def test_planned_faults_begin_so_long_after_the_first_shift_began(broken: Done) -> None:
    facts = [f for f in pq.read_table(broken.run.truth).to_pylist() if f["what"] == "fault"]
    begun = [(f["time"] - MONDAY) / MINUTE for f in facts if json.loads(f["detail"])["edge"] == "begin"]
    assert begun == [10.0, 20.0]


def test_a_fault_shows_in_the_telemetry_as_it_would_live(broken: Done) -> None:
    reasons = broken.stored.of(f"{LINE}/press/stop-reason")
    jammed = [s.time for s in reasons.samples() if s.value == "jam"]
    assert jammed
    assert min(jammed) == pytest.approx(MONDAY + 10 * MINUTE, abs=MINUTE)
    state = broken.stored.of(f"{LINE}/press/state")
    begin, end = MONDAY + 20 * MINUTE, MONDAY + 25 * MINUTE
    dead = (state.time >= begin) & (state.time < end)
    assert (state.quality == Quality.BAD_NO_COMMUNICATION).tolist() == dead.tolist()
    assert begin == state.time[dead][0]


def test_every_fault_of_a_file_is_said_at_once(plant: Configuration, tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "- {kind: jam, target: pres, at: 2h}\n"
        "- {kind: jum, target: press, at: soon}\n"
        "- {kind: jam, target: press, dur: 3}\n"
        "- {kind: wear, target: press, size: 99}\n"
        "- {kind: jam, target: press, at: 1h, size: 60}\n"
    )
    with pytest.raises(ConfigError) as refused:
        planned_faults(file, plant.scenes["first-light"], plant.networks)
    assert [(fault.line, fault.path) for fault in refused.value.faults] == [
        (1, "[0]"),
        (2, "[1].kind"),
        (2, "[1].at"),
        (3, "[2].dur"),
        (4, "[3]"),
    ]
    assert "there are press" in refused.value.faults[0].message


@pytest.mark.parametrize("text", ["", "kind: jam", "just words", "- [", "- jam"])
def test_a_file_that_is_no_list_of_faults_is_refused(plant: Configuration, tmp_path: Path, text: str) -> None:
    (tmp_path / "faults.yaml").write_text(text)
    with pytest.raises(ConfigError):
        planned_faults(tmp_path / "faults.yaml", plant.scenes["first-light"], plant.networks)


def test_the_faults_of_the_guide_can_be_planned(plant: Configuration, tmp_path: Path) -> None:
    guides = [Path(__file__).parents[2] / "docs" / name for name in ("simulating.md", "simulating.zh-CN.md")]
    planned = []
    for guide in guides:
        blocks = re.findall(r"^```yaml\n(.*?)^```", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        (block,) = [one for one in blocks if "kind:" in one]
        (tmp_path / "faults.yaml").write_text(block, "utf-8")
        planned.append(planned_faults(tmp_path / "faults.yaml", plant.scenes["first-light"], plant.networks))
    assert len(planned[0]) >= 4
    assert planned[0] == planned[1]
    assert all(f"`{kind}`" in guide.read_text("utf-8") for kind in FaultKind for guide in guides)


def test_an_entry_means_what_it_says(plant: Configuration, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(
        "- {kind: mis-wired-register, target: press.power, with: press.energy, at: 2min, duration: 1h}\n"
    )
    (fault,) = planned_faults(tmp_path / "faults.yaml", plant.scenes["first-light"], plant.networks)
    kind = FaultKind.MISWIRED_REGISTER
    assert fault == PlannedFault(kind=kind, target="press.power", with_="press.energy", at=120.0, lasts=3600.0)


async def test_faults_of_a_file_happen_live_as_well(plant: Configuration, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("- {kind: sensor-offset, target: vision.light, size: 500}\n")
    asked = command(plant, "first-light", "--free-ports", "--faults", tmp_path / "faults.yaml")
    devices = Program(asked)
    try:
        served = heard_from(devices.ready('"scene"', 120))
        (binding,) = [b for b in plant.bindings if b.source.type == "mqtt"]
        points = [Point(tag, address) for tag, address in binding.points if tag.signal == "light-temperature"]
        source = reader(rewire(binding.source, served.endpoints["broker"]), points, SystemClock(), discard)
        async with asyncio.timeout(60), source.open() as batches:
            first = await anext(batches)
        assert first.numbers[0] > 400
    finally:
        assert devices.stop() == 0


# ----------------------------------------------------------------------------- the command
def command(plant: Configuration, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "provenline", "simulate", "--config", str(plant.folder), *map(str, arguments)]


def test_the_command_runs_shifts_and_says_where_they_are(plant: Configuration, done: Done, tmp_path: Path) -> None:
    out = tmp_path / "run"
    asked = command(plant, "first-light", "--fast", "--shifts", "2", "--seed", "7", "--out", out)
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f"{done.run.samples} samples" in ended.stdout
    assert pq.read_table(out / "truth.parquet").equals(pq.read_table(done.run.truth))


def test_the_command_can_be_called_off_and_leaves_nothing(plant: Configuration, tmp_path: Path) -> None:
    asked = command(plant, "first-light", "--fast", "--shifts", "200", "--out", tmp_path / "run")
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: any(tmp_path.glob(".run.*.partial/historian")))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "called off" in said
    assert list(tmp_path.iterdir()) == []


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_the_command_says_in_one_line_what_it_cannot_do(plant: Configuration, tmp_path: Path) -> None:
    asked = command(plant, "first-light", "--fast", "--out", "run", "--start", "noon")
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert ended.returncode == 1
    assert "'noon' is no moment" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_start_is_in_the_site_s_zone(plant: Configuration, tmp_path: Path) -> None:
    from provenline.fast_command import moment

    assert moment("2026-03-02", "Asia/Shanghai") == from_iso("2026-03-02T00:00:00+08:00")
    assert moment("2026-03-02T06:00", "Europe/Berlin") == from_iso("2026-03-02T06:00:00+01:00")
    assert moment("2026-03-02T06:00Z", "Asia/Shanghai") == from_iso("2026-03-02T06:00:00+00:00")
    run = fast_forward(
        plant, "first-light", shifts=1, into=tmp_path / "run", start=moment("2026-03-03", plant.site.zone)
    )
    assert run.windows[0][0] == from_iso("2026-03-03T08:00:00+08:00")
