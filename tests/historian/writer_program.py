"""A writer to be killed: writes numbered samples as fast as it can while sealing and merging without rest.

Tells each number once it is acknowledged: to a pipe, or printed by
`python -m tests.historian.writer_program FOLDER FIRST`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

import numpy as np

from historian.embedded import EmbeddedHistorian, keeper
from plant.batch import Batch
from plant.clock import SECOND, VirtualClock

T0 = 1_700_000_000 * SECOND
NAMES = tuple(f"cq/first/line/press/t{i}" for i in range(20))


def numbered(number: int) -> Batch:
    """The batch of one number: one sample a tag, ten seconds after the one before."""
    tags = np.arange(20, dtype=np.uint32)
    return Batch.floats(NAMES, tags, np.full(20, T0 + number * 10 * SECOND), tags + number * 100.0, received=T0)


def write_for_ever(folder: Path, first: int, tell: Callable[[int], None]) -> None:
    """Write and keep house until killed."""
    clock = VirtualClock(T0 + first * 10 * SECOND)  # it runs along, so that hours end all the time
    with patch.object(keeper, "_WORTH_SETTLING", 1), patch.object(keeper, "_FAN", 3):
        historian = EmbeddedHistorian(folder, clock=clock, seal_every=None, grace=0.0)

        def keep_house() -> None:
            while True:
                historian.seal()
                historian.tidy()

        threading.Thread(target=keep_house, daemon=True).start()
        for number in range(first, first + 100_000):
            historian.write(numbered(number))
            clock.set(max(clock.now(), T0 + number * 10 * SECOND))
            tell(number)


def tell_pipe(folder: Path, first: int, pipe: Connection) -> None:
    """Write until killed; acknowledged numbers go to a pipe."""
    write_for_ever(folder, first, lambda number: pipe.send_bytes(number.to_bytes(8, "little")))


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]), int(sys.argv[2]), lambda number: print(number, flush=True))  # noqa: T201
