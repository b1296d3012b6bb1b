"""Delay samples of a device's link: which were received, which were lost, which are no measurement.

One sample stands for one packet. A packet that never came back is written with quality
`BAD_TIMEOUT` (its value does not matter) or as an infinite delay; both are lost. Any other
bad sample says nothing about a packet and lowers the coverage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analytics import latency
from analytics.indicator import Basis, Indicator
from analytics.readings import Readings
from plant.assets import Device
from plant.batch import Floats
from plant.calendar import Span
from plant.quality import Quality, good, usable
from plant.tags import Role, Tag
from plant.units import convert

ROLES = (Role.LATENCY, Role.LATENCY_UP, Role.LATENCY_DOWN)


@dataclass(frozen=True, slots=True, eq=False)
class Delays:
    """What one delay tag measured in a window: `received` in ms, and counts of samples."""

    scope: str
    received: Floats
    lost: int
    unmeasured: int
    good: int
    simulated: bool


def read(device: Device, readings: Readings) -> Iterator[Delays]:
    """Yield the delays of each of a device's delay tags.

    Their scope is the device for its one round-trip tag, and the tag itself for the others.
    """
    for role in ROLES:
        for tag in device.roles(role):
            scope = device.path if role is Role.LATENCY and not tag.label else tag.path
            yield _read(tag, scope, readings)


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
    return Delays(
        scope=parts[0].scope,
        received=np.concatenate([part.received for part in parts]),
        lost=sum(part.lost for part in parts),
        unmeasured=sum(part.unmeasured for part in parts),
        good=sum(part.good for part in parts),
        simulated=any(part.simulated for part in parts),
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
    return latency.indicators(found.received, found.lost, basis, shares=shares)
