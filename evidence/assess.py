"""From two sides' samples to a clause's finding: the one way, for a campaign and for its verification.

    plan, clause ─┐
    baseline ─────┤  windows, less those excluded ▶ measurements ▶ findings ▶ clause
    improved ─────┘

A window that an exclusion touches is left out whole: nobody can cut the bad ten minutes out of
an otherwise good shift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from analytics.acceptance import ClauseFinding, conclude, judge
from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measured, Measurement
from configs.catalogue import ClauseConfig
from evidence.canonical import digest
from evidence.plan import Exclusion, Plan
from plant.calendar import Span
from plant.errors import ProvenlineError


class Arm(StrEnum):
    """A side of the comparison."""

    BASELINE = "baseline"
    IMPROVED = "improved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One side as it was recorded. `windows`: shifts or agreed stretches, ns UTC, in order."""

    measured: Measured
    windows: tuple[Span, ...]

    def without(self, exclusions: Iterable[Exclusion]) -> tuple[Recorded, tuple[Span, ...]]:
        """Return the side without the windows that exclusions touch, and those windows."""
        gone = [(one.window.start, one.window.stop) for one in exclusions]
        left_out = tuple(w for w in self.windows if any(w[0] < stop and start < w[1] for start, stop in gone))
        return replace(self, windows=tuple(w for w in self.windows if w not in left_out)), left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What came out. `measurements`: by side, then by indicator id, one a window that counted."""

    measurements: Mapping[Arm, Mapping[str, tuple[Measurement, ...]]]
    windows: Mapping[Arm, tuple[Span, ...]]
    excluded: Mapping[Arm, tuple[Span, ...]]
    finding: ClauseFinding
    indicators: tuple[str, ...] = field(default=())


Progress = Callable[[float], None]


def assess(
    plan: Plan,
    clause: ClauseConfig,
    sides: Mapping[Arm, Recorded],
    exclusions: Sequence[Exclusion] = (),
    *,
    progress: Progress = lambda _: None,
) -> Assessment:
    """Measure every window and judge the clause. Deterministic: the plan's seed draws every resample.

    Raises ProvenlineError when the clause is not the one the plan fixed, asks for a measure that
    does not exist, or compares with a baseline that the plan does not have.
    """
    _fits(plan, clause, sides)
    used: dict[Arm, Recorded] = {}
    excluded: dict[Arm, tuple[Span, ...]] = {}
    for arm, side in sides.items():
        used[arm], excluded[arm] = side.without(exclusions)
    total = sum(len(side.windows) for side in used.values()) * len(clause.indicators)
    found: dict[Arm, dict[str, tuple[Measurement, ...]]] = {arm: {} for arm in used}
    done = 0
    for arm, side in used.items():
        for indicator in clause.indicators:
            measure = MEASURES[indicator.measure]
            parameters = {**measure.parameters, **indicator.parameters}
            results = []
            for window in side.windows:
                results.append(measure.compute(side.measured, window, parameters))
                done += 1
                progress(done / total)
            found[arm][indicator.id] = tuple(results)
    findings = [
        judge(
            indicator,
            found[Arm.BASELINE][indicator.id] if Arm.BASELINE in found else None,
            found[Arm.IMPROVED][indicator.id],
            clause=clause.id,
            confidence=plan.confidence,
            resamples=plan.resamples,
            seed=plan.seed,
            mix=plan.mix,
        )
        for indicator in clause.indicators
    ]
    return Assessment(
        measurements=found,
        windows={arm: side.windows for arm, side in used.items()},
        excluded=excluded,
        finding=conclude(clause, findings),
        indicators=tuple(indicator.id for indicator in clause.indicators),
    )


def clause_digest(clause: ClauseConfig) -> str:
    """Return what a plan fixes of a clause: a hash over every bound, statistic and least evidence."""
    return digest(clause.model_dump(mode="json"))


def _fits(plan: Plan, clause: ClauseConfig, sides: Mapping[Arm, Recorded]) -> None:
    if clause_digest(clause) != plan.clause_digest:
        raise ProvenlineError(f"clause {clause.id}: not as it was when the plan was fixed; make a new revision")
    for indicator in clause.indicators:
        if indicator.measure not in MEASURES:
            raise ProvenlineError(f"clause {clause.id}, {indicator.id}: there is no measure {indicator.measure}")
        if indicator.kind.compares and Arm.BASELINE not in sides:
            raise ProvenlineError(f"clause {clause.id}, {indicator.id}: a change needs a baseline")
    if Arm.IMPROVED not in sides:
        raise ProvenlineError("a campaign needs its improved side")
