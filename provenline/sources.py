"""From configuration to collectors: which class reads which type of source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

from collectors.modbus import ModbusSource
from collectors.mqtt import MqttSource, SparkplugSource, Vda5050Source
from collectors.replay import ReplaySource
from collectors.source import DeadLetters, Point, Source, discard
from collectors.stamp.source import StampSource
from configs import sources as configs
from configs.configuration import Binding, Configuration
from configs.sources import SourceConfig
from edge.edge import Feed
from plant.clock import Clock
from plant.tags import Tag
from provenline.late import LateSource, Locate
from provenline.pace import PlantTime, RealMeasurement

_SHORTEST_SILENCE = 10.0


def prepare(configuration: Configuration) -> None:
    """Import what is slow to import and reads one of the configured sources. Blocks; pages are served meanwhile."""
    if any(isinstance(binding.source, configs.OpcuaSource) for binding in configuration.bindings):
        import_module("collectors.opcua")


def feeds(
    configuration: Configuration, *, clock: Clock, dead_letters: DeadLetters = discard, locate: Locate | None = None
) -> list[Feed]:
    """Return one feed a configured source, ready to be run by an edge. Touches no network.

    `locate`: tells where a source really is, once it is there; else it is where its settings say.
    """
    return [_feed(configuration, binding, clock, dead_letters, locate) for binding in configuration.bindings]


def _feed(
    configuration: Configuration, binding: Binding, clock: Clock, dead_letters: DeadLetters, locate: Locate | None
) -> Feed:
    points: Sequence[Point[Any]] = [Point(tag, address) for tag, address in binding.points]
    tags = tuple(tag for tag, _ in binding.points)

    def read(config: SourceConfig) -> Source:
        return reader(config, points, clock, dead_letters)

    source = (
        read(binding.source) if locate is None else LateSource(read(binding.source), partial(locate, binding), read)
    )
    return Feed(f"{configuration.site.id}/{binding.scene}", source, tags, silence(binding.source, tags))


def silence(config: SourceConfig, tags: Sequence[Tag]) -> float | None:
    """Return how long a source may yield nothing before it is opened anew.

    Behind a broker devices may rest, and keep-alives watch the link; a recording has pauses.
    Everything else is polled or confirmed, so when all its tags are long stale it hangs.
    """
    if isinstance(config, (configs.MqttSource, configs.SparkplugSource, configs.Vda5050Source, configs.ReplaySource)):
        return None
    return max([_SHORTEST_SILENCE, *(2 * tag.stale_after for tag in tags)])


def reader(config: SourceConfig, points: Sequence[Point[Any]], clock: Clock, dead_letters: DeadLetters) -> Source:
    """Return the collector for one source's settings."""
    match config:
        case configs.OpcuaSource():
            from collectors.opcua import OpcuaSource  # noqa: PLC0415 - see `prepare`

            return OpcuaSource(config, points, clock=clock, dead_letters=dead_letters)
        case configs.ModbusSource():
            return ModbusSource(config, points, clock=clock, dead_letters=dead_letters)
        case configs.MqttSource():
            return MqttSource(config, points, clock=clock, dead_letters=dead_letters)
        case configs.SparkplugSource():
            return SparkplugSource(config, points, clock=clock, dead_letters=dead_letters)
        case configs.Vda5050Source():
            return Vda5050Source(config, points, clock=clock, dead_letters=dead_letters)
        case configs.StampSource() if isinstance(clock, PlantTime):
            probe = StampSource(config, points, clock=clock.real, dead_letters=dead_letters)
            return RealMeasurement(probe, clock)
        case configs.StampSource():
            return StampSource(config, points, clock=clock, dead_letters=dead_letters)
        case configs.ReplaySource():
            return ReplaySource(config, points, clock=clock)
