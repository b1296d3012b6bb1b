"""Sparkplug B edge nodes as a source: this is a host application that only listens.

It writes two things, both of which the specification asks of a host: a request for rebirth to
a node it does not understand (`NCMD`, never a process command), and, with a `host_id`, its own
state, so that edge nodes which store while their primary host is away know when to send.

The session is always clean: what an edge node sent while we were away is not a queue of
values but a history without its births. Sparkplug 3.0.0, clauses 5.2, 5.12 and 6.4.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from collectors.mqtt.base import BrokerSource
from collectors.mqtt.broker import Will
from collectors.mqtt.client import Message
from collectors.mqtt.connection import Connection
from collectors.mqtt.sparkplug_host import NAMESPACE, Host
from collectors.mqtt.sparkplug_payload import rebirth_request
from collectors.source import DeadLetters, Point, discard
from configs import sources as configs
from configs.sources import SparkplugAddress
from plant.batch import BatchBuilder
from plant.clock import MILLISECOND, Clock


class SparkplugSource(BrokerSource[SparkplugAddress]):
    """The edge nodes that points belong to, behind one broker; see `collectors.source.Source`."""

    def __init__(
        self,
        config: configs.SparkplugSource,
        points: Sequence[Point[SparkplugAddress]],
        *,
        clock: Clock,
        dead_letters: DeadLetters = discard,
    ) -> None:
        self._state = f"{NAMESPACE}/STATE/{config.host_id}" if config.host_id else None
        self._limit = config.payload_limit
        self._since = 0
        super().__init__(
            config,
            points,
            topics_of=_topics_of,
            extra=(self._state,) if self._state else (),
            clock=clock,
            dead_letters=dead_letters,
        )
        self._host = Host(self._points, tally=self._tally, set_aside=self._set_aside, reorder=config.reorder)
        self._offline_heard = False

    def _will(self) -> Will | None:
        # The birth below carries the same time: that is how others know which will belongs to it.
        self._since = self._clock.now()
        return Will(self._state, _state(online=False, time=self._since)) if self._state else None

    def _opened(self, connection: Connection) -> None:
        self._say_online(connection)
        self._host.begin(self._clock.monotonic())
        self._ask(connection)

    def _leaving(self, connection: Connection) -> None:
        if self._state:
            now = self._clock.now()
            connection.publish(self._state, _state(online=False, time=now), qos=1, retain=True)

    def _patience(self) -> float | None:
        deadline = self._host.deadline
        return None if deadline is None else max(0.0, deadline - self._clock.monotonic())

    def _read(self, message: Message, rows: BatchBuilder) -> None:
        if message.topic == self._state:
            self._offline_heard |= b"true" not in message.payload
        elif len(message.payload) > self._limit:
            self._set_aside(message, f"{len(message.payload)} bytes are more than the limit of {self._limit}")
        else:
            self._host.take(message, rows, now=self._clock.monotonic())

    def _after(self, connection: Connection, rows: BatchBuilder) -> None:
        self._host.expire(rows, now=self._clock.monotonic())
        self._ask(connection)
        if self._offline_heard:  # the will of our own last connection, late
            self._say_online(connection)

    def _say_online(self, connection: Connection) -> None:
        self._offline_heard = False
        if self._state:
            connection.publish(self._state, _state(online=True, time=self._since), qos=1, retain=True)

    def _ask(self, connection: Connection) -> None:
        for group, node in self._host.requests:
            connection.publish(f"{NAMESPACE}/{group}/NCMD/{node}", rebirth_request(self._clock.now()))
        self._host.requests.clear()


def _topics_of(point: Point[SparkplugAddress]) -> tuple[str, str]:
    node = f"{NAMESPACE}/{point.address.group}/+/{point.address.node}"
    return node, f"{node}/+"


def _state(*, online: bool, time: int) -> bytes:
    return orjson.dumps({"online": online, "timestamp": time // MILLISECOND})
