"""Batches: exact for every value, the same after any trip, and never read from nonsense."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant.batch import INT64_MAX, INT64_MIN, Batch, BatchBuilder, Form, Origin

values = st.one_of(st.floats(), st.integers(INT64_MIN, INT64_MAX), st.booleans(), st.text(st.characters(), max_size=20))
times = st.integers(INT64_MIN, INT64_MAX)
paths = st.sampled_from(["s/sc/l/d/a", "s/sc/l/d/b", "厂/场/线/机/值", "s/sc/l/d/\udc80"])
rows = st.tuples(paths, times, values, times, st.integers(0, 2**32 - 1), st.integers(0, 3))


def build(table) -> Batch:
    builder = BatchBuilder()
    for path, time, value, received, quality, origin in table:
        builder.add(path, time, value, received=received, quality=quality, origin=Origin(origin))
    return builder.build()


def bits(batch: Batch) -> list[tuple]:
    """Every row such that equal means equal in every bit."""
    return [
        (s.path, s.time, s.received, type(s.value), struct.pack("<d", s.value) if type(s.value) is float else s.value,
         s.quality, s.origin)
        for s in batch.samples()
    ]  # fmt: skip


batches = st.lists(rows, max_size=30).map(build)


@given(st.lists(rows, max_size=30))
def test_a_builder_keeps_every_row_as_it_was(table):
    builder = BatchBuilder()
    for path, time, value, received, quality, origin in table:
        builder.add(path, time, value, received=received, quality=quality, origin=Origin(origin))
    assert len(builder) == len(table)
    batch = builder.build()
    assert len(builder) == 0
    found = [(p, t, v if v == v else "nan", r, q, int(o)) for p, t, r, v, q, o in batch.samples()]
    assert found == [(p, t, v if v == v else "nan", r, q, o) for p, t, v, r, q, o in table]


@given(batches)
def test_a_batch_is_the_same_after_the_trip_through_bytes(batch):
    again = Batch.from_bytes(batch.to_bytes())
    assert bits(again) == bits(batch)
    assert again.names == batch.names
    assert again.texts == batch.texts
    assert again.to_bytes() == batch.to_bytes()


@given(st.lists(batches, max_size=5))
def test_joined_batches_have_all_rows_in_order(parts):
    assert bits(Batch.concat(parts)) == [row for part in parts for row in bits(part)]


@given(batches, st.data())
def test_taking_rows_takes_just_those(batch, data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch))), bool)
    wanted = [row for row, keep in zip(bits(batch), mask, strict=True) if keep]
    assert bits(batch.take(mask)) == wanted
    assert bits(batch.take(np.flatnonzero(mask))) == wanted
    assert bits(batch.take(slice(1, 3))) == bits(batch)[1:3]
    assert bits(Batch.from_bytes(batch.take(mask).to_bytes())) == wanted


@given(batches)
def test_one_tags_rows_are_found_by_its_path(batch):
    for path in {*batch.names, "s/sc/l/d/unknown"}:
        assert bits(batch.of(path)) == [row for row in bits(batch) if row[0] == path]


@pytest.mark.parametrize("value", [INT64_MIN, INT64_MAX, 2**53 + 1, -(2**53) - 1, 0])
def test_integers_of_64_bits_are_exact(value):
    batch = build([("s/sc/l/d/a", 0, value, 0, 0, 0)])
    assert Batch.from_bytes(batch.to_bytes()).value(0) == value
    assert type(batch.value(0)) is int
    assert batch.numbers[0] == float(value)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30])
def test_integers_beyond_64_bits_become_the_nearest_float(value):
    batch = build([("s/sc/l/d/a", 0, value, 0, 0, 0)])
    assert batch.value(0) == float(value)
    assert batch.form[0] == Form.FLOAT


def test_numpy_scalars_keep_their_kind():
    builder = BatchBuilder()
    for value in (np.int16(-3), np.uint64(2**63 - 1), np.bool_(True), np.float32(0.5)):
        builder.add("s/sc/l/d/a", 0, value, received=0)
    assert [(s.value, type(s.value)) for s in builder.build().samples()] == [
        (-3, int), (2**63 - 1, int), (True, bool), (0.5, float),
    ]  # fmt: skip


def test_numbers_read_booleans_as_0_and_1_and_texts_as_nan():
    batch = build([("s/sc/l/d/a", 0, v, 0, 0, 0) for v in (1.5, 7, True, False, "x")])
    assert batch.numbers[:4].tolist() == [1.5, 7.0, 1.0, 0.0]
    assert math.isnan(batch.numbers[4])
    assert batch.value(0) == 1.5  # the rows themselves are untouched


def test_columns_of_floats_need_no_builder():
    names = ("s/sc/l/d/a", "s/sc/l/d/b")
    batch = Batch.floats(
        names,
        np.array([0, 1, 0], np.uint32),
        np.array([1, 2, 3]),
        np.array([0.5, math.nan, -0.0]),
        received=9,
        quality=0x40000000,
        origin=Origin.SIMULATED,
    )
    again = Batch.from_bytes(batch.to_bytes())
    assert bits(again) == bits(batch)
    assert {(s.received, s.quality, s.origin) for s in again.samples()} == {(9, 0x40000000, Origin.SIMULATED)}


@given(batches, st.integers(0, 5))
def test_a_compact_batch_is_the_same_without_the_names_it_does_not_use(batch, rows):
    some = batch.take(slice(0, rows))
    assert bits(some.compact()) == bits(some)
    assert len(some.compact().names) <= len(some)


def test_marks_are_added_and_never_taken_away():
    batch = build([("s/sc/l/d/a", 0, 1, 0, 0, int(Origin.SIMULATED))]).marked(Origin.REPLAYED).marked(Origin.DEVICE)
    assert next(batch.samples()).origin == Origin.SIMULATED | Origin.REPLAYED


def test_an_empty_batch_is_a_batch():
    empty = Batch.empty()
    assert len(empty) == 0
    assert len(Batch.from_bytes(empty.to_bytes())) == 0
    assert len(Batch.concat([])) == 0
    assert len(Batch.concat([empty, empty])) == 0
    assert empty.numbers.tolist() == []


# --------------------------------------------------------------------------------- nonsense
BLOB = build([("s/sc/l/d/a", 1, 1.5, 2, 0, 0), ("s/sc/l/d/b", 1, "text", 2, 0, 0)]).to_bytes()


@pytest.mark.parametrize("cut", range(len(BLOB)))
def test_a_blob_cut_short_anywhere_is_refused(cut):
    with pytest.raises(ValueError, match="blob"):
        Batch.from_bytes(BLOB[:cut])


def test_a_blob_with_something_after_it_is_refused():
    with pytest.raises(ValueError, match="length"):
        Batch.from_bytes(BLOB + b"\0")


def changed(batch: Batch, **columns) -> bytes:
    """Write a batch with columns that no builder would make."""
    return Batch(**{name: columns.get(name, getattr(batch, name)) for name in Batch.__slots__}).to_bytes()


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"tag": np.array([0, 2], np.uint32)}, "tag"),
        ({"form": np.array([0, 4], np.uint8)}, "form"),
        ({"raw": np.array([0, 1])}, "text"),
        ({"raw": np.array([0, -1])}, "text"),
        ({"texts": ()}, "text"),
        ({"names": ()}, "tag"),
    ],
)
def test_a_blob_that_points_at_nothing_is_refused(columns, reason):
    with pytest.raises(ValueError, match=reason):
        Batch.from_bytes(changed(Batch.from_bytes(BLOB), **columns))


@settings(max_examples=300)
@given(st.data())
def test_a_blob_with_any_byte_changed_is_read_or_refused_but_never_worse(data):
    blob = bytearray(BLOB)
    blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        batch = Batch.from_bytes(bytes(blob))
    except ValueError:
        return
    for row in range(len(batch)):
        batch.value(row)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(blob):
    with pytest.raises(ValueError, match="blob"):
        Batch.from_bytes(blob)
