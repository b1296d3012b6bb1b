"""What every `Source` promises, asked of each one against a server it did not come with.

A protocol's test module subclasses `SourceConformance` and gives it a `rig`: the device
under the test's control. The promises themselves are written once, here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from collectors.source import Source
from plant.batch import Batch, Sample
from plant.clock import SECOND
from plant.errors import Disconnected
from plant.quality import Severity, severity

PATIENCE = 60.0


class Rig(Protocol):
    """A device whose numeric tag `path` the test can set, stop, stall and start again.

    `start` after `stop` listens on the same address. `source()` builds a new source for it.
    """

    path: str

    def source(self) -> Source: ...
    async def set(self, value: float) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def stall(self) -> None: ...
    async def resume(self) -> None: ...


async def wait_for_value(rig: Rig, batches: AsyncIterator[Batch], value: float) -> Sample:
    """Set the device until the value arrives (a broker keeps no value for a late subscriber)."""

    async def insist() -> None:
        while True:
            await rig.set(value)
            await asyncio.sleep(0.2)

    setter = asyncio.create_task(insist())
    try:
        async with asyncio.timeout(PATIENCE):
            async for batch in batches:
                for sample in batch.samples():
                    if sample.path == rig.path and sample.value == value and severity(sample.quality) is Severity.GOOD:
                        return sample
        raise AssertionError("the source ended without the value")
    finally:
        setter.cancel()
        await asyncio.gather(setter, return_exceptions=True)


async def drain(batches: AsyncIterator[Batch]) -> list[Sample]:
    """Read until the source says it is disconnected; return what came on the way."""
    seen: list[Sample] = []

    async def read() -> None:
        async with asyncio.timeout(PATIENCE):
            async for batch in batches:
                seen.extend(batch.samples())

    with pytest.raises(Disconnected):
        await read()
    return seen


class SourceConformance:
    """The promises of `collectors.source`. Subclasses provide the fixture `rig`, already started."""

    async def test_a_value_set_on_the_device_arrives_good_and_dated(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            sample = await wait_for_value(rig, batches, 42.0)
        now = time.time_ns()
        assert abs(now - sample.time) < 30 * SECOND
        assert abs(now - sample.received) < 30 * SECOND
        assert sample.path == rig.path

    async def test_every_row_is_counted_and_belongs_to_a_declared_path(self, rig: Rig) -> None:
        source, rows = rig.source(), 0
        async with source.open() as batches:
            await rig.set(1.0)
            async with asyncio.timeout(PATIENCE):
                while rows < 3:
                    await rig.set(float(rows + 2))
                    batch = await anext(batches)
                    rows += len(batch)
                    assert set(batch.names) <= set(source.paths)
        assert source.tally.samples >= rows

    async def test_a_source_can_be_left_and_opened_again(self, rig: Rig) -> None:
        source = rig.source()
        for value in (5.0, 6.0):
            async with source.open() as batches:
                await wait_for_value(rig, batches, value)

    async def test_nothing_listening_is_a_disconnection_not_a_crash(self, rig: Rig) -> None:
        await rig.stop()
        with pytest.raises(Disconnected):
            async with asyncio.timeout(PATIENCE), rig.source().open() as batches:
                await anext(batches)

    async def test_a_killed_device_is_a_disconnection(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            await wait_for_value(rig, batches, 7.0)
            await rig.stop()
            await drain(batches)

    async def test_a_stalled_device_is_noticed_and_its_last_value_is_not_repeated(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            await wait_for_value(rig, batches, 8.0)
            await rig.stall()
            stalled = time.time_ns()
            try:
                late = [s for s in await drain(batches) if s.time > stalled + 2 * SECOND]
            finally:
                await rig.resume()
        assert all(severity(s.quality) is Severity.BAD for s in late if s.path == rig.path)

    async def test_data_flows_again_after_the_device_returns(self, rig: Rig) -> None:
        source = rig.source()
        async with source.open() as batches:
            await wait_for_value(rig, batches, 9.0)
            await rig.stop()
            await drain(batches)
        await rig.start()
        async with source.open() as batches:
            await wait_for_value(rig, batches, 10.0)

    async def test_leaving_early_closes_the_connection_promptly(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            await wait_for_value(rig, batches, 11.0)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE
