"""All sandboxes of a centre: one a person, so many at once, stopped when nobody is at them."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from labs.library import Lab
from labs.sandboxes import NoSandbox, SandboxState, SandboxTrouble
from plant.errors import ConfigError, Unavailable
from provenline.sandbox.limits import Limits
from provenline.sandbox.opening import line_plan, order_of
from provenline.sandbox.room import Room

log = structlog.get_logger(__name__)

MOST = 30
"""Sandboxes at once."""
IDLE = 1800.0
"""Seconds after which one that nobody is at is stopped."""
_LOOK = 20.0
_AT_ONCE = 4
"""Sandboxes that start at a time; the others wait their turn, and each is ready sooner."""
_SOCKETS = "sockets"
_PREFIX = "provenline-"


class Rooms:
    """The sandboxes; made by `sandboxes`."""

    def __init__(self, folder: Path, sockets: Path, *, most: int, idle: float, limits: Limits) -> None:
        self._folder = folder
        self._sockets = sockets
        self._most = most
        self._idle = idle
        self._limits = limits
        self._rooms: dict[str, Room] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._starting = asyncio.Semaphore(_AT_ONCE)

    async def open(self, lab: Lab, owner: str, *, seed: int, speed: float | None = None) -> Room:
        """Open one, in place of the owner's other one. Returns when it is ready or broken.

        `speed`: plant seconds a second, instead of what the lab says.
        Raises Unavailable when there is no room, SandboxTrouble for a lab whose line cannot be.
        """
        async with self._turns[owner]:
            earlier = self.of(owner)
            if earlier is not None:
                await self.close(earlier.id)
            if len(self._rooms) >= self._most:
                raise Unavailable(f"all {self._most} sandboxes are in use; try again later", retry_after=60)
            try:
                plan = line_plan(lab, speed=speed)
            except (ConfigError, KeyError, ValueError) as error:
                raise SandboxTrouble(f"the line of {lab.key} cannot be: {error}") from error
            name = secrets.token_hex(12)
            folder, socket = self._folder / name, self._sockets / name
            order = order_of(plan, lab, owner, seed=seed, folder=folder, socket=socket, limits=self._limits)
            room = self._rooms[name] = Room(name, lab, order)
            await self._begin(room)
            return room

    async def reset(self, id: str) -> Room:  # noqa: A002 - what it is called
        """Begin anew: same lab, seed and owner, the files the lab starts with."""
        room = self.get(id)
        async with self._turns[room.owner]:
            await room.end()
            await self._begin(room)
            return room

    async def close(self, id: str) -> None:  # noqa: A002 - what it is called
        """Stop one and remove what it left."""
        room = self._rooms.pop(id, None)
        if room is None:
            raise NoSandbox(f"there is no sandbox {id!r}")
        await room.end()

    def get(self, id: str) -> Room:  # noqa: A002 - what it is called
        """Return one."""
        try:
            return self._rooms[id]
        except KeyError:
            raise NoSandbox(f"there is no sandbox {id!r}, or no longer") from None

    def of(self, owner: str) -> Room | None:
        """Return somebody's."""
        return next((room for room in self._rooms.values() if room.owner == owner), None)

    def all(self) -> tuple[Room, ...]:
        """Return all of them."""
        return tuple(self._rooms.values())

    async def stop_idle(self) -> None:
        """Stop those that nobody has been at for long."""
        for room in self.all():
            if room.state is not SandboxState.STARTING and room.idle > self._idle:
                log.info("a sandbox is stopped, for nobody uses it", sandbox=room.id, lab=str(room.lab))
                with suppress(NoSandbox):
                    await self.close(room.id)

    async def stop_all(self) -> None:
        """Stop every one."""
        await asyncio.gather(*(self.close(room.id) for room in self.all()))

    async def _begin(self, room: Room) -> None:
        try:
            async with self._starting:
                await room.begin()
        except BaseException:
            self._rooms.pop(room.id, None)
            await room.end()
            raise


@asynccontextmanager
async def sandboxes(
    folder: Path,
    *,
    most: int = MOST,
    idle: float = IDLE,
    limits: Limits | None = None,
) -> AsyncIterator[Rooms]:
    """Keep sandboxes below a folder while the context is open; what a centre that was killed left is removed first."""
    await asyncio.to_thread(_swept, folder)
    sockets = Path(tempfile.mkdtemp(prefix=_PREFIX))  # a socket's path must be short, and data folders may be deep
    (folder / _SOCKETS).write_text(str(sockets), encoding="utf-8")
    rooms = Rooms(folder, sockets, most=most, idle=idle, limits=limits or Limits())
    looking = asyncio.create_task(_look(rooms), name="idle sandboxes")
    try:
        yield rooms
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await rooms.stop_all()
        await asyncio.to_thread(_swept, folder)


async def _look(rooms: Rooms) -> None:
    while True:
        await asyncio.sleep(_LOOK)
        await rooms.stop_idle()


def _swept(folder: Path) -> None:
    """Remove what earlier sandboxes left; their processes ended with the centre that started them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = folder / _SOCKETS
    if note.is_file():
        left = Path(note.read_text(encoding="utf-8"))
        own = left.name.startswith(_PREFIX) and left.parent == Path(tempfile.gettempdir())
        if own and left.is_dir() and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)
        note.unlink()
    for each in folder.iterdir():
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
