"""What a Sparkplug host knows of its edge nodes: who is born, what aliases mean, what is missing.

    NBIRTH ──▶ born, seq = 0 ──▶ DBIRTH, NDATA, DDATA … each seq one more, 255 wraps to 0
                  │                     │ a gap: hold what follows; after `reorder` seconds
                  │                     ▼ take it all the same, count the gap, ask for a rebirth
    NDEATH with the birth's bdSeq ──▶ every tag of the node and its devices reads bad at once

No I/O: messages go in, rows and requests for rebirth come out.
Source: Sparkplug 3.0.0, clauses 5.4 to 5.13 and 6.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from collectors.mqtt.client import Message
from collectors.mqtt.payload import Unreadable, believable, scaled
from collectors.mqtt.sparkplug_payload import Metric, Payload, decode
from collectors.source import Point, Tally
from configs.sources import SparkplugAddress
from plant.batch import BatchBuilder, Origin, Value
from plant.quality import Quality

NAMESPACE = "spBv1.0"
ASK_EVERY = 5.0
"""Seconds between two requests for rebirth to one node, however much of it is not understood."""
MOST_HELD = 64
"""Messages held back behind a missing one; beyond, it counts as lost."""

_NODE_KINDS = frozenset({"NBIRTH", "NDATA", "NDEATH"})
_DEVICE_KINDS = frozenset({"DBIRTH", "DDATA", "DDEATH"})
_OPC_DA = {0: Quality.BAD, 192: Quality.GOOD, 500: Quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE}
"""The property `Quality` as hosts use it: bad, good, stale."""

_Key = tuple[str, str]
"""A device (empty for the node itself) and a metric's name."""


class _Born(NamedTuple):
    datatype: int
    simulated: bool


class _Arrived(NamedTuple):
    message: Message
    kind: str
    device: str
    payload: Payload


@dataclass(slots=True)
class _Node:
    points: dict[_Key, list[Point[SparkplugAddress]]] = field(default_factory=dict)
    alive: bool = False
    bd_seq: int | None = None
    expected: int = 0
    simulated: bool = False
    aliases: dict[int, _Key] = field(default_factory=dict)
    births: dict[_Key, _Born] = field(default_factory=dict)
    held: dict[int, _Arrived] = field(default_factory=dict)
    held_since: float = 0.0
    asked: float = -math.inf

    def forget(self, device: str) -> None:
        """Forget what a device (or the node itself, empty) said at its birth."""
        self.births = {key: born for key, born in self.births.items() if key[0] != device}
        self.aliases = {alias: key for alias, key in self.aliases.items() if key[0] != device}

    def lose(self, keys: Iterable[_Key], rows: BatchBuilder, *, time: int, received: int, why: Quality) -> None:
        """Let the tags of these metrics read bad."""
        for key in keys:
            born = self.births.get(key)
            simulated = self.simulated or (born is not None and born.simulated)
            for point in self.points[key]:
                origin = point.origin | Origin.SIMULATED if simulated else point.origin
                rows.add(point.tag.path, time, math.nan, received=received, quality=why, origin=origin)


class Host:
    """The host's side of Sparkplug for the nodes its points belong to.

    `set_aside` takes each message that cannot be read, wholly or in part, with the reason.
    `requests`: (group, node) pairs to be asked for a rebirth; whoever sends them clears it.
    Times called `now` are seconds that never go back.
    """

    def __init__(
        self,
        points: Sequence[Point[SparkplugAddress]],
        *,
        tally: Tally,
        set_aside: Callable[[Message, str], None],
        reorder: float,
    ) -> None:
        self.requests: set[tuple[str, str]] = set()
        self._tally = tally
        self._set_aside = set_aside
        self._reorder = reorder
        self._nodes: dict[tuple[str, str], _Node] = {}
        for point in points:
            address = point.address
            node = self._nodes.setdefault((address.group, address.node), _Node())
            node.points.setdefault((address.device or "", address.metric), []).append(point)

    @property
    def nodes(self) -> tuple[tuple[str, str], ...]:
        """Group and name of every edge node that points belong to."""
        return tuple(self._nodes)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do, or None."""
        return min((n.held_since + self._reorder for n in self._nodes.values() if n.held), default=None)

    def begin(self, now: float) -> None:
        """Forget all births, as after a new connection, and ask every node for a new one."""
        for address, node in self._nodes.items():
            self._nodes[address] = _Node(points=node.points)
            self._ask(address, now)

    def take(self, message: Message, rows: BatchBuilder, *, now: float) -> None:
        """Understand one message; rows are added, and what cannot be read is set aside."""
        space, group, kind, name, *rest = [*message.topic.split("/", 4), "", "", ""][:5]
        node, device = self._nodes.get((group, name)), rest[0]
        if space != NAMESPACE or node is None or kind not in (_DEVICE_KINDS if device else _NODE_KINDS):
            return
        try:
            payload = decode(message.payload)
        except Unreadable as error:
            self._set_aside(message, str(error))
            return
        if kind == "NDEATH":
            if node.alive and _bd_seq(payload) == node.bd_seq:  # an older will may arrive after the new birth
                node.alive = False
                node.held.clear()
                at = message.received  # the payload's time is that of the will, written when the node connected
                node.lose(node.points, rows, time=at, received=at, why=Quality.BAD_NO_COMMUNICATION)
            return
        if message.retain or payload.seq is None:
            self._set_aside(message, "retained" if message.retain else "no seq")
        elif kind == "NBIRTH":
            self._node_birth(node, _Arrived(message, kind, "", payload), rows)
        elif not node.alive:
            self._tally.dropped += 1
            self._ask((group, name), now)
        else:
            self._in_order((group, name), _Arrived(message, kind, device, payload), rows, now=now)

    def expire(self, rows: BatchBuilder, *, now: float) -> None:
        """Give up on missing messages that are `reorder` seconds late."""
        for address, node in self._nodes.items():
            if node.held and now >= node.held_since + self._reorder:
                self._skip(address, node, rows, now=now)

    # --------------------------------------------------------------------------- order
    def _in_order(self, address: tuple[str, str], arrived: _Arrived, rows: BatchBuilder, *, now: float) -> None:
        node, seq = self._nodes[address], arrived.payload.seq or 0
        if seq != node.expected:
            node.held_since = node.held_since if node.held else now
            node.held[seq] = arrived
            if len(node.held) > MOST_HELD:
                self._skip(address, node, rows, now=now)
            return
        self._apply(address, node, arrived, rows, now=now)
        while (following := node.held.pop(node.expected, None)) is not None:
            self._apply(address, node, following, rows, now=now)
            node.held_since = now

    def _skip(self, address: tuple[str, str], node: _Node, rows: BatchBuilder, *, now: float) -> None:
        self._tally.gaps += 1
        self._ask(address, now)
        start, held = node.expected, node.held
        node.held = {}
        for seq in sorted(held, key=lambda s: (s - start) % 256):
            self._apply(address, node, held[seq], rows, now=now)

    def _ask(self, address: tuple[str, str], now: float) -> None:
        node = self._nodes[address]
        if now - node.asked >= ASK_EVERY:
            node.asked = now
            self.requests.add(address)

    # ------------------------------------------------------------------------- content
    def _node_birth(self, node: _Node, arrived: _Arrived, rows: BatchBuilder) -> None:
        bd_seq = _bd_seq(arrived.payload)
        if node.alive and bd_seq != node.bd_seq:
            # Another session without a death in between: its devices are not born yet.
            at = arrived.message.received
            devices = [key for key in node.points if key[0]]
            node.lose(devices, rows, time=at, received=at, why=Quality.BAD_NO_COMMUNICATION)
        node.alive, node.bd_seq = True, bd_seq
        node.expected = ((arrived.payload.seq or 0) + 1) % 256
        node.held, node.aliases, node.births = {}, {}, {}
        node.simulated = any(
            m.name == "Node Info/Simulated" and m.field == 14 and bool(m.raw) for m in arrived.payload.metrics
        )
        self._birth(node, arrived, rows)

    def _apply(
        self, address: tuple[str, str], node: _Node, arrived: _Arrived, rows: BatchBuilder, *, now: float
    ) -> None:
        node.expected = ((arrived.payload.seq or 0) + 1) % 256
        if arrived.kind == "DBIRTH":
            self._birth(node, arrived, rows)
        elif arrived.kind == "DDEATH":
            self._device_death(node, arrived, rows)
        elif self._read(node, arrived, rows):
            self._ask(address, now)

    def _device_death(self, node: _Node, arrived: _Arrived, rows: BatchBuilder) -> None:
        received = arrived.message.received
        try:
            time = _time(None, arrived)
        except Unreadable:  # dead is dead, whatever its clock says
            time = received
        device = [key for key in node.points if key[0] == arrived.device]
        node.lose(device, rows, time=time, received=received, why=Quality.BAD_NO_COMMUNICATION)
        node.forget(arrived.device)

    def _birth(self, node: _Node, arrived: _Arrived, rows: BatchBuilder) -> None:
        device = arrived.device
        node.forget(device)
        for metric in arrived.payload.metrics:
            if metric.name is None:
                continue
            key = (device, metric.name)
            if metric.alias is not None:
                node.aliases[metric.alias] = key
            node.births[key] = _Born(metric.datatype, node.simulated or metric.properties.get("simulated") is True)
        at = arrived.message.received
        absent = [key for key in node.points if key[0] == device and key not in node.births]
        node.lose(absent, rows, time=at, received=at, why=Quality.BAD_NODE_UNKNOWN)
        for key in node.points:
            for point in node.points[key] if key[0] == device else ():
                self._tally.bad_points.pop(point.tag.path, None)
                if key in absent:
                    self._tally.bad_points[point.tag.path] = "not in the birth certificate"
        self._read(node, arrived, rows)

    def _read(self, node: _Node, arrived: _Arrived, rows: BatchBuilder) -> bool:
        """Add the rows of all metrics; return whether any of them was never born."""
        reasons: list[str] = []
        unborn = False
        for metric in arrived.payload.metrics:
            key = node.aliases.get(metric.alias, ("", "")) if metric.name is None and metric.alias is not None else None
            key = key or (arrived.device, metric.name or "")
            born = node.births.get(key)
            if born is None:
                unborn = True
                reasons.append(f"metric {metric.name or metric.alias} was never born")
                continue
            for point in node.points.get(key, ()):
                try:
                    _add(rows, point, metric, born, arrived)
                except Unreadable as error:
                    reasons.append(f"{point.tag.path}: {error}")
        if reasons:
            self._set_aside(arrived.message, "; ".join(reasons))
        return unborn


def _add(rows: BatchBuilder, point: Point[SparkplugAddress], metric: Metric, born: _Born, arrived: _Arrived) -> None:
    quality = _quality(metric)
    value: Value = math.nan
    if not metric.null:
        value = metric.value(metric.datatype or born.datatype)
        scale, offset = point.address.scale, point.address.offset
        if (scale, offset) != (1.0, 0.0) and not isinstance(value, (bool, str)):
            value = scaled(value, scale, offset)
    if isinstance(value, float) and not math.isfinite(value):
        value, quality = math.nan, max(quality, Quality.BAD_NO_DATA)
    rows.add(
        point.tag.path,
        _time(metric, arrived),
        value,
        received=arrived.message.received,
        quality=quality,
        origin=point.origin | Origin.SIMULATED if born.simulated else point.origin,
    )


def _time(metric: Metric | None, arrived: _Arrived) -> int:
    """Return the metric's time, else the payload's, else that of receipt. Raises Unreadable."""
    received = arrived.message.received
    stamp = metric.time if metric and metric.time is not None else arrived.payload.time
    return received if stamp is None else believable(stamp, received)


def _quality(metric: Metric) -> int:
    code = metric.properties.get("Quality", 192)
    if not isinstance(code, int) or isinstance(code, bool):
        return Quality.UNCERTAIN
    if code in _OPC_DA:
        return _OPC_DA[code]
    if not 0 <= code <= 0xFFFF:  # too long for OPC DA: an OPC UA StatusCode
        return code & 0xFFFF_FFFF
    return {0xC0: Quality.GOOD, 0x40: Quality.UNCERTAIN}.get(code & 0xC0, Quality.BAD)


def _bd_seq(payload: Payload) -> int | None:
    return next((m.raw for m in payload.metrics if m.name == "bdSeq" and isinstance(m.raw, int)), None)
