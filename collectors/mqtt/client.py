"""paho's MQTT client, without its socket: bytes come from asyncio, and acknowledging waits.

    asyncio transport ──data──▶ Pipe ──recv──▶ paho (packets, keep-alive, handshakes) ──▶ deliver(Message)
                      ◀──────── Pipe ◀──send── paho ◀── acknowledge(messages), publish(…)

paho owns the protocol, asyncio owns the connection: name look-up, TLS, write buffers and
back-pressure come with its transport, and no thread is needed.

Three private names of paho 2.2 are relied upon, and a test guards each:

- `_create_socket`: where paho would open a socket, it is given the pipe.
- `_handle_publish`: paho answers a QoS 2 PUBLISH with PUBREC at once and keeps the message in
  memory until PUBREL, so a crash in between loses it: the broker will not send it again. Here
  a message is delivered when it arrives, and PUBREC (QoS 2) or PUBACK (QoS 1) is sent only
  when it is acknowledged. So both qualities mean *at least once*, whatever crashes; QoS 2 is
  exactly once as long as the connection lasts. PUBREL is answered by paho with PUBCOMP.
- `_packet_queue`: all acknowledgements of a batch leave as one write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_ACKNOWLEDGE = {1: b"\x40\x02", 2: b"\x50\x02"}
"""Fixed headers of PUBACK and PUBREC; without reason code they read "success" in 3.1.1 and 5."""


class Message(NamedTuple):
    """One application message. `received`: ns UTC, when its bytes arrived."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    retain: bool
    received: int


class Pipe:
    """What paho takes for a non-blocking socket: received bytes wait here, sent ones go straight on."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._bytes = b""
        self._at = 0

    def __len__(self) -> int:
        return len(self._bytes) - self._at

    def feed(self, data: bytes) -> None:
        """Add received bytes behind those not read yet."""
        self._bytes = self._bytes[self._at :] + data
        self._at = 0

    def recv(self, buffer_size: int) -> bytes:
        if self._at >= len(self._bytes):
            raise BlockingIOError
        start = self._at
        self._at = min(start + buffer_size, len(self._bytes))
        return self._bytes[start : self._at]

    def send(self, buffer: bytes | bytearray) -> int:
        self._write(bytes(buffer))
        return len(buffer)

    def close(self) -> None:
        """Do nothing: the transport belongs to the connection, which may still be sending."""

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:
        """Do nothing: a pipe never blocks."""


class Client(paho.Client):
    """An MQTT client over a `Pipe` that hands on messages at once and acknowledges when told.

    `deliver` takes each message, with `stamp()` as its time of receipt.
    """

    def __init__(
        self,
        pipe: Pipe,
        *,
        client_id: str,
        version: MQTTProtocolVersion,
        clean_session: bool | None,
        deliver: Callable[[Message], None],
        stamp: Callable[[], int],
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean_session,
            protocol=version,
            reconnect_on_failure=False,
        )
        self._pipe = pipe
        self._deliver = deliver
        self._stamp = stamp
        self._aliases: dict[int, str] = {}

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Tell the broker that these messages are safe; those of QoS 0 need nothing."""
        acks = b"".join(_ACKNOWLEDGE[m.qos] + m.mid.to_bytes(2) for m in messages if m.qos)
        if acks and self.is_connected():
            self._packet_queue(PacketTypes.PUBACK << 4, acks, 0, 1)

    def ping(self) -> None:
        """Ask for a sign of life now, beside paho's own schedule."""
        self._send_pingreq()

    def _create_socket(self) -> paho.SocketLike:
        return self._pipe

    def _handle_publish(self) -> MQTTErrorCode:
        flags = self._in_packet["command"]
        packet = bytes(self._in_packet["packet"])
        qos, end = flags >> 1 & 0b11, 2 + int.from_bytes(packet[:2])
        at = end + (2 if qos else 0)
        if at > len(packet) or qos > 2:
            raise MalformedPacket("PUBLISH is cut short or has QoS 3")
        try:
            topic = packet[2:end].decode()
        except UnicodeDecodeError as error:
            raise MalformedPacket("PUBLISH has a topic that is not UTF-8") from error
        if self.protocol is MQTTProtocolVersion.MQTTv5:
            topic, at = self._properties(packet, at, topic)
        if not topic:
            raise MalformedPacket("PUBLISH has no topic")
        mid = int.from_bytes(packet[end : end + 2]) if qos else 0
        self._deliver(Message(topic, packet[at:], qos, mid, bool(flags & 1), self._stamp()))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _properties(self, packet: bytes, at: int, topic: str) -> tuple[str, int]:
        """Return the topic, looked up or kept under its alias, and where the payload begins."""
        if packet[at : at + 1] == b"\0":
            return topic, at + 1
        found, size = Properties(PacketTypes.PUBLISH).unpack(packet[at:])  # type: ignore[no-untyped-call]
        alias = getattr(found, "TopicAlias", None)
        if alias is None:
            return topic, at + size
        if topic:
            self._aliases[alias] = topic
        elif alias not in self._aliases:
            raise MalformedPacket(f"PUBLISH uses topic alias {alias}, which was never given")
        return self._aliases[alias], at + size
