"""Taking over a changed configuration without dropping what did not change.

    SIGHUP ─┐
            ├▶ load and check, all faults at once ──▶ exchange the centre, then the sources that changed
    POST ───┘        (refused: nothing happens)

Stores, accounts and the listening socket stay; everything that follows from the configuration
is made anew. Where the centre listens and where samples are kept take effect at the next start.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from configs.change import Change, compared
from configs.configuration import Configuration
from configs.loader import load
from plant.errors import ConfigError, ProvenlineError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Wish:
    configuration: Configuration
    change: Change
    granted: asyncio.Future[Change]


class Reloading:
    """Wishes for another configuration, one at a time, and whether they were granted.

    Who runs the process takes them with `next` and answers with `grant` or `refuse`.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._wishes: asyncio.Queue[_Wish] = asyncio.Queue(1)
        self._turn = asyncio.Lock()
        self._open: _Wish | None = None

    async def __call__(self) -> Change:
        """Load the folder again and have it taken over.

        Raises ConfigError with every fault; then nothing has changed.
        """
        async with self._turn:
            fresh = await asyncio.to_thread(load, self.configuration.folder)
            wish = _Wish(fresh, compared(self.configuration, fresh), asyncio.get_running_loop().create_future())
            await self._wishes.put(wish)
            return await wish.granted

    async def next(self) -> Configuration:
        """Wait for a configuration that is to be taken over."""
        self._open = await self._wishes.get()
        return self._open.configuration

    def grant(self) -> bool:
        """Say that the configuration from `next` runs now; False when it is the one of the start."""
        wish, self._open = self._open, None
        if wish is None:
            return False
        self.configuration = wish.configuration
        if not wish.granted.done():
            wish.granted.set_result(wish.change)
        return True

    def refuse(self, error: ProvenlineError) -> bool:
        """Say that it could not be taken over; False when there was none, which is a fault at the start."""
        wish, self._open = self._open, None
        if wish is not None and not wish.granted.done():
            wish.granted.set_exception(error)
        return wish is not None


def logged(reloading: Reloading) -> Callable[[], Awaitable[Change]]:
    """Return what reloads and says in the log what changed."""

    async def reload() -> Change:
        change = await reloading()
        log.info("configuration reloaded", **change.as_dict())
        return change

    return reload


@contextmanager
def hangups(reload: Callable[[], Awaitable[Change]]) -> Iterator[None]:
    """Reload at each SIGHUP while the context is open, and say in the log when it cannot be done."""
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    async def reloaded() -> None:
        try:
            await reload()
        except ConfigError as error:
            for fault in error.faults:
                log.error("configuration fault", fault=str(fault))
            log.error("not reloaded; what ran before goes on", faults=len(error.faults))
        except ProvenlineError as error:
            log.error("not reloaded; what ran before goes on", reason=str(error))

    def hang_up() -> None:
        task = asyncio.ensure_future(reloaded())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in tasks:
            task.cancel()
