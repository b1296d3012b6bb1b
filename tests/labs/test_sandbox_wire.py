"""The tap on the wire: messages are cut alike however the stream comes in pieces, and no octets make it fail."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.sandboxes import Direction
from plant.clock import VirtualClock
from provenline.sandbox.decoding import decoded
from provenline.sandbox.wire import TAPPED, Caught, Cutter, Talk, Tap

READ = bytes.fromhex("000700000006020300100002")
ANSWER = bytes.fromhex("000700000007020304001100ff")
REFUSED = bytes.fromhex("000700000003028302")
CONNECT = bytes.fromhex("101000044d5154540402003c0004") + b"edge"
PUBLISH = b"\x30\x14\x00\x0acell/state" + b'{"v":42}'
STREAMS = {"modbus": [READ, ANSWER, REFUSED, READ], "mqtt": [CONNECT, PUBLISH, b"\xc0\x00", PUBLISH]}


def cut(scheme: str, pieces: list[bytes]) -> list[bytes]:
    cutter = Cutter(scheme)
    return [octets for piece in pieces for octets, _ in cutter.cut(piece)]


@given(scheme=st.sampled_from(sorted(STREAMS)), at=st.lists(st.integers(1, 60), max_size=8))
def test_messages_are_the_same_however_the_stream_is_cut(scheme: str, at: list[int]) -> None:
    stream = b"".join(STREAMS[scheme])
    places = sorted({0, len(stream), *(place for place in at if place < len(stream))})
    assert cut(scheme, [stream[a:b] for a, b in pairwise(places)]) == STREAMS[scheme]


@given(scheme=st.sampled_from(sorted(TAPPED)), pieces=st.lists(st.binary(max_size=300), max_size=6))
def test_no_octets_make_the_tap_or_the_decoding_fail(scheme: str, pieces: list[bytes]) -> None:
    tap, cutter, talk = Tap(VirtualClock()), Cutter(scheme), Talk("s", scheme)
    for number, piece in enumerate(pieces):
        for octets, size in cutter.cut(piece):
            tap.catch(talk, list(Direction)[number % 2], octets, size)
    for caught in tap.after(0, 10_000):
        assert decoded(caught).source == "s"


@pytest.mark.parametrize("scheme", sorted(TAPPED))
def test_long_messages_are_kept_by_their_begin_and_the_next_is_found(scheme: str) -> None:
    body = b"x" * 20_000
    long = {
        "modbus": b"\x00\x01\x00\x00" + (20_000).to_bytes(2, "big") + body,
        "opc.tcp": b"MSGF" + (20_008).to_bytes(4, "little") + body,
        "mqtt": b"\x30" + bytes([0xA0, 0x9C, 0x01]) + body,
    }[scheme]
    pieces = [(long * 2)[i : i + 999] for i in range(0, 2 * len(long), 999)]
    cutter = Cutter(scheme)
    found = [size for piece in pieces for _, size in cutter.cut(piece)]
    assert found == [len(long)] * 2


def say(*messages: tuple[Direction, bytes], scheme: str) -> list[Caught]:
    tap, talk = Tap(VirtualClock()), Talk("s", scheme)
    for direction, octets in messages:
        tap.catch(talk, direction, octets, len(octets))
    return tap.after(0, 100)


def test_an_answer_of_registers_is_shown_with_the_addresses_that_were_asked_for() -> None:
    asked, answered = say((Direction.SENT, READ), (Direction.RECEIVED, ANSWER), scheme="modbus")
    assert decoded(asked).summary == "unit 2 · Read Holding Registers · 16…17"
    assert dict(decoded(answered).fields) | {"16": "17 (0x0011)", "17": "255 (0x00FF)"} == dict(
        decoded(answered).fields
    )


def test_an_exception_of_a_unit_is_shown_by_its_name() -> None:
    _, refused = say((Direction.SENT, READ), (Direction.RECEIVED, REFUSED), scheme="modbus")
    assert "exception 2 ILLEGAL DATA ADDRESS" in decoded(refused).summary


def test_a_published_message_is_shown_with_topic_and_payload() -> None:
    connect, published = say((Direction.SENT, CONNECT), (Direction.RECEIVED, PUBLISH), scheme="mqtt")
    assert "edge" in decoded(connect).summary
    assert dict(decoded(published).fields)["payload"] == '{"v":42}'


def test_what_is_kept_is_bounded_and_counts_are_for_good() -> None:
    tap, talk = Tap(VirtualClock()), Talk("plc", "modbus")
    for _ in range(9_000):
        tap.catch(talk, Direction.SENT, READ, len(READ))
    assert len(tap.after(0, 100_000)) == 4_000
    assert tap.counts == {"plc": 9_000}


OPEN = b"OPNF" + (200).to_bytes(4, "little") + bytes(4)
POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#"


@pytest.mark.parametrize(("policy", "said"), [(b"Basic256Sha256", "encrypted message"), (b"None", "?")])
def test_what_an_opcua_channel_keeps_secret_is_called_so_and_what_makes_no_sense_is_not(
    policy: bytes, said: str
) -> None:
    uri = POLICY + policy
    opening = (OPEN + len(uri).to_bytes(4, "little") + uri).ljust(200, b"\x07")
    sealed = b"MSGF" + (64).to_bytes(4, "little") + b"\x9d" * 56
    opened, kept = say((Direction.SENT, opening), (Direction.SENT, sealed), scheme="opc.tcp")
    assert decoded(opened).summary == f"OpenSecureChannel · {policy.decode()}"
    assert decoded(kept).summary == said
