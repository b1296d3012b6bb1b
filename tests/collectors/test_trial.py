"""What the first values of a source say of its device's clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from collectors.source import Tally
from collectors.trial import Finding, Outcome, trial
from plant.batch import Batch, BatchBuilder
from plant.clock import SECOND

NOW = 1_795_000_000 * SECOND


class Saying:
    """A source whose only sample is `age` s old when it comes."""

    name = "saying"
    paths = ("cq/demo/line/press/force",)

    def __init__(self, age: float) -> None:
        self.tally = Tally()
        self._age = age

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        yield self._batches()

    async def _batches(self) -> AsyncIterator[Batch]:
        builder = BatchBuilder()
        builder.add(self.paths[0], NOW - round(self._age * SECOND), 412.0, received=NOW)
        yield builder.build()


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (0.0, (Outcome.SKIPPED, Finding.NO_CLOCK)),
        (0.2, (Outcome.PASSED, Finding.FINE)),
        (-30.0, (Outcome.DOUBTFUL, Finding.CLOCK_OFF)),
        # Kept by a broker, or sent when it last changed: old, whatever the clock says now.
        (1115.0, (Outcome.SKIPPED, Finding.OLD_VALUE)),
    ],
)
async def test_only_a_value_from_the_future_tells_of_a_wrong_clock(age: float, said: tuple[Outcome, Finding]) -> None:
    last = (await trial(Saying(age), None))[-1]
    assert (last.outcome, last.finding) == said
