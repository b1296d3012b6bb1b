"""Parts, the jobs that ask for them, and the buffers they wait in."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum

import simpy

from simulators.kernel.floor import Floor


class Verdict(StrEnum):
    """What became of a part."""

    GOOD = "good"
    REWORK = "rework"
    SCRAP = "scrap"


@dataclass(slots=True)
class Part:
    """One piece of work. `defect` is the truth, "" when there is none; no instrument shows it."""

    id: str
    product: str
    job: str
    defect: str = ""
    reworked: int = 0
    entered: float = 0.0


@dataclass(frozen=True, slots=True)
class JobPlan:
    """An endless sequence of jobs: `lots` of (product, pieces), taken round and round."""

    lots: tuple[tuple[str, int], ...]

    def parts(self) -> Iterator[Part]:
        """Yield the blanks of every job in order; ids count from 1."""
        job = serial = 0
        while True:
            for product, pieces in self.lots:
                job += 1
                for _ in range(pieces):
                    serial += 1
                    yield Part(f"P{serial:07d}", product, f"J{job:04d}")


class Buffer:
    """A place for at most `capacity` parts, in and out in order. Signal: `level`, if named.

    A part's `entered` is what `stamp` says when it finds room: model time, unless told otherwise.
    """

    def __init__(self, floor: Floor, capacity: int, level: str | None = None) -> None:
        self.capacity = capacity
        self.stamp: Callable[[], float] = floor.seconds
        self._env = floor.env
        self._store = simpy.Store(floor.env, capacity)
        self._level = floor.signals.add(level, 0) if level else None

    def __len__(self) -> int:
        return len(self._store.items)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is in it, first out first."""
        return tuple(self._store.items)

    def put(self, part: Part) -> simpy.Event:
        """Return an event that happens once the part has found room."""

        def steps() -> Generator[simpy.Event, Part, None]:
            yield self._store.put(part)
            part.entered = self.stamp()
            self._show()

        # The store's own event is enough when there is room; a process would cost a step.
        if len(self) < self.capacity:
            part.entered = self.stamp()
            event: simpy.Event = self._store.put(part)
            self._show()
            return event
        return self._env.process(steps())

    def get(self, taken: Callable[[Part], None] = lambda _: None) -> simpy.Event:
        """Return an event whose value is the next part; `taken` is called the moment it leaves."""

        def left(event: simpy.Event) -> None:
            part: Part = event.value  # type: ignore[assignment]
            self._show()
            taken(part)

        event: simpy.Event = self._store.get()
        if event.callbacks is not None:
            event.callbacks.append(left)
        return event

    def _show(self) -> None:
        if self._level is not None and self._level.true != len(self):
            self._level.set(len(self))
