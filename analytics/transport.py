"""What vehicles do with their time: transports, work, waits by cause, cost, and battery.

A vehicle is a PackML unit: EXECUTE is carrying out a transport, the delay states are waiting
or blocked (by traffic, by the link, by itself), idle states are standing without an order.
Only planned time in which state and counter are known counts, on both sides of every ratio.
`Trips` of several vehicles or windows add up; ratios are computed from the sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analytics.counters import MICRO, Increments
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.spans import Spans, common
from analytics.states import Intervals
from analytics.steps import Steps
from analytics.time_model import TimeElement, TimeModel
from plant.batch import Batch, Ints
from plant.calendar import Plan, Span
from plant.clock import SECOND
from plant.quality import usable
from plant.text import Text
from plant.units import convert

HOUR = 3600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Trips:
    """Sums of one or more vehicles. Times in ns, `transports` in millionths, None where not counted.

    `planned`: vehicle time that was planned; `known`: the part of it of which state and count
    are known; `known_good`: of that, in good quality. `waits`: by cause, "" = none reported.
    """

    planned: int = 0
    known: int = 0
    known_good: int = 0
    working: int = 0
    waits: Mapping[str, int] = field(default_factory=dict, hash=False)
    transports: int | None = 0

    def __add__(self, other: Trips) -> Trips:
        counted = self.transports is not None and other.transports is not None
        return Trips(
            planned=self.planned + other.planned,
            known=self.known + other.known,
            known_good=self.known_good + other.known_good,
            working=self.working + other.working,
            waits={
                cause: self.waits.get(cause, 0) + other.waits.get(cause, 0) for cause in {**self.waits, **other.waits}
            },
            transports=(self.transports or 0) + (other.transports or 0) if counted else None,
        )

    def basis(self, basis: Basis) -> Basis:
        """Return a basis with the coverage of these sums."""
        return replace(
            basis,
            coverage=self.known / self.planned if self.planned and self.known else None,
            quality_share=self.known_good / self.known if self.known else 0.0,
            planned=self.planned > 0,
        )


@dataclass(frozen=True, slots=True)
class Reasons:
    """What a vehicle reported as its reason for standing: `texts` are the values of the samples behind `told`."""

    told: Steps
    texts: tuple[str, ...]


def trips(
    states: Intervals,
    plan: Plan,
    *,
    transports: Sequence[Increments] = (),
    reasons: Reasons | None = None,
    model: TimeModel | None = None,
) -> Trips:
    """Sum up what one vehicle did in a plan's window.

    A wait's cause is the reason in force when it ends, for vehicles often report it late.
    """
    model = model or TimeModel()
    busy = Spans.of(plan.busy)
    measured = common([busy, states.known, *(counter.known for counter in transports)])
    good = common([busy, states.known_good, *(counter.known_good for counter in transports)])
    inside = measured.within(states.start, states.stop)
    waiting = model.of(states, TimeElement.DELAY) & (inside > 0)
    causes = _causes(states.stop[waiting] - 1, reasons)
    waits: dict[str, int] = {}
    for cause, ns in zip(causes, inside[waiting].tolist(), strict=True):
        waits[cause] = waits.get(cause, 0) + ns
    return Trips(
        planned=busy.total,
        known=measured.total,
        known_good=good.total,
        working=int(inside[model.of(states, TimeElement.PRODUCTION)].sum()),
        waits=waits,
        transports=sum(counter.during(measured) for counter in transports) if transports else None,
    )


def _causes(moments: Ints, reasons: Reasons | None) -> list[str]:
    if reasons is None:
        return [""] * len(moments)
    return [reasons.texts[row] if row >= 0 else "" for row in reasons.told.at(moments).tolist()]


def total(parts: Sequence[Trips]) -> Trips:
    """Add up vehicles or windows."""
    return sum(parts, Trips())


def indicators(found: Trips, basis: Basis) -> list[Indicator]:
    """Compute transports per vehicle hour, utilization, and waiting as a whole and by cause (`…#cause=NAME`)."""
    covered = found.basis(basis)
    inputs = quantities(
        {
            "TRN": None if found.transports is None else found.transports / MICRO,
            "VT": found.known / SECOND,
            "VWT": found.working / SECOND,
            "VQT": sum(found.waits.values()) / SECOND,
        }
    )
    ids = ("transports-per-vehicle-hour", "vehicle-utilization", "vehicle-waiting-share")
    result = [evaluate(FORMULAS[kpi], inputs, covered) for kpi in ids]
    for cause, ns in sorted(found.waits.items(), key=lambda item: (-item[1], item[0])):
        part = replace(covered, scope=f"{covered.scope}#cause={cause}")
        waited = quantities({"VCT": ns / SECOND}, {"VCT": Text(cause, cause)})
        result.append(evaluate(FORMULAS["waiting-share-by-cause"], {**inputs, **waited}, part))
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What things cost, in CNY: a kWh, an hour of a vehicle, an hour of people. Raises ValueError below 0."""

    energy: float
    vehicle_hour: float
    labour_hour: float

    def __post_init__(self) -> None:
        if not min(self.energy, self.vehicle_hour, self.labour_hour) >= 0:
            raise ValueError("rates are at least 0")


def cost(found: Trips, rates: Rates, basis: Basis, *, energy: float | None, labour_hours: float) -> Indicator:
    """Compute cost per transport from the vehicles' energy in kWh and the labour that went with them.

    Vehicle hours are those planned, for a vehicle costs money also while nothing is known of it.
    """
    inputs = quantities(
        {
            "EN": energy,
            "PRE": rates.energy,
            "VH": found.planned / HOUR,
            "PRV": rates.vehicle_hour,
            "LH": labour_hours,
            "PRL": rates.labour_hour,
            "TRN": None if found.transports is None else found.transports / MICRO,
        }
    )
    return evaluate(FORMULAS["cost-per-transport"], inputs, found.basis(basis))


@dataclass(frozen=True, slots=True)
class Charge:
    """What a battery went through: lowest state of charge, and charge drawn in full batteries; None = not known.

    What was drawn between two samples that were followed by charging is not seen.
    """

    lowest: float | None
    drawn: float | None

    def __add__(self, other: Charge) -> Charge:
        lows = [low for low in (self.lowest, other.lowest) if low is not None]
        drawn = [part for part in (self.drawn, other.drawn) if part is not None]
        return Charge(min(lows, default=None), sum(drawn) if drawn else None)


def charge(samples: Batch, unit: str, window: Span) -> Charge:
    """Read one vehicle's state of charge; `samples`: of one tag, `ordered`; `unit`: `%` or `1`.

    The sample in force when the window begins counts too, so that windows which follow each
    other lose nothing between them.
    """
    rows = np.flatnonzero(usable(samples.quality) & np.isfinite(samples.numbers) & (samples.time < window[1]))
    time, values = samples.time[rows], samples.numbers[rows] * convert(1.0, unit, "1")
    in_force = values[max(int(np.searchsorted(time, window[0], side="right")) - 1, 0) :]
    # From the last one before the window: what was drawn since is this window's.
    steps = np.diff(values[max(int(np.searchsorted(time, window[0], side="left")) - 1, 0) :])
    drawn = float(np.maximum(-steps, 0.0).sum()) if len(steps) else None
    return Charge(float(in_force.min()) if len(in_force) else None, drawn)


def battery(found: Charge, basis: Basis) -> list[Indicator]:
    """Compute the lowest state of charge and the charge drawn."""
    inputs = quantities({"SOCMIN": found.lowest, "SOCOUT": found.drawn})
    return [evaluate(FORMULAS[kpi], inputs, basis) for kpi in ("battery-lowest", "battery-cycles")]
