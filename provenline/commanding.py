"""Carrying commands out: which collector writes to which source, one command at a time a source.

A Modbus device is written to over the connection that its collector holds, where that runs in
this process. OPC UA and MQTT commands have a session of their own on purpose: a server or a
broker takes several, and one that is refused or that hangs must not take the readings along.
The centre has no hold on running sources, which an edge elsewhere may own, starts again when
they fail and keeps across a reload; so it is the collector's own module that finds a connection.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from collectors.command import NotWritable, Setpoint, Unconfirmed, Written
from collectors.modbus.command import write as write_modbus
from collectors.mqtt.command import write as write_mqtt
from configs import sources
from configs.commands import CommandConfig
from configs.configuration import Binding, Configuration
from configs.sources import AddressConfig
from dashboard_api.outcome import Outcome, Result
from historian.live import LiveTable
from plant.clock import Clock
from plant.errors import ConfigError, Disconnected

_LOOK = 0.1


class Commander:
    """Writes to the devices of one configuration; see `dashboard_api.outcome.Commanding`.

    `live`: where the value of a tag is seen to follow, when its device cannot be asked.
    """

    def __init__(self, configuration: Configuration, live: LiveTable, *, clock: Clock) -> None:
        self._places = {tag.path: (b, address) for b in configuration.bindings for tag, address in b.points}
        self._live, self._clock = live, clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, path: str, allowed: CommandConfig, value: Setpoint) -> Outcome:
        """Send a command once and see what comes of it."""
        binding, address = self._places[path]
        async with self._turns[f"{binding.scene}/{binding.source.id}"]:
            since = self._clock.now()
            try:
                written = await self._write(binding, address, allowed, value)
            except (NotWritable, Disconnected, ConfigError) as error:
                return Outcome(Result.REFUSED, detail=str(error))
            except Unconfirmed as error:
                return Outcome(Result.UNKNOWN, detail=str(error))
            read_back = written.read_back
            if read_back is None:
                read_back = await self._followed(path, value, allowed, since)
        if read_back is None:
            return Outcome(Result.ACCEPTED, detail="accepted; its effect was not seen")
        if abs(float(read_back) - float(value)) <= allowed.tolerance + 1e-6 * abs(float(value)):
            return Outcome(Result.CONFIRMED, read_back)
        return Outcome(Result.ACCEPTED, read_back, "accepted, but the device holds another value")

    async def _write(
        self, binding: Binding, address: AddressConfig, allowed: CommandConfig, value: Setpoint
    ) -> Written:
        match binding.source, address:
            case sources.OpcuaSource() as config, sources.OpcuaAddress():
                from collectors.opcua.command import write as write_opcua  # noqa: PLC0415 - slow to import

                return await write_opcua(config, address, value, clock=self._clock)
            case sources.ModbusSource() as config, sources.ModbusAddress():
                return await write_modbus(config, address, value, clock=self._clock)
            case sources.MqttSource() as config, sources.MqttAddress() if allowed.topic:
                return await write_mqtt(config, address, value, topic=allowed.topic, key=allowed.key)
        raise NotWritable(f"a source of type {binding.source.type} is not written to")

    async def _followed(self, path: str, value: Setpoint, allowed: CommandConfig, since: int) -> float | bool | None:
        """Wait for a newer value of the tag that is as asked for; return the newest one there was."""
        ends, seen = self._clock.monotonic() + allowed.within, None
        while self._clock.monotonic() < ends:
            for sample in self._live.snapshot([path]).samples():
                if sample.received > since and not isinstance(sample.value, str) and sample.value == sample.value:
                    seen = sample.value
                    if abs(float(seen) - float(value)) <= allowed.tolerance + 1e-6 * abs(float(value)):
                        return seen
            await self._clock.sleep(_LOOK)
        return seen
