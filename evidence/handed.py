"""Records that people hand in: what no telemetry knows, as measurements like any other.

Enterprises served, courses on offer, costs by the books: each is a number, of so many, in a
window, from a document, in somebody's name. A record handed in again for the same side, kind
and window replaces the one before in the figures; both stay in the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable

from analytics.acceptance.vocabulary import RECORDS, handed_in
from analytics.formulas import FORMULAS
from analytics.indicator import Formula, Shown
from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measurement
from configs.catalogue import IndicatorConfig
from evidence.plan import HandedIn
from plant.text import Text

FORMULA = Formula(
    id=RECORDS,
    name=Text("报送记录", "Records handed in"),
    expression="number / of",
    source=Text("报送人所列文件", "the documents that whoever handed them in has named"),
    shown=Shown.NUMBER,
)
"""How a record becomes a figure."""


def formulas_of(measure: str) -> tuple[Formula, ...]:
    """Return the formulas a measure of a catalogue computes by."""
    return (FORMULA,) if measure == RECORDS else tuple(FORMULAS[name] for name in MEASURES[measure].formulas)


def kind_of(indicator: IndicatorConfig) -> str | None:
    """Return of which records an indicator speaks; None where telemetry answers it."""
    return str(indicator.parameters.get("kind", "")) if indicator.measure == RECORDS else None


def in_force(records: Iterable[HandedIn], side: str, kind: str) -> tuple[HandedIn, ...]:
    """Return the records of a kind that count on a side, by window: the last one handed in for each."""
    last = {(one.window.start, one.window.stop): one for one in records if (one.side, one.kind) == (side, kind)}
    return tuple(last[window] for window in sorted(last))


def measured(records: Iterable[HandedIn], side: str, kind: str) -> tuple[Measurement, ...]:
    """Return a side's records of a kind as measurements, one a window."""
    return tuple(
        handed_in(kind, (one.window.start, one.window.stop), number=one.number, of=one.of)
        for one in in_force(records, side, kind)
    )
