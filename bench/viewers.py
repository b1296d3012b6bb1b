"""Many viewers at once: what it costs the server to show one scene, and how old a frame is when it arrives.

A centre in a process of its own takes a batch twice a second for every tag of a scene with 200 tags
and shows it to 100, 300 and 1000 WebSocket clients, which live in a second process and only read.
The age of a frame is its arrival minus the moment of its newest sample: feed period (0.25 s), encoding,
sending and reading together. CPU is the server process's own, as seconds per second: it does not
depend on what else the machine does, ages do.

    python -m bench.viewers [CLIENTS …] [--seconds N] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from bench.tables import Column, Conditions, report
from configs.loader import load
from dashboard_api.access import Role
from plant.batch import Batch
from plant.clock import SystemClock
from provenline.centre import Address, listening, opened
from provenline.trust import trust
from tests.peers.processes import free_port

TAGS, HERTZ = 200, 2.0
CROWDS = (100, 300, 1000)
COLUMNS = (
    Column("clients", "viewers", "观看者"),
    Column("frames_per_client_s", "frames/s each", "每人帧/秒", "{:.2f}"),
    Column("cpu_s_per_s", "server, CPU s/s", "服务器 CPU 秒/秒", "{:.2f}"),
    Column("cpu_us_per_frame", "CPU µs/frame", "每帧 CPU 微秒"),
    Column("age_ms_p50", "age p50 ms", "帧龄 p50 毫秒"),
    Column("age_ms_p99", "p99 ms", "p99 毫秒"),
    Column("age_ms_max", "max ms", "最大毫秒"),
    Column("skipped", "skipped", "跳过的帧"),
    Column("memory_mb", "memory MB", "内存 MB"),
)
SETTLE = 3.0
LINK = {"compression": None, "ping_interval": None, "open_timeout": None}


def configuration(folder: Path) -> Path:
    """Write a scene with `TAGS` analog tags."""
    (folder / "site.yaml").write_text("type: site\nid: cq\nname: Bench\n")
    tags = "".join(f'          - {{id: v{n}, kind: analog, address: {{node: "ns=2;s=v{n}"}}}}\n' for n in range(TAGS))
    (folder / "scene.yaml").write_text(
        "type: scene\nid: bench\nname: Bench\nderived_alarms: []\n"
        'sources: [{type: opcua, id: ua, endpoint: "opc.tcp://127.0.0.1:4840"}]\n'
        "lines:\n  - id: line\n    name: Line\n    devices:\n      - id: machine\n        name: Machine\n"
        f"        source: ua\n        tags:\n{tags}"
    )
    return folder


def cpu() -> float:
    """Return the CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> float:
    """Return the memory this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# ------------------------------------------------------------------------------ the server
def serve(port: int, pipe: Connection) -> None:
    """Run a centre until told to stop; answer each question with its CPU seconds, memory and counts."""
    asyncio.run(_serve(port, pipe))


async def _serve(port: int, pipe: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config, clock = load(configuration(Path(folder))), SystemClock()
        data = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=folder))
        async with trust(data, config) as trusted, opened(config, trusted, data=data, clock=clock) as centre:
            centre.visitors = Role.VIEWER
            async with listening(centre, Address("127.0.0.1", port)):
                feeding = asyncio.create_task(_feed(centre.write, [tag.path for tag in centre.tags.values()]))
                pipe.send("ready")
                while await asyncio.to_thread(pipe.recv) != "stop":
                    pipe.send((cpu(), resident(), centre.counts.skipped_frames, centre.counts.viewers))
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)


async def _feed(write, paths: list[str]) -> None:
    paths, step = tuple(path for path in paths if "/edge/" not in path), 0
    index = np.arange(len(paths), dtype=np.uint32)
    while True:
        step, now = step + 1, np.full(len(paths), time.time_ns(), np.int64)
        await asyncio.to_thread(write, Batch.floats(paths, index, now, index * 0.1 + step, received=now))
        await asyncio.sleep(1 / HERTZ)


# ----------------------------------------------------------------------------- the viewers
async def _watch(socket: ClientConnection, ages: list[float], counting: asyncio.Event) -> None:
    # Only every frame's newest row is looked at: the clients must not cost more than they measure.
    async for frame in socket:
        arrived = time.time() * 1000
        if not counting.is_set() or '"rows":[]' in frame[-12:]:
            continue
        last = frame[frame.rindex("[") + 1 : frame.rindex("]") - 1]
        newest = float(last.rstrip("]").split(",")[3])
        ages.append(arrived - newest)


async def _crowd(port: int, clients: int, pipe: Connection, seconds: float) -> dict[str, float]:
    ages: list[float] = []
    counting, address = asyncio.Event(), f"ws://127.0.0.1:{port}/api/v1/live?scene=bench"
    sockets: list[ClientConnection] = []
    while len(sockets) < clients:
        some = [connect(address, **LINK) for _ in range(min(50, clients - len(sockets)))]
        sockets += await asyncio.gather(*some)
    watching = [asyncio.create_task(_watch(socket, ages, counting)) for socket in sockets]
    await asyncio.sleep(SETTLE)

    async def asked() -> tuple[float, float, int, int]:
        pipe.send("?")
        return await asyncio.to_thread(pipe.recv)

    before, began = await asked(), time.monotonic()
    counting.set()
    await asyncio.sleep(seconds)
    counting.clear()
    after, took = await asked(), time.monotonic() - began
    await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
    await asyncio.gather(*watching, return_exceptions=True)
    p50, p99 = np.percentile(ages, [50, 99])
    return {
        "clients": clients,
        "frames_per_client_s": len(ages) / clients / took,
        "cpu_s_per_s": (after[0] - before[0]) / took,
        "cpu_us_per_frame": (after[0] - before[0]) / max(1, len(ages)) * 1e6,
        "age_ms_p50": float(p50),
        "age_ms_p99": float(p99),
        "age_ms_max": max(ages),
        "skipped": after[2] - before[2],
        "memory_mb": after[1],
    }


def measure(crowds: tuple[int, ...] = CROWDS, seconds: float = 15.0) -> Iterator[dict[str, float]]:
    """Measure each crowd for `seconds`, one after the other, each with a server of its own."""
    context = multiprocessing.get_context("spawn")
    for clients in crowds:
        port, (ours, theirs) = free_port(), context.Pipe()
        server = context.Process(target=serve, args=(port, theirs), daemon=True)
        server.start()
        assert ours.recv() == "ready"
        yield asyncio.run(_crowd(port, clients, ours, seconds))
        ours.send("stop")
        server.join(20)
        if server.is_alive():
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clients", nargs="*", type=int, default=list(CROWDS))
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md and its twin")
    chosen = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    conditions, rows = Conditions.now(), list(measure(tuple(chosen.clients), chosen.seconds))
    report("viewers", COLUMNS, rows, conditions=conditions, write=chosen.write)


if __name__ == "__main__":
    main()
