"""Exports: a window's samples as a stream of Arrow batches, however many there are.

Tags are read in groups of about a million samples; a tag with more is read piece by piece
in time. So memory stays bounded, and the stream is sorted by tag, then time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from historian.port import EXPORT_SCHEMA
from plant.batch import Batch, Form

_GROUP = 1_000_000


class Countable(Protocol):
    """What an export needs of a historian."""

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        """Return all samples of the tags in the window, sorted by tag (in the order asked), then time."""

    def counts(self, paths: Sequence[str], start: int, stop: int) -> Mapping[str, int]:
        """Return how many samples each tag has in the window, about; tags without may be left out."""


def stream(historian: Countable, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
    """Return the stream of the window's samples."""

    def batches() -> Iterator[pa.RecordBatch]:
        if stop <= start:
            return
        for group, first, last in _plan(historian, list(dict.fromkeys(paths)), start, stop):
            samples = historian.history(group, first, last)
            if len(samples):
                yield to_arrow(samples)

    return pa.RecordBatchReader.from_batches(EXPORT_SCHEMA, batches())


def _plan(historian: Countable, paths: Sequence[str], start: int, stop: int) -> Iterator[tuple[list[str], int, int]]:
    group: list[str] = []
    held = 0
    counts = historian.counts(paths, start, stop)
    for path in paths:
        size = counts.get(path, 0)
        if group and held + size > _GROUP:
            yield group, start, stop
            group, held = [], 0
        if size > _GROUP:
            yield from _halves(historian, path, (start, stop), size)
        elif size:
            group.append(path)
            held += size
    if group:
        yield group, start, stop


def _halves(
    historian: Countable, path: str, window: tuple[int, int], size: int
) -> Iterator[tuple[list[str], int, int]]:
    """Cut one tag's window into pieces of bearable size, wherever in it the samples are."""
    start, stop = window
    middle = (start + stop) // 2
    if size <= _GROUP or middle == start:
        if size:
            yield [path], start, stop
        return
    first = historian.counts([path], start, middle).get(path, 0)
    yield from _halves(historian, path, (start, middle), first)
    yield from _halves(historian, path, (middle, stop), size - first)


def to_arrow(samples: Batch) -> pa.RecordBatch:
    """Lay samples out as an export has them."""
    text = samples.form == Form.TEXT
    whole = (samples.form == Form.INTEGER) | (samples.form == Form.BOOLEAN)
    texts = pa.array(samples.texts, pa.string()) if samples.texts else pa.nulls(1, pa.string())
    indices = pa.array(np.where(text, samples.raw, 0).astype(np.int64), mask=~text)
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(samples.tag.astype(np.int32)), pa.array(samples.names, pa.string())),
        pa.array(samples.time).cast(pa.timestamp("ns", "UTC")),
        pa.array(samples.received).cast(pa.timestamp("ns", "UTC")),
        pa.array(samples.numbers, mask=text),
        pa.array(samples.raw, mask=~whole),
        texts.take(indices),
        pa.array(samples.quality),
        pa.array(samples.form),
        pa.array(samples.origin),
    ]
    return pa.record_batch(columns, schema=EXPORT_SCHEMA)
