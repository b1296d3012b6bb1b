"""The host's bookkeeping and the payload reader, without a network: order, births, deaths, any bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.client import Message
from collectors.mqtt.payload import Unreadable
from collectors.mqtt.sparkplug_host import ASK_EVERY, MOST_HELD, Host
from collectors.mqtt.sparkplug_payload import DataType, decode, rebirth_request
from collectors.source import Point, Tally
from configs.sources import SparkplugAddress
from plant.batch import BatchBuilder, Sample
from plant.clock import SECOND
from plant.quality import Quality
from plant.tags import Kind, Tag

NOW = 1_750_000_000 * SECOND
REORDER = 2.0


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


def number(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def block(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def double(value: float) -> bytes:
    return varint(13 << 3 | 1) + struct.pack("<d", value)


def metric(*, name: str = "", alias: int | None = None, value: bytes = b"", datatype: int = 10) -> bytes:
    parts = [block(1, name.encode()) if name else b"", b"" if alias is None else number(2, alias)]
    return block(2, b"".join(parts) + (number(4, datatype) if datatype else b"") + value)


def payload(*metrics: bytes, seq: int | None) -> bytes:
    return number(1, NOW // 10**6) + b"".join(metrics) + (b"" if seq is None else number(3, seq))


@dataclass
class Bench:
    """A host with two tags, and what came out of it."""

    tally: Tally = field(default_factory=Tally)
    aside: list = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.rows = BatchBuilder()
        self.host = Host(
            [self.point("v", "d"), self.point("n", None)],
            tally=self.tally,
            set_aside=lambda message, reason: self.aside.append(reason),
            reorder=REORDER,
        )
        self.host.begin(-ASK_EVERY)
        self.host.requests.clear()

    def point(self, name: str, device: str | None) -> Point[SparkplugAddress]:
        address = SparkplugAddress(group="g", node="e", device=device, metric=name)
        return Point(Tag(path=f"s/c/l/x/{name}", kind=Kind.ANALOG), address)

    def take(self, kind: str, content: bytes, *, retain: bool = False) -> None:
        place = f"spBv1.0/g/{kind}/e" + ("/d" if kind.startswith("D") else "")
        self.host.take(Message(place, content, 0, 0, retain, NOW), self.rows, now=self.now)

    def birth(self, *, bd_seq: int = 0) -> None:
        births = (
            metric(name="bdSeq", value=number(11, bd_seq), datatype=8),
            metric(name="n", alias=1, value=double(0)),
        )
        self.take("NBIRTH", payload(*births, seq=0))
        self.take("DBIRTH", payload(metric(name="v", alias=2, value=double(0)), seq=1))

    def data(self, seq: int, value: float) -> None:
        self.take("DDATA", payload(metric(alias=2, value=double(value), datatype=0), seq=seq))

    def out(self) -> list[Sample]:
        return list(self.rows.build().samples())

    def values(self) -> list:
        return [s.value for s in self.out() if s.path.endswith("/v")]


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.birth()
    assert [s.value for s in bench.out()] == [0.0, 0.0]
    return bench


class TestOrder:
    @given(st.permutations(range(6)))
    def test_messages_in_any_order_come_out_in_the_order_they_were_sent(self, order: list[int]) -> None:
        bench = Bench()
        bench.birth()
        bench.out()
        for number_ in order:
            bench.data(2 + number_, float(number_))
        assert bench.values() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        assert bench.tally.gaps == 0
        assert bench.host.deadline is None

    def test_the_sequence_wraps_after_255(self, bench: Bench) -> None:
        for n in range(600):
            bench.data((2 + n) % 256, float(n))
        assert bench.values() == [float(n) for n in range(600)]
        assert not bench.host.requests

    def test_a_missing_message_is_waited_for_only_so_long(self, bench: Bench) -> None:
        bench.now = 10.0
        bench.data(3, 3.0)
        bench.now = 11.0
        bench.data(5, 5.0)
        assert bench.host.deadline == 10.0 + REORDER
        bench.host.expire(bench.rows, now=11.9)
        assert bench.values() == []
        bench.host.expire(bench.rows, now=12.0)
        assert bench.values() == [3.0, 5.0]
        assert bench.tally.gaps == 1
        assert bench.host.requests == {("g", "e")}
        bench.data(6, 6.0)
        assert bench.values() == [6.0]

    def test_messages_held_back_are_bounded(self, bench: Bench) -> None:
        for n in range(MOST_HELD + 1):
            bench.data(3 + n, float(n))
        assert len(bench.values()) == MOST_HELD + 1
        assert bench.tally.gaps == 1

    def test_requests_for_rebirth_do_not_flood_the_node(self) -> None:
        bench = Bench()
        asked = 0
        for second in range(20):
            bench.now = float(second)
            bench.data(0, 1.0)
            asked += len(bench.host.requests)
            bench.host.requests.clear()
        assert asked == 20 / ASK_EVERY
        assert bench.tally.dropped == 20


class TestLife:
    def test_a_death_of_an_older_session_is_ignored(self, bench: Bench) -> None:
        bench.birth(bd_seq=1)
        bench.out()
        bench.take("NDEATH", payload(metric(name="bdSeq", value=number(11, 0), datatype=8), seq=None))
        assert bench.out() == []
        bench.take("NDEATH", payload(metric(name="bdSeq", value=number(11, 1), datatype=8), seq=None))
        assert [s.quality for s in bench.out()] == [Quality.BAD_NO_COMMUNICATION] * 2

    def test_a_new_session_without_a_death_loses_the_devices_until_they_are_born(self, bench: Bench) -> None:
        bench.take("NBIRTH", payload(metric(name="bdSeq", value=number(11, 9), datatype=8), seq=0))
        assert ("s/c/l/x/v", Quality.BAD_NO_COMMUNICATION) in [(s.path, s.quality) for s in bench.out()]

    def test_a_rebirth_in_the_same_session_loses_nothing(self, bench: Bench) -> None:
        bench.birth()
        assert [s.quality for s in bench.out()] == [Quality.GOOD] * 2

    def test_data_of_a_device_that_is_dead_is_not_believed(self, bench: Bench) -> None:
        bench.take("DDEATH", payload(seq=2))
        assert [s.quality for s in bench.out()] == [Quality.BAD_NO_COMMUNICATION]
        bench.data(3, 1.0)
        assert bench.out() == []
        assert "never born" in bench.aside[0]
        assert bench.host.requests

    def test_what_a_broker_has_retained_is_not_live(self, bench: Bench) -> None:
        bench.take("DDATA", payload(metric(alias=2, value=double(5.0)), seq=2), retain=True)
        assert bench.out() == []
        assert bench.aside == ["retained"]


class TestPayload:
    @given(st.binary(max_size=300))
    def test_any_bytes_are_a_payload_or_unreadable(self, content: bytes) -> None:
        try:
            found = decode(content)
        except Unreadable:
            return
        for found_metric in found.metrics:
            for datatype in range(24):
                try:
                    found_metric.value(datatype)
                except Unreadable:
                    continue

    @given(st.binary(max_size=60), st.integers(0, 200))
    def test_a_damaged_birth_never_raises_anything_else(self, noise: bytes, at: int) -> None:
        bench = Bench()
        whole = payload(metric(name="bdSeq", value=number(11, 3), datatype=8), metric(name="n", value=double(1)), seq=0)
        bench.take("NBIRTH", whole[: at % len(whole)] + noise)
        bench.data(1, 1.0)

    @given(st.sampled_from(list(DataType)), st.integers(0, 2**64 - 1))
    def test_integers_keep_to_the_range_of_their_type(self, datatype: DataType, raw: int) -> None:
        wire = number(11, raw)
        (found,) = decode(payload(metric(name="x", value=wire, datatype=datatype), seq=0)).metrics
        signed = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
        if datatype in signed:
            half = 1 << signed[datatype] - 1
            value = found.value(datatype)
            assert -half <= value < half
            assert (value - raw) % (2 * half) == 0

    @pytest.mark.parametrize(
        "content",
        [b"\x12\xff\xff\xff\xff\x0f", b"\x0b", b"\x00\x01", b"\x08" + b"\xff" * 11, b"\x18\x80\x02", b"\x2a\x01x"],
    )
    def test_lies_about_length_groups_and_foreign_bodies_are_refused(self, content: bytes) -> None:
        with pytest.raises(Unreadable):
            decode(content)

    def test_the_request_for_rebirth_is_itself_a_payload(self) -> None:
        (found,) = decode(rebirth_request(NOW)).metrics
        assert (found.name, found.value(DataType.BOOLEAN), found.time) == ("Node Control/Rebirth", True, NOW)
