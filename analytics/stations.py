"""Devices and serial lines as stations: which tags play which part.

A cumulative role may be played by one unlabelled tag (the whole) or by several labelled ones
(by cause); where both exist, the unlabelled one is the whole and the others are its detail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analytics.counters import Increments
from analytics.readings import Readings
from analytics.station import IdealCycle, Signals
from plant.assets import Device
from plant.tags import Role, Tag
from plant.text import Text

COUNTING = (Role.GOOD_COUNT, Role.REJECT_COUNT, Role.REWORK_COUNT, Role.TOTAL_COUNT)
SIGNALS = (Role.STATE, *COUNTING, Role.PRODUCT, Role.IDEAL_CYCLE)
"""The roles a station is made of."""


def is_station(device: Device) -> bool:
    """Return whether a device has a state or counts something."""
    return any(device.role(role) for role in (Role.STATE, *COUNTING))


def playing(device: Device, role: Role) -> tuple[Tag, ...]:
    """Return the tags that together play a cumulative role: the unlabelled one, or all labelled ones."""
    tags = tuple(device.roles(role))
    whole = tuple(tag for tag in tags if not tag.label)
    return whole[:1] or tags


def device_signals(device: Device, readings: Readings) -> Signals:
    """Read the signals of one device."""
    state = device.role(Role.STATE)
    used = {role: playing(device, role) for role in COUNTING}
    read = {role: tuple(readings.increments(tag) for tag in tags) for role, tags in used.items()}
    ideal = _ideal_cycle(device, readings)
    return Signals(
        states=readings.states(state) if state else None,
        good=read[Role.GOOD_COUNT],
        scrap=read[Role.REJECT_COUNT],
        rework=read[Role.REWORK_COUNT],
        total=read[Role.TOTAL_COUNT],
        ideal=(ideal,) if ideal else (),
        simulated=readings.simulated(tag for role in SIGNALS for tag in device.roles(role)),
        origins=_origins(state, used, read, readings),
    )


def bottleneck(devices: Sequence[Device], readings: Readings) -> Device | None:
    """Return the machine with the longest ideal cycle, the later one where two are equal; None where none is one."""
    members = [device for device in devices if is_station(device)]
    slowest = max(range(len(members)), key=lambda n: (_slowness(members[n], readings), n), default=None)
    return None if slowest is None else members[slowest]


def line_signals(devices: Sequence[Device], signals: Mapping[str, Signals], readings: Readings) -> Signals | None:
    """Return a serial line, in order of flow, as one station; None when nothing in it is one.

    Times are the `bottleneck`'s. Good output is the last counting machine's, rejects are everybody's.
    """
    members = [device for device in devices if is_station(device)]
    slowest = bottleneck(members, readings)
    if slowest is None:
        return None
    parts, times = [signals[device.path] for device in members], signals[slowest.path]
    last = next((part for part in reversed(parts) if part.counters), parts[-1])
    scrap = tuple(counter for part in parts for counter in part.scrap)
    upstream = tuple(counter for part in parts if part is not last for counter in (*part.scrap, *part.rework))
    return Signals(
        states=times.states,
        good=last.good,
        scrap=scrap,
        rework=tuple(counter for part in parts for counter in part.rework),
        # What entered the line: what left it, and what was taken out on the way.
        total=(*last.total, *upstream) if last.total else (),
        ideal=tuple(cycle for part in parts for cycle in part.ideal),
        simulated=any(part.simulated for part in parts),
        origins={**times.origins, **_counts_of(last)},
    )


_COUNT_SYMBOLS = ("PQ", "GQ", "SQ", "RQ", "IPT", "IGT")


def _counts_of(part: Signals) -> dict[str, Text]:
    return {symbol: text for symbol, text in part.origins.items() if symbol in _COUNT_SYMBOLS}


def _ideal_cycle(device: Device, readings: Readings) -> IdealCycle | None:
    product, told = device.role(Role.PRODUCT), device.role(Role.IDEAL_CYCLE)
    if not device.ideal_cycle and told is None:
        return None
    return IdealCycle(
        cycles=device.ideal_cycle,
        product=readings.held(product) if product else None,
        products=readings.texts(product) if product else (),
        told=readings.held(told) if told else None,
        seconds=readings.seconds(told) if told else None,
    )


def _slowness(device: Device, readings: Readings) -> float:
    # By configuration where there is one, so that the choice does not move with the window.
    if device.ideal_cycle:
        return device.ideal_cycle.get("", max(device.ideal_cycle.values()))
    told = device.role(Role.IDEAL_CYCLE)
    seconds = readings.seconds(told) if told else None
    return float(seconds[-1]) if seconds is not None and len(seconds) else 0.0


def _origins(
    state: Tag | None,
    used: Mapping[Role, tuple[Tag, ...]],
    read: Mapping[Role, tuple[Increments, ...]],
    readings: Readings,
) -> dict[str, Text]:
    origins: dict[str, Text] = {}
    if state is not None:
        count = len(readings.of(state))
        text = Text(f"{state.path}：{count} 个状态样本", f"{state.path}: {count} samples of state")
        origins |= dict.fromkeys(("UT", "AUBT", "AUPT", "APT", "AUST", "ADET", "ADOT"), text)
    for role, symbol in zip(COUNTING, ("GQ", "SQ", "RQ", "PQ"), strict=True):
        if used[role]:
            paths = ", ".join(tag.path for tag in used[role])
            count = sum(len(part.time) for part in read[role])
            origins[symbol] = Text(f"{paths}：{count} 次读数", f"{paths}: {count} readings")
    calendar = Text("班次日历", "shift calendar")
    return {**origins, **dict.fromkeys(("POT", "PDOT", "PBT"), calendar)}
