"""Material: what the link does to movements, calls and records, read from telemetry alone and held against truth."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.network_profile import network_profile
from plant.batch import Batch
from plant.clock import SECOND
from simulators.scenes.material_stock import Movement, Stock
from simulators.truth import Truth, What
from simulators.virtual import fast
from tests.simulators.conftest import START

SHIFT = 8 * 3600 * SECOND
PLACE = "cq/material/assembly/"
COUNTERS = ("dock/moves", "aisle/moves", "shelf/calls")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("material")
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / "material.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    return load(folder)


@dataclass(frozen=True)
class Shift:
    """One shift's telemetry, and its truth."""

    batch: Batch
    truth: Truth

    def realtime_rate(self, agreed: float | None = None) -> float:
        """Events visible within the agreed time over events numbered, from telemetry alone."""
        limit = agreed if agreed is not None else float(self.batch.of(PLACE + "stock/agreed").numbers[0])
        in_time = happened = 0
        for counter in COUNTERS:
            rows = self.batch.of(PLACE + counter)
            numbers = rows.numbers
            late = (rows.received - rows.time) / SECOND
            happened += int(numbers.max())
            # Source times are cut to ms, so an event looks up to 1 ms later than it was.
            in_time += int((late <= limit + 0.001).sum())
        return in_time / happened

    def accuracy(self) -> float:
        """Counts at which record and stock were equal, from telemetry alone."""
        counted = self.batch.of(PLACE + "stock/counted").numbers
        return float((counted == self.batch.of(PLACE + "stock/recorded").numbers).mean())

    def made(self) -> float:
        return float(self.batch.of(PLACE + "assembler/good").numbers.max())


@pytest.fixture(scope="module")
def shift(material: Configuration):
    scene = material.scenes["material"]

    @cache
    def work(profile: str, *, seed: int = 1, span: int = SHIFT, **parameters: float) -> Shift:
        assert scene.simulation
        simulation = scene.simulation.model_copy(update={"parameters": parameters})
        truth = Truth()
        batches = fast(
            scene.model_copy(update={"simulation": simulation}),
            material.bindings,
            seed=seed,
            start=START,
            stop=START + span,
            network=network_profile(profile),
            truth=truth,
        )
        return Shift(Batch.concat(list(batches)), truth)

    return work


# --------------------------------------------------------------------- the clause's inputs
def test_telemetry_alone_gives_what_the_truth_says(shift) -> None:
    for profile in ("5g-sa-sub6", "5g-degraded"):
        done = shift(profile)
        events = [f.detail for f in done.truth.of(What.EVENT) if "number" in f.detail]
        in_time = sum(not e["lost"] and e["late"] <= 0.05 for e in events)
        assert done.realtime_rate() == pytest.approx(in_time / len(events), abs=0.003)
        counts = [f.detail for f in done.truth.of(What.EVENT, "count")]
        assert done.accuracy() == sum(c["counted"] == c["recorded"] for c in counts) / len(counts)


def test_a_healthy_link_meets_the_clause_and_a_loaded_or_degraded_one_does_not(shift) -> None:
    for profile in ("wired", "5g-urllc", "5g-sa-sub6"):
        assert shift(profile).realtime_rate() >= 0.95
        assert shift(profile).accuracy() >= 0.95
    for profile in ("5g-degraded", "wifi5-loaded"):
        assert shift(profile).realtime_rate() < 0.95
    assert shift("5g-degraded").accuracy() < 0.95  # exchanges given up are missing in the records


def test_paper_is_neither_in_time_nor_right_and_its_late_calls_starve_the_line(shift) -> None:
    paper, messages = shift("wired", round=900.0), shift("5g-sa-sub6")
    assert paper.realtime_rate() < 0.01
    assert paper.accuracy() < 0.5
    assert paper.made() < 0.95 * messages.made()
    starved = sum(
        float(f.detail["seconds"]) for f in paper.truth.of(What.STATE, "assembler") if f.detail["cause"] == "starved"
    )
    assert starved > 600


# ------------------------------------------------------------------------ negative controls
def test_paper_on_both_sides_shows_no_gain_whatever_the_link(shift) -> None:
    """The causal path removed: without messages, the network profile changes nothing at all."""
    hours = 2 * 3600 * SECOND
    first, second = (shift(p, round=600.0, span=hours) for p in ("5g-urllc", "wifi5-loaded"))
    assert first.batch.to_bytes() == second.batch.to_bytes()


def test_the_same_side_twice_differs_by_chance_only(shift) -> None:
    made = [shift("5g-sa-sub6", seed=seed).made() for seed in (1, 2)]
    assert made[0] == pytest.approx(made[1], rel=0.05)
    assert shift("5g-sa-sub6", seed=2).realtime_rate() == pytest.approx(shift("5g-sa-sub6").realtime_rate(), abs=0.005)


def test_the_agreed_time_decides_and_is_published(shift) -> None:
    """A link's delay matters against what was agreed; with a second to spare even a loaded channel is in time."""
    loaded = shift("wifi5-loaded")
    assert loaded.realtime_rate(0.02) < loaded.realtime_rate(0.05) < loaded.realtime_rate(1.0)
    assert loaded.realtime_rate(1.0) >= 0.95
    other = shift("wired", span=600 * SECOND, agreed=0.2)
    assert set(other.batch.of(PLACE + "stock/agreed").numbers) == {0.2}


# ------------------------------------------------------------------------------- telemetry
def test_one_seed_gives_identical_batches(shift, material: Configuration) -> None:
    hour = 1800 * SECOND
    first = shift("5g-degraded", span=hour)
    again = shift.__wrapped__("5g-degraded", span=hour)
    assert first.batch.to_bytes() == again.batch.to_bytes()
    assert list(first.truth) == list(again.truth)


def test_events_carry_when_they_happened_and_when_they_became_known(shift) -> None:
    rows = shift("5g-sa-sub6").batch.of(PLACE + "aisle/moves")
    late = (rows.received - rows.time) / 1e6
    assert 10 < np.median(late) < 30  # two messages up, one down, by the published medians
    assert (np.diff(rows.numbers) == 1).mean() > 0.9


def test_the_truth_is_in_no_telemetry(shift) -> None:
    done = shift("5g-degraded")
    lost = {f.detail["number"] for f in done.truth.of(What.EVENT, "dock") if f.detail.get("lost")}
    assert lost
    assert not lost & set(done.batch.of(PLACE + "dock/moves").numbers)


# ------------------------------------------------------------------------------- the books
def test_a_movement_that_a_count_has_settled_is_not_booked_again() -> None:
    from simulators.kernel.floor import Floor

    floor = Floor(start=0, seed=1)
    stock = Stock(floor, ("store", "line"))
    stock.begin("store", 100)
    floor.run_through(10)
    floor.env.run(until=10)
    late = Movement(bin="B", origin="store", target="line", pieces=40, at=floor.now())
    stock.leave("store", 40)
    stock.arrive("line", 40)
    floor.env.run(until=20)
    stock.count()
    assert (stock.true["store"], stock.recorded["store"]) == (60, 60)
    stock.record(late, 40)
    assert stock.recorded == {"store": 60, "line": 40}
