"""What a catalogue may name as the answer to a clause: every measure, and records kept by people.

What no telemetry knows (enterprises served, courses on offer) is handed in as records; the
campaign turns each kind into a measurement and everything after that is the same.
"""

from __future__ import annotations

from analytics.indicator import Indicator, Shown
from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measurement, Part
from configs.catalogue import Answers, Statistic
from plant.calendar import Span
from plant.text import Text

RECORDS = "records"
"""The measure of what was handed in; its parameter `kind` says of which records."""


def answers() -> dict[str, Answers]:
    """Return what may stand as `measure` in a catalogue, with the statistics and parameters each knows."""
    known = {measure.id: Answers(measure.statistics, measure.parameters) for measure in MEASURES.values()}
    return {**known, RECORDS: Answers(frozenset((Statistic.TALLY, Statistic.RATIO)), {"kind": ""})}


def handed_in(kind: str, window: Span, *, number: float, of: float = 1.0) -> Measurement:
    """Return a measurement of records of a kind: their number, of so many (a whole, days, output)."""
    indicator = Indicator(
        id=RECORDS,
        name=Text(f"报送记录：{kind}", f"Records handed in: {kind}"),
        value=number / of if of else None,
        unit="1",
        shown=Shown.NUMBER,
        scope=kind,
        window=window,
        formula=RECORDS,
        version=1,
        inputs={},
        coverage=1.0,
        quality_share=1.0,
    )
    return Measurement(indicator=indicator, parts={"": Part(number, of)})
