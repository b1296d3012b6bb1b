"""Identifier: what a handheld gains over a desk, from telemetry alone; and that nothing else gains it."""

from __future__ import annotations

import shutil
from functools import cache

import numpy as np
import pytest

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.network_profile import network_profile
from plant.batch import Batch
from plant.clock import SECOND
from simulators.truth import Truth, What
from simulators.virtual import fast
from tests.simulators.conftest import START

SPAN = 2 * 3600 * SECOND
BENCH = "cq/identifier/final-check/bench/"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("identifier")
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / "identifier.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    return load(folder)


@pytest.fixture(scope="module")
def hours(pack: Configuration):
    scene = pack.scenes["identifier"]

    @cache
    def work(profile: str, *, seed: int = 1, span: int = SPAN, **parameters: float) -> tuple[Batch, Truth]:
        assert scene.simulation
        simulation = scene.simulation.model_copy(update={"parameters": parameters})
        truth = Truth()
        batches = fast(
            scene.model_copy(update={"simulation": simulation}),
            pack.bindings,
            seed=seed,
            start=START,
            stop=START + span,
            network=network_profile(profile),
            truth=truth,
        )
        return Batch.concat(list(batches)), truth

    return work


def per_hour(batch: Batch, span: int = SPAN) -> float:
    """Products collected and resolved per hour, by the bench's own counter."""
    return float(batch.of(BENCH + "resolved").numbers.max()) / (span / SECOND / 3600)


def test_a_handheld_gains_more_than_the_clause_asks_for_over_a_desk(hours) -> None:
    before, after = hours("wired", desk=12.0)[0], hours("5g-sa-sub6")[0]
    assert per_hour(after) / per_hour(before) - 1 >= 0.10


def test_telemetry_agrees_with_the_truth(hours) -> None:
    for batch, truth in (hours("wired", desk=12.0), hours("5g-sa-sub6")):
        facts = [f.detail for f in truth.of(What.EVENT, "bench")]
        assert batch.of(BENCH + "resolved").numbers.max() == len(facts)
        assert batch.of(BENCH + "attempts").numbers.max() == sum(f["tries"] for f in facts)
        seen = batch.of(BENCH + "identification").numbers
        assert seen == pytest.approx([f["seconds"] for f in facts], abs=0.001)


def test_typing_is_repeated_as_often_as_characters_are_mistyped(hours) -> None:
    batch, _ = hours("wired", desk=12.0)
    identifiers = {s.value for s in batch.of(BENCH + "identifier").samples()}
    length = float(np.mean([len(i) for i in identifiers]))
    tries = batch.of(BENCH + "attempts").numbers.max() / batch.of(BENCH + "resolved").numbers.max()
    assert tries == pytest.approx(1 / (1 - 0.004) ** length, abs=0.08)
    handheld = hours("5g-sa-sub6")[0]
    assert handheld.of(BENCH + "attempts").numbers.max() == handheld.of(BENCH + "resolved").numbers.max()


# ------------------------------------------------------------------------ negative controls
def test_two_desks_show_no_gain_whatever_the_link(hours) -> None:
    """The causal path removed: the worker who walks and types is not on the link."""
    first, second = (hours(p, desk=12.0)[0] for p in ("5g-urllc", "5g-degraded"))
    assert per_hour(first) == pytest.approx(per_hour(second), rel=0.01)


def test_the_same_plant_with_another_seed_is_as_efficient(hours) -> None:
    before = [per_hour(hours("wired", seed=seed, desk=12.0)[0]) for seed in (1, 2)]
    assert before[0] == pytest.approx(before[1], rel=0.05)


def test_a_slow_link_costs_what_its_exchanges_take_and_no_more(hours) -> None:
    fast_, slow = hours("wired")[0], hours("5g-degraded")[0]
    took = [float(np.mean(batch.of(BENCH + "identification").numbers)) for batch in (fast_, slow)]
    assert 0.02 < took[1] - took[0] < 0.5
    assert per_hour(slow) == pytest.approx(per_hour(fast_), rel=0.03)


def test_one_seed_gives_identical_batches(hours) -> None:
    short = 900 * SECOND
    first, again = hours("5g-sa-sub6", span=short)[0], hours.__wrapped__("5g-sa-sub6", span=short)[0]
    assert first.to_bytes() == again.to_bytes()
