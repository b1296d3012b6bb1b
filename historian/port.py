"""The historian port: write is durable and idempotent, reads are columns.

All methods are synchronous and may be called from any thread; asynchronous callers hand
them to a worker thread. Times are ns since 1970 UTC; windows are half open, `start <= t < stop`.
A sample is known by its tag path and source time: writing it again changes nothing, writing
another value for it replaces the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    severity, 0 when it is empty. `step`: ns, the coarsest of the stored buckets that stand in
    it for samples that were thinned; 0 where all comes from samples. A stored bucket counts
    where it begins, so the sums of windows that touch are those of the whole.
    """

    start: Ints
    count: Ints
    usable: Ints
    minimum: Floats
    maximum: Floats
    mean: Floats
    last: Floats
    quality: npt.NDArray[np.uint32]
    step: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """One tag's stored buckets: what is kept of samples that were thinned. One row a bucket, none empty.

    `start`, `step`: ns. `count`: samples of any quality; `usable`: not bad; `good`; `numbers`:
    usable ones that have a number, over which `minimum`, `maximum`, `total`, `first` and `last`
    are; NaN where there are none. `quality`: the worst StatusCode. `origin`: every flag that a
    sample had, so what was simulated stays marked.
    """

    start: Ints
    step: Ints
    count: Ints
    usable: Ints
    good: Ints
    numbers: Ints
    minimum: Floats
    maximum: Floats
    total: Floats
    first: Floats
    last: Floats
    quality: npt.NDArray[np.uint32]
    origin: npt.NDArray[np.uint8]

    @property
    def mean(self) -> Floats:
        """The mean of each bucket's numbers."""
        found: Floats = np.where(self.numbers > 0, self.total / np.maximum(self.numbers, 1), np.nan)
        return found


@dataclass(frozen=True, slots=True)
class Hole:
    """A span of whole UTC days from which samples of a tag were dropped, with or without buckets in their place."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one thinning took away: samples, finer buckets, and bytes on the disk (None: the store does not say)."""

    samples: int = 0
    buckets: int = 0
    bytes: int | None = None


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
        """Return the newest sample of each tag earlier than `moment`: what was in force when a window began.

        Where samples were thinned, the last of the last whole bucket before it; nothing where
        samples were dropped without buckets since.
        """

    def thinned(self, paths: Sequence[str], start: int, stop: int) -> tuple[Hole, ...]:
        """Return the holes that reach into a window: where `history` no longer has all that was written."""

    def buckets(self, path: str, start: int, stop: int) -> Buckets:
        """Return one tag's stored buckets that begin in the window, in order of time, then step."""

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        """Sum one tag up in `buckets` equal parts of the window. `buckets` is 1 to 10 000."""

    def export(self, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
        """Stream the window's samples as Arrow with `EXPORT_SCHEMA`, sorted by tag, then time."""

    def close(self) -> None:
        """Flush and release everything; other methods must not be called afterwards."""


class Surveyed(Protocol):
    """A store that says how much it holds of which day."""

    def held(self, groups: Sequence[Sequence[str]], before: int, *, step: int = 0) -> list[Mapping[int, int]]:
        """Return, for each group of tags, how many samples every UTC day has that ends by `before`; days since 1970.

        `step`: count stored buckets of this step instead. What was written a moment ago may be missing.
        """


class Thinnable(Surveyed, Protocol):
    """A historian that can let go of samples, a UTC day of some tags at a time."""

    def thin(self, paths: Sequence[str], day: int, step: int) -> Dropped:
        """Let stored buckets of `step` ns stand for the tags' samples of a UTC day, and for finer buckets; 0: nothing.

        The samples go once the buckets are durable, never before; doing it again changes nothing.
        Samples that come later for a day that is thinned are samples like any others until it is
        thinned again, and then they are added to its buckets: one that was counted before and is
        written again then counts twice, so a day must be older than anything is delivered again.
        `step` divides a day. Raises Unavailable, with nothing lost, when it cannot be done now,
        Rejected when this store cannot do it.
        """
