"""Which assumptions a simulated verdict rests on: each is made half as large and half as large again, one at a time.

    {parameter, value, baseline, low: {verdict, estimates} or {error}, high: …}

`value` is the improved side's, `baseline` the other's where it differs. What the verdict turns on
comes first. Whether a model's numbers are right is not known here; how much hangs on them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.acceptance import ClauseFinding, Verdict
from configs.catalogue import ClauseConfig
from evidence.payload import Plain, plain
from evidence.plan import Exclusion, HandedIn
from plant.errors import ConfigError
from plant.text import Text

LOW, HIGH = 0.5, 1.5
UNABLE = (ConfigError, ValueError, ArithmeticError)
"""What a model that cannot be with such a value raises."""

Tell = Callable[[float, Text], None]


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number a model assumes, on each side; `baseline` is None where there is none, or no such number."""

    parameter: str
    value: float
    baseline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a varied campaign is judged by, and how it came out; `work`: a folder for its samples."""

    clause: ClauseConfig
    verdict: Verdict
    exclusions: Sequence[Exclusion]
    records: Sequence[HandedIn]
    work: Path


Vary = Callable[[Judged, Tell], Plain]
"""Varies a campaign's assumptions and returns the table."""
Rerun = Callable[[str, float], ClauseFinding]
"""Carries the comparison out with one parameter multiplied by a factor on both sides. Raises one of UNABLE."""


def vary(assumptions: Sequence[Assumption], verdict: Verdict, rerun: Rerun, tell: Tell) -> Plain:
    """Return the table. `verdict`: the campaign's own; what turns it comes first, else the order given."""
    varied = [one for one in assumptions if one.value or one.baseline]  # half of nothing is nothing
    total = len(varied) * 2
    rows = []
    for number, one in enumerate(varied):
        row = {"parameter": one.parameter, "value": one.value, "baseline": one.baseline}
        for side, (name, factor) in enumerate((("low", LOW), ("high", HIGH))):
            done = 2 * number + side
            step = Text(f"敏感性 {done + 1}/{total}", f"trying assumptions, {done + 1} of {total}")
            tell(done / total, step)
            row[name] = _tried(rerun, one.parameter, factor)
        rows.append(row)
    return sorted(rows, key=lambda row: not _turns(row, verdict))


def _tried(rerun: Rerun, parameter: str, factor: float) -> Plain:
    try:
        found = rerun(parameter, factor)
    except UNABLE as error:
        return {"error": str(error)[:300] or type(error).__name__}
    return {
        "verdict": found.verdict.value,
        "estimates": {one.indicator: plain(one.estimate) for one in found.findings},
    }


def _turns(row: Mapping[str, Plain], verdict: Verdict) -> bool:
    return any(row[name].get("verdict", verdict.value) != verdict.value for name in ("low", "high"))
