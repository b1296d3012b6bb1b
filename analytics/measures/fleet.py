"""Measures of transport: what a vehicle hour brings, and what a transport costs."""

from __future__ import annotations

import math

from analytics import energy, transport
from analytics.counters import MICRO
from analytics.formulas import FORMULAS
from analytics.indicator import Basis, evaluate
from analytics.measures.measurement import Measured, Measurement, Part
from analytics.measures.parameters import Chosen
from analytics.measures.view import View, look_at
from analytics.settings import FleetRates
from analytics.stations import playing
from plant.calendar import Span
from plant.tags import Role

_ROLES = (Role.STATE, Role.TRANSPORT_COUNT)


def transports_per_vehicle_hour(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute transports over the planned vehicle hours that are known."""
    del given
    view = look_at(measured, window, _ROLES)
    found = _trips(view)
    if not found.planned and view.plan.busy:  # there are no vehicles
        return view.unanswered(evaluate(FORMULAS["transports-per-vehicle-hour"], {}, _basis(view)))
    indicator = transport.indicators(found, _basis(view))[0]
    if not found.known or found.transports is None:
        return view.unanswered(indicator)
    part = Part(found.transports / MICRO, found.known / transport.HOUR)
    return Measurement(indicator=indicator, parts={"": part}, late=view.late)


def cost_per_transport(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the cost of vehicles, people and energy over transports.

    Vehicles and those who mind them cost their planned hours, at the rates the scene has
    agreed or the parameters say; energy is what the vehicles' meters counted in the window,
    taken up through chargers of `charging-efficiency` at `energy-price`.
    """
    efficiency = given.number("charging-efficiency")
    if not 0 < efficiency <= 1:
        raise ValueError("parameter 'charging-efficiency' is more than 0 and at most 1")
    view = look_at(measured, window, (*_ROLES, Role.ENERGY))
    found, agreed = _trips(view), _rates(view, given)
    if not found.planned and view.plan.busy:
        return view.unanswered(evaluate(FORMULAS["cost-per-transport"], {}, _basis(view)))
    meters = [tag for device, _ in view.playing(*_ROLES) for tag in playing(device, Role.ENERGY)]
    drawn = energy.side_by_side([energy.metered(view.readings.increments(tag), tag.unit) for tag in meters])
    charged = None
    if agreed is not None and drawn is not None and drawn.known.total:
        charged = drawn.kilowatt_hours / efficiency
    rates = transport.Rates(
        energy=given.number("energy-price"),
        vehicle_hour=agreed.vehicle_hour if agreed else 0.0,
        labour_hour=agreed.labour_hour if agreed else 0.0,
    )
    hours = found.planned / transport.HOUR
    labour = hours / agreed.vehicles_per_person if agreed else 0.0
    indicator = transport.cost(found, rates, _basis(view), energy=charged, labour_hours=labour)
    if not found.known or found.transports is None or charged is None:
        return view.unanswered(indicator)
    spent = math.fsum((charged * rates.energy, hours * rates.vehicle_hour, labour * rates.labour_hour))
    return Measurement(indicator=indicator, parts={"": Part(spent, found.transports / MICRO)}, late=view.late)


def _rates(view: View, given: Chosen) -> FleetRates | None:
    """Return the rates, each as given, or as agreed where 0 is given; None when one is neither."""
    agreed = view.agreed.fleet or FleetRates(vehicle_hour=0.0, labour_hour=0.0, vehicles_per_person=0.0)
    rates = FleetRates(
        vehicle_hour=given.number("vehicle-hour") or agreed.vehicle_hour,
        labour_hour=given.number("labour-hour") or agreed.labour_hour,
        vehicles_per_person=given.number("vehicles-per-person") or agreed.vehicles_per_person,
    )
    return rates if min(rates.vehicle_hour, rates.labour_hour, rates.vehicles_per_person) > 0 else None


def _trips(view: View) -> transport.Trips:
    found = (view.details(device).trips for device, _ in view.playing(*_ROLES))
    return transport.total([trips for trips in found if trips is not None])


def _basis(view: View) -> Basis:
    return view.basis(known=0, whole=0)
