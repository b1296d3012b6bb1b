"""A writer to be killed: writes numbered samples as fast as it can while sealing and merging without rest.

Prints each number once it is acknowledged. `python -m tests.historian.writer_program FOLDER FIRST`
"""

from __future__ import annotations

import sys
import threading
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


def main(folder: Path, first: int) -> None:
    clock = VirtualClock(T0 + 10 * 86_400 * SECOND)
    with patch.object(keeper, "_WORTH_SETTLING", 1), patch.object(keeper, "_FAN", 3):
        historian = EmbeddedHistorian(folder, clock=clock, seal_every=None, grace=0.0)

        def keep_house() -> None:
            while True:
                historian.seal()
                historian.tidy()

        threading.Thread(target=keep_house, daemon=True).start()
        for number in range(first, first + 100_000):
            historian.write(numbered(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
