"""Read a scene live with the real collectors until every tag has had a good value."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from collectors.modbus import ModbusSource
from collectors.mqtt import MqttSource
from collectors.opcua import OpcuaSource
from collectors.source import Point, Source
from collectors.stamp import StampSource
from configs.configuration import Configuration
from plant.batch import Batch, Origin
from plant.clock import SystemClock
from plant.quality import Severity, severity
from simulators.faces.endpoint import PortPolicy, rewire
from simulators.running import serve

COLLECTORS: dict[str, Any] = {"opcua": OpcuaSource, "modbus": ModbusSource, "mqtt": MqttSource, "stamp": StampSource}
PATIENCE = 90.0


async def usable_live(pack: Configuration, scene: str, *, speed: float = 4.0) -> Batch:
    """Return what was collected until every tag of `scene` had a good value. Raises TimeoutError."""
    collected: list[Batch] = []
    good: set[str] = set()
    expected = {tag.path for binding in pack.bindings for tag, _ in binding.points}

    async def read(source: Source) -> None:
        async with source.open() as batches:
            async for batch in batches:
                collected.append(batch)
                good.update(s.path for s in batch.samples() if severity(s.quality) is Severity.GOOD)

    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(serve(pack.scenes[scene], seed=4, speed=speed, ports=PortPolicy.ANY))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        readers = []
        for binding in pack.bindings:
            source = rewire(binding.source, running.endpoints[binding.source.id])
            points = [Point(tag, address) for tag, address in binding.points]
            reader = COLLECTORS[source.type](source, points, clock=SystemClock())
            readers.append(tasks.create_task(read(reader)))
        async with asyncio.timeout(PATIENCE):
            while expected - good:
                await asyncio.sleep(0.1)
        for reader in readers:
            reader.cancel()
    batch = Batch.concat(collected)
    assert (batch.origin == Origin.SIMULATED).all()
    return batch
