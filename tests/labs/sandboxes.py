"""Sandboxes for tests: a line is an observation that reacts to one file, and nothing runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labs.checking import Outcome, judge
from labs.course import LabKey
from labs.library import Lab
from labs.observation import Submission, TrueFault
from labs.sandboxes import (
    Direction,
    FaultChoice,
    HiddenFault,
    NoSandbox,
    SandboxState,
    SandboxTrouble,
    WireMessage,
)
from plant.clock import SECOND, VirtualClock
from plant.errors import Fault, Unavailable
from plant.text import Text
from tests.labs.observed import Observed, Real, Shown, Written

TRUE_SPEED = 0.4


@dataclass
class FakeSandbox:
    """The line of `tests/labs/example`: the belt runs at 0.4 m/s, shown ten times as fast until the scale is right."""

    id: str
    owner: str
    source: Lab
    clock: VirtualClock
    seed: int
    state: SandboxState = SandboxState.READY
    reason: str = ""
    progress: float = 1.0
    socket: Path = Path("/nowhere")
    begun: int = 0
    running: dict[str, str] = field(default_factory=dict)
    broken: dict[str, TrueFault] = field(default_factory=dict)

    @property
    def lab(self) -> LabKey:
        return self.source.key

    async def now(self) -> int:
        return self.clock.now()

    async def files(self) -> Mapping[str, str]:
        return self.running

    async def apply(self, files: Mapping[str, str]) -> tuple[Fault, ...]:
        if "type: scene" not in files.get("scene.yaml", ""):
            return (Fault("scene.yaml", "type", "missing", "write type: scene", 1),)
        self.running = dict(files)
        return ()

    async def judge(self, submission: Submission) -> tuple[Outcome, ...]:
        return judge(self.source.document, self.observation(submission))

    def observation(self, submission: Submission) -> Observed:
        text = self.running.get("scene.yaml", "")
        factor = 1 if "scale: 0.001}" in text else 10
        high = 1 if "high: 1\n" in text else 10
        value = TRUE_SPEED * factor
        return Observed(
            shown={"conveyor/speed": Shown(True, value, "good" if value <= high else "bad")},
            config=Written(tags=[{"path": "conveyor/speed", "high": high}]),
            truth=Real({"conveyor/speed": TRUE_SPEED}, list(self.broken.values())),
            submission=submission,
        )

    async def choices(self) -> tuple[FaultChoice, ...]:
        return (FaultChoice("jam", Text("卡料", "Jam"), (("press", Text("压力机", "Press")),)),)

    async def inject(self, fault: HiddenFault) -> str:
        if fault.target != "press":
            raise SandboxTrouble(f"there is no {fault.target!r} in this line")
        number = str(len(self.broken) + 1)
        self.broken[number] = TrueFault(fault.kind, fault.target, self.clock.now() / SECOND + fault.after)
        return number

    async def clear(self, fault_id: str) -> None:
        self.broken[fault_id] = replace(self.broken[fault_id], ended=self.clock.now() / SECOND)

    async def faults(self) -> Sequence[TrueFault]:
        return tuple(self.broken.values())

    async def messages(self, *, after: int, limit: int) -> tuple[WireMessage, ...]:
        one = WireMessage(1, self.clock.now(), "plc", "modbus", Direction.SENT, "read 2 registers", (("unit", "1"),))
        return (one,)[after : after + limit]


@dataclass
class FakeSandboxes:
    """At most `room` of them at once."""

    clock: VirtualClock
    room: int = 5
    opened: dict[str, FakeSandbox] = field(default_factory=dict)
    count: int = 0

    async def open(self, lab: Lab, owner: str, *, seed: int) -> FakeSandbox:
        self.opened = {key: one for key, one in self.opened.items() if one.owner != owner}
        if len(self.opened) >= self.room:
            raise Unavailable("every line is taken")
        self.count += 1
        made = FakeSandbox(f"s{self.count}", owner, lab, self.clock, seed, begun=self.clock.now())
        made.running = dict(lab.files)
        self.opened[made.id] = made
        return made

    async def reset(self, id: str) -> FakeSandbox:  # noqa: A002
        sandbox = self.get(id)
        sandbox.running, sandbox.broken = dict(sandbox.source.files), {}
        return sandbox

    async def close(self, id: str) -> None:  # noqa: A002
        self.opened.pop(id, None)

    def get(self, id: str) -> FakeSandbox:  # noqa: A002
        if id not in self.opened:
            raise NoSandbox(f"there is no sandbox {id}")
        return self.opened[id]

    def of(self, owner: str) -> FakeSandbox | None:
        return next((one for one in self.opened.values() if one.owner == owner), None)

    def all(self) -> tuple[FakeSandbox, ...]:
        return tuple(self.opened.values())
