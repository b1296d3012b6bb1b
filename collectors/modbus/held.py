"""The Modbus connections that collectors of this process hold, for commands to go over as well.

A serial line has one master, and many a gateway takes one connection. So a command takes turns
with the collector on the connection that there is. Where the collector runs in another process,
or has none at the moment, the command opens one of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from collectors.modbus.link import Link
from configs.sources import ModbusSerial, ModbusSource, ModbusTcp
from plant.clock import Clock

_held: dict[tuple[asyncio.AbstractEventLoop, ModbusTcp | ModbusSerial], Link] = {}


@contextmanager
def held(config: ModbusSource, link: Link) -> Iterator[None]:
    """Let commands of this loop use a connection, as long as the context is open."""
    key = asyncio.get_running_loop(), config.link
    _held[key] = link
    try:
        yield
    finally:
        if _held.get(key) is link:
            del _held[key]


@asynccontextmanager
async def reached(config: ModbusSource, *, clock: Clock) -> AsyncIterator[Link]:
    """Lend the connection that a collector holds, or one of one's own. Raises Disconnected where there is none."""
    there = _held.get((asyncio.get_running_loop(), config.link))
    if there is not None and there.connected:
        yield there
        return
    link = Link(config.link, timeout=config.timeout, clock=clock)
    try:
        await link.connect()
        yield link
    finally:
        link.close()
        await clock.sleep(0)  # one turn of the loop, in which the socket is really closed
