"""A station: takes a part, works on it, judges it, hands it on; and everything in the way of that.

    take ──▶ set up? ──▶ work ──▶ judge ──▶ hand on ─┐
      ▲ starved           │ failure, micro-stop       │ blocked
      └───────────────────┴──── planned break ────────┘

The longer a station waits than its patience, the sooner it says so: it is SUSPENDED when
starved or blocked (the reason lies outside), HELD in a micro-stop, ABORTED in a breakdown,
STOPPED outside planned time, COMPLETE while being set up for another product.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import simpy

from plant.packml import Command, PackState
from simulators.kernel.crew import Crew
from simulators.kernel.draws import Constant, Draw
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.machine import BLOCKED, CHANGEOVER, NOT_PLANNED, STARVED, Cause, Machine, PowerDraw
from simulators.kernel.parts import Buffer, Part, Verdict
from simulators.truth import What


class Severity(Enum):
    """What a failure does to the machine."""

    MICRO_STOP = auto()
    """HELD; clears after its own time, nobody is called."""
    BREAKDOWN = auto()
    """ABORTED; someone comes and repairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One way to fail. `every`: seconds of working between failures; `lasts`: seconds of stop or repair."""

    cause: Cause
    every: Draw
    lasts: Draw
    severity: Severity = Severity.BREAKDOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPlan:
    """What a station is like.

    `ideal`: seconds a part at design speed, by product, "" = any. `slowness`: factor on it.
    `defects`: probability that its work makes a part defective, by kind of defect.
    `warm_up`: the first parts after a stop longer than `cold_after` s are defective more often,
    by `warm_up_factor`. `detects`: share of its own defects that the station itself notices
    and scraps. `patience`: seconds of waiting before it counts as starved or blocked.
    """

    ideal: dict[str, float]
    power: PowerDraw
    slowness: Draw = Constant(1.05)
    failures: tuple[Failure, ...] = ()
    setup: Draw | None = None
    defects: dict[str, float] = field(default_factory=dict)
    detects: float = 0.0
    warm_up: int = 0
    warm_up_factor: float = 1.0
    cold_after: float = 600.0
    patience: float = 2.0

    def ideal_of(self, product: str) -> float:
        """Return the ideal cycle of `product` in seconds."""
        return self.ideal.get(product) or self.ideal[""]


class Door(Enum):
    """When a station may be interrupted: not at all, while waiting, or also while working."""

    CLOSED = auto()
    WAITING = auto()
    WORKING = auto()


class Station:
    """One station between two buffers.

    Signals besides the machine's: `.total`, `.good`, `.reject`, `.rework`, `.cycle`, `.ideal`, `.product`, `.job`.
    """

    def __init__(
        self, floor: Floor, name: str, plan: StationPlan, *, inlet: Buffer, outlet: Buffer, crew: Crew
    ) -> None:
        self.floor = floor
        self.name = name
        self.plan = plan
        self.inlet = inlet
        self.outlet = outlet
        self.crew = crew
        self.machine = Machine(floor, name, plan.power)
        self.counts = dict.fromkeys(Verdict, 0)
        self.at_work: Part | None = None
        self.defect_factor = 1.0
        self._rng = floor.rng(name, "work")
        self._product = self._job = ""
        self._left = {f: f.every.draw(floor.rng(name, f.cause.id)) for f in plan.failures}
        self._fates = {f: floor.rng(name, f.cause.id, "fate") for f in plan.failures}
        self._warm = plan.warm_up
        self._door = Door.CLOSED
        self._due: Failure | None = None
        self._declare()
        self.process = floor.env.process(self._run())
        floor.on_break(self._call_break)

    def jam(self, failure: Failure) -> None:
        """Make the station fail now, whatever it is doing."""
        self._due = failure
        if self._door is not Door.CLOSED:
            self.process.interrupt()

    # ------------------------------------------------------------------ the round
    def _run(self) -> Steps:
        yield from self._open_for_work()
        while True:
            yield from self._attend()
            part = yield from self._take()
            yield from self._set_up(part)
            began = self.floor.seconds()
            yield from self._work(self._content(part))
            self._cycle.set(self.floor.seconds() - began)
            self._wear_in(part)
            verdict = self._judge(part)
            self._count(part, verdict)
            if verdict is Verdict.GOOD:
                yield from self._hand_on(part)
            self.at_work = None

    def _take(self) -> Generator[simpy.Event, Any, Part]:
        get = self.inlet.get(self._hold)  # it is ours at once, even when the station stands at that moment
        yield from self._await(get, STARVED)
        part: Part = get.value  # type: ignore[assignment]
        return part

    def _hold(self, part: Part) -> None:
        self.at_work = part

    def _content(self, part: Part) -> float:
        """Seconds of work that a part needs, stops apart."""
        return self.plan.ideal_of(part.product) * self.plan.slowness.draw(self._rng)

    def _hand_on(self, part: Part) -> Steps:
        yield from self._await(self.outlet.put(part), BLOCKED)

    def _judge(self, part: Part) -> Verdict:
        """Judge a finished part; here, the station only notices some defects of its own making."""
        noticed = bool(part.defect) and self._rng.random() < self.plan.detects
        return Verdict.SCRAP if noticed else Verdict.GOOD

    # ----------------------------------------------------------- waiting and working
    def _await(self, event: simpy.Event, cause: Cause) -> Steps:
        env, machine = self.floor.env, self.machine
        if not event.triggered:
            yield from self._listen(event | env.timeout(self.plan.patience), Door.WAITING)
        while not event.triggered:
            yield from machine.command(Command.SUSPEND, cause)
            yield from self._listen(event, Door.WAITING)
            yield from self._attend()
            if machine.state is PackState.SUSPENDED:
                yield from machine.command(Command.UNSUSPEND, cause)
        yield event  # already decided; lets its callbacks run before the part is used

    def _work(self, seconds: float) -> Steps:
        left = seconds
        while left > 1e-9:
            first = min(self._left, key=self._left.__getitem__, default=None)
            stretch = left if first is None else min(left, self._left[first])
            began = self.floor.seconds()
            yield from self._listen(self.floor.env.timeout(stretch), Door.WORKING)
            ran = self.floor.seconds() - began
            left -= ran
            for failure in self._left:
                self._left[failure] -= ran
            if self._due is not None:
                yield from self._fail(self._due)
            elif first is not None and self._left[first] <= 1e-9:
                yield from self._fail(first)

    def _listen(self, event: simpy.Event, door: Door) -> Steps:
        """Wait for `event`, or until someone knocks where `door` lets them."""
        self._door = door
        try:
            yield event
        except simpy.Interrupt:
            pass  # who knocked has left a note: `_due`, or planned time is over
        finally:
            self._door = Door.CLOSED

    # ------------------------------------------------------------------- disturbances
    def _attend(self) -> Steps:
        """Deal with what came up: a fault, or the end of planned time."""
        if self._due is not None:
            yield from self._fail(self._due)
        if not self.floor.planned:
            yield from self.machine.command(Command.STOP, NOT_PLANNED)
            yield from self._open_for_work()

    def _open_for_work(self) -> Steps:
        stopped = self.floor.seconds()
        while not self.floor.planned:
            yield self.floor.opened()
        self.machine.explain(NOT_PLANNED)
        yield from self.machine.start()
        if self.floor.seconds() - stopped > self.plan.cold_after:
            self._warm = self.plan.warm_up

    def _fail(self, failure: Failure) -> Steps:
        self._due = None
        stopped = self.floor.seconds()
        fate = self._fates.get(failure, self._rng)
        lasts = failure.lasts.draw(fate)
        if failure.severity is Severity.MICRO_STOP:
            yield from self.machine.command(Command.HOLD, failure.cause)
            yield self.floor.env.timeout(lasts)
            yield from self.machine.command(Command.UNHOLD, failure.cause)
        else:
            yield from self.machine.command(Command.ABORT, failure.cause)
            yield from self.crew.attend(self.name, failure.cause.id, lasts)
            yield from self.machine.command(Command.CLEAR, failure.cause)
            yield from self.machine.start()
        if failure in self._left:
            self._left[failure] = failure.every.draw(fate)
        if self.floor.seconds() - stopped > self.plan.cold_after:
            self._warm = self.plan.warm_up

    def _set_up(self, part: Part) -> Steps:
        changed = self._product not in ("", part.product)
        if changed and self.plan.setup is not None:
            yield from self.machine.command(Command.COMPLETE, CHANGEOVER)
            yield from self.crew.attend(self.name, CHANGEOVER.id, self.plan.setup.draw(self._rng))
            yield from self.machine.start()
            self._warm = self.plan.warm_up
        if part.product != self._product:
            self._product = part.product
            self._shown_product.set(part.product)
            self._shown_ideal.set(self.plan.ideal_of(part.product))
        if part.job != self._job:
            self._job = part.job
            self._shown_job.set(part.job)

    def _call_break(self) -> None:
        # A part in work is finished first; the round itself looks at the plan after it.
        if self._door is Door.WAITING:
            self.process.interrupt()

    # ----------------------------------------------------------------------- quality
    def _wear_in(self, part: Part) -> None:
        """Let the work of this station spoil the part, with its probability."""
        factor = self.defect_factor
        if self._warm > 0:
            self._warm -= 1
            factor *= self.plan.warm_up_factor
        for kind, probability in self.plan.defects.items():
            if self._rng.random() < probability * factor and not part.defect:
                part.defect = kind

    def _count(self, part: Part, verdict: Verdict) -> None:
        self.counts[verdict] += 1
        self._shown_counts[verdict].set(self.counts[verdict])
        self._shown_total.set(sum(self.counts.values()))
        self.floor.record(
            What.PART,
            self.name,
            part=part.id,
            product=part.product,
            defect=part.defect,
            verdict=str(verdict),
        )

    def _declare(self) -> None:
        signals, name = self.floor.signals, self.name
        self._shown_total = signals.add(f"{name}.total", 0)
        self._shown_counts = {
            Verdict.GOOD: signals.add(f"{name}.good", 0),
            Verdict.SCRAP: signals.add(f"{name}.reject", 0),
            Verdict.REWORK: signals.add(f"{name}.rework", 0),
        }
        self._cycle = signals.add(f"{name}.cycle", 0.0, digits=3)
        self._shown_ideal = signals.add(f"{name}.ideal", next(iter(self.plan.ideal.values())), digits=3)
        self._shown_product = signals.add(f"{name}.product", "")
        self._shown_job = signals.add(f"{name}.job", "")
