"""One request and its reply, over TCP, RTU over TCP or a serial line.

pymodbus frames, matches transaction numbers and checks CRCs. Three things are decided here:

- **No retries and no reconnecting.** One silence is one `NoAnswer` after one timeout; what
  to do about it is decided above.
- **Replies stay bytes.** pymodbus would build a list of integers; the reply classes below
  are registered to keep the data as it came, for NumPy to look at.
- **A reply must be the one that was asked for**: the right function and exactly the right
  length. Anything else is a `NoAnswer` that carries what was heard. pymodbus empties its
  buffer before each request, which is the resynchronisation.

One request is in flight at a time: many devices and gateways drop a second one. Who asks
meanwhile, such as a command, waits for its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.exceptionresponse import ExceptionResponse
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from collectors.modbus.plan import Block
from configs.sources import ModbusSerial, ModbusTable, ModbusTcp
from plant.clock import Clock
from plant.errors import Disconnected, ProvenlineError

_VENDOR_NAME = 0
_BASIC = 1
_FUNCTIONS = {ModbusTable.COIL: 1, ModbusTable.DISCRETE: 2, ModbusTable.HOLDING: 3, ModbusTable.INPUT: 4}
_CHARACTER_BITS = 11
_NEVER = 2**62


class NoAnswer(ProvenlineError):
    """A unit kept silent, or what came was not the answer; `heard` is what came."""

    def __init__(self, message: str, heard: bytes = b"") -> None:
        super().__init__(message)
        self.heard = heard


class Refused(ProvenlineError):
    """A unit answered with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception code {code}")
        self.code = code


class _Reply(ModbusPDU):
    """Data of a read, left as bytes: the byte count, then the data."""

    rtu_byte_count_pos = 2
    content: bytes = b""

    def decode(self, data: bytes) -> None:
        self.content = bytes(data)


class _Coils(_Reply):
    function_code = 1


class _DiscreteInputs(_Reply):
    function_code = 2


class _HoldingRegisters(_Reply):
    function_code = 3


class _InputRegisters(_Reply):
    function_code = 4


class _Read(Protocol):
    def __call__(self, address: int, *, count: int, device_id: int) -> Awaitable[ModbusPDU]: ...


class Link:
    """One connection. `timeout`: seconds for connecting and for each reply."""

    def __init__(self, config: ModbusTcp | ModbusSerial, *, timeout: float, clock: Clock) -> None:
        self._config, self._timeout, self._clock = config, timeout, clock
        self._heard = b""
        self._turn = asyncio.Lock()
        self._client = _client(config, timeout, self._listen)
        self._client.set_max_no_responses(_NEVER)  # when to give up is decided above
        for reply in (_Coils, _DiscreteInputs, _HoldingRegisters, _InputRegisters):
            self._client.register(reply)
        self._reads: dict[ModbusTable, _Read] = {
            ModbusTable.COIL: self._client.read_coils,
            ModbusTable.DISCRETE: self._client.read_discrete_inputs,
            ModbusTable.HOLDING: self._client.read_holding_registers,
            ModbusTable.INPUT: self._client.read_input_registers,
        }
        # RTU tells frames apart by silence: 3.5 characters, and 1.75 ms above 19 200 baud.
        self._silence = 0.0
        if isinstance(config, ModbusSerial):
            self._silence = max(0.00175, 3.5 * _CHARACTER_BITS / config.baud)

    @property
    def connected(self) -> bool:
        """Whether the connection still stands, as far as this end knows."""
        return self._client.connected

    @property
    def place(self) -> str:
        """Where the link leads, for messages."""
        config = self._config
        return config.device if isinstance(config, ModbusSerial) else f"{config.host}:{config.port}"

    async def connect(self) -> None:
        """Open the connection. Raises Disconnected."""
        connected = await self._client.connect()
        _heed_cancellation()
        if not connected:
            raise Disconnected(f"{self.place} cannot be reached")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def read(self, block: Block) -> bytes:
        """Read one block and return its data bytes. Raises NoAnswer, Refused or Disconnected."""
        request = self._reads[block.table](block.start, count=block.count, device_id=block.unit)
        reply = await self._answer(request, _FUNCTIONS[block.table], str(block))
        bits = block.table in (ModbusTable.COIL, ModbusTable.DISCRETE)
        size = (block.count + 7) // 8 if bits else 2 * block.count
        if not isinstance(reply, _Reply) or len(reply.content) != size + 1 or reply.content[0] != size:
            raise NoAnswer(f"{block}: the reply does not hold the {size} bytes asked for", self._heard)
        return reply.content[1:]

    async def write(self, unit: int, table: ModbusTable, start: int, words: list[int]) -> None:
        """Write one coil (function 5), one register (6) or several (16). Raises NoAnswer, Refused or Disconnected."""
        place = f"unit {unit} {table.value} {start}"
        if table is ModbusTable.COIL:
            await self._answer(self._client.write_coil(start, bool(words[0]), device_id=unit), 5, place)
        elif len(words) == 1:
            await self._answer(self._client.write_register(start, words[0], device_id=unit), 6, place)
        else:
            await self._answer(self._client.write_registers(start, words, device_id=unit), 16, place)

    async def vendor(self, unit: int) -> str:
        """Ask a unit for its VendorName (function 43/14). Raises NoAnswer, Refused or Disconnected."""
        request = self._client.read_device_information(read_code=_BASIC, object_id=_VENDOR_NAME, device_id=unit)
        reply = await self._answer(request, ReadDeviceInformationResponse.function_code, f"unit {unit} identification")
        name = reply.information.get(_VENDOR_NAME) if isinstance(reply, ReadDeviceInformationResponse) else None
        return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else ""

    async def _answer(self, request: Awaitable[ModbusPDU], function: int, subject: str) -> ModbusPDU:
        async with self._turn:
            return await self._asked(request, function, subject)

    async def _asked(self, request: Awaitable[ModbusPDU], function: int, subject: str) -> ModbusPDU:
        if self._silence:
            await self._clock.sleep(self._silence)
        self._heard = b""
        try:
            reply = await request
        except ModbusException as error:
            if not self.connected:
                raise Disconnected(f"{self.place} closed the connection") from error
            said = "what came was not the answer" if self._heard else "no answer"
            raise NoAnswer(f"{subject}: {said} within {self._timeout:g} s", self._heard) from error
        finally:
            _heed_cancellation()
        # pymodbus does not compare functions: on a serial line a late reply can pass for this one.
        if reply.function_code & 0x7F != function:
            raise NoAnswer(f"{subject}: the reply is to another function", self._heard)
        if isinstance(reply, ExceptionResponse):
            raise Refused(reply.exception_code)
        return reply

    def _listen(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._heard = data
        return data


def _heed_cancellation() -> None:
    """End a task that was asked to: until Python 3.12 `wait_for` forgets that when a reply comes in the same moment."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _client(
    config: ModbusTcp | ModbusSerial, timeout: float, listen: Callable[[bool, bytes], bytes]
) -> ModbusBaseClient:
    if isinstance(config, ModbusSerial):
        return AsyncModbusSerialClient(
            config.device,
            baudrate=config.baud,
            parity=config.parity,
            stopbits=config.stop_bits,
            timeout=timeout,
            retries=0,
            reconnect_delay=0,
            trace_packet=listen,
        )
    return AsyncModbusTcpClient(
        config.host,
        port=config.port,
        framer=FramerType.SOCKET if config.type == "tcp" else FramerType.RTU,
        timeout=timeout,
        retries=0,
        reconnect_delay=0,
        trace_packet=listen,
    )
