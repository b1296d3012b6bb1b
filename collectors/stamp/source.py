"""A link measured by STAMP, as a source: one sample per packet, so that any percentile can be had.

Every measure of one packet carries the time the packet was sent. What is emitted:

    measure       packet came back                        packet lost
    rtt           µs, without the reflector's residence   NaN, bad: timeout
    up, down      µs, one-way                             NaN, bad: timeout
    rtt-jitter    µs, change since the packet before      nothing: undefined (RFC 3393)
    loss          0                                       1
    clock-error   µs, bound on the error of up and down   nothing

A lost packet is an infinite delay. Line protocol cannot carry infinity, so it is written as
NaN with `BAD_TIMEOUT`, and whoever takes a percentile counts those rows as infinite. One-way
delays that rest on an estimated clock offset are `UNCERTAIN_SENSOR_NOT_ACCURATE`.

The link counts as gone when the reflector's host refuses the port, or when nothing has come
back for `SILENT_TIMEOUTS` timeouts and at least `SILENT_PACKETS` intervals: long enough that
a vehicle changing access points (up to 4.7 s) is measured as lost packets, not as a missing
measurement. Packets still under way then are not judged. Opening succeeds with the first
packet that comes back.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from collectors.source import DeadLetter, DeadLetters, Point, Tally, discard
from collectors.stamp.endpoint import Datagram, Endpoint
from collectors.stamp.packet import ErrorEstimate
from collectors.stamp.session import Arrived, Lost, Outcome, Residence, Session, SessionCounts, Trust
from collectors.stamp.timebase import clock_error
from configs import sources
from configs.sources import StampAddress
from plant.batch import Batch, BatchBuilder
from plant.clock import Clock, SystemClock
from plant.errors import Disconnected
from plant.quality import Quality

SILENT_TIMEOUTS = 5
SILENT_PACKETS = 10
REPORT = 0.1
"""Seconds between batches at least, so that a fast probe costs batches and not samples."""

_FASTEST = 0.0005  # seconds between packets at least: a probe must not flood the link it measures
_QUEUE = 20_000  # outcomes kept for a slow reader; the oldest go first and are counted

Reading = tuple[float, Quality]
_LOST: Reading = (float("nan"), Quality.BAD_TIMEOUT)


def _rtt(packet: Arrived) -> Reading:
    known = packet.residence is Residence.KNOWN
    return packet.rtt, Quality.GOOD if known else Quality.UNCERTAIN_SENSOR_NOT_ACCURATE


def _one_way(delay: float, trust: Trust) -> Reading:
    return delay, Quality.UNCERTAIN_SENSOR_NOT_ACCURATE if trust is Trust.ESTIMATED else Quality.GOOD


MEASURES: dict[str, tuple[Callable[[Arrived], Reading | None], Reading | None]] = {
    "rtt": (_rtt, _LOST),
    "up": (lambda p: _one_way(p.up, p.trust), _LOST),
    "down": (lambda p: _one_way(p.down, p.trust), _LOST),
    "rtt-jitter": (lambda p: None if p.jitter is None else (p.jitter, Quality.GOOD), None),
    "loss": (lambda _: (0.0, Quality.GOOD), (1.0, Quality.GOOD)),
    "clock-error": (lambda p: _one_way(p.clock_error, p.trust), None),
}
"""What a packet says about each measure: when it came back, and when it was lost."""


class StampSource:
    """A session-sender that keeps its own pace however slowly its batches are read."""

    def __init__(
        self,
        config: sources.StampSource,
        points: Sequence[Point[StampAddress]],
        *,
        clock: Clock | None = None,
        dead_letters: DeadLetters = discard,
        error: Callable[[], ErrorEstimate] = clock_error,
    ) -> None:
        self._config = config
        self._points = tuple(points)
        self._clock = clock or SystemClock()
        self._dead_letters = dead_letters
        self._error = error
        self._tally = Tally()
        self._counts = SessionCounts()

    @property
    def name(self) -> str:
        return self._config.id

    @property
    def tally(self) -> Tally:
        return self._tally

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.tag.path for point in self._points))

    @property
    def counts(self) -> SessionCounts:
        """What happened to the packets of the present or last opening."""
        return self._counts

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        probe = await self._connect()
        self._counts = probe.session.counts
        sender = asyncio.create_task(probe.run(), name=f"stamp {self.name}")
        try:
            await probe.answered()
            yield self._batches(probe)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            probe.close()

    async def _connect(self) -> _Probe:
        config = self._config
        loop = asyncio.get_running_loop()
        sock: socket.socket | None = None
        try:
            found = await loop.getaddrinfo(config.host, config.port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            sock = socket.socket(family, kind, protocol)
            sock.connect(address)
        except OSError as error:
            if sock is not None:
                sock.close()
            raise Disconnected(f"{config.host} port {config.port}: {error.strerror or error}") from error
        # A reflector at a loopback address reads this machine's clock: nothing to synchronise.
        one_clock = ipaddress.ip_address(address[0]).is_loopback
        session = Session(
            timeout=config.timeout,
            error=self._error(),
            one_clock=one_clock,
            id=secrets.randbelow(0xFFFF) + 1,
            size=config.size,
        )
        return _Probe(sock, session, config, clock=self._clock, error=self._error, bury=self._bury)

    async def _batches(self, probe: _Probe) -> AsyncIterator[Batch]:
        builder = BatchBuilder()
        while True:
            outcomes = await probe.outcomes()
            self._tally.clock_offset = probe.session.offset
            self._tally.dropped += probe.overflow()
            for outcome in outcomes:
                self._write(builder, outcome)
            if len(builder):
                self._tally.samples += len(builder)
                yield builder.build()

    def _write(self, builder: BatchBuilder, outcome: Outcome) -> None:
        for point in self._points:
            arrived, lost = MEASURES[point.address.measure]
            reading = lost if isinstance(outcome, Lost) else arrived(outcome)
            if reading is not None:
                value, quality = reading
                builder.add(
                    point.tag.path, outcome.sent, value, received=outcome.known, quality=quality, origin=point.origin
                )

    def _bury(self, data: bytes, reason: str) -> None:
        self._tally.dead_letters += 1
        subject = f"{self._config.host}:{self._config.port}"
        letter = DeadLetter(self._clock.now(), self.name, subject, reason, data[: DeadLetter.KEEP])
        self._dead_letters(letter)


class _Probe:
    """One opening: a session, its socket, and what is waiting to be read."""

    def __init__(
        self,
        sock: socket.socket,
        session: Session,
        config: sources.StampSource,
        *,
        clock: Clock,
        error: Callable[[], ErrorEstimate],
        bury: Callable[[bytes, str], None],
    ) -> None:
        self.session = session
        self._clock = clock
        self._error = error
        self._interval = max(config.interval, _FASTEST)
        self._silence = max(SILENT_TIMEOUTS * config.timeout, SILENT_PACKETS * self._interval)
        self._bury = bury
        self._heard = clock.monotonic()
        self._answered = asyncio.Event()
        self._ready = asyncio.Event()
        self._outcomes: deque[Outcome] = deque()
        self._overflow = 0
        self._failure: str | None = None
        self._endpoint = Endpoint(sock, on_datagram=self._receive, on_error=self._refused)

    async def run(self) -> None:
        """Send at the interval until the link is gone; a late tick does not delay the next ones."""
        begin = self._clock.monotonic()
        tick, reported = 0, begin
        while self._failure is None:
            now = self._clock.monotonic()
            self._endpoint.send(self.session.send(now=self._clock.now(), monotonic=now))
            if now - reported >= REPORT or self._interval >= REPORT:
                reported = now
                self._report()
            if now - self._heard > self._silence:
                self._fail(f"nothing came back for {now - self._heard:.1f} s")
            tick = max(tick + 1, int((now - begin) / self._interval))
            await self._clock.sleep(begin + tick * self._interval - self._clock.monotonic())

    async def answered(self) -> None:
        """Wait for the first packet to come back. Raises Disconnected when none does."""
        await self._answered.wait()
        if self._failure is not None:
            raise Disconnected(self._failure)

    async def outcomes(self) -> list[Outcome]:
        """Wait for outcomes and take them. Raises Disconnected once the link is gone and all are taken."""
        await self._ready.wait()
        self._ready.clear()
        taken = list(self._outcomes)
        self._outcomes.clear()
        if self._failure is not None:
            if not taken:
                raise Disconnected(self._failure)
            self._ready.set()
        return taken

    def overflow(self) -> int:
        """Return how many outcomes were dropped for want of a reader since the last call."""
        dropped, self._overflow = self._overflow, 0
        return dropped

    def close(self) -> None:
        self._endpoint.close()

    def _receive(self, datagram: Datagram) -> None:
        now = self._clock.now() - datagram.age
        monotonic = self._clock.monotonic() - datagram.age / 1e9
        try:
            self.session.receive(datagram.data, now=now, monotonic=monotonic)
        except ValueError as error:
            self._bury(datagram.data, str(error))
            return
        self._heard = max(self._heard, monotonic)
        self._answered.set()

    def _report(self) -> None:
        self.session.error = self._error()  # a clock may find or lose its time server while we run
        self.session.expire(now=self._clock.now(), monotonic=self._clock.monotonic())
        self._outcomes.extend(self.session.take())
        while len(self._outcomes) > _QUEUE:
            self._outcomes.popleft()
            self._overflow += 1
        if self._outcomes:
            self._ready.set()

    def _refused(self, error: OSError) -> None:
        self._fail(f"the reflector is not there: {error.strerror or error}")

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._report()
        self._answered.set()
        self._ready.set()
