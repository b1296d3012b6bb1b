"""The default store: a durable log in SQLite, sealed into Parquet segments, read by DuckDB.

`EmbeddedHistorian` writes and reads; `EmbeddedReader` reads beside it from another process.
"""

from historian.embedded.historian import EmbeddedHistorian
from historian.embedded.reader import EmbeddedReader

__all__ = ["EmbeddedHistorian", "EmbeddedReader"]
