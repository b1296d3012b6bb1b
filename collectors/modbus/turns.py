"""Whose turn it is on a shared line: the living every round, the silent one a pause.

Pure but for the clock it is given, so that fairness can be tested without a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collectors.modbus.unit import Unit
from plant.clock import Clock


class Turns:
    """Deals out turns. After each one, `settle` must be told before the next is taken.

    `pause`: seconds between the last silence and the next question to a silent unit. One
    that answers leaves the pause as it was, over: so the next silent one is asked at once.
    """

    def __init__(self, units: Sequence[Unit], *, pause: float, clock: Clock) -> None:
        self._units, self._pause, self._clock = tuple(units), pause, clock
        self._silent: list[Unit] = []  # in the order in which they are asked
        self._probe_at = 0.0

    def round(self) -> Iterator[Unit]:
        """Yield the living units, then those silent ones whose turn has come; none of them twice."""
        asked = set[Unit]()
        for unit in self._units:
            if unit not in self._silent:
                asked.add(unit)
                yield unit
        while self._silent and self._silent[0] not in asked and self._clock.monotonic() >= self._probe_at:
            asked.add(self._silent[0])
            yield self._silent[0]

    def settle(self, unit: Unit) -> None:
        """Note whether the unit that had its turn was silent."""
        if unit in self._silent:
            self._silent.remove(unit)
        if unit.silence is not None:
            self._silent.append(unit)
            self._probe_at = self._clock.monotonic() + self._pause

    @property
    def all_silent(self) -> bool:
        """Whether nobody answers and no gateway says that at least the link works."""
        silences = [unit.silence for unit in self._silent]
        return len(silences) == len(self._units) and not any(s is not None and s.link_lives for s in silences)
