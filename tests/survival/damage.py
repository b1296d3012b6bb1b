"""Overwrite part of a file that nobody has open, and tell which numbers had their only copy there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from historian.embedded import EmbeddedHistorian
from plant.batch import Batch
from tests.system.rig import COUNTER

_LEAF = 0x0D


def page_of_log(path: Path) -> frozenset[int]:
    """Overwrite the middle one of the pages that hold samples of a batch log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        blobs = [row[0] for row in connection.execute("SELECT blob FROM log")]
    counts = [(blob, numbers) for blob in blobs if (numbers := _numbers(blob))]
    content = path.read_bytes()
    found = []
    for at in range(0, len(content), size):
        page = content[at : at + size]
        if page[0] == _LEAF and (held := [numbers for blob, numbers in counts if blob in page]):
            found.append((at, frozenset().union(*held)))
    assert found, "no page held a whole batch of numbers"
    page_at, destroyed = found[len(found) // 2]
    with path.open("r+b") as file:
        file.seek(page_at)
        file.write(b"\xa5" * size)
    return destroyed


def _numbers(blob: bytes) -> frozenset[int]:
    samples = Batch.from_bytes(blob).of(COUNTER).samples()
    return frozenset(int(s.value) for s in samples if s.value == s.value)


def segment(folder: Path) -> frozenset[int]:
    """Seal what a store's log holds, and overwrite a few bytes in the middle of the segment that has it."""
    with closing(EmbeddedHistorian(folder, seal_every=None)) as historian:
        before = set((folder / "segments").iterdir())
        historian.seal()
        (made,) = set((folder / "segments").iterdir()) - before
    size = made.stat().st_size
    with made.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xa5" * 16)
    return frozenset()
