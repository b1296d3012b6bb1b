"""The faces of a model, opened one by one where the configuration expects them, with a broker where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial

from configs.schema import SceneDocument
from configs.sources import (
    ModbusSource,
    ModbusTcp,
    MqttSource,
    OpcuaSource,
    SourceConfig,
    SparkplugSource,
    StampSource,
    Vda5050Source,
)
from plant.errors import Unavailable
from simulators.faces.broker import OwnBroker, broker
from simulators.faces.endpoint import Endpoint, Face, PortPolicy
from simulators.faces.layout import (
    ModbusLayout,
    MqttLayout,
    OpcuaLayout,
    SparkplugLayout,
    StampLayout,
    Vda5050Layout,
)
from simulators.faces.modbus import serve_modbus
from simulators.faces.mqtt import serve_mqtt
from simulators.faces.opcua import serve_opcua
from simulators.faces.opcua_guard import Guard, read_guard
from simulators.faces.sparkplug import serve_sparkplug
from simulators.faces.stamp import serve_stamp
from simulators.faces.vda5050 import serve_vda5050
from simulators.network.link import Direction
from simulators.network.udp_relay import nobody
from simulators.plantmodel import PlantModel, simulation_of, wrong

Heard = Callable[[str, Direction, bytes], None]
"""Is told of each STAMP packet: its source, whether it goes up or comes back, and what it is."""


class Listeners:
    """Opens a scene's faces, and a broker where there is none."""

    def __init__(
        self,
        scene: SceneDocument,
        model: PlantModel,
        host: str,
        ports: PortPolicy,
        mqtt: Endpoint | None,
        now: Callable[[], int],
    ) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.brokers: dict[str, OwnBroker] = {}
        self.heard: Heard | None = None
        self._scene, self._model = scene, model
        self._host, self._ports, self._mqtt = host, ports, mqtt
        self._now = now

    async def open(self, stack: AsyncExitStack, name: str, source_id: str) -> Face:
        """Open one face for as long as `stack`. Raises ConfigError and Unavailable."""
        source = next(s for s in self._scene.sources if s.id == source_id)
        listen = _listen(source, self._host)
        try:
            face = await stack.enter_async_context(await self._face(stack, name, source, listen, self._ports))
        except Unavailable:
            if self._ports is not PortPolicy.PREFER:
                raise
            # Somebody took the port after it had been found free.
            face = await stack.enter_async_context(await self._face(stack, name, source, listen, PortPolicy.ANY))
        self.endpoints[source_id] = face.endpoint
        return face

    async def _face(
        self, stack: AsyncExitStack, name: str, source: SourceConfig, listen: Endpoint, ports: PortPolicy
    ) -> AbstractAsyncContextManager[Face]:
        layout, signals = self._model.faces[name], self._model.floor.signals
        if isinstance(layout, OpcuaLayout) and isinstance(source, OpcuaSource):
            return serve_opcua(layout, signals, listen=listen, ports=ports, guard=await self._guard(name))
        if isinstance(layout, ModbusLayout) and isinstance(source, ModbusSource) and isinstance(source.link, ModbusTcp):
            return serve_modbus(layout, signals, listen=listen, ports=ports)
        if isinstance(layout, MqttLayout) and isinstance(source, MqttSource):
            at = await self._broker(stack, source.id, listen, ports)
            return serve_mqtt(layout, self._model.floor, broker=at)
        if isinstance(layout, Vda5050Layout) and isinstance(source, Vda5050Source):
            at = await self._broker(stack, source.id, listen, ports)
            return serve_vda5050(layout, self._model.floor, broker=at, source=source)
        if isinstance(layout, SparkplugLayout) and isinstance(source, SparkplugSource):
            at = await self._broker(stack, source.id, listen, ports)
            return serve_sparkplug(layout, self._model.floor, broker=at)
        if isinstance(layout, StampLayout) and isinstance(source, StampSource):
            heard = partial(self.heard, source.id) if self.heard else nobody
            return serve_stamp(layout, signals, now=self._now, listen=listen, ports=ports, heard=heard)
        protocol = type(layout).__name__.removesuffix("Layout").upper()
        message = f"this face speaks {protocol}, and source {source.id} does not"
        raise wrong(self._scene, f"simulation.faces.{name}", message)

    async def _guard(self, name: str) -> Guard | None:
        config = simulation_of(self._scene).guards.get(name)
        place = f"scene {self._scene.id}: simulation.guards.{name}"
        return None if config is None else await asyncio.to_thread(read_guard, place, config)

    async def _broker(self, stack: AsyncExitStack, source_id: str, listen: Endpoint, ports: PortPolicy) -> Endpoint:
        """Return the broker of a source: the one given, else one of our own, which its faces share."""
        if self._mqtt is not None:
            return self._mqtt
        if source_id not in self.brokers:
            self.brokers[source_id] = await stack.enter_async_context(broker(listen, ports))
        return self.brokers[source_id].endpoint


def _listen(source: SourceConfig, host: str) -> Endpoint:
    """Return where the configuration expects a source, on the interface `host`."""
    if isinstance(source, OpcuaSource):
        _, _, address = source.endpoint.partition("://")
        port = address.partition("/")[0].partition(":")[2]
        return Endpoint("opc.tcp", host, int(port or 4840))
    if isinstance(source, ModbusSource) and isinstance(source.link, ModbusTcp):
        return Endpoint("modbus", host, source.link.port)
    if isinstance(source, StampSource):
        return Endpoint("stamp", host, source.port)
    return Endpoint(
        "mqtt", host, source.port if isinstance(source, (MqttSource, SparkplugSource, Vda5050Source)) else 0
    )
