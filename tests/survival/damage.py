"""Overwrite part of a file that nobody has open, and tell which numbers had their only copy there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import pyarrow.parquet as pq

from historian.embedded import EmbeddedHistorian
from historian.embedded.reader import DATABASE
from plant.batch import Batch
from tests.system.rig import COUNTER

_LEAF, _MAGIC = 0x0D, b"PVL1"


def page_of_log(path: Path) -> frozenset[int]:
    """Overwrite one of the pages that hold samples of a batch log, from the middle on; return the numbers lost by it.

    A page may hold what looks like samples and be free: then nothing is lost by it, and another one is tried.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        rows = {row_id: _numbers(blob) for row_id, blob in connection.execute("SELECT id, blob FROM log")}
    content = path.read_bytes()
    leaves = [at for at in range(0, len(content), size) if content[at] == _LEAF and _MAGIC in content[at : at + size]]
    middle = len(leaves) // 2
    for at in leaves[middle:] + leaves[:middle]:
        _overwrite(path, at, b"\xa5" * size)
        if lost := frozenset().union(*(rows[i] for i in rows.keys() - _readable(path, rows))):
            return lost
        _overwrite(path, at, content[at : at + size])
    raise AssertionError("no page held a sample")


def _overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def _readable(path: Path, ids: Iterable[int]) -> set[int]:
    found = set()
    with closing(sqlite3.connect(path)) as connection:
        for row_id in ids:
            with suppress(sqlite3.DatabaseError):
                found.update(
                    row[0] for row in connection.execute("SELECT id, crc, blob FROM log WHERE id = ?", (row_id,))
                )
    return found


def _numbers(blob: bytes) -> frozenset[int]:
    samples = Batch.from_bytes(blob).of(COUNTER).samples()
    return frozenset(int(s.value) for s in samples if s.value == s.value)


def segment(folder: Path) -> frozenset[int]:
    """Seal what a store's log holds, overwrite a few bytes of the segment that has it; return the numbers in there."""
    with closing(EmbeddedHistorian(folder, seal_every=None)) as historian:
        before = set((folder / "segments").iterdir())
        historian.seal()
        (made,) = set((folder / "segments").iterdir()) - before
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        (tag,) = connection.execute("SELECT id FROM tag WHERE path = ?", (COUNTER,)).fetchone()
    columns = pq.read_table(made, columns=["tag", "integer"]).to_pydict()
    numbers = {n for t, n in zip(columns["tag"], columns["integer"], strict=True) if t == tag and n is not None}
    _overwrite(made, _inside_values_of(made, tag), b"\xa5" * 16)
    return frozenset(numbers)


def _inside_values_of(file: Path, tag: int) -> int:
    # Where nobody asks, nobody notices before the store's own round comes by: that is not what is looked at here.
    layout = pq.ParquetFile(file).metadata
    names = [layout.schema.column(n).name for n in range(layout.num_columns)]
    for group in map(layout.row_group, range(layout.num_row_groups)):
        tags = group.column(names.index("tag")).statistics
        if tags.min <= tag <= tags.max:
            values = group.column(names.index("integer"))
            begin = values.dictionary_page_offset or values.data_page_offset
            return begin + values.total_compressed_size // 2
    raise AssertionError(f"{file} has no value of {COUNTER}")
