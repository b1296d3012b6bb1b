"""Sessions with AR glasses: they take as long as the pictures let them, and are given up when these are bad.

A session needs so many seconds of undisturbed work. While the picture stands nothing is
done, and after each standstill it takes `_REGAIN` seconds to find the thread. Whoever has
had more than `_ENDURED` standstills in a minute, or a minute in which most pictures came
too late, takes the glasses off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import simpy

from plant.batch import Floats
from simulators.kernel.floor import Floor
from simulators.network import Link
from simulators.scenes.ar_assist_stream import WINDOW, Seen, Stream, StreamPlan, percentile95
from simulators.truth import What

_REGAIN = 4.0
_ENDURED = 8  # standstills in a minute
_MINUTE = round(60 / WINDOW)


class Result(StrEnum):
    """How a session ended."""

    COMPLETED = "completed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Session:
    """What came of a session. `progress`: share of its work that was done."""

    result: Result
    progress: float


class Glasses:
    """One pair of glasses. Signals while worn, every window: `.session`, `.mtp` (s), `.freezes` (counter), `.windows`.

    At a session's end: `.result`, `.duration` (s), `.mtp95` (s, over the session), `.standstills` in it, and last
    `.sessions`. `.worn` says whether a session is on.
    """

    def __init__(self, floor: Floor, name: str, plan: StreamPlan, link: Link) -> None:
        self.name = name
        self._floor = floor
        self._plan = plan
        self._link = link
        signals = floor.signals
        self._worn = signals.add(f"{name}.worn", initial=False)
        self._session = signals.add(f"{name}.session", "")
        self._mtp = signals.add(f"{name}.mtp", 0.0, digits=5)
        self._freezes = signals.add(f"{name}.freezes", 0)
        self._windows = signals.add(f"{name}.windows", 0)
        self._result = signals.add(f"{name}.result", "")
        self._duration = signals.add(f"{name}.duration", 0.0, digits=1)
        self._mtp95 = signals.add(f"{name}.mtp95", 0.0, digits=5)
        self._standstills = signals.add(f"{name}.standstills", 0)
        self._sessions = signals.add(f"{name}.sessions", 0)

    def work(self, subject: str, seconds: float) -> Generator[simpy.Event, Any, Session]:
        """Hold a session that needs `seconds` of undisturbed work."""
        floor = self._floor
        began, done = floor.seconds(), 0.0
        stream = Stream(self._plan, self._link, floor.now())
        loops: list[Floats] = []
        recent: deque[Seen] = deque(maxlen=_MINUTE)
        standstills = 0
        self._worn.set(value=True)
        self._session.set(f"{self.name}-{int(self._sessions.true) + 1:04d}")
        while done < seconds and not self._unbearable(recent):
            seen = stream.watch(floor.now())
            yield floor.env.timeout(WINDOW)
            recent.append(seen)
            loops.append(seen.loop)
            standstills += seen.freezes
            done += max(0.0, WINDOW - seen.frozen - _REGAIN * seen.freezes)
            self._show(seen)
        result = Result.COMPLETED if done >= seconds else Result.ABORTED
        self._end(subject, result, floor.seconds() - began, percentile95(np.concatenate(loops)), standstills)
        return Session(result, min(1.0, done / seconds))

    def _unbearable(self, recent: deque[Seen]) -> bool:
        if sum(seen.freezes for seen in recent) > _ENDURED:
            return True
        late = [float((seen.loop > self._plan.limit).mean()) for seen in recent]
        return len(late) == _MINUTE and sum(late) / _MINUTE > 0.5

    def _show(self, seen: Seen) -> None:
        self._mtp.set(percentile95(seen.loop))
        self._freezes.set(int(self._freezes.true) + seen.freezes)
        self._windows.set(int(self._windows.true) + 1)

    def _end(self, subject: str, result: Result, duration: float, mtp95: float, standstills: int) -> None:
        self._floor.record(
            What.EVENT,
            self.name,
            subject=subject,
            result=str(result),
            duration=duration,
            mtp95=mtp95,
            standstills=standstills,
            acceptable=mtp95 <= self._plan.limit and standstills <= duration / 60,
        )
        self._result.set(str(result))
        self._duration.set(duration)
        self._mtp95.set(mtp95)
        self._standstills.set(standstills)
        self._worn.set(value=False)
        self._sessions.set(int(self._sessions.true) + 1)
