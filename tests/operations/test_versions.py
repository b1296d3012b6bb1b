"""What an older version stored is taken over; what a newer one stored is left alone."""

from __future__ import annotations

import lzma
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from analytics.annotation_log import AnnotationLog
from historian.buckets import DAY
from historian.embedded import EmbeddedHistorian
from plant.batchlog import BatchLog
from plant.database import Database, Schema
from plant.errors import Unavailable
from provenline.restore import restore
from tests.operations.old_stores import BEGAN, COUNT, FOLDER, PRESS, samples

KEPT = sorted(FOLDER.glob("*.tar.xz"))
FIRST = Schema(1, "CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, width REAL)")
SECOND = Schema(
    2,
    "CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, millimetres INTEGER)",
    steps={
        2: (
            "ALTER TABLE thing RENAME TO old",
            "CREATE TABLE thing (id INTEGER PRIMARY KEY, millimetres INTEGER)",
            "INSERT INTO thing SELECT id, round(width * 1000) FROM old",
            "DROP TABLE old",
        )
    },
)


def test_stores_of_a_version_are_kept() -> None:
    assert KEPT
    assert all(file.stat().st_size < 200_000 for file in KEPT)


@pytest.mark.parametrize("kept", KEPT, ids=lambda file: file.name)
def test_stores_that_an_older_version_wrote_are_taken_over_whole(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "stores.tar").write_bytes(lzma.decompress(kept.read_bytes()))
    data = tmp_path / "data"
    done = restore(tmp_path / "stores.tar", data=data, configuration=tmp_path / "configuration")
    assert done.audit == 2
    expected = [tuple(sample) for sample in samples(0, COUNT).build().samples()]
    with closing(EmbeddedHistorian(data / "historian", seal_every=None)) as store:
        paths = [f"{PRESS}/{name}" for name in ("cycle", "total", "stop-reason")]
        found = [tuple(sample) for sample in store.history(paths, 0, 2**62).samples()]
        assert sorted(found, key=repr) == sorted(expected, key=repr)
        store.seal()
        assert len(store.history(paths, 0, 2**62)) == len(expected)
        assert store.thinned(paths, 0, 2**62) == ()
        assert store.thin(paths[:1], BEGAN // DAY, DAY // 24).samples == COUNT
        assert store.rollup(paths[0], BEGAN, BEGAN + DAY, 1).count.tolist() == [COUNT]
    with closing(BatchLog.open(data / "edge" / "outbox.sqlite")) as outbox:
        assert outbox.totals.samples == 30
    with closing(AnnotationLog(data / "annotations.db")), closing(sqlite3.connect(data / "annotations.db")) as notes:
        assert notes.execute("SELECT count(*) FROM annotation").fetchone()[0] == 1


def filled(path: Path) -> None:
    with closing(Database(path, FIRST)) as database, database.transaction() as connection:
        connection.executemany("INSERT INTO thing (width) VALUES (?)", [(0.5,), (0.25,)])


def test_an_older_file_is_brought_up_step_by_step_and_keeps_what_it_holds(tmp_path: Path) -> None:
    filled(tmp_path / "things.db")
    for _ in range(2):  # the second time there is nothing left to do
        with closing(Database(tmp_path / "things.db", SECOND)) as database, database.reading() as connection:
            assert connection.execute("SELECT millimetres FROM thing ORDER BY id").fetchall() == [(500,), (250,)]
            assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "things.db")
    failing = Schema(2, SECOND.script, steps={2: (*SECOND.steps[2], "INSERT INTO nowhere VALUES (1)")})
    with pytest.raises(Unavailable, match="nowhere"):
        Database(tmp_path / "things.db", failing)
    with closing(Database(tmp_path / "things.db", FIRST)) as database, database.reading() as connection:
        assert connection.execute("SELECT width FROM thing ORDER BY id").fetchall() == [(0.5,), (0.25,)]


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "things.db", SECOND)):
        pass
    before = (tmp_path / "things.db").read_bytes()
    with pytest.raises(Unavailable, match=r"newer version \(schema 2; this one reads 1\)"):
        Database(tmp_path / "things.db", FIRST)
    assert (tmp_path / "things.db").read_bytes() == before
