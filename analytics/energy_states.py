"""Where the energy went: kWh by machine state and by product, and what idling costs.

A meter says how much went through between two readings, not when. Within that stretch the
energy is spread evenly, so a reading every few seconds puts a state change where it belongs:

    readings     ├──── 0.4 kWh ────┤──── 0.6 kWh ────┤
    states       ├ Idle ┤ Execute ──────────┤ Held ──┤

Shares are cut from the running total at whole millionths, so they add up exactly to what the
meter counted. What was metered across a gap, or while nothing is known, has no state; it is
kept apart and never lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

import numpy as np

from analytics.counters import MICRO, Increments
from analytics.energy import UNIT
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.states import UNKNOWN, Intervals
from analytics.steps import Steps
from analytics.time_model import PACKML_TO_ISO22400, TimeElement
from plant.batch import Ints
from plant.packml import PackState
from plant.text import Text
from plant.units import convert

IDLE: frozenset[PackState] = frozenset(
    state for state, element in PACKML_TO_ISO22400.items() if element in (TimeElement.DOWN, TimeElement.DELAY)
)
"""States in which a machine neither makes parts nor gets ready to: what it draws then is idle energy."""


_UNSAID = Text()


def running_total(meter: Increments, moments: Ints) -> Ints:
    """Return the millionths metered, with certain time, from the window's start up to each moment.

    Within two readings the energy is spread evenly. The first reading's energy counts from
    the window's start, for the window owns all of it. The total only grows.
    """
    sure = meter.in_time & (meter.micro > 0)
    if not sure.any():
        return np.zeros(len(moments), np.int64)
    origin = meter.window[0]
    since, until = np.maximum(meter.since[sure], origin) - origin, meter.time[sure] - origin
    done = np.cumsum(meter.micro[sure])
    moment = np.asarray(moments, np.int64) - origin
    row = np.searchsorted(until, moment, side="left")
    before = np.concatenate(([0], done))[row]
    inside = np.minimum(row, len(until) - 1)
    length = np.maximum(until[inside] - since[inside], 1)
    share = np.clip((moment - since[inside]) / length, 0.0, 1.0)
    partial = np.rint(share * meter.micro[sure][inside]).astype(np.int64)
    return np.where(row < len(until), before + partial, before)


def within(meter: Increments, start: Ints, stop: Ints) -> Ints:
    """Return the millionths metered, with certain time, within each interval; adds up over any split."""
    return running_total(meter, stop) - running_total(meter, start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A meter's energy in millionths of its unit, shared out by state or product.

    `unplaced`: metered across a gap or while nothing is known. `parts` and `unplaced` add up
    to what the meter counted.
    """

    unit: str
    parts: Mapping[str, int] = field(default_factory=dict, hash=False)
    unplaced: int = 0

    def __add__(self, other: Shared) -> Shared:
        if self.unit != other.unit:
            other = other.to(self.unit)
        names = {**self.parts, **other.parts}
        return Shared(
            unit=self.unit,
            parts={name: self.parts.get(name, 0) + other.parts.get(name, 0) for name in names},
            unplaced=self.unplaced + other.unplaced,
        )

    @property
    def total(self) -> int:
        """All of it, in millionths."""
        return sum(self.parts.values()) + self.unplaced

    def to(self, unit: str) -> Shared:
        """Return the same energy in another unit, to the nearest millionth of it."""
        factor = convert(1.0, self.unit, unit)
        parts = {name: round(micro * factor) for name, micro in self.parts.items()}
        return Shared(unit=unit, parts=parts, unplaced=round(self.unplaced * factor))

    def kilowatt_hours(self, names: AbstractSet[str] | None = None) -> float:
        """Return the placed energy of the named parts, or of all, in kWh."""
        chosen = [micro for name, micro in self.parts.items() if names is None or name in names]
        return convert(sum(chosen) / MICRO, self.unit, UNIT)


def by_state(meter: Increments, unit: str, states: Intervals) -> Shared:
    """Share a meter's energy out by PackML state, named as PackML names it."""
    known = states.state != UNKNOWN
    amounts = within(meter, states.start, states.stop)
    parts = {
        PackState(code).name: int(amounts[states.state == code].sum())
        for code in np.unique(states.state[known]).tolist()
    }
    return _shared(meter, unit, parts)


def by_product(meter: Increments, unit: str, product: Steps, names: Sequence[str]) -> Shared:
    """Share a meter's energy out by the product that was made; `names` has one entry per sample behind `product`."""
    amounts = within(meter, product.start, product.stop)
    parts: dict[str, int] = {}
    for row, amount in zip(product.row.tolist(), amounts.tolist(), strict=True):
        if row >= 0:
            parts[names[row]] = parts.get(names[row], 0) + amount
    return _shared(meter, unit, parts)


def _shared(meter: Increments, unit: str, parts: Mapping[str, int]) -> Shared:
    convert(0.0, unit, UNIT)
    return Shared(unit=unit, parts=parts, unplaced=meter.total - sum(parts.values()))


def indicators(
    states: Shared, basis: Basis, *, idle: AbstractSet[PackState] = IDLE, origin: Text = _UNSAID
) -> list[Indicator]:
    """Compute the energy of each state, under the scope `…#state=NAME`, and the idle share.

    The share is of the energy whose state is known.
    """
    found = [
        _energy(states, {name}, replace(basis, scope=f"{basis.scope}#state={name}"), origin) for name in _order(states)
    ]
    standing = states.kilowatt_hours({state.name for state in idle})
    inputs = quantities({"ENI": standing, "ENP": states.kilowatt_hours()}, {"ENI": origin, "ENP": origin})
    return [*found, evaluate(FORMULAS["idle-energy-share"], inputs, basis)]


def product_indicators(
    products: Shared, good: Mapping[str, float], basis: Basis, *, origin: Text = _UNSAID
) -> list[Indicator]:
    """Compute energy and energy per good piece of each product, under the scope `…#product=NAME`."""
    found = []
    for name in sorted(products.parts):
        part = replace(basis, scope=f"{basis.scope}#product={name}")
        found.append(_energy(products, {name}, part, origin))
        inputs = quantities({"EN": products.kilowatt_hours({name}), "GQ": good.get(name)}, {"EN": origin})
        found.append(evaluate(FORMULAS["energy-per-good-piece"], inputs, part))
    return found


def _energy(shared: Shared, names: AbstractSet[str], basis: Basis, origin: Text) -> Indicator:
    return evaluate(FORMULAS["energy"], quantities({"EN": shared.kilowatt_hours(names)}, {"EN": origin}), basis)


def _order(states: Shared) -> list[str]:
    return sorted(states.parts, key=lambda name: PackState[name])
