"""RTU frames: a modbus-serial device on a pseudo terminal, reached directly and through a TCP gateway."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import threading
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from collectors.modbus import ModbusSource
from configs import sources as configs
from plant.batch import Origin
from plant.clock import SystemClock
from plant.errors import Disconnected
from plant.quality import Quality
from tests.collectors.modbus_rig import config, first, gather, point
from tests.peers.processes import HERE, free_port, node, program


@contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Two terminals joined by a null-modem cable; the names of their ends."""
    ends = [pty.openpty() for _ in range(2)]
    for _, slave in ends:
        tty.setraw(slave)
    (left, _), (right, _) = ends

    def carry(source: int, target: int) -> None:
        with suppress(OSError):
            while data := os.read(source, 1024):
                os.write(target, data)

    carriers = [threading.Thread(target=carry, args=pair, daemon=True) for pair in ((left, right), (right, left))]
    for carrier in carriers:
        carrier.start()
    try:
        yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1])
    finally:
        for _, slave in ends:
            os.close(slave)  # with nobody left on the slave side, the carriers' reads fail and they end
        for carrier in carriers:
            carrier.join(5)
        for master, _ in ends:
            os.close(master)


@contextmanager
def serial_device(**rules) -> Iterator[str]:
    """A modbus-serial device on a serial line; the name of the line's near end."""
    with (
        cable() as (near, far),
        program([node(), HERE / "modbus_server.mjs", "serial", far, json.dumps(rules)], cwd=HERE) as peer,
    ):
        peer.ready("ready")
        yield near


@asynccontextmanager
async def gateway(device: str) -> AsyncIterator[int]:
    """A serial gateway: whatever comes over TCP goes to the line, and back. Its port."""
    line = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    loop, port = asyncio.get_running_loop(), free_port()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop.add_reader(line, lambda: writer.write(os.read(line, 1024)))
        while data := await reader.read(1024):
            os.write(line, data)
        loop.remove_reader(line)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield port
    finally:
        listener.close()
        await asyncio.sleep(0.05)
        os.close(line)


def serial_source(device: str, *points, **options) -> ModbusSource:
    settings = configs.ModbusSource(
        type="modbus",
        id="line",
        link={"type": "serial", "device": device, "parity": "N"},
        **{"period": 0.1, "timeout": 0.5, "pause": 1.0} | options,
    )
    return ModbusSource(settings, points, clock=SystemClock())


POINTS = (point("a", 0, unit=1), point("b", 100, unit=2, format="float32"), point("c", 3, unit=1, table="coil"))


async def test_a_serial_line_is_read_and_its_simulator_recognised() -> None:
    with serial_device(vendor={"1": "provenline simulator"}) as line:
        samples = {s.path[-1]: s for s in await first(serial_source(line, *POINTS), rounds=2)}
    assert {name: (s.value, s.quality) for name, s in samples.items()} == {"a": (0, 0), "b": (0.0, 0), "c": (False, 0)}
    assert samples["a"].origin is Origin.SIMULATED
    assert samples["b"].origin is Origin.DEVICE


async def test_rtu_frames_travel_over_tcp_and_a_dead_unit_on_the_line_starves_nobody() -> None:
    with serial_device(silent=[7], refuse={"1/9": 2}) as line:
        async with gateway(line) as port:
            points = [*POINTS, point("d", 0, unit=7), point("e", 9, unit=1)]
            plc = ModbusSource(
                config(port, link="rtu-over-tcp", period=0.1, timeout=0.5, pause=30.0), points, clock=SystemClock()
            )
            batches = await gather(plc, 3.0)
    samples = [s for batch in batches for s in batch.samples()]
    qualities = {name: [s.quality for s in samples if s.path[-1] == name] for name in "abcde"}
    assert qualities["d"] == [Quality.BAD_NO_COMMUNICATION]
    assert qualities["e"] == [Quality.BAD_NODE_UNKNOWN]
    for name in "abc":
        assert len(qualities[name]) > 5
        assert set(qualities[name]) == {Quality.GOOD}


async def test_a_serial_device_that_is_not_there_is_a_disconnection() -> None:
    with pytest.raises(Disconnected, match="no-such-line"):
        async with serial_source("/dev/no-such-line", *POINTS).open():
            pass
