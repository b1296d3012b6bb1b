"""Overwrite part of a file that nobody has open, and tell which numbers had their only copy there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from historian.embedded import EmbeddedHistorian
from plant.batch import Batch

_MAGIC = b"PVL1"
_LEAF = 0x0D


def page_of_log(path: Path) -> frozenset[int]:
    """Overwrite the middle one of the pages that hold samples of a batch log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        blobs = [row[0] for row in connection.execute("SELECT blob FROM log")]
    content = path.read_bytes()
    pages = [at for at in range(0, len(content), size) if content[at] == _LEAF and _MAGIC in content[at : at + size]]
    page = pages[len(pages) // 2]
    on_it = [Batch.from_bytes(blob) for blob in blobs if blob in content[page : page + size]]
    with path.open("r+b") as file:
        file.seek(page)
        file.write(b"\xa5" * size)
    assert on_it, "the page held no whole batch"
    return frozenset(int(s.value) for batch in on_it for s in batch.samples() if s.value == s.value)


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
