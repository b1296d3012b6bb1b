"""From a state tag's samples to intervals of PackML states that cover a window completely.

What a sample says is mapped by the tag's own table (raw value as text → state); a tag
without a table sends PackML numbers or names. What cannot be known is an interval of state
`UNKNOWN` that says why. Intervals of the same state that adjoin are one interval, so a
machine that repeats itself every second does not look different from one that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.spans import Spans
from analytics.steps import Unknown, ordered, steps
from plant.batch import Batch, Form, Ints, Mask
from plant.calendar import Span
from plant.packml import PackState

UNKNOWN = 0
"""Stands where a PackML state would: nothing is known. PackML's own numbers start at 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Adjoining intervals of one state each, covering a window; times in ns UTC.

    `state`: PackML number or `UNKNOWN`. `why`: an `Unknown` per row. `good`: whether every
    sample behind the row is good, not merely uncertain.
    """

    start: Ints
    stop: Ints
    state: npt.NDArray[np.uint8]
    why: npt.NDArray[np.uint8]
    good: Mask

    def __len__(self) -> int:
        return len(self.start)

    @property
    def length(self) -> Ints:
        """How long each interval lasts, in ns."""
        return self.stop - self.start

    @property
    def known(self) -> Spans:
        """When the state was known."""
        return Spans.where(self.state != UNKNOWN, self.start, self.stop)

    @property
    def known_good(self) -> Spans:
        """When the state was known in good quality."""
        return Spans.where(self.good & (self.state != UNKNOWN), self.start, self.stop)

    def during(self, spans: Spans) -> Intervals:
        """Return what of the intervals lies inside the spans; what is between these is left out."""
        first = np.searchsorted(self.stop, spans.start, side="right")
        many = np.maximum(np.searchsorted(self.start, spans.stop, side="left") - first, 0)
        span = np.repeat(np.arange(len(spans)), many)
        row = np.arange(len(span)) - np.repeat(np.cumsum(many) - many, many) + first[span]
        return Intervals(
            start=np.maximum(self.start[row], spans.start[span]),
            stop=np.minimum(self.stop[row], spans.stop[span]),
            state=self.state[row],
            why=self.why[row],
            good=self.good[row],
        )


def intervals(
    samples: Batch,
    window: Span,
    *,
    states: Mapping[str, PackState] | None = None,
    max_gap: float | None = None,
) -> Intervals:
    """Return the state intervals of a window from one tag's samples, in any order.

    `samples` should hold the newest one before the window, which is in force when it
    begins. `states`: raw value as text → state; none = PackML numbers or names.
    `max_gap`: seconds of silence until the state counts as unknown; None = never.
    """
    samples = ordered(samples)
    cut = steps(samples, window, max_gap=max_gap)
    codes = _codes(samples, states or _PACKML)
    known = cut.row >= 0
    state = np.where(known, codes[cut.row] if len(codes) else UNKNOWN, UNKNOWN).astype(np.uint8)
    why = np.where(known & (state == UNKNOWN), np.uint8(Unknown.UNMAPPED), cut.why)
    return _merged(Intervals(cut.start, cut.stop, state, why, cut.good & known))


_PACKML: Mapping[str, PackState] = {
    **{str(int(state)): state for state in PackState},
    **{state.name: state for state in PackState},
}


def _codes(samples: Batch, states: Mapping[str, PackState]) -> npt.NDArray[np.uint8]:
    # One look-up per distinct value, not per sample.
    codes = np.zeros(len(samples), np.uint8)
    for form in np.unique(samples.form):
        rows = samples.form == form
        raws, inverse = np.unique(samples.raw[rows], return_inverse=True)
        table = [states.get(_text(samples, Form(int(form)), int(raw)), UNKNOWN) for raw in raws]
        codes[rows] = np.array(table, np.uint8)[inverse]
    return codes


def _text(samples: Batch, form: Form, raw: int) -> str:
    if form is Form.TEXT:
        return samples.texts[raw]
    if form is Form.BOOLEAN:
        return "true" if raw else "false"
    if form is Form.INTEGER:
        return str(raw)
    number = float(np.array([raw], np.int64).view(np.float64)[0])
    return str(int(number)) if number.is_integer() else str(number)


def _merged(rows: Intervals) -> Intervals:
    if len(rows) < 2:
        return rows
    same = (rows.state[1:] == rows.state[:-1]) & (rows.why[1:] == rows.why[:-1]) & (rows.good[1:] == rows.good[:-1])
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    last = np.concatenate((first[1:] - 1, [len(rows) - 1]))
    return Intervals(rows.start[first], rows.stop[last], rows.state[first], rows.why[first], rows.good[first])
