"""STAMP test packets of the unauthenticated mode, as bytes and as values; no network in here.

    sender     sequence u32 · timestamp u64 · error estimate u16 · session id u16 · 28 zero octets
    reflector  sequence u32 · timestamp u64 · error estimate u16 · session id u16 · receive timestamp u64
               · sender's sequence u32 · sender's timestamp u64 · sender's error estimate u16 · 2 zero octets
               · sender's TTL u8 · 3 zero octets

Both are 44 octets, so the reply to a packet is never longer than the packet. Timestamps stay
in their 64-bit wire form inside the packet, because a reflector must return the sender's
untouched and a sender recognises its own packet by it; `encode_time` and `decode_time`
translate. Sources: RFC 8762 §4.2–4.3, RFC 8972 §3 (session id, extra padding), RFC 4656
§4.1.2 (error estimate), RFC 8186 (PTPv2 truncated format).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum

from plant.clock import SECOND

SIZE = 44
"""Octets of either packet without padding."""

_SENDER = struct.Struct(">IQHH28x")
_REFLECTOR = struct.Struct(">IQHHQIQH2xB3x")
_NTP_TO_UNIX = 2_208_988_800  # seconds from 1900 to 1970
_ERA = 2**32  # seconds after which either format starts again
_EXTRA_PADDING = struct.Struct(">BBH")  # RFC 8972 §4.1: flags, type 1, length
_UNRECOGNISED, _PADDING_TYPE = 0x80, 1


class TimestampFormat(IntEnum):
    """How a packet's timestamps are written: the Z bit of its error estimate."""

    NTP = 0
    PTP = 1


class Sync(IntEnum):
    """Whether the clock follows UTC by an external source: the S bit of an error estimate."""

    UNSYNCHRONISED = 0
    SYNCHRONISED = 1


@dataclass(frozen=True, slots=True)
class ErrorEstimate:
    """How wrong a packet's timestamps may be: `multiplier` · 2**(`scale` − 32) seconds."""

    sync: Sync = Sync.UNSYNCHRONISED
    format: TimestampFormat = TimestampFormat.NTP
    scale: int = 0
    multiplier: int = 1

    @staticmethod
    def of(seconds: float, sync: Sync, format: TimestampFormat = TimestampFormat.NTP) -> ErrorEstimate:  # noqa: A002
        """Return the smallest estimate that is not less than `seconds`."""
        steps = max(seconds, 0.0) * 2.0**32
        scale = max(0, math.ceil(math.log2(steps / 255))) if steps > 255 else 0
        multiplier = max(1, math.ceil(steps / 2.0**scale))
        return ErrorEstimate(sync, format, scale, multiplier) if scale < 64 else ErrorEstimate(sync, format, 63, 255)

    @staticmethod
    def from_wire(word: int) -> ErrorEstimate:
        """Read the 16-bit field. Raises ValueError when the multiplier is 0, which means a corrupt packet."""
        if not word & 0xFF:
            raise ValueError("the error estimate's multiplier is 0")
        return ErrorEstimate(Sync(word >> 15), TimestampFormat(word >> 14 & 1), word >> 8 & 0x3F, word & 0xFF)

    @property
    def wire(self) -> int:
        """The 16-bit field."""
        return self.sync << 15 | self.format << 14 | self.scale << 8 | self.multiplier

    @property
    def seconds(self) -> float:
        """The estimate in seconds."""
        return math.ldexp(self.multiplier, self.scale - 32)


@dataclass(frozen=True, slots=True)
class SenderPacket:
    """What a session-sender sends. `timestamp`: wire form."""

    sequence: int
    timestamp: int
    error: ErrorEstimate
    session: int = 0

    def to_bytes(self, size: int = SIZE) -> bytes:
        """Write the packet, filled up to `size` octets with one extra-padding TLV.

        One to three octets cannot hold a TLV and are zero.
        """
        head = _SENDER.pack(self.sequence, self.timestamp, self.error.wire, self.session)
        spare = size - SIZE
        if spare >= _EXTRA_PADDING.size:
            head += _EXTRA_PADDING.pack(_UNRECOGNISED, _PADDING_TYPE, spare - _EXTRA_PADDING.size)
        return head.ljust(size, b"\0")

    @staticmethod
    def from_bytes(data: bytes) -> SenderPacket:
        """Read a packet; octets after the first 44 are padding. Raises ValueError on anything else."""
        if len(data) < SIZE:
            raise ValueError(f"{len(data)} octets are too short for a STAMP packet")
        sequence, timestamp, error, session = _SENDER.unpack_from(data)
        return SenderPacket(sequence, timestamp, ErrorEstimate.from_wire(error), session)


@dataclass(frozen=True, slots=True)
class ReflectorPacket:
    """What a session-reflector returns. Timestamps in wire form.

    `received` (T2) and `timestamp` (T3) are the reflector's and in its format; the
    `sender_…` fields are the sender's own, returned untouched.
    """

    sequence: int
    timestamp: int
    error: ErrorEstimate
    received: int
    sender_sequence: int
    sender_timestamp: int
    sender_error: ErrorEstimate
    sender_ttl: int = 255
    session: int = 0

    def to_bytes(self, padding: bytes = b"") -> bytes:
        """Write the packet, followed by the `padding` the sender's packet came with."""
        fixed = _REFLECTOR.pack(
            self.sequence,
            self.timestamp,
            self.error.wire,
            self.session,
            self.received,
            self.sender_sequence,
            self.sender_timestamp,
            self.sender_error.wire,
            self.sender_ttl,
        )
        return fixed + padding

    @staticmethod
    def from_bytes(data: bytes) -> ReflectorPacket:
        """Read a packet; octets after the first 44 are padding. Raises ValueError on anything else."""
        if len(data) < SIZE:
            raise ValueError(f"{len(data)} octets are too short for a reflected STAMP packet")
        sequence, timestamp, error, session, received, *sender, ttl = _REFLECTOR.unpack_from(data)
        sender_sequence, sender_timestamp, sender_error = sender
        return ReflectorPacket(
            sequence,
            timestamp,
            ErrorEstimate.from_wire(error),
            received,
            sender_sequence,
            sender_timestamp,
            ErrorEstimate.from_wire(sender_error),
            ttl,
            session,
        )


def encode_time(time: int, format: TimestampFormat = TimestampFormat.NTP) -> int:  # noqa: A002
    """Write ns since 1970 UTC in 64 bits; the era is lost, `decode_time` finds it again."""
    seconds, ns = divmod(time, SECOND)
    if format is TimestampFormat.PTP:
        return seconds % _ERA << 32 | ns
    return (seconds + _NTP_TO_UNIX) % _ERA << 32 | ((ns << 32) + SECOND // 2) // SECOND


def decode_time(wire: int, format: TimestampFormat, *, near: int) -> int:  # noqa: A002
    """Read a 64-bit timestamp into ns since 1970 UTC, in the era closest to `near` (ns).

    PTP seconds are taken as they stand. A reflector that writes TAI is seen 37 s ahead,
    which shows as a clock offset and not as a delay.
    """
    seconds, fraction = wire >> 32, wire & 0xFFFFFFFF
    if format is TimestampFormat.PTP:
        ns = fraction
    else:
        seconds -= _NTP_TO_UNIX
        ns = (fraction * SECOND + 2**31) >> 32
    time = seconds * SECOND + ns
    era = _ERA * SECOND
    return time + (near - time + era // 2) // era * era
