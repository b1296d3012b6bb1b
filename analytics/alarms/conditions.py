"""What raises an alarm: limits, rates, states, silence, figures and control charts.

Each condition turns what it watches into marks within a span: +1 where it holds, -1 where it
does not, 0 where it says nothing. Hysteresis lives here, delays in `detection`. Samples come
with their look-back, so that a rate or a silence is known from the first instant of the span.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analytics.alarms.detection import Marks
from analytics.indicator import Indicator, Status
from analytics.runs import WESTERN_ELECTRIC, signals
from analytics.spc import Chart, Limits, plot
from analytics.states import UNKNOWN, intervals
from configs.alarms import RunRule
from plant.batch import Batch, Floats, Ints, Mask
from plant.calendar import Span
from plant.clock import SECOND
from plant.packml import PackState
from plant.quality import usable


class Side(StrEnum):
    """On which side of a limit a value is wrong."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A value beyond a limit; it is over when the value is back by more than `hysteresis`.

    Raises ValueError unless the limit is finite and the hysteresis at least 0.
    """

    side: Side
    limit: float
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit) and math.isfinite(self.hysteresis) and self.hysteresis >= 0):
            raise ValueError("a limit is a finite number and its hysteresis at least 0")

    def marks(self, samples: Batch, span: Span) -> Marks:
        """Mark each usable sample (of one tag, `ordered`) within the span."""
        return _within(samples.time, self.judge(samples.numbers), span, usable(samples.quality))

    def judge(self, values: Floats) -> Ints:
        """Return +1, -1 or 0 for each value; one that is no number says nothing."""
        over = values - self.limit if self.side is Side.ABOVE else self.limit - values
        gone = over < -self.hysteresis if self.hysteresis else over <= 0
        return np.where(over > 0, 1, np.where(gone, -1, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A value that changes faster than `per_second`, measured back over at most `over` seconds.

    `hysteresis`: how much slower, per second, it must be to be over. Raises ValueError unless
    rate and time are more than 0.
    """

    per_second: float
    over: float
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        if not (self.per_second > 0 and self.over > 0 and self.hysteresis >= 0):
            raise ValueError("a rate and the time it is measured over are more than 0, its hysteresis at least 0")

    def marks(self, samples: Batch, span: Span) -> Marks:
        """Mark each usable sample within the span that has another one up to `over` seconds before it."""
        fine = usable(samples.quality) & np.isfinite(samples.numbers)
        time, value = samples.time[fine], samples.numbers[fine]
        first = np.searchsorted(time, time - round(self.over * SECOND))
        seconds = (time - time[first]) / SECOND
        rate = np.abs(value - value[first]) / np.where(seconds > 0, seconds, np.inf)
        limit = Limit(side=Side.ABOVE, limit=self.per_second, hysteresis=self.hysteresis)
        return _within(time, limit.judge(rate), span, seconds > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InState:
    """A machine in one of some PackML states. `table`: raw value as text → state, none = PackML itself."""

    states: AbstractSet[PackState]
    table: dict[str, PackState] | None = None

    def marks(self, samples: Batch, span: Span) -> Marks:
        """Mark every change of state within the span, and the state in force when it begins."""
        found = intervals(samples, span, states=self.table)
        inside = np.isin(found.state, [int(state) for state in self.states])
        return _within(found.start, np.where(inside, 1, -1), span, found.state != UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """No usable sample for `after` seconds. Raises ValueError unless that is more than 0."""

    after: float

    def __post_init__(self) -> None:
        if not self.after > 0:
            raise ValueError("silence lasts more than 0 s")

    def marks(self, samples: Batch, span: Span) -> Marks:
        """Mark every sample as heard, and the instant after the last one at which silence is too long.

        Without any sample silence begins with the span.
        """
        heard = samples.time[usable(samples.quality)]
        heard = heard[heard < span[1]]
        too_long = (heard if len(heard) else np.array([span[0]], np.int64)) + round(self.after * SECOND)
        lasted = np.append(heard[1:], span[1]) if len(heard) else np.array([span[1]], np.int64)
        too_long = too_long[too_long < lasted]
        time = np.concatenate((heard, too_long))
        mark = np.concatenate((np.full(len(heard), -1), np.full(len(too_long), 1)))
        order = np.argsort(time, kind="stable")
        return _within(time[order], mark[order], span, np.ones(len(time), np.bool_))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfControl:
    """Single values that break a rule of their control chart, by limits learned before.

    Raises ValueError for limits of another chart.
    """

    limits: Limits
    rules: tuple[RunRule, ...] = WESTERN_ELECTRIC

    def __post_init__(self) -> None:
        if self.limits.chart is not Chart.INDIVIDUALS:
            raise ValueError("an alarm on single values takes the limits of a chart of individuals")

    def marks(self, samples: Batch, span: Span) -> Marks:
        """Mark each usable sample within the span; the look-back should hold the 15 values before it."""
        fine = usable(samples.quality) & np.isfinite(samples.numbers)
        time, value = samples.time[fine], samples.numbers[fine]
        mark = np.full(len(time), -1)
        if len(time):
            mark[[signal.at for signal in signals(plot(self.limits, value).distance, self.rules)]] = 1
        return _within(time, mark, span, np.ones(len(time), np.bool_))


def figure_marks(limit: Limit, figures: Iterable[Indicator]) -> Marks:
    """Hold figures, in order of their windows, against a limit: each is marked when its window ends.

    A figure without a value says nothing; one that is unbounded is infinite.
    """
    listed = list(figures)
    values = [math.nan if one.value is None or one.status not in _SPOKEN else one.value for one in listed]
    time = np.array([one.window[1] for one in listed], np.int64)
    return time, limit.judge(np.array(values, np.float64)).astype(np.int8)


_SPOKEN = (Status.OK, Status.UNBOUNDED)


def _within(time: Ints, mark: Ints, span: Span, fine: Mask) -> Marks:
    inside = (time >= span[0]) & (time < span[1])
    return time[inside], np.where(fine, mark, 0)[inside].astype(np.int8)
