"""The pipe between a centre and the child that is a sandbox: JSON both ways, each message led by its length.

    centre ─▶ {"id": 4, "do": "apply", "with": {…}}        child ─▶ {"id": 4, "ok": …} or {"id": 4, "error": "…"}
                                                           child ─▶ {"news": …}  unasked: how far it is, what went wrong

When one side is gone the other reads the end of the stream, however it went.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from plant.errors import ProvenlineError

LONGEST = 64 << 20
"""Octets of a message."""
_LENGTH = struct.Struct("<I")

Message = dict[str, Any]


class PipeClosed(ProvenlineError):
    """The other side is gone."""


class Pipe:
    """One end. Any task may send; one task receives."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Pipe:
        """Take over one end of a socket pair."""
        end.setblocking(False)
        return cls(*await asyncio.open_connection(sock=end))

    async def send(self, message: Message) -> None:
        """Send one message. Raises PipeClosed."""
        blob = orjson.dumps(message)
        try:
            self._writer.write(_LENGTH.pack(len(blob)) + blob)
            await self._writer.drain()
        except OSError as error:
            raise PipeClosed("the other side does not read any more") from error

    async def receive(self) -> Message:
        """Wait for one message. Raises PipeClosed at the end of the stream, and for what is no message."""
        try:
            size = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))[0]
            if size > LONGEST:
                raise PipeClosed(f"a message of {size} octets")
            message = orjson.loads(await self._reader.readexactly(size))
        except (OSError, asyncio.IncompleteReadError, orjson.JSONDecodeError) as error:
            raise PipeClosed("the other side is gone") from error
        if not isinstance(message, dict):
            raise PipeClosed("the other side sends what is no message")
        return message

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class Caller:
    """The end that asks. `hear` is called with whatever the other side says unasked."""

    def __init__(self, pipe: Pipe, hear: Callable[[Message], None]) -> None:
        self._pipe = pipe
        self._hear = hear
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        self._closed = False

    async def ask(self, do: str, **with_: object) -> Any:  # noqa: ANN401 - as the question has it
        """Ask and wait for the answer. Raises PipeClosed, and ProvenlineError with the other side's reason."""
        if self._closed:
            raise PipeClosed("the other side is gone")
        self._last += 1
        number = self._last
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._pipe.send({"id": number, "do": do, "with": with_})
            return await answer
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        """Hang up; `listen` returns when the other side has done so, too."""
        await self._pipe.close()

    async def listen(self) -> None:
        """Take in answers and news until the other side is gone."""
        try:
            while True:
                message = await self._pipe.receive()
                if "news" in message:
                    self._hear(message["news"])
                    continue
                answer = self._asked.get(message.get("id", 0))
                if answer is None or answer.done():
                    continue
                if "error" in message:
                    answer.set_exception(ProvenlineError(str(message["error"])))
                else:
                    answer.set_result(message.get("ok"))
        except PipeClosed:
            return
        finally:
            self._closed = True
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(PipeClosed("the other side is gone"))
