"""Whose turn it is on a shared line: the living every round, the silent one a pause.

Pure but for the clock it is given, so that fairness can be tested without a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collectors.modbus.unit import Unit
from plant.clock import Clock


class Turns:
    """Deals out turns. After each one, `settle` must be told before the next is taken.

    `pause`: seconds a silent unit is left alone, and between two questions to silent units.
    """

    def __init__(self, units: Sequence[Unit], *, pause: float, clock: Clock) -> None:
        self._units, self._pause, self._clock = tuple(units), pause, clock
        self._ask_again: dict[Unit, float] = {}  # in the order in which they are asked
        self._probe_at = 0.0

    def round(self) -> Iterator[Unit]:
        """Yield the living units, then those silent ones whose turn has come; none of them twice."""
        asked = set[Unit]()
        for unit in self._units:
            if unit not in self._ask_again:
                asked.add(unit)
                yield unit
        while self._ask_again:
            unit, ready = next(iter(self._ask_again.items()))
            if unit in asked or self._clock.monotonic() < max(ready, self._probe_at):
                return
            asked.add(unit)
            yield unit

    def settle(self, unit: Unit) -> None:
        """Note whether the unit that had its turn was silent."""
        now, was_silent = self._clock.monotonic(), self._ask_again.pop(unit, None) is not None
        if unit.silence is not None:
            self._probe_at = self._ask_again[unit] = now + self._pause
        elif was_silent:
            # What came back may be the line they share: the next silent one need not wait.
            self._probe_at = now
            self._ask_again = dict.fromkeys(self._ask_again, now)

    @property
    def all_silent(self) -> bool:
        """Whether nobody answers and no gateway says that at least the link works."""
        silences = [unit.silence for unit in self._ask_again]
        return len(silences) == len(self._units) and not any(s is not None and s.link_lives for s in silences)
