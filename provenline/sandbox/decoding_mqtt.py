"""MQTT control packets in words (MQTT 3.1.1 and 5.0); payloads of Sparkplug B as their metrics."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.mqtt import sparkplug_payload
from collectors.mqtt.payload import Unreadable
from provenline.sandbox.meaning import Fields, Meaning
from provenline.sandbox.wire import Caught

_PACKETS = (
    "?",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
)
_PUBLISH, _CONNECT, _CONNACK, _SUBSCRIBE, _SUBACK, _UNSUBSCRIBE = 3, 1, 2, 8, 9, 10
_WITH_ID = (4, 5, 6, 7, 8, 9, 10, 11)
_VERSIONS = {3: "3.1", 4: "3.1.1", 5: "5.0"}
_FIVE = 5
_PAYLOAD = 300


class _Octets:
    """Reads one part after the other. Raises ValueError when there is too little."""

    def __init__(self, octets: bytes) -> None:
        self.rest = octets

    def take(self, count: int) -> bytes:
        if len(self.rest) < count:
            raise ValueError("cut short")
        part, self.rest = self.rest[:count], self.rest[count:]
        return part

    def number(self, octets: int = 2) -> int:
        return int.from_bytes(self.take(octets), "big")

    def text(self) -> str:
        return self.take(self.number()).decode(errors="replace")

    def length(self) -> int:
        size = shift = 0
        while True:
            octet = self.number(1)
            size |= (octet & 0x7F) << shift
            shift += 7
            if not octet & 0x80:
                return size

    def properties(self, version: int) -> None:
        if version >= _FIVE:
            self.take(self.length())


def mqtt(caught: Caught) -> Meaning:
    """Return what an MQTT packet says. Raises ValueError for one that is cut short before its header ends."""
    octets, version = _Octets(caught.octets), caught.talk.version
    first = octets.number(1)
    octets.length()
    kind, name = first >> 4, _PACKETS[first >> 4]
    if kind == _PUBLISH:
        return _published(octets, first, version, cut=caught.size > len(caught.octets))
    if kind == _CONNECT:
        return _connecting(octets)
    if kind == _CONNACK:
        present, code = octets.number(1) & 1, octets.number(1)
        told = (("session present", str(bool(present)).lower()), ("reason code", f"0x{code:02X}"))
        return Meaning(f"{name} · {'accepted' if code == 0 else f'refused 0x{code:02X}'}", told)
    fields: Fields = (("packet id", str(octets.number())),) if kind in _WITH_ID else ()
    if kind in (_SUBSCRIBE, _UNSUBSCRIBE):
        octets.properties(version)
        topics = tuple(_topics(octets, with_options=kind == _SUBSCRIBE))
        return Meaning(f"{name} · {', '.join(topic for _, topic in topics)}", (*fields, *topics))
    if kind == _SUBACK:
        octets.properties(version)
        codes = " ".join(f"0x{code:02X}" for code in octets.rest)
        return Meaning(f"{name} · {codes}", (*fields, ("reason codes", codes)))
    return Meaning(name, fields)


def _topics(octets: _Octets, *, with_options: bool) -> Iterator[tuple[str, str]]:
    while octets.rest:
        topic = octets.text()
        yield (f"topic, QoS {octets.number(1) & 3}" if with_options else "topic"), topic


def _connecting(octets: _Octets) -> Meaning:
    octets.text()
    version, flags, keep_alive = octets.number(1), octets.number(1), octets.number()
    octets.properties(version)
    client = octets.text()
    fields = (
        ("version", _VERSIONS.get(version, str(version))),
        ("client id", client),
        ("clean start", str(bool(flags & 2)).lower()),
        ("keep alive", f"{keep_alive} s"),
        ("will", str(bool(flags & 4)).lower()),
        ("user name", "given" if flags & 0x80 else "none"),
    )
    return Meaning(f"CONNECT · {client or '(no client id)'} · MQTT {_VERSIONS.get(version, '?')}", fields)


def _published(octets: _Octets, first: int, version: int, *, cut: bool) -> Meaning:
    topic, qos = octets.text(), first >> 1 & 3
    fields: Fields = (("topic", topic), ("QoS", str(qos)), ("retain", str(bool(first & 1)).lower()))
    if qos:
        fields = (*fields, ("packet id", str(octets.number())))
    octets.properties(version)
    return Meaning(f"PUBLISH · {topic}", (*fields, *_payload(topic, octets.rest, cut=cut)))


def _payload(topic: str, payload: bytes, *, cut: bool) -> Fields:
    if topic.startswith("spBv1.0/") and not topic.startswith("spBv1.0/STATE/") and not cut:
        return _sparkplug(payload)
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return (("payload", f"{payload[:_PAYLOAD].hex()}{'…' if len(payload) > _PAYLOAD else ''}"),)
    return (("payload", text),)


def _sparkplug(payload: bytes) -> Fields:
    message = sparkplug_payload.decode(payload)
    fields = (("sequence", "none" if message.seq is None else str(message.seq)),)
    return (*fields, *((_named(metric), _shown(metric)) for metric in message.metrics))


def _named(metric: sparkplug_payload.Metric) -> str:
    return metric.name or f"alias {metric.alias}"


def _shown(metric: sparkplug_payload.Metric) -> str:
    """Return a metric's value; after the birth its data type is told by the field it stands in."""
    if metric.null:
        return "null"
    datatype = metric.datatype or _BY_FIELD.get(metric.field, 0)
    try:
        return str(metric.value(datatype))
    except Unreadable as error:
        return str(error)


_BY_FIELD = {10: 7, 11: 8, 12: 9, 13: 10, 14: 11, 15: 12}
"""Field of a Sparkplug metric's value to the data type it most likely is: UInt32, UInt64, Float, Double, …"""
