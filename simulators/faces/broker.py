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
async def broker(listen: Endpoint, ports: PortPolicy) -> AsyncIterator[OwnBroker]:
    """Run a broker while the context is open. Raises Unavailable."""
    own = OwnBroker(Endpoint("mqtt", listen.host, free_port(listen, ports)))
    await own.reach(reachable=True)
    try:
        yield own
    finally:
        await own.reach(reachable=False)


class OwnBroker:
    """A broker of our own at `endpoint`, which can be stopped and started again; it forgets everything then."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._server: _Broker | None = None

    async def flush(self) -> None:
        """Do nothing: what is published goes on by itself."""

    async def reach(self, *, reachable: bool) -> None:
        """Start, or stop and drop every connection. Raises Unavailable."""
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()
            await server.hang_up()
        if reachable:
            self._server = await _started(self.endpoint)


async def _started(at: Endpoint) -> _Broker:
    server = _Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{at.host}:{at.port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await server.start()
    except BrokerError as error:
        raise Unavailable(f"cannot start a broker at {at.url}: {error}") from error
    return server


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
        except asyncio.CancelledError:  # the outermost frame of its task, so it ends all the same
            pass  # Python 3.11 logs a traceback for a caller of a server that ends as cancelled
        finally:
            writer.close()

    async def hang_up(self) -> None:
        """End every connection that is left."""
        left = list(self._callers)
        for caller in left:
            caller.cancel()
        await asyncio.gather(*left, return_exceptions=True)
