"""From marks to transitions: a condition must hold for its on-delay, and be gone for its off-delay.

    mark       +        −  +              −
    condition  ▁▔▔▔▔▔▔▔▔▁▁▁▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▁▁▁▁▁▁▁▁▁
    raised       ├on┤─────────────────────────┤off┤      the short gap changed nothing

A mark says raise (+1), clear (-1) or nothing (0): between limit and hysteresis, or in bad
quality, the condition stays what it was. Bad data neither raises nor clears; that a signal is
silent is an alarm of its own. The memory makes any division into batches give the same result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analytics.alarms.states import Action, Do
from plant.batch import Ints
from plant.clock import SECOND

Marks = tuple[Ints, npt.NDArray[np.int8]]
"""Times in ns UTC, not falling, and +1, -1 or 0 for each."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds a condition must hold before it raises, and be gone before it clears; at least 0."""

    on: float = 0.0
    off: float = 0.0

    def __post_init__(self) -> None:
        if not (self.on >= 0 and self.off >= 0):
            raise ValueError("delays are at least 0 s")


@dataclass(frozen=True, slots=True)
class Detector:
    """What is remembered between batches. `holds`: the condition itself, `since` when; `raised`: after the delays."""

    holds: bool = False
    since: int | None = None
    raised: bool = False


def detect(memory: Detector, marks: Marks, now: int, *, delays: Delays) -> tuple[Detector, tuple[Action, ...]]:
    """Follow marks up to `now` (ns); return the new memory and RAISE and CLEAR in order of time.

    Marks after `now` are left for later. Raises ValueError for times that fall.
    """
    time, mark = marks
    if (np.diff(time) < 0).any():
        raise ValueError("marks are in order of time")
    due = (mark != 0) & (time <= now)
    actions: list[Action] = []
    for moment, holds in zip(time[due].tolist(), (mark[due] > 0).tolist(), strict=True):
        if holds == memory.holds:
            continue
        memory = _settle(memory, moment, delays, actions)
        memory = replace(memory, holds=holds, since=moment)
    return _settle(memory, now, delays, actions), tuple(actions)


def _settle(memory: Detector, now: int, delays: Delays, actions: list[Action]) -> Detector:
    # A condition that ends at the very instant its delay is over has not outlasted it, and
    # whether it ends at `now` may not be known yet.
    if memory.since is None or memory.holds == memory.raised:
        return memory
    delay = round((delays.on if memory.holds else delays.off) * SECOND)
    if delay and memory.since + delay >= now:
        return memory
    actions.append(Action(time=memory.since + delay, do=Do.RAISE if memory.holds else Do.CLEAR))
    return replace(memory, raised=memory.holds)
