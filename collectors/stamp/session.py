"""One STAMP session as its sender sees it: packets out, packets back, and what each one proves.

    T1 sent ──up──▶ T2 received, T3 returned ──down──▶ T4 back

Round trip is (T4−T1)−(T3−T2): each difference is taken on one clock, so no synchronisation is
needed. One-way delay, T2−T1 and T4−T3, compares two clocks and says how far to trust them:

- one machine, one clock: exact
- both synchronised to UTC: wrong by at most the sum of both error estimates
- otherwise the offset between the clocks is estimated. No packet arrives before it was sent,
  so the offset lies between −min(T4−T3) and min(T2−T1) of recent packets; its middle is used,
  half its width is the error, and the quality is uncertain.

A claim of synchronisation that packets contradict by arriving before they were sent is not
believed. A packet not back within the timeout is lost: infinite delay, not a missing sample.
Outcomes leave in the order of sending, so one that is late holds the next ones back until it
arrives or is lost. Sources: RFC 8762, RFC 2681, RFC 7679, RFC 7680, RFC 3393, RFC 4737.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from enum import Enum

from collectors.stamp.packet import (
    ErrorEstimate,
    ReflectorPacket,
    SenderPacket,
    Sync,
    decode_time,
    encode_time,
)
from plant.clock import MICROSECOND, SECOND

_SEQUENCES = 2**32
_REMEMBERED = 4096  # decided packets kept, to tell a late one from a duplicate
_OFFSET_WINDOW = 100  # packets the offset is estimated from: short, because clocks drift apart


class Trust(Enum):
    """What a one-way delay rests on."""

    ONE_CLOCK = "one-clock"
    SYNCHRONISED = "synchronised"
    ESTIMATED = "estimated"


class Residence(Enum):
    """Whether the time a packet spent in the reflector could be taken off."""

    KNOWN = "known"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet that came back. Times ns UTC, delays and errors µs.

    `jitter`: change of the round trip since the packet before, None when that one was lost.
    `clock_error`: bound on the error of `up` and `down`.
    """

    sent: int
    known: int
    rtt: float
    up: float
    down: float
    jitter: float | None
    clock_error: float
    trust: Trust
    residence: Residence


@dataclass(frozen=True, slots=True)
class Lost:
    """A packet that did not come back in time."""

    sent: int
    known: int


Outcome = Arrived | Lost


@dataclass(slots=True)
class SessionCounts:
    """What happened to the packets. `late`: back after they were given up (counted in `lost` too).

    `reordered`: back after one sent later. `foreign`: not an answer to anything we sent.
    """

    sent: int = 0
    arrived: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    reordered: int = 0
    foreign: int = 0


@dataclass(slots=True)
class _Flight:
    timestamp: int
    sent: int
    monotonic: float
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class _Clocks:
    offset: float
    error: float
    trust: Trust


@dataclass(slots=True)
class Session:
    """The state of one session; pure: the caller brings the packets and the time.

    `timeout`: seconds. `error`: this side's error estimate. `one_clock`: both ends read the
    same clock. Times are ns UTC (`now`) and seconds (`monotonic`).
    """

    timeout: float
    error: ErrorEstimate
    one_clock: bool
    id: int
    size: int
    counts: SessionCounts = field(default_factory=SessionCounts)
    offset: float | None = None
    _next: int = 0
    _highest: int = -1
    _flights: OrderedDict[int, _Flight] = field(default_factory=OrderedDict)
    _decided: OrderedDict[int, tuple[int, type[Outcome]]] = field(default_factory=OrderedDict)
    _apart: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_OFFSET_WINDOW))
    _before: Outcome | None = None

    def send(self, *, now: int, monotonic: float) -> bytes:
        """Return the next packet; it is in flight from now on."""
        timestamp = encode_time(now, self.error.format)
        self._flights[self._next] = _Flight(timestamp, now, monotonic)
        packet = SenderPacket(self._next % _SEQUENCES, timestamp, self.error, self.id)
        self._next += 1
        self.counts.sent += 1
        return packet.to_bytes(self.size)

    def receive(self, data: bytes, *, now: int, monotonic: float) -> None:
        """Take in a datagram that arrived at `now`. Raises ValueError when it is not a STAMP packet."""
        packet = ReflectorPacket.from_bytes(data)
        index = self._index(packet.sender_sequence)
        flight = self._flights.get(index)
        if flight is None or flight.timestamp != packet.sender_timestamp:
            self._unexpected(index, packet)
        elif isinstance(flight.outcome, Arrived):
            self.counts.duplicate += 1
        elif flight.outcome is not None:
            self.counts.late += 1
        elif monotonic - flight.monotonic > self.timeout:
            # It lay in our own socket past its time; `expire` will call it lost.
            self.counts.late += 1
        else:
            self.counts.arrived += 1
            self.counts.reordered += index < self._highest
            self._highest = max(self._highest, index)
            flight.outcome = self._arrived(flight, packet, now=now, monotonic=monotonic)

    def expire(self, *, now: int, monotonic: float) -> None:
        """Give up the packets that have been away for longer than the timeout."""
        for flight in self._flights.values():
            if monotonic - flight.monotonic <= self.timeout:
                break
            if flight.outcome is None:
                flight.outcome = Lost(flight.sent, now)
                self.counts.lost += 1

    def take(self) -> list[Outcome]:
        """Return what is decided and not yet taken, in the order of sending."""
        ready: list[Outcome] = []
        while self._flights:
            index, flight = next(iter(self._flights.items()))
            if flight.outcome is None:
                break
            del self._flights[index]
            self._decided[index] = flight.timestamp, type(flight.outcome)
            ready.append(self._with_jitter(flight.outcome))
        while len(self._decided) > _REMEMBERED:
            self._decided.popitem(last=False)
        return ready

    def _index(self, sequence: int) -> int:
        # The wire has 32 bits; the packet meant is the last one sent with these.
        return self._next - 1 - (self._next - 1 - sequence) % _SEQUENCES

    def _unexpected(self, index: int, packet: ReflectorPacket) -> None:
        timestamp, fate = self._decided.get(index, (None, None))
        if timestamp != packet.sender_timestamp:
            self.counts.foreign += 1
        elif fate is Lost:
            self.counts.late += 1
        else:
            self.counts.duplicate += 1

    def _arrived(self, flight: _Flight, packet: ReflectorPacket, *, now: int, monotonic: float) -> Arrived:
        style = packet.error.format
        reached = decode_time(packet.received, style, near=now)
        left = decode_time(packet.timestamp, style, near=now)
        elapsed = (monotonic - flight.monotonic) * SECOND
        residence = Residence.KNOWN if 0 <= left - reached <= elapsed else Residence.CONTRADICTORY
        rtt = elapsed - (left - reached) if residence is Residence.KNOWN else elapsed
        up, down = float(reached - flight.sent), float(now - left)
        self._apart.append((up, down))
        clocks = self._clocks(packet.error)
        self.offset = clocks.offset / SECOND
        return Arrived(
            sent=flight.sent,
            known=now,
            rtt=rtt / MICROSECOND,
            up=(up - clocks.offset) / MICROSECOND,
            down=(down + clocks.offset) / MICROSECOND,
            jitter=None,
            clock_error=clocks.error / MICROSECOND,
            trust=clocks.trust,
            residence=residence,
        )

    def _clocks(self, theirs: ErrorEstimate) -> _Clocks:
        up, down = (min(column) for column in zip(*self._apart, strict=True))
        error = 0.0 if self.one_clock else (self.error.seconds + theirs.seconds) * SECOND
        synchronised = Sync.UNSYNCHRONISED not in {self.error.sync, theirs.sync}
        if (self.one_clock or synchronised) and up >= -error and down >= -error:
            return _Clocks(0.0, error, Trust.ONE_CLOCK if self.one_clock else Trust.SYNCHRONISED)
        return _Clocks((up - down) / 2, abs(up + down) / 2, Trust.ESTIMATED)

    def _with_jitter(self, outcome: Outcome) -> Outcome:
        before, self._before = self._before, outcome
        if isinstance(outcome, Arrived) and isinstance(before, Arrived):
            return replace(outcome, jitter=outcome.rtt - before.rtt)
        return outcome
