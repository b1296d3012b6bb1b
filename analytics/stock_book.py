"""What the last count of each place found beside what the records said, and which calls nobody has answered.

A count is told at one moment by one device: the place (role `location`), and stock with the
labels `counted` and `recorded`. A call is an event of a device that names what is called
for but moves nothing (`event-number` and `location`, no `part`). It is answered at the gate
(`event-number`, `part`, `location`) nearest to it, by the first later movement whose target is
what was called for or ends in its name: a call for `board` by a bin that goes to `line-board`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.counters import MICRO
from analytics.readings import Readings, read
from historian.port import Historian
from plant.assets import Device, Scene
from plant.clock import SECOND
from plant.quality import usable
from plant.tags import Role, Tag

COUNTED, RECORDED = "counted", "recorded"
READ_ROLES = (Role.STOCK, Role.LOCATION, Role.EVENT_NUMBER, Role.PART)
"""The roles this module asks for; nothing else is read."""

LOOK_BACK = 24 * 3600 * SECOND
"""Counts and calls older than this, in ns, are not looked for."""


@dataclass(frozen=True, slots=True)
class Count:
    """The last count of a place; `recorded` None where the records said nothing at that moment."""

    place: str
    time: int
    counted: float
    recorded: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """A call that no movement has answered yet."""

    item: str
    time: int
    device: Device


@dataclass(frozen=True, slots=True)
class StockBook:
    """What is known beside the records themselves. `unseen`: calls and movements whose message never came."""

    counts: tuple[Count, ...]
    calls: tuple[Call, ...]
    unseen: int
    simulated: bool


def stock_book(scene: Scene, historian: Historian, now: int) -> StockBook:
    """Read the last count of every place and the calls that are open."""
    tags = [tag for tag in scene.tags if tag.role in READ_ROLES and not _is_record(tag)]
    readings = read(historian, tags, (now - LOOK_BACK, now + 1), margin=0, now=now)
    last: dict[str, Count] = {}
    for device in scene.devices:
        last |= {count.place: count for count in _counts(device, readings)}
    numbered = [device for device in scene.devices if device.role(Role.EVENT_NUMBER) and device.role(Role.LOCATION)]
    gates = [device for device in numbered if device.role(Role.PART)]
    callers = [device for device in numbered if not device.role(Role.PART)]
    return StockBook(
        counts=tuple(sorted(last.values(), key=lambda count: count.place)),
        calls=tuple(call for caller in callers for call in _open(caller, gates, readings)),
        unseen=sum(_unseen(device, readings) for device in numbered),
        simulated=scene.simulated or readings.simulated(tags),
    )


def _is_record(tag: Tag) -> bool:
    return tag.role is Role.STOCK and tag.label not in (COUNTED, RECORDED)


def _counts(device: Device, readings: Readings) -> Iterator[Count]:
    there, record = device.role(Role.STOCK, COUNTED), device.role(Role.STOCK, RECORDED)
    place = device.role(Role.LOCATION)
    if there is None or place is None:
        return
    counted, names = _by_time(readings, there), _texts_by_time(readings, place)
    recorded = _by_time(readings, record) if record is not None else {}
    for time, pieces in counted.items():
        if names.get(time):
            yield Count(names[time], time, pieces, recorded.get(time))


def _events(device: Device, readings: Readings) -> Iterator[Call]:
    """Yield what a device's numbered events name, in order of time; calls and movements look alike here."""
    number, named = device.role(Role.EVENT_NUMBER), device.role(Role.LOCATION)
    if number is None or named is None:
        return
    names = _texts_by_time(readings, named)
    for time in _by_time(readings, number):
        if names.get(time):
            yield Call(names[time], time, device)


def _open(caller: Device, gates: Sequence[Device], readings: Readings) -> list[Call]:
    waiting: dict[str, deque[Call]] = {}
    for call in _events(caller, readings):
        waiting.setdefault(call.item, deque()).append(call)
    gate = _nearest(caller, gates)
    for movement in _events(gate, readings) if gate is not None else ():
        for item, queue in waiting.items():
            answers = movement.item == item or movement.item.endswith(f"-{item}")
            if answers and queue and queue[0].time < movement.time:
                queue.popleft()
    return sorted((call for queue in waiting.values() for call in queue), key=lambda one: one.time)


def _nearest(caller: Device, gates: Sequence[Device]) -> Device | None:
    """Return the gate nearest to a device, the last one declared where nobody says what stands where."""
    here = caller.position
    placed = [(math.dist(here, gate.position), gate) for gate in gates if here is not None and gate.position]
    return min(placed, key=lambda one: one[0])[1] if placed else next(reversed(gates), None)


def _unseen(device: Device, readings: Readings) -> int:
    tag = device.role(Role.EVENT_NUMBER)
    if tag is None:
        return 0
    grown = readings.increments(tag).micro
    return int((np.maximum(grown - MICRO, 0) // MICRO).sum())


def _by_time(readings: Readings, tag: Tag) -> dict[int, float]:
    samples = readings.of(tag)
    fine = usable(samples.quality) & np.isfinite(samples.numbers) & (samples.time >= readings.window[0])
    return dict(zip(samples.time[fine].tolist(), samples.numbers[fine].tolist(), strict=True))


def _texts_by_time(readings: Readings, tag: Tag) -> dict[int, str]:
    samples = readings.of(tag)
    told = zip(samples.time.tolist(), readings.texts(tag), usable(samples.quality).tolist(), strict=True)
    return {time: text for time, text, fine in told if fine}
