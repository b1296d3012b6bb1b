"""Power cuts: whatever was acknowledged is there once, whenever the writer dies."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from historian.embedded import EmbeddedReader
from plant.batch import Batch
from tests.historian.stores import listed, open_embedded
from tests.historian.writer_program import NAMES, T0, numbered
from tests.peers.processes import Program

RUNS = 20
FOREVER = 2**62


def writer(folder, first: int) -> Program:
    return Program([sys.executable, "-m", "tests.historian.writer_program", folder, str(first)])


def expected(numbers: int) -> Batch:
    whole = Batch.concat([numbered(i) for i in range(numbers)])
    return Batch.concat([whole.of(name) for name in NAMES])


def check(found: Batch, acknowledged: int) -> int:
    """Every acknowledged sample is there once, and at most one batch more; return how many batches there are."""
    count, rest = divmod(len(found), len(NAMES))
    assert rest == 0
    assert acknowledged <= count <= acknowledged + 1
    wanted = expected(count)
    assert found.time.tolist() == wanted.time.tolist()
    assert found.numbers.tolist() == wanted.numbers.tolist()
    return count


def test_acknowledged_samples_survive_kill_9_at_any_moment(tmp_path):
    folder = tmp_path / "historian"
    dice = random.Random(7)
    written = 0
    for _ in range(RUNS):
        process = writer(folder, written)
        process.ready(str(written))
        time.sleep(dice.uniform(0.0, 0.25))
        process.kill()
        numbers = [int(line) for line in process.lines if line.isdigit()]
        assert process.lines == [str(n) for n in numbers], process.lines[-5:]
        with_reader = EmbeddedReader(folder)
        try:
            written = check(with_reader.history(NAMES, T0, FOREVER), numbers[-1] + 1)
        finally:
            with_reader.close()
    historian = open_embedded(folder)
    check(historian.history(NAMES, T0, FOREVER), written)
    assert historian.latest(NAMES).numbers.tolist() == [(written - 1) * 100.0 + i for i in range(len(NAMES))]
    assert historian.log.damaged == 0
    settled = [one for one in listed(folder) if one.settled]
    assert settled, "nothing was merged, so no merge was interrupted"
    historian.close()


def test_readers_in_other_processes_see_a_consistent_state_while_it_is_written(tmp_path):
    folder = tmp_path / "historian"
    process = writer(folder, 0)
    try:
        process.ready("3")
        reader = EmbeddedReader(folder)
        seen = 0
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            acknowledged = sum(line.isdigit() for line in list(process.lines))
            found = reader.history(NAMES, T0, FOREVER)
            count, rest = divmod(len(found), len(NAMES))
            assert rest == 0, "half a batch was seen"
            assert count >= max(acknowledged, seen), "something vanished"
            assert found.of(NAMES[3]).numbers.tolist() == [i * 100.0 + 3 for i in range(count)]
            newest = reader.latest([NAMES[0]]).numbers[0] / 100
            assert newest >= count - 1
            assert reader.rollup(NAMES[1], T0, FOREVER, 1).count[0] >= count
            seen = count
        reader.close()
        assert seen > 20
        assert process.running()
    finally:
        process.kill()


def test_only_one_process_may_write(tmp_path):
    folder = tmp_path / "historian"
    process = writer(folder, 0)
    try:
        process.ready("1")
        code = (
            "from pathlib import Path; from historian.embedded import EmbeddedHistorian; EmbeddedHistorian(Path({!r}))"
        )
        second = subprocess.run(
            [sys.executable, "-c", code.format(str(folder))], capture_output=True, text=True, check=False, timeout=60
        )
        assert "Unavailable" in second.stderr
        assert "another process" in second.stderr
    finally:
        process.kill()
