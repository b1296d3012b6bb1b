"""An MQTT client in front of a model, by paho: JSON messages on a timer or on an event.

Every payload carries the model's time and says that it is simulated. paho's own thread
keeps the connection; messages wait there, up to a limit, while the broker is away.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from plant.batch import Value
from plant.clock import MILLISECOND
from plant.quality import Quality
from simulators.faces.endpoint import Endpoint
from simulators.faces.layout import Message, MqttLayout
from simulators.kernel.floor import Floor
from simulators.kernel.signals import Signal, watching

_WAITING_MESSAGES = 10_000


@asynccontextmanager
async def serve_mqtt(layout: MqttLayout, floor: Floor, *, broker: Endpoint) -> AsyncIterator[MqttFace]:
    """Publish a layout's messages to `broker` while the context is open."""
    face = MqttFace(broker, layout.name, floor)
    with ExitStack() as watches:
        for message in layout.messages:
            if message.every is not None:
                floor.every(message.every, partial(face.compose, message))
            else:
                watches.enter_context(watching([floor.signals[message.on]], partial(face.compose, message)))
        await face.reach(reachable=True)
        try:
            yield face
        finally:
            await face.reach(reachable=False)


class MqttFace:
    """A client that publishes with QoS 1 and connects again by itself."""

    def __init__(self, broker: Endpoint, name: str, floor: Floor) -> None:
        self.endpoint = broker
        self._floor = floor
        self._outgoing: list[tuple[str, bytes]] = []
        self._reachable = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"simulator-{name}-{uuid.uuid4().hex[:8]}",
            protocol=paho.MQTTv311,
        )
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.max_queued_messages_set(_WAITING_MESSAGES)

    async def flush(self) -> None:
        """Hand the messages composed since the last call to the client."""
        outgoing, self._outgoing = self._outgoing, []
        if self._reachable:
            for topic, payload in outgoing:
                self._client.publish(topic, payload, qos=1)

    async def reach(self, *, reachable: bool) -> None:
        """Leave the broker, or connect to it again; a device without a link keeps nothing for later."""
        self._reachable = reachable
        if reachable:
            self._client.connect_async(self.endpoint.host, self.endpoint.port, keepalive=15)
            self._client.loop_start()
        else:
            self._client.disconnect()
            self._client.loop_stop()

    def compose(self, message: Message, trigger: Signal | None = None) -> None:
        """Write down a message with what its signals show now, for the next flush."""
        if trigger is not None and not trigger.occurred:
            return
        shown = {key: self._floor.signals[name] for key, name in message.fields.items()}
        first = next(iter(shown.values()))
        if first.quality == Quality.BAD_NO_COMMUNICATION:
            return
        time = (
            self._floor.signals[message.dated].time if message.dated else self._floor.now() + first.device.clock_error
        )
        payload: dict[str, Value] = {
            "ts": time // MILLISECOND,
            "simulated": True,
            **{key: signal.value for key, signal in shown.items()},
        }
        self._outgoing.append((message.topic, orjson.dumps(payload)))
