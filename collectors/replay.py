"""A recording played again, at its own pace, faster, or as fast as possible.

    recording   sorted by tag, then time (an export)     path, time, received, number, integer,
       │  once, row group by row group                   text, quality, form, origin
       ▼
    runs        each row group's wanted rows, by time, in a temporary file
       │  merged, some thousand rows of each at a time
       ▼
    batches     in order of time, each sample when its time has come

So memory is bounded by the largest row group, not by the file.

Samples keep their source time, their received time and their quality; the mark REPLAYED is
added to whatever marks they carried, so nothing replayed can pass for live.

**Looping shifts nothing.** The second pass has the times of the first. A store that knows a
sample by tag and time holds the recording once, however often it was played; what loops is
the movement on its way there: a demonstration, a load test. Whoever wants new history needs
a simulator, not a loop.

Columns are read by name; others are ignored:

    path      string, the tag path it was recorded under     never null
    time      timestamp, UTC                                 never null
    received  timestamp, UTC                                 never null
    number    float64, the value of form 0 (null reads as NaN)
    integer   int64, the value of forms 1 and 2
    text      string, the value of form 3
    quality   uint32, OPC UA StatusCode                      never null
    form      uint8, 0 float, 1 integer, 2 boolean, 3 text   never null
    origin    uint8, flags of `plant.batch.Origin`           never null
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collectors.source import Point, Tally
from configs import sources as configs
from configs.sources import ReplayAddress
from plant.batch import Batch, Form, Ints, Origin
from plant.clock import SECOND, Clock
from plant.errors import ConfigError, Fault

_RECORDED = pa.schema(
    [
        ("path", pa.string()),
        ("time", pa.timestamp("ns", "UTC")),
        ("received", pa.timestamp("ns", "UTC")),
        ("number", pa.float64()),
        ("integer", pa.int64()),
        ("text", pa.string()),
        ("quality", pa.uint32()),
        ("form", pa.uint8()),
        ("origin", pa.uint8()),
    ]
)
_RUN = pa.schema(
    [
        ("tag", pa.uint32()),
        ("time", pa.int64()),
        ("received", pa.int64()),
        ("raw", pa.int64()),
        ("quality", pa.uint32()),
        ("form", pa.uint8()),
        ("origin", pa.uint8()),
        ("text", pa.string()),
    ]
)
_NEVER_NULL = ("time", "received", "quality", "form", "origin")
_STEP = 0.05
_CHUNK = 4096
LARGEST_GROUP_ROWS = 4_000_000
LARGEST_GROUP_BYTES = 1 << 30
"""A row group is taken into memory as a whole; larger ones are refused."""


class ReplaySource:
    """A Parquet recording as a source; see `collectors.source.Source`.

    A point takes the samples recorded under `address.path` and gives them to `tag.path`;
    what was never recorded is a bad point. A sample is at most 50 ms late and never early.
    Raises ConfigError when two points want the same recorded path; `open` raises it when
    the file is missing, is no such recording, is too large in one row group, or holds none
    of the points.
    """

    def __init__(self, config: configs.ReplaySource, points: Sequence[Point[ReplayAddress]], *, clock: Clock) -> None:
        self._recorded = [point.address.path for point in points]
        twice = sorted({path for path in self._recorded if self._recorded.count(path) > 1})
        if twice:
            faults = (Fault(file=config.id, path=path, message="is played under two names") for path in twice)
            raise ConfigError(tuple(faults))
        self.tally = Tally()
        self._config, self._points, self._clock = config, tuple(points), clock

    @property
    def name(self) -> str:
        return self._config.id

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(point.tag.path for point in self._points)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        """Sort the recording by time, then play it; see the port."""
        with tempfile.TemporaryDirectory(prefix="replay-") as folder:
            sorter = _Sorter(Path(self._config.file), self._recorded)
            runs = await asyncio.to_thread(sorter.sort, Path(folder) / "runs.arrow")
            self.tally.bad_points = {
                point.tag.path: f"{point.address.path} is not in the recording"
                for index, point in enumerate(self._points)
                if index not in sorter.found
            }
            batches = self._play(runs)
            try:
                yield batches
            finally:
                await batches.aclose()

    async def _play(self, runs: _Runs) -> AsyncGenerator[Batch, None]:
        while True:
            began, first = self._clock.monotonic(), None
            for table in runs.merged():
                batch = _batch(table, self.paths)
                first = int(batch.time[0]) if first is None else first
                async for part in self._in_time(batch, began=began, first=first):
                    self.tally.samples += len(part)
                    yield part
            if not self._config.loop:
                return
            await self._clock.sleep(_STEP)  # a recording of one instant must not spin

    async def _in_time(self, batch: Batch, *, began: float, first: int) -> AsyncIterator[Batch]:
        """Yield the rows of a batch when they are due, those of one step together."""
        speed, at = self._config.speed, 0
        while at < len(batch):
            due = len(batch)
            if speed:
                passed = (self._clock.monotonic() - began) * speed
                due = int(np.searchsorted(batch.time, first + int(passed * SECOND), "right"))
                if due <= at:
                    wait = (int(batch.time[at]) - first) / SECOND - passed
                    await self._clock.sleep(max(wait / speed, 1e-6))
                    continue
            yield batch.take(slice(at, due))
            at = due
            await self._clock.sleep(_STEP if speed else 0)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Rows in a temporary Arrow file, each run in order of time. `parts`: a run's record batches."""

    file: Path
    parts: tuple[range, ...]

    def merged(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order of time, in pieces; those of one time in their order in the file.

        What is not later than the earliest end of all current pieces cannot be overtaken
        by anything still unread.
        """
        with pa.memory_map(str(self.file)) as mapped:
            reader = pa.ipc.open_file(mapped)
            waiting = [list(part) for part in reversed(self.parts)]
            heads = [reader.get_batch(part.pop(0)) for part in waiting]
            while heads:
                times = [_times(head) for head in heads]
                safe = min(time[-1] for time in times)
                cuts = [int(np.searchsorted(time, safe, "right")) for time in times]
                rows = pa.concat_batches([head.slice(0, cut) for head, cut in zip(heads, cuts, strict=True)])
                yield rows.take(pa.array(np.argsort(_times(rows), kind="stable")))
                left = []
                for head, cut, more in zip(heads, cuts, waiting, strict=True):
                    rest = head.slice(cut)
                    if not len(rest) and more:
                        rest = reader.get_batch(more.pop(0))
                    left.append((rest, more))
                heads = [rest for rest, _ in left if len(rest)]
                waiting = [more for rest, more in left if len(rest)]


class _Sorter:
    """Turns a recording into runs. `found`: indices of the wanted paths that it holds."""

    def __init__(self, file: Path, wanted: Sequence[str]) -> None:
        self.found: set[int] = set()
        self._file, self._wanted = file, pa.array(wanted, pa.string())

    def sort(self, target: Path) -> _Runs:
        """Write the wanted rows to `target`, one run for each row group. Raises ConfigError."""
        try:
            with pq.ParquetFile(self._file, read_dictionary=["path"]) as recording:
                self._check(recording)
                return self._write(recording, target)
        except (pa.ArrowException, OSError) as error:
            raise self._refused(f"cannot be read as a recording: {error}") from error

    def _check(self, recording: pq.ParquetFile) -> None:
        columns = recording.schema_arrow
        missing = [name for name in _RECORDED.names if name not in columns.names]
        if missing:
            raise self._refused(f"has no column {', '.join(missing)}")
        for name in ("time", "received"):
            if not pa.types.is_timestamp(columns.field(name).type) or columns.field(name).type.tz is None:
                raise self._refused(f"{name} is not a timestamp with a time zone")
        for index in range(recording.num_row_groups):
            group = recording.metadata.row_group(index)
            if group.num_rows > LARGEST_GROUP_ROWS or group.total_byte_size > LARGEST_GROUP_BYTES:
                raise self._refused(
                    f"row group {index} has {group.num_rows} rows in {group.total_byte_size} bytes; "
                    f"at most {LARGEST_GROUP_ROWS} rows and {LARGEST_GROUP_BYTES} bytes are played"
                )

    def _write(self, recording: pq.ParquetFile, target: Path) -> _Runs:
        parts, written = [], 0
        with pa.ipc.new_file(str(target), _RUN) as runs:
            for index in range(recording.num_row_groups):
                rows = self._rows(recording.read_row_group(index, columns=_RECORDED.names), index)
                pieces = [rows.slice(at, _CHUNK) for at in range(0, len(rows), _CHUNK)]
                for piece in pieces:
                    runs.write_batch(piece)
                if pieces:
                    parts.append(range(written, written + len(pieces)))
                    written += len(pieces)
        if not parts:
            raise self._refused("holds no sample of any of the points")
        return _Runs(target, tuple(parts))

    def _rows(self, group: pa.Table, index: int) -> pa.RecordBatch:
        """Return the wanted rows of one row group, by time, in the columns of a run."""
        group.validate(full=True)  # a file may name a path that its dictionary lacks, or hold a text that is no UTF-8
        path = group.column("path").unify_dictionaries().combine_chunks()
        group = group.append_column("tag", _index_of(path, self._wanted)).drop_columns("path")
        group = group.filter(pc.is_valid(group.column("tag")))
        columns = {f.name: group.column(f.name).cast(f.type).combine_chunks() for f in _RECORDED if f.name != "path"}
        form = columns["form"]
        fits = pc.and_(pc.less_equal(form, pa.scalar(int(max(Form)), pa.uint8())), _has_value(columns))
        if not pc.all(fits, min_count=0).as_py() or any(columns[name].null_count for name in _NEVER_NULL):
            raise self._refused(
                f"row group {index} has rows without a time, a quality or the value their form promises"
            )
        tag = group.column("tag").combine_chunks()
        self.found.update(pc.unique(tag).to_pylist())
        rows = pa.record_batch(
            {
                "tag": tag.cast(pa.uint32()),
                "time": columns["time"].cast(pa.int64()),
                "received": columns["received"].cast(pa.int64()),
                "raw": _raw(columns),
                "quality": columns["quality"],
                "form": form,
                "origin": columns["origin"],
                "text": columns["text"],
            },
            schema=_RUN,
        )
        return rows.take(pa.array(np.argsort(_times(rows), kind="stable")))

    def _refused(self, message: str) -> ConfigError:
        return ConfigError((Fault(file=str(self._file), path="", message=message),))


def _index_of(path: pa.Array, wanted: pa.Array) -> pa.Array:
    """Return for each row which of the wanted paths it has, null for none; looks each path up once."""
    if not isinstance(path, pa.DictionaryArray):
        path = path.dictionary_encode()
    return pc.index_in(path.dictionary.cast(pa.string()), value_set=wanted, skip_nulls=True).take(path.indices)


def _has_value(columns: dict[str, pa.Array]) -> pa.Array:
    form = columns["form"]
    whole = pc.is_in(form, value_set=pa.array([Form.INTEGER, Form.BOOLEAN], pa.uint8()))
    text = pc.equal(form, pa.scalar(int(Form.TEXT), pa.uint8()))
    return pc.and_(
        pc.or_(pc.invert(whole), columns["integer"].is_valid()), pc.or_(pc.invert(text), columns["text"].is_valid())
    )


def _raw(columns: dict[str, pa.Array]) -> Ints:
    """Return the 64-bit slots of `plant.batch`; those of texts are filled in when a batch is made."""
    floats = columns["number"].fill_null(np.nan).to_numpy(zero_copy_only=False)
    whole = columns["integer"].fill_null(0).to_numpy(zero_copy_only=False)
    raw: Ints = np.where(columns["form"].to_numpy() == Form.FLOAT, floats.view(np.int64), whole)
    return raw


def _times(rows: pa.RecordBatch) -> Ints:
    times: Ints = rows.column("time").to_numpy()
    return times


def _batch(rows: pa.RecordBatch, names: tuple[str, ...]) -> Batch:
    column = {name: rows.column(name).to_numpy() for name in _RUN.names if name != "text"}
    texts: tuple[str, ...] = ()
    written = column["form"] == Form.TEXT
    if written.any():
        words = rows.column("text").filter(pa.array(written)).dictionary_encode()
        texts = tuple(words.dictionary.to_pylist())
        column["raw"] = column["raw"].copy()
        column["raw"][written] = words.indices.to_numpy()
    batch = Batch(names=names, texts=texts, **column)
    return batch.marked(Origin.REPLAYED)
