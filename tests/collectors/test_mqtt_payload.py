"""Topics, pointers and payloads: checked against other implementations, and with any bytes at all."""

from __future__ import annotations

import json
import math

import jsonpointer
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

from collectors.mqtt.client import Client, Message, Pipe
from collectors.mqtt.payload import AHEAD, JsonReader, Pointer, Unreadable, parse
from collectors.mqtt.source import MqttSource
from collectors.mqtt.topics import TopicIndex, check_filter, covers, widest
from collectors.source import Point
from configs import sources as configs
from configs.sources import MqttAddress
from plant.batch import BatchBuilder, Origin
from plant.clock import SECOND, VirtualClock
from plant.quality import Quality
from plant.tags import Kind, Tag

NOW = 1_750_000_000 * SECOND
level = st.sampled_from(["a", "b", "", "$SYS", "x.y", "("])
topics = st.lists(level, min_size=1, max_size=4).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(level | st.just("+"), max_size=4), st.sampled_from([[], ["#"]]))
    .map(lambda parts: "/".join(parts[0] + parts[1]))
    .filter(bool)
)


def reader(pointer: str = "/v", kind: Kind = Kind.ANALOG, **address) -> JsonReader:
    return JsonReader(Point(Tag(path="s/c/l/d/v", kind=kind), MqttAddress(topic="t", pointer=pointer, **address)))


def read(document: object, *, retained: bool = False, pointer: str = "/v", kind: Kind = Kind.ANALOG, **address):
    return reader(pointer, kind, **address).read(document, received=NOW, retained=retained)


class TestTopics:
    @given(filters, topics)
    @example("#", "$SYS/a")
    @example("+/a", "$SYS/a")
    @example("a/#", "a")
    def test_a_filter_matches_as_paho_matches(self, topic_filter: str, topic: str) -> None:
        check_filter(topic_filter)
        assert bool(TopicIndex([(topic_filter, 1)]).match(topic)) == topic_matches_sub(topic_filter, topic)

    @given(st.lists(filters, max_size=5), topics)
    def test_the_widest_filters_bring_every_topic_the_whole_list_brings(self, wanted: list[str], topic: str) -> None:
        kept = widest(wanted)
        assert any(topic_matches_sub(f, topic) for f in kept) == any(topic_matches_sub(f, topic) for f in wanted)
        assert not any(covers(a, b) for a in kept for b in kept if a != b)

    @pytest.mark.parametrize("topic", ["", "a/#/b", "a#", "#/a", "a+", "+a/b", "a\0", "$share/g/t", "x" * 65_536])
    def test_what_no_broker_accepts_is_refused_before_asking(self, topic: str) -> None:
        with pytest.raises(ValueError, match=r"topic|'#'|'\+'|shared"):
            check_filter(topic)

    def test_entries_come_in_the_order_they_were_filed(self) -> None:
        index = TopicIndex([("#", 0), ("a/b", 1), ("+/b", 2), ("a/b", 3), ("c", 4)])
        assert index.match("a/b") == index.match("a/b") == (0, 1, 2, 3)


class TestPointers:
    documents = st.recursive(
        st.none() | st.integers(0, 9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab/~01"), inner, max_size=3),
        max_leaves=12,
    )
    steps = st.lists(st.sampled_from(["a", "b", "~1", "~0", "0", "1", "2", "01", "-", ""]), max_size=4)

    @given(documents, steps)
    def test_a_pointer_finds_what_the_reference_finds(self, document: object, parts: list[str]) -> None:
        text = "".join(f"/{part}" for part in parts)
        missing = object()
        try:
            found = Pointer(text).find(document)
        except Unreadable:
            found = missing
        try:
            expected = jsonpointer.resolve_pointer(document, text)
        except jsonpointer.JsonPointerException:
            expected = missing
        if isinstance(expected, jsonpointer.EndOfList) or expected is missing:
            assert found is missing
        else:
            assert found == expected

    @pytest.mark.parametrize("text", ["a", "/~", "/~2"])
    def test_what_is_no_pointer_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a JSON pointer"):
            Pointer(text)


class TestValues:
    @pytest.mark.parametrize("value", [True, 3, 2.5, 2**53 + 1, -0.0])
    def test_a_value_keeps_its_form(self, value: object) -> None:
        found = read({"v": value}).value
        assert found == value
        assert type(found) is type(value)

    def test_scale_and_offset_make_engineering_units_and_leave_booleans_alone(self) -> None:
        assert read({"v": 215}, scale=0.1, offset=-1.0).value == pytest.approx(20.5)
        assert read({"v": True}, scale=0.1).value is True

    def test_texts_become_the_numbers_they_stand_for(self) -> None:
        assert read({"v": "RUN"}, values={"RUN": 6.0}, kind=Kind.STATE).value == 6.0
        with pytest.raises(Unreadable, match="STOP"):
            read({"v": "STOP"}, values={"RUN": 6.0}, kind=Kind.STATE)

    @pytest.mark.parametrize("value", ["3", [1], {"a": 1}])
    def test_what_is_no_number_is_not_read_as_one(self, value: object) -> None:
        with pytest.raises(Unreadable):
            read({"v": value})

    def test_a_scaled_value_that_is_not_finite_is_refused(self) -> None:
        with pytest.raises(Unreadable, match="finite"):
            read({"v": 1e300}, scale=1e300)

    @pytest.mark.parametrize("text", [b"NaN", b"1e999", b"", b"{", b"\xff", b"[" * 5000])
    def test_what_is_not_json_is_refused(self, text: bytes) -> None:
        with pytest.raises(Unreadable, match="not JSON"):
            parse(text, limit=10_000)

    def test_the_limit_is_checked_before_parsing(self) -> None:
        with pytest.raises(Unreadable, match="limit"):
            parse(b"[" + b"1," * 200 + b"1]", limit=100)


class TestTimes:
    @pytest.mark.parametrize(
        ("unit", "raw"),
        [
            ("s", 1_700_000_000.25),
            ("ms", 1_700_000_000_250),
            ("us", 1_700_000_000_250_000),
            ("ns", 1_700_000_000_250_000_000),
            ("iso", "2023-11-15T06:13:20.250+08:00"),
        ],
    )
    def test_every_unit_names_the_same_moment(self, unit: str, raw: object) -> None:
        assert read({"v": 1, "t": raw}, time="/t", time_unit=unit).time == 1_700_000_000_250_000_000

    @pytest.mark.parametrize("raw", [0, -1, 1e300, 10**30, True, "x", None, [], (NOW + 2 * AHEAD) // 10**6])
    def test_a_time_no_clock_could_have_given_is_refused(self, raw: object) -> None:
        with pytest.raises(Unreadable, match="time"):
            read({"v": 1, "t": raw}, time="/t")

    def test_a_local_time_without_zone_is_refused(self) -> None:
        with pytest.raises(Unreadable, match="zone"):
            read({"v": 1, "t": "2023-11-15T06:13:20"}, time="/t", time_unit="iso")

    def test_a_message_without_time_counts_from_its_receipt(self) -> None:
        assert read({"v": 1}).time == NOW


class TestQuality:
    def test_the_worst_of_what_is_known_counts(self) -> None:
        assert read({"v": 1, "q": 0x80050000}, quality="/q").quality == Quality.BAD_COMMUNICATION_ERROR
        assert read({"v": 1, "q": 0}, quality="/q", retained=True).quality == Quality.UNCERTAIN_LAST_USABLE
        assert read({"v": None, "q": 0}, quality="/q").quality == Quality.BAD_NO_DATA

    @pytest.mark.parametrize("raw", [-1, 2**32, "Good", None, True, 1.0])
    def test_what_is_no_status_code_never_passes_as_good(self, raw: object) -> None:
        with pytest.raises(Unreadable, match="StatusCode"):
            read({"v": 1, "q": raw}, quality="/q")

    def test_only_a_true_mark_means_simulated(self) -> None:
        assert read({"v": 1, "simulated": True}).origin is Origin.SIMULATED
        assert read({"v": 1, "simulated": "yes"}).origin is Origin.DEVICE


class TestAnyPayload:
    json_like = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("vtq"), inner, max_size=3),
        max_leaves=8,
    ).map(lambda document: json.dumps(document).encode())

    @given(st.binary(max_size=200) | json_like, st.booleans(), st.sampled_from(["iso", "s", "ms", "us", "ns"]))
    def test_every_message_ends_as_samples_or_as_a_dead_letter_and_never_as_an_error(
        self, payload: bytes, retained: bool, unit: str
    ) -> None:
        letters: list = []
        places = [("x", "/v", "/t", "/q"), ("y", "/v", None, None), ("z", "", None, None)]
        points = [
            Point(
                Tag(path=f"s/c/l/d/{name}", kind=kind),
                MqttAddress(topic="t", pointer=pointer, time=time, time_unit=unit, quality=quality, scale=1.5),
            )
            for (name, pointer, time, quality), kind in zip(places, (Kind.ANALOG, Kind.TEXT, Kind.STATE), strict=True)
        ]
        config = configs.MqttSource(type="mqtt", id="m", host="h", session=0.0)
        source = MqttSource(config, points, clock=VirtualClock(), dead_letters=letters.append)
        rows = BatchBuilder()
        source._read(Message("t", payload, 0, 0, retained, NOW), rows)
        batch = rows.build()
        assert len(batch) == 3 or len(letters) == 1
        for sample in batch.samples():
            if isinstance(sample.value, float) and sample.quality < Quality.BAD:
                assert math.isfinite(sample.value)


class TestPahosPrivateNames:
    """What this project takes from inside paho; a new version that changes it fails here first."""

    @pytest.fixture
    def wire(self):
        sent, delivered = bytearray(), []
        pipe = Pipe(sent.extend)
        client = Client(
            pipe,
            client_id="c",
            version=MQTTProtocolVersion.MQTTv5,
            clean_session=None,
            deliver=delivered.append,
            stamp=lambda: NOW,
        )
        client.connect("broker", 1883)
        self.feed(client, pipe, bytes.fromhex("2003000000"))
        assert client.is_connected()
        sent.clear()
        return client, pipe, sent, delivered

    def feed(self, client: Client, pipe: Pipe, data: bytes) -> MQTTErrorCode:
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        for at in range(0, len(data), 3):  # in crumbs, as a slow network brings it
            pipe.feed(data[at : at + 3])
            while len(pipe) and not code:
                code = client.loop_read()
        return code

    def publish(self, topic: bytes, payload: bytes, *, qos: int, mid: int = 0, properties: bytes = b"\0") -> bytes:
        body = len(topic).to_bytes(2) + topic + (mid.to_bytes(2) if qos else b"") + properties + payload
        return bytes([0x30 | qos << 1, len(body)]) + body

    @pytest.mark.parametrize(("qos", "answer"), [(1, "40020007"), (2, "50020007")])
    def test_nothing_is_answered_before_the_acknowledgement(self, wire, qos: int, answer: str) -> None:
        client, pipe, sent, delivered = wire
        self.feed(client, pipe, self.publish(b"t", b"1", qos=qos, mid=7))
        assert delivered == [Message("t", b"1", qos, 7, False, NOW)]
        assert not sent
        client.acknowledge(delivered)
        assert sent.hex() == answer

    def test_acknowledgements_of_a_batch_leave_together_and_pubrel_is_completed(self, wire) -> None:
        client, pipe, sent, delivered = wire
        self.feed(client, pipe, self.publish(b"t", b"1", qos=1, mid=1) + self.publish(b"t", b"2", qos=2, mid=2))
        self.feed(client, pipe, self.publish(b"t", b"3", qos=0))
        client.acknowledge(delivered)
        assert sent.hex() == "4002000150020002"
        sent.clear()
        self.feed(client, pipe, bytes.fromhex("62020002"))
        assert sent.hex() == "70020002"
        assert len(delivered) == 3

    def test_a_topic_alias_stands_for_the_topic_it_came_with(self, wire) -> None:
        client, pipe, _, delivered = wire
        alias = bytes.fromhex("03230005")
        self.feed(client, pipe, self.publish("压机".encode(), b"1", qos=0, properties=alias))
        self.feed(client, pipe, self.publish(b"", b"2", qos=0, properties=alias))
        assert [(m.topic, m.payload) for m in delivered] == [("压机", b"1"), ("压机", b"2")]

    @pytest.mark.parametrize(
        "packet",
        ["3003000100", "30020005", "36050001740001", "30040001ff00", "3006000003230009"],
    )
    def test_a_malformed_publish_ends_the_connection(self, wire, packet: str) -> None:
        client, pipe, _, delivered = wire
        assert self.feed(client, pipe, bytes.fromhex(packet)) is MQTTErrorCode.MQTT_ERR_PROTOCOL
        assert not delivered


def test_a_pipe_gives_back_what_it_was_fed_in_order() -> None:
    pipe = Pipe(lambda _: None)
    pipe.feed(b"abc")
    assert pipe.recv(2) == b"ab"
    pipe.feed(b"def")
    assert pipe.recv(9) == b"cdef"
    with pytest.raises(BlockingIOError):
        pipe.recv(1)
