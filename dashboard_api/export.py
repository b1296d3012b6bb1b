"""One tag's samples as a file, streamed: what a chart cannot show, for a spreadsheet or a notebook.

CSV has one `value` column and times as ISO 8601 in UTC; Parquet has the historian's export
columns, typed. Both keep source time beside received time, every quality, and a `simulated`
column that no option removes. Memory stays bounded, for batches are encoded as they are read.

Where samples are no longer kept, the rows are the stored buckets that stand for them: the value
is their mean, and the columns of `ROLLED` follow, empty for samples. Files without such rows do
not have these columns.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse

from dashboard_api.query import CentreHere, window
from dashboard_api.rolled import ROLLED, with_buckets
from plant.batch import Form, Origin
from plant.clock import iso
from plant.quality import name
from plant.tags import check_path

router = APIRouter(prefix="/api/v1", tags=["read"])

MOST_SAMPLES = 20_000_000
"""A window with more is refused: nobody opens such a file, and a store has other readers."""

FileFormat = Literal["csv", "parquet"]
_MEDIA: dict[FileFormat, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_UNFIT = re.compile(r"[^\w.-]+")
_WHOLE = (int(Form.INTEGER), int(Form.BOOLEAN))


@router.get(
    "/tags/{path:path}/export",
    response_class=StreamingResponse,
    responses={413: {}, 422: {}},
    name="export",
)
async def export(
    centre: CentreHere,
    path: str,
    start: str,
    stop: str,
    kind: Annotated[FileFormat, Query(alias="format")] = "csv",
) -> StreamingResponse:
    """Download every sample of one tag in a window, as it was stored; where it was thinned, its buckets, marked."""
    try:
        check_path(path)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    begin, end = window(start, stop)
    tag = centre.tags.get(path)
    simulated = tag is not None and tag.simulated
    unit = tag.unit if tag else "1"

    def open_stream() -> Iterator[bytes]:
        stored = centre.historian.buckets(path, begin, end)
        held = int(centre.historian.rollup(path, begin, end, 1).count.sum() - stored.count.sum()) + len(stored.start)
        if held > MOST_SAMPLES:
            raise HTTPException(413, f"{held} samples are in this window, {MOST_SAMPLES} at most; choose a shorter one")
        reader = with_buckets(path, centre.historian.export([path], begin, end), stored)
        chunks = _csv(reader, unit, simulated=simulated) if kind == "csv" else _parquet(reader, unit, simulated)
        # The first piece is made before anything is sent, so that a store that is away is answered with 503.
        return itertools.chain([next(chunks)], chunks)

    chunks = await asyncio.to_thread(open_stream)
    file = file_name(path, begin, end, kind)
    plain = file.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file)}"
    return StreamingResponse(chunks, media_type=_MEDIA[kind], headers={"Content-Disposition": disposition})


def file_name(path: str, start: int, stop: int, kind: FileFormat) -> str:
    """Name a download after its tag and its window, in UTC."""
    compact = "_".join(re.sub(r"[-:]|\.\d+", "", iso(moment)) for moment in (start, stop))
    return f"{_UNFIT.sub('_', path)}_{compact}.{kind}"


def _csv(reader: pa.RecordBatchReader, unit: str, *, simulated: bool) -> Iterator[bytes]:
    empty = _rows(pa.RecordBatch.from_pylist([], schema=reader.schema), unit, simulated=simulated)
    yield _encoded(empty, header=True)
    for batch in reader:
        yield _encoded(_rows(batch, unit, simulated=simulated), header=False)


def _encoded(rows: pa.Table, *, header: bool) -> bytes:
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(rows, sink, pyarrow.csv.WriteOptions(include_header=header, quoting_style="needed"))
    return bytes(sink.getvalue())


def _rows(batch: pa.RecordBatch, unit: str, *, simulated: bool) -> pa.Table:
    number = pc.if_else(pc.is_finite(batch["number"]), batch["number"], None)
    whole = pc.if_else(pc.is_in(batch["form"], pa.array(_WHOLE, pa.uint8())), batch["integer"], None)
    codes, places = np.unique(batch["quality"].to_numpy(), return_inverse=True)
    names = pa.array([name(int(code)) for code in codes], pa.string())
    return pa.table(
        {
            "path": batch["path"].cast(pa.string()),
            "time": _iso(batch["time"]),
            "received": _iso(batch["received"]),
            "value": pc.coalesce(batch["text"], whole.cast(pa.string()), number.cast(pa.string())),
            "unit": pa.array([unit] * len(batch), pa.string()),
            "quality": names.take(pa.array(places.reshape(-1), pa.int64())),
            "status_code": batch["quality"],
            "simulated": _simulated(batch, declared=simulated),
            "replayed": _has(batch, Origin.REPLAYED),
            **{name: batch[name] for name in ROLLED.names if name in batch.schema.names},
        }
    )


def _iso(times: pa.Array) -> pa.Array:
    return pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ")


def _has(batch: pa.RecordBatch, flag: Origin) -> pa.Array:
    return pc.not_equal(pc.bit_wise_and(batch["origin"], pa.scalar(int(flag), pa.uint8())), 0)


def _simulated(batch: pa.RecordBatch, *, declared: bool) -> pa.Array:
    return pc.or_(_has(batch, Origin.SIMULATED), declared)


class _Pieces:
    """A file that gives away what was written to it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = b"".join(self._parts), []
        return parts

    def flush(self) -> None:
        """Nothing is held back."""


def _parquet(reader: pa.RecordBatchReader, unit: str, simulated: bool) -> Iterator[bytes]:
    schema = reader.schema.append(pa.field("simulated", pa.bool_())).with_metadata({"unit": unit})
    pieces = _Pieces()
    with pyarrow.parquet.ParquetWriter(pa.PythonFile(pieces, mode="w"), schema, compression="zstd") as writer:
        for batch in reader:
            columns = [*batch.columns, _simulated(batch, declared=simulated)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            yield pieces.taken()
    yield pieces.taken()
