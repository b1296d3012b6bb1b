"""Which samples may go first: those newer than all that was ever taken of their tag.

    deposited before    x@5  y@9                    newest of x: 5, of y: 9
    deposited now       x@6  y@9  y@7       ──▶     x@6 is fresh; y@9 and y@7 are late

A fresh sample has a time that no earlier one of its tag has, so it may overtake everything
that waits without ever meeting the same tag and time again. A late one may repeat what waits
before it, and then the later word holds, so it keeps its place in the queue. It loses nothing
by that: the live value moves forward in source time only, and nor could a replay move it.
"""

from __future__ import annotations

import numpy as np

from plant.batch import INT64_MIN, Batch, Ints, Mask, Origin

_GROWTH = 1024


class Freshness:
    """Remembers the newest time of every tag that passes."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._newest = np.zeros(0, np.int64)

    def note(self, batch: Batch) -> Mask:
        """Take in a batch; return which of its rows were fresh when it came."""
        places = self._places_of(batch.names)[batch.tag]
        fresh: Mask = (batch.time > self._newest[places]) & ((batch.origin & Origin.REPLAYED) == 0)
        np.maximum.at(self._newest, places, batch.time)
        return fresh

    def _places_of(self, names: tuple[str, ...]) -> Ints:
        places = np.array([self._places.setdefault(name, len(self._places)) for name in names], np.int64)
        while len(self._places) > len(self._newest):
            self._newest = np.concatenate([self._newest, np.full(max(_GROWTH, len(self._newest)), INT64_MIN)])
        return places
