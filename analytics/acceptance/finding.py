"""A finding: one indicator of a clause held against its bound.

    met                the whole confidence interval lies beyond the bound
    met-unproven       the estimate does, the interval does not
    not-met            the estimate does not
    insufficient-data  too little evidence to say

"Beyond" is in the direction of the clause's own comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from configs.catalogue import Comparison, Kind, Statistic
from plant.text import Text


class Verdict(StrEnum):
    """What may be said of an indicator or a clause."""

    MET = "met"
    MET_UNPROVEN = "met-unproven"
    NOT_MET = "not-met"
    INSUFFICIENT_DATA = "insufficient-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side of a comparison rests on.

    `value`: the figure of the whole side. `windows`: how many counted. `samples`: trials, probes,
    pieces or records in them. `coverage`: the least of any window. `clock_error`: seconds, the largest.
    """

    value: float | None
    interval: tuple[float, float] | None
    windows: int
    samples: float
    coverage: float | None
    quality_share: float
    late: float
    clock_error: float | None
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What the product mix did to a change.

    `crude`: as counted. `standardised`: with the planned mix on both sides. `trap`: the
    crude change passes the bound and the standardised one does not.
    """

    crude: float
    standardised: float | None
    trap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One indicator's verdict with everything it rests on.

    `estimate` and `interval` are in the unit of the bound (a change is a ratio); an infinite
    percentile is `math.inf`. `points`: a change of a rate in percentage points, stated beside
    the relative one, else None. `effect`: a standardised effect size, named by `effect_kind`.
    `version`: of the statistic's procedure. `notes`: what a reader must know, worst first.
    """

    clause: str
    indicator: str
    name: Text
    kind: Kind
    op: Comparison
    bound: float
    unit: str
    measure: str
    statistic: Statistic
    version: int
    confidence: float
    verdict: Verdict
    estimate: float | None
    interval: tuple[float, float] | None
    points: float | None = None
    effect: float | None = None
    effect_kind: str = ""
    baseline: Side | None = None
    improved: Side | None = None
    mix: Mix | None = None
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseFinding:
    """A clause's verdict: its indicators' findings combined as the clause says."""

    clause: str
    number: str
    name: Text
    verdict: Verdict
    findings: tuple[Finding, ...]
