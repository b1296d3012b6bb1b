"""The material scene live: readers and scales behind real brokers, read by the real collectors."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from collectors.mqtt import MqttSource, SparkplugSource
from collectors.source import Point
from configs.configuration import Configuration
from plant.batch import Batch, Origin
from plant.clock import SECOND, SystemClock
from simulators.faces.endpoint import PortPolicy, rewire
from simulators.pace import ScaledClock
from simulators.running import serve
from simulators.truth import What
from tests.simulators.conftest import START
from tests.simulators.test_material import PLACE, material  # noqa: F401 - a fixture

COLLECTORS = {"sparkplug": SparkplugSource, "mqtt": MqttSource}
SPEED = 40.0


class PlantTime(SystemClock):
    """Says plant time, but is as patient as real time: a broker's answer takes no less at 40 times the pace."""

    def __init__(self, plant: ScaledClock) -> None:
        self._plant = plant

    def now(self) -> int:
        return self._plant.now()


async def test_collectors_get_events_at_the_times_they_happened_and_say_when_they_were_known(
    material: Configuration,  # noqa: F811
) -> None:
    clock = ScaledClock(SystemClock(), speed=SPEED, start=START)
    collected: list[Batch] = []

    async def read(source) -> None:
        async with source.open() as batches:
            async for batch in batches:
                collected.append(batch)  # noqa: PERF401 - it never ends

    async with AsyncExitStack() as stack:
        scene = material.scenes["material"]
        running = await stack.enter_async_context(serve(scene, seed=6, clock=clock, ports=PortPolicy.ANY))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        readers = []
        for binding in material.bindings:
            if binding.source.type not in COLLECTORS:
                continue
            source = rewire(binding.source, running.endpoints[binding.source.id])
            points = [Point(tag, address) for tag, address in binding.points]
            readers.append(tasks.create_task(read(COLLECTORS[source.type](source, points, clock=PlantTime(clock)))))
        while running.model.floor.seconds() < 900:
            await asyncio.sleep(0.1)
        for reader in readers:
            reader.cancel()
    batch = Batch.concat(collected)
    assert (batch.origin == Origin.SIMULATED).all()
    for tag in ("stock/agreed", "stock/counted", "shelf/calls", "aisle-scale/pieces"):
        assert len(batch.of(PLACE + tag)), tag
    happened = {
        f.detail["number"]: f.detail["happened"] // 1_000_000 * 1_000_000
        for f in running.truth.of(What.EVENT, "aisle")
        if "number" in f.detail
    }
    moves = [s for s in batch.of(PLACE + "aisle/moves").samples() if s.value]
    assert len({s.value for s in moves}) >= 3
    for sample in moves:
        assert sample.time == happened[sample.value]
        # The servers, the wire and the collectors of a busy machine: a second or two, at 40 times the pace.
        assert 0 <= sample.received - sample.time < 600 * SECOND
