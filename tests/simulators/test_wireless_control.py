"""Wireless control: what late commands cost, from telemetry alone and held against truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from configs.configuration import Configuration
from plant.clock import SECOND
from plant.tags import Role, Tag
from simulators.truth import What
from tests.simulators.live_reading import usable_live
from tests.simulators.test_digital_workshop import HOUR, Run, packed, runs

LOOPS = {"drive": "speed", "tank": "level", "dryer": "dryer"}
"""Devices, and what the model calls their loops."""
HALF = HOUR // 2


@pytest.fixture(scope="module")
def coating(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return packed(tmp_path_factory.mktemp("coating"), "wireless-control")


@pytest.fixture(scope="module")
def run(coating: Configuration) -> Callable[..., Run]:
    asked = {
        *(Role.CONTROL_CYCLES, Role.CORRECT_CYCLES, Role.DEADLINE_MISSED, Role.PROCESS_VALUE, Role.SETPOINT),
        *(Role.GOOD_COUNT, Role.REJECT_COUNT, Role.LATENCY),
    }
    done = runs(coating, "wireless-control", lambda tag: tag.role in asked)
    return lambda profile, **options: done(profile, **{"span": HALF, **options})


def closed_loop(done: Run) -> float:
    """Correct cycles over cycles, summed over the loops, from telemetry alone."""
    return sum(done.last(Role.CORRECT_CYCLES, d) for d in LOOPS) / sum(done.last(Role.CONTROL_CYCLES, d) for d in LOOPS)


def coated(done: Run) -> float:
    return done.last(Role.GOOD_COUNT, "coater")


def tag_of(done: Run, role: Role, device: str, label: str = "") -> Tag:
    return next(tag for tag in done.playing(role, device) if tag.label == label)


# ---------------------------------------------------------------------- the clause's inputs
def test_machine_loops_and_radio_are_heard_from_by_three_protocols(coating: Configuration) -> None:
    done = runs(coating, "wireless-control")("5g-urllc", span=60 * SECOND)
    assert {binding.source.type for binding in coating.bindings} == {"opcua", "modbus", "stamp"}
    heard = {path.rpartition("/")[0] for path in done.batch.names if len(done.batch.of(path))}
    assert heard == {tag.device for tag in done.tags}


@pytest.mark.parametrize("profile", ["5g-urllc", "wifi5-loaded", "5g-degraded"])
def test_the_loops_counts_by_telemetry_are_those_of_the_truth(run, profile: str) -> None:
    """Stated error: the cycles of one scan, for the PLC shows its counts once a second."""
    done = run(profile)
    for device, loop in LOOPS.items():
        *_, true = done.truth.of(What.EVENT, loop)
        deadline = done.values(tag_of(done, Role.SETPOINT, device, "deadline"))[0]
        roles = {"cycles": Role.CONTROL_CYCLES, "late": Role.DEADLINE_MISSED, "correct": Role.CORRECT_CYCLES}
        for what, role in roles.items():
            assert abs(done.last(role, device) - float(true.detail[what])) <= 1 / deadline


@pytest.mark.parametrize("profile", ["5g-urllc", "wifi5-loaded"])
def test_panels_by_telemetry_are_panels_by_truth(run, profile: str) -> None:
    done = run(profile)
    judged = Counter(f.detail["verdict"] for f in done.truth.of(What.PART, "coater"))
    assert (coated(done), done.last(Role.REJECT_COUNT, "coater")) == (judged["good"], judged["scrap"])


def test_anyone_can_check_the_tolerance_on_the_samples(run) -> None:
    """In time always, so correct is in tolerance; the samples of each second say the same, within 2 points."""
    done = run("5g-urllc", local=1.0)
    for device in LOOPS:
        value, target = (done.batch.of(tag_of(done, r, device).path) for r in (Role.PROCESS_VALUE, Role.SETPOINT))
        tolerance = done.values(tag_of(done, Role.SETPOINT, device, "tolerance"))[0]
        assert (value.time == target.time).all()
        within = np.abs(value.numbers / target.numbers - 1) <= tolerance
        correct = done.last(Role.CORRECT_CYCLES, device) / done.last(Role.CONTROL_CYCLES, device)
        assert within.mean() == pytest.approx(correct, abs=0.02)


def test_probes_of_the_drives_radio_and_its_late_commands_tell_the_same(run) -> None:
    done = run("wifi5-loaded")
    trips = done.batch.of(done.playing(Role.LATENCY, "drive")[0].path).numbers
    late = done.last(Role.DEADLINE_MISSED, "drive") / done.last(Role.CONTROL_CYCLES, "drive")
    deadline = done.values(tag_of(done, Role.SETPOINT, "drive", "deadline"))[0] * 1e6
    assert np.mean(~(trips <= deadline)) == pytest.approx(late, abs=0.015)  # a lost probe is no answer in time


# ------------------------------------------------------------------------ what causes what
def test_links_that_keep_the_cycle_meet_the_clause_and_loaded_or_degraded_ones_do_not(run) -> None:
    for profile in ("5g-urllc", "5g-sa-sub6"):
        assert closed_loop(run(profile)) >= 0.95
        assert coated(run(profile)) > 1.1 * coated(run("wifi5-loaded"))
    for profile in ("wifi5-loaded", "5g-degraded"):
        assert closed_loop(run(profile)) < 0.95


def test_late_commands_stop_the_line_and_spoil_panels(run) -> None:
    lost = {}
    for profile in ("5g-urllc", "wifi5-loaded"):
        done = run(profile)
        states = [f for f in done.truth.of(What.STATE, "coater") if f.detail["cause"] == "command-timeout"]
        lost[profile] = len({f.detail["began"] for f in states if f.detail["state"] == "HELD"})
        assert done.last(Role.REJECT_COUNT, "coater") >= lost[profile]  # each stop marks the panel in the machine
    assert lost["5g-urllc"] == 0
    assert lost["wifi5-loaded"] > 20


# ------------------------------------------------------------------------ negative controls
def test_without_commands_on_the_link_it_makes_no_difference(run) -> None:
    """The causal path removed: controllers beside their machine give the same plant under any link."""
    first, second = (run(profile, local=1.0) for profile in ("5g-urllc", "wifi5-loaded"))
    for tag in first.tags:
        if tag.role is not Role.LATENCY:
            assert first.values(tag) == second.values(tag), tag.path


def test_a_radio_link_gains_nothing_over_a_cable(run) -> None:
    assert coated(run("5g-urllc")) == pytest.approx(coated(run("wired")), rel=0.02)


def test_the_same_link_twice_differs_by_chance_only(run) -> None:
    first, second = (run("wifi5-loaded", seed=seed) for seed in (1, 2))
    assert coated(first) == pytest.approx(coated(second), rel=0.1)
    assert closed_loop(first) == pytest.approx(closed_loop(second), abs=0.02)


# ----------------------------------------------------------------------------- plausibility
def test_counts_rise_and_correct_or_late_cycles_are_cycles(run) -> None:
    done = run("wifi5-loaded")
    for device in LOOPS:
        roles = (Role.CONTROL_CYCLES, Role.DEADLINE_MISSED, Role.CORRECT_CYCLES)
        cycles, late, correct = (done.values(done.playing(role, device)[0]) for role in roles)
        assert all(c >= x + y for c, x, y in zip(cycles, late, correct, strict=True))
        assert all(a <= b for a, b in pairwise(cycles))


def test_one_seed_gives_identical_batches(coating: Configuration) -> None:
    again = runs(coating, "wireless-control")
    first, second = (again.__wrapped__("wifi5-loaded", span=HOUR // 6) for _ in range(2))
    assert first.batch.to_bytes() == second.batch.to_bytes()
    assert list(first.truth) == list(second.truth)


# ------------------------------------------------------------------------------------- live
async def test_every_tag_is_collected_live(coating: Configuration) -> None:
    batch = await usable_live(coating, "wireless-control")
    trips = batch.of("cq/wireless-control/control/drive/rtt").numbers
    assert np.nanmin(trips) > 800  # us: up and down of this profile take 1.4 ms, and hardly ever less than 0.9
