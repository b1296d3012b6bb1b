"""What systemd is told by a service of type `notify`: that it is ready, and that its event loop turns."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


def tell(state: str) -> None:
    """Send one state, as `sd_notify` does; nothing happens where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way, suppress(OSError):
        way.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        way.sendall(state.encode())


@asynccontextmanager
async def alive() -> AsyncIterator[None]:
    """Say that the process is ready, and that it still is twice in the time in which systemd expects it."""
    tell("READY=1")
    beating = asyncio.create_task(_beat(), name="signs of life")
    try:
        yield
    finally:
        beating.cancel()


async def _beat() -> None:
    expected = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    while expected:
        tell("WATCHDOG=1")
        await asyncio.sleep(expected / 2)
