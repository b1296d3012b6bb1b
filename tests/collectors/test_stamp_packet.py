"""Our STAMP packets against scapy's, both ways, and the arithmetic of their timestamps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib import stamp as scapy_stamp

from collectors.stamp.packet import (
    SIZE,
    ErrorEstimate,
    ReflectorPacket,
    SenderPacket,
    Sync,
    TimestampFormat,
    decode_time,
    encode_time,
)
from plant.clock import SECOND

u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
estimates = st.builds(
    ErrorEstimate, st.sampled_from(Sync), st.sampled_from(TimestampFormat), st.integers(0, 63), st.integers(1, 255)
)
senders = st.builds(SenderPacket, u32, u64, estimates, u16)
reflectors = st.builds(
    ReflectorPacket,
    sequence=u32,
    timestamp=u64,
    error=estimates,
    received=u64,
    sender_sequence=u32,
    sender_timestamp=u64,
    sender_error=estimates,
    sender_ttl=st.integers(0, 255),
    session=u16,
)
moments = st.integers(0, 2**62)


def scapy_estimate(error: ErrorEstimate) -> scapy_stamp.ErrorEstimate:
    return scapy_stamp.ErrorEstimate(S=error.sync, Z=error.format, scale=error.scale, multiplier=error.multiplier)


def fields(error: scapy_stamp.ErrorEstimate) -> tuple[int, int, int, int]:
    return error.S, error.Z, error.scale, error.multiplier


@given(senders, st.integers(SIZE, 200))
def test_a_sender_packet_survives_its_bytes_at_any_size(packet: SenderPacket, size: int) -> None:
    data = packet.to_bytes(size)
    assert len(data) == size
    assert SenderPacket.from_bytes(data) == packet


@given(reflectors, st.binary(max_size=20))
def test_a_reflected_packet_survives_its_bytes_with_any_padding(packet: ReflectorPacket, padding: bytes) -> None:
    assert ReflectorPacket.from_bytes(packet.to_bytes(padding)) == packet


@given(senders)
def test_scapy_reads_in_our_sender_packet_what_we_wrote(packet: SenderPacket) -> None:
    seen = scapy_stamp.STAMPSessionSenderTestUnauthenticated(packet.to_bytes())
    assert (seen.seq, seen.ssid, seen.mbz) == (packet.sequence, packet.session, 0)
    error = packet.error
    assert fields(seen.err_estimate) == (error.sync, error.format, error.scale, error.multiplier)


def test_scapy_reads_our_filling_as_an_extra_padding_tlv() -> None:
    data = SenderPacket(1, encode_time(0), ErrorEstimate()).to_bytes(100)
    [tlv] = scapy_stamp.STAMPSessionSenderTestUnauthenticated(data).tlv_objects
    assert (tlv.type, tlv.len) == (1, 100 - SIZE - 4)


@given(u32, u32, st.integers(0, 2**32 - 1), estimates, u16)
def test_we_read_in_scapys_sender_packet_what_it_wrote(
    sequence: int, seconds: int, fraction: int, error: ErrorEstimate, session: int
) -> None:
    raw = seconds << 32 | fraction
    made = scapy_stamp.STAMPSessionSenderTestUnauthenticated(
        seq=sequence, ssid=session, err_estimate=scapy_estimate(error)
    )
    made.setfieldval("ts", raw) if error.format is TimestampFormat.PTP else made.fields.update(ts=raw)
    assert SenderPacket.from_bytes(bytes(made)) == SenderPacket(sequence, raw, error, session)


@given(reflectors)
def test_scapy_reads_in_our_reflected_packet_what_we_wrote(packet: ReflectorPacket) -> None:
    seen = scapy_stamp.STAMPSessionReflectorTestUnauthenticated(packet.to_bytes())
    assert (seen.seq, seen.ssid) == (packet.sequence, packet.session)
    assert (seen.seq_sender, seen.ttl_sender) == (packet.sender_sequence, packet.sender_ttl)
    for theirs, ours in ((seen.err_estimate, packet.error), (seen.err_estimate_sender, packet.sender_error)):
        assert fields(theirs) == (ours.sync, ours.format, ours.scale, ours.multiplier)
    assert (seen.mbz1, seen.mbz2) == (0, 0)


@given(reflectors)
def test_we_read_in_scapys_reflected_packet_what_it_wrote(packet: ReflectorPacket) -> None:
    made = scapy_stamp.STAMPSessionReflectorTestUnauthenticated(
        seq=packet.sequence,
        ssid=packet.session,
        err_estimate=scapy_estimate(packet.error),
        seq_sender=packet.sender_sequence,
        err_estimate_sender=scapy_estimate(packet.sender_error),
        ttl_sender=packet.sender_ttl,
    )
    made.fields.update(ts=packet.timestamp, ts_rx=packet.received, ts_sender=packet.sender_timestamp)
    assert ReflectorPacket.from_bytes(bytes(made)) == packet


@given(st.integers(0, 2_000_000_000 * SECOND))
def test_scapy_reads_our_ntp_time_as_the_same_instant(time: int) -> None:
    packet = SenderPacket(0, encode_time(time), ErrorEstimate())
    seen = scapy_stamp.STAMPSessionSenderTestUnauthenticated(packet.to_bytes())
    assert abs((seen.ts - 2_208_988_800) * SECOND - time) < 1


@given(moments, st.sampled_from(TimestampFormat), st.integers(-30 * 365 * 86_400, 30 * 365 * 86_400))
def test_a_time_survives_its_wire_form_to_the_nanosecond_in_any_era(
    time: int, style: TimestampFormat, apart: int
) -> None:
    assert decode_time(encode_time(time, style), style, near=time + apart * SECOND) == time


@given(st.floats(0, 2**31, allow_nan=False), st.sampled_from(Sync))
def test_an_error_estimate_never_understates_and_overstates_by_less_than_a_hundredth(
    seconds: float, sync: Sync
) -> None:
    estimate = ErrorEstimate.of(seconds, sync)
    assert estimate.sync is sync
    assert seconds <= estimate.seconds <= max(seconds * 1.01, 2.0**-32)


@given(estimates)
def test_an_error_estimate_survives_its_16_bits(error: ErrorEstimate) -> None:
    assert ErrorEstimate.from_wire(error.wire) == error


@pytest.mark.parametrize("read", [SenderPacket.from_bytes, ReflectorPacket.from_bytes])
def test_a_short_packet_and_a_zero_multiplier_are_refused(read) -> None:
    with pytest.raises(ValueError, match="too short"):
        read(bytes(43))
    with pytest.raises(ValueError, match="multiplier"):
        read(bytes(44))


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_read_or_refused_but_never_crash(data: bytes) -> None:
    for read in (SenderPacket.from_bytes, ReflectorPacket.from_bytes):
        try:
            read(data)
        except ValueError:
            continue
