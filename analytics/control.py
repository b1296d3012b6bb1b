"""Control cycles of a loop: how many there were, whose command came too late, and which were right.

One counting for the loop's tile, the scene's figures and the evidence of a campaign.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analytics.counters import MICRO
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.intervals import clopper_pearson
from analytics.readings import Readings
from analytics.spans import Watched, common
from plant.assets import Device
from plant.tags import Role


@dataclass(frozen=True, slots=True)
class Cycles:
    """Control cycles; `late`, `correct`: of these, None where it is not told."""

    all: int
    late: int | None = None
    correct: int | None = None

    def __add__(self, other: Cycles) -> Cycles:
        return Cycles(self.all + other.all, _both(self.late, other.late), _both(self.correct, other.correct))


def counted(device: Device, readings: Readings) -> tuple[Cycles, Watched] | None:
    """Return a device's control cycles and when their counters were known, or None where it counts none."""
    roles = (Role.CONTROL_CYCLES, Role.DEADLINE_MISSED, Role.CORRECT_CYCLES)
    found = [device.role(role) for role in roles]
    if found[0] is None:
        return None
    read = [None if tag is None else readings.increments(tag) for tag in found]
    told = [one for one in read if one is not None]
    amounts = [None if one is None else int(one.total // MICRO) for one in read]
    seen = Watched(common([one.known for one in told]), common([one.known_good for one in told]))
    return Cycles(amounts[0] or 0, *amounts[1:]), seen


def indicators(found: Cycles, basis: Basis) -> Iterator[Indicator]:
    """Compute the shares of late and of correct cycles; counters that contradict each other give no figure."""
    for formula, symbol, part in (
        ("deadline-miss-rate", "CYLATE", found.late),
        ("closed-loop-correctness", "CYOK", found.correct),
    ):
        if part is None:
            continue
        possible = part <= found.all
        inputs = quantities({symbol: float(part), "CYN": float(found.all)}) if possible else {}
        interval = clopper_pearson(part, found.all) if possible else None
        yield evaluate(FORMULAS[formula], inputs, basis, uncertainty=interval)


def _both(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
