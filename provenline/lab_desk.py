"""Where a centre gives labs: its courses, its register, and the lines that trainees work on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from labs.desk import LabDesk
from labs.library import PACKAGED, read_library
from labs.register import FILE, Register
from labs.scenery import Scenes
from plant.clock import SystemClock
from provenline.sandbox.rooms import sandboxes

log = structlog.get_logger(__name__)

COURSES, SANDBOXES = "courses", "sandboxes"


@asynccontextmanager
async def lab_desk(data: Path) -> AsyncIterator[LabDesk]:
    """Give labs below a data folder while the context is open; real time counts, however fast the plant's runs.

    Courses that have faults are not given, and named in the log. Raises Unavailable.
    """
    scenery, own = Scenes(), data / COURSES
    library = await asyncio.to_thread(read_library, (PACKAGED, own), scenery)
    for fault in library.faults:
        log.warning("a course has a fault and is not given", fault=str(fault))
    register = await asyncio.to_thread(Register, data / FILE)
    try:
        async with sandboxes(data / SANDBOXES) as rooms:
            yield LabDesk(library, register, rooms, SystemClock(), own, scenery)
    finally:
        register.close()
