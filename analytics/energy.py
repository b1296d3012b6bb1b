"""Energy from cumulative meters: kWh of a window, and per good piece.

A meter is a counter: resets, rollovers, gaps and impossible steps are read as `counters`
reads them. What was metered across a gap belongs to the window's energy, for the amount is
certain. Coverage is the share of the window in which every meter was known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analytics.counters import MICRO, Increments, Reading
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Flag, Indicator, evaluate
from analytics.spans import Spans, any_of, common
from plant.text import Text
from plant.units import convert

UNIT = "kW.h"


@dataclass(frozen=True, slots=True, eq=False)
class Metered:
    """What meters showed in a window: millionths by unit, kept apart so that sums stay exact.

    `known`, `known_good`: when every meter was known, and known in good quality.
    """

    amounts: Mapping[str, int] = field(hash=False)
    known: Spans
    known_good: Spans
    resets: int = 0

    @property
    def kilowatt_hours(self) -> float:
        """The energy in kWh."""
        return math.fsum(convert(amount / MICRO, unit, UNIT) for unit, amount in self.amounts.items())


def metered(meter: Increments, unit: str) -> Metered:
    """Read one meter whose unit is `unit`. Raises UnitError when that is no unit of energy."""
    convert(0.0, unit, UNIT)
    resets = int((meter.reading == Reading.RESET).sum())
    return Metered({unit: meter.total}, meter.known, meter.known_good, resets)


def side_by_side(parts: Sequence[Metered]) -> Metered | None:
    """Add up meters of the same window, known while all are known; None for no meter."""
    return _sum(parts, common([p.known for p in parts]), common([p.known_good for p in parts])) if parts else None


def in_succession(parts: Sequence[Metered]) -> Metered | None:
    """Add up windows that follow each other; None for no window."""
    return _sum(parts, any_of([p.known for p in parts]), any_of([p.known_good for p in parts])) if parts else None


def _sum(parts: Sequence[Metered], known: Spans, known_good: Spans) -> Metered:
    amounts: dict[str, int] = {}
    for part in parts:
        for unit, amount in part.amounts.items():
            amounts[unit] = amounts.get(unit, 0) + amount
    return Metered(amounts, known, known_good, sum(part.resets for part in parts))


def indicator(found: Metered, basis: Basis, *, origin: Text) -> Indicator:
    """Compute the energy of a window."""
    inputs = quantities({"EN": found.kilowatt_hours}, {"EN": origin})
    return evaluate(FORMULAS["energy"], inputs, basis, flags=_flags(found))


def per_good_piece(found: Metered, good: float | None, basis: Basis, *, origin: Text) -> Indicator:
    """Compute energy per good piece, both of the same window; `basis` covers meter and counter."""
    inputs = quantities({"EN": found.kilowatt_hours, "GQ": good}, {"EN": origin})
    return evaluate(FORMULAS["energy-per-good-piece"], inputs, basis, flags=_flags(found))


def _flags(found: Metered) -> tuple[Flag, ...]:
    return (Flag.METER_RESET,) if found.resets else ()
