"""The workshop: what being connected does to output, what coverage is, and that telemetry alone says both."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from collectors.modbus import ModbusSource
from collectors.mqtt import MqttSource
from collectors.opcua import OpcuaSource
from collectors.source import Point
from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.network_profile import network_profile
from plant.batch import Batch, Origin
from plant.clock import SECOND, SystemClock
from plant.quality import Severity, severity
from plant.tags import Role, Tag
from simulators.faces.endpoint import PortPolicy, rewire
from simulators.running import serve
from simulators.scenes.digital_workshop_survey import CELL, LENGTH, WIDTH, floor_plan
from simulators.truth import Truth, What
from simulators.virtual import fast
from tests.simulators.conftest import START

HOUR = 3600 * SECOND
LIMIT, SHARE, ENOUGH = 50_000.0, 0.99, 100  # us round trip, of the probes, probes a cell
CELLS = round(LENGTH / CELL) * round(WIDTH / CELL)


@dataclass(frozen=True)
class Run:
    """One run's telemetry, and its truth."""

    batch: Batch
    truth: Truth
    tags: tuple[Tag, ...]

    def playing(self, role: Role, device: str = "") -> list[Tag]:
        return [tag for tag in self.tags if tag.role is role and device in tag.device.rpartition("/")[2]]

    def last(self, role: Role, device: str) -> float:
        """Sum the last values of what plays `role` on devices whose name contains `device`."""
        return sum(float(self.batch.of(tag.path).numbers[-1]) for tag in self.playing(role, device))

    def values(self, tag: Tag) -> list:
        return [sample.value for sample in self.batch.of(tag.path).samples()]


def packed(folder: Path, scene: str) -> Configuration:
    """Load one packaged scene alone."""
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / f"{scene}.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    return load(folder)


def runs(pack: Configuration, name: str, keep: Callable[[Tag], bool] = lambda _: True) -> Callable[..., Run]:
    """Return a function that runs a scene in virtual time; `keep` chooses the tags that are collected."""
    scene = pack.scenes[name]
    assert scene.simulation
    bindings = [replace(b, points=tuple(p for p in b.points if keep(p[0]))) for b in pack.bindings]
    tags = tuple(tag for binding in bindings for tag, _ in binding.points)

    @cache
    def run(profile: str, *, seed: int = 1, span: int = HOUR, **parameters: float) -> Run:
        simulation = scene.simulation.model_copy(update={"parameters": parameters})
        truth = Truth()
        batches = fast(
            scene.model_copy(update={"simulation": simulation}),
            bindings,
            seed=seed,
            start=START,
            stop=START + span,
            network=network_profile(profile),
            truth=truth,
        )
        return Run(Batch.concat(list(batches)), truth, tags)

    return run


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return packed(tmp_path_factory.mktemp("workshop"), "digital-workshop")


_ASKED = (Role.GOOD_COUNT, Role.TOTAL_COUNT, Role.DURATION, Role.POSITION_X, Role.POSITION_Y, Role.LATENCY, Role.LOSS)


@pytest.fixture(scope="module")
def run(workshop: Configuration) -> Callable[..., Run]:
    return runs(workshop, "digital-workshop", lambda tag: tag.role in _ASKED)


LONG = round(3.5 * HOUR)  # the robot passes each cell often enough in that time


def share_covered(probes: list[tuple[float, float, float]]) -> float:
    """Cells with enough probes of which enough came back in time, of all cells. Probes: x, y in m, us."""
    cells: dict[tuple[int, int], list[bool]] = defaultdict(list)
    for x, y, rtt in probes:
        cells[min(int(x // CELL), 11), min(int(y // CELL), 7)].append(rtt <= LIMIT)
    return sum(len(c) >= ENOUGH and sum(c) >= SHARE * len(c) for c in cells.values()) / CELLS


def coverage(done: Run) -> float:
    """Coverage from telemetry alone."""
    columns = [done.batch.of(done.playing(role, "survey")[0].path) for role in _ASKED[3:6]]
    assert len({len(column) for column in columns}) == 1
    assert all((column.time == columns[0].time).all() for column in columns)
    return share_covered(list(zip(*(column.numbers.tolist() for column in columns), strict=True)))


def made(done: Run) -> float:
    """Good parts at the lines' ends, from telemetry alone."""
    return done.last(Role.GOOD_COUNT, "gauge")


# ---------------------------------------------------------------------- the clause's inputs
def test_more_than_thirty_devices_of_three_protocols_are_declared_and_heard_from(workshop: Configuration) -> None:
    done = runs(workshop, "digital-workshop")("5g-sa-sub6", span=900 * SECOND)
    assert {binding.source.type for binding in workshop.bindings} == {"opcua", "modbus", "mqtt"}
    heard = {path.rpartition("/")[0] for path in done.batch.names if len(done.batch.of(path))}
    assert heard == {tag.device for tag in done.tags}
    assert len(heard) == 35


def test_coverage_by_telemetry_is_coverage_by_truth(run) -> None:
    """Stated error: 2 cells, for the robot knows its place to 0.2 m only."""
    for profile, power in (("5g-sa-sub6", -45.0), ("wifi5-idle", -27.0)):
        done = run(profile, span=LONG, power=power)
        probes = [f.detail for f in done.truth.of(What.EVENT, "survey")]
        true = share_covered([(p["x"], p["y"], p["rtt"] * 1e6) for p in probes])
        assert coverage(done) == pytest.approx(true, abs=2 / CELLS)
        assert 0 < true < 1  # the store of steel racks is a hole under either


def test_lost_probes_count_with_the_longest_time(run) -> None:
    done = run("5g-degraded", span=LONG)
    lost = [f for f in done.truth.of(What.EVENT, "survey") if f.detail["lost"]]
    shown = done.values(done.playing(Role.LOSS, "survey")[0])
    late = done.batch.of(done.playing(Role.LATENCY, "survey")[0].path).numbers
    assert sum(shown) == len(lost) == (late == 1e6).sum() > 0


def test_output_by_telemetry_is_output_by_truth(run) -> None:
    done = run("5g-sa-sub6", span=LONG, power=-45.0)
    for line in "abcd":
        judged = Counter(f.detail["verdict"] for f in done.truth.of(What.PART, f"gauge-{line}"))
        # The gauge reports every 2 s: at most the last part is not in its report yet.
        assert 0 <= judged["good"] - done.last(Role.GOOD_COUNT, f"gauge-{line}") <= 1


def test_the_time_until_somebody_knew_is_shown_on_a_handheld(run) -> None:
    done = run("5g-sa-sub6", span=LONG, power=-45.0)
    shown = [v for tag in done.playing(Role.DURATION) if tag.label == "notice" for v in done.values(tag)]
    true = [f.detail["notice"] for f in done.truth.of(What.EVENT) if "notice" in f.detail]
    assert sorted(shown) == pytest.approx(sorted(true), abs=0.006)


# ------------------------------------------------------------------------ what causes what
def test_connected_lines_make_more_because_people_know_sooner(run) -> None:
    before, after = run("5g-sa-sub6", span=LONG, connected=0.0), run("5g-sa-sub6", span=LONG, power=-45.0)
    assert made(after) > 1.1 * made(before)
    notice = [
        [f.detail["notice"] for f in done.truth.of(What.EVENT) if "notice" in f.detail] for done in (before, after)
    ]
    assert 70 < sum(notice[0]) / len(notice[0]) < 110  # half a round of 180 s
    assert sum(notice[1]) / len(notice[1]) < 20


def test_a_link_that_delays_or_loses_fails_the_coverage(run) -> None:
    assert coverage(run("5g-sa-sub6", span=LONG, power=-45.0)) >= 0.5
    assert coverage(run("5g-degraded", span=LONG)) < 0.5
    assert coverage(run("wifi5-loaded", span=LONG, power=-27.0)) < 0.5


def test_a_signal_too_weak_to_arrive_leaves_people_to_their_rounds(run) -> None:
    dead = run("5g-sa-sub6", span=HOUR, power=-120.0)
    notice = [f.detail["notice"] for f in dead.truth.of(What.EVENT) if "notice" in f.detail]
    assert sum(notice) / len(notice) > 60
    assert all(f.detail["carried"] for f in dead.truth.of(What.EVENT) if "load" in f.detail)


# ------------------------------------------------------------------------ negative controls
def test_without_connection_the_link_changes_nothing_but_the_survey(run) -> None:
    """The causal path removed: a plant that does not use the link makes the same parts on any."""
    first, second = (run(p, connected=0.0) for p in ("5g-urllc", "5g-degraded"))
    for tag in first.playing(Role.GOOD_COUNT):
        assert first.values(tag) == second.values(tag)


def test_the_same_plant_twice_shows_no_gain_beyond_chance(run) -> None:
    twice = [made(run("5g-sa-sub6", span=LONG, connected=0.0, seed=seed)) for seed in (1, 2)]
    assert twice[0] == pytest.approx(twice[1], rel=0.1)


def test_people_who_are_there_anyway_gain_nothing_from_being_told(run) -> None:
    sides = [made(run("5g-sa-sub6", span=LONG, connected=c, rounds=10.0, programme=0.0)) for c in (0.0, 1.0)]
    assert sides[0] == pytest.approx(sides[1], rel=0.04)


# ----------------------------------------------------------------------------- plausibility
def test_no_line_makes_more_than_came_in_or_than_its_slowest_machine_can(run) -> None:
    done = run("5g-sa-sub6", span=LONG, power=-45.0)
    for line in "abcd":
        flow = [done.last(Role.TOTAL_COUNT, f"{m}-{line}") for m in ("turn", "mill", "wash", "gauge")]
        assert all(a >= b for a, b in pairwise(flow))
        assert flow[0] <= LONG / SECOND / 28


def test_one_seed_gives_identical_batches(run) -> None:
    first, again = (f("5g-sa-sub6", span=HOUR // 2) for f in (run, run.__wrapped__))
    assert first.batch.to_bytes() == again.batch.to_bytes()
    assert list(first.truth) == list(again.truth)


def test_the_floor_plan_has_a_place_without_good_signal() -> None:
    from simulators.network.floor import Floor

    plan = Floor(floor_plan(-45.0))
    assert plan.serving((17.0, 20.0))[1] > -60
    assert plan.serving((59.0, 39.0))[1] < -95


# ------------------------------------------------------------------------------------- live
async def test_every_device_is_collected_live_by_its_protocol(workshop: Configuration) -> None:
    collectors = {"opcua": OpcuaSource, "modbus": ModbusSource, "mqtt": MqttSource}
    collected: list[Batch] = []
    # A handheld's call comes when there is one, not within a minute.
    expected = {t.path for b in workshop.bindings for t, _ in b.points if t.stale_after < 3600}

    async def read(source) -> None:
        async with source.open() as batches:
            async for batch in batches:
                collected.append(batch)  # noqa: PERF401 - it never ends

    def heard() -> set[str]:
        return {path for batch in collected for path in batch.compact().names}

    async with AsyncExitStack() as stack:
        scene = workshop.scenes["digital-workshop"]
        running = await stack.enter_async_context(serve(scene, seed=4, speed=4.0, ports=PortPolicy.ANY))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        readers = []
        for binding in workshop.bindings:
            source = rewire(binding.source, running.endpoints[binding.source.id])
            points = [Point(tag, address) for tag, address in binding.points]
            readers.append(tasks.create_task(read(collectors[source.type](source, points, clock=SystemClock()))))
        async with asyncio.timeout(90):
            while expected - heard():
                await asyncio.sleep(0.2)
        for reader in readers:
            reader.cancel()
    batch = Batch.concat(collected)
    assert (batch.origin == Origin.SIMULATED).all()
    usable = {s.path for s in batch.samples() if severity(s.quality) is Severity.GOOD}
    assert expected <= usable
