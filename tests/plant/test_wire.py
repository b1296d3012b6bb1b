"""Line protocol: what we write we read back exactly, and what others write is understood as they do."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client import Point, WritePrecision

from plant import wire
from plant.batch import INT64_MAX, INT64_MIN, Batch, BatchBuilder, Sample

SEGMENT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="/#+\\"),
    min_size=1,
    max_size=12,
).filter(lambda s: not any(c.isspace() for c in s))
PATH = st.tuples(*[SEGMENT] * 5).map("/".join)
TIME = st.integers(-(2**61), 2**61)
VALUE = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(INT64_MIN, INT64_MAX)
    | st.booleans()
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
)
ROW = st.tuples(PATH, TIME, VALUE, st.integers(-(2**40), 2**40), st.integers(0, 2**32 - 1), st.integers(0, 3))


def build(rows) -> Batch:
    builder = BatchBuilder()
    for path, time, value, late, quality, origin in rows:
        builder.add(path, time, value, received=time + late, quality=quality, origin=origin)
    return builder.build()


@settings(max_examples=300)
@given(st.lists(ROW, max_size=20))
def test_what_is_written_is_read_back_exactly(rows) -> None:
    batch = build(rows)
    decoded = wire.decode(wire.encode(batch), received=0)
    assert not decoded.errors
    before, after = list(batch.samples()), list(decoded.batch.samples())
    assert [(s, type(s.value)) for s in before] == [(s, type(s.value)) for s in after]


def test_a_path_that_could_not_be_written_again_is_refused() -> None:
    line = b"sample,site=s,scene=a,line=b,device=c\\d,signal=d v=1,q=0i,lat=0i 1"
    (error,) = wire.decode(line, received=0).errors
    assert "backslash" in error.reason


def test_a_number_beyond_all_numbers_is_refused_wherever_it_stands() -> None:
    line = b"sample,site=s,scene=a,line=b,device=c,signal=d v=%s,q=0i,lat=0i 1\n"
    decoded = wire.decode(line % b"1" + line % b"1e999" + line % b"-1e999" + line % b"2", received=0)
    assert [error.line for error in decoded.errors] == [2, 3]
    assert [sample.value for sample in decoded.batch.samples()] == [1.0, 2.0]


@given(st.binary(max_size=300))
def test_no_input_makes_the_reader_fail(data: bytes) -> None:
    decoded = wire.decode(data, received=0)
    assert len(decoded.batch) + len(decoded.errors) <= data.count(b"\n") + 1


@given(st.text('sample,=\\ "\n0123456789ivqlat.-e#t', max_size=120))
def test_no_almost_right_input_makes_the_reader_fail(text: str) -> None:
    wire.decode(text.encode(), received=0)


FOREIGN_KEY = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters=",= -_."), min_size=1)
FOREIGN_VALUE = VALUE.filter(lambda v: not isinstance(v, str) or "\r" not in v)


@settings(max_examples=300)
@given(FOREIGN_KEY, st.dictionaries(FOREIGN_KEY, FOREIGN_KEY, max_size=3), FOREIGN_KEY, FOREIGN_VALUE, TIME)
def test_lines_of_influxdbs_own_client_are_read_as_it_meant_them(measurement, tags, name, value, time) -> None:
    point = Point(measurement).field(name, value).time(time, WritePrecision.NS)
    for key, text in tags.items():
        point.tag(key, text)
    seen = []

    def naming(found: str, found_tags: dict[str, str], found_field: str) -> str:
        seen.append((found, found_tags, found_field))
        return "s/a/b/c/d"

    decoded = wire.decode(point.to_line_protocol().encode(), received=0, naming=naming)
    assert not decoded.errors, (point.to_line_protocol(), decoded.errors)
    assert seen == [(measurement, tags, name)]
    (sample,) = decoded.batch.samples()
    assert (sample.time, sample.value) == (time, value)


@given(st.lists(ROW, min_size=1, max_size=5))
def test_influxdbs_own_client_writes_the_same_lines(rows) -> None:
    batch = build(rows)
    for sample, line in zip(batch.samples(), _split(wire.encode(batch).decode()), strict=True):
        assert _canonical(line) == _canonical(_by_client(sample))


def _split(text: str) -> list[str]:
    return [line for _, line in wire._lines(text)]


def _canonical(line: str) -> tuple:
    """What a line says, whatever order or number format it says it in."""
    decoded = wire.decode(line.encode(), received=0)
    assert not decoded.errors, (line, decoded.errors)
    return tuple(decoded.batch.samples())


def _by_client(sample: Sample) -> str:
    point = Point(wire.MEASUREMENT)
    for level, segment in zip(wire.LEVELS, sample.path.split("/"), strict=True):
        point.tag(level, segment)
    name = {float: "v", int: "i", bool: "b", str: "s"}[type(sample.value)]
    point.field(name, sample.value).field("q", sample.quality).field("lat", sample.received - sample.time)
    if sample.origin:
        point.field("o", int(sample.origin))
    return point.time(sample.time, WritePrecision.NS).to_line_protocol()


def test_a_float_that_line_protocol_lacks_keeps_its_quality() -> None:
    batch = build([("a/b/c/d/e", 5, math.nan, 1, 0x808C0000, 0), ("a/b/c/d/e", 6, math.inf, 1, 0, 0)])
    text = wire.encode(batch)
    assert b"nan" not in text
    assert b"inf" not in text
    (first, second) = wire.decode(text, received=0).batch.samples()
    assert math.isnan(first.value)
    assert first.quality == 0x808C0000
    assert math.isnan(second.value)


def test_bad_lines_are_named_and_the_good_ones_kept() -> None:
    good = wire.encode(build([("a/b/c/d/e", 5, 1.5, 0, 0, 0)])).decode()
    text = f"# a comment\n{good}nonsense\n\n{good.replace('q=0i', 'q=-1i')}other v=1 5\n{good}"
    decoded = wire.decode(text.encode(), received=0)
    assert [e.line for e in decoded.errors] == [3, 5, 6]
    assert len(decoded.batch) == 2
    assert "expected measurement" in decoded.errors[0].reason
    assert "StatusCode" in decoded.errors[1].reason
    assert "other" in decoded.errors[2].reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("m v=1e400 1", "not a number"),
        ("m v=nan 1", "not a number"),
        ("m v=9223372036854775808i 1", "64 bits"),
        ("m v=1 99999999999999999999", "out of range"),
        ("m,=x v=1 1", "not a tag"),
        ("m,a=1,a=2 v=1 1", "twice"),
        ("m v= 1", "not a field"),
        (",a=1 v=1 1", "no measurement"),
        ("m", "no fields"),
    ],
)
def test_each_kind_of_fault_says_what_it_is(line: str, reason: str) -> None:
    (error,) = wire.decode(line.encode(), received=0, naming=lambda *_: "a/b/c/d/e").errors
    assert reason in error.reason


def test_a_line_without_time_happened_when_it_was_received() -> None:
    (sample,) = wire.decode(b"m,t=1 v=2", received=77, naming=lambda *_: "a/b/c/d/e").batch.samples()
    assert (sample.time, sample.received, sample.value) == (77, 77, 2.0)


@pytest.mark.parametrize("precision", wire.PRECISIONS)
def test_times_are_read_in_the_precision_asked_for(precision: str) -> None:
    moment = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
    stamp = moment * 10**9 // wire.PRECISIONS[precision]
    decoded = wire.decode(f"m v=2 {stamp}".encode(), received=0, precision=precision, naming=lambda *_: "a/b/c/d/e")
    assert decoded.batch.time.tolist() == [moment * 10**9]


def test_a_line_beyond_the_limit_is_refused_and_the_next_is_read() -> None:
    long = f'm s="{"x" * 100}" 1\nm v=1 2'
    decoded = wire.decode(long.encode(), received=0, line_limit=50, naming=lambda *_: "a/b/c/d/e")
    assert [e.line for e in decoded.errors] == [1]
    assert np.array_equal(decoded.batch.time, [2])


def test_a_newline_inside_a_string_belongs_to_it_and_lines_are_counted_on() -> None:
    decoded = wire.decode(b'm s="a\nb" 1\nbad\nm s="c" 2', received=0, naming=lambda *_: "a/b/c/d/e")
    assert [s.value for s in decoded.batch.samples()] == ["a\nb", "c"]
    assert [e.line for e in decoded.errors] == [3]


def test_a_string_never_closed_costs_linear_time_and_is_one_error() -> None:
    text = b'm s="' + b"\n=\\" * 200_000
    decoded = wire.decode(text, received=0, naming=lambda *_: "a/b/c/d/e")
    assert [e.line for e in decoded.errors] == [1]
