"""The embedded historian's own affairs: sealing, merging, retention, and what befalls its files."""

from __future__ import annotations

import errno
import logging
import os
import random
import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager

import numpy as np
import pyarrow.parquet as pq
import pytest

from historian.embedded import EmbeddedHistorian, EmbeddedReader, keeper
from historian.embedded.queries import Engine
from plant.batch import INT64_MAX, INT64_MIN, Batch, BatchBuilder
from plant.clock import SECOND, VirtualClock
from plant.errors import Unavailable
from plant.quality import Quality
from tests.historian.stores import DAY, T0, listed, open_embedded

HOUR = 3_600 * SECOND
NAMES = tuple(f"cq/first/line/press/t{i}" for i in range(10))
MIDNIGHT = T0 // DAY * DAY


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "historian"


@pytest.fixture
def historian(folder):
    opened = open_embedded(folder)
    yield opened
    opened.close()


def steps(first: int, stop: int, *, every: int = 10 * SECOND, start: int = T0) -> Batch:
    """Samples of all tags, one a step; the value tells tag and step."""
    tag = np.tile(np.arange(len(NAMES), dtype=np.uint32), stop - first)
    step = np.repeat(np.arange(first, stop), len(NAMES))
    return Batch.floats(NAMES, tag, start + step * every, tag + step * 100.0, received=start + step * every + 1000)


def files(folder) -> set[str]:
    return {file.name for file in (folder / "segments").iterdir()}


# ---------------------------------------------------------------------- sealing and merging
def test_sealing_moves_the_log_into_one_sorted_file_without_doubles(historian, folder):
    for _ in range(2):
        historian.write(steps(0, 100))
    assert historian.log.samples == 2000
    assert historian.seal() == 2
    assert historian.log.samples == 0
    (one,) = listed(folder)
    table = pq.read_table(folder / "segments" / one.segment.name)
    assert table.num_rows == one.segment.rows == 1000
    keys = list(zip(table.column("tag").to_pylist(), table.column("time").to_pylist(), strict=True))
    assert keys == sorted(set(keys))
    assert historian.seal() == 0


def test_a_seal_is_bounded_and_the_next_one_goes_on(historian, folder, monkeypatch):
    monkeypatch.setattr(keeper, "_SEAL_ROWS", 500)
    for i in range(4):
        historian.write(steps(i * 30, i * 30 + 30))
    historian.seal()
    assert [one.segment.rows for one in listed(folder)] == [600, 600]
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 1200


def test_sealing_ends_although_somebody_writes_without_rest(historian, monkeypatch):
    monkeypatch.setattr(keeper, "_SEAL_ROWS", 1)
    for i in range(3):
        historian.write(steps(i, i + 1))
    seal = historian._keeper.seal

    def seal_while_another_batch_comes() -> int:
        historian.write(steps(100, 101))
        return seal()

    monkeypatch.setattr(historian._keeper, "seal", seal_while_another_batch_comes)
    assert historian.seal() == 3
    assert historian.log.batches == 3


def test_eight_fresh_segments_become_one(folder):
    historian = open_embedded(folder, clock=VirtualClock(T0 - T0 % HOUR))  # nothing is over yet
    for i in range(64):
        historian.write(steps(i, i + 1))
        historian.seal()
        historian.tidy()
    assert [one.level for one in listed(folder)] == [2]
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 640
    assert files(folder) == {one.segment.name for one in listed(folder)}
    historian.close()


def test_hours_that_are_over_become_one_segment_each_and_days_one_a_day(folder, monkeypatch):
    monkeypatch.setattr(keeper, "_WORTH_SETTLING", 100)
    clock = VirtualClock(MIDNIGHT + 5 * HOUR)
    historian = open_embedded(folder, clock=clock)
    historian.write(steps(0, 5 * 360 + 20, start=MIDNIGHT))
    historian.seal()
    historian.tidy()
    shape = [(one.settled, (one.segment.first - MIDNIGHT) // HOUR) for one in listed(folder)]
    # The last hour is over, but not for long enough; what it has stays fresh.
    assert shape == [(True, 0), (True, 1), (True, 2), (True, 3), (False, 4)]
    historian.write(steps(5 * 360 + 20, 25 * 360, start=MIDNIGHT))
    historian.seal()
    clock.set(MIDNIGHT + DAY + HOUR)
    historian.tidy()
    shape = [(one.settled, (one.segment.last - one.segment.first) // HOUR) for one in listed(folder)]
    assert shape == [(True, 23), (False, 0)]
    found = historian.history(NAMES, INT64_MIN, INT64_MAX)
    wanted = steps(0, 25 * 360, start=MIDNIGHT)
    assert len(found) == len(wanted)
    assert found.of(NAMES[7]).numbers.tolist() == wanted.of(NAMES[7]).numbers.tolist()
    historian.close()


def test_a_few_late_samples_do_not_cause_a_days_segment_to_be_written_again(historian, folder):
    historian.write(steps(0, 2000, every=SECOND, start=MIDNIGHT))
    historian.seal()
    historian.tidy()
    (day,) = listed(folder)
    assert day.settled
    late = steps(5, 6, every=SECOND, start=MIDNIGHT + 1)
    historian.write(late)
    historian.write(Batch.floats(NAMES[:1], np.zeros(1, np.uint32), np.array([MIDNIGHT]), np.array([-1.0]), received=0))
    historian.seal()
    historian.tidy()
    assert day in listed(folder)
    found = historian.history(NAMES[:1], MIDNIGHT, MIDNIGHT + 6 * SECOND)
    assert found.numbers.tolist() == [-1.0, 100.0, 200.0, 300.0, 400.0, 500.0, 500.0]
    rollup = historian.rollup(NAMES[0], MIDNIGHT, MIDNIGHT + 6 * SECOND, 2)
    assert rollup.count.tolist() == [3, 4]
    assert rollup.mean.tolist() == [(-1 + 100 + 200) / 3, (300 + 400 + 500 + 500) / 4]


def test_a_merge_goes_through_large_tags_in_pieces(folder, monkeypatch):
    monkeypatch.setattr(keeper, "_BAND_ROWS", 35)
    monkeypatch.setattr(keeper, "_WORTH_SETTLING", 1)
    historian = open_embedded(folder)
    historian.write(steps(0, 101).take(slice(0, 1005)))
    historian.seal()
    historian.tidy()
    wanted = steps(0, 101).take(slice(0, 1005))
    found = historian.history(NAMES, INT64_MIN, INT64_MAX)
    assert found.numbers.tolist() == [n for name in NAMES for n in wanted.of(name).numbers.tolist()]
    (one,) = listed(folder)
    table = pq.read_table(folder / "segments" / one.segment.name)
    assert table.column("tag").to_pylist() == sorted(table.column("tag").to_pylist())
    historian.close()


def test_samples_of_all_times_can_be_sealed_and_merged(historian, folder, monkeypatch):
    monkeypatch.setattr(keeper, "_WORTH_SETTLING", 1)
    builder = BatchBuilder()
    times = [INT64_MIN, -DAY - 1, -1, 0, 1, T0, T0 + 400 * DAY, INT64_MAX - 1, INT64_MAX]
    for time in times:
        builder.add(NAMES[0], time, time, received=time)
        builder.add(NAMES[1], time, str(time), received=-time if time != INT64_MIN else 0)
    historian.write(builder.build())
    historian.seal()
    historian.tidy()
    assert any(one.settled for one in listed(folder))
    found = historian.history(NAMES, INT64_MIN, INT64_MAX)
    assert [s.value for s in found.of(NAMES[0]).samples()] == times[:-1]  # windows are half open
    assert [s.received for s in found.of(NAMES[1]).samples()] == [0, *(-t for t in times[1:-1])]
    assert [s.value for s in historian.latest(NAMES[:1]).samples()] == [INT64_MAX]


def test_housekeeping_runs_by_itself(folder):
    historian = EmbeddedHistorian(folder, clock=VirtualClock(T0 + 3 * DAY), seal_every=0.01)
    historian.write(steps(0, 6000))
    waiting = threading.Event()
    for _ in range(1000):
        if historian.log.samples == 0 and listed(folder):
            break
        waiting.wait(0.01)
    assert historian.log.samples == 0
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 60_000
    historian.close()


def test_writers_and_readers_in_many_threads_agree_with_housekeeping(folder, monkeypatch):
    monkeypatch.setattr(keeper, "_WORTH_SETTLING", 1)
    monkeypatch.setattr(keeper, "_FAN", 2)
    historian = open_embedded(folder)
    done = threading.Event()
    faults: list[BaseException] = []

    def guarded(work):
        def run():
            try:
                work()
            except BaseException as fault:
                faults.append(fault)

        return threading.Thread(target=run)

    def read():
        while not done.is_set():
            found = historian.history(NAMES[:2], INT64_MIN, INT64_MAX)
            assert found.of(NAMES[0]).time.tolist() == sorted(set(found.of(NAMES[0]).time.tolist()))
            historian.latest(NAMES)

    def keep_house():
        while not done.is_set():
            historian.seal()
            historian.tidy()

    writers = [
        guarded(lambda n=n: [historian.write(steps(i, i + 1)) for i in range(n * 60, n * 60 + 60)]) for n in range(3)
    ]
    others = [guarded(read), guarded(read), guarded(keep_house)]
    for thread in writers + others:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in others:
        thread.join()
    assert faults == []
    assert historian.history(NAMES, INT64_MIN, INT64_MAX).numbers.sum() == steps(0, 180).numbers.sum()
    historian.close()


# ------------------------------------------------------------------------- retention, files
def test_a_value_that_is_no_number_has_no_share_in_a_rollup_whatever_its_file_says_of_its_bounds(historian):
    builder = BatchBuilder()
    for second, value in enumerate((60.0, float("nan"), 1.5)):
        builder.add(NAMES[0], T0 + second * SECOND, value, received=T0, quality=Quality.UNCERTAIN)
    historian.write(builder.build())
    historian.seal()
    found = historian.rollup(NAMES[0], T0, T0 + HOUR, 1)
    assert (found.usable.tolist(), found.maximum.tolist(), found.mean.tolist()) == ([3], [60.0], [30.75])


def test_merged_files_stay_for_readers_that_still_use_them(folder, monkeypatch):
    monkeypatch.setattr(keeper, "_FAN", 2)
    with closing(EmbeddedHistorian(folder, clock=VirtualClock(SECOND), seal_every=None, grace=3600)) as historian:
        for i in range(2):
            historian.write(steps(i, i + 1))
            historian.seal()
        before = files(folder)
        historian.tidy()
        assert before < files(folder)
    with closing(EmbeddedHistorian(folder, clock=VirtualClock(SECOND), seal_every=None, grace=0)) as historian:
        historian.tidy()
        assert files(folder) == {one.segment.name for one in listed(folder)}
        assert not before & files(folder)


def test_closing_breaks_off_what_is_being_asked(folder):
    folder.mkdir()
    engine = Engine(folder, memory_limit="256MB", threads=2)
    refused: list[str] = []

    def ask() -> None:
        try:
            engine.query("SELECT sum(a.range * b.range) FROM range(10_000_000) a, range(10_000_000) b", [])
        except Unavailable as error:
            refused.append(str(error))

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    engine.close()
    for thread in asking:
        thread.join()
    ask()
    assert len(refused) == 4
    assert all("closed" in said for said in refused)


def test_what_a_crash_left_behind_is_swept_away_when_opened_again(folder):
    with closing(open_embedded(folder)) as historian:
        historian.write(steps(0, 10))
        historian.seal()
    kept = files(folder)
    (folder / "segments" / "0123456789abcdef.parquet.tmp").write_bytes(b"half")
    (folder / "segments" / "0123456789abcdef.parquet").write_bytes(b"whole, but never mentioned")
    again = open_embedded(folder)
    assert files(folder) == kept
    assert len(again.history(NAMES, INT64_MIN, INT64_MAX)) == 100
    again.close()


@pytest.mark.parametrize("harm", ["cut short", "bits flipped", "gone"])
def test_a_damaged_segment_is_put_aside_and_the_rest_stays_readable(historian, folder, harm, caplog):
    for i in range(3):
        historian.write(steps(i * 500, i * 500 + 500))
        historian.seal()
    victim = sorted(listed(folder), key=lambda one: one.segment.first)[1].segment
    file = folder / "segments" / victim.name
    content = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    elif harm == "cut short":
        file.write_bytes(content[: len(content) // 2])
    else:
        dice = random.Random(len(content))
        for _ in range(200):
            content[dice.randrange(4, len(content) - 8)] = dice.randrange(256)
        file.write_bytes(content)
    with closing(EmbeddedReader(folder)) as reader, caplog.at_level(logging.ERROR):
        assert len(reader.history(NAMES, INT64_MIN, INT64_MAX)) == 10_000
        assert reader.damaged == {victim.name}
        found = historian.history(NAMES, INT64_MIN, INT64_MAX)
    assert sorted({int(n) // 100 // 500 for n in found.numbers.tolist()}) == [0, 2]
    assert victim.name in caplog.text
    assert (folder / "aside" / victim.name).exists() == (harm != "gone")
    assert [one.segment.name for one in listed(folder)].count(victim.name) == 0
    historian.tidy()
    assert historian.rollup(NAMES[0], T0, T0 + DAY, 1).count[0] == 1000


def test_damage_that_reading_does_not_notice_is_found_by_checking(historian, folder):
    historian.write(steps(0, 1000))
    historian.seal()
    (one,) = listed(folder)
    file = folder / "segments" / one.segment.name
    content = bytearray(file.read_bytes())
    at = len(content) // 3
    content[at] ^= 0x10
    file.write_bytes(content)
    historian.tidy()
    assert listed(folder) == []
    assert (folder / "aside" / one.segment.name).exists()


def test_a_damaged_segment_does_not_stop_merging(historian, folder, monkeypatch):
    monkeypatch.setattr(keeper, "_FAN", 2)
    for i in range(3):
        historian.write(steps(i * 500, i * 500 + 500))
        historian.seal()
    (folder / "segments" / listed(folder)[0].segment.name).write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(Unavailable, match="cannot merge"):
        historian.tidy()
    historian.tidy()
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 10_000


def test_a_damaged_log_row_is_set_aside_and_counted(historian, folder):
    for i in range(3):
        historian.write(steps(i, i + 1))
    with closing(sqlite3.connect(folder / "historian.db", isolation_level=None)) as vandal:
        vandal.execute("UPDATE log SET blob = zeroblob(length(blob)) WHERE id = 2")
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 20
    historian.seal()
    assert historian.log.damaged == 1
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 20


def test_a_destroyed_catalogue_keeps_the_segments_for_a_person_to_look_at(folder):
    with closing(open_embedded(folder)) as historian:
        historian.write(steps(0, 10))
        historian.seal()
    segments = files(folder)
    (folder / "historian.db").write_bytes(b"this is no database at all" * 1000)
    again = open_embedded(folder)
    assert again.paths() == ()
    assert {file.name for file in (folder / "aside").iterdir()} == segments
    again.write(steps(0, 10))
    assert len(again.history(NAMES, INT64_MIN, INT64_MAX)) == 100
    again.close()


def test_a_folder_of_a_newer_version_is_refused_clearly(folder):
    open_embedded(folder).close()
    with closing(sqlite3.connect(folder / "historian.db", isolation_level=None)) as later:
        later.execute("PRAGMA user_version = 99")
    for _ in range(2):  # and the refusal lets go of the folder
        with pytest.raises(Unavailable, match="newer version"):
            open_embedded(folder)


def test_a_second_writer_is_refused(historian, folder):
    with pytest.raises(Unavailable, match="another process or object"):
        open_embedded(folder)


def test_reading_where_nothing_was_ever_written_is_refused(tmp_path):
    with pytest.raises(Unavailable, match="cannot be opened"):
        EmbeddedReader(tmp_path)


def test_a_reader_may_come_after_the_writer_has_gone(folder):
    with closing(open_embedded(folder)) as historian:
        historian.write(steps(0, 3))
        historian.seal()
        historian.write(steps(3, 5))
    with closing(EmbeddedReader(folder)) as reader:
        assert len(reader.history(NAMES, INT64_MIN, INT64_MAX)) == 50


# --------------------------------------------------------------------------------- full disk
@contextmanager
def small_disk(path, size: str):
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True, timeout=10)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True, timeout=10)


@pytest.mark.needs("mount", "umount")
@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN, mounting a small disk needs root")
def test_a_full_disk_is_said_clearly_and_loses_nothing(tmp_path):
    with small_disk(tmp_path / "disk", "4m") as disk:
        historian = open_embedded(disk / "historian")
        written = 0
        reason = ""
        while not reason and written < 1000:
            try:
                historian.write(steps(written * 100, written * 100 + 100))
                written += 1
            except Unavailable as error:
                reason = str(error)
        assert "the disk is full" in reason
        assert written > 10
        with pytest.raises(Unavailable):
            historian.write(steps(written * 100, written * 100 + 100))
        assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == written * 1000
        historian.close()
        with closing(open_embedded(disk / "historian")) as again:
            assert len(again.history(NAMES, INT64_MIN, INT64_MAX)) == written * 1000


def test_a_seal_that_fails_leaves_everything_in_the_log(historian, folder, monkeypatch):
    historian.write(steps(0, 10))

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            historian.seal()
    assert historian.log.samples == 100
    assert files(folder) == set()
    assert historian.seal() == 1
    assert len(historian.history(NAMES, INT64_MIN, INT64_MAX)) == 100
