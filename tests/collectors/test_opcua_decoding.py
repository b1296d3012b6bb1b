"""The column decoder against asyncua's own encoder and decoder, and against bytes gone wrong."""

from __future__ import annotations

import importlib.metadata
import inspect
import math
import struct
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UASocketProtocol
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.opcua import generic, notification, transport
from collectors.opcua.addresses import parse_path, path_part
from collectors.opcua.batches import Table
from collectors.opcua.columns import EPOCH, MISSING, BuiltIn, Publication, Rows
from collectors.opcua.variable import TEXT_LIMIT, Malformed, Unusual
from plant.batch import Origin, Value
from plant.quality import Quality
from tests.collectors.opcua_peer import point

RECEIVED = 1_800_000_000_000_000_000
V = ua.VariantType
INTEGERS = {
    V.SByte: (-(2**7), 2**7 - 1),
    V.Byte: (0, 2**8 - 1),
    V.Int16: (-(2**15), 2**15 - 1),
    V.UInt16: (0, 2**16 - 1),
    V.Int32: (-(2**31), 2**31 - 1),
    V.UInt32: (0, 2**32 - 1),
    V.Int64: (-(2**63), 2**63 - 1),
    V.UInt64: (0, 2**64 - 1),
}
FIRST, LAST = datetime(1601, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
moments = st.integers(0, int((LAST - FIRST).total_seconds() * 1_000_000)).map(
    lambda n: FIRST + timedelta(microseconds=n)
)
texts = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
scalars = st.one_of(
    *(st.integers(*bounds).map(lambda n, t=kind: ua.Variant(n, t)) for kind, bounds in INTEGERS.items()),
    st.booleans().map(lambda b: ua.Variant(b, V.Boolean)),
    st.floats(width=32).map(lambda x: ua.Variant(x, V.Float)),
    st.floats().map(lambda x: ua.Variant(x, V.Double)),
    moments.map(lambda d: ua.Variant(d, V.DateTime)),
    texts.map(lambda t: ua.Variant(t, V.String)),
    st.tuples(texts, texts).map(lambda p: ua.Variant(ua.LocalizedText(*p), V.LocalizedText)),
    st.integers(0, 2**32 - 1).map(lambda n: ua.Variant(ua.StatusCode(n), V.StatusCode)),
    st.uuids().map(lambda u: ua.Variant(u, V.Guid)),
    st.just(ua.Variant(None, V.Null)),
)
others = st.one_of(
    st.binary(max_size=20).map(lambda b: ua.Variant(b, V.ByteString)),
    st.lists(st.floats(), max_size=5).map(lambda xs: ua.Variant(xs, V.Double, is_array=True)),
    st.lists(st.text("ab", max_size=3), max_size=4).map(lambda xs: ua.Variant(xs, V.String, is_array=True)),
    st.just(ua.Variant([[1, 2], [3, 4]], V.Int32)),
    st.just(ua.Variant(ua.NodeId.from_string("ns=3;s=x"), V.NodeId)),
    st.just(ua.Variant(ua.QualifiedName("name", 2), V.QualifiedName)),
    st.just(ua.Variant(ua.Range(1.0, 2.0), V.ExtensionObject)),
    st.just(ua.Variant([ua.Range(1.0, 2.0)], V.ExtensionObject, is_array=True)),
    st.just(ua.Variant(ua.DataValue(ua.Variant(1, V.Int32)), V.DataValue)),
    st.just(ua.Variant(ua.ExpandedNodeId("x", 3), V.ExpandedNodeId)),
)


@st.composite
def data_values(draw: st.DrawFn, variants: st.SearchStrategy[ua.Variant]) -> ua.DataValue:
    source, server = draw(st.none() | moments), draw(st.none() | moments)
    # asyncua writes picoseconds in an order of its own, so they are drawn where order says nothing.
    picoseconds = draw(st.none() | st.integers(0, 9999)) if source is not None and server is None else None
    return ua.DataValue(
        Value=draw(variants),
        StatusCode=ua.StatusCode(draw(st.sampled_from((0, 0x40930000, 0x808C0000, 0x480)))),
        SourceTimestamp=source,
        ServerTimestamp=server,
        SourcePicoseconds=picoseconds,
        ServerPicoseconds=draw(st.none() | st.integers(0, 9999)) if server is not None else None,
    )


def response(*values: ua.DataValue, sequence: int = 7, more: tuple[object, ...] = ()) -> bytes:
    items = [ua.MonitoredItemNotification(handle, value) for handle, value in enumerate(values)]
    message = ua.PublishResponse()
    message.ResponseHeader.Timestamp = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    message.Parameters.SubscriptionId = 5
    message.Parameters.AvailableSequenceNumbers = [6, 7]
    message.Parameters.NotificationMessage.SequenceNumber = sequence
    message.Parameters.NotificationMessage.PublishTime = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    parts = [ua.DataChangeNotification(items)] if values else []
    message.Parameters.NotificationMessage.NotificationData = [*parts, *more]
    return struct_to_binary(message)


def expected_value(value: ua.DataValue) -> tuple[Value | None, int]:
    """What a sample must say, reasoned from asyncua's object; None stands for NaN."""
    status, variant = value.StatusCode.value, value.Value
    content = variant.Value
    if variant.VariantType is V.LocalizedText and content is not None:
        content = content.Text
    if status >= Quality.BAD:
        return None, status
    if content is None:
        return None, Quality.BAD_NO_DATA
    if variant.VariantType is V.DateTime:
        ns = (ua.datetime_to_win_epoch(content) - EPOCH) * 100
        return (ns, status) if ns >= 0 else (None, Quality.BAD_OUT_OF_RANGE)
    if variant.VariantType is V.StatusCode:
        return content.value, status
    if variant.VariantType is V.Guid:
        return str(content), status
    if isinstance(content, float) and math.isnan(content):
        return None, status
    if isinstance(content, int) and content > 2**63 - 1:
        return float(content), status
    return content, status


def expected_time(value: ua.DataValue) -> int:
    for moment, tens in ((value.SourceTimestamp, value.SourcePicoseconds), (value.ServerTimestamp, 0)):
        if moment is not None and ua.datetime_to_win_epoch(moment) >= EPOCH:
            return (ua.datetime_to_win_epoch(moment) - EPOCH) * 100 + (tens or 0) // 100
    return RECEIVED


def read(message: bytes) -> Publication:
    try:
        return notification.decode(message)
    except Unusual:
        return generic.decode(message)


def samples(rows: Rows, count: int) -> list[tuple[Value | None, int, int]]:
    batch = Table([point(f"p{i}") for i in range(count)]).batch(rows, received=RECEIVED, origin=Origin.DEVICE)
    assert [batch.names[i] for i in batch.tag] == [f"site/scene/line/press/p{i}" for i in range(count)]
    return [
        (None if isinstance(s.value, float) and math.isnan(s.value) else s.value, s.quality, s.time)
        for s in batch.samples()
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(data_values(scalars), max_size=30))
def test_mixed_values_are_read_as_asyncua_wrote_them(values: list[ua.DataValue]) -> None:
    publication = notification.decode(response(*values))
    assert samples(publication.rows, len(values)) == [(*expected_value(v), expected_time(v)) for v in values]
    assert (publication.subscription, publication.sequence) == (5, 7)
    assert publication.keep_alive is (not values)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_runs_of_one_type_are_read_like_single_items(data: st.DataObject) -> None:
    values: list[ua.DataValue] = []
    for _ in range(data.draw(st.integers(1, 3))):
        kind, strategy = data.draw(
            st.sampled_from(
                [
                    *((kind, st.integers(*bounds)) for kind, bounds in INTEGERS.items()),
                    (V.Double, st.floats()),
                    (V.Float, st.floats(width=32)),
                    (V.Boolean, st.booleans()),
                ]
            )
        )
        stamp = data.draw(st.none() | moments)
        contents = data.draw(st.lists(strategy, min_size=1, max_size=25))
        values += [ua.DataValue(ua.Variant(c, kind), SourceTimestamp=stamp, ServerTimestamp=stamp) for c in contents]
    rows = notification.decode(response(*values)).rows
    assert samples(rows, len(values)) == [(*expected_value(v), expected_time(v)) for v in values]


@settings(max_examples=200, deadline=None)
@given(st.lists(data_values(scalars | others), max_size=12))
def test_both_decoders_say_the_same(values: list[ua.DataValue]) -> None:
    message = response(*values)
    ours, theirs = read(message), generic.decode(message)
    for column in ("handle", "kind", "status", "source", "server"):
        np.testing.assert_array_equal(getattr(ours.rows, column), getattr(theirs.rows, column), column)
    assert (ours.rows.texts, ours.rows.refused) == (theirs.rows.texts, theirs.rows.refused)
    assert ours.sent == theirs.sent


def test_what_can_be_no_tag_is_refused_without_slowing_its_neighbours() -> None:
    array = ua.DataValue(ua.Variant([1.0, 2.0], V.Double, is_array=True))
    structure = ua.DataValue(ua.Variant(ua.Range(0.0, 1.0), V.ExtensionObject))
    number = ua.DataValue(ua.Variant(1.5, V.Double))
    rows = notification.decode(response(number, array, structure, number)).rows
    assert [s[:2] for s in samples(rows, 4)] == [
        (1.5, 0),
        (None, Quality.BAD_TYPE_MISMATCH),
        (None, Quality.BAD_TYPE_MISMATCH),
        (1.5, 0),
    ]
    assert rows.refused == {
        1: "an array of double cannot be a tag's value",
        2: "a value of type structure cannot be a tag's value",
    }


def test_numbers_whose_bits_look_like_other_things_disturb_nobody() -> None:
    integers = [ua.DataValue(ua.Variant(n, V.Int32)) for n in (-4194305, 2**31 - 1, 0x7F800001)]
    floats = [ua.DataValue(ua.Variant(x, V.Float)) for x in (1.5, math.inf, math.nan)]
    rows = notification.decode(response(*integers, *floats, ua.DataValue(ua.Variant(1e308, V.Double)))).rows
    table = Table([point(f"p{i}", scale=100.0 if i == 3 else 1.0) for i in range(6)] + [point("p6", scale=1e10)])
    values = [s.value for s in table.batch(rows, received=RECEIVED, origin=Origin.DEVICE).samples()]
    assert values[:5] == [-4194305, 2**31 - 1, 0x7F800001, 150.0, math.inf]
    assert math.isnan(values[5])
    assert values[6] == math.inf


def test_picoseconds_stand_where_the_standard_puts_them() -> None:
    item = struct.pack("<IBBdIqHqH", 0, 0x3F, 11, 2.5, 0, EPOCH + 10, 5000, EPOCH + 20, 1)
    empty = response(ua.DataValue(ua.Variant(2.5, V.Double), SourceTimestamp=None))
    for count in (1, 40):
        body = struct.pack("<i", count) + item * count + struct.pack("<i", 0)
        head = empty[: empty.index(struct.pack("<BBHB", 1, 0, 811, 1)) + 5]
        message = head + struct.pack("<i", len(body)) + body + struct.pack("<ii", 0, 0)
        rows = notification.decode(message).rows
        assert rows.source.tolist() == [1050] * count
        assert rows.server.tolist() == [2000] * count


def test_a_keep_alive_has_no_rows_and_names_the_next_message() -> None:
    publication = notification.decode(response(sequence=12))
    assert (publication.keep_alive, publication.sequence, len(publication.rows)) == (True, 12, 0)


@pytest.mark.parametrize("decode", [notification.decode, generic.decode])
def test_a_subscription_given_up_by_the_server_says_so(decode) -> None:
    change = ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    assert decode(response(more=(change,))).ended == ua.StatusCodes.BadTimeout


def test_a_text_of_just_the_limit_is_kept_and_one_byte_more_is_not() -> None:
    values = [ua.DataValue(ua.Variant("x" * (TEXT_LIMIT + n), V.String)) for n in (0, 1)]
    (kept, _, _), (cut, quality, _) = samples(notification.decode(response(*values)).rows, 2)
    assert isinstance(kept, str)
    assert (len(kept), cut, quality) == (TEXT_LIMIT, None, 0x80080000)


@settings(max_examples=150, deadline=None)
@given(st.lists(data_values(scalars | others), min_size=1, max_size=6), st.data())
def test_damaged_bytes_are_read_or_refused_but_nothing_else(values: list[ua.DataValue], data: st.DataObject) -> None:
    message = bytearray(response(*values))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    for damaged in (bytes(message), bytes(message[:cut])):
        try:
            rows = read(damaged).rows
        except Malformed:
            continue
        assert len(rows.bits) == len(rows.handle)


def test_a_count_without_items_is_refused_before_anything_is_allocated() -> None:
    message = response(ua.DataValue(ua.Variant(1.0, V.Double)))
    at = message.index(struct.pack("<BBHB", 1, 0, 811, 1)) + 9
    with pytest.raises(Malformed):
        notification.decode(message[:at] + struct.pack("<i", 2**31 - 1) + message[at + 4 :])


def test_a_few_samples_of_many_points_bring_only_their_own_names() -> None:
    table = Table([point(f"p{i}") for i in range(1000)])
    one = np.array([998, 3, 998], np.uint32)
    zeros = np.zeros(3, np.int64)
    rows = Rows(one, np.full(3, BuiltIn.INT64, np.uint8), np.array([1, 2, 3]), zeros.astype(np.uint32), zeros, zeros)
    batch = table.batch(rows, received=RECEIVED, origin=Origin.DEVICE)
    assert [(s.path[-4:], s.value) for s in batch.samples()] == [("p998", 1), ("s/p3", 2), ("p998", 3)]
    assert len(batch.names) == 2


def test_a_row_of_nobody_is_refused() -> None:
    rows = notification.decode(response(*[ua.DataValue(ua.Variant(1, V.Int32))] * 3)).rows
    with pytest.raises(ValueError, match="never asked for"):
        Table([point("only")]).batch(rows, received=RECEIVED, origin=Origin.DEVICE)
    assert MISSING not in rows.bits


@given(st.integers(0, 99), st.text(min_size=1))
def test_any_browse_name_survives_being_written_into_a_path(index: int, name: str) -> None:
    written = path_part(ua.QualifiedName(name, ua.UInt16(index)))
    assert parse_path(f"2:Line/{written}/*") == ((2, "Line"), (index, name), None)


@pytest.mark.parametrize("path", ["", "/", "2:Line//2:Press", "2:Line/", "2:Line&"])
def test_a_path_with_an_empty_part_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="empty part"):
        parse_path(path)


def test_the_private_names_of_asyncua_are_still_there() -> None:
    """transport.py reaches into asyncua; this fails first when a new version moves things."""
    assert importlib.metadata.version("asyncua") == "2.1.0"
    protocol = UASocketProtocol(security_policy=SecurityPolicyNone())
    homes = {"UaClient": Client("opc.tcp://x:1").uaclient, "UASocketProtocol": protocol}
    homes["SecureConnection"] = protocol._connection
    for owner, names in transport.PRIVATE_NAMES.items():
        assert all(hasattr(homes[owner.__name__], name) for name in names), owner
    assert list(inspect.signature(homes["UaClient"]._send_request).parameters) == ["request", "timeout", "message_type"]
    assert "receive_buffer" in vars(protocol)
    assert protocol._connection._limits.max_message_size == 0


def test_a_server_cannot_make_us_buffer_without_bound() -> None:
    client = transport.new_client("opc.tcp://127.0.0.1:1", 1.0)
    protocol = client.uaclient._make_protocol()
    protocol._connection._limits.max_message_size = 0  # the server says: no limit
    transport.enforce_limits(client)
    assert protocol._connection._limits.max_message_size == transport.MESSAGE_LIMIT
    closed: list[bool] = []
    protocol.transport = type("Transport", (), {"abort": lambda _: closed.append(True)})()
    protocol.data_received(b"MSGF" + struct.pack("<II", 2**31, 1))
    piece = bytes(1024 * 1024)
    for _ in range(8):
        protocol.data_received(piece) if not closed else None
    assert closed


def test_a_list_that_claims_more_elements_than_the_message_has_bytes_is_refused_at_once() -> None:
    """Nulls and empty structures take no bytes: a hundred bytes held the reader up for minutes. Found by the hunt."""
    item = ua.MonitoredItemNotification(7, ua.DataValue(ua.Variant([0x5A] * 3, V.Byte)))
    response = ua.PublishResponse()
    response.Parameters.NotificationMessage.NotificationData = [ua.DataChangeNotification([item], [])]
    sound = struct_to_binary(response)
    array = struct.pack("<Bi", 0x80 | V.Byte.value, 3) + b"\x5a\x5a\x5a"
    assert sound.count(array) == 1
    for kind, size in ((V.Null, 2**31 - 1), (V.Byte, 2**31 - 1), (V.Null, 10_000)):
        message = sound.replace(array, struct.pack("<Bi", 0x80 | kind.value, size) + b"\x5a\x5a\x5a")
        with pytest.raises(Malformed, match=f"a list of {size} in"):
            generic.decode(message)
    assert len(generic.decode(sound).rows.handle) == 1
