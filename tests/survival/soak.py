"""Hours of an edge and a store in virtual time: memory, files, tasks and threads stay where they were.

`python -m tests.survival.soak [HOURS]` prints a reading every ten virtual minutes. A source of
twenty tags delivers every second; in the middle of every hour the centre is away for ten minutes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collectors.source import Tally
from edge.edge import Feed, running
from historian.embedded import EmbeddedHistorian
from historian.live import LiveTable
from plant.batch import Batch
from plant.clock import VirtualClock
from plant.errors import Unavailable
from plant.tags import Kind, Tag

NAMES = tuple(f"s/a/l/d/t{i}" for i in range(20))
HOUR, READ_EVERY = 3_600, 600
_TAGS = np.arange(len(NAMES), dtype=np.uint32)
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process holds at a moment. `blocks`: of Python's allocator. `memory`: resident, MB."""

    second: int
    blocks: int
    memory: float
    files: int
    tasks: int
    threads: int

    @staticmethod
    def now(second: int) -> Reading:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return Reading(
            second,
            sys.getallocatedblocks(),
            pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            len(list(Path("/proc/self/fd").iterdir())),
            len(asyncio.all_tasks()),
            threading.active_count(),
        )


class Beat:
    """A source that gives what it is handed."""

    def __init__(self) -> None:
        self.name = "beat"
        self.paths = NAMES
        self.tally = Tally()
        self.batches: asyncio.Queue[Batch] = asyncio.Queue()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        yield self._read()

    async def _read(self) -> AsyncIterator[Batch]:
        while True:
            yield await self.batches.get()


class Centre:
    """A store with a live table that is away for ten minutes in every hour."""

    def __init__(self, historian: EmbeddedHistorian, clock: VirtualClock) -> None:
        self._historian = historian
        self._live = LiveTable({}, clock=clock)
        self.away = False
        self.taken = 0

    async def deliver(self, batch: Batch) -> None:
        if self.away:
            raise Unavailable("away")
        await asyncio.to_thread(self._historian.write, batch)
        self._live.update(batch)
        ours = np.array([name in NAMES for name in batch.names])
        self.taken += int(np.count_nonzero(ours[batch.tag]))


async def soak(folder: Path, seconds: int) -> tuple[list[Reading], int]:
    """Run that long; return the readings and how many samples of the source are stored."""
    clock, beat = VirtualClock(), Beat()
    feed = Feed("s/a", beat, tuple(Tag(path=name, kind=Kind.ANALOG) for name in NAMES))
    readings = []
    with closing(EmbeddedHistorian(folder / "store", clock=clock, seal_every=None, grace=0)) as historian:
        centre = Centre(historian, clock)
        async with running([feed], centre, folder=folder, clock=clock):
            for second in range(seconds):
                centre.away = 1_800 <= second % HOUR < 2_400
                now = clock.now()
                times = np.full(len(NAMES), now)
                beat.batches.put_nowait(Batch.floats(NAMES, _TAGS, times, _TAGS + second % 97.0, received=now))
                await clock.advance(1.0)
                if not centre.away:
                    await _taken(centre, (second + 1) * len(NAMES), clock)
                if second % 300 == 299:
                    await asyncio.to_thread(historian.seal)
                    await asyncio.to_thread(historian.tidy)
                if second % READ_EVERY == READ_EVERY - 1:
                    readings.append(Reading.now(second + 1))
        stored = len(historian.history(NAMES, 0, clock.now() + 1))
    return readings, stored


async def _taken(centre: Centre, samples: int, clock: VirtualClock) -> None:
    """Wait until the centre has that many of the source's samples."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            for _ in range(100):
                if centre.taken >= samples:
                    return
                await asyncio.sleep(0.001)
            await clock.advance(1.0)  # an attempt may be waiting for its time


def main(hours: float) -> int:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        readings, stored = asyncio.run(soak(Path(folder), round(hours * HOUR)))
    for reading in readings:
        sys.stdout.write(f"{reading}\n")
    sys.stdout.write(f"{stored} of {round(hours * HOUR) * len(NAMES)} samples stored\n")
    return int(stored != round(hours * HOUR) * len(NAMES))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0))
