"""Builds one tag's samples from plain lists, for tests."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from plant.batch import Batch, BatchBuilder, Value
from plant.clock import SECOND
from plant.quality import Quality

PATH = "cq/first/line/press/signal"
BAD, UNCERTAIN = int(Quality.BAD_NO_COMMUNICATION), int(Quality.UNCERTAIN)


def samples(rows: Iterable[tuple[float, Value] | tuple[float, Value, int]], *, path: str = PATH) -> Batch:
    """Build a batch of (seconds, value[, quality]); received when it was measured."""
    builder = BatchBuilder()
    for row in rows:
        time = round(row[0] * SECOND)
        builder.add(path, time, row[1], received=time, quality=row[2] if len(row) > 2 else 0)
    return builder.build()


def window(start: float, stop: float) -> tuple[int, int]:
    """Return a window in ns from seconds."""
    return round(start * SECOND), round(stop * SECOND)


qualities = st.sampled_from((0, 0, 0, 0, BAD, UNCERTAIN))
state_rows = st.lists(
    st.tuples(st.integers(0, 400).map(lambda t: t / 4), st.integers(1, 17), qualities),
    max_size=40,
    unique_by=lambda row: row[0],
)
counter_rows = st.lists(
    st.tuples(st.integers(0, 400).map(lambda t: t / 4), st.integers(0, 60), qualities),
    max_size=40,
    unique_by=lambda row: row[0],
)
gaps = st.sampled_from((None, 0.5, 3.0, 20.0))
