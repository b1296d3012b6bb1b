"""Back-off for those who guess: each failure from the sixth on doubles the wait before the next try.

Tries are counted when they begin, so many at once gain nothing; a success wipes the count of
the account, never of the address, else whoever has one account could guess others for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from plant.clock import Clock

FORGOTTEN_AFTER = 3_600.0
"""Seconds without a try after which a count starts anew."""
MOST_KEPT = 10_000
"""Accounts or addresses that are remembered; of more, those that tried last."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many tries are free, and the longest wait in seconds after them."""

    free: int
    longest: float

    def wait(self, tries: int) -> float:
        """Return how long to wait after so many tries."""
        return min(self.longest, 2.0 ** min(tries - self.free, 30)) if tries >= self.free else 0.0


FOR_ACCOUNTS = Patience(free=5, longest=60.0)  # no longer: whoever knows a name must not keep its owner out
FOR_ADDRESSES = Patience(free=20, longest=900.0)


class BackOff:
    """Counts tries by key; memory is bounded."""

    def __init__(self, patience: Patience, clock: Clock) -> None:
        self._patience = patience
        self._clock = clock
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Return for how many seconds this one has to wait before the next try; 0 when not at all."""
        tries, last = self._tries.get(key, (0, 0.0))
        passed = self._clock.monotonic() - last
        return max(0.0, self._patience.wait(tries) - passed)

    def tried(self, key: str) -> None:
        """Count a try that begins."""
        now = self._clock.monotonic()
        tries, last = self._tries.pop(key, (0, now))
        self._tries[key] = (tries + 1 if now - last < FORGOTTEN_AFTER else 1), now
        while len(self._tries) > MOST_KEPT:
            self._tries.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget what this one tried."""
        self._tries.pop(key, None)
