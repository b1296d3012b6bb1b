"""A centre with one tiny lab and people who learn at it, in a thread of its own; tests ask it from theirs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from configs.loader import PACKAGED, load
from dashboard_api.access import Role
from labs.desk import LabDesk
from labs.library import Lab, Library
from labs.register import Register
from plant.clock import SystemClock
from provenline.centre import Address, listening, opened
from provenline.choice import Choice
from provenline.sandbox.room import Room
from provenline.sandbox.rooms import Rooms, sandboxes
from provenline.trust import Trust
from tests.labs.tiny_course import tiny_lab
from tests.peers.processes import free_port
from tests.people import People, people

PATIENCE = 300.0
Found = TypeVar("Found")


@dataclass
class School:
    """The centre at `url`; `headers` of who is signed in, by name."""

    rooms: Rooms
    register: Register
    lab: Lab
    url: str
    headers: dict[str, dict[str, str]]
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Found]) -> Found:
        """Do something in the centre's thread, and return what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def open(self, owner: str) -> Room:
        """Open a sandbox of the tiny lab."""
        return self.run(self.rooms.open(self.lab, owner, seed=5))


@asynccontextmanager
async def _school(folder: Path, known: People) -> AsyncIterator[School]:
    configuration = Choice(("first-light",)).of(load(PACKAGED))
    address = Address("127.0.0.1", free_port())
    lab = await asyncio.to_thread(tiny_lab, folder / "courses")
    register = Register(folder / "labs.db")
    async with sandboxes(folder / "sandboxes", most=4) as rooms:
        desk = LabDesk(Library({}), register, rooms, SystemClock(), folder / "own")
        trusted = Trust(known.accounts, known.audit, "")
        async with (
            opened(configuration, trusted, data=folder, clock=SystemClock(), labs=desk) as centre,
            listening(centre, address),
        ):
            base = address.url.rstrip("/")
            headers = {
                name: await known.signed_in(role, name) | {"Origin": base}
                for name, role in {"ann": Role.TRAINEE, "ben": Role.TRAINEE, "tess": Role.INSTRUCTOR}.items()
            }
            yield School(rooms, register, lab, base, headers, asyncio.get_running_loop())
    register.close()


@contextmanager
def school(folder: Path) -> Iterator[School]:
    """Run the centre while the context is open."""
    there, found, stop = threading.Event(), [], asyncio.Event()
    failed: list[BaseException] = []

    async def attend(known: People) -> None:
        async with _school(folder, known) as here:
            found.append(here)
            there.set()
            await stop.wait()

    def run(known: People) -> None:
        try:
            asyncio.run(attend(known))
        except BaseException as error:
            failed.append(error)
        finally:
            there.set()

    with people(folder) as known:
        thread = threading.Thread(target=run, args=(known,), name="school")
        thread.start()
        try:
            assert there.wait(PATIENCE)
            if failed:
                raise failed[0]
            yield found[0]
        finally:
            if found:
                found[0].loop.call_soon_threadsafe(stop.set)
            thread.join(PATIENCE)
            if failed and found:
                raise failed[0]


def eventually(true: Callable[[], Any], what: str) -> Any:
    """Wait until something is so, and return it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain: {what}")
