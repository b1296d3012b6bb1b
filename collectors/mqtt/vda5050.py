"""VDA 5050 vehicles as a source: their state as tags, their connection as quality.

    uagv/v2/MANUFACTURER/SERIAL/…    state          every figure, on events and at least every 30 s
    vda5050/v3/MANUFACTURER/SERIAL/… visualization  position, more often
                                     connection     ONLINE, or why not: then every other tag reads bad

The connection topic is retained and is a statement about the link only; that a vehicle says
nothing although it is online shows as staleness, like any other silence. A manufacturer whose
name begins with `provenline` is a simulator. Sources: VDA 5050 2.1.0 and 3.0.0, clauses on
topics, `state`, `visualization` and `connection`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from collectors.mqtt.base import BrokerSource
from collectors.mqtt.client import Message
from collectors.mqtt.connection import Connection
from collectors.mqtt.payload import Pointer, Unreadable, believable, parse
from collectors.source import DeadLetters, Point, discard
from configs import sources as configs
from configs.sources import Vda5050Address
from plant.batch import BatchBuilder, Origin, Value
from plant.clock import Clock, from_iso
from plant.quality import Quality

_INTERFACES = {"v2": "uagv", "v3": "vda5050"}
_ERROR_LEVELS = {"WARNING": 1, "URGENT": 2, "CRITICAL": 3, "FATAL": 4}
_CONNECTION_LOST = {
    "OFFLINE": Quality.BAD_NOT_CONNECTED,
    "CONNECTIONBROKEN": Quality.BAD_NO_COMMUNICATION,
    "CONNECTION_BROKEN": Quality.BAD_NO_COMMUNICATION,
    "HIBERNATING": Quality.BAD_OUT_OF_SERVICE,
}
_MOST_MISSED = 1000
"""A larger step in a header id is a restart, not so many lost messages."""

_Vehicle = tuple[str, str]


class _Figure(NamedTuple):
    """Where a figure stands in the documents of each major version, and how it is read."""

    v2: Pointer
    v3: Pointer
    read: Callable[[object], Value]


def _number(raw: object) -> Value:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise Unreadable(f"{type(raw).__name__} where a number belongs")
    return float(raw)


def _flag(raw: object) -> Value:
    if not isinstance(raw, bool):
        raise Unreadable(f"{type(raw).__name__} where true or false belongs")
    return raw


def _word(raw: object) -> Value:
    if not isinstance(raw, str):
        raise Unreadable(f"{type(raw).__name__} where a text belongs")
    return raw


def _levels(raw: object) -> list[int]:
    if not isinstance(raw, list):
        raise Unreadable(f"{type(raw).__name__} where a list of errors belongs")
    levels = [_ERROR_LEVELS.get(str(e.get("errorLevel"))) if isinstance(e, dict) else None for e in raw]
    if None in levels:
        raise Unreadable("an error whose level is unknown")
    return [level for level in levels if level is not None]


def _loads(raw: object) -> str:
    if not isinstance(raw, list) or not all(isinstance(load, dict) for load in raw):
        raise Unreadable("no list of loads where one belongs")
    return ", ".join(str(_word(load.get("loadId") or load.get("loadType") or "?")) for load in raw)


def _figure(v2: str, read: Callable[[object], Value], v3: str | None = None) -> _Figure:
    return _Figure(Pointer(v2), Pointer(v3 or v2), read)


_FIGURES: dict[str, _Figure] = {
    "position-x": _figure("/agvPosition/x", _number, "/mobileRobotPosition/x"),
    "position-y": _figure("/agvPosition/y", _number, "/mobileRobotPosition/y"),
    "theta": _figure("/agvPosition/theta", _number, "/mobileRobotPosition/theta"),
    "map": _figure("/agvPosition/mapId", _word, "/mobileRobotPosition/mapId"),
    "battery": _figure("/batteryState/batteryCharge", _number, "/powerSupply/stateOfCharge"),
    "charging": _figure("/batteryState/charging", _flag, "/powerSupply/charging"),
    "driving": _figure("/driving", _flag),
    "paused": _figure("/paused", _flag),
    "operating-mode": _figure("/operatingMode", _word),
    "emergency-stop": _figure("/safetyState/eStop", _word, "/safetyState/activeEmergencyStop"),
    "errors": _figure("/errors", lambda raw: len(_levels(raw))),
    "error-level": _figure("/errors", lambda raw: max(_levels(raw), default=0)),
    "order": _figure("/orderId", _word),
    "last-node": _figure("/lastNodeId", _word),
    "loads": _figure("/loads", _loads),
}
_POSITION = frozenset({"position-x", "position-y", "theta", "map"})
_LOCALIZED = _figure("/agvPosition/positionInitialized", _flag, "/mobileRobotPosition/localized")


class Vda5050Source(BrokerSource[Vda5050Address]):
    """The vehicles that points belong to, behind one broker; see `collectors.source.Source`."""

    def __init__(
        self,
        config: configs.Vda5050Source,
        points: Sequence[Point[Vda5050Address]],
        *,
        clock: Clock,
        dead_letters: DeadLetters = discard,
    ) -> None:
        self._root = f"{config.interface or _INTERFACES[config.major]}/{config.major}"
        self._v3 = config.major == "v3"
        self._limit = config.payload_limit
        self._vehicles: dict[_Vehicle, list[Point[Vda5050Address]]] = {}
        self._headers: dict[_Vehicle, int] = {}
        for point in points:
            vehicle = (point.address.manufacturer, point.address.serial)
            self._vehicles.setdefault(vehicle, []).append(point)
        super().__init__(config, points, topics_of=self._topics, clock=clock, dead_letters=dead_letters)

    def _topics(self, point: Point[Vda5050Address]) -> list[str]:
        address = point.address
        kinds = ["connection"] if address.field == "connection" else ["connection", "state"]
        kinds += ["visualization"] if address.field in _POSITION else []
        return [f"{self._root}/{address.manufacturer}/{address.serial}/{kind}" for kind in kinds]

    def _opened(self, connection: Connection) -> None:
        super()._opened(connection)
        self._headers.clear()  # what was missed while away is not a gap of this connection

    def _read(self, message: Message, rows: BatchBuilder) -> None:
        *_, manufacturer, serial, kind = message.topic.split("/")
        vehicle = (manufacturer, serial)
        points = self._vehicles.get(vehicle, [])
        try:
            document = parse(message.payload, limit=self._limit)
            if not isinstance(document, dict):
                raise Unreadable("not a JSON object")
            if kind == "connection":
                self._connection(document, message, points, rows)
                return
            time = believable(_instant(document), message.received)
        except Unreadable as error:
            self._set_aside(message, str(error))
            return
        if kind == "state":
            self._count_missed(vehicle, document)
        self._figures(document, message, time, [p for p in points if _carried(kind, p.address.field)], rows)

    def _figures(
        self,
        document: dict[str, object],
        message: Message,
        time: int,
        points: Sequence[Point[Vda5050Address]],
        rows: BatchBuilder,
    ) -> None:
        reasons: list[str] = []
        for point in points:
            try:
                value, quality = self._value(document, point.address.field)
            except Unreadable as error:
                reasons.append(f"{point.tag.path}: {error}")
                continue
            rows.add(point.tag.path, time, value, received=message.received, quality=quality, origin=_origin(point))
        if reasons:
            self._set_aside(message, "; ".join(reasons))

    def _value(self, document: dict[str, object], name: str) -> tuple[Value, Quality]:
        """Return a figure; what the vehicle does not report is bad, a lost position uncertain."""
        figure = _FIGURES[name]
        raw = _optional(figure.v3 if self._v3 else figure.v2, document)
        if raw is None:
            return math.nan, Quality.BAD_NO_DATA
        value = figure.read(raw)
        lost = name in _POSITION and _optional(_LOCALIZED.v3 if self._v3 else _LOCALIZED.v2, document) is False
        return value, Quality.UNCERTAIN_SENSOR_NOT_ACCURATE if lost else Quality.GOOD

    def _connection(
        self,
        document: dict[str, object],
        message: Message,
        points: Sequence[Point[Vda5050Address]],
        rows: BatchBuilder,
    ) -> None:
        state = str(document.get("connectionState"))
        if state != "ONLINE" and state not in _CONNECTION_LOST:
            raise Unreadable(f"connection state {state[:40]!r} is unknown")
        # The will was written when the vehicle connected; its loss is as recent as its delivery.
        broken = _CONNECTION_LOST.get(state) is Quality.BAD_NO_COMMUNICATION
        time = message.received if broken else believable(_instant(document), message.received)
        for point in points:
            common = {"received": message.received, "origin": _origin(point)}
            if point.address.field == "connection":
                rows.add(point.tag.path, time, int(state == "ONLINE"), **common)
            elif state != "ONLINE":
                rows.add(point.tag.path, time, math.nan, quality=_CONNECTION_LOST[state], **common)

    def _count_missed(self, vehicle: _Vehicle, document: dict[str, object]) -> None:
        header = document.get("headerId")
        if isinstance(header, int) and not isinstance(header, bool):
            if 1 < header - self._headers.get(vehicle, header) <= _MOST_MISSED:
                self._tally.gaps += 1
            self._headers[vehicle] = header


def _carried(kind: str, field: str) -> bool:
    """Tell whether messages of `kind` carry a figure."""
    return field != "connection" and (kind == "state" or (kind == "visualization" and field in _POSITION))


def _optional(pointer: Pointer, document: object) -> object:
    try:
        return pointer.find(document)
    except Unreadable:
        return None


def _instant(document: dict[str, object]) -> int:
    stamp = document.get("timestamp")
    if not isinstance(stamp, str):
        raise Unreadable("no timestamp")
    try:
        return from_iso(stamp)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"its timestamp: {error}") from error


def _origin(point: Point[Vda5050Address]) -> Origin:
    simulated = point.address.manufacturer.lower().startswith("provenline")
    return point.origin | Origin.SIMULATED if simulated else point.origin
