"""Samples of one tag and the buckets that stand for others, in one stream, in order of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from historian.port import Buckets
from plant.batch import Form
from plant.clock import SECOND

ROLLED = pa.schema(
    [
        ("rollup_seconds", pa.float64()),
        ("count", pa.int64()),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
        ("first", pa.float64()),
        ("last", pa.float64()),
    ]
)
"""What a row that is a bucket has beside what a sample has; `rollup_seconds` is how long it is."""


def with_buckets(path: str, samples: pa.RecordBatchReader, stored: Buckets) -> pa.RecordBatchReader:
    """Return the samples with the tag's buckets among them; the samples alone where there are none."""
    if not len(stored.start):
        return samples
    schema = pa.schema([*samples.schema, *ROLLED])
    buckets = _rows(path, stored, schema)

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in samples:
            last = pc.max(batch["time"]).cast(pa.int64()).as_py()
            upto = int(np.searchsorted(stored.start, last, side="right"))
            yield from _joined(batch, buckets.slice(done, upto - done), schema)
            done = upto
        yield from buckets.slice(done).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _joined(samples: pa.RecordBatch, buckets: pa.Table, schema: pa.Schema) -> list[pa.RecordBatch]:
    columns = [*samples.columns, *(pa.nulls(len(samples), field.type) for field in ROLLED)]
    together = pa.concat_tables([pa.table(columns, schema=schema), buckets]).unify_dictionaries()
    batches: list[pa.RecordBatch] = together.sort_by("time").combine_chunks().to_batches()
    return batches


def _rows(path: str, stored: Buckets, schema: pa.Schema) -> pa.Table:
    size = len(stored.start)
    mean = stored.mean
    columns = {
        "path": pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([path], pa.string())),
        "time": pa.array(stored.start).cast(pa.timestamp("ns", "UTC")),
        "received": pa.nulls(size, pa.timestamp("ns", "UTC")),
        "number": pa.array(mean, mask=np.isnan(mean)),
        "integer": pa.nulls(size, pa.int64()),
        "text": pa.nulls(size, pa.string()),
        "quality": pa.array(stored.quality),
        "form": pa.array(np.full(size, Form.FLOAT, np.uint8)),
        "origin": pa.array(stored.origin),
        "rollup_seconds": pa.array(stored.step / SECOND),
        "count": pa.array(stored.count),
        **{name: _numbers(getattr(stored, name)) for name in ("minimum", "maximum", "first", "last")},
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _numbers(column: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pa.Array:
    return pa.array(column, mask=np.isnan(column))
