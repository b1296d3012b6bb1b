"""Measures of equipment: the scene's own figures (OEE, repair time, energy per piece) in a form that adds up.

The figure is the one that tile and report show; here its sums come along with it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from analytics import oee, reliability
from analytics.counters import MICRO
from analytics.energy import UNIT
from analytics.energy_states import within
from analytics.formulas import FORMULAS
from analytics.indicator import evaluate
from analytics.measures import outlets
from analytics.measures.measurement import Measured, Measurement, Part
from analytics.measures.parameters import Chosen
from analytics.measures.view import View, look_at
from analytics.scene import READ_ROLES, analyse
from analytics.spans import Spans
from analytics.station import counts
from analytics.stations import playing
from analytics.transport import HOUR
from analytics.unit import Unit, indicators
from plant.calendar import Span
from plant.clock import SECOND
from plant.tags import Role
from plant.units import convert


def overall_effectiveness(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the OEE of the scene: ideal hours of good parts over planned hours that are known."""
    del given
    view, unit = _scene(measured, window)
    sums = unit.sums
    if sums is None or "oee" not in unit.ids:
        return view.unanswered(evaluate(FORMULAS["oee"], {}, view.basis(known=0, whole=0)))
    basis = sums.basis(unit.scope, window, min_coverage=measured.rules.min_coverage)
    basis = replace(basis, simulated=unit.simulated)
    indicator = oee.indicators(sums, basis, ids=("oee",))[0]
    ideal, planned = sums.counts.ideal_good, sums.times.busy - sums.times.unknown
    if indicator.coverage is None or not sums.measured or ideal is None:
        return view.unanswered(indicator)
    part = Part(ideal / (HOUR * MICRO), planned / HOUR)
    return Measurement(indicator=indicator, parts={"": part}, late=view.late)


def time_to_restoration(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute repair time over failures, whatever a plant's own convention for the divisor."""
    del given
    view, unit = _scene(measured, window)
    sums, found = unit.sums, unit.reliability
    if sums is None or found is None:
        return view.unanswered(evaluate(FORMULAS["mttr-by-failures"], {}, view.basis(known=0, whole=0)))
    basis = sums.basis(unit.scope, window, min_coverage=measured.rules.min_coverage)
    basis = replace(basis, simulated=unit.simulated)
    indicator = reliability.indicators(found, basis, denominator=reliability.Denominator.FAILURES)[1]
    if not sums.measured:
        return view.unanswered(indicator)
    part = Part(found.repair / SECOND, float(found.failures))
    return Measurement(indicator=indicator, parts={"": part}, late=view.late)


def energy_per_piece(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the energy of all meters over good parts, by product.

    A line's energy belongs to the product it made meanwhile. What belongs to none (utilities,
    gaps) is shared out in proportion to what does, so that the products add up to the whole.
    """
    del given
    view, unit = _scene(measured, window)
    found = {one.id: one for one in indicators(unit, (window,), measured.rules)}
    indicator = found.get("energy-per-good-piece")
    if indicator is None:
        return view.unanswered(evaluate(FORMULAS["energy-per-good-piece"], {}, view.basis(known=0, whole=0)))
    spent, good = (indicator.inputs[symbol].value for symbol in ("EN", "GQ"))
    if indicator.coverage is None or not isinstance(spent, float) or not isinstance(good, float):
        return view.unanswered(indicator)
    shares = _shares(view)
    energy, pieces = (math.fsum(part[n] for part in shares.values()) for n in (0, 1))
    if len(shares) < 2 or not energy or not pieces:
        return Measurement(indicator=indicator, parts={_only(shares): Part(spent, good)}, late=view.late)
    parts = {name: Part(e / energy * spent, p / pieces * good) for name, (e, p) in shares.items()}
    return Measurement(indicator=indicator, parts=parts, late=view.late)


def _scene(measured: Measured, window: Span) -> tuple[View, Unit]:
    scene = measured.scene
    analysis = analyse(scene, measured.historian, window, calendar=measured.calendar, rules=measured.rules)
    unit = analysis.unit(scene.path)
    assert unit is not None  # the last of its units is the scene
    return look_at(measured, window, READ_ROLES), unit


def _only(shares: dict[str, Part]) -> str:
    return next(iter(shares)) if len(shares) == 1 else ""


def _shares(view: View) -> dict[str, Part]:
    """Return each product's energy in kWh and good parts, as far as they can be told apart."""
    found: dict[str, Part] = {}
    for line, outlet in outlets.line_outlets(view):
        if outlet.product is None or not outlet.counts_good:
            continue
        meters = [tag for device in line.devices for tag in playing(device, Role.ENERGY)]
        drawn = [(view.readings.increments(tag), tag.unit) for tag in meters]
        signals = outlet.of_good().signals
        for product, spans in outlets.by_product(view, outlet, Spans.of([view.window])).items():
            if not product:
                continue
            energy = math.fsum(
                convert(int(np.sum(within(meter, spans.start, spans.stop))) / MICRO, unit, UNIT)
                for meter, unit in drawn
            )
            before = found.get(product, Part(0.0, 0.0))
            good = (counts(signals, spans).good or 0) / MICRO
            found[product] = Part(before.numerator + energy, before.denominator + good)
    return found
