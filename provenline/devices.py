"""The process of the simulated devices, as whoever started it sees it: what is up, where, and how to control it."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict

from configs.configuration import Binding
from configs.sources import SourceConfig
from plant.errors import ProvenlineError
from provenline.announcement import Controlled, Served, heard
from simulators.access import ControlAddress, Tokens
from simulators.faces.endpoint import Endpoint, rewire

_START = 120.0
_HOST = "127.0.0.1"


def fresh_tokens() -> Tokens:
    """Make tokens for one process."""
    return Tokens(control=secrets.token_urlsafe(32), grader=secrets.token_urlsafe(32))


class Devices:
    """One such process. `ended` gives its exit code; `scenes` are those it was asked to serve."""

    def __init__(
        self, process: asyncio.subprocess.Process, ended: asyncio.Task[int], tokens: Tokens, scenes: tuple[str, ...]
    ) -> None:
        self.ended = ended
        self._process = process
        self._tokens = tokens
        self._scenes = scenes
        self._endpoints: dict[str, dict[str, Endpoint]] = {}
        self._up: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._port = 0
        self._controlled = asyncio.Event()

    async def listen(self) -> None:
        """Hear what comes up, until the process ends."""
        assert self._process.stdout
        while line := await self._process.stdout.readline():
            news = heard(line.decode())
            if isinstance(news, Controlled):
                self._port = news.port
                self._controlled.set()
            elif isinstance(news, Served):
                self._endpoints[news.scene] = news.endpoints
                self._up[news.scene].set()

    async def locate(self, binding: Binding) -> SourceConfig:
        """Wait until a binding's scene is up, and return its source's settings with the real address."""
        if binding.scene not in self._scenes:
            return binding.source
        await self._up[binding.scene].wait()
        return rewire(binding.source, self._endpoints[binding.scene].get(binding.source.id))

    async def control(self, *, grader: bool = False) -> ControlAddress:
        """Wait until the process can be controlled; `grader`: also to read what really happened."""
        await self._soon(self._controlled)
        return ControlAddress(_HOST, self._port, self._tokens.grader if grader else self._tokens.control)

    async def all_up(self) -> None:
        """Wait until every scene is up. Raises ProvenlineError when the process ends first, or takes too long."""
        for scene in self._scenes:
            await self._soon(self._up[scene])

    async def _soon(self, event: asyncio.Event) -> None:
        happening = asyncio.create_task(event.wait())
        try:
            await asyncio.wait((happening, self.ended), timeout=_START, return_when=asyncio.FIRST_COMPLETED)
        finally:
            happening.cancel()
        if event.is_set():
            return
        if self.ended.done():
            raise ProvenlineError(f"the simulated line did not start (exit code {self.ended.result()})")
        raise ProvenlineError(f"the simulated line did not start within {_START:g} s")
