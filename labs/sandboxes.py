"""The port to the lines on which trainees practise: opened for one, reset, closed, and judged.

A sandbox is a whole installation of its own: simulated devices, an edge with the trainee's
configuration, a store and the ordinary application on `socket`. What really happens in it never
leaves it: `judge` is answered inside, and what comes back is only what was passed.

Raises, throughout: `NoSandbox` for an id there is none of, `SandboxTrouble` when it does not
answer or cannot do that now, `Unavailable` when there is no room for another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from labs.checking import Outcome
from labs.course import LabKey
from labs.library import Lab
from labs.observation import Submission, TrueFault
from plant.errors import Fault, ProvenlineError
from plant.text import Text


class NoSandbox(ProvenlineError):
    """There is no such sandbox, or no longer."""


class SandboxTrouble(ProvenlineError):
    """A sandbox does not answer, or cannot do what was asked as it stands."""


class SandboxState(StrEnum):
    """Where a sandbox stands."""

    STARTING = "starting"
    READY = "ready"
    BROKEN = "broken"
    """It came to an end by itself; `reason` says why."""
    STOPPED = "stopped"


class Direction(StrEnum):
    """Which way a message went, seen from the trainee's edge."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class WireMessage:
    """One protocol message, decoded. `time`: ns UTC. `fields`: what it says, in order, as the protocol names it.

    `raw`: its bytes or the begin of them, in hexadecimal.
    """

    number: int
    time: int
    source: str
    protocol: str
    direction: Direction
    summary: str
    fields: tuple[tuple[str, str], ...] = ()
    raw: str = ""


@dataclass(frozen=True, slots=True)
class HiddenFault:
    """A fault for an instructor to hide, as `provenline fault` names it. `after`, `lasts`: seconds of plant time."""

    kind: str
    target: str
    size: float | None = None
    with_: str = ""
    after: float = 0.0
    lasts: float | None = None


@dataclass(frozen=True, slots=True)
class FaultChoice:
    """A kind of fault and the targets it could have in a sandbox; says nothing about what is broken."""

    kind: str
    name: Text
    targets: tuple[tuple[str, Text], ...]


class Sandbox(Protocol):
    """One trainee's line."""

    @property
    def id(self) -> str:
        """What it is called in routes and folders."""

    @property
    def owner(self) -> str:
        """Whose it is."""

    @property
    def lab(self) -> LabKey:
        """What it was opened for."""

    @property
    def state(self) -> SandboxState:
        """Where it stands."""

    @property
    def reason(self) -> str:
        """Why it is broken; else empty."""

    @property
    def socket(self) -> Path:
        """Where its application answers HTTP."""

    @property
    def progress(self) -> float:
        """Share of its past that has been computed, 0 to 1."""

    def using(self) -> AbstractContextManager[None]:
        """Say that somebody is at it while the context is open: one that nobody uses is stopped."""

    @property
    def begun(self) -> int:
        """When its past began, ns UTC plant time."""

    async def now(self) -> int:
        """Return its plant time, ns UTC."""

    async def files(self) -> Mapping[str, str]:
        """Return the configuration it runs with, by file name."""

    async def apply(self, files: Mapping[str, str]) -> tuple[Fault, ...]:
        """Run with another configuration. Returns what is wrong with it; then nothing has changed."""

    async def judge(self, submission: Submission) -> tuple[Outcome, ...]:
        """Return what of its lab is passed now, one outcome a check, question and diagnosis."""

    async def choices(self) -> tuple[FaultChoice, ...]:
        """Return what could be broken in it, for those who claim or hide faults."""

    async def inject(self, fault: HiddenFault) -> str:
        """Break something, now or later, and return the fault's id. Raises SandboxTrouble where it cannot be."""

    async def clear(self, fault_id: str) -> None:
        """End a fault."""

    async def faults(self) -> Sequence[TrueFault]:
        """Return what is and was broken. For instructors and scores only."""

    async def messages(self, *, after: int, limit: int) -> tuple[WireMessage, ...]:
        """Return the messages of numbers above `after`, oldest first."""


class Sandboxes(Protocol):
    """All sandboxes of a centre."""

    async def open(self, lab: Lab, owner: str, *, seed: int) -> Sandbox:
        """Open one, in place of the owner's other one. Returns when it is ready or broken."""

    async def reset(self, id: str) -> Sandbox:  # noqa: A002 - what it is called
        """Begin anew: same lab, seed and owner, the files the lab starts with."""

    async def close(self, id: str) -> None:  # noqa: A002 - what it is called
        """Stop one and remove what it left."""

    def get(self, id: str) -> Sandbox:  # noqa: A002 - what it is called
        """Return one."""

    def of(self, owner: str) -> Sandbox | None:
        """Return somebody's."""

    def all(self) -> tuple[Sandbox, ...]:
        """Return all of them."""
