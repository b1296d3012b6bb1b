"""What a measure found in one window, in a form that adds up over windows.

The indicator is for people: value, formula, inputs, coverage. The rest is for statistics:

    parts    by product: what was achieved, and what it was achieved with (sums, never ratios)
    trials   successes of trials, for proportions
    sample   single values in time order, for percentiles; a lost packet is infinite
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from analytics.indicator import Indicator
from analytics.unit import Rules
from configs.catalogue import Statistic
from historian.port import Historian
from plant.assets import Scene
from plant.batch import Floats
from plant.calendar import ShiftCalendar, Span
from plant.text import Text

Parameters = Mapping[str, float | str]
_NONE: Floats = np.empty(0)


class Part(NamedTuple):
    """A share of a ratio: its numerator and denominator, in the measure's units."""

    numerator: float
    denominator: float


class Trials(NamedTuple):
    """How many of how many."""

    successes: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """One window's contribution.

    `parts`: by product; the one key `""` where products are not told apart. Empty when
    nothing is known. `clock_error`: seconds by which source times may be off, or None where
    it does not matter. `late`: share of samples that came after the window was first computed.
    """

    indicator: Indicator
    parts: Mapping[str, Part] = field(default_factory=dict)
    trials: Trials | None = None
    sample: Floats = field(default_factory=lambda: _NONE)
    clock_error: float | None = None
    late: float = 0.0

    @property
    def whole(self) -> Part | None:
        """The sums over products, or None when nothing is known."""
        if not self.parts:
            return None
        return Part(sum(p.numerator for p in self.parts.values()), sum(p.denominator for p in self.parts.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a measure is applied to: a scene with its store, calendar and rules."""

    scene: Scene
    historian: Historian
    calendar: ShiftCalendar
    rules: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One way to answer a clause.

    `statistics`: those its measurements can feed. `parameters`: names and defaults of what a
    catalogue may set. `compute` never raises for data; what is missing makes the indicator
    `insufficient-data`.
    """

    id: str
    name: Text
    formulas: tuple[str, ...]
    statistics: frozenset[Statistic]
    compute: Callable[[Measured, Span, Parameters], Measurement]
    parameters: Parameters = field(default_factory=dict)
