"""What a person with AR glasses sees of a link: how late the picture follows, and when it stands.

    head moves ── pose up ──▶ render, encode ── frame down ──▶ decode ─▶ eye      (training)
    scene ── frame up ──▶ expert looks, marks ── mark down ──▶ eye                (remote maintenance)

Both are a loop of a small message one way and a picture the other; the time round the loop
is what the person notices, here called motion-to-photon in both cases. A lost or late
picture leaves the last one standing: longer than `FREEZE` is a freeze.

Frames are computed by the window, as columns; the link is asked for as many moments as
there are frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.batch import Floats
from plant.clock import SECOND
from simulators.network import Direction, Link

WINDOW = 5.0
"""Seconds of pictures computed, and reported, at a time."""

FREEZE = 0.25
"""Seconds without a new picture that a person notices as a standstill."""

_LOST = 10.0  # s: what a loop that never closed is reported as


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """A picture stream. `rate`: Mbit/s; `pictures`: which way they go; `devices`: s spent outside the network.

    `limit`: seconds round the loop that a person puts up with.
    """

    rate: float
    fps: int
    pictures: Direction
    devices: float
    limit: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One window. `loop`: s of each frame, `_LOST` where it never closed; `freezes`, and `frozen` s they lasted."""

    loop: Floats
    freezes: int
    frozen: float


class Stream:
    """A stream over one link, from `start` (ns UTC) on."""

    def __init__(self, plan: StreamPlan, link: Link, start: int) -> None:
        rates = link.profile.throughput
        self._plan = plan
        self._link = link
        self._rate = rates.up if plan.pictures is Direction.UP else rates.down
        self._shown = 0.0
        self._start = start

    def watch(self, now: int) -> Seen:
        """Return what is seen in the window that begins at `now`; windows come in order."""
        plan, count = self._plan, round(WINDOW * self._plan.fps)
        step = 1 / plan.fps
        up = self._link.sample(count, Direction.UP, start=now, interval=step)
        down = self._link.sample(count, Direction.DOWN, start=now, interval=step)
        # The sender occupies the link for as long as a picture takes at its rate.
        picture = (up if plan.pictures is Direction.UP else down) + plan.rate / self._rate * step
        if plan.rate > self._rate:
            # Not every picture fits: the sender leaves out those that do not.
            kept = np.diff(np.floor(np.arange(count + 1) * self._rate / plan.rate)) > 0
            picture = np.where(kept, picture, np.nan)
        message = down if plan.pictures is Direction.UP else up
        loop = np.nan_to_num(plan.devices + picture + message, nan=_LOST)
        freezes, frozen = self._standstills(now, picture, step)
        return Seen(loop, freezes, frozen)

    def _standstills(self, now: int, picture: Floats, step: float) -> tuple[int, float]:
        since = (now - self._start) / SECOND
        sent = since + np.arange(len(picture)) * step
        arrived = ~np.isnan(picture)
        shown = np.maximum.accumulate(np.concatenate([[self._shown], sent[arrived] + picture[arrived]]))
        gaps = np.diff(shown)
        self._shown = float(shown[-1])
        long = gaps[gaps > FREEZE]
        return len(long), float(long.sum())


def percentile95(loops: Floats) -> float:
    """Return the 95th percentile by nearest rank; loops that never closed count with the longest."""
    ordered = np.sort(loops)
    return float(ordered[int(np.ceil(0.95 * len(ordered))) - 1])
