"""A user's own exported table, CSV or Parquet, as batches: block by block, so that its size does not matter.

Only the columns of the map are read. An empty field is no sample; a field that is not what
its role asks for is refused with the column and the field, for a guess would be a figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from configs.kpi_map import KpiMap, SignalConfig, TimeColumn, column_faults
from plant.batch import Batch, Floats, Form, Ints
from plant.errors import ConfigError, Fault
from plant.tags import Kind

BLOCK_ROWS, BLOCK_BYTES = 65_536, 8_000_000
_PER_SECOND = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_NULLS = ["", "NA", "N/A", "NULL", "null", "None", "nan", "NaN"]


class OwnTable:
    """The table in the file `path`, read as `wanted` says; `paths` are the tag paths of its signals.

    Raises ConfigError with every column that is missing.
    """

    def __init__(self, path: Path, wanted: KpiMap, paths: tuple[str, ...]) -> None:
        self._path = path
        self._map = wanted
        self._paths = paths
        self._found: set[int] = set()
        there = self._columns()
        if faults := column_faults(path, wanted, there):
            raise ConfigError(tuple(faults))

    def batches(self) -> Iterator[Batch]:
        """Yield the samples, a block of rows at a time.

        Raises ConfigError on a field that cannot be read, and at the end when a signal of a
        long table was never there.
        """
        try:
            for block in self._blocks():
                time = _times(block[self._map.time.column], self._map.time)
                for n, signal, values, moments in self._signals(block, time):
                    if len(batch := self._batch(n, signal, values, moments)):
                        yield batch
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._refused("", str(error).splitlines()[0][:300]) from error
        missing = [(n, s) for n, s in enumerate(self._map.signals) if n not in self._found]
        if missing:
            faults = (Fault(str(self._path), f"signals[{n}]", f"{s.name!r} has no samples") for n, s in missing)
            raise ConfigError(tuple(faults))

    def _columns(self) -> list[str]:
        try:
            if self._parquet:
                return list(pq.read_schema(self._path).names)
            with arrow_csv.open_csv(self._path, arrow_csv.ReadOptions(block_size=BLOCK_BYTES)) as reader:
                return list(reader.schema.names)
        except (pa.ArrowException, OSError) as error:
            raise self._refused("", f"cannot be read as a table: {str(error).splitlines()[0][:300]}") from error

    @property
    def _parquet(self) -> bool:
        return self._path.suffix.lower() in (".parquet", ".pq")

    def _blocks(self) -> Iterator[Mapping[str, pa.Array]]:
        names = list(dict.fromkeys(name for _, name in self._map.columns))
        batches: Iterator[pa.RecordBatch]
        if self._parquet:
            batches = _sound(pq.ParquetFile(self._path).iter_batches(BLOCK_ROWS, columns=names))
        else:
            convert = arrow_csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=_NULLS,
                strings_can_be_null=True,
            )
            options = arrow_csv.ReadOptions(block_size=BLOCK_BYTES)
            batches = arrow_csv.open_csv(self._path, read_options=options, convert_options=convert)
        for batch in batches:
            yield {name: batch.column(name) for name in names}

    def _signals(self, block: Mapping[str, pa.Array], time: Ints) -> Iterator[tuple[int, SignalConfig, pa.Array, Ints]]:
        long = self._map.long
        if long is None:
            yield from ((n, signal, block[signal.column], time) for n, signal in enumerate(self._map.signals))
            return
        coded = pc.dictionary_encode(block[long.name].cast(pa.string()))
        index = {name: code for code, name in enumerate(coded.dictionary.to_pylist())}
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        for n, signal in enumerate(self._map.signals):
            if signal.signal in index:
                rows = np.flatnonzero(codes == index[signal.signal])
                yield n, signal, block[long.value].take(pa.array(rows)), time[rows]

    def _batch(self, n: int, signal: SignalConfig, values: pa.Array, time: Ints) -> Batch:
        there = values.is_valid().to_numpy(zero_copy_only=False)
        values, time = values.drop_null(), time[there]
        if len(values):
            self._found.add(n)
        tag = np.zeros(len(values), np.uint32)
        if signal.kind in (Kind.STATE, Kind.TEXT):
            coded = pc.dictionary_encode(pc.utf8_trim_whitespace(values.cast(pa.string())))
            raw = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            texts = tuple(coded.dictionary.to_pylist())
            zeros = np.zeros(len(values), np.uint8)
            quality = np.zeros(len(values), np.uint32)
            form = np.full(len(values), int(Form.TEXT), np.uint8)
            return Batch((self._paths[n],), tag, time, time, raw, quality, form, zeros, texts)
        numbers = self._numbers(signal, values).to_numpy(zero_copy_only=False)
        return Batch.floats((self._paths[n],), tag, time, numbers, received=time)

    def _numbers(self, signal: SignalConfig, values: pa.Array) -> pa.Array:
        try:
            return values.cast(pa.float64(), safe=False)
        except pa.ArrowException:
            odd = next(value for value in values.to_pylist() if not _is_number(value))
            raise self._refused(signal.name, f"{odd!r} is not a number, which {signal.role.value} is") from None

    def _refused(self, place: str, message: str) -> ConfigError:
        return ConfigError((Fault(str(self._path), place, message),))


def _sound(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pass on what is whole; a file may name a word by a number that its dictionary does not have. Raises Arrow's."""
    for batch in batches:
        batch.validate(full=True)
        yield batch


def slug(text: str) -> str:
    """Return a text as a segment of a path can have it."""
    return re.sub(r"[\s/#+\x00-\x1f]+", "-", text).strip("-")[:56] or "unnamed"


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _times(column: pa.Array, config: TimeColumn) -> Ints:
    # Text is ISO 8601 or a number; what has no zone of its own is in that of the map.
    if column.null_count:
        raise pa.ArrowInvalid(f"a row has no time in column {config.column!r}")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _parsed(column)
    if pa.types.is_integer(column.type):
        return _numpy(column) * _PER_SECOND[config.unit]
    if pa.types.is_floating(column.type):
        # Whole seconds and the rest apart, for a float has no room for both in ns.
        numbers: Floats = column.to_numpy(zero_copy_only=False)
        whole, scale = np.floor(numbers), _PER_SECOND[config.unit]
        found: Ints = whole.astype(np.int64) * scale + np.rint((numbers - whole) * scale).astype(np.int64)
        return found
    if pa.types.is_date(column.type) or (pa.types.is_timestamp(column.type) and column.type.tz is None):
        local = column.cast(pa.timestamp("ns"))
        column = pc.assume_timezone(local, config.zone, ambiguous="earliest", nonexistent="latest")
    return _numpy(column.cast(pa.timestamp("ns", "UTC")))


def _numpy(column: pa.Array) -> Ints:
    found: Ints = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found


def _parsed(column: pa.Array) -> pa.Array:
    last: pa.ArrowInvalid | None = None
    for kind in (pa.int64(), pa.float64(), pa.timestamp("ns", "UTC"), pa.timestamp("ns")):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid as error:
            last = error
    raise pa.ArrowInvalid(f"not a time: {last}")


def span_of(batches: Iterator[Batch]) -> Iterator[tuple[Batch, tuple[int, int]]]:
    """Yield each batch with the first and last time seen so far, in ns."""
    first, last = 2**63 - 1, -(2**63)
    for batch in batches:
        first, last = min(first, int(batch.time.min())), max(last, int(batch.time.max()))
        yield batch, (first, last)
