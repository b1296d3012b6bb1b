"""A link under a profile: how long a message takes, whether it arrives, and what the place does to it.

The same link serves a model in virtual time (`delay`, `delivery`), statistics (`sample`) and
the live emulators. Times are ns since 1970 UTC, delays seconds, sizes octets of payload.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from configs.network_profile import Coverage, FloorPlan, NetworkProfile
from plant.batch import Floats, Ints
from plant.clock import SECOND
from simulators.network.channel import Channel, Gaps
from simulators.network.floor import Floor, Position
from simulators.network.interference import Interference, Moment, Place, left_by
from simulators.network.law import law

_MBIT = 1e6 / 8
_RETRY = 0.2  # seconds: least retransmission timeout of common TCP stacks (RFC 6298 asks for 1 s)
_RETRY_LIMIT = 60.0
_GIVE_UP = 100  # tries of a reliable delivery: beyond an hour of doubled timeouts


class Direction(Enum):
    """Which way a message goes: up is away from the station (device, vehicle)."""

    UP = 0
    DOWN = 1


@dataclass(slots=True)
class _Way:
    channel: Channel
    rate: float
    free: int = 0
    last: int = 0


_GOOD_PLACE = Place()


class Link:
    """One station's link. `seed` fixes what happens on it and when; give each station its own.

    `floor` is needed to ask for a position. Messages of one direction are sent one after the
    other at the profile's throughput, and none overtakes another. `interferences` may be a list
    that outlives the link.
    """

    def __init__(
        self,
        profile: NetworkProfile,
        *,
        seed: int = 0,
        floor: FloorPlan | None = None,
        interferences: list[Interference] | None = None,
    ) -> None:
        self._profile = profile
        self._seed = seed
        self._plan = floor
        self._interferences = [] if interferences is None else interferences
        self._floor = Floor(floor) if floor else None
        self._draw = self._drawn
        self._serving: str | None = None
        self._handovers = 0
        self._away_until = 0

    @property
    def profile(self) -> NetworkProfile:
        """The profile the link follows."""
        return self._profile

    # The law is fitted when the first message asks: a model that is only asked what could break sends none.
    @cached_property
    def _ways(self) -> dict[Direction, _Way]:
        rates = self._profile.throughput
        up, down = self._channels
        return {Direction.UP: _Way(up, rates.up * _MBIT), Direction.DOWN: _Way(down, rates.down * _MBIT)}

    @cached_property
    def _channels(self) -> tuple[Channel, Channel]:
        return self._draw()

    def _drawn(self) -> tuple[Channel, Channel]:
        laws = law(self._profile)
        return Channel(laws.up, (self._seed, 1)), Channel(laws.down, (self._seed, 2))

    @cached_property
    def _gaps(self) -> Gaps | None:
        gaps = law(self._profile).gaps
        return Gaps(gaps, (self._seed, 3)) if gaps else None

    @property
    def positioned(self) -> bool:
        """Whether the link can be asked for positions."""
        return self._floor is not None

    def twin(self) -> Link:
        """Return a link of the same station for other traffic: the same fate at the same moment, a queue of its own."""
        twin = Link(self._profile, seed=self._seed, floor=self._plan, interferences=self._interferences)
        twin._draw = lambda: self._channels
        return twin

    def disturb(self, interference: Interference) -> Callable[[], None]:
        """Put an interference on the link from now on; the returned call takes it off."""
        self._interferences.append(interference)
        return lambda: self._interferences.remove(interference)

    def cut(self, now: int) -> bool:
        """Tell whether an interference lets nothing through at present, whatever the profile and the place."""
        return left_by(self._interferences, _GOOD_PLACE, Moment(now, now)) is None

    def delay(self, now: int, size: int, direction: Direction, *, position: Position | None = None) -> float | None:
        """Return the delay of a datagram sent at `now`, or None when it is lost.

        Calls of one direction come in the order of `now`.
        """
        way, place = self._ways[direction], self._place(now, position, asked=now)
        sent = self._send(way, now, size, place)
        if place is None or self._lost(way, sent, place, position):
            return None
        return self._arrive(way, now, sent, place)

    def delivery(self, now: int, size: int, direction: Direction, *, position: Position | None = None) -> float:
        """Return the delay of a message that is sent again until it arrives, as TCP does.

        Each try waits twice as long as the one before, from 0.2 s on. A message that was sent
        again holds up no other; who needs the order of a connection keeps it. Raises
        TimeoutError when a hundred tries fail: a station that stays out of coverage.
        """
        way, place = self._ways[direction], self._place(now, position, asked=now)
        sent, wait = self._send(way, now, size, place), _RETRY
        if place is not None and not self._lost(way, sent, place, position):
            return self._arrive(way, now, sent, place)
        for _ in range(_GIVE_UP - 1):
            sent += round(wait * SECOND)
            wait = min(wait * 2, _RETRY_LIMIT)
            place = self._place(sent, position, asked=now)
            if place is not None and not self._lost(way, sent, place, position):
                return (sent - now) / SECOND + way.channel.delay(sent) * place.slowdown
        raise TimeoutError(f"nothing arrives under profile {self._profile.id}")

    def signal(self, position: Position) -> float:
        """Return the signal in dBm of the access point a station at `position` is on."""
        if self._floor is None:
            raise ValueError("a link without a floor plan knows no positions")
        return self._floor.serving(position, self._serving)[1]

    def sample(self, n: int, direction: Direction, *, start: int = 0, interval: float | None = None) -> Floats:
        """Return the delays of `n` small datagrams sent `interval` s apart (the profile's by default); NaN = lost."""
        channel = self._ways[direction].channel
        times = start + (np.arange(n) * ((interval or self._profile.interval) * SECOND)).astype(np.int64)
        delays = channel.delays(times)
        delays[channel.losses(times)] = np.nan
        if self._gaps is not None:
            delays[self._gaps.covers(times)] = np.nan
        return self._disturbed(channel, times, delays)

    def round_trips(self, n: int, *, start: int = 0, interval: float | None = None) -> Floats:
        """Return the round-trip times of `n` small datagrams that are answered at once; NaN = lost on either way."""
        step = (interval or self._profile.interval) * SECOND
        times = start + (np.arange(n) * step).astype(np.int64)
        out = self.sample(n, Direction.UP, start=start, interval=interval)
        channel = self._ways[Direction.DOWN].channel
        reached = times + (np.nan_to_num(out) * SECOND).astype(np.int64)
        reached = np.maximum.accumulate(reached)
        trips = out + channel.delays(reached)
        trips[channel.losses(reached)] = np.nan
        if self._gaps is not None:
            trips[self._gaps.covers(reached)] = np.nan
        return self._disturbed(channel, reached, trips)

    def _disturbed(self, channel: Channel, times: Ints, delays: Floats) -> Floats:
        """Let the interferences have their way with delays of messages sent at `times`."""
        if self._interferences:
            for row, at in enumerate(times.tolist()):
                place = left_by(self._interferences, _GOOD_PLACE, Moment(at, at))
                lost = place is None or (place.loss and channel.chance(at) < place.loss)
                delays[row] = np.nan if place is None or lost else delays[row] * place.slowdown
        return delays

    def _send(self, way: _Way, now: int, size: int, place: Place | None) -> int:
        # The sender occupies the medium for as long as the payload takes at the link's rate.
        rate = way.rate * (place.rate if place else 1.0)
        way.free = max(now, way.free) + round(size / rate * SECOND)
        return way.free

    def _arrive(self, way: _Way, now: int, sent: int, place: Place) -> float:
        due = sent + round(way.channel.delay(sent) * place.slowdown * SECOND)
        way.last = max(way.last, due)
        return (way.last - now) / SECOND

    def _lost(self, way: _Way, sent: int, place: Place, position: Position | None) -> bool:
        if way.channel.lost(sent) or (place.loss and way.channel.chance(sent) < place.loss):
            return True
        # A known position replaces the gaps of an unknown path: it has handovers of its own.
        return position is None and self._gaps is not None and self._gaps.within(sent)

    def _place(self, at: int, position: Position | None, *, asked: int) -> Place | None:
        """Return what place and interferences do to a message, None when nothing gets through."""
        place = self._covered(at, position)
        return left_by(self._interferences, place, Moment(at, asked, position)) if self._interferences else place

    def _covered(self, now: int, position: Position | None) -> Place | None:
        if position is None:
            return _GOOD_PLACE
        if self._floor is None:
            raise ValueError("a link without a floor plan knows no positions")
        serving, signal = self._floor.serving(position, self._serving)
        if self._serving is not None and serving != self._serving and self._gaps is not None:
            self._handovers += 1
            self._away_until = now + round(self._gaps.length(self._handovers) * SECOND)
        self._serving = serving
        if now < self._away_until:
            return None
        return _effect(self._profile.coverage, signal)


def _effect(coverage: Coverage | None, signal: float) -> Place | None:
    if coverage is None or signal >= coverage.good:
        return _GOOD_PLACE
    if signal < coverage.lost:
        return None
    weakness = (coverage.good - signal) / (coverage.good - coverage.lost)
    return Place(
        slowdown=1 + weakness * (coverage.slowdown - 1),
        loss=weakness * coverage.loss,
        rate=1 - weakness * (1 - coverage.throughput),
    )
