"""Measures of what lines make: how much in an hour, and how much of it is good at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analytics.counters import MICRO
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Indicator, evaluate
from analytics.intervals import clopper_pearson
from analytics.measures import outlets
from analytics.measures.measurement import Measured, Measurement, Part, Trials
from analytics.measures.outlets import Made, Outlet
from analytics.measures.parameters import Chosen
from analytics.measures.view import View, look_at
from analytics.oee import Counts
from analytics.spans import Spans
from analytics.transport import HOUR
from plant.calendar import Span
from plant.clock import SECOND
from plant.tags import Role

_IDEAL_SECOND = SECOND * MICRO

_Found = Sequence[tuple[Outlet, Spans]]
_Amount = Callable[[Made], float | None]


# ----------------------------------------------------------------------------------- rates
def production_rate(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute good parts per planned hour of a line, by product.

    `weight`: `pieces`, or `ideal-time` to count a part as its ideal time, so that products
    of different work add up. `per`: `planned-hour`, or `person-hour` where a role tells how
    many people are at work.
    """
    by_people = given.one_of("per", {"planned-hour": False, "person-hour": True})
    by_ideal = given.one_of("weight", {"pieces": False, "ideal-time": True})
    view = look_at(measured, window, outlets.ROLES)
    chosen = [outlet.of_good() for _, outlet in outlets.line_outlets(view) if outlet.counts_good]
    if by_people:
        chosen = [outlet for outlet in chosen if outlet.headcount is not None]
    found = [(outlet, outlet.measured(view, by_people=by_people)) for outlet in chosen]
    if by_people:
        return _rate(view, "production-rate-per-person", found, ("GQ", _good), ("PEH", _person_hours))
    if by_ideal:
        return _rate(view, "production-rate-by-ideal-time", found, ("IGT", _ideal), ("PLH", _hours), scale=3600.0)
    return _rate(view, "production-rate", found, ("GQ", _good), ("PLH", _hours))


def inspection_rate(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute parts judged per planned hour of each machine that gives verdicts and counts, by product."""
    del given
    view = look_at(measured, window, outlets.ROLES)
    eyes = (outlets.device_outlet(view, device) for device, _ in view.playing(Role.VERDICT))
    found = [(outlet, outlet.measured(view)) for outlet in eyes if outlet.counts_all]
    return _rate(view, "inspection-rate", found, ("PQ", _all), ("PLH", _hours))


def _rate(
    view: View,
    formula: str,
    found: _Found,
    numerator: tuple[str, _Amount],
    denominator: tuple[str, _Amount],
    *,
    scale: float = 1.0,
) -> Measurement:
    """`scale`: what the formula divides its numerator by, so that parts are in its unit."""
    parts = outlets.total([outlets.made(view, outlet, spans) for outlet, spans in found])
    (above, amount), (below, spent) = numerator, denominator
    sums = {name: (amount(one), spent(one)) for name, one in parts.items()}
    achieved, time = (_sum([pair[n] for pair in sums.values()]) for n in (0, 1))
    if achieved is not None and achieved < 0:  # more rejected than made: the counters contradict each other
        achieved = None
    inputs = quantities({above: achieved, below: time})
    basis = outlets.basis(view, found)
    indicator = evaluate(FORMULAS[formula], inputs, basis, flags=outlets.flags(view, found))
    if achieved is None or not time:
        return view.unanswered(indicator)
    known = {name: Part(a / scale, t) for name, (a, t) in sums.items() if a is not None and t is not None}
    return Measurement(indicator=indicator, parts=known, late=view.late)


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None


def _good(made: Made) -> float | None:
    return None if made.counts.good is None else made.counts.good / MICRO


def _all(made: Made) -> float | None:
    return None if made.counts.produced is None else made.counts.produced / MICRO


def _ideal(made: Made) -> float | None:
    return None if made.counts.ideal_good is None else made.counts.ideal_good / _IDEAL_SECOND


def _hours(made: Made) -> float | None:
    return made.time / HOUR


def _person_hours(made: Made) -> float | None:
    return made.people / HOUR


def identified_per_hour(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute identifiers collected and resolved per planned hour of the stations that do it."""
    del given
    view = look_at(measured, window, (Role.IDENTIFIED_COUNT,))
    counters = [view.readings.increments(tag) for tag in view.tags]
    known = [view.busy.both(counter.known) for counter in counters]
    good = sum(view.busy.both(counter.known_good).total for counter in counters)
    resolved = sum(counter.during(spans) for counter, spans in zip(counters, known, strict=True)) / MICRO
    time = sum(spans.total for spans in known)
    whole, planned = view.busy.total * len(counters), bool(view.plan.busy)
    basis = view.basis(known=time, whole=whole, good=good, planned=planned)
    inputs = quantities({"IDN": resolved, "PLH": time / HOUR})
    indicator = evaluate(FORMULAS["identified-per-hour"], inputs, basis)
    if not time:
        return view.unanswered(indicator)
    return Measurement(indicator=indicator, parts={"": Part(resolved, time / HOUR)}, late=view.late)


# ---------------------------------------------------------------------------------- shares
@dataclass(frozen=True, slots=True)
class _Share:
    """What is counted of what; each None where counters do not tell it."""

    formula: str
    hit: Callable[[Counts], int | None]
    whole: Callable[[Counts], int | None]


def _left(counts: Counts) -> int | None:
    return None if counts.good is None or counts.scrap is None else counts.good + counts.scrap


def _not_good_at_once(counts: Counts) -> int | None:
    return None if counts.scrap is None else counts.scrap + (counts.rework or 0)


_DEFECTS = {
    "left": _Share("scrap-share", lambda counts: counts.scrap, _left),
    "judged": _Share("defect-rate", _not_good_at_once, lambda counts: counts.produced),
}
_YIELDS = {
    "left": _Share("finished-yield", lambda counts: counts.good, _left),
    "judged": _Share("quality-ratio-by-pieces", lambda counts: counts.good, lambda counts: counts.produced),
}


def defect_share(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of defects, by product.

    `counting`: `left` counts parts that left the line, good (after rework too) or scrapped;
    `judged` every judgement, where a part that goes to rework is a defect.
    """
    return _share(measured, window, given.one_of("counting", _DEFECTS))


def yield_share(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of good parts, by product; `counting` as in `defect_share`."""
    return _share(measured, window, given.one_of("counting", _YIELDS))


def _share(measured: Measured, window: Span, share: _Share) -> Measurement:
    view = look_at(measured, window, outlets.ROLES)
    counting = [outlet for _, outlet in outlets.line_outlets(view) if outlet.counts_defects]
    found = [(outlet, outlet.measured(view)) for outlet in counting]
    parts = outlets.total([outlets.made(view, outlet, spans) for outlet, spans in found])
    whole = sum((one.counts for one in parts.values()), Counts())
    indicator = _of_pieces(view, share, found, whole)
    hits = {name: (share.hit(one.counts), share.whole(one.counts)) for name, one in parts.items()}
    certain = {name: (k / MICRO, n / MICRO) for name, (k, n) in hits.items() if k is not None and n}
    hit, of_all = (sum(column) for column in zip(*certain.values(), strict=True)) if certain else (0.0, 0.0)
    if indicator.coverage is None or not of_all or not 0 <= hit <= of_all:
        return view.unanswered(indicator)
    trials = Trials(round(hit), round(of_all))
    by_product = {name: Part(k, n) for name, (k, n) in certain.items()}
    return Measurement(indicator=indicator, parts=by_product, trials=trials, late=view.late)


def _of_pieces(view: View, share: _Share, found: _Found, whole: Counts) -> Indicator:
    counted = (("PQ", whole.produced), ("GQ", whole.good), ("SQ", whole.scrap), ("RQ", whole.rework))
    inputs = quantities({symbol: None if n is None else n / MICRO for symbol, n in counted})
    hit, all_of_them, interval = share.hit(whole), share.whole(whole), None
    if hit is not None and all_of_them and 0 <= hit <= all_of_them:
        interval = clopper_pearson(round(hit / MICRO), round(all_of_them / MICRO))
    else:  # nothing, or counters that contradict each other
        inputs = {}
    basis = outlets.basis(view, found)
    return evaluate(FORMULAS[share.formula], inputs, basis, uncertainty=interval, flags=outlets.flags(view, found))
