"""Increments of a cumulative counter, each attributed to the instant at which it was read.

    reading     100 ── 104 ── 104 ── 3 (restarted) ── ✗ ── 9
    increment          +4     +0    +3, RESET              +6, ACROSS_GAP

Nothing is interpolated: an increment belongs to the reading that showed it, so any split of
a window adds up exactly to the whole. Sums are whole millionths of the tag's unit and
therefore exact for counts and for meters that send floats alike.

An increment across a gap is certain in amount but not in time: it belongs to the output of
the window, but not to any ratio of known times. A step that the counter's policy calls
impossible counts nothing and makes the time since the last reading unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from analytics.spans import Spans
from analytics.steps import known, ordered
from plant.batch import INT64_MAX, Batch, Floats, Form, Ints, Mask
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import usable
from plant.tags import CounterPolicy, OnDecrease

MICRO = 1_000_000
"""Parts of a unit in which increments are counted."""
_LARGEST = 9e12  # units; beyond it millionths do not fit into 64 bits


class Reading(IntEnum):
    """How a reading relates to the one before it."""

    COUNTED = 0
    RESET = 1
    """The counter had started anew; what it counted just before may be lost."""
    ROLLED_OVER = 2
    ACROSS_GAP = 3
    """Too long or bad in between: the amount is certain, the time is not."""
    IMPOSSIBLE = 4
    """A step the policy rules out; it counts nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Increments:
    """What one counter counted in a window: a row per usable reading that has one before it.

    `time`: ns UTC of the reading, `since`: of the one before. `micro`: millionths of the
    tag's unit, never negative. `reading`: a `Reading` per row. `known`: when the counter's
    value was known, as `steps.known` has it, without the spans of impossible steps.
    """

    window: Span
    time: Ints
    since: Ints
    micro: Ints
    reading: npt.NDArray[np.uint8]
    known: Spans
    known_good: Spans

    @property
    def total(self) -> int:
        """Everything counted in the window, in millionths."""
        return int(self.micro.sum())

    @property
    def in_time(self) -> Mask:
        """Which increments happened at the time they are attributed to, within the tag's gap."""
        return np.not_equal(self.reading, Reading.ACROSS_GAP)

    def during(self, spans: Spans) -> int:
        """Return what was counted, with certain time, at readings inside the spans, in millionths."""
        return int(self.micro[self.in_time & spans.holds(self.time)].sum())

    def has(self, reading: Reading) -> bool:
        """Return whether any reading of the window is of this sort."""
        return bool((self.reading == reading).any())


def increments(
    samples: Batch,
    window: Span,
    *,
    policy: CounterPolicy | None = None,
    max_gap: float | None = None,
) -> Increments:
    """Return the increments read in a window from one tag's samples, in any order.

    `samples` should hold the newest usable one before the window: without it the first
    reading only says where counting starts. `max_gap`: seconds between usable readings
    beyond which the time of an increment is uncertain; None = never.
    """
    samples = ordered(samples)
    sure, sure_good = known(samples, window, max_gap=max_gap)
    rows = np.flatnonzero(usable(samples.quality) & np.isfinite(samples.numbers))
    previous, current = rows[:-1], rows[1:]
    time, since = samples.time[current], samples.time[previous]
    micro, reading = _judged(samples, previous, current, policy or CounterPolicy())
    wrong = reading == Reading.IMPOSSIBLE
    gap = current - previous > 1  # bad readings in between
    if max_gap is not None:
        gap |= time - since > round(max_gap * SECOND)
    reading[gap & ~wrong] = Reading.ACROSS_GAP

    # What is impossible is looked for beyond the window too: the step that shows it may
    # begin inside and end outside.
    doubtful = Spans.of(zip(since[wrong].tolist(), time[wrong].tolist(), strict=True))
    inside = (time >= window[0]) & (time < window[1])
    return Increments(
        window=window,
        time=time[inside],
        since=since[inside],
        micro=micro[inside],
        reading=reading[inside],
        known=sure.without(doubtful),
        known_good=sure_good.without(doubtful),
    )


def _judged(samples: Batch, previous: Ints, current: Ints, policy: CounterPolicy) -> tuple[Ints, npt.NDArray[np.uint8]]:
    # Integers are compared and subtracted as integers, for a float cannot tell 2**60 from
    # 2**60 + 1; everything else as whole millionths.
    whole = (samples.form != Form.FLOAT)[previous] & (samples.form != Form.FLOAT)[current]
    values = samples.numbers
    lower = np.where(whole, samples.raw[previous], _micro(values[previous]))
    upper = np.where(whole, samples.raw[current], _micro(values[current]))
    scale = np.where(whole, np.int64(MICRO), np.int64(1))
    down = upper < lower

    reading = np.full(len(current), Reading.COUNTED, np.uint8)
    match policy.on_decrease:
        case OnDecrease.RESET:
            floor, fallen = np.zeros_like(lower), Reading.RESET
        case OnDecrease.ROLLOVER:
            # In two's complement, so that a modulus of 2**63 is exact as well.
            counts = np.uint64(policy.modulus % 2**64).astype(np.int64)
            micros = np.int64(min(policy.modulus, INT64_MAX // MICRO) * MICRO)
            floor, fallen = lower - np.where(whole, counts, micros), Reading.ROLLED_OVER
        case OnDecrease.ERROR:
            floor, fallen = lower, Reading.IMPOSSIBLE
    reading[down] = fallen

    step = upper - np.where(down, floor, lower)
    seconds = (samples.time[current] - samples.time[previous]) / SECOND
    limit = _LARGEST if policy.largest_step is None else np.minimum(policy.largest_step * seconds, _LARGEST)
    beyond = ~whole & (np.maximum(np.abs(values[previous]), np.abs(values[current])) >= _LARGEST)
    wrong = (reading == Reading.IMPOSSIBLE) | beyond | (step < 0) | (step * (scale / MICRO) > limit)
    reading[wrong] = Reading.IMPOSSIBLE
    return np.where(wrong, 0, step) * scale, reading


def _micro(values: Floats) -> Ints:
    return np.rint(np.clip(values, -_LARGEST, _LARGEST) * MICRO).astype(np.int64)
