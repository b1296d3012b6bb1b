"""Running a STAMP reflector."""

from __future__ import annotations

import asyncio

import structlog

from collectors.stamp.reflector import reflect
from plant.errors import ProvenlineError

log = structlog.get_logger(__name__)


async def run_reflector(host: str, port: int) -> None:
    """Answer probes until cancelled."""
    try:
        async with reflect(host, port) as (bound, number):
            log.info("reflecting STAMP", address=f"{bound}:{number}")
            await asyncio.Event().wait()
    except PermissionError as error:
        hint = "ports below 1024 need privileges; choose another with --port"
        raise ProvenlineError(f"cannot listen on {host} port {port}: {error.strerror}; {hint}") from error
