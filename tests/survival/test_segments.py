"""A few bad bytes in a segment cost the part they are in, not the whole; a shortage costs nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from historian.embedded import EmbeddedHistorian, segments
from plant.batch import Batch
from plant.clock import SECOND

PATH, T0, ROWS, PART = "s/a/l/d/x", 1_700_000_000 * SECOND, 10_000, 1_000


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedHistorian]:
    """A store whose only segment has ten parts of a thousand rows."""
    monkeypatch.setattr(segments, "_ROW_GROUP", PART)
    times = T0 + np.arange(ROWS) * SECOND
    with closing(EmbeddedHistorian(tmp_path, seal_every=None)) as historian:
        numbers = np.random.default_rng(1).random(ROWS)
        historian.write(Batch.floats((PATH,), np.zeros(ROWS, np.uint32), times, numbers, received=times))
        historian.seal()
        yield historian


def test_only_the_damaged_part_is_lost(sealed: EmbeddedHistorian, caplog: pytest.LogCaptureFixture) -> None:
    (file,) = (sealed.folder / "segments").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)
    sealed.tidy()
    assert len(sealed.history([PATH], T0, T0 + ROWS * SECOND)) == ROWS - PART
    assert f"{ROWS - PART} of its samples were saved" in caplog.text
    assert (sealed.folder / "aside" / file.name).exists()
    assert sealed.rollup(PATH, T0, T0 + ROWS * SECOND, 1).count.tolist() == [ROWS - PART]


_STARVED = """
import resource, sys
from pathlib import Path
from historian.embedded import EmbeddedHistorian
from plant.errors import Unavailable
historian = EmbeddedHistorian(Path(sys.argv[1]), seal_every=None)
resource.setrlimit(resource.RLIMIT_NOFILE, (8, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
for ask in (historian.tidy, lambda: historian.history(["s/a/l/d/x"], 0, 2**62)):
    try:
        ask()
    except Unavailable as error:
        print("unavailable:", error)
"""


def test_a_process_without_files_takes_no_segment_for_damaged(sealed: EmbeddedHistorian, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sealed.folder, copy, ignore=shutil.ignore_patterns("copy", "*.writer"))
    done = subprocess.run(
        [sys.executable, "-c", _STARVED, str(copy)], capture_output=True, text=True, check=False, timeout=120
    )
    assert "unavailable:" in done.stdout, done.stderr
    assert "Too many open files" in done.stdout
    with closing(EmbeddedHistorian(copy, seal_every=None)) as again:
        assert len(again.history([PATH], T0, T0 + ROWS * SECOND)) == ROWS
