"""One side of a comparison: which of its windows count, and what they rest on.

A window counts when the measure knows something of it and enough of it is covered. Windows
that do not count are left out whole and said; too few left over is `insufficient-data`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.acceptance import notes
from analytics.acceptance.finding import Side
from analytics.measures.measurement import Measurement
from configs.catalogue import Minimum, Statistic
from plant.text import Text

BASELINE = Text("基线侧", "baseline side")
IMPROVED = Text("改造侧", "improved side")


@dataclass(frozen=True, slots=True)
class Counted:
    """The windows of a side that count, in order, of how many given."""

    name: Text
    windows: tuple[Measurement, ...]
    given: int

    @property
    def simulated(self) -> bool:
        """Whether any window is simulated."""
        return any(one.indicator.simulated for one in self.windows)

    @property
    def partly_simulated(self) -> bool:
        """Whether simulated and recorded windows stand side by side."""
        return len({one.indicator.simulated for one in self.windows}) > 1

    def clock_error(self) -> float | None:
        """Return the largest clock error of any window, s; None where it does not matter."""
        known = [one.clock_error for one in self.windows if one.clock_error is not None]
        return max(known) if known else None

    def side(self, *, value: float | None, interval: tuple[float, float] | None, samples: float) -> Side:
        """Return what the side rests on, with its figure."""
        found = [one.indicator for one in self.windows]
        covered = [one.coverage for one in found if one.coverage is not None]
        return Side(
            value=value,
            interval=interval,
            windows=len(self.windows),
            samples=samples,
            coverage=min(covered) if covered else None,
            quality_share=min((one.quality_share for one in found), default=0.0),
            late=max((one.late for one in self.windows), default=0.0),
            clock_error=self.clock_error(),
            simulated=self.simulated,
        )


def counted(name: Text, given: Sequence[Measurement], statistic: Statistic, minimum: Minimum) -> Counted:
    """Choose the windows of a side that count."""
    chosen = tuple(one for one in given if _known(one, statistic) and _covered(one, minimum.coverage))
    return Counted(name, chosen, len(given))


def remarks(side: Counted, minimum: Minimum) -> tuple[list[Text], list[Text]]:
    """Return what forbids a verdict on a side, and what else a reader must know of it."""
    forbids: list[Text] = []
    others: list[Text] = []
    if len(side.windows) < minimum.shifts:
        forbids.append(notes.few_windows(side.name, len(side.windows), side.given, minimum.shifts))
    elif len(side.windows) < side.given:
        others.append(notes.left_out(side.name, side.given - len(side.windows), side.given, minimum.coverage))
    if side.partly_simulated:
        others.append(notes.partly_simulated(side.name))
    late = max((one.late for one in side.windows), default=0.0)
    if late > 0:
        others.append(notes.late(side.name, late))
    return forbids, others


def _known(one: Measurement, statistic: Statistic) -> bool:
    match statistic:
        case Statistic.RATIO:
            return one.whole is not None and (one.whole.numerator > 0 or one.whole.denominator > 0)
        case Statistic.PROPORTION:
            return one.trials is not None and one.trials.total > 0
        case Statistic.PERCENTILE:
            return len(one.sample) > 0
        case Statistic.TALLY:
            return one.trials is not None or one.whole is not None


def _covered(one: Measurement, least: float) -> bool:
    coverage = one.indicator.coverage
    return coverage is not None and coverage >= least
