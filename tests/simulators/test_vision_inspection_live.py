"""Vision inspection live: mould, camera, audit and radio behind real servers, read by the real collectors."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from collectors.mqtt import MqttSource
from collectors.opcua import OpcuaSource
from collectors.source import Point
from collectors.stamp.source import StampSource
from plant.batch import Batch, Origin
from plant.clock import SystemClock
from plant.quality import Severity, severity
from simulators.faces.endpoint import PortPolicy, rewire
from simulators.running import serve
from simulators.truth import What
from tests.simulators.test_digital_workshop import packed

COLLECTORS = {"opcua": OpcuaSource, "mqtt": MqttSource, "stamp": StampSource}


async def test_every_tag_is_collected_live_by_its_protocol(tmp_path: Path) -> None:
    cell = packed(tmp_path, "vision-inspection")
    collected: list[Batch] = []
    expected = {tag.path for binding in cell.bindings for tag, _ in binding.points}

    async def read(source) -> None:
        async with source.open() as batches:
            async for batch in batches:
                collected.append(batch)  # noqa: PERF401 - it never ends

    def usable() -> set[str]:
        return {s.path for b in collected for s in b.samples() if severity(s.quality) is Severity.GOOD}

    async with AsyncExitStack() as stack:
        scene = cell.scenes["vision-inspection"]
        running = await stack.enter_async_context(serve(scene, seed=4, speed=4.0, ports=PortPolicy.ANY))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        readers = []
        for binding in cell.bindings:
            source = rewire(binding.source, running.endpoints[binding.source.id])
            points = [Point(tag, address) for tag, address in binding.points]
            readers.append(tasks.create_task(read(COLLECTORS[source.type](source, points, clock=SystemClock()))))
        async with asyncio.timeout(90):
            while expected - usable():
                await asyncio.sleep(0.5)
        for reader in readers:
            reader.cancel()
    batch = Batch.concat(collected)
    judged = {f.detail["part"]: f.detail["verdict"] for f in running.truth.of(What.PART, "camera")}
    told = batch.of("cq/vision-inspection/audit/audit/part"), batch.of("cq/vision-inspection/audit/audit/verdict")
    pairs = [(a.value, b.value) for a, b in zip(*(t.samples() for t in told), strict=True)]
    assert pairs
    assert all(judged[part] == verdict for part, verdict in pairs if part)
    assert ((batch.origin & Origin.SIMULATED) != 0).all()
