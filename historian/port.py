"""The historian port: write is durable and idempotent, reads are columns.

All methods are synchronous and may be called from any thread; asynchronous callers hand
them to a worker thread. Times are ns since 1970 UTC; windows are half open, `start <= t < stop`.
A sample is known by its tag path and source time: writing it again changes nothing, writing
another value for it replaces the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from plant.batch import Batch, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Rollup:
    """One tag's samples summed up in equal buckets of a window; one row per bucket, empty ones too.

    `start`: ns UTC, first instant of the bucket. `count`: samples in it, of any quality.
    `usable`: samples that are not bad. `minimum`, `maximum`, `mean`, `last`: over usable
    samples, NaN where there are none. `quality`: the worst StatusCode in the bucket by
    severity, 0 when it is empty.
    """

    start: Ints
    count: Ints
    usable: Ints
    minimum: Floats
    maximum: Floats
    mean: Floats
    last: Floats
    quality: npt.NDArray[np.uint32]


EXPORT_SCHEMA = pa.schema(
    [
        ("path", pa.dictionary(pa.int32(), pa.string())),
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
"""The columns of an export: `number` is null for texts, `integer` null unless the form is
INTEGER or BOOLEAN, `text` null unless the form is TEXT."""


class Historian(Protocol):
    """Where samples live. Implementations: `embedded`, `influxdb`."""

    def write(self, batch: Batch) -> None:
        """Store a batch; when this returns, the batch survives a power cut.

        Raises Unavailable when it cannot be stored now (the caller keeps it and tries
        again), Rejected when it can never be stored.
        """

    def paths(self) -> tuple[str, ...]:
        """Return every tag path that has samples, sorted."""

    def latest(self, paths: Sequence[str]) -> Batch:
        """Return the newest sample of each tag by source time, replayed ones left out."""

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        """Return all samples of the tags in the window, sorted by tag (in the order asked), then time."""

    def before(self, paths: Sequence[str], moment: int) -> Batch:
        """Return the newest sample of each tag earlier than `moment`: what was in force when a window began."""

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        """Sum one tag up in `buckets` equal parts of the window. `buckets` is 1 to 10 000."""

    def export(self, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
        """Stream the window's samples as Arrow with `EXPORT_SCHEMA`, sorted by tag, then time."""

    def close(self) -> None:
        """Flush and release everything; other methods must not be called afterwards."""
