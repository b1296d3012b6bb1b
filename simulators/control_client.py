"""The other end of the control API: what labs, an instructor's console and the command line hold.

async with ControlClient.connect(address) as control:
    number = await control.inject("agv", PlannedFault(kind=FaultKind.LINK_LOSS, target="agv-2", lasts=60))
    ...
    await control.end("agv", number)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from plant.errors import Disconnected
from simulators.access import ControlAddress
from simulators.control import LINE_LIMIT, Refused
from simulators.faults import FaultOffer, PlannedFault
from simulators.faults.wire import fault_from, fault_to, offer_from
from simulators.truth import Fact, What

_PATIENCE = 10.0


class ControlClient:
    """One connection. Methods raise Refused for what cannot be, Disconnected when the simulation is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: ControlAddress) -> AsyncIterator[ControlClient]:
        """Connect for as long as the context is open. Raises Disconnected, and Refused for a wrong token."""
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_connection(address.host, address.port, limit=LINE_LIMIT)
        except OSError as error:
            raise Disconnected(f"no simulation answers at {address.host}:{address.port}") from error
        try:
            client = cls(reader, writer)
            await client._ask({"token": address.token})
            yield client
        finally:
            writer.close()

    async def scenes(self) -> tuple[str, ...]:
        """Return the scenes that run."""
        return tuple(await self._ask({"do": "scenes"}))

    async def offers(self, scene: str) -> tuple[FaultOffer, ...]:
        """Return what can be broken in a scene, with names in both languages."""
        return tuple(offer_from(offer) for offer in await self._ask({"do": "offers", "scene": scene}))

    async def inject(self, scene: str, fault: PlannedFault) -> int:
        """Begin a fault, or arrange for it; return its number."""
        return int(await self._ask({"do": "inject", "scene": scene, "fault": fault_to(fault)}))

    async def end(self, scene: str, number: int) -> None:
        """End a fault, or call it off."""
        await self._ask({"do": "end", "scene": scene, "id": number})

    async def active(self, scene: str) -> dict[int, PlannedFault]:
        """Return the faults that are in effect or wait, by number."""
        answer = await self._ask({"do": "active", "scene": scene})
        return {int(number): fault_from(fault) for number, fault in answer.items()}

    async def truth(self, scene: str, what: What | None = None, *, since: int = 0) -> tuple[Fact, ...]:
        """Return what really happened in a scene since a moment (ns UTC), of one kind if given; for graders only."""
        question = {"do": "truth", "scene": scene, "since": since} | ({"what": what} if what else {})
        async with self._turn:
            count = int(await self._exchange(question))
            lines = [orjson.loads(await self._line()) for _ in range(count)]
        return tuple(Fact(f["time"], What(f["what"]), f["where"], f["detail"]) for f in lines)

    async def _ask(self, question: dict[str, Any]) -> Any:  # noqa: ANN401 - as the question has it
        async with self._turn:
            return await self._exchange(question)

    async def _exchange(self, question: dict[str, Any]) -> Any:  # noqa: ANN401 - as the question has it
        self._writer.write(orjson.dumps(question) + b"\n")
        answer = orjson.loads(await self._line())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["ok"]

    async def _line(self) -> bytes:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._reader.readuntil()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Disconnected("the simulation does not answer any more") from error
