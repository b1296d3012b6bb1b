"""The broker of our own ends in order, whoever is still connected."""

from __future__ import annotations

import asyncio
import logging

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from simulators.faces.broker import broker
from simulators.faces.endpoint import Endpoint, PortPolicy


async def test_a_broker_that_ends_under_its_clients_logs_no_error(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    async with broker(Endpoint("mqtt", "127.0.0.1", 0), PortPolicy.PREFER) as own:
        subscribed = asyncio.Event()
        loop = asyncio.get_running_loop()
        client.on_connect = lambda *_: client.subscribe("line/#")
        client.on_subscribe = lambda *_: loop.call_soon_threadsafe(subscribed.set)
        client.connect("127.0.0.1", own.endpoint.port)
        client.loop_start()
        await asyncio.wait_for(subscribed.wait(), 10)
        assert own._server is not None
        for _ in range(2):  # the library takes no notice of the first, as the end of an event loop may be the second
            for caller in own._server._callers:
                caller.cancel()
            await asyncio.sleep(0)
    client.loop_stop()
    await asyncio.sleep(0)  # callbacks of connections that have ended
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
