"""The truth record: what really happened in a model, for tests and graders only.

It is the simulator's own notebook. Nothing of it travels through telemetry; analytics must
find out by itself, and is then compared with this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from plant.batch import Value


class What(StrEnum):
    """The kinds of facts a model records."""

    STATE = "state"
    """A machine left a state: `cause`, `began` (ns), `seconds`, `energy` (kW.h, cumulative)."""
    PART = "part"
    """A part was judged or left: `part`, `product`, `defect`, `verdict`."""
    REPAIR = "repair"
    """People dealt with a stop: `cause`, `waited`, `worked` (s)."""
    FAULT = "fault"
    """A fault was injected or ended: `kind`, `target`, `edge`, `size`."""
    EVENT = "event"
    """Anything a scene's own model finds worth proving."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: when (ns UTC), what, where (device or signal), and its particulars."""

    time: int
    what: What
    where: str
    detail: dict[str, Value] = field(default_factory=dict)


class Truth:
    """Facts in order of time; a live simulation keeps only the newest `limit`."""

    def __init__(self, limit: int | None = None) -> None:
        self._facts: deque[Fact] = deque(maxlen=limit)

    def __len__(self) -> int:
        return len(self._facts)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._facts)

    def add(self, time: int, what: What, where: str, **detail: Value) -> None:
        """Record one fact."""
        self._facts.append(Fact(time, what, where, detail))

    def of(self, what: What, where: str | None = None) -> Iterator[Fact]:
        """Yield the facts of one kind, of one place if given."""
        return (f for f in self._facts if f.what is what and where in (None, f.where))

    def write(self, path: Path) -> None:
        """Write the record as Parquet (`.parquet`) or as one JSON object a line (any other name)."""
        if path.suffix == ".parquet":
            table = pa.table(
                {
                    "time": pa.array([f.time for f in self], pa.int64()),
                    "what": pa.array([str(f.what) for f in self], pa.string()),
                    "where": pa.array([f.where for f in self], pa.string()),
                    "detail": pa.array([orjson.dumps(f.detail).decode() for f in self], pa.string()),
                }
            )
            pq.write_table(table, path)
            return
        with path.open("wb") as lines:
            for f in self:
                lines.write(orjson.dumps({"time": f.time, "what": f.what, "where": f.where, **f.detail}) + b"\n")
