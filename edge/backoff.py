"""How long to wait before trying again: up to a sixth of how long it has been lost, with full jitter.

A blip is tried again at once, an outage of half a minute within seconds of its end, and one
of hours costs an attempt every quarter of a minute on average. Jitter over the whole range
keeps many that lost the same thing from coming back in step.
"""

from __future__ import annotations

import random

from plant.clock import Clock

SHORTEST = 0.5
LONGEST = 30.0
_SHARE = 1 / 6


class Backoff:
    """The waiting of one who tries again. `reset` when it worked."""

    def __init__(self, clock: Clock, jitter: random.Random | None = None) -> None:
        self._clock = clock
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads attempts, keeps no secret
        self._since: float | None = None
        self.attempts = 0

    def reset(self) -> None:
        """Forget the outage: it is over."""
        self._since = None
        self.attempts = 0

    async def wait(self, asked: float | None = None) -> None:
        """Wait before the next attempt: `asked` seconds where the far side said so."""
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        self.attempts += 1
        ceiling = min(LONGEST, max(SHORTEST, _SHARE * (now - self._since)))
        await self._clock.sleep(asked if asked is not None else self._jitter.uniform(0, ceiling))
