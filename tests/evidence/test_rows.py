"""Files of samples, whatever was done to them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evidence.rows import inspect
from historian.export import to_arrow
from historian.port import EXPORT_SCHEMA
from plant.batch import BatchBuilder
from plant.errors import Rejected


def test_a_file_with_any_bit_of_any_byte_changed_is_read_or_rejected(tmp_path: Path) -> None:
    """Once, an index beyond the dictionary of paths was read without a word."""
    file = tmp_path / "samples.parquet"
    builder = BatchBuilder()
    builder.add("a/b/c/d/e", 1, 1.5, received=1)
    builder.add("a/b/c/d/f", 2, "text", received=2)
    with pq.ParquetWriter(file, EXPORT_SCHEMA) as writer:
        writer.write_table(pa.Table.from_batches([to_arrow(builder.build())], EXPORT_SCHEMA))
    whole = file.read_bytes()
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        file.write_bytes(changed)
        with suppress(Rejected):
            inspect(file)
