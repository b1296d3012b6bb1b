"""Playing recordings: order, pace, marks, choice of paths, and files that are no recordings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import replay
from collectors.replay import ReplaySource
from collectors.source import Point
from configs import sources as configs
from configs.sources import ReplayAddress
from historian.port import EXPORT_SCHEMA
from plant.batch import Origin, Sample
from plant.clock import SECOND, VirtualClock
from plant.errors import ConfigError
from plant.quality import Quality
from plant.tags import Kind, Tag

T0 = 1_700_000_000 * SECOND + 123  # nanoseconds that a microsecond column would lose
FORMS = {float: 0, int: 1, bool: 2, str: 3}


def row(path: str, seconds: float, value, quality: int = 0, origin: int = 0) -> dict:
    time = T0 + round(seconds * SECOND)
    return {
        "path": path,
        "time": time,
        "received": time + 5,
        "number": None if isinstance(value, str) else float(value),
        "integer": int(value) if type(value) in (int, bool) else None,
        "text": value if isinstance(value, str) else None,
        "quality": quality,
        "form": FORMS[type(value)],
        "origin": origin,
    }


def record(file: Path, rows: list[dict], *, group: int = 1000, schema: pa.Schema = EXPORT_SCHEMA) -> Path:
    """Write an export as the historian does: sorted by tag, then time."""
    rows = sorted(rows, key=lambda r: (r["path"], r["time"]))
    columns = {f.name: pa.array([r[f.name] for r in rows]).cast(f.type) for f in schema}
    pq.write_table(pa.table(columns, schema=schema), file, row_group_size=group)
    return file


def points(*paths: str) -> list[Point[ReplayAddress]]:
    """Play what was recorded as `old` under `cq/again/line/plc/old`."""
    return [Point(Tag(path=f"cq/again/line/plc/{p}", kind=Kind.ANALOG), ReplayAddress(path=p)) for p in paths]


def source(file: Path, *paths: str, clock=None, speed: float = 0, loop: bool = False) -> ReplaySource:
    config = configs.ReplaySource(type="replay", id="tape", file=str(file), speed=speed, loop=loop)
    return ReplaySource(config, points(*paths), clock=clock or VirtualClock())


async def play(it: ReplaySource, most: int = 10**6) -> list[Sample]:
    samples: list[Sample] = []
    async with asyncio.timeout(60), it.open() as batches:
        async for batch in batches:
            samples += batch.samples()
            if len(samples) >= most:
                break
    return samples


async def test_every_form_comes_back_exactly_with_its_times_quality_and_marks(tmp_path) -> None:
    rows = [
        row("a", 0, 1.25, Quality.UNCERTAIN, Origin.SIMULATED),
        row("b", 1, 2**62 + 1),
        row("c", 2, True),
        row("d", 3, "工单-7"),
        row("d", 4, "工单-8"),
        row("a", 5, float("nan"), Quality.BAD_SENSOR_FAILURE),
    ]
    samples = await play(source(record(tmp_path / "r.parquet", rows), "a", "b", "c", "d"))
    assert [(s.path[-1], s.value, s.quality) for s in samples[:5]] == [
        ("a", 1.25, Quality.UNCERTAIN),
        ("b", 2**62 + 1, 0),
        ("c", True, 0),
        ("d", "工单-7", 0),
        ("d", "工单-8", 0),
    ]
    assert np.isnan(samples[5].value)
    assert [s.time for s in samples] == [T0 + n * SECOND for n in range(6)]
    assert all(s.received == s.time + 5 for s in samples)
    assert samples[0].origin == Origin.SIMULATED | Origin.REPLAYED
    assert samples[1].origin == Origin.REPLAYED


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50), st.integers(0, 10**6)), min_size=1, max_size=200),
    st.integers(1, 40),
    st.integers(1, 9),
)
async def test_all_rows_are_played_once_in_order_of_time_however_the_file_is_cut(
    tmp_path_factory, drawn, group, chunk
) -> None:
    rows = [row(path, second, value) for path, second, value in drawn]
    file = record(tmp_path_factory.mktemp("r") / "r.parquet", rows, group=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "_CHUNK", chunk)
        it = source(file, "a", "c", "b")
        played = await play(it) if any(r["path"] != "d" for r in rows) else []
    assert [s.time for s in played] == sorted(s.time for s in played)
    assert sorted((s.path[-1], s.time, s.value) for s in played) == sorted(
        (r["path"], r["time"], r["integer"]) for r in rows if r["path"] != "d"
    )
    assert it.tally.samples == len(played)


async def test_samples_come_when_their_time_has_come_at_the_chosen_speed(tmp_path) -> None:
    file = record(tmp_path / "r.parquet", [row("a", second, 1.0) for second in (0, 1, 4, 10)])
    clock, came = VirtualClock(), []

    async def watch() -> None:
        async with source(file, "a", clock=clock, speed=2.0).open() as batches:
            opened.set()
            async for batch in batches:
                came.extend((clock.monotonic(), (s.time - T0) / SECOND) for s in batch.samples())

    opened = asyncio.Event()
    task = asyncio.create_task(watch())
    await asyncio.wait_for(opened.wait(), 60)
    for _ in range(60):
        await clock.advance(0.1)
    await asyncio.wait_for(task, 60)
    assert [time for _, time in came] == [0, 1, 4, 10]
    for moment, time in came:
        assert time / 2 <= moment <= time / 2 + 0.05 + 1e-5


async def test_as_fast_as_possible_waits_for_nothing(tmp_path) -> None:
    file, clock = record(tmp_path / "r.parquet", [row("a", 3600 * n, n) for n in range(100)]), VirtualClock()
    assert len(await play(source(file, "a", clock=clock))) == 100
    assert clock.monotonic() == 0


async def test_a_loop_repeats_the_original_times(tmp_path) -> None:
    file, clock = record(tmp_path / "r.parquet", [row("a", n, n) for n in range(3)]), VirtualClock()
    played = asyncio.create_task(play(source(file, "a", clock=clock, loop=True), most=7))
    while not played.done():
        await clock.advance(0.1)
        await asyncio.sleep(0.001)
    assert [(s.time - T0) // SECOND for s in played.result()[:7]] == [0, 1, 2, 0, 1, 2, 0]


async def test_what_was_never_recorded_is_a_bad_point(tmp_path) -> None:
    it = source(record(tmp_path / "r.parquet", [row("a", 0, 1)]), "a", "b")
    await play(it)
    assert it.tally.bad_points == {"cq/again/line/plc/b": "b is not in the recording"}


async def test_a_source_can_be_played_again(tmp_path) -> None:
    it = source(record(tmp_path / "r.parquet", [row("a", n, n) for n in range(5)]), "a")
    assert await play(it) == await play(it)
    assert it.tally.samples == 10


async def test_plain_strings_microseconds_and_other_columns_are_welcome(tmp_path) -> None:
    fields = {f.name: f.type for f in EXPORT_SCHEMA} | {
        "path": pa.string(),
        "time": pa.timestamp("us", "Asia/Shanghai"),
    }
    rows = [row("a", 1, 2.0) | {"time": T0 // 1000 * 1000 + SECOND, "comment": "x"}]
    columns = {n: pa.array([r[n] for r in rows]) for n in fields}
    columns["time"] = pa.array([rows[0]["time"]]).cast(pa.timestamp("ns", "UTC")).cast(fields["time"])
    table = pa.table({n: c.cast(fields[n]) for n, c in columns.items()} | {"comment": ["x"]})
    pq.write_table(table, tmp_path / "r.parquet")
    [sample] = await play(source(tmp_path / "r.parquet", "a"))
    assert sample.time == rows[0]["time"]


def _broken(tmp_path: Path, kind: str) -> Path:
    file, rows = tmp_path / "r.parquet", [row("a", 0, 1), row("a", 1, "text")]
    if kind == "missing":
        return tmp_path / "nowhere.parquet"
    if kind == "text":
        file.write_text("path,time\na,1\n")
    elif kind == "cut short":
        record(file, rows)
        file.write_bytes(file.read_bytes()[:-20])
    elif kind == "damaged":
        record(file, [row("a", n, n * 1.5) for n in range(1000)])
        data = bytearray(file.read_bytes())
        data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
        file.write_bytes(data)
    elif kind == "no column":
        pq.write_table(pq.read_table(record(file, rows)).drop_columns(["quality"]), file)
    elif kind == "no zone":
        record(file, rows, schema=EXPORT_SCHEMA.set(1, pa.field("time", pa.timestamp("ns"))))
    elif kind == "value":
        record(file, [*rows, row("a", 2, 5) | {"integer": None}])
    elif kind == "quality":
        record(file, [row("a", 2, 5) | {"quality": None}])
    elif kind == "form":
        record(file, [row("a", 2, 5) | {"form": 9}])
    elif kind == "nobody":
        record(file, [row("z", 0, 1)])
    elif kind == "empty":
        record(file, [])
    return file


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "nowhere.parquet"),
        ("text", "cannot be read"),
        ("cut short", "cannot be read"),
        ("damaged", "cannot be read"),
        ("no column", "has no column quality"),
        ("no zone", "time zone"),
        ("value", "row group 0"),
        ("quality", "row group 0"),
        ("form", "row group 0"),
        ("nobody", "no sample of any"),
        ("empty", "no sample of any"),
    ],
)
async def test_what_is_no_recording_is_a_config_error_that_says_why(tmp_path, kind, words) -> None:
    with pytest.raises(ConfigError, match=words):
        await play(source(_broken(tmp_path, kind), "a"))


async def test_a_row_group_that_would_not_fit_into_memory_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(replay, "LARGEST_GROUP_ROWS", 9)
    file = record(tmp_path / "r.parquet", [row("a", n, n) for n in range(10)])
    with pytest.raises(ConfigError, match="row group 0 has 10 rows"):
        await play(source(file, "a"))


def test_one_recorded_path_under_two_names_is_a_config_error() -> None:
    config = configs.ReplaySource(type="replay", id="tape", file="x")
    with pytest.raises(ConfigError, match="two names"):
        ReplaySource(config, points("a") + points("a"), clock=VirtualClock())
