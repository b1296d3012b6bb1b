"""Power cuts: whatever was acknowledged is there once, whenever the writer dies."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
import time
from contextlib import closing, suppress

from historian.embedded import EmbeddedReader
from plant.batch import Batch
from tests.historian.stores import listed, open_embedded
from tests.historian.writer_program import NAMES, T0, numbered, tell_pipe
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


def write_and_die(folder, first: int, seconds: float) -> list[int]:
    """Let a writer run for some seconds after its first acknowledgement, kill it, and return what it acknowledged."""
    # The fork server has imported everything, so that a run costs no more than it lasts.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.historian.writer_program"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=tell_pipe, args=(folder, first, theirs), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(60), "the writer never began"
    acknowledged = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ours.poll(0.001):
            acknowledged.append(int.from_bytes(ours.recv_bytes(), "little"))
    process.kill()
    process.join(30)
    with suppress(EOFError):
        while True:
            acknowledged.append(int.from_bytes(ours.recv_bytes(), "little"))
    ours.close()
    process.close()
    return acknowledged


def test_acknowledged_samples_survive_kill_9_at_any_moment(tmp_path):
    folder = tmp_path / "historian"
    dice = random.Random(7)
    written = 0
    for run in range(2 * RUNS):
        if run >= RUNS and any(one.settled for one in listed(folder)):
            break  # enough moments, and a merge was among them
        # How much a writer leaves to merge depends on the machine; where it is much, later ones live longer.
        numbers = write_and_die(folder, written, dice.uniform(0.0, 0.3 if run < RUNS else 3.0))
        assert numbers == list(range(written, written + len(numbers)))
        with closing(EmbeddedReader(folder)) as reader:
            written = check(reader.history(NAMES, T0, FOREVER), numbers[-1] + 1)
    settled = [one for one in listed(folder) if one.settled]
    assert settled, "nothing was merged, so no merge was interrupted"
    with closing(open_embedded(folder)) as historian:
        check(historian.history(NAMES, T0, FOREVER), written)
        assert historian.latest(NAMES).numbers.tolist() == [(written - 1) * 100.0 + i for i in range(len(NAMES))]
        assert historian.log.damaged == 0


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
