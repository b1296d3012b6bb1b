"""CPU per OPC UA sample: our source beside asyncua's own subscription handler.

Both read the same node-opcua server, one after the other, in this process, so that the
CPU times compare like with like. Only the collecting side is measured.

    python -m bench.collect_opcua [SECONDS]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.node import Node

from tests.collectors.opcua_peer import Server, point, source

VARIABLES, HERTZ = 2000, 10
PUBLISHING = 0.1
SETTLE = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What collecting some samples took."""

    samples: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def microseconds_per_sample(self) -> float:
        return 1e6 * self.cpu_seconds / max(self.samples, 1)


class _Meter:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self, samples: int) -> Cost:
        return Cost(samples, time.perf_counter() - self._wall, time.process_time() - self._cpu)


async def _ours(endpoint: str, seconds: float) -> Cost:
    points = [point(f"v{i}", node=f"ns=2;s=Many.v{i}") for i in range(VARIABLES)]
    opened = source(endpoint, *points, publishing=PUBLISHING, sampling=PUBLISHING)
    async with opened.open() as batches:

        async def read_for(duration: float) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(duration):
                    async for _ in batches:
                        pass

        await read_for(SETTLE)
        before, meter = opened.tally.samples, _Meter()
        await read_for(seconds)
        return meter.read(opened.tally.samples - before)


class _Handler:
    """The least that a handler can do: count."""

    def __init__(self) -> None:
        self.samples = 0

    def datachange_notification(self, node: Node, value: object, data: object) -> None:  # noqa: ARG002
        self.samples += 1


async def _asyncua(endpoint: str, seconds: float) -> Cost:
    handler = _Handler()
    async with Client(endpoint) as client:
        subscription = await client.create_subscription(PUBLISHING * 1000, handler)
        nodes = [client.get_node(f"ns=2;s=Many.v{i}") for i in range(VARIABLES)]
        for at in range(0, VARIABLES, 500):
            await subscription.subscribe_data_change(
                nodes[at : at + 500],
                attr=ua.AttributeIds.Value,
                queuesize=10,
                sampling_interval=PUBLISHING * 1000,
            )
        await asyncio.sleep(SETTLE)
        before, meter = handler.samples, _Meter()
        await asyncio.sleep(seconds)
        return meter.read(handler.samples - before)


def measure(seconds: float) -> dict[str, object]:
    """Collect for `seconds` with each; return both costs and how many times cheaper ours is per sample."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), many=VARIABLES, hertz=HERTZ)
        server.start()
        try:
            readers: dict[str, Callable[[str, float], object]] = {"provenline": _ours, "asyncua handler": _asyncua}
            costs = {name: asyncio.run(reader(server.endpoint, seconds)) for name, reader in readers.items()}
        finally:
            server.kill()
    per_sample = {name: cost.microseconds_per_sample for name, cost in costs.items()}
    return {
        **{name: asdict(cost) | {"cpu_us_per_sample": per_sample[name]} for name, cost in costs.items()},
        "ratio": per_sample["asyncua handler"] / per_sample["provenline"],
    }


def main() -> None:
    """Print the figures of one run."""
    result = measure(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
    for name, figures in result.items():
        print(f"{name:16} {figures}")


if __name__ == "__main__":
    main()
