"""What one device, line or scene did, and the figures that follow from it.

Units combine in two ways. Side by side (machines to a line, lines to a scene) and in
succession (shifts to a day, days to a month): sums add in both, but what is known at the
same time must be known of every part, while what is known one after the other adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from analytics import delays, details, energy, oee, output, reliability
from analytics.annotations import Annotations, ExplainedStop, explained
from analytics.indicator import MIN_COVERAGE, Basis, Indicator
from analytics.losses import Stops, Waterfall, stops, waterfall
from analytics.reliability import Denominator, Reliability
from analytics.settings import Settings
from analytics.spans import Spans
from analytics.station import Signals, sums
from analytics.time_model import TimeModel
from plant.calendar import Plan, Span
from plant.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a plant's figures are made; one object for every view, so that no two can differ."""

    model: TimeModel = field(default_factory=TimeModel)
    min_coverage: float = MIN_COVERAGE
    denominator: Denominator = Denominator.FAILURES_PLUS_ONE
    percentiles: tuple[str, ...] = ("50", "95", "99", "99.9")
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """What one device, line or scene did; None where it has no such signals.

    `ids`: which of the OEE family its signals can support. `stops`: of a device or a serial
    line's bottleneck, in one window; `reasons`: one per stop, as the machine reported it; `bottleneck`:
    the device whose stops a line's are. `parts`: scopes of the units whose sums and losses add up to this one's.
    `details`: what lies behind the figures, None where it was not asked for.
    """

    scope: str
    name: Text
    sums: oee.Sums | None = None
    ids: tuple[str, ...] = ()
    waterfall: Waterfall | None = None
    reliability: Reliability | None = None
    stops: Stops | None = None
    reasons: tuple[str, ...] = ()
    bottleneck: str = ""
    parts: tuple[str, ...] = ()
    output: output.Output | None = None
    energy: energy.Metered | None = None
    delays: tuple[delays.Delays, ...] = ()
    details: details.Details | None = None
    simulated: bool = False

    def explained(self, notes: Annotations) -> list[ExplainedStop]:
        """Return the stops with what the machine reported and what people said; none where they were summed up."""
        if self.stops is None:
            return []
        reported = self.reasons or ("",) * len(self.stops)
        return explained(self.stops, reported, (self.scope, self.bottleneck), notes)


def of_station(scope: str, name: Text, signals: Signals, plan: Plan, rules: Rules) -> Unit:
    """Return what a station did in a plan's window."""
    measured, model = signals.measured(plan), rules.model
    found = sums(signals, plan, model=model, measured=measured)
    stood = fall = failed = None
    if signals.states is not None:
        stood = stops(signals.states, plan, model=model, measured=measured)
        fall = waterfall(signals, found, stood, model=model, measured=measured)
        failed = reliability.reliability(stood, found.times)
    return Unit(
        scope=scope,
        name=name,
        sums=found,
        ids=supported(signals),
        waterfall=fall,
        stops=stood,
        reliability=failed,
        output=output.output(signals),
        simulated=signals.simulated,
    )


def supported(signals: Signals) -> tuple[str, ...]:
    """Return which of the OEE family a station's signals can support."""
    if signals.states is None:
        return oee.PIECES
    return oee.FAMILY if signals.counters else oee.TIME


def side_by_side(parts: Iterable[Unit], scope: str, name: Text) -> Unit:
    """Add up units that work at the same time.

    Where some can support the whole OEE family, those that only have states or only count
    (a vehicle, a gauge) are not machines of the sum. A part whose signal is not known makes
    the sum unknown.
    """
    members = list(parts)
    working = [unit for unit in members if unit.sums is not None]
    working = [unit for unit in working if unit.ids == oee.FAMILY] or working
    outputs = [unit.output for unit in working if unit.output is not None]
    return Unit(
        scope=scope,
        name=name,
        sums=oee.total(unit.sums for unit in working if unit.sums) if working else None,
        ids=tuple(kpi for kpi in oee.FAMILY if all(kpi in unit.ids for unit in working)) if working else (),
        waterfall=_waterfalls(working),
        reliability=_reliabilities(working),
        parts=tuple(unit.scope for unit in working),
        output=output.side_by_side(outputs) if outputs else None,
        energy=energy.side_by_side([unit.energy for unit in members if unit.energy is not None]),
        details=_detailed(members, details.side_by_side),
        simulated=any(unit.simulated for unit in members),
    )


def in_succession(parts: Sequence[Unit]) -> Unit:
    """Add up the same unit over windows that follow each other, at least one."""
    first = parts[0]
    summed = [unit.sums for unit in parts if unit.sums is not None]
    return replace(
        first,
        sums=oee.total(summed) if summed else None,
        waterfall=_waterfalls(parts),
        reliability=_reliabilities(parts),
        stops=None,
        reasons=(),
        parts=(),
        output=output.in_succession([unit.output for unit in parts if unit.output is not None]),
        energy=energy.in_succession([unit.energy for unit in parts if unit.energy is not None]),
        delays=tuple(delays.in_succession(tags) for tags in zip(*(unit.delays for unit in parts), strict=True)),
        details=_detailed(parts, details.in_succession),
        simulated=any(unit.simulated for unit in parts),
    )


def _detailed(
    units: Sequence[Unit], add: Callable[[Sequence[details.Details]], details.Details]
) -> details.Details | None:
    found = [unit.details for unit in units if unit.details is not None]
    return add(found) if found and len(found) == len(units) else None


def _waterfalls(units: Sequence[Unit]) -> Waterfall | None:
    falls = [unit.waterfall for unit in units if unit.waterfall is not None]
    return sum(falls, Waterfall()) if falls and len(falls) == len(units) else None


def _reliabilities(units: Sequence[Unit]) -> Reliability | None:
    found = [unit.reliability for unit in units if unit.reliability is not None]
    return sum(found, Reliability()) if found else None


def indicators(unit: Unit, windows: Sequence[Span], rules: Rules) -> Iterator[Indicator]:
    """Compute every indicator of a unit over the windows that were summed, in order of time."""
    span = (windows[0][0], windows[-1][1])
    if unit.sums is not None:
        found = replace(unit.sums, simulated=unit.simulated)
        basis = found.basis(unit.scope, span, min_coverage=rules.min_coverage)
        yield from oee.indicators(found, basis, ids=unit.ids)
        if unit.reliability is not None:
            yield from reliability.indicators(unit.reliability, basis, denominator=rules.denominator)
    if unit.output is not None:
        yield from output.indicators(unit.output, _basis(unit, windows, rules, unit.output))
    if unit.energy is not None:
        origin = Text(f"{unit.scope} 的电能表", f"meters of {unit.scope}")
        yield energy.indicator(unit.energy, _basis(unit, windows, rules, unit.energy), origin=origin)
        if unit.output is not None and unit.output.good is not None:
            basis = _basis(unit, windows, rules, unit.energy, unit.output)
            yield energy.per_good_piece(unit.energy, unit.output.good_pieces, basis, origin=origin)
    for measured in unit.delays:
        marked = replace(measured, simulated=measured.simulated or unit.simulated)
        yield from delays.indicators(marked, span, min_coverage=rules.min_coverage, shares=rules.percentiles)


def _basis(unit: Unit, windows: Sequence[Span], rules: Rules, *parts: energy.Metered | output.Output) -> Basis:
    # For figures that count the whole of the windows, planned or not.
    everything = Spans.of(windows)
    known, good = everything, everything
    for part in parts:
        known, good = known.both(part.known), good.both(part.known_good)
    return Basis(
        scope=unit.scope,
        window=(windows[0][0], windows[-1][1]),
        coverage=known.total / everything.total if everything.total and known.total else None,
        quality_share=good.total / known.total if known.total else 0.0,
        simulated=unit.simulated,
        min_coverage=rules.min_coverage,
    )
