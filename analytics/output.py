"""What came out of a station in a window: every piece, planned or not, at a known time or not.

This is output for its own sake and for what is spent per piece. The OEE family counts
pieces of measured planned time instead; see `station`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.counters import MICRO, Reading
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Flag, Indicator, evaluate
from analytics.spans import Spans, any_of, common
from analytics.station import Signals, counts


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """Pieces in millionths, None where not measured; when the counters were known, and in good quality."""

    produced: int | None
    good: int | None
    known: Spans
    known_good: Spans
    resets: int = 0

    @property
    def good_pieces(self) -> float | None:
        """Good pieces as a number."""
        return None if self.good is None else self.good / MICRO


def side_by_side(parts: Sequence[Output]) -> Output:
    """Add up what came out at the same time, at least one part: known while all are known."""
    return _sum(parts, common([p.known for p in parts]), common([p.known_good for p in parts]))


def in_succession(parts: Sequence[Output]) -> Output | None:
    """Add up what came out one after the other; None for no part."""
    return _sum(parts, any_of([p.known for p in parts]), any_of([p.known_good for p in parts])) if parts else None


def _sum(parts: Sequence[Output], known: Spans, known_good: Spans) -> Output:
    produced = [part.produced for part in parts if part.produced is not None]
    good = [part.good for part in parts if part.good is not None]
    return Output(
        produced=sum(produced) if len(produced) == len(parts) else None,
        good=sum(good) if len(good) == len(parts) else None,
        known=known,
        known_good=known_good,
        resets=sum(part.resets for part in parts),
    )


def output(signals: Signals) -> Output | None:
    """Return a station's output, or None when it counts nothing."""
    counters = signals.counters
    if not counters:
        return None
    found = counts(signals, None)
    return Output(
        produced=found.produced,
        good=found.good,
        known=common([counter.known for counter in counters]),
        known_good=common([counter.known_good for counter in counters]),
        resets=sum(int(np.equal(counter.reading, Reading.RESET).sum()) for counter in counters),
    )


def indicators(found: Output, basis: Basis) -> list[Indicator]:
    """Compute the output of a window, all and good, as far as each is measured."""
    amounts = {"PQ": found.produced, "GQ": found.good}
    inputs = quantities({symbol: None if n is None else n / MICRO for symbol, n in amounts.items()})
    flags = (Flag.METER_RESET,) if found.resets else ()
    ids = {"output": found.produced, "good-output": found.good}
    return [evaluate(FORMULAS[kpi], inputs, basis, flags=flags) for kpi, n in ids.items() if n is not None]
