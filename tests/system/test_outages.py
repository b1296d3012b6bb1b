"""Everything around us dies for half a minute or stalls for ten seconds; we recover by ourselves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from historian.influxdb import InfluxHistorian
from historian.influxdb import Server as InfluxAddress
from plant.quality import Severity, severity
from tests.collectors.modbus_rig import Device
from tests.collectors.opcua_peer import Server as OpcuaServer
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import free_port
from tests.system.rig import (
    COUNTER,
    SENSOR,
    SITE,
    InfluxServer,
    Publisher,
    configuration,
    mqtt_source,
    once,
    ours,
    scene,
)

FORCE = "rig/plant/line/press/force"
SPEED = "rig/plant/line/belt/speed"
PATHS = (FORCE, SPEED, COUNTER)
DEAD, STALLED, RECOVERED = 30.0, 10.0, 60.0

DEVICES = f"""
      - id: press
        name: Press
        source: ua
        tags: [{{id: force, kind: analog, stale_after: 3s, address: {{node: "ns=2;s=Press.Force"}}}}]
      - id: belt
        name: Belt
        source: plc
        tags: [{{id: speed, kind: analog, stale_after: 3s, address: {{register: 0}}}}]
{SENSOR}"""


class Watcher:
    """A viewer of the live feed that remembers the newest quality of each tag, and when it changed."""

    def __init__(self) -> None:
        self.quality: dict[str, Severity] = {}

    @asynccontextmanager
    async def watching(self, port: int) -> AsyncIterator[Watcher]:
        task = asyncio.create_task(self._watch(port), name="watcher")
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self, port: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/api/v1/live?scene=plant", compression=None) as socket:
            paths: list[str] = []
            async for message in socket:
                frame = json.loads(message)
                paths = frame.get("paths", paths)
                for index, _, quality, *_ in frame["rows"]:
                    self.quality[paths[index]] = severity(quality)

    async def all(self, wanted: Severity, paths: tuple[str, ...], within: float) -> float:
        """Wait until all tags read like that; return how long it took."""
        began = time.monotonic()
        while any(self.quality.get(path) is not wanted for path in paths):
            await asyncio.sleep(0.05)
            took = time.monotonic() - began
            assert took < within, f"after {took:.1f} s not all read {wanted.name}: {self.quality}"
        return time.monotonic() - began


@pytest.mark.needs("mosquitto", "influxd")
@pytest.mark.timeout(900)
async def test_dead_and_stalled_neighbours_cost_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, ("allow_anonymous true", "autosave_interval 1", "autosave_on_changes true"))
    opcua, influx, port = OpcuaServer(tmp_path / "pki"), InfluxServer(tmp_path / "influx"), free_port()
    for start in (broker.start, opcua.start, influx.start):
        await asyncio.to_thread(start)
    modbus = await asyncio.to_thread(Device)
    sources = "\n".join(
        (
            f'  - {{id: ua, type: opcua, endpoint: "{opcua.endpoint}", silence: 3s, timeout: 3s}}',
            f"  - {{id: plc, type: modbus, period: 200ms, link: {{type: tcp, host: 127.0.0.1, port: {modbus.port}}}}}",
            mqtt_source(broker.port),
        )
    )
    folder = configuration(
        tmp_path / "configuration",
        site=SITE,
        scene=scene(sources, DEVICES),
        centre=f"type: centre\nport: {port}\n"
        f"historian: {{type: influxdb, version: 1, url: '{influx.url}', timeout: 3s}}\n",
    )
    moving = asyncio.create_task(_move(opcua, modbus), name="mover")
    try:
        with (
            ours("serve", folder, "--data", tmp_path / "data", ready="source=broker"),
            Publisher(broker.port) as publisher,
        ):
            async with Watcher().watching(port) as watcher:
                await watcher.all(Severity.GOOD, PATHS, 90)
                await _influxdb_dies(influx)
                await _devices_die(broker, opcua, modbus, publisher, watcher)
                await _all_stall(broker, opcua, modbus, influx, watcher)
                publisher.paused.set()
                await asyncio.to_thread(_all_there, influx, publisher)
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
        for program in (broker.stop, opcua.kill, modbus.kill, influx.kill):
            await asyncio.to_thread(program)


async def _move(opcua: OpcuaServer, modbus: Device) -> None:
    """Keep values changing for as long as the devices take them."""
    number = 0
    while True:
        number += 1
        with suppress(OSError, AssertionError):
            async with asyncio.timeout(1):
                await opcua.set("Press.Force", float(number))
        with suppress(OSError, AssertionError, IndexError):
            await asyncio.to_thread(modbus.write, 1, 0, number % 65_536)
        await asyncio.sleep(0.2)


async def _influxdb_dies(influx: InfluxServer) -> None:
    influx.kill()
    await asyncio.sleep(DEAD)
    await asyncio.to_thread(influx.start)
    await asyncio.sleep(2)


async def _devices_die(
    broker: Mosquitto, opcua: OpcuaServer, modbus: Device, publisher: Publisher, watcher: Watcher
) -> None:
    # What the broker acknowledged but did not write down is the broker's to lose, so it has a moment to write.
    publisher.paused.set()
    await asyncio.sleep(2.5)
    for kill in (broker.kill, opcua.kill, modbus.kill):
        await asyncio.to_thread(kill)
    await watcher.all(Severity.BAD, PATHS, 60)
    await asyncio.sleep(DEAD)
    assert all(watcher.quality[path] is Severity.BAD for path in PATHS)
    await asyncio.gather(*(asyncio.to_thread(start) for start in (broker.start, opcua.start, modbus.start)))
    publisher.paused.clear()
    await watcher.all(Severity.GOOD, PATHS, RECOVERED)


async def _all_stall(
    broker: Mosquitto, opcua: OpcuaServer, modbus: Device, influx: InfluxServer, watcher: Watcher
) -> None:
    assert modbus.program
    stalled = (broker.program, opcua, modbus.program, influx)
    for process in stalled:
        process.stall()
    await watcher.all(Severity.BAD, PATHS, 60)
    await asyncio.sleep(STALLED)
    for process in stalled:
        process.resume()
    await watcher.all(Severity.GOOD, PATHS, RECOVERED)


def _all_there(influx: InfluxServer, publisher: Publisher, patience: float = 120.0) -> None:
    historian = InfluxHistorian(InfluxAddress(url=influx.url, version=1))
    try:
        deadline = time.monotonic() + patience
        values: list[int] = []
        while time.monotonic() < deadline and not publisher.acknowledged <= set(values):
            time.sleep(0.5)
            samples = historian.history([COUNTER], 0, 2**62).samples()
            # A point whose value the server does not show yet reads as an empty text; it is asked for again.
            values = [int(s.value) for s in samples if not isinstance(s.value, str) and s.value == s.value]
        assert len(publisher.acknowledged) > 2_000
        once(values, publisher.acknowledged)
        for path in (FORCE, SPEED):
            assert len(historian.history([path], 0, 2**62)) > 100
    finally:
        historian.close()
