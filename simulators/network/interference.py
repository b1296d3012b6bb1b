"""What is done to a link on top of its profile: it is cut, jammed, or made to change its access point all the time.

    profile ─▶ place (coverage) ─▶ interference, one after the other ─▶ what is left for a message

An interference is put on a link (or on a live path) and taken off again; meanwhile it
decides, for the moment of each try, what gets through. It may know when it will end by
itself. A message that is sent again until it arrives needs to know: one whose interference
has no known end waits as if that lasted another minute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from configs.network_profile import network_profile
from plant.clock import SECOND
from simulators.network.channel import GapLaw, Gaps
from simulators.network.floor import Position
from simulators.network.quantiles import Quantiles

STRONGEST = 0.95
"""The largest share of frames that a jammer may destroy."""

_FORESEEN = 60 * SECOND
_LONGEST = 3_600 * SECOND  # less than the hundred tries of a reliable delivery take
_TRIES = 4  # of one frame by the radio itself, as common WLAN and 5G (HARQ) settings have it


@dataclass(frozen=True, slots=True)
class Place:
    """What gets through: delays `slowdown` times as long, a further `loss` share lost, `rate` of the throughput."""

    slowdown: float = 1.0
    loss: float = 0.0
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When a try happens, when its message was first sent (both ns UTC), and where, if that is known."""

    at: int
    sent: int
    position: Position | None = None


class Interference(Protocol):
    """Something that disturbs a link."""

    def leave(self, place: Place | None, moment: Moment) -> Place | None:
        """Return what of `place` is left at a moment; None when nothing gets through."""


@dataclass(frozen=True, slots=True)
class Until:
    """How long an interference lasts: to `end` (ns UTC), or nobody knows."""

    end: int | None = None

    def lasts(self, moment: Moment) -> bool:
        """Tell whether it is still there at a moment, as far as that can be told when the message is sent."""
        end = moment.sent + _FORESEEN if self.end is None else min(self.end, moment.sent + _LONGEST)
        return moment.at < end


@dataclass(frozen=True, slots=True)
class Area:
    """A round area of the floor plan, metres."""

    x: float
    y: float
    radius: float

    def holds(self, position: Position) -> bool:
        """Tell whether a position lies in the area."""
        return math.dist((self.x, self.y), position) <= self.radius

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g},{self.radius:g}"


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing gets through."""

    until: Until

    def leave(self, place: Place | None, moment: Moment) -> Place | None:
        return None if self.until.lasts(moment) else place


@dataclass(frozen=True, slots=True)
class Jamming:
    """A `share` of the radio's frames is destroyed, everywhere or in an area.

    The radio sends a frame again, four times in all: so delays are 1/(1 - share) times as
    long, throughput is what is left, and share⁴ of the packets are lost. In an area only
    those are jammed whose position is known to lie there.
    """

    share: float
    until: Until
    area: Area | None = None

    def leave(self, place: Place | None, moment: Moment) -> Place | None:
        if place is None or not self.until.lasts(moment) or not self._reaches(moment.position):
            return place
        left = 1 - self.share
        return Place(place.slowdown / left, 1 - (1 - place.loss) * (1 - self.share**_TRIES), place.rate * left)

    def _reaches(self, position: Position | None) -> bool:
        return self.area is None or (position is not None and self.area.holds(position))


class Storm:
    """The station roams every `every` s on average, each time with a gap as `wifi-roaming` has it."""

    def __init__(self, every: float, until: Until, *, seed: int) -> None:
        roaming = network_profile("wifi-roaming").roaming
        assert roaming is not None
        table = Quantiles.published(roaming.gap).table()
        self._gaps = Gaps(GapLaw(every, table), (seed, 4))
        self._until = until

    def leave(self, place: Place | None, moment: Moment) -> Place | None:
        return None if self._until.lasts(moment) and self._gaps.within(moment.at) else place


def left_by(interferences: list[Interference], place: Place | None, moment: Moment) -> Place | None:
    """Return what several interferences together leave of a place."""
    for interference in interferences:
        place = interference.leave(place, moment)
    return place
