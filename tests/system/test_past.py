"""The past of a simulated line is given up at once when it is no longer wanted."""

from __future__ import annotations

import asyncio
import threading

import pytest

from configs.loader import PACKAGED
from plant.batch import Batch
from plant.clock import SECOND
from provenline.past import Model, fill
from tests.analytics.memory import MemoryHistorian

NOON = 1_772_452_800 * SECOND


class Slow(MemoryHistorian):
    """Takes its time to store, so that its writer has more than fits into any buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.released = threading.Event(), threading.Event()

    def write(self, batch: Batch) -> None:
        self.asked.set()
        self.released.wait(20)
        super().write(batch)


async def test_a_past_that_is_being_stored_can_be_given_up() -> None:
    store = Slow()
    hours = {"first-light": (NOON, NOON + 4 * 3600 * SECOND)}
    filling = asyncio.create_task(fill(Model(PACKAGED, seed=5), store, hours))
    assert await asyncio.to_thread(store.asked.wait, 60)
    await asyncio.sleep(1)  # until the model's process has filled the pipe; no event tells
    filling.cancel()
    store.released.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(filling, 10)
