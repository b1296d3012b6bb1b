"""What every source behind a broker does alike: connect, read, yield, acknowledge, set aside.

A subclass says which topics a tag needs and what a message means; this is the rest of
`collectors.source.Source`. A message that cannot be read, wholly or in part, becomes one dead
letter and is acknowledged like any other, or it would come for ever.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Generic

from collectors.mqtt.broker import Broker, Subscriptions, Will, unusable
from collectors.mqtt.client import Message
from collectors.mqtt.connection import Connection, connect
from collectors.mqtt.topics import covers, widest
from collectors.source import Address, DeadLetter, DeadLetters, Point, Tally
from plant.batch import Batch, BatchBuilder
from plant.clock import Clock
from plant.quality import Quality


class BrokerSource(ABC, Generic[Address]):
    """A source behind an MQTT broker.

    `topics_of` names the topic filters one tag needs; `extra` are those that belong to no tag.
    """

    def __init__(
        self,
        broker: Broker,
        points: Sequence[Point[Address]],
        *,
        topics_of: Callable[[Point[Address]], Sequence[str]],
        extra: Sequence[str] = (),
        qos: int = 1,
        session: float = 0.0,
        clock: Clock,
        dead_letters: DeadLetters,
    ) -> None:
        self._broker = broker
        self._points = tuple(points)
        self._clock = clock
        self._dead_letters = dead_letters
        self._tally = Tally()
        self._topics_of = topics_of
        topics = widest([topic for point in self._points for topic in topics_of(point)] + list(extra))
        self._subscriptions = Subscriptions(topics, qos, session)

    @property
    def name(self) -> str:
        return self._broker.id

    @property
    def tally(self) -> Tally:
        return self._tally

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.tag.path for point in self._points))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        will = self._will()
        async with connect(self._broker, self._subscriptions, clock=self._clock, will=will) as connection:
            if 0 < len(self._subscriptions.topics) == len(connection.refused):
                raise unusable(self.name, "", f"{connection.peer} refuses every subscription: {connection.refused}")
            self._tally.bad_points.clear()
            self._opened(connection)
            try:
                async with aclosing(self._batches(connection)) as batches:
                    yield batches
            finally:
                self._leaving(connection)

    async def _batches(self, connection: Connection) -> AsyncGenerator[Batch, None]:
        while True:
            rows = BatchBuilder()
            self._report_refused(connection, rows)
            messages = [] if len(rows) else await connection.receive(within=self._patience())
            for message in messages:
                self._read(message, rows)
            self._after(connection, rows)
            if len(rows):
                self._tally.samples += len(rows)
                yield rows.build()
            # Only a consumer that has made the batch durable comes back here.
            connection.acknowledge(messages)

    # -------------------------------------------------------------- what protocols differ in
    @abstractmethod
    def _read(self, message: Message, rows: BatchBuilder) -> None:
        """Turn one message into rows, or set it aside."""

    def _will(self) -> Will | None:
        """Return what the broker shall say when this source vanishes."""
        return None

    def _opened(self, connection: Connection) -> None:
        """Say what is to be said at the beginning."""

    def _leaving(self, connection: Connection) -> None:
        """Say what is to be said at the end; the connection may be lost already."""

    def _patience(self) -> float | None:
        """Return after how many seconds without messages `_after` wants to be called, or None."""
        return None

    def _after(self, connection: Connection, rows: BatchBuilder) -> None:
        """Do what remains once all messages at hand are read."""

    # ------------------------------------------------------------------------------- common
    def _set_aside(self, message: Message, reason: str) -> None:
        self._tally.dead_letters += 1
        payload = message.payload[: DeadLetter.KEEP]
        self._dead_letters(DeadLetter(message.received, self.name, message.topic, reason[:500], payload))

    def _report_refused(self, connection: Connection, rows: BatchBuilder) -> None:
        for topic, reason in connection.refused.items():
            for point in self._points:
                path = point.tag.path
                wanted = any(t == topic or covers(topic, t) for t in self._topics_of(point))
                if wanted and path not in self._tally.bad_points:
                    self._tally.bad_points[path] = f"the broker refuses the subscription {topic}: {reason}"
                    now = self._clock.now()
                    rows.add(path, now, math.nan, received=now, quality=Quality.BAD_NOT_READABLE, origin=point.origin)
