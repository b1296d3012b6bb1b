"""An MQTT broker for those who have none, by amqtt: loopback, nothing kept, demonstration loads only.

It speaks MQTT 3.1.1. For more than a few thousand messages a second, or MQTT 5, run mosquitto.
"""

from __future__ import annotations

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
    server = Broker(
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
