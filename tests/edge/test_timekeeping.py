"""A clock that was moved and a process that was not run leave a line each; ordinary time leaves none."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from edge.timekeeping import rest, watched
from plant.clock import SECOND, VirtualClock


class Clocks:
    """A wall clock and a steady one; a sleep moves each by what the test says."""

    def __init__(self, wall: float, steady: float) -> None:
        self._passes = wall, steady
        self.wall, self.steady = 1_700_000_000.0, 0.0

    def now(self) -> int:
        return round(self.wall * SECOND)

    def monotonic(self) -> float:
        return self.steady

    async def sleep(self, seconds: float) -> None:
        wall, steady = self._passes
        self.wall += wall
        self.steady += steady


@pytest.mark.parametrize(
    ("wall", "steady", "said"),
    [
        (10.5, 10.4, []),
        (3_610.0, 10.0, [("wall clock jumped; received times jump with it", 3600.0)]),
        (-3_590.0, 10.0, [("wall clock jumped; received times jump with it", -3600.0)]),
        (40.0, 40.0, [("this process stood still", 30.0)]),
    ],
)
async def test_a_jump_and_a_standstill_are_told_apart(
    wall: float, steady: float, said: list[tuple[str, float]]
) -> None:
    with capture_logs() as logs:
        await rest(Clocks(wall, steady), 10.0)
    assert [(line["event"], line["seconds"]) for line in logs] == said


async def test_a_process_that_reads_nothing_itself_tells_of_a_moved_clock_once() -> None:
    clock = Moved()
    with capture_logs() as logs:
        async with watched(clock, 2.0):
            await clock.advance(10)
            clock.ahead = 3_600
            await clock.advance(10)
    assert [line["seconds"] for line in logs] == [3600.0]


class Moved(VirtualClock):
    """A clock whose wall can be put ahead of its own steps, in seconds."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead * SECOND
