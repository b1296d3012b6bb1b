"""A Modbus TCP server in front of a model, by pymodbus: several units behind one listener.

Registers are coded when somebody reads them, and only those whose signal has changed since.
Registers between two values read as zero, as in most PLCs; beyond the last one, the unit
answers with an exception. A unit whose device is dead gets no answer from the gateway.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pymodbus.constants import ExcCodes
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from configs.sources import ModbusFormat, ModbusTable
from plant.errors import Unavailable
from simulators.faces.endpoint import Endpoint, PortPolicy, free_port
from simulators.faces.layout import ModbusLayout, Register
from simulators.faces.registers import encode, raw
from simulators.kernel.signals import Signal, SignalTable, watching

_TABLES = (ModbusTable.COIL, ModbusTable.DISCRETE, ModbusTable.HOLDING, ModbusTable.INPUT)
_READS = {1: ModbusTable.COIL, 2: ModbusTable.DISCRETE, 3: ModbusTable.HOLDING, 4: ModbusTable.INPUT}


@dataclass(slots=True)
class _Unit:
    """One unit's registers, by table, and which of them are to be coded anew."""

    registers: dict[ModbusTable, list[Register]] = field(default_factory=lambda: defaultdict(list))
    stale: dict[ModbusTable, set[int]] = field(default_factory=lambda: defaultdict(set))


@asynccontextmanager
async def serve_modbus(
    layout: ModbusLayout, signals: SignalTable, *, listen: Endpoint, ports: PortPolicy
) -> AsyncIterator[ModbusFace]:
    """Serve a layout while the context is open. Raises Unavailable."""
    face = ModbusFace(Endpoint("modbus", listen.host, free_port(listen, ports)), layout, signals)
    await face.reach(reachable=True)
    try:
        with watching((signals[name] for name in set(layout.signals)), face.note):
            yield face
    finally:
        await face.reach(reachable=False)


class ModbusFace:
    """A served layout; its registers are read only."""

    def __init__(self, endpoint: Endpoint, layout: ModbusLayout, signals: SignalTable) -> None:
        self.endpoint = endpoint
        self._name = layout.name
        self._signals = signals
        self._units: dict[int, _Unit] = defaultdict(_Unit)
        self._places: dict[str, list[tuple[_Unit, ModbusTable, int]]] = defaultdict(list)
        self._server: ModbusTcpServer | None = None
        for register in layout.registers:
            unit, table = self._units[register.address.unit], register.address.table
            self._places[register.signal].append((unit, table, len(unit.registers[table])))
            unit.registers[table].append(register)

    def note(self, signal: Signal) -> None:
        """Remember to code the registers of `signal` when somebody reads them next."""
        for unit, table, position in self._places[signal.name]:
            unit.stale[table].add(position)

    async def flush(self) -> None:
        """Do nothing: registers are coded when they are read."""

    async def reach(self, *, reachable: bool) -> None:
        """Listen, or close the listener and every connection. Raises Unavailable."""
        if reachable:
            self._server = await self._listen()
        elif self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    async def _listen(self) -> ModbusTcpServer:
        devices = [self._device(number, unit) for number, unit in sorted(self._units.items())]
        server = ModbusTcpServer(
            devices, identity=_identity(self._name), address=(self.endpoint.host, self.endpoint.port)
        )
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {self.endpoint.url}") from error
        for unit in self._units.values():  # a new server starts with empty registers
            for table, registers in unit.registers.items():
                unit.stale[table] = set(range(len(registers)))
        return server

    def _device(self, number: int, unit: _Unit) -> SimDevice:
        async def refresh(
            function: int, start: int, address: int, count: int, image: list[int], written: list[int] | None
        ) -> ExcCodes | None:
            del address, count
            if written is not None or function not in _READS:
                return ExcCodes.ILLEGAL_FUNCTION
            return self._refresh(unit, _READS[function], start, image)

        blocks = tuple(_block(table, unit.registers[table]) for table in _TABLES)
        return SimDevice(id=number, simdata=blocks, action=refresh)  # type: ignore[arg-type]

    def _refresh(self, unit: _Unit, table: ModbusTable, start: int, image: list[int]) -> ExcCodes | None:
        registers = unit.registers[table]
        if registers and not any(self._signals[r.signal].device.online for r in registers):
            return ExcCodes.GATEWAY_NO_RESPONSE
        stale, unit.stale[table] = unit.stale[table], set()
        for position in stale:
            register = registers[position]
            _write(image, start, register, self._signals[register.signal])
        return None


def _identity(product: str) -> ModbusDeviceIdentification:
    return ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
        info_name={"VendorName": "provenline simulator", "ProductCode": product, "MajorMinorRevision": "1.0"}
    )


def _block(table: ModbusTable, registers: list[Register]) -> list[SimData]:
    bits = table in (ModbusTable.COIL, ModbusTable.DISCRETE)
    # The library wants something in every table, so an empty one has a first cell that reads as zero.
    size = max((r.address.register_ + r.address.width for r in registers), default=1)
    if bits:
        return [SimData(0, values=[False] * (-(-size // 16) * 16), datatype=DataType.BITS)]
    return [SimData(0, values=[0] * size, datatype=DataType.REGISTERS)]


def _write(image: list[int], start: int, register: Register, signal: Signal) -> None:
    address, content = register.address, raw(signal.value, register.address)
    at = address.register_ - start
    if address.table in (ModbusTable.COIL, ModbusTable.DISCRETE):
        _set_bit(image, address.register_ // 16, address.register_ % 16, on=bool(content))
    elif address.format is ModbusFormat.BIT:
        _set_bit(image, at, address.bit or 0, on=bool(content))
    else:
        image[at : at + address.width] = encode(content, address)


def _set_bit(image: list[int], at: int, bit: int, *, on: bool) -> None:
    image[at] = image[at] | 1 << bit if on else image[at] & ~(1 << bit)
