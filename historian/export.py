"""Exports: a window's samples as a stream of Arrow batches, however many there are.

Tags are read in groups of about a million samples; a tag with more is read in slices of
time. So memory stays bounded, and the stream is sorted by tag, then time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa

from historian.port import EXPORT_SCHEMA
from plant.batch import Batch, Form

_GROUP = 1_000_000


class _Reads(Protocol):
    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch: ...


def stream(
    historian: _Reads, paths: Sequence[str], start: int, stop: int, counts: Mapping[str, int]
) -> pa.RecordBatchReader:
    """Return the stream. `counts`: how many samples each tag has in the window, about."""

    def batches() -> Iterator[pa.RecordBatch]:
        for group, first, last in _plan([p for p in dict.fromkeys(paths) if counts.get(p)], start, stop, counts):
            samples = historian.history(group, first, last)
            if len(samples):
                yield to_arrow(samples)

    return pa.RecordBatchReader.from_batches(EXPORT_SCHEMA, batches())


def _plan(
    paths: Sequence[str], start: int, stop: int, counts: Mapping[str, int]
) -> Iterator[tuple[list[str], int, int]]:
    group: list[str] = []
    held = 0
    for path in paths:
        if group and held + counts[path] > _GROUP:
            yield group, start, stop
            group, held = [], 0
        if counts[path] > _GROUP:
            slices = -(-counts[path] // _GROUP)
            edges = [start + (stop - start) * i // slices for i in range(slices + 1)]
            yield from (([path], first, last) for first, last in pairwise(edges))
            continue
        group.append(path)
        held += counts[path]
    if group:
        yield group, start, stop


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
