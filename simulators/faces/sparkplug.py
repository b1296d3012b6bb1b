"""A Sparkplug B edge node in front of a model, by paho.

    CONNECT with NDEATH as will ─▶ subscribe NCMD, STATE ─▶ host online? ─▶ NBIRTH, DBIRTH … ─▶ DDATA by exception
           ▲   bdSeq one more                                   │ NCMD rebirth: births again
           └────────── NDEATH, DISCONNECT ◀── host offline ─────┘

Every metric carries the time at which its signal was so, which may be earlier than that at
which the node learned of it. Nothing is stored while the node is not born; a birth gives
all values as they are. paho's thread only takes notes; the model's loop does the talking,
so births, data and their numbers are always in order.
Source: Sparkplug 3.0.0, clauses 5 and 6.
"""

from __future__ import annotations

import queue
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from itertools import groupby
from typing import Any, NamedTuple

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from plant.batch import Value
from plant.clock import MILLISECOND
from simulators.faces.endpoint import Endpoint
from simulators.faces.layout import SparkplugLayout
from simulators.faces.sparkplug_payload import REBIRTH, Entry, asks_for_rebirth, payload
from simulators.kernel.floor import Floor
from simulators.kernel.signals import Signal, watching

_NAMESPACE = "spBv1.0"
_KEEPALIVE = 15


@asynccontextmanager
async def serve_sparkplug(layout: SparkplugLayout, floor: Floor, *, broker: Endpoint) -> AsyncIterator[SparkplugFace]:
    """Run a layout's edge node at `broker` while the context is open."""
    face = SparkplugFace(layout, floor, broker)
    with watching([floor.signals[name] for name in dict.fromkeys(layout.signals)], face.note):
        await face.reach(reachable=True)
        try:
            yield face
        finally:
            face.leave()


class _Note(Enum):
    """What the broker told us."""

    CONNECTED = auto()
    LOST = auto()
    REBIRTH = auto()
    HOST_ONLINE = auto()
    HOST_OFFLINE = auto()


class _Change(NamedTuple):
    device: str
    at: int
    alias: int
    value: Value
    time: int


class SparkplugFace:
    """One edge node: its session, its births and what it reports by exception. `born`: it has been heard of."""

    def __init__(self, layout: SparkplugLayout, floor: Floor, broker: Endpoint) -> None:
        self.endpoint = broker
        self._floor = floor
        self._layout = layout
        self._devices = sorted({m.device for m in layout.metrics if m.device})
        self._aliases = {metric: alias for alias, metric in enumerate(layout.metrics)}
        self._of = {name: [m for m in layout.metrics if m.signal == name] for name in layout.signals}
        self._notes: queue.SimpleQueue[_Note] = queue.SimpleQueue()
        self._changes: list[_Change] = []
        self._alive: set[str] = set()
        self.born = self._connected = self._reachable = False
        self._host_online = layout.host_id is None
        self._host_since = -1
        self._seq = 0
        self._bd_seq = -1
        self._client = self._make()

    # --------------------------------------------------------------------------- face
    async def flush(self) -> None:
        """Follow what the broker said, then report what changed since the last call."""
        while not self._notes.empty():
            self._follow(self._notes.get())
        changes, self._changes = self._changes, []
        if not self.born:
            return
        self._look_after_devices()
        for (device, _), group in groupby(changes, key=lambda c: (c.device, c.at)):
            if not device or device in self._alive:
                entries = [Entry(alias=c.alias, value=c.value, time=c.time) for c in group]
                self._say("DDATA" if device else "NDATA", device, entries)

    async def reach(self, *, reachable: bool) -> None:
        """Lose the broker as by a cut cable, so that it publishes our will; or connect again."""
        self._reachable = reachable
        if reachable:
            self._connect()
            return
        line = self._client.socket()
        if isinstance(line, socket.socket):
            with suppress(OSError):  # it may have gone by itself
                line.shutdown(socket.SHUT_RDWR)
        self._hang_up()

    def note(self, signal: Signal) -> None:
        """Write down what a signal shows, for the next flush."""
        if not signal.occurred or not signal.device.online:
            return
        for metric in self._of[signal.name]:
            alias = self._aliases[metric]
            self._changes.append(_Change(metric.device, self._floor.now(), alias, signal.value, signal.time))

    def leave(self) -> None:
        """Say that the node dies, and go; a broker does not publish the will of one who says goodbye."""
        if self.born:
            self._client.publish(self._topic("NDEATH"), self._death(), qos=0)
        self._hang_up()

    # ------------------------------------------------------------------------ session
    def _connect(self) -> None:
        self._client = self._make()  # a client that was stopped once does not start again cleanly
        self._client.connect_async(self.endpoint.host, self.endpoint.port, keepalive=_KEEPALIVE)
        self._client.loop_start()

    def _make(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"simulator-{self._layout.name}-{uuid.uuid4().hex[:8]}",
            protocol=paho.MQTTv311,
        )
        client.reconnect_delay_set(min_delay=1, max_delay=5)
        client.on_pre_connect = self._about_to_connect
        client.on_connect = self._on_connect
        client.on_disconnect = lambda *_: self._notes.put(_Note.LOST)
        client.on_message = self._on_message
        return client

    def _about_to_connect(self, client: paho.Client, _: Any) -> None:  # noqa: ANN401 - the library's
        self._bd_seq = (self._bd_seq + 1) % 256
        client.will_set(self._topic("NDEATH"), self._death(), qos=1)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            return
        topics = [(self._topic("NCMD"), 1)]
        if self._layout.host_id:
            topics.append((self._state_topic, 1))
        client.subscribe(topics)
        self._notes.put(_Note.CONNECTED)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        if message.topic == self._topic("NCMD"):
            if asks_for_rebirth(bytes(message.payload)):
                self._notes.put(_Note.REBIRTH)
            return
        try:
            state = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            return
        online, since = (state.get("online"), state.get("timestamp")) if isinstance(state, dict) else (None, None)
        if isinstance(online, bool) and isinstance(since, int) and since >= self._host_since:
            self._host_since = since  # an older will of the host's may come after its new birth
            self._notes.put(_Note.HOST_ONLINE if online else _Note.HOST_OFFLINE)

    def _follow(self, note: _Note) -> None:
        if note is _Note.LOST:
            self.born = self._connected = False
            return
        if note is _Note.HOST_OFFLINE:
            self._host_online = False
            if self.born:  # clause 5.5: die, disconnect, and wait on a new connection
                self.leave()
                self._connect()
            return
        self._connected |= note is _Note.CONNECTED
        self._host_online |= note is _Note.HOST_ONLINE
        due = self.born if note is _Note.REBIRTH else not self.born
        if due and self._connected and self._host_online and self._reachable:
            self._give_birth()

    def _hang_up(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self.born = self._connected = False
        while not self._notes.empty():  # what was said on the old connection
            self._notes.get()

    # ------------------------------------------------------------------------- births
    def _give_birth(self) -> None:
        self._changes.clear()  # a birth gives everything as it is
        self._seq = 0
        now = self._floor.now()
        entries = [
            Entry(name="bdSeq", value=self._bd_seq, time=now),
            Entry(name=REBIRTH, value=False, time=now),
            Entry(name="Node Info/Simulated", value=True, time=now),
            *self._all_of(""),
        ]
        self._say("NBIRTH", "", entries)
        self.born, self._alive = True, set()
        self._look_after_devices()

    def _look_after_devices(self) -> None:
        for device in self._devices:
            online = all(
                self._floor.signals[m.signal].device.online for m in self._layout.metrics if m.device == device
            )
            if online and device not in self._alive:
                self._alive.add(device)
                self._say("DBIRTH", device, list(self._all_of(device)))
            elif not online and device in self._alive:
                self._alive.discard(device)
                self._say("DDEATH", device, [])

    def _all_of(self, device: str) -> Iterator[Entry]:
        for metric, alias in self._aliases.items():
            if metric.device == device:
                signal = self._floor.signals[metric.signal]
                yield Entry(name=metric.name, alias=alias, value=signal.value, time=signal.time)

    # ---------------------------------------------------------------------------- wire
    def _say(self, kind: str, device: str, entries: list[Entry]) -> None:
        content = payload(entries, time=self._floor.now(), seq=self._seq)
        self._seq = (self._seq + 1) % 256
        topic = self._topic(kind)
        self._client.publish(f"{topic}/{device}" if device else topic, content, qos=0)

    def _death(self) -> bytes:
        now = self._floor.now() // MILLISECOND * MILLISECOND
        return payload([Entry(name="bdSeq", value=self._bd_seq, time=now)], time=now, seq=None)

    def _topic(self, kind: str) -> str:
        return f"{_NAMESPACE}/{self._layout.group}/{kind}/{self._layout.name}"

    @property
    def _state_topic(self) -> str:
        return f"{_NAMESPACE}/STATE/{self._layout.host_id}"
