"""A sample is in force from its own time until the next one, or until the silence is too long.

    samples      ●───────────●──✗───────●─────────────────────── (silent)
    in force     ▐ first     ▐ s▐ bad   ▐ fourth ··max_gap··▐ unknown

Every signal that holds its value (states, products, ideal cycles) is read this way, and so
is the question of when a counter was known. A window is covered without gaps or overlaps;
what is not known is an interval of its own, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from analytics.spans import Spans
from plant.batch import Batch, Ints, Mask
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import good, usable


class Unknown(IntEnum):
    """Why nothing is known about an interval; NOT_SO when it is known."""

    NOT_SO = 0
    NO_DATA = 1
    """Before the first sample there is."""
    SILENT = 2
    """The last sample is older than its tag allows."""
    BAD_QUALITY = 3
    UNMAPPED = 4
    """The value has no meaning in the configuration."""


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A window cut into adjoining intervals, one row each; times in ns UTC.

    `row`: the sample in force, as an index into the samples, -1 where nothing is known.
    `why`: an `Unknown` per row. `good`: whether the sample's quality is good.
    """

    start: Ints
    stop: Ints
    row: npt.NDArray[np.int64]
    why: npt.NDArray[np.uint8]
    good: Mask

    @property
    def known(self) -> Spans:
        """When something usable was in force."""
        return Spans.where(self.row >= 0, self.start, self.stop)

    @property
    def known_good(self) -> Spans:
        """When something of good quality was in force."""
        return Spans.where(self.good & (self.row >= 0), self.start, self.stop)

    def at(self, moments: Ints) -> npt.NDArray[np.int64]:
        """Return the row in force at each moment, -1 where unknown or outside the window."""
        if not len(self.start):
            return np.full(len(moments), -1)
        index = np.searchsorted(self.start, moments, side="right") - 1
        inside = (index >= 0) & (moments < self.stop[-1])
        return np.where(inside, self.row[np.maximum(index, 0)], -1)


def ordered(samples: Batch) -> Batch:
    """Sort one tag's samples by time and keep one per time: the one received last.

    Batch boundaries, late arrival and duplicates leave no trace after this.
    """
    if len(samples) < 2:
        return samples
    rising = samples.time[1:] > samples.time[:-1]
    if rising.all():
        return samples
    order = np.lexsort((samples.received, samples.time))
    time = samples.time[order]
    last = np.concatenate((time[1:] != time[:-1], [True]))
    return samples.take(order[last])


def steps(samples: Batch, window: Span, *, max_gap: float | None) -> Steps:
    """Cut a window by the samples (of one tag, `ordered`) in force.

    Samples before the window count: the newest of them is in force when it begins.
    `max_gap`: seconds of silence after which a sample is no longer believed; None = never.
    """
    start, stop = window
    if stop <= start:
        return _empty()
    first = max(int(np.searchsorted(samples.time, start, side="right")) - 1, 0)
    last = int(np.searchsorted(samples.time, stop, side="left"))
    rows = np.arange(first, last, dtype=np.int64)
    time = samples.time[first:last]
    until = np.concatenate((time[1:], [stop])) if len(time) else time
    silent_from = until if max_gap is None else np.minimum(until, time + round(max_gap * SECOND))

    # Two intervals a sample: while it is believed, and the silence after it.
    begin = np.stack((time, silent_from), axis=1).ravel()
    end = np.stack((silent_from, until), axis=1).ravel()
    fine = usable(samples.quality[first:last])
    believed = np.where(fine, Unknown.NOT_SO, Unknown.BAD_QUALITY)
    # After a bad sample the reason stays what the bad sample said.
    after = np.where(fine, Unknown.SILENT, Unknown.BAD_QUALITY)
    why = np.stack((believed, after), axis=1).ravel().astype(np.uint8)
    row = np.stack((np.where(fine, rows, -1), np.full(len(rows), -1)), axis=1).ravel()
    clear = np.repeat(good(samples.quality[first:last]), 2)

    head = int(time[0]) if len(time) else stop
    begin, end = np.concatenate(([start], begin)), np.concatenate(([head], end))
    row, why = np.concatenate(([-1], row)), np.concatenate(([np.uint8(Unknown.NO_DATA)], why))
    clear = np.concatenate(([False], clear))
    begin, end = np.clip(begin, start, stop), np.clip(end, start, stop)
    kept = end > begin
    return Steps(begin[kept], end[kept], row[kept], why[kept], clear[kept])


def known(samples: Batch, window: Span, *, max_gap: float | None) -> tuple[Spans, Spans]:
    """Return when one tag (`ordered`) was known in a window, and when in good quality.

    The same answer as `steps(...).known` and `.known_good`, without an interval a sample.
    """
    start, stop = window
    first = max(int(np.searchsorted(samples.time, start, side="right")) - 1, 0)
    last = max(int(np.searchsorted(samples.time, stop, side="left")), first)
    time, quality = samples.time[first:last], samples.quality[first:last]
    if stop <= start or not len(time):
        none = np.zeros(0, np.int64)
        return Spans(none, none), Spans(none, none)
    until = np.append(time[1:], stop)
    end = until if max_gap is None else np.minimum(until, time + round(max_gap * SECOND))
    begin, end = np.maximum(time, start), np.clip(end, start, stop)
    return Spans.where(usable(quality), begin, end), Spans.where(good(quality), begin, end)


def _empty() -> Steps:
    none = np.zeros(0, np.int64)
    return Steps(none, none, none, np.zeros(0, np.uint8), np.zeros(0, np.bool_))
