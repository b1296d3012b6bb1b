"""The figures of what lies behind a unit: yields, energy by state and product, carbon, cost, trips, links.

One function for a device's hour and a scene's month: sums come in, figures go out. What the
settings do not give (a tariff, a grid factor, rates) has no figure rather than an assumed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analytics import (
    carbon,
    confusion,
    control,
    demand,
    energy,
    energy_states,
    material,
    network,
    oee,
    quality,
    transport,
)
from analytics.counters import MICRO
from analytics.details import Details, Drawn, Judged, Linked, Ordered
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Flag, Indicator, evaluate
from analytics.intervals import clopper_pearson
from analytics.settings import SceneSettings, Settings
from analytics.spans import Spans, Watched
from analytics.time_model import E10State, E10Times
from analytics.unit import Rules, Unit
from plant.calendar import Span
from plant.clock import SECOND
from plant.text import Text


def indicators(unit: Unit, windows: Sequence[Span], rules: Rules) -> Iterator[Indicator]:
    """Compute everything that lies behind one unit's main figures, over the windows that were summed."""
    found, whole = unit.details, _Whole(unit, windows, rules)
    if found is None:
        return
    settings = rules.settings.of(unit.scope)
    yield from _pieces(unit, found, whole)
    if found.ordered is not None:
        yield from _orders(found.ordered, whole)
    if found.drawn is not None:
        yield from _energy(found.drawn, whole, rules.settings)
    if unit.energy is not None:
        yield from _carbon(unit, unit.energy, whole, rules.settings)
    if found.trips is not None:
        yield from transport.indicators(found.trips, whole.basis())
        yield from _cost(unit, found, whole, rules.settings)
    if found.charge is not None and found.charge_seen is not None:
        yield from transport.battery(found.charge, whole.basis(found.charge_seen))
    for link in found.links:
        yield from _link(link, whole)
    if found.judged is not None:
        yield from _judged(found.judged, whole)
    if found.cycles is not None and found.cycles_seen is not None:
        yield from control.indicators(found.cycles, whole.basis(found.cycles_seen))
    yield from _records(found, whole, settings)
    if found.e10 is not None:
        yield from _e10(found.e10, whole)


class _Whole:
    """What the figures of one unit have in common: they are of the whole windows, planned or not."""

    def __init__(self, unit: Unit, windows: Sequence[Span], rules: Rules) -> None:
        self.windows = Spans.of(windows)
        self.unit, self.rules = unit, rules
        self.span = (windows[0][0], windows[-1][1])

    def basis(self, *seen: Watched) -> Basis:
        """Return a basis whose coverage is the share of the windows in which all of this was known."""
        known = good = self.windows
        for one in seen:
            known, good = known.both(one.known), good.both(one.good)
        return Basis(
            scope=self.unit.scope,
            window=self.span,
            coverage=known.total / self.windows.total if self.windows.total else None,
            quality_share=good.total / known.total if known.total else 0.0,
            simulated=self.unit.simulated,
            min_coverage=self.rules.min_coverage,
        )

    def counted(self, known: int, counts: int) -> Basis:
        """Return a basis whose coverage is a share of things counted."""
        return replace(self.basis(), coverage=known / counts if counts else None)


def _pieces(unit: Unit, found: Details, whole: _Whole) -> Iterator[Indicator]:
    if found.operations:
        steps = [(operation.name, operation.tally) for operation in found.operations]
        measured = unit.sums.basis(unit.scope, whole.span, min_coverage=whole.rules.min_coverage) if unit.sums else None
        yield from quality.rolled(steps, replace(measured or whole.basis(), simulated=unit.simulated))
    if not found.tallies or unit.sums is None:
        return
    basis = replace(
        unit.sums.basis(unit.scope, whole.span, min_coverage=whole.rules.min_coverage), simulated=unit.simulated
    )
    # Scrap, rework and defects of the whole machine come with its OEE, those of a product with the product's.
    yield from quality.indicators(quality.total(found.tallies.values()), basis, ids=("first-pass-yield",))
    for name, tally in found.tallies.items():
        worked = found.products.get(name)
        if worked is None:
            continue
        part = replace(
            worked.sums.basis(f"{unit.scope}#product={name}", whole.span, min_coverage=whole.rules.min_coverage),
            simulated=unit.simulated,
        )
        yield from quality.indicators(tally, part, ids=("first-pass-yield",))
    for name, worked in found.products.items():
        sums = replace(worked.sums, simulated=unit.simulated)
        part = sums.basis(f"{unit.scope}#product={name}", whole.span, min_coverage=whole.rules.min_coverage)
        yield from oee.indicators(sums, part, ids=worked.ids)


def _energy(drawn: Drawn, whole: _Whole, settings: Settings) -> Iterator[Indicator]:
    origin = Text(f"{whole.unit.scope} 的电能表", f"meters of {whole.unit.scope}")
    if drawn.states is not None and drawn.states_seen is not None:
        yield from energy_states.indicators(drawn.states, whole.basis(drawn.states_seen), origin=origin)
    if drawn.products is not None and drawn.products_seen is not None:
        good = {name: amount / MICRO for name, amount in drawn.good.items()}
        basis = whole.basis(drawn.products_seen)
        yield from energy_states.product_indicators(drawn.products, good, basis, origin=origin)
    if drawn.bands is not None and drawn.bands_seen is not None and settings.tariff is not None:
        yield demand.cost_indicator(drawn.bands, settings.tariff, whole.basis(drawn.bands_seen))


def _carbon(unit: Unit, metered: energy.Metered, whole: _Whole, settings: Settings) -> Iterator[Indicator]:
    output = unit.output
    seen = Watched(metered.known, metered.known_good)
    used = carbon.Consumed(settings.standard_coal, metered.kilowatt_hours, energy.UNIT)
    flags = (Flag.METER_RESET,) if metered.resets else ()
    yield replace(carbon.comprehensive([used], whole.basis(seen)), flags=flags)
    made = whole.basis(seen, Watched(output.known, output.known_good)) if output is not None else None
    if made is not None and output is not None and output.produced is not None:
        yield replace(carbon.per_piece(used.standard_coal, output.produced / MICRO, made), flags=flags)
    if settings.grid is None:
        return
    inputs = metered.kilowatt_hours, settings.grid
    yield from (replace(one, flags=flags) for one in carbon.emission(*inputs, whole.basis(seen)))
    if made is not None and output is not None and output.good_pieces is not None:
        _, each = carbon.emission(*inputs, made, good=output.good_pieces)
        yield replace(each, flags=flags)


def _orders(found: Ordered, whole: _Whole) -> Iterator[Indicator]:
    """Compute the KPIs of order execution time; unknown time within it counts as none of the unit's."""
    inputs = {**found.sums.inputs(), **quantities({"AOET": found.time / SECOND})}
    basis = replace(
        found.sums.basis(whole.unit.scope, whole.span, min_coverage=whole.rules.min_coverage),
        simulated=whole.unit.simulated,
    )
    ids = ("allocation-ratio", "production-process-ratio", "throughput-rate")
    yield from (evaluate(FORMULAS[kpi], inputs, basis) for kpi in ids)


def _e10(found: E10Times, whole: _Whole) -> Iterator[Indicator]:
    states = {f"E10{symbol}": found.states[state] for symbol, state in _E10.items()}
    inputs = quantities(
        {
            name: ns / SECOND
            for name, ns in {
                **states,
                "E10TOT": found.total,
                "E10OPS": found.operations,
                "E10UNK": found.unknown,
            }.items()
        }
    )
    known = found.operations - found.unknown
    basis = replace(whole.counted(known, found.operations), planned=found.operations > 0)
    ids = ("e10-operational-uptime", "e10-operational-utilization", "e10-total-utilization")
    yield from (evaluate(FORMULAS[kpi], inputs, basis) for kpi in ids)


_E10 = {
    "PRD": E10State.PRODUCTIVE,
    "SBY": E10State.STANDBY,
    "ENG": E10State.ENGINEERING,
    "SDT": E10State.SCHEDULED_DOWN,
    "UDT": E10State.UNSCHEDULED_DOWN,
}


def _cost(unit: Unit, found: Details, whole: _Whole, settings: Settings) -> Iterator[Indicator]:
    """Compute cost per transport at the tariff's mean price of what these vehicles really drew."""
    fleet, tariff, trips = settings.of(unit.scope).fleet, settings.tariff, found.trips
    if fleet is None or tariff is None or trips is None or found.drawn is None or found.drawn.bands is None:
        return
    drawn = found.drawn.bands.kilowatt_hours()
    spent = sum(demand.costs(found.drawn.bands, tariff))
    mean = sum(band.price for band in tariff.bands) / len(tariff.bands)
    rates = transport.Rates(
        energy=spent / drawn if drawn else mean, vehicle_hour=fleet.vehicle_hour, labour_hour=fleet.labour_hour
    )
    hours = trips.planned / transport.HOUR / fleet.vehicles_per_person
    yield transport.cost(trips, rates, whole.basis(), energy=drawn, labour_hours=hours)


def _link(link: Linked, whole: _Whole) -> Iterator[Indicator]:
    basis = replace(whole.basis(), scope=link.scope, simulated=link.simulated or whole.unit.simulated)
    found = network.Availability(link.observed, link.down, link.outages)
    covered = replace(basis, coverage=link.observed.total / whole.windows.total if whole.windows.total else None)
    yield from network.availability_figures(found, covered)


def _judged(found: Judged, whole: _Whole) -> Iterator[Indicator]:
    compared = found.right + found.wrong
    basis = whole.counted(compared, compared + found.alone)
    if found.binary is not None:
        yield from confusion.indicators(found.binary, basis)
    else:
        origin = Text(f"{compared} 次比对", f"{compared} compared with the reference")
        inputs = quantities({"DW": float(found.wrong), "DN": float(compared)}, {"DN": origin})
        interval = clopper_pearson(found.wrong, compared)
        yield evaluate(FORMULAS["wrong-decision-rate"], inputs, basis, uncertainty=interval)


def _records(found: Details, whole: _Whole, settings: SceneSettings) -> Iterator[Indicator]:
    if found.timely is not None and settings.agreed is not None:
        yield material.timely_indicator(found.timely, settings.agreed, whole.basis())
    if found.matched is not None:
        yield from material.matched_indicators(found.matched, whole.basis())
