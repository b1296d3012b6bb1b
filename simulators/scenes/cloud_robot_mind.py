"""A decision in the cloud: what was seen, what is decided from it, and what is true when it arrives.

    look ── frame up ──▶ infer ── decision down ──▶ act
     │ pose then                                     │ pose now
     └──────────────── moved by d(age) ──────────────┘

The part moves as an Ornstein-Uhlenbeck velocity of rms v and memory T would move it, so over
an age t it has gone, in each of two directions, a normal distance of variance
2 v² T² (t/T - 1 + exp(-t/T)): proportional to t at first. Added to that is the error of
perception itself. What the robot should have done is known a moment later from its wrist
force and its own close-up camera, which are wrong now and then.

Decisions are `insert` (go, it is there) and `wait` (the view is blocked, look again); `none`
stands for one that did not come in time. The reference is what should have been decided:
`wait` where the view was blocked, or where the part had moved out of reach of the chamfer by
the time of acting; else `insert`. A decision is correct when the two are the same.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import simpy

from plant.clock import SECOND
from simulators.kernel.draws import Draw, Triangular
from simulators.kernel.floor import Floor
from simulators.network import Direction, Link
from simulators.truth import What

_DECISION = 600  # octets: a pose with its covariance and a grasp
_EXPOSURE = Triangular(0.02, 0.03, 0.05)
_MEMORY = 0.8  # s over which the carrier's velocity forgets itself
_PERCEPTION = 0.3  # mm, one direction, of a 6-D pose estimator at 0.5 m
_BLOCKED = 0.03  # of all looks: a cable or the gripper itself is in the way
_OVERLOOKED, _IMAGINED = 0.02, 0.002  # the classifier takes a blocked view for a free one, and the reverse
_CHECK_ERROR = 0.001  # of references: the wrist's force and close-up check is wrong
_FAR = 3.0  # tolerances: beyond, the hand meets something else than the chamfer
_SETTLE = 0.4  # s until a blocked view is worth another look


class Outcome(StrEnum):
    """What became of one decision."""

    DONE = "done"
    LOOKED_AGAIN = "looked-again"
    TOUCHED = "touched"
    FAR_OFF = "far-off"
    TOO_LATE = "too-late"


@dataclass(frozen=True, slots=True, kw_only=True)
class MindPlan:
    """How a robot decides. `frame`: octets; `motion`: mm/s; `tolerance`: mm; `patience`: s."""

    frame: int
    inference: Draw
    motion: float
    tolerance: float
    patience: float

    def moved(self, age: float) -> float:
        """Return the standard deviation in mm, one direction, of how far a part has gone in `age` s."""
        t = age / _MEMORY
        return self.motion * _MEMORY * math.sqrt(max(0.0, 2 * (t + math.expm1(-t))))


class Mind:
    """One robot's decisions. Signals: `.decision`, `.reference`, `.age` (s), `.late`, and `.decisions`, set last.

    `.age` is how old the frame is when the robot acts, or gives up.
    """

    def __init__(self, floor: Floor, name: str, plan: MindPlan, link: Link) -> None:
        self._floor = floor
        self._name = name
        self._plan = plan
        self._link = link
        self._rng = floor.rng(name, "mind")
        signals = floor.signals
        self._decision = signals.add(f"{name}.decision", "")
        self._reference = signals.add(f"{name}.reference", "")
        self._age = signals.add(f"{name}.age", 0.0, digits=4)
        self._late = signals.add(f"{name}.late", 0)
        self._decisions = signals.add(f"{name}.decisions", 0)

    def decide(self) -> Generator[simpy.Event, Any, Outcome]:
        """Look once, have it decided, act; takes the time that takes."""
        plan, env = self._plan, self._floor.env
        # Every look draws the same numbers, whatever the link makes of it.
        luck = self._rng.random(3)
        offset = self._rng.standard_normal(4)
        exposure, inference = _EXPOSURE.draw(self._rng), plan.inference.draw(self._rng)
        age = exposure + self._travel(exposure, inference)
        late = age > plan.patience
        age = min(age, plan.patience)
        yield env.timeout(age)
        spread = plan.moved(age)
        error = math.hypot(*(spread * offset[:2] + _PERCEPTION * offset[2:]))
        blocked = bool(luck[0] < _BLOCKED)
        decided = "none" if late else _decided(blocked, float(luck[1]))
        right = "wait" if blocked or error > plan.tolerance else "insert"
        self._publish(decided, right, age, error, checked=bool(luck[2] >= _CHECK_ERROR))
        if decided == "none":
            return Outcome.TOO_LATE
        if decided == "wait":
            yield env.timeout(_SETTLE)
            return Outcome.LOOKED_AGAIN
        if right == "insert":
            return Outcome.DONE
        return Outcome.FAR_OFF if error > _FAR * plan.tolerance else Outcome.TOUCHED

    def _travel(self, exposure: float, inference: float) -> float:
        """Return how long frame, inference and decision take; infinite when nothing arrives."""
        now = self._floor.now() + round(exposure * SECOND)
        try:
            up = self._link.delivery(now, self._plan.frame, Direction.UP)
            seen = now + round((up + inference) * SECOND)
            return up + inference + self._link.delivery(seen, _DECISION, Direction.DOWN)
        except TimeoutError:
            return math.inf

    def _publish(self, decided: str, right: str, age: float, error: float, *, checked: bool) -> None:
        self._floor.record(
            What.EVENT, self._name, decided=decided, right=right, correct=decided == right, age=age, error=error
        )
        self._decision.set(decided)
        self._reference.set(right if checked else _other(right))
        self._age.set(age)
        if decided == "none":
            self._late.set(int(self._late.true) + 1)
        self._decisions.set(int(self._decisions.true) + 1)


def _decided(blocked: bool, luck: float) -> str:
    mistaken = luck < (_OVERLOOKED if blocked else _IMAGINED)
    return "wait" if blocked != mistaken else "insert"


def _other(decision: str) -> str:
    return "insert" if decision == "wait" else "wait"
