"""A damaged page of the store's database is noticed by whoever reads it first, and costs what was on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from historian.embedded import EmbeddedHistorian, EmbeddedReader
from historian.embedded.reader import DATABASE
from plant.batch import Batch, BatchBuilder
from plant.errors import Unavailable
from tests.survival import damage
from tests.system.rig import COUNTER

SAMPLES, SIZE = 600, 10


def fill(historian: EmbeddedHistorian, first: int = 0, last: int = SAMPLES) -> None:
    for begin in range(first, last, SIZE):
        builder = BatchBuilder()
        for number in range(begin, begin + SIZE):
            builder.add(COUNTER, number, number, received=number)
        historian.write(builder.build())


def numbers(batch: Batch) -> set[int]:
    return {int(sample.value) for sample in batch.samples()}


@pytest.fixture
def lost(tmp_path: Path) -> frozenset[int]:
    """A store that was stopped, one page of whose log was overwritten: the numbers that stood on it."""
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        fill(historian)
    return damage.page_of_log(tmp_path / DATABASE)


QUESTIONS: dict[str, Callable[[EmbeddedReader], object]] = {
    "paths": lambda store: store.paths(),
    "latest": lambda store: store.latest([COUNTER]),
    "history": lambda store: store.history([COUNTER], 0, SAMPLES),
    "before": lambda store: store.before([COUNTER], SAMPLES),
    "counts": lambda store: store.counts([COUNTER], 0, SAMPLES),
    "rollup": lambda store: store.rollup(COUNTER, 0, SAMPLES, 10),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_first_question_that_meets_damage_is_answered_from_what_is_left(
    tmp_path: Path, lost: frozenset[int], question: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        QUESTIONS[question](historian)
        assert numbers(historian.history([COUNTER], 0, SAMPLES)) == set(range(SAMPLES)) - lost
        assert historian.log.damaged == len(lost) // SIZE
        (kept,) = (file for file in tmp_path.glob("*.damaged-*") if not file.name.endswith(("-wal", "-shm")))
        assert f"{DATABASE} was damaged and is kept as {kept.name}" in caplog.text
        assert (
            f"log: {(SAMPLES - len(lost)) // SIZE} rows carried over, {len(lost) // SIZE} not readable" in caplog.text
        )


def test_what_was_sealed_before_is_not_counted_as_lost(tmp_path: Path) -> None:
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        fill(historian)
        historian.seal()
        fill(historian, SAMPLES, SAMPLES + 100)
    lost = damage.page_of_log(tmp_path / DATABASE)
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        kept = set(range(SAMPLES + 100)) - lost
        assert numbers(historian.history([COUNTER], 0, 2 * SAMPLES)) == kept
        assert historian.log.damaged == len(lost) // SIZE


def test_recording_goes_on_and_sealing_takes_what_is_left(tmp_path: Path, lost: frozenset[int]) -> None:
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        historian.latest([COUNTER])
        fill(historian, SAMPLES, SAMPLES + 100)
        historian.seal()
        assert numbers(historian.history([COUNTER], 0, 2 * SAMPLES)) == set(range(SAMPLES + 100)) - lost
        assert historian.log.samples == 0


def test_many_who_meet_it_at_once_all_get_an_answer_and_it_is_put_aside_once(
    tmp_path: Path, lost: frozenset[int]
) -> None:
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(historian.history, [COUNTER], 0, SAMPLES) for _ in range(8)]
        for answer in asked:
            assert numbers(answer.result()) == set(range(SAMPLES)) - lost
        assert len(list(tmp_path.glob(f"{DATABASE}.damaged-*[0-9]"))) == 1


def test_who_only_reads_is_told_and_goes_on_when_the_writer_has_put_it_aside(
    tmp_path: Path, lost: frozenset[int]
) -> None:
    with (
        closing(EmbeddedReader(tmp_path)) as reader,
        closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian,
    ):
        with pytest.raises(Unavailable, match=r"historian\.db is damaged"):
            reader.history([COUNTER], 0, SAMPLES)
        historian.latest([])
        assert numbers(reader.history([COUNTER], 0, SAMPLES)) == set(range(SAMPLES)) - lost


def test_a_sound_file_stays_where_it_is_whatever_a_reader_says(tmp_path: Path) -> None:
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        fill(historian)
        with pytest.raises(Unavailable), historian._snapshot():
            raise _Misread
        assert not list(tmp_path.glob("*.damaged-*"))
        assert numbers(historian.history([COUNTER], 0, SAMPLES)) == set(range(SAMPLES))


class _Misread(sqlite3.DatabaseError):
    sqlite_errorcode = sqlite3.SQLITE_CORRUPT
