"""Stretches of time as columns, and how much of one lies within another, exact to the ns.

Overlap is never found by comparing pairs. `Spans.before(t)` is how much of the spans lies
before `t`; it only grows, so the part of them inside any interval a … b is
`before(b) - before(a)`: never negative, and adding up exactly over any split.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from plant.batch import Ints, Mask
from plant.calendar import Span, union


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Disjoint stretches `start <= t < stop` in order; columns of ns UTC of the same length."""

    start: Ints
    stop: Ints

    @staticmethod
    def of(spans: Iterable[Span]) -> Spans:
        """Build from pairs in any order; overlapping ones are joined."""
        joined = np.array(union(spans), np.int64).reshape(-1, 2)
        return Spans(joined[:, 0], joined[:, 1])

    @staticmethod
    def where(chosen: Mask, start: Ints, stop: Ints) -> Spans:
        """Choose from columns of adjoining intervals; neighbours are joined, empty ones left out."""
        start, stop = start[chosen & (stop > start)], stop[chosen & (stop > start)]
        if not len(start):
            return Spans(start, stop)
        apart = start[1:] != stop[:-1]
        return Spans(start[np.concatenate(([True], apart))], stop[np.concatenate((apart, [True]))])

    def __len__(self) -> int:
        return len(self.start)

    @property
    def total(self) -> int:
        """The length of all spans together in ns."""
        return int((self.stop - self.start).sum())

    def before(self, moments: Ints) -> Ints:
        """Return how many ns of the spans lie before each of the moments."""
        if not len(self):
            return np.zeros(len(moments), np.int64)
        lengths = self.stop - self.start
        passed = np.concatenate(([0], np.cumsum(lengths)))
        index = np.searchsorted(self.start, moments, side="right")
        last = np.maximum(index - 1, 0)
        inside = np.clip(moments - self.start[last], 0, lengths[last])
        return np.where(index > 0, passed[last] + inside, 0)

    def within(self, start: Ints, stop: Ints) -> Ints:
        """Return how many ns of the spans lie within each interval."""
        return self.before(stop) - self.before(start)

    def holds(self, moments: Ints) -> Mask:
        """Return which of the moments lie inside a span."""
        if not len(self):
            return np.zeros(len(moments), np.bool_)
        last = np.searchsorted(self.start, moments, side="right") - 1
        return (last >= 0) & (moments < self.stop[np.maximum(last, 0)])

    def both(self, other: Spans) -> Spans:
        """Return the time that lies in these spans and in the others."""
        start, stop = self._cut(other)
        return Spans.where(self.holds(start) & other.holds(start), start, stop)

    def without(self, other: Spans) -> Spans:
        """Return the time that lies in these spans and not in the others."""
        start, stop = self._cut(other)
        return Spans.where(self.holds(start) & ~other.holds(start), start, stop)

    def _cut(self, other: Spans) -> tuple[Ints, Ints]:
        edges = np.unique(np.concatenate((self.start, self.stop, other.start, other.stop)))
        return edges[:-1], edges[1:]


def common(parts: Sequence[Spans]) -> Spans:
    """Return the time that lies in every one of some spans; at least one is needed."""
    first, *others = parts
    for other in others:
        first = first.both(other)
    return first


def any_of(parts: Sequence[Spans]) -> Spans:
    """Return the time that lies in at least one of some spans."""
    return Spans.of(pair for part in parts for pair in zip(part.start.tolist(), part.stop.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """When something was known, and when in good quality, not merely uncertain."""

    known: Spans
    good: Spans

    def both(self, other: Watched) -> Watched:
        """Return when this and the other were known."""
        return Watched(self.known.both(other.known), self.good.both(other.good))

    def either(self, other: Watched) -> Watched:
        """Return when this or the other was known, as for windows that follow each other."""
        return Watched(any_of([self.known, other.known]), any_of([self.good, other.good]))
