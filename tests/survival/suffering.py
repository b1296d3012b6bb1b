"""Put a rig through one fault and count: what was offered, acknowledged, stored, lost, doubled; how long it took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from plant.errors import ProvenlineError
from tests.survival.plant import PATIENCE, Marked, Plant


class Rig(Enum):
    """What a fault happens to: the usual rig, or one with another store or another device."""

    USUAL = auto()
    INFLUXDB = auto()
    OPCUA = auto()
    MODBUS = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` does it to a plant and returns when the fault is over; it is given the seconds to hold it.

    `says`: what the product says about it, one text per process (`edge` or `centre`). `disk`: whether
    the fault destroys the only copy of something, and so may cost what was on it, which `strike`
    then returns. `root`: whether it needs a disk or a network of its own.
    """

    name: str
    zh: str
    strike: Callable[[Plant, float], frozenset[int] | None]
    says: tuple[tuple[str, str], ...] = ()
    short: float = 2.0
    long: float = 10.0
    rig: Rig = Rig.USUAL
    root: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one fault did.

    `live_after`, `all_after`: seconds from its end until the first new sample, and all that were
    acknowledged, were stored. `destroyed`: numbers whose only copy the fault itself overwrote.
    `unsaid`: what the product should have logged and did not.
    """

    fault: Fault
    seconds: float
    offered: int
    acknowledged: int
    stored: int
    lost: frozenset[int]
    destroyed: frozenset[int]
    duplicated: int
    live_after: float
    all_after: float
    restarts: int
    line: str
    unsaid: tuple[str, ...]


def suffer(plant: Plant, fault: Fault, seconds: float) -> Outcome:
    """Let a fault happen and return what it did."""
    before, restarts = plant.mark(), plant.edge.restarts + plant.centre.restarts
    time.sleep(0.3)
    destroyed = fault.strike(plant, seconds) or frozenset()
    over, ended = plant.publisher.offered, time.monotonic()
    live_after = plant.wait_live(over)
    span = range(before.number, plant.publisher.offered)
    missing, stored = _settled(plant, span, before.time, destroyed)
    all_after = time.monotonic() - ended
    acknowledged = plant.publisher.acknowledged & set(span)
    said = _said(plant, fault, before)
    unsaid = [text for (_, text), line in zip(fault.says, said, strict=True) if not line]
    return Outcome(
        fault,
        seconds,
        offered=len(span),
        acknowledged=len(acknowledged),
        stored=sum(1 for number in stored if number in span),
        lost=missing - destroyed,
        destroyed=missing & destroyed,
        duplicated=sum(n - 1 for n in stored.values()),
        live_after=live_after,
        all_after=all_after,
        restarts=plant.edge.restarts + plant.centre.restarts - restarts,
        line=said[0] if said else "",
        unsaid=tuple(unsaid),
    )


def _said(plant: Plant, fault: Fault, before: Marked) -> list[str]:
    """Wait until the product has said of a fault what it should; a store finds damage when its own round comes by."""
    deadline = time.monotonic() + PATIENCE
    while True:
        heard = {"edge": plant.edge.lines[before.edge :], "centre": plant.centre.lines[before.centre :]}
        said = [next((x for x in heard[who] if text in x), "") for who, text in fault.says]
        if all(said) or time.monotonic() > deadline:
            return said
        time.sleep(0.2)


def _settled(plant: Plant, span: range, since: int, destroyed: frozenset[int]) -> tuple[frozenset[int], Counter[int]]:
    """Wait until all that was acknowledged is stored, destroyed copies aside; give up when nothing moves for long."""
    deadline, fewest = time.monotonic() + PATIENCE, len(span) + 1
    while True:
        try:
            stored = plant.stored(since)
        except ProvenlineError:
            continue
        missing = frozenset((plant.publisher.acknowledged & set(span)) - stored.keys())
        if missing <= destroyed or time.monotonic() > deadline:
            return missing, stored
        if len(missing) < fewest:
            deadline, fewest = time.monotonic() + PATIENCE, len(missing)
        time.sleep(0.2)
