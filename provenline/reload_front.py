"""The doors of a centre that stay open while the centre behind them is exchanged.

    requests ──▶ Front ──▶ the application of now        samples ──▶ Sink ──▶ the centre of now

For the moment in which there is none, who comes waits; nobody is turned away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from configs.change import Change
from dashboard_api.access import Actor, Kind
from dashboard_api.centre import Note, Reload
from dashboard_api.operations import RELOAD
from plant.batch import Batch
from plant.errors import Unavailable
from provenline.reload import Reloading, logged
from provenline.trust import Trust

log = structlog.get_logger(__name__)

_SIGNAL = Actor("SIGHUP", None, Kind.LOCAL, frozenset(), address="this machine")
_GONE = 1012
"""The code with which live connections are closed so that they come again: service restart."""
_PATIENCE = 2.0
_LONGEST = 30.0

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Front:
    """The application in front of a server, which can be exchanged between two requests.

    While there is none, requests wait. Live connections are ended with a word that makes them come again.
    """

    def __init__(self) -> None:
        self._application: Application | None = None
        self._there = asyncio.Event()
        self._over = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = 0

    @asynccontextmanager
    async def showing(self, application: Application) -> AsyncIterator[None]:
        """Let requests through to an application while the context is open; those under way may finish."""
        self._application, self._over = application, asyncio.Event()
        self._there.set()
        try:
            yield
        finally:
            self._there.clear()
            self._over.set()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._idle.wait()
            except TimeoutError:
                log.info("requests under way finish on what ran before", requests=self._busy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request or a live connection on."""
        try:
            async with asyncio.timeout(_LONGEST):
                await self._there.wait()
        except TimeoutError:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b"the centre is busy; try again\n"})
            return
        application = self._application
        assert application is not None
        if scope["type"] == "websocket":
            await self._connection(application, scope, receive, send)
        elif scope.get("path") == RELOAD:  # this one waits for the exchange; the exchange must not wait for it
            await application(scope, receive, send)
        else:
            with self._counted():
                await application(scope, receive, send)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._busy += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def _connection(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        over, closed = self._over, False

        async def received() -> Message:
            nonlocal closed
            hearing = asyncio.ensure_future(receive())
            ending = asyncio.ensure_future(over.wait())
            try:
                await asyncio.wait((hearing, ending), return_when=asyncio.FIRST_COMPLETED)
                if hearing.done():
                    return hearing.result()
            finally:
                for task in (hearing, ending):
                    task.cancel()
            await send({"type": "websocket.close", "code": _GONE, "reason": "configuration reloaded"})
            closed = True
            return {"type": "websocket.disconnect", "code": _GONE}

        async def sent(message: Message) -> None:
            if not closed:
                await send(message)

        await application(scope, received, sent)


def noted(reloading: Reloading) -> Reload:
    """Return what reloads and has it written down on whose behalf; it goes on when that one does not wait for it."""
    recorded = logged(reloading)

    async def reload(note: Note) -> Change:
        change = await recorded()
        await note(change)
        return change

    async def shielded(note: Note) -> Change:
        return await asyncio.shield(asyncio.ensure_future(reload(note)))

    return shielded


def by_signal(trusted: Trust, folder: Path) -> Note:
    """Return what writes down that a signal was sent, by whoever may send one."""

    async def note(change: Change) -> None:
        add, where = trusted.audit.add, str(folder)
        await asyncio.to_thread(
            partial(add, _SIGNAL, "configuration.reload", where, before=change.before, after=change.after)
        )

    return note


class Sink:
    """Where an edge in the same process writes to: the centre of now. While there is none, writers wait."""

    def __init__(self) -> None:
        self._write: Callable[[Batch], None] | None = None
        self._there = threading.Event()

    def __call__(self, batch: Batch) -> None:
        """Store a batch. Raises Unavailable when no centre takes it for long, else as the centre does."""
        write = self._write if self._there.wait(_LONGEST) else None
        if write is None:
            raise Unavailable("the centre is being exchanged")
        write(batch)

    @contextmanager
    def into(self, write: Callable[[Batch], None]) -> Iterator[None]:
        """Let batches through while the context is open."""
        self._write = write
        self._there.set()
        try:
            yield
        finally:
            self._there.clear()
            self._write = None
