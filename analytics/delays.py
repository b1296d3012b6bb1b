"""Delay samples of a device's link: which were received, which were lost, which are no measurement.

One sample stands for one packet. A packet that never came back is written with quality
`BAD_TIMEOUT` (its value does not matter) or as an infinite delay; both are lost. Any other
bad sample says nothing about a packet and lowers the coverage. A one-way delay is as sure as
the two clocks agree, which the device's clock-error tag says; without it, it means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics import latency, network
from analytics.indicator import Basis, Indicator
from analytics.readings import Readings
from plant.assets import Device
from plant.batch import Floats
from plant.calendar import Span
from plant.quality import Quality, good, usable
from plant.tags import Role, Tag
from plant.units import convert

ROLES = (Role.LATENCY, Role.LATENCY_UP, Role.LATENCY_DOWN)
_ONE_WAY = (Role.LATENCY_UP, Role.LATENCY_DOWN)


@dataclass(frozen=True, slots=True, eq=False)
class Delays:
    """What one delay tag measured in a window: `received` in ms, and counts of samples.

    `one_way`: measured by two clocks; `clock_error`: the most they can differ by, in ms, None
    where nobody says.
    """

    scope: str
    received: Floats
    lost: int
    unmeasured: int
    good: int
    simulated: bool
    one_way: bool = False
    clock_error: float | None = None


def scope(device: Device, tag: Tag) -> str:
    """Return whose delays a tag's are: the device's for its one round trip, the tag's own for others."""
    return device.path if tag.role is Role.LATENCY and not tag.label else tag.path


def read(device: Device, readings: Readings) -> Iterator[Delays]:
    """Yield the delays of each of a device's delay tags."""
    clocks = device.role(Role.CLOCK_ERROR)
    error = None if clocks is None else _largest(clocks, readings)
    for role in ROLES:
        for tag in device.roles(role):
            found = _read(tag, scope(device, tag), readings)
            yield replace(found, one_way=True, clock_error=error) if role in _ONE_WAY else found


def _largest(tag: Tag, readings: Readings) -> float | None:
    # What was last said before the window holds until it is said anew.
    samples = readings.of(tag)
    rows = np.flatnonzero(usable(samples.quality) & np.isfinite(samples.numbers) & (samples.time < readings.window[1]))
    first = max(int(np.searchsorted(samples.time[rows], readings.window[0], side="right")) - 1, 0)
    values = np.abs(samples.numbers[rows[first:]])
    return float(values.max()) * convert(1.0, tag.unit, "ms") if len(values) else None


def _read(tag: Tag, scope: str, readings: Readings) -> Delays:
    samples = readings.of(tag)
    samples = samples.take((samples.time >= readings.window[0]) & (samples.time < readings.window[1]))
    values = samples.numbers
    infinite = usable(samples.quality) & np.isposinf(values)
    lost = infinite | (samples.quality == np.uint32(Quality.BAD_TIMEOUT))
    received = usable(samples.quality) & np.isfinite(values)
    return Delays(
        scope=scope,
        received=values[received] * convert(1.0, tag.unit, "ms"),
        lost=int(lost.sum()),
        unmeasured=int((~lost & ~received).sum()),
        good=int((received & good(samples.quality)).sum()) + int(lost.sum()),
        simulated=readings.simulated((tag,)),
    )


def in_succession(parts: Sequence[Delays]) -> Delays:
    """Join what one tag measured in windows that follow each other, at least one."""
    # Where nothing was received no clock was needed.
    errors = [part.clock_error for part in parts if len(part.received)]
    return Delays(
        scope=parts[0].scope,
        received=np.concatenate([part.received for part in parts]),
        lost=sum(part.lost for part in parts),
        unmeasured=sum(part.unmeasured for part in parts),
        good=sum(part.good for part in parts),
        simulated=any(part.simulated for part in parts),
        one_way=parts[0].one_way,
        clock_error=max((error for error in errors if error is not None), default=None) if None not in errors else None,
    )


def indicators(found: Delays, window: Span, *, min_coverage: float, shares: tuple[str, ...]) -> list[Indicator]:
    """Compute delay percentiles and loss of one delay tag."""
    packets = len(found.received) + found.lost
    basis = Basis(
        scope=found.scope,
        window=window,
        coverage=packets / (packets + found.unmeasured) if packets else None,
        quality_share=found.good / packets if packets else 0.0,
        simulated=found.simulated,
        min_coverage=min_coverage,
    )
    figures = latency.indicators(found.received, found.lost, basis, shares=shares)
    return network.one_way(figures, found.clock_error) if found.one_way else figures
