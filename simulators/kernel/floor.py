"""The floor: everything the stations of one model share: time, chance, signals, truth, plan."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import simpy

from plant.clock import SECOND
from simulators.kernel.draws import branch
from simulators.kernel.signals import SignalTable
from simulators.truth import Truth, What

Steps = Generator[simpy.Event, Any, None]
"""What a SimPy process is made of."""
Interval = tuple[int, int]
"""Start and stop in ns UTC, stop not included."""


class Floor:
    """One model's world.

    `start`: ns UTC of model second 0. `planned`: intervals of planned time; those that touch
    are one. None = always planned.
    """

    def __init__(
        self, *, start: int, seed: int, planned: Sequence[Interval] | None = None, truth_limit: int | None = None
    ) -> None:
        self.env = simpy.Environment()
        self.start = start
        self.seed = seed
        self.signals = SignalTable(self.now, self.seconds)
        self.truth = Truth(truth_limit)
        self.planned = planned is None
        self._opened = self.env.event()
        self._on_break: list[Callable[[], None]] = []
        if planned is not None:
            self.env.process(self._follow(planned))

    def now(self) -> int:
        """Return model time in ns UTC."""
        return self.start + round(self.env.now * SECOND)

    def seconds(self) -> float:
        """Return model time in seconds since the start."""
        return float(self.env.now)

    def rng(self, *names: str) -> np.random.Generator:
        """Return the branch of the seed's tree that belongs to `names`."""
        return branch(self.seed, *names)

    def record(self, what: What, where: str, **detail: float | bool | str) -> None:
        """Write a fact into the truth record, now."""
        self.truth.add(self.now(), what, where, **detail)

    def opened(self) -> simpy.Event:
        """Return an event that happens when planned time begins next."""
        return self._opened

    def on_break(self, call: Callable[[], None]) -> None:
        """Call `call` whenever planned time ends."""
        self._on_break.append(call)

    def every(self, period: float, call: Callable[[], None]) -> None:
        """Call `call` at every later multiple of `period`, in seconds of the model's life."""

        def steps() -> Steps:
            beat = int(self.env.now // period)
            while True:
                beat += 1  # multiples of the period: a running sum would drift
                yield self.env.timeout(max(0.0, beat * period - self.env.now))
                call()

        self.env.process(steps())

    def at(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` at a model time, or at once where that has passed."""

        def steps() -> Steps:
            yield self.env.timeout(max(0.0, seconds - self.env.now))
            call()

        self.env.process(steps())

    def run_through(self, seconds: float) -> None:
        """Let everything happen that falls due up to and including model time `seconds`."""
        env = self.env
        while env.peek() <= seconds:
            env.step()

    def _follow(self, planned: Sequence[Interval]) -> Steps:
        for begin, end in merged(planned):
            if end <= self.now():
                continue
            if begin > self.now():
                yield self.env.timeout((begin - self.now()) / SECOND)
            self.planned = True
            self._opened.succeed()
            self._opened = self.env.event()
            yield self.env.timeout((end - self.now()) / SECOND)
            self.planned = False
            for call in self._on_break:
                call()


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Return intervals in order, those that touch or overlap joined: a change of shift is no stop."""
    joined: list[Interval] = []
    for begin, end in sorted(intervals):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
