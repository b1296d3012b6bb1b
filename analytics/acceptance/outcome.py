"""What a statistic hands to the verdict: estimate, interval, both sides' figures, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from analytics.acceptance.finding import Mix
from plant.text import Text

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What the plan fixed about chance: confidence of intervals, resamples and their seed."""

    confidence: float
    resamples: int
    seed: int


@dataclass(frozen=True, slots=True)
class SideFigure:
    """A side's own figure, its interval, and how many trials, pieces or records it rests on."""

    value: float | None
    interval: Interval | None
    samples: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An estimate with its interval.

    `blocked`: why there can be no verdict. `unprovable`: why so little could never show the
    bound to be kept, though it may show it to be missed. `notes`: what else a reader must know.
    """

    estimate: float | None = None
    interval: Interval | None = None
    baseline: SideFigure | None = None
    improved: SideFigure | None = None
    effect: float | None = None
    effect_kind: str = ""
    points: float | None = None
    mix: Mix | None = None
    blocked: tuple[Text, ...] = ()
    unprovable: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()

    def and_notes(self, more: Iterable[Text]) -> Outcome:
        """Return the outcome with more notes."""
        return replace(self, notes=(*self.notes, *more))
