"""Try a connection step by step, and say in which step it fails: what a person would do by hand.

    resolve ─▶ connect ─▶ open ─▶ read ─▶ clock
    name       TCP        sign in   first   device's clock
                          and agree value   beside ours

The steps `open` and `read` are those of the source itself (`Source.open`), so what passes here is
what the collector will do. Each step ends within its patience; after one that failed the others
are skipped. Findings are codes, for the page to say in the reader's language; `detail` is what
the network, the library or the device said.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum

from collectors.source import Source
from plant.batch import Batch
from plant.clock import SECOND
from plant.errors import ConfigError, Disconnected
from plant.quality import Severity, name, severity

PATIENCE = 10.0
"""Seconds that a step may take."""
CLOCK_OFF = 1.0
"""Seconds by which a clock may differ before somebody should look."""


class Stage(StrEnum):
    """The steps, in order."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    OPEN = "open"
    READ = "read"
    CLOCK = "clock"


class Outcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    DOUBTFUL = "doubtful"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(StrEnum):
    """What was found; the page knows words, and what to do next, for each."""

    FINE = "fine"
    NOT_REACHED = "not-reached"
    NOT_NEEDED = "not-needed"
    UNKNOWN_HOST = "unknown-host"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no-answer"
    NOT_ACCEPTED = "not-accepted"
    LOST = "lost"
    SILENT = "silent"
    BAD_VALUE = "bad-value"
    NO_CLOCK = "no-clock"
    OLD_VALUE = "old-value"
    CLOCK_OFF = "clock-off"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source is on the network; `connects` is false for what needs no TCP connection."""

    host: str
    port: int
    connects: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how it ended, why, what was said, and how long it took."""

    stage: Stage
    outcome: Outcome
    finding: Finding
    detail: str = ""
    seconds: float = 0.0


async def trial(source: Source, place: Place | None, *, patience: float = PATIENCE) -> tuple[Step, ...]:
    """Try a source that nobody else uses, and close it again. `place`: None for what is not on a network."""
    steps: list[Step] = []
    async for step in _steps(source, place, patience):
        steps.append(step)
        if step.outcome is Outcome.FAILED:
            break
    left = list(Stage)[len(steps) :]
    return (*steps, *(Step(stage, Outcome.SKIPPED, Finding.NOT_REACHED) for stage in left))


def finding_of(error: BaseException) -> Finding:
    """Return what an error of a connection comes down to."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConfigError):
            return Finding.NOT_ACCEPTED
        if isinstance(seen, socket.gaierror):
            return Finding.UNKNOWN_HOST
        if isinstance(seen, ConnectionRefusedError):
            return Finding.REFUSED
        if isinstance(seen, TimeoutError):
            return Finding.NO_ANSWER
        if isinstance(seen, OSError) and seen.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return Finding.UNREACHABLE
        seen = seen.__cause__ or seen.__context__
    return Finding.LOST


async def _steps(source: Source, place: Place | None, patience: float) -> AsyncIterator[Step]:
    if place is None:
        yield Step(Stage.RESOLVE, Outcome.SKIPPED, Finding.NOT_NEEDED)
    else:
        yield await _resolve(place, patience)
    if place is None or not place.connects:
        yield Step(Stage.CONNECT, Outcome.SKIPPED, Finding.NOT_NEEDED)
    else:
        yield await _connect(place, patience)
    async with AsyncExitStack() as stack:
        began = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                batches = await stack.enter_async_context(source.open())
        except (Disconnected, ConfigError, TimeoutError) as error:
            yield _failed(Stage.OPEN, error, began)
            return
        yield _passed(Stage.OPEN, began)
        step, batch = await _read(source, batches, patience)
        yield step
        if batch is not None:
            yield _clock(source, batch)


async def _resolve(place: Place, patience: float) -> Step:
    began, loop = time.monotonic(), asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience):
            found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return _failed(Stage.RESOLVE, error, began)
    return _passed(Stage.RESOLVE, began, ", ".join(dict.fromkeys(str(one[4][0]) for one in found)))


async def _connect(place: Place, patience: float) -> Step:
    began = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(place.host, place.port)
    except OSError as error:
        return _failed(Stage.CONNECT, error, began)
    writer.transport.abort()
    return _passed(Stage.CONNECT, began, f"{place.host}:{place.port}")


async def _read(source: Source, batches: AsyncIterator[Batch], patience: float) -> tuple[Step, Batch | None]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            batch = await anext(batches, None)
            while batch is not None and not len(batch):
                batch = await anext(batches, None)
    except TimeoutError:
        step = Step(Stage.READ, Outcome.DOUBTFUL, Finding.SILENT, f"{patience:g} s", time.monotonic() - began)
        return step, None
    except (Disconnected, ConfigError) as error:
        return _failed(Stage.READ, error, began), None
    if batch is None:
        return Step(Stage.READ, Outcome.DOUBTFUL, Finding.SILENT, source.name, time.monotonic() - began), None
    samples = list(batch.samples())
    best = next((sample for sample in samples if severity(sample.quality) is Severity.GOOD), samples[0])
    if severity(best.quality) is Severity.GOOD:
        return _passed(Stage.READ, began, f"{best.path} = {best.value}"[:300]), batch
    reasons = source.tally.bad_points.get(best.path, "") or name(best.quality)
    step = Step(Stage.READ, Outcome.DOUBTFUL, Finding.BAD_VALUE, f"{best.path}: {reasons}", time.monotonic() - began)
    return step, batch


def _clock(source: Source, batch: Batch) -> Step:
    offset = source.tally.clock_offset
    if offset is None and (batch.time != batch.received).any():
        offset = float((batch.time - batch.received).max()) / SECOND
        if offset < -CLOCK_OFF:  # kept by a broker, or unchanged since: that says nothing of a clock
            return Step(Stage.CLOCK, Outcome.SKIPPED, Finding.OLD_VALUE, f"{-offset:.0f} s")
    if offset is None:
        return Step(Stage.CLOCK, Outcome.SKIPPED, Finding.NO_CLOCK)
    if abs(offset) > CLOCK_OFF:
        return Step(Stage.CLOCK, Outcome.DOUBTFUL, Finding.CLOCK_OFF, f"{offset:+.3f} s")
    return Step(Stage.CLOCK, Outcome.PASSED, Finding.FINE, f"{offset:+.3f} s")


def _passed(stage: Stage, began: float, detail: str = "") -> Step:
    return Step(stage, Outcome.PASSED, Finding.FINE, detail, time.monotonic() - began)


def _failed(stage: Stage, error: BaseException, began: float) -> Step:
    return Step(stage, Outcome.FAILED, finding_of(error), str(error)[:500], time.monotonic() - began)
