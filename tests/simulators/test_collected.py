"""What the collectors read from the live simulation is what virtual time says a perfect one would.

The layout's coding, the servers, the wire and the collectors' decoding all lie between the
two, written by different hands; a value that differs is a fault in one of them.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from collectors.modbus import ModbusSource
from collectors.mqtt import MqttSource
from collectors.opcua import OpcuaSource
from collectors.source import Point, Source
from configs.configuration import Configuration
from configs.sources import SourceConfig
from plant.batch import Batch, Origin, Value
from plant.clock import SECOND, SystemClock
from plant.quality import Severity, severity
from simulators.faces.endpoint import PortPolicy, rewire
from simulators.pace import ScaledClock
from simulators.running import serve
from simulators.virtual import fast

SPEED = 40.0
SPAN = 500.0  # seconds of plant time
COLLECTORS = {"opcua": OpcuaSource, "modbus": ModbusSource, "mqtt": MqttSource}
START = 1_772_000_000 * SECOND


async def collect(source: Source, into: list[Batch]) -> None:
    async with source.open() as batches:
        async for batch in batches:
            into.append(batch)  # noqa: PERF401 - it never ends


def patient(source: SourceConfig) -> SourceConfig:
    """Return settings whose patience is that of real seconds, although the collectors' clock runs fast."""
    times = {name: getattr(source, name) * SPEED for name in ("timeout", "silence", "pause") if hasattr(source, name)}
    return source.model_copy(update=times)


async def read_live(pack: Configuration) -> tuple[Batch, int]:
    """Return what was collected, and when the model began."""
    clock = ScaledClock(SystemClock(), speed=SPEED, start=START)
    collected: list[Batch] = []
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            serve(pack.scenes["first-light"], seed=11, clock=clock, ports=PortPolicy.ANY)
        )
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        readers = []
        for binding in pack.bindings:
            source = patient(rewire(binding.source, running.endpoints[binding.source.id]))
            points = [Point(tag, address) for tag, address in binding.points]
            reader = COLLECTORS[source.type](source, points, clock=clock)
            readers.append(tasks.create_task(collect(reader, collected)))
        while running.model.floor.seconds() < SPAN:
            await asyncio.sleep(0.1)
        for reader in readers:
            reader.cancel()
    return Batch.concat(collected), running.model.floor.start


def history(batch: Batch, path: str) -> dict[int, Value]:
    """Return a tag's good values by the time they carry."""
    rows = batch.of(path)
    return {
        int(rows.time[i]): rows.value(i) for i in range(len(rows)) if severity(int(rows.quality[i])) is Severity.GOOD
    }


def held_about_then(right: dict[int, Value], value: Value, time: int) -> bool:
    return any(value == pytest.approx(v) for t, v in right.items() if abs(t - time) <= 8 * SECOND)


async def test_live_values_are_those_of_virtual_time(pack: Configuration) -> None:
    live, start = await read_live(pack)
    scene = pack.scenes["first-light"]
    stop = start + round((SPAN + 60) * SECOND)
    expected = Batch.concat(list(fast(scene, pack.bindings, seed=11, start=start, stop=stop)))
    assert (live.origin == Origin.SIMULATED).all()
    for binding in pack.bindings:
        for tag, _ in binding.points:
            seen, right = history(live, tag.path), history(expected, tag.path)
            assert set(map(type, seen.values())) <= set(map(type, right.values())), tag.path
            # Polls and confirmations fall at other moments: their values must be ones that there were about then.
            shared = seen.keys() & right.keys()
            alone = sorted(seen.keys() - shared)
            assert all(held_about_then(right, seen[time], time) for time in alone[1:21]), tag.path
            for time in shared:
                assert seen[time] == pytest.approx(right[time]) if isinstance(right[time], float) else True
                assert isinstance(right[time], float) or seen[time] == right[time], tag.path
                assert type(seen[time]) is type(right[time]), tag.path
