"""What it costs to collect 500 float values from one Modbus device: this project, and two ways a user would write it.

    ours          the Modbus source: blocks, columns
    blocks        pymodbus, the same blocks, `convert_from_registers` value by value
    tag by tag    pymodbus, one read for each tag, as most scripts and flow editors do

All three poll the same modbus-serial server as fast as they can, one after the other in one
run, and end with a path, a time and a value for each sample. CPU is this process's alone.

    python -m bench.collect_modbus [seconds]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator

from pymodbus.client import AsyncModbusTcpClient

from collectors.modbus import ModbusSource
from collectors.source import Point
from configs import sources as configs
from configs.sources import ModbusAddress
from plant.clock import SystemClock
from plant.tags import Kind, Tag
from tests.peers.processes import HERE, free_port, node, program

TAGS = 500
BLOCK = 124
_PATHS = tuple(f"cq/bench/line/plc/v{n}" for n in range(TAGS))
_FLOAT = AsyncModbusTcpClient.DATATYPE.FLOAT32


Ticks = AsyncGenerator[int, None]
"""Polls for ever and yields how many samples each round brought."""


async def _ours(port: int) -> Ticks:
    config = configs.ModbusSource(
        type="modbus", id="plc", link={"type": "tcp", "host": "127.0.0.1", "port": port}, period=0, block=BLOCK
    )
    points = [
        Point(Tag(path=path, kind=Kind.ANALOG), ModbusAddress(register=2 * n, format="float32"))
        for n, path in enumerate(_PATHS)
    ]
    async with ModbusSource(config, points, clock=SystemClock()).open() as batches:
        async for batch in batches:
            yield len(batch)


async def _blocks(port: int) -> Ticks:
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        while True:
            rows = []
            for start in range(0, 2 * TAGS, BLOCK):
                count = min(BLOCK, 2 * TAGS - start)
                reply = await client.read_holding_registers(start, count=count, device_id=1)
                now = time.time_ns()
                for at in range(0, count, 2):
                    value = client.convert_from_registers(reply.registers[at : at + 2], _FLOAT)
                    rows.append((_PATHS[(start + at) // 2], now, value))
            yield len(rows)


async def _tag_by_tag(port: int) -> Ticks:
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        while True:
            for n, path in enumerate(_PATHS):
                reply = await client.read_holding_registers(2 * n, count=2, device_id=1)
                row = (path, time.time_ns(), client.convert_from_registers(reply.registers, _FLOAT))
                yield len((row,))


async def _cost(rounds: Ticks, seconds: float) -> dict[str, float]:
    await anext(rounds)  # connecting and the first questions are not what is measured
    samples, cpu, began = 0, time.process_time(), time.perf_counter()
    async for more in rounds:
        samples += more
        if time.perf_counter() - began >= seconds:
            break
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    await rounds.aclose()
    return {
        "samples": samples,
        "wall_s": wall,
        "samples_per_s": samples / wall,
        "cpu_us_per_sample": cpu / samples * 1e6,
    }


def measure(seconds: float = 3.0) -> dict[str, dict[str, float]]:
    """Run each way for `seconds` against one server; return by name what it took."""
    port, ways = free_port(), {"ours": _ours, "blocks": _blocks, "tag by tag": _tag_by_tag}
    with program([node(), HERE / "modbus_server.mjs", "tcp", str(port)], cwd=HERE) as server:
        server.ready("ready")
        return {name: asyncio.run(_cost(way(port), seconds)) for name, way in ways.items()}


def main() -> None:
    """Print the comparison as a table."""
    costs = measure(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
    ours = costs["ours"]["cpu_us_per_sample"]
    print(f"{'':12}{'samples/s':>12}{'CPU µs/sample':>16}{'CPU, ours = 1':>16}")
    for name, cost in costs.items():
        cpu = cost["cpu_us_per_sample"]
        print(f"{name:12}{cost['samples_per_s']:12.0f}{cpu:16.2f}{cpu / ours:16.1f}")


if __name__ == "__main__":
    main()
