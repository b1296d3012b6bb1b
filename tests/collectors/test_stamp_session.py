"""What a session concludes from packets that come back, come back wrong, or do not come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.stamp.packet import ErrorEstimate, ReflectorPacket, SenderPacket, Sync, decode_time, encode_time
from collectors.stamp.session import Arrived, Lost, Residence, Session, Trust
from plant.clock import MICROSECOND, MILLISECOND, SECOND

START = 1_700_000_000 * SECOND
SYNCED = ErrorEstimate.of(0.0001, Sync.SYNCHRONISED)
UNSYNCED = ErrorEstimate.of(16.0, Sync.UNSYNCHRONISED)


class Link:
    """A session and a reflector whose clock is `skew` ns ahead, joined by delays the test chooses (ns)."""

    def __init__(self, *, one_clock: bool = False, error: ErrorEstimate = SYNCED, skew: int = 0) -> None:
        self.session = Session(timeout=1.0, error=error, one_clock=one_clock, id=7, size=44)
        self.error = error
        self.skew = skew
        self.now = START

    def send(self) -> bytes:
        return self.session.send(now=self.now, monotonic=self.monotonic)

    @property
    def monotonic(self) -> float:
        return (self.now - START) / SECOND

    def reply(self, request: bytes, *, up: int, hold: int = 0) -> bytes:
        packet = SenderPacket.from_bytes(request)
        sent = decode_time(packet.timestamp, packet.error.format, near=self.now)
        return ReflectorPacket(
            sequence=packet.sequence,
            timestamp=encode_time(sent + up + hold + self.skew),
            error=self.error,
            received=encode_time(sent + up + self.skew),
            sender_sequence=packet.sequence,
            sender_timestamp=packet.timestamp,
            sender_error=packet.error,
        ).to_bytes()

    def receive(self, data: bytes) -> None:
        self.session.receive(data, now=self.now, monotonic=self.monotonic)

    def exchange(self, *, up: int, down: int, hold: int = 0) -> None:
        reply = self.reply(self.send(), up=up, hold=hold)
        self.now += up + hold + down
        self.receive(reply)

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        self.session.expire(now=self.now, monotonic=self.monotonic)

    def arrived(self) -> list[Arrived]:
        outcomes = self.session.take()
        assert all(isinstance(o, Arrived) for o in outcomes)
        return outcomes


delays = st.integers(0, 300 * MILLISECOND)


@given(delays, delays, delays, st.integers(-(10**15), 10**15))
def test_round_trip_excludes_residence_and_needs_no_synchronisation(up: int, hold: int, down: int, skew: int) -> None:
    link = Link(error=UNSYNCED, skew=skew)
    link.exchange(up=up, down=down, hold=hold)
    [packet] = link.arrived()
    assert packet.rtt == pytest.approx((up + down) / MICROSECOND, abs=0.01)
    assert packet.residence is Residence.KNOWN


@given(delays, delays)
def test_synchronised_clocks_give_one_way_delays_with_the_sum_of_both_errors(up: int, down: int) -> None:
    link = Link()
    link.exchange(up=up, down=down)
    [packet] = link.arrived()
    assert (packet.up, packet.down) == pytest.approx((up / 1000, down / 1000), abs=0.01)
    assert packet.clock_error == pytest.approx(2 * SYNCED.seconds * 1e6)
    assert packet.trust is Trust.SYNCHRONISED


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=20), st.integers(-(10**13), 10**13))
def test_an_estimated_offset_is_within_the_error_it_states(trips: list[tuple[int, int]], skew: int) -> None:
    link = Link(error=UNSYNCED, skew=skew)
    for up, down in trips:
        link.exchange(up=up, down=down)
    last = link.arrived()[-1]
    assert last.trust is Trust.ESTIMATED
    assert abs(link.session.offset * 1e6 - skew / 1000) <= last.clock_error + 0.01
    up, down = trips[-1]
    assert abs(last.up - up / 1000) <= last.clock_error + 0.01
    assert abs(last.down - down / 1000) <= last.clock_error + 0.01


def test_synchronisation_that_packets_contradict_is_not_believed() -> None:
    link = Link(skew=-37 * SECOND)
    link.exchange(up=2 * MILLISECOND, down=2 * MILLISECOND)
    [packet] = link.arrived()
    assert packet.trust is Trust.ESTIMATED
    assert link.session.offset == pytest.approx(-37.0)
    assert packet.up == pytest.approx(2000, abs=0.01)


def test_one_machine_needs_no_synchronisation() -> None:
    link = Link(one_clock=True, error=UNSYNCED)
    link.exchange(up=5 * MILLISECOND, down=1 * MILLISECOND)
    [packet] = link.arrived()
    assert (packet.up, packet.down, packet.clock_error) == (5000.0, 1000.0, 0.0)
    assert packet.trust is Trust.ONE_CLOCK


def test_a_packet_not_back_in_time_is_lost_and_holds_back_only_until_then() -> None:
    link = Link()
    link.send()
    link.pass_time(0.1)
    link.exchange(up=MILLISECOND, down=MILLISECOND)
    assert link.session.take() == []
    link.pass_time(1.0)
    lost, arrived = link.session.take()
    assert isinstance(lost, Lost)
    assert isinstance(arrived, Arrived)
    assert (link.session.counts.sent, link.session.counts.lost, link.session.counts.arrived) == (2, 1, 1)


@pytest.mark.parametrize("taken", [False, True])
def test_a_late_packet_stays_lost_and_is_counted_late(taken: bool) -> None:
    link = Link()
    reply = link.reply(link.send(), up=MILLISECOND)
    link.pass_time(1.5)
    if taken:
        link.session.take()
    link.receive(reply)
    assert (link.session.counts.late, link.session.counts.arrived) == (1, 0)


def test_a_packet_read_after_its_timeout_is_lost_even_before_anyone_looked() -> None:
    link = Link()
    reply = link.reply(link.send(), up=MILLISECOND)
    link.now += 2 * SECOND
    link.receive(reply)
    link.pass_time(0.0)
    assert [type(o) for o in link.session.take()] == [Lost]


@pytest.mark.parametrize("taken", [False, True])
def test_a_duplicate_is_counted_and_changes_nothing(taken: bool) -> None:
    link = Link()
    reply = link.reply(link.send(), up=MILLISECOND)
    link.now += 2 * MILLISECOND
    link.receive(reply)
    first = link.session.take() if taken else []
    link.now += 5 * MILLISECOND
    link.receive(reply)
    [packet] = first or link.session.take()
    assert packet.rtt == pytest.approx(2000)
    assert link.session.counts.duplicate == 1
    assert link.session.take() == []


def test_a_reordered_packet_is_counted_and_outcomes_leave_in_the_order_of_sending() -> None:
    link = Link()
    replies = []
    for _ in range(3):
        replies.append(link.reply(link.send(), up=MILLISECOND))
        link.now += 10 * MILLISECOND
    for reply in (replies[2], replies[0], replies[1]):
        link.receive(reply)
    sent = [o.sent for o in link.session.take()]
    assert sent == sorted(sent)
    assert len(sent) == 3
    assert link.session.counts.reordered == 2


def test_an_answer_to_somebody_elses_packet_is_foreign() -> None:
    link, other = Link(), Link()
    other.now += 123
    link.send()
    link.receive(other.reply(other.send(), up=0))
    assert (link.session.counts.foreign, link.session.counts.arrived) == (1, 0)


def test_jitter_is_the_signed_change_and_undefined_next_to_a_loss() -> None:
    link = Link()
    for up in (1, 4, 2):
        link.exchange(up=up * MILLISECOND, down=0)
    link.send()
    link.pass_time(1.1)
    link.exchange(up=MILLISECOND, down=0)
    jitters = [o.jitter for o in link.session.take() if isinstance(o, Arrived)]
    assert jitters == [None, pytest.approx(3000), pytest.approx(-2000), None]


def test_a_reflector_that_claims_more_residence_than_time_passed_is_uncertain() -> None:
    link = Link()
    reply = link.reply(link.send(), up=0, hold=5 * SECOND)
    link.now += 3 * MILLISECOND
    link.receive(reply)
    [packet] = link.arrived()
    assert packet.residence is Residence.CONTRADICTORY
    assert packet.rtt == pytest.approx(3000)


def test_the_sequence_goes_on_after_32_bits() -> None:
    link = Link()
    link.session._next = 2**32 - 2
    for _ in range(4):
        link.exchange(up=MILLISECOND, down=MILLISECOND)
    assert len(link.arrived()) == 4
    assert link.session.counts.reordered == 0
