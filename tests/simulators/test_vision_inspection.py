"""Vision inspection: what the way of an image does to the takt, from telemetry alone and held against truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analytics.intervals import trials_needed
from configs.configuration import Configuration
from configs.network_profile import network_profile
from plant.batch import Batch
from plant.clock import SECOND
from plant.tags import Role
from simulators.faults import FaultKind, PlannedFault
from simulators.truth import Truth, What
from simulators.virtual import fast
from tests.simulators.conftest import START
from tests.simulators.test_digital_workshop import HOUR, Run, packed, runs

LONG = 2 * HOUR
LIMIT = 1e-4  # misjudged parts, of all


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return packed(tmp_path_factory.mktemp("vision"), "vision-inspection")


@pytest.fixture(scope="module")
def run(cell: Configuration) -> Callable[..., Run]:
    asked = (Role.TOTAL_COUNT, Role.GOOD_COUNT, Role.REJECT_COUNT, Role.PART, Role.VERDICT, Role.TRUTH, Role.DURATION)
    shown = ("defect", "image")
    return runs(cell, "vision-inspection", lambda tag: tag.role in asked or tag.signal in shown)


def column(done: Run, path: str) -> Batch:
    return done.batch.of(f"cq/vision-inspection/{path}")


def values(done: Run, path: str) -> list:
    return [sample.value for sample in column(done, path).samples()]


def inspections_per_hour(done: Run, span: int = LONG) -> float:
    return done.last(Role.TOTAL_COUNT, "camera") * HOUR / span


def scrapped(done: Run) -> float:
    good, reject = done.last(Role.GOOD_COUNT, "camera"), done.last(Role.REJECT_COUNT, "camera")
    return reject / (good + reject)


def audits(done: Run) -> list[tuple[str, str, str]]:
    """Part, the camera's verdict, the reference: those of one message."""
    columns = [column(done, f"audit/audit/{field}") for field in ("part", "verdict", "reference")]
    assert all((c.time == columns[0].time).all() for c in columns)
    return list(zip(*([s.value for s in c.samples()] for c in columns), strict=True))


def misjudged(done: Run) -> list[str]:
    return [part for part, verdict, reference in audits(done) if (verdict == "good") != (reference == "good")]


# ----------------------------------------------------------------------- the clause's inputs
@pytest.mark.parametrize("profile", ["5g-sa-sub6", "wifi5-loaded"])
def test_inspections_by_telemetry_are_inspections_by_truth(run, profile: str) -> None:
    """Stated error: one part, for the camera reports once a second."""
    done = run(profile, span=LONG)
    judged = Counter(fact.detail["verdict"] for fact in done.truth.of(What.PART, "camera"))
    assert 0 <= judged.total() - done.last(Role.TOTAL_COUNT, "camera") <= 1
    assert 0 <= judged["good"] - done.last(Role.GOOD_COUNT, "camera") <= 1
    assert 0 <= judged["scrap"] - done.last(Role.REJECT_COUNT, "camera") <= 1


def test_misjudged_parts_by_telemetry_are_those_by_truth(run) -> None:
    """Without error, but for the last seconds: a part is audited 5 s after it was judged."""
    done = run("5g-sa-sub6", span=LONG, seed=5)  # a seed with more misjudgements than most
    facts = [f for f in done.truth.of(What.PART, "camera") if f.time <= START + LONG - 6 * SECOND]
    wrong = [str(f.detail["part"]) for f in facts if bool(f.detail["defect"]) != (f.detail["verdict"] != "good")]
    assert misjudged(done)[: len(wrong)] == wrong
    assert wrong
    assert len(facts) <= len(audits(done)) <= len(facts) + 6


def test_every_audit_tells_the_verdict_that_the_camera_told(run) -> None:
    done = run("5g-sa-sub6", span=LONG)
    told = zip(values(done, "moulding/camera/part"), values(done, "moulding/camera/verdict"), strict=True)
    audited = [(part, verdict) for part, verdict, _ in audits(done)]
    assert audited == list(told)[: len(audited)]


def test_one_shift_is_too_short_to_show_so_rare_a_misjudgement(run) -> None:
    """Even an inspection without any error has to be shown on more parts than a shift makes."""
    assert inspections_per_hour(run("5g-sa-sub6", span=LONG)) * 8 < trials_needed(LIMIT)


def test_every_inspection_can_be_shown_with_part_verdict_defect_and_image(run, cell: Configuration) -> None:
    done = run("5g-sa-sub6", span=LONG)
    columns = [column(done, f"moulding/camera/{f}") for f in ("part", "verdict", "defect", "image", "upload", "wait")]
    assert len(columns[0]) > 3000
    assert all((c.time == columns[0].time).all() for c in columns)
    verdicts, defects = values(done, "moulding/camera/verdict"), values(done, "moulding/camera/defect")
    assert {d for v, d in zip(verdicts, defects, strict=True) if v == "good"} == {""}
    assert {d for v, d in zip(verdicts, defects, strict=True) if v != "good"} >= {"flash", "short-shot"}
    assert cell.scenes["vision-inspection"].simulation.parameters == {"image": 12}
    assert set(columns[3].numbers.tolist()) == {12e6}
    up = columns[4].numbers
    shortest = 12e6 * 8 / (network_profile("5g-sa-sub6").throughput.up * 1e6)
    assert shortest <= up.min() < np.median(up) < shortest + 0.1
    assert (columns[5].numbers > up).all()


# ------------------------------------------------------------------------ what causes what
def test_images_that_keep_up_with_the_takt_gain_what_the_clause_asks_for(run) -> None:
    before, after = run("wifi5-loaded", span=LONG), run("5g-sa-sub6", span=LONG)
    assert inspections_per_hour(after) >= 1.2 * inspections_per_hour(before)


def test_links_slower_than_the_takt_fail(run) -> None:
    before = inspections_per_hour(run("wifi5-loaded", span=LONG))
    assert inspections_per_hour(run("5g-degraded", span=LONG)) < 0.5 * before
    assert inspections_per_hour(run("lte-private", span=LONG)) < 1.2 * before


def test_what_the_plant_before_could_do_already_is_no_gain(run) -> None:
    """An idle Wi-Fi channel carries the images as well: no gain, for the mould sets the takt."""
    idle, after = run("wifi5-idle", span=LONG), run("5g-sa-sub6", span=LONG)
    assert inspections_per_hour(after) == pytest.approx(inspections_per_hour(idle), rel=0.02)


# ------------------------------------------------------------------------ negative controls
def test_the_same_plant_twice_shows_no_gain_beyond_chance(run) -> None:
    twice = [inspections_per_hour(run("wifi5-loaded", span=LONG, seed=seed)) for seed in (1, 2)]
    assert twice[0] == pytest.approx(twice[1], rel=0.1)


def test_small_images_take_the_gain_away(run) -> None:
    """The causal path removed: thumbnails pass either link within the takt."""
    sides = [run(profile, span=LONG, image=0.05) for profile in ("wifi5-loaded", "5g-sa-sub6")]
    assert inspections_per_hour(sides[0]) == pytest.approx(inspections_per_hour(sides[1]), rel=0.02)


def test_the_link_hardly_changes_what_is_scrapped(run) -> None:
    """At most six parts wait between mould and camera, so a late verdict spoils few: said, not tuned."""
    shares = [scrapped(run(profile, span=LONG)) for profile in ("5g-sa-sub6", "wifi5-loaded", "wifi5-idle")]
    assert max(shares) - min(shares) < 0.01
    assert min(shares) > 0.005


# ------------------------------------------------------------------------------- in trouble
def test_a_part_that_nobody_judges_in_time_is_rejected_as_such(cell: Configuration) -> None:
    truth = Truth()
    scene = cell.scenes["vision-inspection"]
    outage = PlannedFault(kind=FaultKind.LINK_LOSS, target="camera", at=600.0, lasts=400.0)
    chosen = [
        replace(b, points=tuple(p for p in b.points if p[0].signal in ("verdict", "defect", "wait")))
        for b in cell.bindings
    ]
    batches = fast(scene, chosen, start=START, stop=START + 1800 * SECOND, faults=[outage], truth=truth)
    batch = Batch.concat(list(batches))
    defect = list(batch.of("cq/vision-inspection/moulding/camera/defect").samples())
    unjudged = [(s.time - START) / SECOND for s in defect if s.value == "no-verdict"]
    assert 3 <= len(unjudged) <= 8
    assert unjudged[0] > 600
    assert unjudged[-1] < 1100
    assert batch.of("cq/vision-inspection/moulding/camera/wait").numbers.max() == 60.0
    assert sum(s.value != "no-verdict" and s.time > START + 1100 * SECOND for s in defect) > 100
    assert len(list(truth.of(What.PART, "camera"))) == len(defect)
    assert json.dumps([f.detail for f in truth.of(What.FAULT)]).count("link-loss") == 2


def test_one_seed_gives_identical_batches(run) -> None:
    first, again = (f("5g-sa-sub6", span=HOUR // 4) for f in (run, run.__wrapped__))
    assert first.batch.to_bytes() == again.batch.to_bytes()
    assert list(first.truth) == list(again.truth)
