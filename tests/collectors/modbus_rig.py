"""The modbus-serial device of `tests/peers/modbus_server.mjs`, and what tests need to talk about it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from collectors.modbus import ModbusSource
from collectors.source import Point
from configs import sources as configs
from configs.sources import ModbusAddress
from plant.batch import Batch, Sample
from plant.clock import SystemClock
from plant.tags import Kind, Tag
from tests.peers.processes import HERE, Program, free_port, node

SLEEP = 60_000


def tag(signal: str, **options) -> Tag:
    return Tag(path=f"cq/lab/line/plc/{signal}", kind=Kind.ANALOG, **options)


def point(signal: str, register: int = 0, *, simulated: bool = False, **address) -> Point[ModbusAddress]:
    return Point(tag(signal, simulated=simulated), ModbusAddress(register=register, **address))


def config(port: int, *, link: str = "tcp", **options) -> configs.ModbusSource:
    options = {"period": 0.05, "timeout": 0.4, "pause": 1.0} | options
    return configs.ModbusSource(
        type="modbus", id="plc", link={"type": link, "host": "127.0.0.1", "port": port}, **options
    )


class Device:
    """A modbus-serial server on a port that stays the same over restarts."""

    def __init__(self, port: int | None = None, **rules) -> None:
        self.port = port or free_port()
        self._rules = rules
        self.program: Program | None = None
        self.start()

    def start(self) -> None:
        args = [node(), HERE / "modbus_server.mjs", "tcp", str(self.port), json.dumps(self._rules)]
        self.program = Program(args, cwd=HERE)
        self.program.ready("ready")

    def kill(self) -> None:
        assert self.program
        self.program.resume() if self.program.running() else None
        self.program.kill()

    def write(self, unit: int, register: int, *words: int) -> None:
        """Write holding registers (function 16)."""
        self._ask(unit, struct.pack(f">BHHB{len(words)}H", 16, register, len(words), 2 * len(words), *words))

    def switch(self, unit: int, coil: int, on: bool) -> None:
        """Write one coil (function 5)."""
        self._ask(unit, struct.pack(">BHH", 5, coil, 0xFF00 if on else 0))

    def _ask(self, unit: int, request: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
            wire.sendall(struct.pack(">HHHB", 1, 0, len(request) + 1, unit) + request)
            reply = wire.recv(260)
        assert reply[7] == request[0], reply.hex()

    def seen(self, word: str) -> list[str]:
        assert self.program
        return [line for line in self.program.lines if line.startswith(word + " ")]


@contextmanager
def device(**rules) -> Iterator[Device]:
    it = Device(**rules)
    try:
        yield it
    finally:
        it.kill()


class ModbusRig:
    """What the conformance suite needs."""

    path = "cq/lab/line/plc/level"

    def __init__(self, it: Device, **options) -> None:
        self.device, self._options = it, options

    def source(self) -> ModbusSource:
        points = [point("level", 10, format="float32"), point("other", 40)]
        return ModbusSource(config(self.device.port, **self._options), points, clock=SystemClock())

    async def set(self, value: float) -> None:
        await asyncio.to_thread(self.device.write, 1, 10, *struct.unpack(">HH", struct.pack(">f", value)))

    async def start(self) -> None:
        await asyncio.to_thread(self.device.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self.device.kill)

    async def stall(self) -> None:
        self.device.program.stall()

    async def resume(self) -> None:
        self.device.program.resume()


async def gather(source: ModbusSource, seconds: float) -> list[Batch]:
    """Collect what a source emits in some seconds."""
    batches: list[Batch] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), source.open() as stream:
            while True:
                batches.append(await anext(stream))
    return batches


async def first(source: ModbusSource, rounds: int = 1) -> list[Sample]:
    """Return the samples of the first batches."""
    async with asyncio.timeout(60), source.open() as stream:
        return [sample for _ in range(rounds) for sample in (await anext(stream)).samples()]
