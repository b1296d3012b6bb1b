"""Each fault for a few seconds: nothing acknowledged is lost, nothing doubled, and nobody has to help.

Faults that do not meddle with each other happen at once. Kills at random moments and dead or
stalled neighbours run in `tests/system`; `python -m tests.survival` runs every fault by itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from tests.survival import report
from tests.survival.faults import FAULTS
from tests.survival.ground import ROOT
from tests.survival.plant import Plant, running
from tests.survival.suffering import Fault, suffer

BY_NAME = {fault.name: fault for fault in FAULTS}
AT_ONCE = (
    ("edge killed, again and again (kill -9)",),
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
    ("a segment of the store overwritten",),
)
needs_root = pytest.mark.skipif(
    not ROOT and not os.environ.get("CI"), reason="NOT RUN, disks and a network of one's own need root"
)


def together(names: tuple[str, ...]) -> Fault:
    """One fault made of several that begin at the same time."""
    parts = [BY_NAME[name] for name in names]

    def strike(plant: Plant, seconds: float) -> frozenset[int]:
        destroyed: set[int] = set()
        strikes = [
            threading.Thread(target=lambda part=part: destroyed.update(part.strike(plant, seconds) or ()))
            for part in parts
        ]
        for one in strikes:
            one.start()
        for one in strikes:
            one.join()
        return frozenset(destroyed)

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
    assert outcome.acknowledged > 0
    assert not outcome.lost, f"{sorted(outcome.lost)[:10]}\n{plant.said()}"
    assert outcome.duplicated == 0
    assert not outcome.unsaid, plant.said()


def test_every_fault_has_a_row_in_both_pages() -> None:
    for language, page in report.PAGES.items():
        text = (report.DOCS / page).read_text(encoding="utf-8")
        names = [fault.name if language == "en" else fault.zh for fault in FAULTS]
        assert [name for name in names if f"| {name} |" not in text] == []


def test_no_row_of_the_pages_tells_of_a_loss() -> None:
    for page in report.PAGES.values():
        text = (report.DOCS / page).read_text(encoding="utf-8")
        table = text.partition(report.BEGIN)[2].partition(report.END)[0]
        rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
        assert len(rows) == len(FAULTS)
        assert all(row[5] == row[7] == "0" for row in rows)
