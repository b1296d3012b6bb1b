"""A delay distribution through published percentiles, and the fit that makes the link reproduce them.

The published points are joined so that little is invented between them: the logarithm of
the delay is linear in −ln(1−p), which turns a few percentiles into power-law pieces. A
largest value seen counts as ten times rarer than the last percentile and bounds the delay.

A link is a queue: a packet cannot overtake the one before, so a long delay also holds up its
followers, and drawing from the published distribution would give longer delays than were
published. `fit` therefore searches the distribution *before* queueing whose result *after*
queueing has the published percentiles. It keeps the delays and moves how often they are
exceeded, because that is what queueing multiplies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from plant.batch import Floats

GRID = np.linspace(-6.0, 6.0, 6001)
"""States of the link (standard normal) that delay is tabulated for."""

_APART = 1.001  # least ratio of two points: a trace rounded to 0.1 ms has equal percentiles
_ROUNDS = 14  # of the fit; it moves less than the noise of its sample well before
_STEP = 3.0  # factor by which the odds of a point may move in one round


@dataclass(frozen=True, slots=True, eq=False)
class Quantiles:
    """Points of a distribution function: `levels` rising in [0, 1), `values` rising, seconds."""

    levels: Floats
    values: Floats

    @staticmethod
    def published(percentiles: Mapping[float, float]) -> Quantiles:
        """Build from percent → milliseconds, adding the least delay when none is published.

        The least delay is put half as far below the lowest percentile as that is below the
        median, and not below half of it.
        """
        points = {p / 100: ms / 1000 for p, ms in sorted(percentiles.items())}
        largest = points.pop(1.0, None)
        lowest, last = min(points), max(points)
        if lowest > 0:
            base = points[lowest]
            points[0.0] = max(base / 2, base - (points[0.5] - base) / 2)
        if largest is not None:
            points[1 - (1 - last) / 10] = largest
        levels, values = (np.array(column) for column in zip(*sorted(points.items()), strict=True))
        for i in range(1, len(values)):
            values[i] = max(values[i], values[i - 1] * _APART)
        return Quantiles(levels, values)

    @property
    def median(self) -> float:
        """The delay that half of the packets do not exceed, in seconds."""
        return float(self.at(np.array([0.5]))[0])

    def at(self, levels: Floats) -> Floats:
        """Return the delays (s) that the shares `levels` of the packets do not exceed."""
        rarity = -np.log1p(-np.minimum(levels, self.levels[-1]))
        delays: Floats = np.exp(np.interp(rarity, -np.log1p(-self.levels), np.log(self.values)))
        return delays

    def table(self) -> Floats:
        """Return the delay (s) for each state in `GRID`."""
        from scipy.special import ndtr  # noqa: PLC0415 - half a second, and only a link that carries something asks

        return self.at(ndtr(GRID))

    def one_way(self, share: float) -> Quantiles:
        """Split a round trip: `share` of the usual delay, but a long delay is one long way and not two."""
        return replace(self, values=self.values - (1 - share) * np.minimum(self.values, self.median))

    def constant(self, share: float) -> Quantiles:
        """Split a round trip whose variation is all on the other way: `share` of the usual delay, always."""
        return replace(self, values=np.full_like(self.values, share * self.median))

    def rest(self, way: Quantiles) -> Quantiles:
        """Return what is left of a round trip when `way` is taken off, never less than a twentieth of it."""
        return replace(self, values=np.maximum(self.values - way.values, self.values / 20))


def fit(target: Quantiles, queued: Callable[[Floats], Floats]) -> Floats:
    """Return the levels before queueing that `queued` turns into `target`'s.

    `queued` takes levels for the target's values and returns the delays (s) of a long sample
    after queueing.
    """
    wanted = _odds(1 - target.levels[1:])
    odds = wanted.copy()
    levels = target.levels.copy()
    for _ in range(_ROUNDS):
        levels[1:] = 1 / (1 + odds)
        delays = queued(levels)
        exceeding = np.array([np.count_nonzero(delays > value) for value in target.values[1:]]) / len(delays)
        found = _odds(np.clip(exceeding, 1 / len(delays), 1 - 1 / len(delays)))
        odds *= np.clip(wanted / found, 1 / _STEP, _STEP)
        odds = np.minimum(odds, wanted)  # queueing only ever lengthens
        odds = np.minimum.accumulate(odds)  # a longer delay is never the more frequent one
    return levels


def _odds(probability: Floats) -> Floats:
    return probability / (1 - probability)
