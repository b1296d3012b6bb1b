"""What the centre may ask of a sandbox over the pipe; here alone is the truth looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from configs.configuration import Configuration
from dashboard_api.centre import Centre
from labs.checking import judge
from labs.course import LabDocument
from labs.expression import parse
from labs.observation import Submission
from labs.sandboxes import FaultChoice
from plant.clock import SECOND
from plant.errors import ConfigError, Fault, ProvenlineError
from provenline.pace import PlantTime
from provenline.sandbox.decoding import decoded
from provenline.sandbox.line import SandboxLine
from provenline.sandbox.observation import SandboxObservation
from provenline.sandbox.order import Order
from provenline.sandbox.papers import CHOICES, FAULTS, MESSAGES, OUTCOMES, SUBMISSION, TRUE_FAULTS
from provenline.sandbox.restrictions import Admission
from provenline.sandbox.wire import Tap
from simulators.faults import PlannedFault, offers
from simulators.faults.kinds import FaultKind
from simulators.faults.targets import names_of

_READ_ONLY = Fault("", "", "the configuration of this lab cannot be changed", "it is there to be read")
_SETTLING = 60.0
"""Seconds within which a changed configuration is up, or the sandbox is broken."""


@dataclass(slots=True)
class _Change:
    """A configuration that is to come, and who waits for it."""

    configuration: Configuration
    done: asyncio.Future[None]


class Deeds:
    """Answers one question at a time for each who asks. Raises ProvenlineError for what cannot be done."""

    def __init__(
        self,
        order: Order,
        lab: LabDocument | None,
        line: SandboxLine,
        tap: Tap,
        clock: PlantTime,
        admission: Admission,
    ) -> None:
        self.line = line
        self.clock = clock
        self._order = order
        self._lab = lab
        self._tap = tap
        self._admission = admission
        self._files: Mapping[str, str] = order.first_files()
        self._centre: Centre | None = None
        self._here = asyncio.Event()
        self._changes: asyncio.Queue[_Change] = asyncio.Queue()
        self._coming: _Change | None = None
        self._turn = asyncio.Lock()
        self._deeds: dict[str, Callable[..., Awaitable[Any]]] = {
            "apply": self._apply,
            "judge": self._judge,
            "value": self._value,
            "choices": self._choices,
            "inject": self._inject,
            "clear": self._clear,
            "faults": self._faults,
            "messages": self._messages,
            "now": self._now,
        }

    async def do(self, name: str, with_: Mapping[str, object]) -> Any:  # noqa: ANN401 - as the deed has it
        """Do one deed and return its answer, as JSON knows it."""
        return await self._deeds[name](**with_)

    # ------------------------------------------------------------------------ the configuration
    def arrive(self, centre: Centre) -> None:
        """Say that a workplace is up."""
        self._centre = centre
        self._here.set()
        if self._coming is not None and not self._coming.done.done():
            self._coming.done.set_result(None)

    async def next_configuration(self, answering: asyncio.Task[None]) -> Configuration:
        """Wait until there is another configuration. Raises what ended `answering`, when that ends first."""
        change = asyncio.ensure_future(self._changes.get())
        try:
            await asyncio.wait((change, answering), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            if not change.done():
                change.cancel()
        self._coming = change.result()
        self._here.clear()
        self._centre = None
        return self._coming.configuration

    async def _apply(self, files: dict[str, str]) -> object:
        if self._order.files is None:
            return FAULTS.write((_READ_ONLY,))
        async with self._turn:
            try:
                configuration = await asyncio.to_thread(self._admission.admit, files)
            except ConfigError as error:
                return FAULTS.write(error.faults)
            change = _Change(configuration, asyncio.get_running_loop().create_future())
            await self._changes.put(change)
            async with asyncio.timeout(_SETTLING):
                await change.done
            self._files = files
            return FAULTS.write(())

    # ------------------------------------------------------------------------------ the checks
    async def _judge(self, submission: object) -> object:
        if self._lab is None:
            raise ProvenlineError("this sandbox is of no lab")
        observation = await self._observed(SUBMISSION.read(submission))
        return OUTCOMES.write(await asyncio.to_thread(judge, self._lab, observation))

    async def _value(self, expression: str, submission: object) -> object:
        """Return what an expression is, for scripts that test a lab; no route leads here."""
        observation = await self._observed(SUBMISSION.read(submission))
        try:
            found = await asyncio.to_thread(parse(expression), observation)
        except ValueError as error:
            raise ProvenlineError(f"{expression!r}: {error}") from error
        return found.result

    async def _observed(self, submission: Submission) -> SandboxObservation:
        centre = await self._workplace()
        return SandboxObservation(
            centre=centre,
            truth=self.line.truth,
            submission=submission,
            files=self._files,
            counts=dict(self._tap.counts),
            begun=self.line.model.floor.start,
            now=centre.clock.now(),
        )

    async def _workplace(self) -> Centre:
        await self._here.wait()
        assert self._centre is not None
        return self._centre

    # ------------------------------------------------------------------------------ the faults
    async def _choices(self) -> object:
        names = names_of(self.line.model, self.line.scene, self.line.plant.bindings)
        found = offers(self.line.model, names)
        return CHOICES.write(
            tuple(
                FaultChoice(str(offer.id), offer.kind.name, tuple((target.id, target.name) for target in offer.targets))
                for offer in found
            )
        )

    async def _inject(self, fault: dict[str, Any]) -> object:
        if fault["kind"] not in set(FaultKind):
            raise ProvenlineError(f"no kind of fault {fault['kind']!r}; there are {', '.join(FaultKind)}")
        begin = (self.clock.now() - self.line.model.floor.start) / SECOND + fault["after"]
        planned = PlannedFault(
            kind=FaultKind(fault["kind"]),
            target=fault["target"],
            size=fault["size"],
            with_=fault["with_"],
            at=begin if fault["after"] > 0 else None,
            lasts=fault["lasts"],
        )
        return str(self.line.board.inject(planned))

    async def _clear(self, fault_id: str) -> object:
        if not fault_id.isdecimal():
            raise ProvenlineError(f"no fault {fault_id!r}")
        self.line.board.clear(int(fault_id))
        return None

    async def _faults(self) -> object:
        return TRUE_FAULTS.write(self.line.truth.faults)

    # -------------------------------------------------------------------------------- the wire
    async def _messages(self, after: int, limit: int) -> object:
        caught = self._tap.after(after, limit)
        return MESSAGES.write(await asyncio.to_thread(lambda: tuple(decoded(one) for one in caught)))

    async def _now(self) -> object:
        return self.clock.now()
