"""A Modbus command takes turns with the collector on the one connection that a gateway may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from collectors.modbus import ModbusSource
from collectors.modbus.command import write
from collectors.modbus.held import reached
from configs.sources import ModbusAddress
from plant.clock import SystemClock
from plant.errors import Disconnected
from tests.collectors.modbus_rig import config, device, point

CLOCK = SystemClock()
FORCE = ModbusAddress(register=10, unit=1, format="uint16")


class Gateway:
    """Passes one connection at a time on to a device, closes any other, and counts those that came."""

    def __init__(self, upstream: int) -> None:
        self.port, self.came = 0, 0
        self._upstream, self._busy = upstream, False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        if self._busy:
            writer.close()
            return
        self._busy = True
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(_pump(reader, there_writer)),
                    asyncio.ensure_future(_pump(there_reader, writer)),
                ]
            )
        finally:
            self._busy = False


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def gateway(upstream: int) -> AsyncIterator[Gateway]:
    found = Gateway(upstream)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


async def test_a_command_goes_over_the_connection_that_the_collector_holds() -> None:
    with device() as it:
        async with asyncio.timeout(90), gateway(it.port) as between:
            there = config(between.port, timeout=20.0)
            async with ModbusSource(there, [point("force", 10, unit=1)], clock=CLOCK).open() as stream:
                await anext(stream)
                for value in range(1, 6):
                    assert (await write(there, FORCE, value, clock=CLOCK)).read_back == value
                seen = 0.0
                while seen != 5:
                    seen = float((await anext(stream)).numbers[0])
                assert between.came == 1


async def test_without_a_collector_a_command_opens_a_connection_of_its_own() -> None:
    with device() as it:
        async with asyncio.timeout(90), gateway(it.port) as between:
            there = config(between.port, timeout=20.0)
            assert (await write(there, FORCE, 7, clock=CLOCK)).read_back == 7
            source = ModbusSource(there, [point("force", 10, unit=1)], clock=CLOCK)
            while True:  # the gateway may not have noticed yet that the other one left
                with suppress(Disconnected):
                    async with source.open() as stream:
                        await anext(stream)
                        break
            assert between.came >= 2


async def test_a_collector_that_stopped_lends_nothing() -> None:
    with device() as it:
        there = config(it.port)
        async with asyncio.timeout(90):
            async with ModbusSource(there, [point("force", 10, unit=1)], clock=CLOCK).open() as stream:
                await anext(stream)
                async with reached(there, clock=CLOCK) as first, reached(there, clock=CLOCK) as second:
                    assert first is second
            async with reached(there, clock=CLOCK) as own:
                assert own is not first
                assert own.connected
        it.kill()
        with pytest.raises(Disconnected):
            async with reached(there, clock=CLOCK):
                pass
