"""From a profile to the laws of its two directions, fitted once and then shared by every link.

The fit runs the very queue that `channel` runs, on half an hour or more of the link, and
compares packets sent at random moments with the published percentiles: one-way where those
are one-way, there and back where they are round trips.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from configs.network_profile import NetworkProfile
from plant.batch import Floats
from plant.clock import SECOND
from simulators.network.channel import GapLaw, Medium, arrivals
from simulators.network.quantiles import GRID, Quantiles, fit
from simulators.network.recursion import autoregression

_SAMPLE = 1 << 18  # packets the fit looks at
_SPARE = 4096  # slots kept back so that a round trip begun in the sample also ends in it
_SEED = 22_400
_CELL = GRID[1] - GRID[0]
_PACE = 0.97  # slots per interval: packets sent at the interval meet every phase of a slot in turn


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """What `Link` needs to know of a profile, in seconds and slots."""

    up: Medium
    down: Medium
    gaps: GapLaw | None


def law(profile: NetworkProfile) -> Law:
    """Return the laws of a profile; a profile seen before costs nothing."""
    return _law(profile.model_dump_json(by_alias=True))


@lru_cache(maxsize=64)
def _law(document: str) -> Law:
    # A profile holds dictionaries and so cannot be a key itself; its JSON can.
    profile = NetworkProfile.model_validate_json(document)
    delay, slot = profile.delay, profile.interval * _PACE
    if delay.round_trip is not None:
        up, down = _split(profile, Quantiles.published(delay.round_trip))
        # A packet is lost there or back with the published probability.
        ratio = 1 - (1 - profile.loss.ratio) ** 0.5
    else:
        up, down = (_fitted(Quantiles.published(way or {}), profile) for way in (delay.up, delay.down))
        ratio = profile.loss.ratio
    there, back = (
        Medium(way.table(), round(slot * SECOND), profile.correlation, ratio, profile.loss.burst) for way in (up, down)
    )
    roaming = profile.roaming
    gaps = GapLaw(roaming.every, Quantiles.published(roaming.gap).table()) if roaming else None
    return Law(there, back, gaps)


def _fitted(target: Quantiles, profile: NetworkProfile) -> Quantiles:
    sample = _Sample(profile, 1)

    def queued(levels: Floats) -> Floats:
        return sample.delays(Quantiles(levels, target.values).table(), sample.times)

    return Quantiles(fit(target, queued), target.values)


def _split(profile: NetworkProfile, target: Quantiles) -> tuple[Quantiles, Quantiles]:
    share = profile.delay.up_share
    if profile.delay.variation == "up":
        down = target.constant(1 - share)
        up = target.rest(down)
    else:
        up, down = target.one_way(share), target.one_way(1 - share)
    there, back = _Sample(profile, 1), _Sample(profile, 2)

    def queued(levels: Floats) -> Floats:
        out = there.delays(Quantiles(levels, up.values).table(), there.times)
        return out + back.delays(Quantiles(levels, down.values).table(), there.times + out)

    levels = fit(target, queued)
    return Quantiles(levels, up.values), Quantiles(levels, down.values)


class _Sample:
    """A long stretch of one direction with fixed states, and packets at random moments in it."""

    def __init__(self, profile: NetworkProfile, number: int) -> None:
        stream, rho = np.random.default_rng((_SEED, number)), profile.correlation
        slots = _SAMPLE + _SPARE
        noise = stream.standard_normal(slots + 1)
        self._slot = profile.interval * _PACE
        states = np.clip(autoregression(noise, rho), GRID[0], GRID[-1])
        # Where each state lies in the table is the same in every round of the fit, and so looked up once.
        self._cells = np.minimum(((states - GRID[0]) / _CELL).astype(np.int32), len(GRID) - 2)
        self._beyond = (states - GRID[self._cells]) / _CELL
        self.times: Floats = (np.arange(_SAMPLE) + stream.random(_SAMPLE)) * self._slot

    def delays(self, table: Floats, times: Floats) -> Floats:
        delay = table[self._cells] + self._beyond * np.diff(table)[self._cells]
        queue = np.concatenate(([0.0], arrivals(delay, round(self._slot * SECOND))[:-1]))
        slots = np.minimum((times / self._slot).astype(np.int64), len(delay) - 1)
        met: Floats = np.maximum(delay[slots], queue[slots] - times)
        return met
