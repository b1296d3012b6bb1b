"""Which tags may be written to, by whom and how far. Nothing may, unless it stands here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from configs.base import Seconds, Strict
from configs.reading import Reading
from plant.errors import Fault

WRITABLE = ("opcua", "modbus", "mqtt")
"""Types of sources that have a way back."""


class CommandConfig(Strict):
    """One tag that may be written to.

    `tag`: its path below the site, `scene/line/device/signal`. `low`, `high`: what may be asked
    for, in its unit. `roles`: who may, beside administrators. `tolerance`: how far the value read
    back may be off. `within`: how long the tag's own value may take to follow, where the device
    cannot be asked. `topic` and `key`: where an MQTT device listens, and the name of the value in
    its JSON; without a key the payload is the bare value.
    """

    tag: str = Field(pattern=r"^[^/\s]+(/[^/\s]+){3}$", max_length=300)
    low: float
    high: float
    roles: frozenset[Literal["operator", "instructor"]] = frozenset()
    tolerance: float = Field(default=0.0, ge=0)
    within: Seconds = 5.0
    topic: str | None = Field(default=None, pattern=r"^[^+#\x00]+$", max_length=1000)
    key: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _in_order(self) -> CommandConfig:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


def check_commands(readings: Iterable[Reading]) -> Iterator[Fault]:
    """Yield a fault for every command whose tag is not there, cannot be written to, or lacks what its source needs."""
    chosen = list(readings)
    types = {path: kind for one in chosen if one.data.get("type") == "scene" for path, kind in _types(one.data)}
    for reading in chosen:
        if reading.data.get("type") == "centre":
            yield from _faults(reading, types)


def _faults(reading: Reading, types: dict[str, str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, command in enumerate(_listed(reading.data, "commands")):
        tag, place = str(command.get("tag")), ("commands", number)
        kind = types.get(tag)
        if kind is None:
            yield reading.fault((*place, "tag"), f"no tag {tag!r} is declared", "scene/line/device/signal")
        elif kind not in WRITABLE:
            yield reading.fault((*place, "tag"), f"a source of type {kind} cannot be written to")
        elif kind == "mqtt" and not command.get("topic"):
            yield reading.fault((*place, "topic"), "missing", "the topic that the device listens to")
        elif kind != "mqtt" and command.get("topic"):
            yield reading.fault((*place, "topic"), "only an MQTT device has one")
        if tag in seen:
            yield reading.fault((*place, "tag"), f"{tag!r} stands here twice")
        seen.add(tag)


def _types(scene: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every tag's path below the site and the type of its source."""
    kinds = {str(source.get("id")): str(source.get("type")) for source in _listed(scene, "sources")}
    for line in _listed(scene, "lines"):
        for device in _listed(line, "devices"):
            for tag in _listed(device, "tags"):
                path = "/".join(str(part.get("id")) for part in (scene, line, device, tag))
                yield path, kinds.get(str(tag.get("source") or device.get("source")), "")


def _listed(part: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = part.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
