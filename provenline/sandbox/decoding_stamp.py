"""STAMP test packets in words (RFC 8762 §4.2–4.3): sequence numbers, and the times from which delays are worked out.

A packet that went and never came back is a lost one: the list shows its sequence number once.
"""

from __future__ import annotations

from datetime import UTC, datetime

from collectors.stamp.packet import ErrorEstimate, ReflectorPacket, SenderPacket, Sync, decode_time
from labs.sandboxes import Direction
from plant.clock import SECOND
from provenline.sandbox.meaning import Fields, Meaning
from provenline.sandbox.wire import Caught


def stamp(caught: Caught) -> Meaning:
    """Return what a STAMP packet says. Raises ValueError for one that is too short or corrupt."""
    if caught.direction is Direction.SENT:
        sent = SenderPacket.from_bytes(caught.octets)
        told: Fields = (
            ("sequence", str(sent.sequence)),
            ("T1 sent", _time(sent.timestamp, sent.error, caught.time)),
            ("error estimate", _estimate(sent.error)),
            ("session", str(sent.session)),
        )
        return Meaning(f"test packet {sent.sequence}", told)
    back = ReflectorPacket.from_bytes(caught.octets)
    fields: Fields = (
        ("sequence", str(back.sender_sequence)),
        ("T1 sent", _time(back.sender_timestamp, back.sender_error, caught.time)),
        ("T2 received", _time(back.received, back.error, caught.time)),
        ("T3 returned", _time(back.timestamp, back.error, caught.time)),
        ("sender's error estimate", _estimate(back.sender_error)),
        ("reflector's error estimate", _estimate(back.error)),
        ("reflector's sequence", str(back.sequence)),
    )
    return Meaning(f"test packet {back.sender_sequence} · reflected", fields)


def _time(wire: int, error: ErrorEstimate, near: int) -> str:
    time = decode_time(wire, error.format, near=near)
    whole, rest = divmod(time, SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest // 1000:06d} UTC"


def _estimate(error: ErrorEstimate) -> str:
    follows = "synchronised" if error.sync is Sync.SYNCHRONISED else "not synchronised"
    return f"{error.seconds:.3g} s, {follows}"
