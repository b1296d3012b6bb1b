"""Looking at devices for the configuration page: who may be asked, how often, and by which collector.

Only a configured source, with exactly its settings, or a host that the centre document lists;
one exploration at a time and `MOST` in a minute: a page must not become a port scanner. A test
of a source never disturbs the collector that runs: behind a broker it has a name and a session
of its own, and it says nothing in the collector's name.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from collectors.modbus.link import NoAnswer
from collectors.modbus.scan import DECODINGS, scan
from collectors.source import Point, discard
from collectors.trial import Finding, Place, finding_of, trial
from configs import sources as configs
from configs.configuration import Binding, Configuration
from configs.sources import SourceConfig
from dashboard_api.exploration import Busy, Found, ModbusTarget, NotPermitted, OpcuaTarget, Range, SourceTarget, Target
from plant.clock import Clock, SystemClock
from plant.errors import ConfigError, Disconnected, Rejected
from provenline.late import Locate
from provenline.sources import reader

MOST = 60
MINUTE = 60.0
LONGEST = 45.0
"""Seconds that one exploration may take, whatever a device does."""
_OPCUA_PORT = 4840
_POINTS = 20
"""Tags of a source that a test reads."""


class Exploring:
    """The explorer of a centre; see `dashboard_api.exploration.Explorer`.

    `clock`: what the collectors go by. `locate`: tells where a simulated source really is.
    """

    def __init__(self, configuration: Configuration, *, clock: Clock, locate: Locate | None = None) -> None:
        self._allowed = configuration.centre.exploration
        self._bindings = {(binding.scene, binding.source.id): binding for binding in configuration.bindings}
        self._clock, self._locate, self._real = clock, locate, SystemClock()
        self._turn = asyncio.Lock()
        self._lately: deque[float] = deque()

    async def trial(self, target: SourceTarget) -> Found:
        """Try a source's connection step by step."""
        binding = self._binding(target)
        async with self._alone():
            config = aside(await self.located(binding))
            points = [Point(tag, address) for tag, address in binding.points[:_POINTS]]
            steps = await trial(reader(config, points, self._clock, discard), place_of(config))
        return Found({"steps": [asdict(step) for step in steps]})

    async def browse(self, target: Target, node: str | None) -> Found:
        """Return what is directly below a node."""
        config = await self._config(target)
        if not isinstance(config, configs.OpcuaSource):
            raise NotPermitted(f"{target} is no OPC UA server")
        from collectors.opcua.explore import level  # noqa: PLC0415 - slow to import

        async with self._alone():
            try:
                async with asyncio.timeout(LONGEST):
                    found = await level(config, node, clock=self._real)
            except (Disconnected, ConfigError, Rejected, TimeoutError) as error:
                return _failure(error)
        return Found({"entries": [asdict(one) for one in found.entries], "complete": found.complete})

    async def scan(self, target: Target, wanted: Range) -> Found:
        """Return what is in a range of registers."""
        config = await self._config(target)
        if not isinstance(config, configs.ModbusSource):
            raise NotPermitted(f"{target} is no Modbus device")
        start, count = wanted.start, min(wanted.count, 65_536 - wanted.start)
        async with self._alone():
            try:
                async with asyncio.timeout(LONGEST):
                    found = await scan(
                        config, unit=wanted.unit, table=wanted.table, start=start, count=count, clock=self._real
                    )
            except (Disconnected, NoAnswer, TimeoutError) as error:
                return _failure(error)
        answer = {"registers": [asdict(one) for one in found.seen], "vendor": found.vendor, "complete": found.complete}
        return Found(answer | {"decodings": [{"format": form, "order": order} for form, order in DECODINGS]})

    def settings(self, target: Target) -> dict[str, Any]:
        """Return a target's settings as a scene document has them."""
        config = self._binding(target).source if isinstance(target, SourceTarget) else self._listed(target)
        kept = config.model_dump(mode="json", exclude_defaults=True, exclude_none=True, by_alias=True)
        return {"type": config.type, "id": config.id} | kept

    async def _config(self, target: Target) -> SourceConfig:
        if isinstance(target, SourceTarget):
            return await self.located(self._binding(target))
        return self._listed(target)

    async def located(self, binding: Binding) -> SourceConfig:
        """Return a source's settings with where it really is."""
        return await self._locate(binding) if self._locate is not None else binding.source

    def _binding(self, target: SourceTarget) -> Binding:
        try:
            return self._bindings[target.scene, target.source]
        except KeyError:
            raise NotPermitted(f"no source {target} is configured") from None

    def _listed(self, target: OpcuaTarget | ModbusTarget) -> configs.OpcuaSource | configs.ModbusSource:
        if isinstance(target, OpcuaTarget):
            parts = urlsplit(target.endpoint)
            host, port = parts.hostname or "", parts.port or _OPCUA_PORT
        else:
            host, port = target.host, target.port
        if not self._allowed.permits(host, port):
            raise NotPermitted(f"{host}:{port} is neither a configured source nor listed under exploration.hosts")
        if isinstance(target, OpcuaTarget):
            return configs.OpcuaSource(type="opcua", id=_id(host), endpoint=target.endpoint)
        link = configs.ModbusTcp(type="tcp", host=host, port=port)
        return configs.ModbusSource(type="modbus", id=_id(host), link=link)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        now = self._real.monotonic()
        while self._lately and now - self._lately[0] > MINUTE:
            self._lately.popleft()
        if self._turn.locked():
            raise Busy("another exploration is under way; try again when it has ended")
        if len(self._lately) >= MOST:
            raise Busy(f"more than {MOST} explorations within a minute; wait a little")
        self._lately.append(now)
        async with self._turn:
            yield


def aside(config: SourceConfig) -> SourceConfig:
    """Return settings with which a test meets a device or broker beside the collector, not in its place."""
    match config:
        case configs.MqttSource():
            return config.model_copy(update={"client_id": None, "session": 0.0, "qos": 0})
        case configs.SparkplugSource():
            return config.model_copy(update={"client_id": None, "host_id": None})
        case configs.Vda5050Source():
            return config.model_copy(update={"client_id": None})
        case _:
            return config


def place_of(config: SourceConfig) -> Place | None:
    """Return where a source is on the network; None where it is not on one."""
    match config:
        case configs.OpcuaSource():
            parts = urlsplit(config.endpoint)
            return Place(parts.hostname or "", parts.port or _OPCUA_PORT)
        case configs.ModbusSource():
            link = config.link
            return Place(link.host, link.port) if isinstance(link, configs.ModbusTcp) else None
        case configs.StampSource():
            return Place(config.host, config.port, connects=False)
        case configs.ReplaySource():
            return None
        case _:
            return Place(config.host, config.port)


def _failure(error: BaseException) -> Found:
    finding = Finding.NOT_ACCEPTED if isinstance(error, Rejected) else finding_of(error)
    finding = Finding.NO_ANSWER if isinstance(error, NoAnswer) else finding
    return Found({}, failure=finding.value, detail=str(error)[:500])


def _id(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        words = "".join(c if c.isascii() and c.isalnum() else "-" for c in host.lower()).strip("-")
        return words[:40] or "device"
    return "device-" + host.replace(".", "-").replace(":", "-")[:40]
