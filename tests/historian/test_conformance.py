"""What every historian does, whichever it is and however its samples lie at the moment."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from historian.port import EXPORT_SCHEMA
from plant.batch import INT64_MAX, INT64_MIN, Batch, BatchBuilder, Form, Origin, Sample
from plant.clock import SECOND
from plant.errors import Rejected
from plant.quality import Quality
from tests.historian.stores import DAY, T0, Stage

A, B, C = "cq/first/line/press/a", "cq/first/line/press/b", "cq/first/line/mill/c"
HOUR = 3_600 * SECOND
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = itertools.count()


def batch(*rows) -> Batch:
    """Build a batch from (path, time, value[, quality[, origin]])."""
    builder = BatchBuilder()
    for path, time, value, *rest in rows:
        quality, origin = (*rest, 0, 0)[:2] if len(rest) < 2 else rest[:2]
        builder.add(path, time, value, received=time + 5_000_000, quality=quality, origin=Origin(origin))
    return builder.build()


def values(found: Batch) -> list:
    return [sample.value for sample in found.samples()]


# ------------------------------------------------------------------------------- content
VALUES = [
    *(0.0, -0.0, 1.5, 0.1, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, math.nan, 1e21),
    *(0, 1, -1, INT64_MAX, INT64_MIN, 2**53 + 1, True, False),
    *(
        "",
        "running",
        "运行 ✓",
        'a "quoted", comma=yes\\ back',
        "two\nlines",
        "tab\t",
        " blank ",
        "null",
        "NaN",
        "1.5",
        "💡",
    ),
]


def test_every_value_comes_back_exactly_and_in_its_own_form(store: Stage):
    paths = [f"cq/first/line/press/v{i}" for i in range(len(VALUES))]
    rows = [(path, T0, value, Quality.UNCERTAIN, Origin.SIMULATED) for path, value in zip(paths, VALUES, strict=True)]
    written = batch(*rows)
    store.write(written)
    wanted = [repr(s) for s in written.samples()]  # so that NaN equals NaN, and 1 is neither 1.0 nor True
    assert [repr(s) for s in store.history(paths, T0, T0 + 1).samples()] == wanted
    assert [repr(s) for s in store.latest(paths).samples()] == wanted
    assert [repr(s) for s in store.before(paths, T0 + 1).samples()] == wanted


def test_times_and_lateness_are_kept_to_the_nanosecond(store: Stage):
    builder = BatchBuilder()
    for late in (0, 1, -1, 999_999_999, -86_400 * SECOND, 10**17):
        builder.add(A, T0 + late, 1.0, received=T0)
    written = builder.build()
    store.write(written)
    found = store.history([A], T0 - DAY, T0 + 2 * 10**17)
    assert sorted((s.time, s.received) for s in written.samples()) == [(s.time, s.received) for s in found.samples()]


def test_every_quality_and_origin_is_kept(store: Stage):
    rows = [(A, T0 + i, 1.5, q, i % 4) for i, q in enumerate([*Quality, 0xFFFFFFFF, 0x808C1234])]
    store.write(batch(*rows))
    found = store.history([A], T0, T0 + len(rows))
    assert found.quality.tolist() == [row[3] for row in rows]
    assert found.origin.tolist() == [row[4] for row in rows]


@pytest.mark.parametrize(
    "path", ["工厂/场景/线/设备/信号", "a,b/c=d/e~f/g\"h/i'j", "a.b/c*d/(e)/$g/[i]", "é/ß/🙂/%20/&"]
)
def test_any_path_a_tag_may_have_can_be_kept(store: Stage, path):
    store.write(batch((path, T0, 1), (A, T0, 2)))
    assert values(store.history([path], T0, T0 + 1)) == [1]
    assert store.paths() == tuple(sorted([path, A]))
    assert values(store.latest([path])) == [1]


def test_a_path_that_is_no_tag_path_is_rejected_and_nothing_is_kept(store: Stage):
    with pytest.raises(Rejected, match="segments"):
        store.write(batch((A, T0, 1), ("temperature", T0, 1)))
    assert store.paths() == ()


def test_an_empty_batch_is_nothing(store: Stage):
    store.write(Batch.empty())
    store.write(batch((A, T0, 1)).take(slice(0, 0)))
    assert store.paths() == ()


# ------------------------------------------------------------------ idempotence and order
def test_writing_a_batch_again_changes_nothing(store: Stage):
    written = batch(*[(A, T0 + i, float(i)) for i in range(50)], *[(B, T0 + i, i) for i in range(50)])
    for _ in range(3):
        store.write(written)
        assert values(store.history([A, B], T0, T0 + 50)) == [*map(float, range(50)), *range(50)]


def test_another_value_for_the_same_tag_and_time_replaces_the_old_one(store: Stage):
    for value in (1.0, 3.0, 2.0):
        store.write(batch((A, T0, value), (A, T0 + 1, 9.0)))
        assert values(store.history([A], T0, T0 + 2)) == [value, 9.0]
    assert values(store.before([A], T0 + 1)) == [2.0]
    assert store.rollup(A, T0, T0 + 1, 1).mean.tolist() == [2.0]


def test_within_one_batch_the_later_row_holds(store: Stage):
    store.write(batch((A, T0, "first"), (B, T0, 1), (A, T0, "second"), (B, T0, 2)))
    assert values(store.history([A, B], T0, T0 + 1)) == ["second", 2]
    assert values(store.latest([A, B])) == ["second", 2]


def test_late_data_takes_its_place_in_time(store: Stage):
    store.write(batch(*[(A, T0 + i * HOUR, i) for i in range(0, 48, 2)]))
    assert len(store.history([A], T0, T0 + 3 * DAY)) == 24
    store.write(batch(*[(A, T0 + i * HOUR, i) for i in range(1, 48, 2)], (A, T0 + 10 * HOUR, 1000)))
    wanted = list(range(48))
    wanted[10] = 1000
    assert values(store.history([A], T0, T0 + 3 * DAY)) == wanted
    assert values(store.latest([A])) == [47]
    assert values(store.before([A], T0 + 10 * HOUR + 1)) == [1000]


def test_history_is_sorted_by_the_order_asked_then_by_time(store: Stage):
    store.write(batch((C, T0 + 3, 1), (A, T0 + 2, 2), (B, T0 + 1, 3), (A, T0, 4), (C, T0, 5)))
    found = store.history([B, C, A], T0, T0 + 10)
    assert [(s.path, s.time - T0) for s in found.samples()] == [(B, 1), (C, 0), (C, 3), (A, 0), (A, 2)]


# ------------------------------------------------------------------------------- windows
def test_windows_are_half_open(store: Stage):
    store.write(batch(*[(A, T0 + i, i) for i in range(5)]))
    assert values(store.history([A], T0 + 1, T0 + 4)) == [1, 2, 3]
    assert values(store.history([A], T0 + 4, T0 + 4)) == []
    assert values(store.history([A], T0 + 4, T0)) == []
    assert values(store.history([A], INT64_MIN, INT64_MAX)) == [0, 1, 2, 3, 4]


def test_before_finds_what_was_in_force_however_long_ago(store: Stage):
    store.write(batch((A, T0 - 400 * DAY, "idle"), (B, T0, 1), (B, T0 + HOUR, 2)))
    store.write(batch(*[(C, T0 + i * HOUR, i) for i in range(30)]))
    found = store.before([A, B, C], T0 + HOUR)
    assert [(s.path, s.value) for s in found.samples()] == [(A, "idle"), (B, 1), (C, 0)]
    assert len(store.before([A], T0 - 400 * DAY)) == 0


def test_what_is_unknown_has_an_empty_answer(store: Stage):
    store.write(batch((A, T0, 1)))
    for asked in ([B], []):
        assert len(store.history(asked, T0, T0 + 1)) == 0
        assert len(store.latest(asked)) == 0
        assert len(store.before(asked, T0 + 1)) == 0
        assert store.export(asked, T0, T0 + 1).read_all().num_rows == 0
    assert store.rollup(B, T0, T0 + 10, 2).count.tolist() == [0, 0]
    assert values(store.history([B, A], T0, T0 + 1)) == [1]


def test_an_empty_historian_answers(store: Stage):
    assert store.paths() == ()
    assert len(store.history([A], 0, INT64_MAX)) == 0
    assert len(store.latest([A])) == 0


# -------------------------------------------------------------------------------- latest
def test_latest_goes_by_source_time_not_by_arrival(store: Stage):
    store.write(batch((A, T0 + 5, "new"), (B, T0, 1)))
    store.write(batch((A, T0 + 4, "late")))
    assert values(store.latest([A, B])) == ["new", 1]
    store.write(batch((A, T0 + 6, "newer")))
    assert values(store.latest([B, A])) == [1, "newer"]


def test_latest_leaves_replays_out(store: Stage):
    replayed = Origin.REPLAYED | Origin.SIMULATED
    store.write(
        batch((A, T0, 1), *[(A, T0 + 1 + i, 100 + i, 0, replayed) for i in range(150)], (B, T0, 5, 0, replayed))
    )
    assert [(s.path, s.value) for s in store.latest([A, B]).samples()] == [(A, 1)]
    assert len(store.history([A, B], T0, T0 + 1000)) == 152
    assert set(store.paths()) == {A, B}


def test_thousands_of_tags_have_their_latest(store: Stage):
    names = tuple(f"cq/first/line/d{i // 100}/t{i % 100}" for i in range(1200))
    tags = np.arange(1200, dtype=np.uint32)
    for step in range(3):
        store.write(Batch.floats(names, tags, np.full(1200, T0 + step), tags * 10.0 + step, received=T0))
    found = store.latest(names[::-1])
    assert found.numbers.tolist() == [i * 10.0 + 2 for i in range(1199, -1, -1)]
    assert len(store.history(names, T0, T0 + 10)) == 3600


# -------------------------------------------------------------------------------- rollup
def oracle(samples: list[Sample], start: int, stop: int, buckets: int) -> dict[str, list]:
    """Sum up in plain Python, from the definition of the port."""
    found: dict[str, list] = {f: [] for f in ("count", "usable", "minimum", "maximum", "mean", "last", "quality")}
    for i in range(buckets):
        inside = [s for s in samples if start <= s.time < stop and (s.time - start) * buckets // (stop - start) == i]
        usable = [s for s in inside if s.quality < 0x80000000]
        fit = [float(s.value) for s in usable if not isinstance(s.value, str) and not math.isnan(s.value)]
        found["count"].append(len(inside))
        found["usable"].append(len(usable))
        found["minimum"].append(min(fit, default=math.nan))
        found["maximum"].append(max(fit, default=math.nan))
        found["mean"].append(sum(fit) / len(fit) if fit else math.nan)
        found["last"].append(fit[-1] if fit else math.nan)
        found["quality"].append(max((s.quality for s in inside), default=0))
    return found


scalars = st.one_of(
    st.floats(-1e6, 1e6),
    st.just(math.nan),
    st.integers(-(10**6), 10**6),
    st.booleans(),
    st.sampled_from(["", "on", "off"]),
)
qualities = st.sampled_from([0, 0, 0, 0x40000000, 0x408F0000, 0x80000000, 0x80310000])
series = st.dictionaries(st.integers(0, 400), st.tuples(scalars, qualities), max_size=60)


@quick
@given(series, st.integers(-50, 350), st.integers(1, 400), st.integers(1, 60), st.sampled_from([1, SECOND, HOUR]))
@example({0: (1.5, 0), 399: (True, 0)}, 0, 400, 7, HOUR)
def test_a_rollup_is_what_its_definition_says(store: Stage, rows, first, length, buckets, unit):
    path = f"cq/first/line/press/r{next(numbers)}"
    ordered = sorted(rows.items())
    written = batch(*[(path, T0 + t * unit, v, q) for t, (v, q) in ordered])
    store.write(written.take(slice(0, None, 2)))
    store.write(written.take(slice(1, None, 2)))
    start, stop = T0 + first * unit, T0 + (first + length) * unit
    wanted = oracle(list(written.samples()), start, stop, buckets)
    found = store.rollup(path, start, stop, buckets)
    for name, column in wanted.items():
        np.testing.assert_allclose(getattr(found, name), column, rtol=1e-12, err_msg=name)
    assert found.start[0] == start
    assert all(a <= b for a, b in itertools.pairwise(found.start.tolist()))
    assert {len(getattr(found, f.name)) for f in fields(found)} == {buckets}


def test_a_rollup_refuses_an_impossible_question(store: Stage):
    for start, stop, buckets in ((T0, T0, 1), (T0, T0 - 1, 1), (T0, T0 + 1, 0), (T0, T0 + 1, 10_001)):
        with pytest.raises(ValueError, match=r"window|buckets"):
            store.rollup(A, start, stop, buckets)


def test_a_rollup_may_span_all_of_time(store: Stage):
    store.write(batch((A, T0, 1.0), (A, -T0, 3.0)))
    found = store.rollup(A, INT64_MIN, INT64_MAX, 10_000)
    assert found.count.sum() == 2
    assert sorted(found.mean[found.count > 0].tolist()) == [1.0, 3.0]


# -------------------------------------------------------------------------------- export
def test_an_export_has_the_schema_and_everything_in_it(store: Stage):
    written = batch(
        (B, T0, 7, Quality.BAD, Origin.SIMULATED),
        (B, T0 + 1, True),
        (A, T0, 1.5),
        (A, T0 + 2, math.nan),
        (C, T0, "文"),
        (C, T0 + 1, "x"),
    )
    store.write(written)
    reader = store.export([C, A, B], T0, T0 + 2)
    assert reader.schema.equals(EXPORT_SCHEMA)
    table = reader.read_all()
    assert table.column("time").cast(pa.int64()).to_pylist() == [T0, T0 + 1, T0, T0, T0 + 1]
    assert table.column("received").cast(pa.int64())[0].as_py() == T0 + 5_000_000
    rows = table.drop_columns(["time", "received"]).to_pylist()
    assert [(r["path"], r["number"], r["integer"], r["text"], r["form"]) for r in rows] == [
        (C, None, None, "文", Form.TEXT),
        (C, None, None, "x", Form.TEXT),
        (A, 1.5, None, None, Form.FLOAT),
        (B, 7.0, 7, None, Form.INTEGER),
        (B, 1.0, 1, None, Form.BOOLEAN),
    ]
    assert rows[3]["quality"] == Quality.BAD
    assert rows[3]["origin"] == Origin.SIMULATED


def test_a_large_export_is_streamed_in_order(store: Stage, monkeypatch):
    monkeypatch.setattr("historian.export._GROUP", 100)
    store.write(batch(*[(path, T0 + i * SECOND, i) for i in range(250) for path in (A, B)], (C, T0, 1)))
    batches = list(store.export([B, C, A], T0, T0 + DAY))
    assert max(len(b) for b in batches) <= 250
    assert len(batches) >= 6
    table = pa.Table.from_batches(batches).cast(EXPORT_SCHEMA)
    assert table.column("path").to_pylist() == [B] * 250 + [C] + [A] * 250
    assert table.column("integer").to_pylist() == [*range(250), 1, *range(250)]


# ------------------------------------------------------------------------- all of it at once
writes = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30), st.integers(-9, 9), qualities), min_size=1, max_size=12),
    min_size=1,
    max_size=6,
)
FORMS = (float, int, bool, lambda n: f"text {n}", lambda n: math.nan)


@quick
@given(writes, st.integers(-1, 31), st.integers(0, 31))
def test_whatever_is_written_the_last_write_of_each_tag_and_time_holds(store: Stage, batches, first, last):
    run = next(numbers)
    paths = [f"cq/first/line/run{run}/t{i}" for i in range(5)]
    held: dict[tuple[str, int], Sample] = {}
    for rows in batches:
        # Origin follows from time: line protocol cannot take an origin back.
        written = batch(*[(paths[t], T0 + at * HOUR, FORMS[t](n), q, at % 4) for t, at, n, q in rows])
        store.write(written)
        held.update({(s.path, s.time): s for s in written.samples()})
        start, stop = T0 + first * HOUR, T0 + last * HOUR
        wanted = [held[k] for k in sorted(held) if start <= k[1] < stop]
        assert list(map(repr, store.history(paths, start, stop).samples())) == list(map(repr, wanted))
        newest = {p: s for (p, t), s in sorted(held.items()) if not s.origin & Origin.REPLAYED}
        assert list(map(repr, store.latest(paths).samples())) == list(map(repr, newest.values()))
        earlier = {p: s for (p, t), s in sorted(held.items()) if t < start}
        assert list(map(repr, store.before(paths, start).samples())) == list(map(repr, earlier.values()))
