"""An MQTT broker for those who have none, by amqtt: loopback, nothing kept, demonstration loads only.

It speaks MQTT 3.1.1. For more than a few thousand messages a second, or MQTT 5, run mosquitto.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amqtt.broker import Broker
from amqtt.errors import BrokerError

from plant.errors import Unavailable
from simulators.faces.endpoint import Endpoint, PortPolicy, free_port


@asynccontextmanager
async def broker(listen: Endpoint, ports: PortPolicy) -> AsyncIterator[Endpoint]:
    """Run a broker while the context is open; yields its real address. Raises Unavailable."""
    real = Endpoint("mqtt", listen.host, free_port(listen, ports))
    server = _Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{real.host}:{real.port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await server.start()
    except BrokerError as error:
        raise Unavailable(f"cannot start a broker at {real.url}: {error}") from error
    try:
        yield real
    finally:
        await server.shutdown()
        await server.hang_up()


class _Broker(Broker):  # type: ignore[misc]  # the library is untyped
    """Remembers who is connected: the library forgets clients that are just coming or going when it ends."""

    def __init__(self, config: dict[str, object]) -> None:
        super().__init__(config)
        self._callers: set[asyncio.Task[None]] = set()

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        caller = asyncio.current_task()
        if caller is not None:
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        try:
            await super().stream_connected(reader, writer, listener_name)
        finally:
            writer.close()

    async def hang_up(self) -> None:
        """End every connection that is left."""
        left = list(self._callers)
        for caller in left:
            caller.cancel()
        await asyncio.gather(*left, return_exceptions=True)
