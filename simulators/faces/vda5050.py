"""A fleet on a real broker, by paho: each vehicle a client of its own with its last will, the manager another.

    vehicle ── state, visualization, factsheet, connection ─▶ broker ─▶ manager, and whoever listens
            ◀───────────── order, instantActions ─────────── broker ◀─ manager, or another one

Messages cross the modelled radio first and then this broker, as JSON, before the other side
acts on them; so a vehicle obeys whatever manager speaks to it here. All topics go with QoS 0
but `connection`, which is retained and goes with QoS 1.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from configs.sources import Vda5050Source
from simulators.faces.endpoint import Endpoint
from simulators.faces.layout import Vda5050Layout
from simulators.faces.vda5050_json import Headers, Version, kind_of, read, write, write_connection
from simulators.kernel.floor import Floor
from simulators.vda5050 import MANUFACTURER, ConnectionState, InstantActions, Message, Order

log = structlog.get_logger(__name__)

_KEEPALIVE = 15  # s, as the specification recommends
_WAITING_MESSAGES = 1000
_UNREAD_MESSAGES = 10_000
_TO_VEHICLE = ("order", "instantActions")


@asynccontextmanager
async def serve_vda5050(
    layout: Vda5050Layout, floor: Floor, *, broker: Endpoint, source: Vda5050Source
) -> AsyncIterator[Vda5050Face]:
    """Connect a layout's vehicles and their manager to `broker` while the context is open.

    Topics and version are those that `source` expects.
    """
    face = Vda5050Face(layout, floor, broker, source)
    layout.exchange.relay = face.compose
    await face.reach(reachable=True)
    try:
        yield face
    finally:
        layout.exchange.relay = None
        await face.reach(reachable=False)


class Vda5050Face:
    """A fleet's clients. `unreadable` counts messages to us that were none."""

    def __init__(self, layout: Vda5050Layout, floor: Floor, broker: Endpoint, source: Vda5050Source) -> None:
        self.endpoint = broker
        self.unreadable = 0
        self._floor = floor
        self._exchange = layout.exchange
        self._version = Version.V3 if source.major == "v3" else Version.V2
        self._root = f"{source.interface or self._version.interface}/{source.major}/{MANUFACTURER}"
        self._headers: dict[str, Headers] = {}
        self._outgoing: list[Message] = []
        self._arrived: deque[paho.MQTTMessage] = deque(maxlen=_UNREAD_MESSAGES)
        self._vehicles = {name: self._vehicle(name) for name in layout.vehicles}
        self._manager = self._client("manager", [f"{self._root}/{name}/state" for name in layout.vehicles])
        self._present: set[str] = set()
        self._reachable = False

    async def flush(self) -> None:
        """Publish what has crossed the radio since the last call, and deliver what the broker brought."""
        self._look_who_is_on()
        outgoing, self._outgoing = self._outgoing, []
        if self._reachable:
            for message in outgoing:
                self._publish(message)
        while self._arrived:
            self._deliver(self._arrived.popleft())

    async def reach(self, *, reachable: bool) -> None:
        """Leave the broker, or connect to it again; who leaves in good order says so before."""
        self._reachable = reachable
        if reachable:
            _connect(self._manager, self.endpoint)
            self._look_who_is_on()
            return
        for name in sorted(self._present):
            self._leave(name)
        self._manager.disconnect()
        self._manager.loop_stop()

    def compose(self, message: Message) -> None:
        """Keep a message that has crossed the radio for the next flush."""
        self._outgoing.append(message)

    # ------------------------------------------------------------------------------ clients
    def _vehicle(self, name: str) -> paho.Client:
        client = self._client(name, [f"{self._root}/{name}/{kind}" for kind in _TO_VEHICLE])
        topic = f"{self._root}/{name}/connection"
        client.will_set(topic, self._connection(name, ConnectionState.BROKEN), qos=1, retain=True)
        return client

    def _client(self, name: str, topics: list[str]) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{MANUFACTURER}-{name}-{uuid.uuid4().hex[:8]}",
            protocol=paho.MQTTv311,
        )
        client.reconnect_delay_set(min_delay=1, max_delay=5)
        client.max_queued_messages_set(_WAITING_MESSAGES)
        client.on_message = lambda _client, _data, message: self._arrived.append(message)

        def connected(client: paho.Client, *_: object) -> None:
            client.subscribe([(topic, 0) for topic in topics])
            if name in self._present:
                online = self._connection(name, ConnectionState.ONLINE)
                client.publish(f"{self._root}/{name}/connection", online, qos=1, retain=True)

        client.on_connect = connected
        return client

    def _look_who_is_on(self) -> None:
        """Connect the vehicles that are switched on, and let go of those that died."""
        for name, client in self._vehicles.items():
            online = self._reachable and self._exchange.online(name)
            if online and name not in self._present:
                self._present.add(name)
                _connect(client, self.endpoint)
            elif not online and name in self._present:
                self._leave(name)

    def _leave(self, name: str) -> None:
        client = self._vehicles[name]
        self._present.discard(name)
        last = self._connection(name, ConnectionState.OFFLINE)
        client.publish(f"{self._root}/{name}/connection", last, qos=1, retain=True)
        client.disconnect()
        client.loop_stop()

    # ----------------------------------------------------------------------------- messages
    def _publish(self, message: Message) -> None:
        topic = f"{self._root}/{message.vehicle}/{kind_of(message)}"
        payload = write(message, self._header(topic), self._version)
        sender = self._manager if isinstance(message, (Order, InstantActions)) else self._vehicles[message.vehicle]
        sender.publish(topic, payload, qos=0)

    def _deliver(self, message: paho.MQTTMessage) -> None:
        *_, name, kind = message.topic.split("/")
        try:
            self._exchange.hand_over(read(kind, name, bytes(message.payload)))
        except ValueError as error:
            self.unreadable += 1
            log.warning("unreadable message", topic=message.topic, error=str(error))
            if kind in _TO_VEHICLE:
                self._exchange.refuse(name, str(error))

    def _connection(self, name: str, state: ConnectionState) -> bytes:
        header = self._header(f"{self._root}/{name}/connection")
        return write_connection(name, state, time=self._floor.now(), header=header, version=self._version)

    def _header(self, topic: str) -> int:
        return self._headers.setdefault(topic, Headers()).take()


def _connect(client: paho.Client, broker: Endpoint) -> None:
    client.connect_async(broker.host, broker.port, keepalive=_KEEPALIVE)
    client.loop_start()
