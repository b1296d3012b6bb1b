"""One sandbox as its centre has it: a process, a pipe to it, and where it stands."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from socket import socketpair
from typing import Any

import structlog

from labs.checking import Outcome
from labs.course import LabKey
from labs.library import Lab
from labs.observation import Submission, TrueFault
from labs.sandboxes import FaultChoice, HiddenFault, SandboxState, SandboxTrouble, WireMessage
from plant.errors import Fault, ProvenlineError
from provenline.sandbox.entry import End, enter
from provenline.sandbox.order import Order
from provenline.sandbox.papers import CHOICES, FAULTS, MESSAGES, OUTCOMES, SUBMISSION, TRUE_FAULTS
from provenline.sandbox.pipe import Caller, Message, Pipe

log = structlog.get_logger(__name__)

_START = 180.0
"""Seconds within which a sandbox is ready, with its past."""
_ANSWER = 60.0
_END = 5.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["provenline.sandbox.preloaded"])
_forking = threading.Lock()


class Room:
    """One sandbox. It keeps its id and socket when it is begun anew."""

    def __init__(self, id: str, lab: Lab, order: Order) -> None:  # noqa: A002 - what it is called
        self.id = id
        self.order = order
        self.state = SandboxState.STARTING
        self.reason = ""
        self.begun = 0
        self.progress = 0.0
        """Share of the past that has been computed, 0 to 1."""
        self.used = time.monotonic()
        """When somebody was last at it, as `time.monotonic`."""
        self._lab = lab
        self._files: Mapping[str, str] = {}
        self._visitors = 0
        self._settled = asyncio.Event()
        self._process: ForkServerProcess | None = None
        self._caller: Caller | None = None
        self._attending: asyncio.Task[None] | None = None

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.order.owner

    @property
    def lab(self) -> LabKey:
        """What it was opened for."""
        return self._lab.key

    @property
    def socket(self) -> Path:
        """Where its application answers HTTP."""
        return self.order.socket

    @property
    def process(self) -> int | None:
        """The id of its process."""
        return None if self._process is None else self._process.pid

    @contextmanager
    def using(self) -> Iterator[None]:
        """Say that somebody is at it: one that nobody uses is stopped."""
        self._visitors += 1
        try:
            yield
        finally:
            self._visitors -= 1
            self.used = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since somebody was at it."""
        return 0.0 if self._visitors else time.monotonic() - self.used

    # ------------------------------------------------------------------------ begin and end
    async def begin(self) -> None:
        """Start its process, and return when it is ready or broken."""
        self.state, self.reason, self.progress = SandboxState.STARTING, "", 0.0
        self._files = await asyncio.to_thread(self.order.first_files)
        self._settled.clear()
        self.order.folder.mkdir(parents=True, mode=0o700)
        ours, theirs = socketpair()
        with ours, theirs:
            self._process = await asyncio.to_thread(self._forked, theirs)
            self._caller = Caller(await Pipe.over(ours.dup()), self._hear)
        self._attending = asyncio.create_task(self._attend(), name=f"sandbox {self.id}")
        try:
            async with asyncio.timeout(_START):
                await self._settled.wait()
        except TimeoutError:
            self._settle(SandboxState.BROKEN, f"not ready within {_START:g} s")
            await self._gone()

    def _forked(self, end: End) -> ForkServerProcess:
        with _forking:  # the fork server is one, and is started by whoever comes first
            process = _context.Process(target=enter, args=(end, self.order, self._lab.document), daemon=True)
            process.start()
        return process

    async def end(self, state: SandboxState = SandboxState.STOPPED, reason: str = "") -> None:
        """End its process and remove what it left."""
        self._settle(state, reason)
        await self._gone()
        await asyncio.to_thread(shutil.rmtree, self.order.folder, ignore_errors=True)

    async def _gone(self) -> None:
        if self._caller is not None:
            await self._caller.close()
        if self._attending is not None:
            await self._attending
        self._caller = self._attending = None

    async def _attend(self) -> None:
        """Hear what the process says until it is gone, and bury it."""
        assert self._caller is not None
        assert self._process is not None
        await self._caller.listen()
        code = await asyncio.to_thread(_buried, self._process)
        self._process = None
        with suppress(FileNotFoundError):
            self.socket.unlink()
        if self.state in (SandboxState.STARTING, SandboxState.READY):
            self._settle(SandboxState.BROKEN, f"its process ended (exit code {code})")

    def _hear(self, news: Message) -> None:
        if "progress" in news:
            self.progress = float(news["progress"])
        elif "ready" in news and self.state is SandboxState.STARTING:
            self.begun = int(news["ready"])
            self._settle(SandboxState.READY)
        elif "broken" in news:
            self._settle(SandboxState.BROKEN, str(news["broken"]))

    def _settle(self, state: SandboxState, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._settled.set()
        if state is SandboxState.BROKEN:
            log.warning("a sandbox broke", sandbox=self.id, lab=str(self.lab), reason=reason)

    # --------------------------------------------------------------------------- what it does
    async def now(self) -> int:
        """Return its plant time, ns UTC."""
        return int(await self._ask("now"))

    async def files(self) -> Mapping[str, str]:
        """Return the configuration it runs with, by file name."""
        return dict(self._files)

    async def apply(self, files: Mapping[str, str]) -> tuple[Fault, ...]:
        """Run with another configuration. Returns what is wrong with it; then nothing has changed."""
        faults = FAULTS.read(await self._ask("apply", files=dict(files)))
        if not faults:
            self._files = dict(files)
        return faults

    async def judge(self, submission: Submission) -> tuple[Outcome, ...]:
        """Return what of its lab is passed now."""
        return OUTCOMES.read(await self._ask("judge", submission=SUBMISSION.write(submission)))

    async def value(self, expression: str, submission: Submission) -> Any:  # noqa: ANN401 - as the expression has it
        """Return what an expression of the check language is now, the truth included; for scripted runs alone."""
        return await self._ask("value", expression=expression, submission=SUBMISSION.write(submission))

    async def choices(self) -> tuple[FaultChoice, ...]:
        """Return what could be broken in it."""
        return CHOICES.read(await self._ask("choices"))

    async def inject(self, fault: HiddenFault) -> str:
        """Break something, now or later, and return the fault's id."""
        return str(await self._ask("inject", fault=asdict(fault)))

    async def clear(self, fault_id: str) -> None:
        """End a fault."""
        await self._ask("clear", fault_id=fault_id)

    async def faults(self) -> Sequence[TrueFault]:
        """Return what is and was broken."""
        return TRUE_FAULTS.read(await self._ask("faults"))

    async def messages(self, *, after: int, limit: int) -> tuple[WireMessage, ...]:
        """Return the messages of numbers above `after`, oldest first."""
        return MESSAGES.read(await self._ask("messages", after=after, limit=limit))

    async def _ask(self, do: str, **with_: object) -> Any:  # noqa: ANN401 - as the deed has it
        if self.state is not SandboxState.READY or self._caller is None:
            why = f": {self.reason}" if self.reason else ""
            raise SandboxTrouble(f"this sandbox is {self.state.value}{why}")
        with self.using():
            try:
                async with asyncio.timeout(_ANSWER):
                    return await self._caller.ask(do, **with_)
            except TimeoutError as error:
                raise SandboxTrouble("this sandbox does not answer") from error
            except ProvenlineError as error:
                raise SandboxTrouble(str(error)) from error


def _buried(process: ForkServerProcess) -> int | None:
    """Wait for a process that was told to end, kill it when it does not, and return its exit code."""
    process.join(_END)
    if process.exitcode is None:
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    return code
