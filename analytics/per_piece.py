"""Which sample of a process value speaks of each piece.

A collector reads a steady value again and again; repetitions would make a process look calmer than it
is. Where a device counts pieces, each has one value: the one in force when it was counted.
"""

from __future__ import annotations

import numpy as np

from analytics.readings import Readings
from analytics.stations import playing
from plant.assets import Device
from plant.batch import Ints
from plant.quality import usable
from plant.tags import Role, Tag

READ_ROLES = frozenset((Role.TOTAL_COUNT, Role.GOOD_COUNT))
"""The roles that tell one piece from the next."""


def one_a_piece(device: Device, tag: Tag, readings: Readings) -> tuple[Ints, Ints]:
    """Return when each piece of a window was counted and the row of its sample, -1 where it is not known.

    Of a device that counts nothing, every sample of the window.
    """
    counters = playing(device, Role.TOTAL_COUNT) or playing(device, Role.GOOD_COUNT)
    if counters:
        made = readings.increments(counters[0])
        time = made.time[(made.micro > 0) & made.in_time]
        return time, readings.believed(tag).at(time)
    samples, window = readings.of(tag), readings.window
    inside = np.flatnonzero((samples.time >= window[0]) & (samples.time < window[1]))
    return samples.time[inside], np.where(usable(samples.quality[inside]), inside, -1)
