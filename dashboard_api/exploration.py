"""Looking at devices from the page: what a centre asks of whoever can open connections for it.

The routes know targets and answers only; `provenline.exploring` knows the collectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from configs.configuration import Binding
from configs.sources import ModbusTable, SourceConfig
from plant.errors import ProvenlineError


class NotPermitted(ProvenlineError):
    """The configuration neither names this target nor lists its host under `exploration`."""


class Busy(ProvenlineError):
    """Another exploration runs, or there were too many lately."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceTarget(_Asked):
    """The server or device of a configured source, with its settings."""

    type: Literal["source"]
    scene: str = Field(max_length=64)
    source: str = Field(max_length=64)

    def __str__(self) -> str:
        return f"{self.scene}/{self.source}"


class OpcuaTarget(_Asked):
    """An OPC UA server that lets anybody in, without encryption, at an address that is listed."""

    type: Literal["opcua"]
    endpoint: str = Field(pattern=r"^opc\.tcp://[^/\s:@]+(:\d{1,5})?(/\S*)?$", max_length=300)

    def __str__(self) -> str:
        return self.endpoint


class ModbusTarget(_Asked):
    """A Modbus TCP device at an address that is listed."""

    type: Literal["modbus"]
    host: str = Field(pattern=r"^[^/\s:@]+$", max_length=253)
    port: int = Field(default=502, ge=1, le=65_535)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Target = Annotated[SourceTarget | OpcuaTarget | ModbusTarget, Field(discriminator="type")]


class Range(_Asked):
    """Which registers, or bits, of which unit."""

    unit: int = Field(default=1, ge=0, le=255)
    table: ModbusTable = ModbusTable.HOLDING
    start: int = Field(default=0, ge=0, le=65_535)
    count: int = Field(default=32, ge=1, le=256)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking: `failure` is a finding's code, "" when there is none; `answer` is plain data."""

    answer: dict[str, Any]
    failure: str = ""
    detail: str = ""


class Explorer(Protocol):
    """Opens connections for people, one at a time, only to where it may.

    Every method raises NotPermitted or Busy before anything is opened, and never for what a device does.
    """

    async def trial(self, target: SourceTarget) -> Found:
        """Try a source's connection step by step: `steps`."""

    async def browse(self, target: Target, node: str | None) -> Found:
        """Return what is directly below a node of an OPC UA server: `entries`, `complete`."""

    async def scan(self, target: Target, wanted: Range) -> Found:
        """Return what is in a Modbus device's registers: `registers`, `decodings`, `vendor`, `complete`."""

    async def located(self, binding: Binding) -> SourceConfig:
        """Return a source's settings with where it really is: a simulation chooses its own ports."""

    def settings(self, target: Target) -> dict[str, Any]:
        """Return a target's settings as a scene document has them, without connecting."""
