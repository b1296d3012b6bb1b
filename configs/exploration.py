"""Whom a centre may ask on behalf of the people at its configuration page.

Looking at a server's address space or at a device's registers makes the centre open connections
to wherever it is told. So it goes only where its own sources go, and to what is listed here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from configs.base import Strict

HostPort = Annotated[
    str,
    Field(
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]{0,252}))(:[0-9]{1,5})?$",
        description="host, or host:port; exactly as it will be asked for",
    ),
]


class ExplorationConfig(Strict):
    """Hosts that may be browsed, scanned and tested beside those of the configured sources."""

    hosts: tuple[HostPort, ...] = Field(default=(), max_length=200)

    def permits(self, host: str, port: int) -> bool:
        """Say whether somebody may have a connection opened there."""
        asked = host.lower()
        return any(one.lower() in (asked, f"{asked}:{port}") for one in self.hosts)
