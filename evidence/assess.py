"""From two sides' samples to a clause's finding: the one way, for a campaign and for its verification.

    plan, clause ─┐
    baseline ─────┤  windows, less those excluded ▶ measurements ▶ findings ▶ clause
    improved ─────┘

A window that an exclusion touches is left out whole: nobody can cut the bad ten minutes out of
an otherwise good shift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from analytics.acceptance import ClauseFinding, conclude, judge
from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measured, Measurement
from configs.catalogue import ClauseConfig
from evidence.canonical import digest
from evidence.handed import kind_of, measured
from evidence.plan import Exclusion, HandedIn, Plan
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


Progress = Callable[[float], None]


def assess(
    plan: Plan,
    clause: ClauseConfig,
    sides: Mapping[Arm, Recorded],
    exclusions: Sequence[Exclusion] = (),
    records: Sequence[HandedIn] = (),
    *,
    progress: Progress = lambda _: None,
) -> Assessment:
    """Measure every window and judge the clause. Deterministic: the plan's seed draws every resample.

    Raises ProvenlineError when the clause is not the one the plan fixed, asks for a measure that
    does not exist, or compares with a baseline that the plan does not have; or when records were
    handed in that it does not ask for.
    """
    _fits(plan, clause, sides, records)
    used: dict[Arm, Recorded] = {}
    excluded: dict[Arm, tuple[Span, ...]] = {}
    for arm, side in sides.items():
        used[arm], excluded[arm] = side.without(exclusions)
    arms = [arm for arm in Arm if arm in used or any(one.side == arm for one in records)]
    if Arm.IMPROVED not in arms:
        raise ProvenlineError(f"clause {clause.id}: nothing was handed in for the improved side")
    found = _measured(clause, arms, used, records, progress)
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
        windows={arm: used[arm].windows if arm in used else () for arm in arms},
        excluded={arm: excluded.get(arm, ()) for arm in arms},
        finding=conclude(clause, findings),
    )


def _measured(
    clause: ClauseConfig,
    arms: Sequence[Arm],
    sides: Mapping[Arm, Recorded],
    records: Sequence[HandedIn],
    progress: Progress,
) -> dict[Arm, dict[str, tuple[Measurement, ...]]]:
    """Return every measurement, by side and indicator: of records where the clause asks for them, else of samples."""
    found: dict[Arm, dict[str, tuple[Measurement, ...]]] = {arm: {} for arm in arms}
    total = sum(len(side.windows) for side in sides.values()) * len(clause.indicators)
    done = 0
    for arm in arms:
        for indicator in clause.indicators:
            kind = kind_of(indicator)
            if kind is not None:
                found[arm][indicator.id] = measured(records, arm, kind)
                continue
            measure = MEASURES[indicator.measure]
            parameters = {**measure.parameters, **indicator.parameters}
            results = []
            for window in sides[arm].windows if arm in sides else ():
                results.append(measure.compute(sides[arm].measured, window, parameters))
                done += 1
                progress(done / total)
            found[arm][indicator.id] = tuple(results)
    return found


def clause_digest(clause: ClauseConfig) -> str:
    """Return what a plan fixes of a clause: a hash over every bound, statistic and least evidence."""
    return digest(clause.model_dump(mode="json"))


def _fits(plan: Plan, clause: ClauseConfig, sides: Mapping[Arm, Recorded], records: Sequence[HandedIn]) -> None:
    if clause_digest(clause) != plan.clause_digest:
        raise ProvenlineError(f"clause {clause.id}: not as it was when the plan was fixed; make a new revision")
    asked = {kind for indicator in clause.indicators if (kind := kind_of(indicator)) is not None}
    foreign = sorted({one.kind for one in records} - asked)
    if foreign:
        known = ", ".join(sorted(asked)) or "none"
        raise ProvenlineError(f"clause {clause.id} asks for no records of {foreign[0]}; it asks for: {known}")
    for indicator in clause.indicators:
        if kind_of(indicator) is not None:
            continue
        if indicator.measure not in MEASURES:
            raise ProvenlineError(f"clause {clause.id}, {indicator.id}: there is no measure {indicator.measure}")
        if indicator.kind.compares and Arm.BASELINE not in sides:
            raise ProvenlineError(f"clause {clause.id}, {indicator.id}: a change needs a baseline")
        if Arm.IMPROVED not in sides:
            raise ProvenlineError(f"clause {clause.id}, {indicator.id}: needs samples; the plan names no scene")
