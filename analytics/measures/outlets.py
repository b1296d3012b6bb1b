"""Where parts are counted, what came out there while which product was made, and in how much time.

A serial line is seen where its parts leave it, at its last machine that counts; machines that
work side by side each for themselves. A part belongs to the product that was made when its
counter was read, and an hour to the product that was made in it:

    product      ├──── housing ────┤──── flange ────┤
    good         1  2  3      4    5   6   7   8
    made         housing: 4 in 1.2 h · flange: 4 in 1.1 h

Only planned time in which the counters are known counts, with the pieces counted in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics.counters import Reading
from analytics.device_details import spans_by_name
from analytics.indicator import Basis, Flag
from analytics.measures.view import View
from analytics.oee import Counts
from analytics.spans import Spans
from analytics.station import Signals, counts
from analytics.stations import COUNTING, device_signals, line_signals
from plant.assets import Device, Line
from plant.tags import Role, Tag

ROLES = (*COUNTING, Role.PRODUCT, Role.IDEAL_CYCLE, Role.HEADCOUNT)
"""The roles that outlets are made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlet:
    """Where parts are counted. `product`, `headcount`: the tags that tell what is made there and by how many people."""

    signals: Signals
    product: Tag | None
    headcount: Tag | None

    @property
    def counts_good(self) -> bool:
        """Whether its counters tell the good parts."""
        return bool(self.signals.good or (self.signals.total and self.signals.scrap))

    @property
    def counts_all(self) -> bool:
        """Whether its counters tell all parts."""
        return bool(self.signals.total or (self.signals.good and self.signals.scrap))

    @property
    def counts_defects(self) -> bool:
        """Whether its counters tell the parts that were not good at once."""
        return self.counts_all and bool(self.signals.scrap or self.signals.good)

    def of_good(self) -> Outlet:
        """Return the outlet with no more counters than its good parts need, so that no other can spoil them."""
        if not self.signals.good:
            return self
        return replace(self, signals=replace(self.signals, scrap=(), rework=(), total=()))

    def measured(self, view: View, *, by_people: bool = False) -> Spans:
        """Return the planned time in which its counters, and the number of people where asked, are known."""
        known = self.signals.measured(view.plan)
        if not by_people or self.headcount is None:
            return known
        return known.both(view.heard(self.headcount)[0])


def line_outlets(view: View) -> Iterator[tuple[Line, Outlet]]:
    """Yield the outlets of a scene's lines, each with its line."""
    for line in view.of.scene.lines:
        counting = [device for device in line.devices if any(device.role(role) for role in COUNTING)]
        if line.serial and counting:
            yield line, _boundary(view, line, counting)
        else:
            yield from ((line, device_outlet(view, device)) for device in counting)


def device_outlet(view: View, device: Device) -> Outlet:
    """Return one machine as an outlet."""
    signals = replace(device_signals(device, view.readings), states=None)
    return Outlet(signals, device.role(Role.PRODUCT), device.role(Role.HEADCOUNT))


def _boundary(view: View, line: Line, counting: Sequence[Device]) -> Outlet:
    signals = {device.path: device_signals(device, view.readings) for device in line.devices}
    whole = line_signals(line.devices, signals, view.readings)
    assert whole is not None  # something in it counts
    people = next((tag for device in line.devices if (tag := device.role(Role.HEADCOUNT))), None)
    return Outlet(replace(whole, states=None), counting[-1].role(Role.PRODUCT), people)


@dataclass(frozen=True, slots=True)
class Made:
    """What came out while one product was made: pieces, the ns it was made for, and person-ns where people count."""

    counts: Counts = Counts()
    time: int = 0
    people: float = 0.0

    def __add__(self, other: Made) -> Made:
        return Made(self.counts + other.counts, self.time + other.time, self.people + other.people)


def made(view: View, outlet: Outlet, measured: Spans) -> dict[str, Made]:
    """Return what came out in some spans by product, "" where the product is not told."""
    spans = by_product(view, outlet, measured)
    return {
        product: Made(counts(outlet.signals, part), part.total, _people(view, outlet, part))
        for product, part in spans.items()
    }


def by_product(view: View, outlet: Outlet, measured: Spans) -> dict[str, Spans]:
    """Cut spans by what was made at an outlet, "" where it is not told."""
    if outlet.product is None:
        return {"": measured}
    found = spans_by_name(view.readings.held(outlet.product), view.readings.texts(outlet.product))
    parts = {name: spans.both(measured) for name, spans in found.items() if name}
    rest = measured
    for spans in parts.values():
        rest = rest.without(spans)
    return {name: spans for name, spans in {**parts, "": rest}.items() if spans.total}


def _people(view: View, outlet: Outlet, spans: Spans) -> float:
    if outlet.headcount is None:
        return 0.0
    held, present = view.readings.held(outlet.headcount), view.readings.of(outlet.headcount).numbers
    known = held.row >= 0
    inside = spans.within(held.start[known], held.stop[known])
    return float(np.nansum(inside * present[held.row[known]])) if known.any() else 0.0


def total(parts: Sequence[dict[str, Made]]) -> dict[str, Made]:
    """Add up outlets side by side, product by product, in order of name."""
    names = sorted({name for part in parts for name in part})
    return {name: sum((part[name] for part in parts if name in part), Made()) for name in names}


def basis(view: View, measured: Sequence[tuple[Outlet, Spans]]) -> Basis:
    """Return the basis of a rate: what is known of the planned time of every outlet."""
    whole = view.busy.total * len(measured)
    good = sum(outlet.signals.measured_good(view.plan).both(spans).total for outlet, spans in measured)
    known = sum(spans.total for _, spans in measured)
    return view.basis(known=known, whole=whole, good=good, planned=bool(view.plan.busy))


def flags(view: View, measured: Sequence[tuple[Outlet, Spans]]) -> tuple[Flag, ...]:
    """Return what a reader must know of what was counted."""
    counters = [(counter, spans) for outlet, spans in measured for counter in outlet.signals.counters]
    raised = {
        Flag.PARTLY_UNKNOWN: any(0 < spans.total < view.busy.total for _, spans in measured),
        Flag.UNCOUNTED_PARTS: any(counter.total > counter.during(spans) for counter, spans in counters),
        Flag.METER_RESET: any(counter.has(Reading.RESET) for counter, _ in counters),
    }
    return tuple(flag for flag, so in raised.items() if so)
