"""Each fault for a few seconds: nothing acknowledged is lost, nothing doubled, and nobody has to help.

Faults that do not meddle with each other happen at once. Kills at random moments and dead or
stalled neighbours run in `tests/system`; `python -m tests.survival` runs every fault by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf

import pytest

from tests.survival import report
from tests.survival.faults import FAULTS
from tests.survival.ground import ROOT
from tests.survival.plant import Plant, running
from tests.survival.suffering import Fault, suffer

BY_NAME = {fault.name: fault for fault in FAULTS}
AT_ONCE = (
    ("edge stopped (SIGSTOP, SIGCONT)",),
    ("centre stopped (SIGSTOP, SIGCONT)",),
    ("edge's disk full", "centre's disk full"),
    ("edge's disk read-only after a crash", "centre's disk read-only after a crash"),
    ("edge's clock an hour ahead, and back", "centre's clock an hour behind, and back"),
    ("link half open: nothing passes, nobody is told",),
    ("10 % of all packets lost",),
    ("edge cannot open files",),
    ("edge gets no more memory", "centre gets no more memory"),
    ("a page of the outbox overwritten",),
)
needs_root = pytest.mark.skipif(
    not ROOT and not os.environ.get("CI"), reason="NOT RUN, disks and a network of one's own need root"
)


def together(names: tuple[str, ...]) -> Fault:
    """One fault made of several that begin at the same time."""
    parts = [BY_NAME[name] for name in names]

    def strike(plant: Plant, seconds: float) -> frozenset[int]:
        with ThreadPoolExecutor(len(parts)) as pool:
            done = [pool.submit(part.strike, plant, seconds) for part in parts]
        return frozenset().union(*(one.result() or () for one in done))

    says = tuple(line for part in parts for line in part.says if len(parts) == 1 or part.name.startswith("edge"))
    return Fault(" + ".join(names), "", strike, says, short=max(part.short for part in parts))


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with running(tmp_path_factory.mktemp("survival")) as rig:
        yield rig


@needs_root
@pytest.mark.needs("mosquitto", "ip", "iptables")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("names", AT_ONCE, ids=" + ".join)
def test_nothing_acknowledged_is_lost_or_doubled_by(plant: Plant, names: tuple[str, ...]) -> None:
    fault = together(names)
    outcome = suffer(plant, fault, fault.short)
    assert outcome.live_after < inf, plant.said()
    assert outcome.acknowledged > 0
    assert not outcome.lost, f"{sorted(outcome.lost)[:10]}\n{plant.said()}"
    assert outcome.duplicated == 0
    assert not outcome.unsaid, plant.said()


def test_the_pages_show_what_is_recorded_and_the_record_tells_of_no_loss() -> None:
    record = json.loads(report.RECORD.read_text(encoding="utf-8"))
    assert record.keys() <= {fault.name for fault in FAULTS}
    assert [name for name, row in record.items() if row["lost"] or row["duplicated"]] == []
    for language, page in report.PAGES.items():
        text = (report.DOCS / page).read_text(encoding="utf-8")
        assert report.table(FAULTS, record, language) in text
