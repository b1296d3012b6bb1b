"""JSON over MQTT as a source: one subscription for all tags, one batch for all that has arrived.

topic ──TopicIndex──▶ readers of its tags ──JsonReader──▶ rows ──▶ batch ──asked for the next──▶ acknowledged
"""

from __future__ import annotations

from collections.abc import Sequence

from collectors.mqtt.base import BrokerSource
from collectors.mqtt.client import Message
from collectors.mqtt.payload import JsonReader, Unreadable, parse
from collectors.mqtt.topics import TopicIndex, check_filter
from collectors.source import DeadLetters, Point, discard
from configs import sources as configs
from configs.sources import MqttAddress
from plant.batch import BatchBuilder
from plant.clock import Clock
from plant.errors import ConfigError, Fault


class MqttSource(BrokerSource[MqttAddress]):
    """An MQTT broker whose payloads are JSON; see `collectors.source.Source`.

    Raises ConfigError for topics that cannot be subscribed to and pointers that are none.
    """

    def __init__(
        self,
        config: configs.MqttSource,
        points: Sequence[Point[MqttAddress]],
        *,
        clock: Clock,
        dead_letters: DeadLetters = discard,
    ) -> None:
        self._index = TopicIndex(_compile(config.id, points))
        self._limit = config.payload_limit
        super().__init__(
            config,
            points,
            topics_of=lambda point: (point.address.topic,),
            qos=config.qos,
            session=config.session,
            clock=clock,
            dead_letters=dead_letters,
        )

    def _read(self, message: Message, rows: BatchBuilder) -> None:
        readers = self._index.match(message.topic)
        if not readers:  # a session of old may still hold subscriptions that the configuration has lost
            self._tally.dropped += 1
            return
        try:
            document = parse(message.payload, limit=self._limit)
        except Unreadable as error:
            self._set_aside(message, str(error))
            return
        reasons: list[str] = []
        received = message.received
        for reader in readers:
            try:
                path, time, value, quality, origin = reader.read(document, received=received, retained=message.retain)
            except Unreadable as error:
                reasons.append(f"{reader.path}: {error}")
            else:
                rows.add(path, time, value, received=received, quality=quality, origin=origin)
        if reasons:
            self._set_aside(message, "; ".join(reasons))


def _compile(source: str, points: Sequence[Point[MqttAddress]]) -> list[tuple[str, JsonReader]]:
    entries: list[tuple[str, JsonReader]] = []
    faults: list[Fault] = []
    for point in points:
        try:
            check_filter(point.address.topic)
            entries.append((point.address.topic, JsonReader(point)))
        except ValueError as error:
            faults.append(Fault(f"source {source}", point.tag.path, str(error)))
    if faults:
        raise ConfigError(tuple(faults))
    return entries
