"""The process of one sandbox: builds its line, runs its workplace, and answers what the centre asks over the pipe.

build the line ─▶ live its past ─▶ serve it ─▶ workplace ─▶ ready ─┐
                                                   ▲               │ another configuration
                                                   └───────────────┘
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from configs.configuration import Configuration
from historian.embedded import EmbeddedHistorian
from labs.course import LabDocument
from plant.clock import SystemClock
from plant.errors import ConfigError, ProvenlineError
from provenline.fast_forward import gathered
from provenline.sandbox.deeds import Deeds
from provenline.sandbox.limits import Limits, confine, give_back, size_of
from provenline.sandbox.line import SandboxLine, chosen
from provenline.sandbox.order import Order
from provenline.sandbox.pipe import Pipe, PipeClosed
from provenline.sandbox.restrictions import Admission
from provenline.sandbox.wire import TAPPED, Tap
from provenline.sandbox.workplace import Workplace, workplace
from simulators.faces.endpoint import Endpoint

_AT_ONCE = 25_000
"""Samples of the past that are stored at a time: more would only need more memory."""
_LOOK = 2.0
"""Seconds between two looks at how much of the disk is used."""


def main(end: socket.socket, order: Order, lab: LabDocument | None) -> None:
    """Be a sandbox until the other end of the pipe is closed."""
    confine(order.limits, campaigns=order.campaigns)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)  # what goes wrong in here is said over the pipe
    asyncio.run(_attend(end, order, lab))


async def _attend(end: socket.socket, order: Order, lab: LabDocument | None) -> None:
    pipe = await Pipe.over(end)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_Child(order, lab, pipe).run(), name="sandbox")
            tasks.create_task(_watch_disk(order.folder, order.limits), name="disk")
    except ExceptionGroup as errors:
        await _say_broken(pipe, _leaves(errors))
    finally:
        os._exit(0)  # everything is closed; threads that still wait for something must not keep the process


async def _say_broken(pipe: Pipe, errors: list[BaseException]) -> None:
    if any(isinstance(error, PipeClosed) for error in errors):
        return
    reasons = dict.fromkeys(str(error) or type(error).__name__ for error in errors)
    try:
        await pipe.send({"news": {"broken": "; ".join(reasons)}})
        await pipe.close()
    except PipeClosed:
        return


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]


class QuotaExceeded(ProvenlineError):
    """A sandbox has used up its share of the disk."""


async def _watch_disk(folder: Path, limits: Limits) -> None:
    while True:
        used = await asyncio.to_thread(size_of, folder)
        if used > limits.disk:
            raise QuotaExceeded(
                f"this sandbox has filled its {limits.disk / 1e6:.0f} MB of the disk and was stopped; reset it"
            )
        await asyncio.sleep(_LOOK)


class _Child:
    """The line and its present workplace."""

    def __init__(self, order: Order, lab: LabDocument | None, pipe: Pipe) -> None:
        self._order = order
        self._lab = lab
        self._pipe = pipe

    async def run(self) -> None:
        """Build everything, then answer until the pipe closes. Raises PipeClosed, and whatever breaks the sandbox."""
        order = self._order
        line = await asyncio.to_thread(SandboxLine.build, order.line, seed=order.seed, now=SystemClock().now())
        admission = Admission(line.plant, order.folder / "configuration")
        configuration = await asyncio.to_thread(self._first, admission)
        await asyncio.to_thread(self._live, line, configuration, asyncio.get_running_loop())
        async with (
            line.served() as (running, clock, tap),
            self._tapped(running.endpoints, tap) as endpoints,
            workplace(
                configuration,
                owner=order.owner,
                folder=order.folder,
                at=order.socket,
                clock=clock,
                speed=order.line.speed,
                endpoints=endpoints,
                campaigns=order.campaigns,
            ) as place,
        ):
            await self._work(place, configuration, Deeds(order, self._lab, line, tap, clock, admission))

    def _first(self, admission: Admission) -> Configuration:
        if self._order.files is None:
            return chosen(self._order.line)
        try:
            return admission.admit(self._order.files)
        except ConfigError as error:
            raise ProvenlineError(f"the configuration that this lab starts with has faults: {error}") from error

    def _live(self, line: SandboxLine, configuration: Configuration, loop: asyncio.AbstractEventLoop) -> None:
        """Let the line live its past, and store what was collected of it."""

        def progress(share: float) -> None:
            asyncio.run_coroutine_threadsafe(self._pipe.send({"news": {"progress": share}}), loop).result()

        historian = EmbeddedHistorian(self._order.folder / "historian", seal_every=None)
        try:
            for batch in gathered(line.past(configuration.bindings, progress), _AT_ONCE):
                historian.write(batch)
        finally:
            historian.close()
        give_back()

    @asynccontextmanager
    async def _tapped(self, served: Mapping[str, Endpoint], tap: Tap) -> AsyncIterator[dict[str, Endpoint]]:
        endpoints = dict(served)
        async with AsyncExitStack() as stack:
            for source, endpoint in served.items():
                if endpoint.scheme in TAPPED:
                    endpoints[source] = await stack.enter_async_context(tap.before(source, endpoint))
            yield endpoints

    async def _work(self, place: Workplace, configuration: Configuration, deeds: Deeds) -> None:
        """Be what one configuration after the other says, and answer meanwhile."""
        answering = asyncio.create_task(self._answer(deeds), name="deeds")
        try:
            while True:
                async with place.run(configuration) as centre:
                    deeds.arrive(centre)
                    await self._pipe.send({"news": {"ready": deeds.line.model.floor.start}})
                    configuration = await deeds.next_configuration(answering)
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    async def _answer(self, deeds: Deeds) -> None:
        """Take in questions and answer each when it is done. Raises PipeClosed when there will be no more."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                question = await self._pipe.receive()
                tasks.create_task(self._do(deeds, question["id"], question["do"], question["with"]))

    async def _do(self, deeds: Deeds, number: int, do: str, with_: Mapping[str, object]) -> None:
        try:
            answer = {"id": number, "ok": await deeds.do(do, with_)}
        except ProvenlineError as error:
            answer = {"id": number, "error": str(error)}
        await self._pipe.send(answer)
