"""JSON over MQTT as a source: one subscription for all tags, one batch for all that has arrived.

    topic ──TopicIndex──▶ readers of its tags ──JsonReader──▶ rows ──▶ batch ──asked for the next──▶ acknowledged

A message that cannot be read, wholly or in part, becomes one dead letter; what can be read
of it still comes through, and it is acknowledged like any other, or it would come for ever.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from collectors.mqtt.broker import unusable
from collectors.mqtt.client import Message
from collectors.mqtt.connection import Connection, connect
from collectors.mqtt.payload import JsonReader, Reading, Unreadable, parse
from collectors.mqtt.topics import TopicIndex, check_filter, covers, widest
from collectors.source import DeadLetter, DeadLetters, Point, Tally, discard
from configs import sources as configs
from configs.sources import MqttAddress
from plant.batch import Batch, BatchBuilder
from plant.clock import Clock
from plant.errors import ConfigError, Fault
from plant.quality import Quality


class MqttSource:
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
        self._config = config
        self._points = tuple(points)
        self._clock = clock
        self._dead_letters = dead_letters
        self._tally = Tally()
        self._index = TopicIndex(_compile(config.id, self._points))
        self._topics = widest(point.address.topic for point in self._points)

    @property
    def name(self) -> str:
        return self._config.id

    @property
    def tally(self) -> Tally:
        return self._tally

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.tag.path for point in self._points))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        async with connect(self._config, self._topics, clock=self._clock) as connection:
            if self._topics and len(connection.refused) == len(self._topics):
                raise unusable(self.name, "", f"{connection.peer} refuses every subscription: {connection.refused}")
            async with aclosing(self._batches(connection)) as batches:
                yield batches

    async def _batches(self, connection: Connection) -> AsyncGenerator[Batch, None]:
        self._tally.bad_points.clear()
        while True:
            rows = BatchBuilder()
            self._report_refused(connection, rows)
            messages = await connection.receive() if not len(rows) else []
            for message in messages:
                self._read(message, rows)
            if len(rows):
                self._tally.samples += len(rows)
                yield rows.build()
            # Only a consumer that has made the batch durable comes back here.
            connection.acknowledge(messages)

    def _read(self, message: Message, rows: BatchBuilder) -> None:
        readers = self._index.match(message.topic)
        if not readers:  # a session of old may still hold subscriptions that the configuration has lost
            self._tally.dropped += 1
            return
        reasons: list[str] = []
        try:
            document = parse(message.payload, limit=self._config.payload_limit)
        except Unreadable as error:
            self._set_aside(message, str(error))
            return
        for reader in readers:
            try:
                reading = reader.read(document, received=message.received, retained=message.retain)
            except Unreadable as error:
                reasons.append(f"{reader.path}: {error}")
            else:
                add(rows, reading, received=message.received)
        if reasons:
            self._set_aside(message, "; ".join(reasons))

    def _set_aside(self, message: Message, reason: str) -> None:
        self._tally.dead_letters += 1
        self._dead_letters(dead_letter(self.name, message, reason))

    def _report_refused(self, connection: Connection, rows: BatchBuilder) -> None:
        for topic, reason in connection.refused.items():
            for point in self._points:
                path = point.tag.path
                if path not in self._tally.bad_points and (
                    point.address.topic == topic or covers(topic, point.address.topic)
                ):
                    self._tally.bad_points[path] = f"the broker refuses the subscription {topic}: {reason}"
                    now = self._clock.now()
                    rows.add(path, now, math.nan, received=now, quality=Quality.BAD_NOT_READABLE, origin=point.origin)


def add(rows: BatchBuilder, reading: Reading, *, received: int) -> None:
    """Add a reading to the batch under construction."""
    path, time, value, quality, origin = reading
    rows.add(path, time, value, received=received, quality=quality, origin=origin)


def dead_letter(source: str, message: Message, reason: str) -> DeadLetter:
    """Make a dead letter of a message."""
    return DeadLetter(message.received, source, message.topic, reason[:500], message.payload[: DeadLetter.KEEP])


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
