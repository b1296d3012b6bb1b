"""JSON payloads to readings: pointers, times, qualities and values, without any I/O.

Settings are compiled once (`JsonReader(point)`), so that a message costs one parse and a few
look-ups per tag. What cannot be read raises `Unreadable` with the reason; a `null` is not
that: the publisher says that there is no value, and the tag reads bad.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple

import orjson

from collectors.source import Point
from configs.sources import MqttAddress
from plant.batch import Origin, Value
from plant.clock import MICROSECOND, MILLISECOND, SECOND, from_iso
from plant.quality import Quality
from plant.tags import Kind

EARLIEST = from_iso("2000-01-01T00:00:00Z")
"""A device clock before this was never set."""
AHEAD = 86_400 * SECOND
"""A device clock further ahead than this was set wrongly."""

_TICKS = {"s": SECOND, "ms": MILLISECOND, "us": MICROSECOND, "ns": 1}
_NUMERIC = frozenset({Kind.ANALOG, Kind.COUNTER, Kind.ENERGY})
_MISSING = object()
_INDEX = re.compile(r"0|[1-9][0-9]*")


class Unreadable(ValueError):
    """A payload, or a part of it, that cannot be turned into a sample."""


class Reading(NamedTuple):
    """One sample before it joins a batch; see `plant.batch`."""

    path: str
    time: int
    value: Value
    quality: int
    origin: Origin


def parse(payload: bytes, *, limit: int) -> object:
    """Read a JSON document of at most `limit` bytes. Raises Unreadable."""
    if len(payload) > limit:
        raise Unreadable(f"{len(payload)} bytes are more than the limit of {limit}")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error


def is_simulated(document: object) -> bool:
    """Tell whether a payload says of itself that it is simulated."""
    return isinstance(document, dict) and document.get("simulated") is True


def believable(time: int, received: int) -> int:
    """Return `time` (ns UTC). Raises Unreadable when no working clock could have given it."""
    if not EARLIEST <= time <= received + AHEAD:
        raise Unreadable(f"its time, {time} ns since 1970, cannot be true")
    return time


class Pointer:
    """A JSON pointer (RFC 6901), split once. Raises ValueError when it is not one."""

    def __init__(self, text: str) -> None:
        if (text and not text.startswith("/")) or re.search("~(?![01])", text):
            raise ValueError(f"{text!r} is not a JSON pointer")
        self.text = text
        self._parts = tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])

    def find(self, document: object) -> object:
        """Return what it points at. Raises Unreadable when there is nothing."""
        at = document
        for part in self._parts:
            if isinstance(at, dict):
                at = at.get(part, _MISSING)
            elif isinstance(at, list) and _INDEX.fullmatch(part) and len(part) < 10 and int(part) < len(at):
                at = at[int(part)]
            else:
                at = _MISSING
            if at is _MISSING:
                raise Unreadable(f"nothing at {self.text}")
        return at


class JsonReader:
    """How one tag is read from the documents of its topic. Raises ValueError on a bad pointer."""

    def __init__(self, point: Point[MqttAddress]) -> None:
        address = point.address
        self.path = point.tag.path
        self._origin = point.origin
        self._value = Pointer(address.pointer)
        self._time = Pointer(address.time) if address.time is not None else None
        self._quality = Pointer(address.quality) if address.quality is not None else None
        self._instant = _instant_from(address.time_unit)
        self._texts = address.values
        self._scale, self._offset = address.scale, address.offset
        self._scaled = (address.scale, address.offset) != (1.0, 0.0)
        self._numeric = point.tag.kind in _NUMERIC

    def read(self, document: object, *, received: int, retained: bool) -> Reading:
        """Read the tag from a document that arrived at `received` (ns UTC). Raises Unreadable.

        A retained message is an old one: with a time of its own it keeps that, without one
        nobody knows how old it is, so its value is uncertain (last usable).
        """
        raw = self._value.find(document)
        time, quality = received, int(Quality.GOOD)
        if self._time is not None:
            time = believable(self._instant(self._time.find(document)), received)
        elif retained:
            quality = Quality.UNCERTAIN_LAST_USABLE
        if self._quality is not None:
            quality = max(quality, _status(self._quality.find(document)))
        origin = self._origin | Origin.SIMULATED if is_simulated(document) else self._origin
        if raw is None:
            return Reading(self.path, time, math.nan, max(quality, Quality.BAD_NO_DATA), origin)
        return Reading(self.path, time, self._form(raw), quality, origin)

    def _form(self, raw: object) -> Value:
        if isinstance(raw, str):
            if self._texts:
                if raw not in self._texts:
                    raise Unreadable(f"the text {raw[:40]!r} at {self._value.text or 'the top'} has no number")
                return self._texts[raw]
            if self._numeric:
                raise Unreadable(f"text at {self._value.text or 'the top'} where a number belongs")
            return raw
        if not isinstance(raw, (bool, int, float)):
            raise Unreadable(f"{type(raw).__name__} at {self._value.text or 'the top'} is not a value")
        return scaled(raw, self._scale, self._offset) if self._scaled and not isinstance(raw, bool) else raw


def scaled(raw: float, scale: float, offset: float) -> float:
    """Return `raw * scale + offset`. Raises Unreadable when that is no finite number."""
    value = raw * scale + offset
    if not math.isfinite(value):
        raise Unreadable(f"{raw!r} scaled is not finite")
    return value


def _status(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw < 2**32:
        raise Unreadable(f"{str(raw)[:40]!r} is not a StatusCode")
    return raw


def _instant_from(unit: str) -> Callable[[object], int]:
    """Return the function that reads a time in `unit` into ns UTC, raising Unreadable."""

    def iso(raw: object) -> int:
        if not isinstance(raw, str):
            raise Unreadable(f"its time {str(raw)[:40]!r} is not a text")
        try:
            return from_iso(raw)
        except (ValueError, OverflowError) as error:
            raise Unreadable(f"its time: {error}") from error

    def number(raw: object) -> int:
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            raise Unreadable(f"its time {str(raw)[:40]!r} is not a number")
        if abs(raw) > 2**63:  # also keeps `round` from infinity
            raise Unreadable(f"its time {raw!r} is beyond any calendar")
        # A double holds a moment of today to a quarter of a microsecond; what is below is noise.
        whole = int(raw)
        return whole * ticks + round((raw - whole) * ticks / MICROSECOND) * MICROSECOND

    ticks = _TICKS.get(unit, 1)
    return iso if unit == "iso" else number
