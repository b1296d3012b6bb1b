"""The batch log: nothing acknowledged is lost, nothing is dropped in silence, nothing blocks it for ever."""

from __future__ import annotations

import os
import random
import re
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.batch import Batch, BatchBuilder
from plant.batchlog import BatchLog, Bounds
from plant.clock import SECOND, VirtualClock
from plant.database import Database, Schema, reader
from plant.errors import Rejected, Unavailable
from tests.peers.processes import Program

T0 = 1_700_000_000 * SECOND
NAMES = ("s/sc/l/d/a", "s/sc/l/d/b")


def floats(number: int, samples: int = 10) -> Batch:
    tag = np.arange(samples, dtype=np.uint32) % 2
    return Batch.floats(NAMES, tag, np.arange(samples) + T0, np.full(samples, float(number)), received=T0)


def content(log: BatchLog) -> list[float]:
    return [entry.batch.numbers[0] for entry in log.oldest(10**6)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def log(path):
    with closing(BatchLog.open(path)) as opened:
        yield opened


# --------------------------------------------------------------------------------- a queue
def test_batches_come_out_as_they_went_in(log):
    builder = BatchBuilder()
    for value in (1.5, 2**63 - 1, True, "text", float("nan")):
        builder.add(NAMES[0], T0, value, received=T0 + 5, quality=0x80310000)
    batch = builder.build()
    first = log.put(batch)
    second = log.put(floats(2))
    entries = log.oldest(10)
    assert [e.id for e in entries] == [first, second]
    assert repr(list(entries[0].batch.samples())) == repr(list(batch.samples()))


def test_oldest_reads_without_removing_and_can_go_on_after_an_id(log):
    ids = [log.put(floats(i)) for i in range(5)]
    assert [e.id for e in log.oldest(2)] == ids[:2]
    assert [e.id for e in log.oldest(2)] == ids[:2]
    assert [e.id for e in log.oldest(9, after=ids[2])] == ids[3:]
    assert log.oldest(0) == []


def test_forget_removes_through_an_id_and_ids_are_never_used_again(log):
    ids = [log.put(floats(i)) for i in range(4)]
    log.forget(ids[1])
    assert content(log) == [2, 3]
    log.forget(ids[3])
    assert content(log) == []
    assert log.put(floats(9)) > ids[3]
    log.forget(ids[3])
    assert content(log) == [9]


def test_several_batches_go_in_with_one_commit_or_not_at_all(path):
    with closing(BatchLog.open(path, bounds=Bounds(bytes=4000))) as log:
        with pytest.raises(Rejected, match="larger"):
            log.put_many([floats(1), floats(2, 1000), floats(3)])
        assert content(log) == []
        last = log.put_many(floats(i) for i in range(3))
        assert log.oldest(9)[-1].id == last


def test_empty_batches_are_passed_over(log):
    assert log.put(Batch.empty()) == 0
    assert log.put_many([Batch.empty(), floats(1), Batch.empty()]) > 0
    assert log.totals.batches == 1


def test_everything_is_there_after_reopening(path):
    with closing(BatchLog.open(path)) as log:
        log.put_many([floats(1), floats(2, 7)])
    with closing(BatchLog.open(path)) as log:
        assert content(log) == [1, 2]
        assert log.totals.samples == 17


def test_threads_may_put_at_once(log):
    def put(n: int) -> None:
        for i in range(50):
            log.put(floats(n * 100 + i))

    threads = [threading.Thread(target=put, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = content(log)
    assert len(found) == 200
    for n in range(4):
        assert [f for f in found if f // 100 == n] == [n * 100 + i for i in range(50)]


# ----------------------------------------------------------------------------------- bounds
def test_beyond_its_bytes_the_oldest_are_dropped_and_counted(path):
    size = len(floats(0).to_bytes())
    with closing(BatchLog.open(path, bounds=Bounds(bytes=size * 3))) as log:
        for i in range(5):
            log.put(floats(i))
        assert content(log) == [2, 3, 4]
        assert log.totals.dropped == 20
        assert log.totals.bytes == size * 3
    with closing(BatchLog.open(path)) as log:
        assert log.totals.dropped == 20


def test_beyond_its_age_the_oldest_are_dropped_and_counted(path):
    clock = VirtualClock(T0)
    with closing(BatchLog.open(path, bounds=Bounds(age=60.0), clock=clock)) as log:
        log.put(floats(1))
        clock.set(T0 + 30 * SECOND)
        log.put(floats(2))
        assert log.oldest_put_at == T0
        clock.set(T0 + 61 * SECOND)
        log.put(floats(3))
        assert content(log) == [2, 3]
        assert log.totals.dropped == 10
        assert log.oldest_put_at == T0 + 30 * SECOND


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.integers(1, 40), st.just("forget"), st.just("reopen")), max_size=25))
def test_the_totals_agree_with_the_content(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("log") / "outbox.db"
    log = BatchLog.open(path, bounds=Bounds(bytes=6000))
    put = forgotten = 0
    for step in steps:
        if step == "forget":
            if entries := log.oldest(2):
                forgotten += sum(len(e.batch) for e in entries)
                log.forget(entries[-1].id)
        elif step == "reopen":
            log.close()
            log = BatchLog.open(path, bounds=Bounds(bytes=6000))
        else:
            log.put(floats(1, step))
            put += step
        entries, totals = log.oldest(1000), log.totals
        assert totals.batches == len(entries)
        assert totals.samples == sum(len(e.batch) for e in entries)
        assert totals.bytes == sum(len(e.batch.to_bytes()) for e in entries) <= 6000
        assert totals.samples + totals.dropped + forgotten == put
    log.close()


# ----------------------------------------------------------------------------------- damage
def vandalise(path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as vandal:
        vandal.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET blob = zeroblob(length(blob)) WHERE id = 2",
        "UPDATE log SET blob = x'00' WHERE id = 2",
        "UPDATE log SET crc = crc + 1 WHERE id = 2",
    ],
)
def test_a_damaged_row_is_set_aside_and_does_not_hold_up_the_rest(path, log, statement):
    for i in range(1, 4):
        log.put(floats(i))
    vandalise(path, statement)
    assert content(log) == [1, 3]
    assert log.totals.damaged == 1
    assert log.totals.batches == 2
    with closing(reader(path)) as looking:
        ((row_id, reason),) = looking.execute("SELECT id, reason FROM aside").fetchall()
    assert row_id == 2
    assert reason


def test_a_log_full_of_damaged_rows_still_answers(path, log):
    for i in range(150):
        log.put(floats(i))
    vandalise(path, "UPDATE log SET crc = 0 WHERE id <= 149")
    assert [e.batch.numbers[0] for e in log.oldest(1)] == [149]
    assert log.totals.damaged == 149
    with closing(reader(path)) as looking:
        assert looking.execute("SELECT count(*) FROM aside").fetchone()[0] == 100


def patiently(work):
    """Try again as a caller does who was told that the log is unavailable now."""
    for _ in range(3):
        try:
            return work()
        except Unavailable:
            pass
    return work()


@pytest.mark.parametrize("seed", range(6))
def test_damaged_pages_lose_what_is_on_them_and_nothing_else(path, seed):
    with closing(BatchLog.open(path)) as log:
        for i in range(200):
            log.put(floats(i, 300))
        ids = [e.id for e in log.oldest(1000)]
    dice = random.Random(seed)
    pages = bytearray(path.read_bytes())
    for _ in range(2):
        page = dice.randrange(10, len(pages) // 4096)
        pages[page * 4096 : page * 4096 + 4096] = dice.randbytes(4096)
    path.write_bytes(pages)
    with closing(BatchLog.open(path)) as log:
        found = patiently(lambda: content(log))
        totals = log.totals
        assert sorted(set(found)) == found
        assert len(found) >= 200 - 2 * 50  # a page of the tree may lead to many rows
        assert len(found) < 200
        assert totals.damaged >= 200 - len(found) > 0
        assert totals.batches == len(found)
        assert patiently(lambda: log.put(floats(1000))) > ids[-1]
        assert content(log)[-1] == 1000
        patiently(lambda: log.forget(ids[-1]))
        assert content(log) == [1000]


def test_a_destroyed_file_is_put_aside_and_a_new_one_begun(path):
    with closing(BatchLog.open(path)) as log:
        log.put(floats(1))
        last = log.put(floats(2))
    path.write_bytes(b"\0" * 8192)
    path.write_bytes(os.urandom(8192))
    with closing(BatchLog.open(path)) as log:
        assert content(log) == []
        assert log.put(floats(3)) > last
    assert len(list(path.parent.glob("outbox.db.damaged-*"))) == 1


# ------------------------------------------------------------------------ power cuts, disks
WRITER = """
import sys
from pathlib import Path
from tests.plant.test_batchlog import floats
from plant.batchlog import BatchLog
log = BatchLog.open(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    log.put(floats(number))
    print(number, flush=True)
"""


def test_what_was_put_survives_kill_9(path):
    acknowledged = 0
    dice = random.Random(3)
    for _ in range(5):
        process = Program([sys.executable, "-c", WRITER, path, str(acknowledged)])
        process.ready(str(acknowledged))
        time.sleep(dice.uniform(0, 0.1))
        process.kill()
        last = int(process.lines[-1])
        with closing(BatchLog.open(path)) as log:
            found = content(log)
        assert found[: last + 1] == list(range(last + 1))
        assert len(found) <= last + 2
        acknowledged = len(found)


@contextmanager
def file_size_limit(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_clearly_loses_nothing_and_passes(log):
    put = 0
    with file_size_limit(200_000):
        reason = ""
        while not reason:
            try:
                log.put(floats(put, 100))
                put += 1
            except Unavailable as error:
                reason = str(error)
        assert "full" in reason
        assert content(log) == list(range(put))
    log.put(floats(put, 100))
    assert content(log) == list(range(put + 1))


def test_a_read_only_folder_is_said_clearly(tmp_path):
    folder = tmp_path / "fixed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
    code = f"""
import os
from pathlib import Path
from plant.batchlog import BatchLog
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write everywhere, nobody may not
BatchLog.open(Path({str(folder)!r}) / "outbox.db")
"""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "Unavailable" in done.stderr
    assert re.search("read-only|cannot be opened|denied", done.stderr)


def test_a_place_that_cannot_be_is_said_clearly(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="file"):
        BatchLog.open(tmp_path / "file" / "outbox.db")


def test_a_second_writer_is_refused_until_the_first_has_gone(path, log):
    with pytest.raises(Unavailable, match="another process or object"):
        BatchLog.open(path)
    code = f"from pathlib import Path; from plant.batchlog import BatchLog; BatchLog.open(Path({str(path)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "Unavailable" in other.stderr
    log.close()
    BatchLog.open(path).close()


def test_readers_see_committed_batches_beside_the_writer(path, log):
    log.put(floats(1))
    with closing(reader(path)) as looking:
        log.put(floats(2))
        assert looking.execute("SELECT count(*) FROM log").fetchone()[0] == 2
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            looking.execute("DELETE FROM log")


def test_a_file_of_a_newer_version_is_refused(path):
    BatchLog.open(path).close()
    vandalise(path, "PRAGMA user_version = 7")
    with pytest.raises(Unavailable, match="newer version"):
        BatchLog.open(path)


def test_forgetting_can_be_part_of_a_larger_transaction(path):
    with closing(BatchLog.open(path)) as log:
        last = log.put(floats(1))

        def forget_and_fail() -> None:
            with log.database.transaction() as connection:
                connection.execute("INSERT INTO aside (reason) VALUES ('part of it')")
                log.forget(last)
                raise InterruptedError

        with pytest.raises(InterruptedError):
            forget_and_fail()
        assert content(log) == [1]
        with log.database.transaction() as connection:
            connection.execute("INSERT INTO aside (reason) VALUES ('part of it')")
            log.forget(last)
        assert content(log) == []
        with closing(reader(path)) as looking:
            assert looking.execute("SELECT count(*) FROM aside").fetchone()[0] == 1


def test_a_mistake_in_a_statement_is_no_unavailability(path):
    database = Database(path, Schema(version=1, script="CREATE TABLE IF NOT EXISTS t (x UNIQUE)"))
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1), (1)")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), database.transaction() as connection:
        connection.execute("INSERT INTO nowhere VALUES (1)")
    database.close()
