"""Noticing a flood while it happens: more alarms than an operator can answer.

A flood begins when ten minutes up to now hold more than ten annunciations and ends when they
hold fewer than five (ISA-18.2). The figures of a shift count in fixed ten minutes instead
(`performance`), because only those can be added up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from analytics.alarms.performance import FLOOD_BEGINS, FLOOD_ENDS, TEN_MINUTES
from analytics.alarms.states import Event

_MOST = 100_000


@dataclass(slots=True)
class FloodMeter:
    """The annunciations of the last ten minutes. `since`: when the flood began, ns UTC; None while there is none."""

    since: int | None = None
    _times: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST))

    @property
    def count(self) -> int:
        """Annunciations in the ten minutes up to the last look."""
        return len(self._times)

    def look(self, now: int, events: Iterable[Event] = ()) -> bool:
        """Take in what happened up to `now`, ns UTC; return whether a flood began or ended."""
        before = self.since
        for event in events:
            if event.annunciated:
                self._forget(event.action.time)
                self._times.append(event.action.time)
                if self.since is None and self.count > FLOOD_BEGINS:
                    self.since = event.action.time
        self._forget(now)
        return self.since != before

    def _forget(self, now: int) -> None:
        while self._times and self._times[0] <= now - TEN_MINUTES:
            self._times.popleft()
            if self.count < FLOOD_ENDS:
                self.since = None
