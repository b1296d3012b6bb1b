"""Measures of material: are events visible in time, and do the records say what is there.

Events are numbered where they happen, so one that never became visible shows as a number
that is left out. It counts where the next number shows it; over two halves nothing is lost.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analytics import material
from analytics.device_details import COUNTED, RECORDED
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import evaluate
from analytics.intervals import clopper_pearson
from analytics.measures.measurement import Measured, Measurement, Trials
from analytics.measures.parameters import Chosen
from analytics.measures.view import View, look, look_at
from plant.calendar import Span
from plant.tags import Role, Tag
from plant.text import Text
from plant.units import convert

_AGREED = (Role.SETPOINT, "agreed-time")  # by which a plant says within what time an event has to be visible
_OFFSET = (Role.HEALTH, "clock-offset")  # by which a collector says how far a device's clock is from its own


def realtime_rate(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of numbered events that were visible within the agreed time.

    The agreed time is `agreed` seconds, or what the plant publishes, or what the scene has agreed.
    The clock error is the largest offset of a device's clock that a collector saw.
    """
    view = look(measured, window, filter(_says_when, measured.scene.tags))
    readers = [(device, tuple(device.roles(Role.EVENT_NUMBER))) for device in view.devices]
    readers = [(device, tags) for device, tags in readers if tags]
    limit = given.number("agreed") or _published(view) or view.agreed.agreed or 0.0
    found = material.Timely()
    if limit > 0:
        agreed = replace(view.agreed, agreed=limit)
        details = (view.details(device, agreed).timely for device, _ in readers)
        found = sum((one for one in details if one is not None), found)
    basis = view.known(
        [[tag] for _, tags in readers for tag in tags], counted=found.events, told=found.events + found.unmeasured
    )
    origin = Text(f"{limit:g} s 内可见", f"visible within {limit:g} s")
    inputs = quantities({"EVV": float(found.timely), "EVT": float(found.events)} if limit > 0 else {}, {"EVV": origin})
    interval = clopper_pearson(found.timely, found.events)
    indicator = evaluate(FORMULAS["real-time-rate"], inputs, basis, uncertainty=interval)
    return replace(view.of_trials(indicator, Trials(found.timely, found.events)), clock_error=_clock_offset(view))


def _says_when(tag: Tag) -> bool:
    return tag.role is Role.EVENT_NUMBER or (tag.role, tag.label) in (_AGREED, _OFFSET)


def _clock_offset(view: View) -> float | None:
    told = [
        np.abs(view.usable(tag)) * convert(1.0, tag.unit, "s") for tag in view.tags if (tag.role, tag.label) == _OFFSET
    ]
    offsets = np.concatenate([np.zeros(0), *told])
    return float(offsets.max()) if len(offsets) else None


def _published(view: View) -> float | None:
    """Return the agreed time in seconds that was last published in the window."""
    for _, (tag,) in view.playing(_AGREED[0], label=_AGREED[1]):
        told = view.usable(tag) * convert(1.0, tag.unit, "s")
        if len(told):
            return float(told[-1])
    return None


def stock_accuracy(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of cycle counts at which the record equalled what was counted."""
    del given
    view = look_at(measured, window, (Role.STOCK,))
    places = [
        (device, [there, record])
        for device in view.devices
        if (there := device.role(Role.STOCK, COUNTED)) and (record := device.role(Role.STOCK, RECORDED))
    ]
    details = (view.details(device).matched for device, _ in places)
    found = sum((one for one in details if one is not None), material.Matched())
    basis = view.known([tags for _, tags in places], counted=found.known, told=found.counts)
    inputs = quantities({"CCOK": float(found.matching), "CCN": float(found.known)})
    interval = clopper_pearson(found.matching, found.known)
    indicator = evaluate(FORMULAS["record-accuracy"], inputs, basis, uncertainty=interval)
    return view.of_trials(indicator, Trials(found.matching, found.known))
