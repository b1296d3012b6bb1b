"""From configuration to collectors: which class reads which type of source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from collectors.modbus.source import ModbusSource
from collectors.mqtt.source import MqttSource
from collectors.opcua.source import OpcuaSource
from collectors.replay import ReplaySource
from collectors.source import DeadLetters, Point, Source, discard
from collectors.stamp.source import StampSource
from configs.configuration import Binding, Configuration
from edge.edge import Feed
from plant.clock import Clock

_READERS: dict[str, Callable[..., Source]] = {
    "opcua": OpcuaSource,
    "modbus": ModbusSource,
    "mqtt": MqttSource,
    "stamp": StampSource,
    "replay": ReplaySource,
}


def feeds(configuration: Configuration, *, clock: Clock, dead_letters: DeadLetters = discard) -> list[Feed]:
    """Return one feed a configured source, ready to be run by an edge. Touches no network."""
    return [_feed(configuration, binding, clock, dead_letters) for binding in configuration.bindings]


def _feed(configuration: Configuration, binding: Binding, clock: Clock, dead_letters: DeadLetters) -> Feed:
    points: Sequence[Point[Any]] = [Point(tag, address) for tag, address in binding.points]
    source = _READERS[binding.source.type](binding.source, points, clock=clock, dead_letters=dead_letters)
    scene = f"{configuration.site.id}/{binding.scene}"
    return Feed(scene, source, tuple(tag for tag, _ in binding.points))
