"""From an estimate and its interval to a verdict, and from findings to a clause's."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.acceptance.finding import ClauseFinding, Finding, Verdict
from analytics.acceptance.outcome import Interval
from configs.catalogue import ClauseConfig, Comparison


def beyond(value: float, op: Comparison, bound: float) -> bool:
    """Return whether a figure stands to the bound as the clause asks."""
    match op:
        case Comparison.AT_LEAST:
            return value >= bound
        case Comparison.AT_MOST:
            return value <= bound
        case Comparison.BELOW:
            return value < bound
        case Comparison.ABOVE:
            return value > bound


def held_against(estimate: float, interval: Interval | None, op: Comparison, bound: float) -> Verdict:
    """Return the verdict on an estimate; without an interval nothing is proven."""
    if not beyond(estimate, op, bound):
        return Verdict.NOT_MET
    if interval is not None and all(beyond(end, op, bound) for end in interval):
        return Verdict.MET
    return Verdict.MET_UNPROVEN


def disproved(interval: Interval | None, op: Comparison, bound: float) -> bool:
    """Return whether the whole interval lies on the failing side of the bound."""
    return interval is not None and not any(beyond(end, op, bound) for end in interval)


def conclude(clause: ClauseConfig, findings: Sequence[Finding]) -> ClauseFinding:
    """Combine the findings of a clause's indicators, one each, as the clause says.

    Raises ValueError when a finding is missing or foreign.
    """
    by_id = {finding.indicator: finding for finding in findings}
    if sorted(by_id) != sorted(one.id for one in clause.indicators) or len(by_id) != len(findings):
        raise ValueError(f"clause {clause.id} asks for {[one.id for one in clause.indicators]}, got {list(by_id)}")
    alone: list[Verdict] = []
    groups: dict[str, list[Verdict]] = {}
    for one in clause.indicators:
        found = by_id[one.id].verdict
        alone += [found] if one.any_of is None else []
        if one.any_of is not None:
            groups.setdefault(one.any_of, []).append(found)
    alone += [_of_these(members, clause.at_least or 1) for members in groups.values()]
    return ClauseFinding(
        clause=clause.id,
        number=clause.number,
        name=clause.name.text,
        verdict=_of_these(alone, len(alone)),
        findings=tuple(by_id[one.id] for one in clause.indicators),
    )


def _of_these(verdicts: Sequence[Verdict], needed: int) -> Verdict:
    """Return the best that `needed` of the verdicts share; what is not known yet might still hold."""
    count = 0
    for level in (Verdict.MET, Verdict.MET_UNPROVEN, Verdict.INSUFFICIENT_DATA):
        count += sum(one is level for one in verdicts)
        if count >= needed:
            return level
    return Verdict.NOT_MET
