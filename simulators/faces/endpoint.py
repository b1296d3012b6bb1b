"""Where a face listens, how it gets its port, and what every face does."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from configs.sources import ModbusSource, OpcuaSource, SourceConfig
from plant.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A real address. `scheme`: `opc.tcp`, `modbus`, `mqtt` or `stamp`."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as one text."""
        return f"{self.scheme}://{self.host}:{self.port}"


class PortPolicy(Enum):
    """What to do about the port that the configuration names."""

    REQUIRE = auto()
    """It must be that one."""
    PREFER = auto()
    """That one if it is free, else any."""
    ANY = auto()
    """Any free one."""


def rewire(source: SourceConfig, endpoint: Endpoint | None) -> SourceConfig:
    """Return a source's settings with the address at which it is really served; as they are without one."""
    if endpoint is None:
        return source
    if isinstance(source, OpcuaSource):
        return source.model_copy(update={"endpoint": endpoint.url})
    where = {"host": endpoint.host, "port": endpoint.port}
    if isinstance(source, ModbusSource):
        return source.model_copy(update={"link": source.link.model_copy(update=where)})
    return source.model_copy(update=where)


class Face(Protocol):
    """A protocol server in front of a model, serving."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it is really served."""

    async def flush(self) -> None:
        """Pass on what the signals showed since the last call."""

    async def reach(self, *, reachable: bool) -> None:
        """Go out of, or come back into, reach of everybody."""


def free_port(listen: Endpoint, ports: PortPolicy) -> int:
    """Return the port to bind. Raises Unavailable when it must be one that is taken."""
    wanted = 0 if ports is PortPolicy.ANY else listen.port
    for port in (wanted, 0) if ports is PortPolicy.PREFER else (wanted,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((listen.host, port))
            except OSError as error:
                reason = f"{listen.host}:{port}: {error.strerror}"
                continue
            return int(probe.getsockname()[1])
    raise Unavailable(f"cannot listen on {reason}")
