"""Plant time for a demonstration that runs faster than life.

Moments are plant time, so that shifts, cycles and figures stay true to each other; waiting
is real time, so that polling and retrying stay what they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import numpy as np

from collectors.source import Source, Tally
from plant.batch import Batch, Ints
from plant.clock import SECOND, Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Anchor:
    """The instant at which plant time and real time agreed: ns UTC, and `time.monotonic()` seconds.

    Processes of one machine that share an anchor and a speed agree on plant time.
    """

    start: int
    zero: float

    @classmethod
    def here(cls, base: Clock) -> Anchor:
        """Anchor plant time at this moment."""
        return cls(base.now(), base.monotonic())

    def at(self, monotonic: float, speed: float) -> int:
        """Return plant time in ns UTC at a reading of the monotonic clock."""
        return self.start + round((monotonic - self.zero) * speed * SECOND)


class PlantTime:
    """A clock whose `now` runs `speed` times as fast as its `sleep`."""

    def __init__(self, anchor: Anchor, speed: float, base: Clock | None = None) -> None:
        self._anchor = anchor
        self._speed = speed
        self._base = base or SystemClock()

    @property
    def real(self) -> Clock:
        """The clock beneath, for what has to be measured in real time."""
        return self._base

    def of(self, real: Ints) -> Ints:
        """Return plant time at moments of real time, both ns UTC."""
        ago = self._base.now() - real
        return self.now() - (ago * self._speed).astype(np.int64)

    def now(self) -> int:
        return self._anchor.at(self._base.monotonic(), self._speed)

    def monotonic(self) -> float:
        return self._base.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


class RealMeasurement:
    """A source that measures real delays, its samples dated by plant time.

    A packet takes its milliseconds at any pace, so the inner source goes by the clock beneath.
    """

    def __init__(self, source: Source, clock: PlantTime) -> None:
        self._source = source
        self._clock = clock

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def tally(self) -> Tally:
        return self._source.tally

    @property
    def paths(self) -> tuple[str, ...]:
        return self._source.paths

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        async with self._source.open() as batches:
            yield self._dated(batches)

    async def _dated(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        async for batch in batches:
            yield replace(batch, time=self._clock.of(batch.time), received=self._clock.of(batch.received))
