"""Which sample of a process value speaks of each piece.

A collector reads a steady value again and again; repetitions would make a process look calmer than it
is. Where a device counts pieces, each has one value: the one in force when it was counted.

    force, each second   0 ─── 0 ─── 412 ─── 409 ───
    pieces                        ↑ counted between two readings, just after a stop: 0 is not its force

A reading from before the device went over to the state in which it counted a piece is not of that
piece, if in that state another one followed; a value that is only sent when it changes stays in force.
"""

from __future__ import annotations

import numpy as np

from analytics.readings import Readings
from analytics.stations import playing
from plant.assets import Device
from plant.batch import INT64_MAX, Ints, Mask
from plant.quality import usable
from plant.tags import Role, Tag

READ_ROLES = frozenset((Role.STATE, Role.TOTAL_COUNT, Role.GOOD_COUNT))
"""The roles that tell one piece from the next, and when work on it began."""


def one_a_piece(device: Device, tag: Tag, readings: Readings) -> tuple[Ints, Ints]:
    """Return when each piece of a window was counted and the row of its sample, -1 where it is not known.

    Of a device that counts nothing, every sample of the window.
    """
    counters = playing(device, Role.TOTAL_COUNT) or playing(device, Role.GOOD_COUNT)
    if counters:
        made = readings.increments(counters[0])
        time = made.time[(made.micro > 0) & made.in_time]
        rows = readings.believed(tag).at(time)
        return time, np.where(_outdated(device, tag, readings, time, rows), -1, rows)
    samples, window = readings.of(tag), readings.window
    inside = np.flatnonzero((samples.time >= window[0]) & (samples.time < window[1]))
    return samples.time[inside], np.where(usable(samples.quality[inside]), inside, -1)


def _outdated(device: Device, tag: Tag, readings: Readings, time: Ints, rows: Ints) -> Mask:
    """Say which readings are from an earlier state of the device than their piece, and followed by one of the same."""
    state, read = device.role(Role.STATE), readings.of(tag).time
    if state is None or not len(read):
        return np.zeros(len(rows), np.bool_)
    states = readings.states(state)
    place = np.searchsorted(states.start, time, side="right") - 1
    began, ended = states.start[place], states.stop[place]
    following = np.append(read, INT64_MAX)[rows + 1]
    found: Mask = (rows >= 0) & (read[rows] < began) & (following < ended)
    return found
