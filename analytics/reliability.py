"""How often a unit fails and how long it takes to come back: MTBF, MTTR, and why it stood.

A failure is a breakdown in the sense of `losses`: a delay of the machine's own, not minor.
ISO 22400-2 divides by failures + 1, most plants by failures; the two are different formulas
of the catalogue, never one formula with a hidden switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate, report
from analytics.losses import Loss, Stops
from analytics.steps import Steps
from analytics.time_model import Times
from plant.clock import SECOND
from plant.text import Text


class Denominator(StrEnum):
    """By what mean times are divided."""

    FAILURES_PLUS_ONE = "failures-plus-one"
    """As ISO 22400-2 prints it."""
    FAILURES = "failures"
    """As most plants do; there is no value without a failure."""


_NO_FAILURE = Text(
    "时间段内没有故障，因此没有修复时间。", "No failure in the window, so there is no time to restoration."
)
_FORMULAS: dict[Denominator, tuple[str, str]] = {
    Denominator.FAILURES_PLUS_ONE: ("mtbf", "mttr"),
    Denominator.FAILURES: ("mtbf-by-failures", "mttr-by-failures"),
}


@dataclass(frozen=True, slots=True)
class Reliability:
    """Failures, operating time (production and set-up) and repair time in ns; they add."""

    failures: int = 0
    operating: int = 0
    repair: int = 0

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(self.failures + other.failures, self.operating + other.operating, self.repair + other.repair)


def reliability(stops: Stops, times: Times) -> Reliability:
    """Return failures of a window: counted where they begin, their time where it is spent."""
    breakdown = stops.of(Loss.BREAKDOWN)
    return Reliability(
        failures=int((breakdown & stops.begins).sum()),
        operating=times.processing,
        repair=int(stops.planned[breakdown].sum()),
    )


def indicators(found: Reliability, basis: Basis, *, denominator: Denominator) -> list[Indicator]:
    """Compute MTBF and MTTR by the denominator convention asked for; without a failure there is no MTTR."""
    inputs = quantities({"TBF": found.operating / SECOND, "TTR": found.repair / SECOND, "FE": float(found.failures)})
    between, repair = (FORMULAS[formula] for formula in _FORMULAS[denominator])
    mtbf = evaluate(between, inputs, basis, kpi="mtbf")
    if found.failures:
        return [mtbf, evaluate(repair, inputs, basis, kpi="mttr")]
    return [mtbf, report(repair, None, inputs, basis, note=_NO_FAILURE, kpi="mttr")]


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """One reason's part of the stopped time. `share`, `cumulative`: of all stopped time, 0 to 1."""

    reason: str
    count: int
    ns: int
    share: float
    cumulative: float


def pareto(reasons: Sequence[str], stops: Stops) -> list[ParetoRow]:
    """Sum stops up by reason, the largest first; `reasons` has one entry per stop, "" = not given."""
    return ranked(zip(reasons, stops.planned.tolist(), stops.begins.tolist(), strict=True))


def ranked(stopped: Iterable[tuple[str, int, bool]]) -> list[ParetoRow]:
    """Sum up (reason, ns, whether it counts as a stop of the window), the largest first."""
    spent: dict[str, list[int]] = {}
    for reason, ns, begins in stopped:
        entry = spent.setdefault(reason, [0, 0])
        entry[0] += int(begins)
        entry[1] += ns
    whole, so_far, rows = sum(ns for _, ns in spent.values()), 0, []
    for reason, (count, ns) in sorted(spent.items(), key=lambda item: (-item[1][1], item[0])):
        so_far += ns
        rows.append(ParetoRow(reason, count, ns, ns / whole if whole else 0.0, so_far / whole if whole else 0.0))
    return rows


def reported_reasons(stops: Stops, told: Steps, texts: Sequence[str], moments: Sequence[int]) -> list[str]:
    """Return what the machine itself reported as the reason of each stop, "" where it did not.

    `texts`, `moments`: value and time (ns) of each sample behind `told`. The reason is the
    one in force when the stop ends, for machines often report it late; one reported before
    the stop before ended belongs to that one.
    """
    rows = told.at(stops.stop - 1).tolist()
    earlier = [0, *stops.stop[:-1].tolist()] if len(stops) else []
    return [
        texts[row] if row >= 0 and moments[row] >= before else "" for row, before in zip(rows, earlier, strict=True)
    ]
