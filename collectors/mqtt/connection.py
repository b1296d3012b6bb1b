"""One connection to a broker: subscribed, kept alive, bounded, and acknowledged from outside.

    async with connect(broker, Subscriptions(["plant/#"], qos=1), clock=clock) as connection:
        messages = await connection.receive()      # all that has arrived, at least one
        ...
        connection.acknowledge(messages)           # now they are safe

Nothing is dropped here. When messages are not taken, the socket is no longer read, so the
broker has to hold them back; with QoS 1 and 2 it does that by itself, because it may only
have so many unacknowledged (in MQTT 5 as many as we say, in 3.1.1 as many as it likes).
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import cast

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collectors.mqtt.broker import Broker, Subscriptions, Will, password_of, tls_of, unusable
from collectors.mqtt.client import Client, Message, Pipe
from plant.clock import Clock
from plant.errors import ConfigError, Disconnected

CONNECT_WITHIN = 10.0
"""Seconds for name look-up, TCP, TLS, CONNACK and SUBACK together."""
CLOSE_WITHIN = 1.0
HELD_MESSAGES = 4096
HELD_BYTES = 8 * 2**20
"""Unconsumed messages beyond either limit stop the reading of the socket."""
UNACKNOWLEDGED = 2048
"""MQTT 5: how many QoS 1 and 2 messages the broker may send ahead of our acknowledgements."""
LARGEST_PACKET = 16 * 2**20 + 65_536
"""MQTT 5: the broker withholds larger packets; above any `payload_limit` plus a topic."""

_FILTERS_PER_PACKET = 100
_TICK = 1.0
_HOPELESS = frozenset({0x80 + n for n in (0x04, 0x05, 0x06, 0x07, 0x0A, 0x0C, 0x15, 0x1A, 0x1B)})
"""CONNACK reasons that no retry changes: version, client id, password, not authorized, banned,
authentication method, and what the broker does not support. A wrong password is among them on
purpose: trying it again and again locks accounts and fills the broker's log."""

_BROKEN = (MQTTException, struct.error, ValueError, LookupError, TypeError)
"""What paho's decoders raise on packets that no broker should send."""


@asynccontextmanager
async def connect(
    broker: Broker, subscriptions: Subscriptions, *, clock: Clock, will: Will | None = None
) -> AsyncIterator[Connection]:
    """Connect and subscribe; leaving closes the connection, but not the session.

    Raises Disconnected when the broker cannot be had, ConfigError when it refuses us for
    good or the TLS files or the password cannot be used.
    """
    connection = Connection(broker, subscriptions, clock=clock, will=will)
    ticker: asyncio.Task[None] | None = None
    try:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await connection.dial()
                await connection.subscribe()
        except TimeoutError as error:
            raise Disconnected(
                f"{connection.peer} did not answer within {CONNECT_WITHIN:.0f} s (does it speak MQTT {broker.version}?)"
            ) from error
        ticker = asyncio.create_task(connection.keep_alive(), name=f"mqtt[{broker.id}] keep-alive")
        yield connection
    finally:
        if ticker:
            ticker.cancel()
        await connection.close()


class Connection(asyncio.Protocol):
    """A connected client; made by `connect` only.

    `refused`: subscriptions the broker did not grant, with its reason.
    """

    def __init__(self, broker: Broker, subscriptions: Subscriptions, *, clock: Clock, will: Will | None) -> None:
        self.peer = f"mqtt://{broker.host}:{broker.port}"
        self.refused: dict[str, str] = {}
        self._broker = broker
        self._wanted = subscriptions
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._pipe = Pipe(self._write)
        self._client = self._build(will)
        self._held: list[Message] = []
        self._held_bytes = 0
        self._stamp = 0
        self._paused = False
        self._news = asyncio.Event()
        self._accepted = False
        self._lost: Disconnected | ConfigError | None = None
        self._closed = asyncio.Event()
        self._subscribing: dict[int, Sequence[str]] = {}

    # -------------------------------------------------------------- for those who use it
    async def receive(self, *, within: float | None = None) -> list[Message]:
        """Take all messages that have arrived; wait for one when there is none.

        Returns none after `within` seconds. Raises Disconnected once the connection is lost
        and everything before is taken.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not self._held:
                    if self._lost:
                        raise self._lost
                    await self._wait()
        taken, self._held, self._held_bytes = self._held, [], 0
        self._pump()
        return taken

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Tell the broker that these messages are safe."""
        self._client.acknowledge(messages)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message; without effect when the connection is already lost."""
        if not self._lost:
            self._client.publish(topic, payload, qos, retain)

    # ---------------------------------------------------------------- for `connect` only
    async def dial(self) -> None:
        """Connect the transport and wait for the broker's consent."""
        tls = tls_of(self._broker)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: self,
                self._broker.host,
                self._broker.port,
                ssl=tls,
                server_hostname=self._broker.host if tls else None,
            )
        except ssl.SSLCertVerificationError as error:
            raise unusable(
                self._broker.id, "tls", f"the certificate of {self.peer} is refused: {error.verify_message}"
            ) from error
        except OSError as error:
            raise Disconnected(f"{self.peer}: {error}") from error
        self._greet()
        while not self._accepted:
            if self._lost:
                raise self._lost
            await self._wait()

    async def subscribe(self) -> None:
        """Ask for all topics and wait for the answers, unless messages crowd them out."""
        topics, qos = self._wanted.topics, self._wanted.qos
        for start in range(0, len(topics), _FILTERS_PER_PACKET):
            part = topics[start : start + _FILTERS_PER_PACKET]
            _, mid = self._client.subscribe([(topic, qos) for topic in part])
            if mid is not None:
                self._subscribing[mid] = part
        while self._subscribing and not self._paused:
            if self._lost:
                raise self._lost
            await self._wait()

    async def keep_alive(self) -> None:
        """Have paho look at its clock; it pings, and gives up on a silent broker."""
        idle = 0.0
        while not self._lost:
            await self._clock.sleep(_TICK)
            if not self._paused:
                # One tick of grace after a pause: the answers to our pings are still in the socket.
                if not idle:
                    self._client.loop_misc()
                idle = 0.0
                continue
            idle += _TICK
            if idle % max(self._broker.keepalive // 2, 1) < _TICK:
                self._client.ping()

    async def close(self) -> None:
        """Say good-bye and let the broker hang up; do it ourselves when it does not.

        A socket closed under a broker that is still sending is reset, and a reset destroys
        the acknowledgements that the broker has not read yet.
        """
        if self._transport is None:
            return
        if self._accepted and not self._lost:
            self._lost = Disconnected("closed")
            self._client.disconnect()
            self._transport.resume_reading()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await self._closed.wait()
        self._transport.abort()
        await self._closed.wait()

    # ------------------------------------------------------------------ asyncio's side
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._lost:
            return
        self._stamp = self._clock.now()
        self._pipe.feed(data)
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        if isinstance(exc, ssl.SSLError) and "CERTIFICATE" in (exc.reason or ""):
            self._lose(unusable(self._broker.id, "tls", f"{self.peer} refuses this client's certificate: {exc.reason}"))
        self._lose(Disconnected(f"{self.peer} closed the connection" + (f": {exc}" if exc else "")))

    # --------------------------------------------------------------------- paho's side
    def _build(self, will: Will | None) -> Client:
        broker, five = self._broker, self._broker.version == "5"
        client = Client(
            self._pipe,
            client_id=broker.client_id or "",
            version=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else not self._lasting,
            deliver=self._deliver,
            stamp=lambda: self._stamp,
        )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        if will:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        if broker.user is not None:
            client.username_pw_set(broker.user, password_of(broker))
        return client

    @property
    def _lasting(self) -> bool:
        return bool(self._broker.client_id and self._wanted.session)

    def _greet(self) -> None:
        broker = self._broker
        if broker.version == "3.1.1":
            self._client.connect(broker.host, broker.port, broker.keepalive)
            return
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.ReceiveMaximum = UNACKNOWLEDGED
        wishes.MaximumPacketSize = LARGEST_PACKET
        wishes.TopicAliasMaximum = 65_535
        if self._lasting:
            wishes.SessionExpiryInterval = min(round(self._wanted.session), 2**32 - 1)
        self._client.connect(
            broker.host, broker.port, broker.keepalive, clean_start=not self._lasting, properties=wishes
        )

    def _on_connect(
        self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if not reason.is_failure:
            self._accepted = True
            self._news.set()
        elif reason.value in _HOPELESS:
            self._lose(unusable(self._broker.id, "", f"{self.peer} refuses the connection: {reason}"))
        else:
            self._lose(Disconnected(f"{self.peer} refuses the connection for now: {reason}"))

    def _on_subscribe(
        self, _client: paho.Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        topics = self._subscribing.pop(mid, ())
        self.refused.update({t: str(r) for t, r in zip(topics, reasons, strict=False) if r.is_failure})
        self._news.set()

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._lose(Disconnected(f"{self.peer} is lost: {reason}"))

    def _deliver(self, message: Message) -> None:
        self._held.append(message)
        self._held_bytes += len(message.payload)

    # ---------------------------------------------------------------------- in between
    def _pump(self) -> None:
        """Let paho take packets until they run out or enough are held; then stop or go on reading."""
        try:
            while len(self._pipe) and not self._full:
                if self._client.loop_read() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                    break
        except _BROKEN as error:
            self._lose(Disconnected(f"{self.peer} sent what is not MQTT: {error}"))
        if self._client.want_write():
            self._client.loop_write()
        if self._full is not self._paused and self._transport and not self._lost:
            self._paused = self._full
            self._transport.pause_reading() if self._paused else self._transport.resume_reading()
        if self._held:
            self._news.set()

    @property
    def _full(self) -> bool:
        return len(self._held) >= HELD_MESSAGES or self._held_bytes >= HELD_BYTES

    def _lose(self, error: Disconnected | ConfigError) -> None:
        self._lost = self._lost or error  # the first reason is the cause, what follows are its effects
        self._news.set()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)
