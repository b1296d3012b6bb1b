"""Where a centre gives labs: its courses, its register, and the lines that trainees work on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from labs.desk import LabDesk
from labs.library import Library
from labs.register import FILE, Register
from labs.scenery import Scenes
from plant.clock import SystemClock
from provenline.sandbox.rooms import sandboxes

log = structlog.get_logger(__name__)

COURSES, SANDBOXES = "courses", "sandboxes"


@asynccontextmanager
async def lab_desk(data: Path) -> AsyncIterator[LabDesk]:
    """Give labs below a data folder while the context is open; real time counts, however fast the plant's runs.

    The courses are read meanwhile: that takes seconds, and the line's own pages need not wait for
    it. Those that have faults are not given, and named in the log. Raises Unavailable.
    """
    register = await asyncio.to_thread(Register, data / FILE)
    try:
        async with sandboxes(data / SANDBOXES) as rooms:
            desk = LabDesk(Library({}), register, rooms, SystemClock(), data / COURSES, Scenes(), ready=asyncio.Event())
            reading = asyncio.create_task(_read(desk), name="courses")
            try:
                yield desk
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
    finally:
        register.close()


async def _read(desk: LabDesk) -> None:
    try:
        await asyncio.to_thread(desk.reread)
    except OSError as error:
        log.error("no course can be read, so none is given", error=str(error))
    finally:
        desk.ready.set()
    for fault in desk.library.faults:
        log.warning("a course has a fault and is not given", fault=str(fault))
