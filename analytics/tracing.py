"""The way of one product through the stations: where its identifier was read, when, and what was found there.

    marker   ……A……B……C……D……        each station tells which product it has or had last
    bench    …………A……B……C……         the way of B: marker, then bench

A station is a device that plays the role `identifier` or `part`. When it tells an identifier
it did not tell just before, the product was there; everything else the station says of
products at that moment (results, durations, process values) is a fact of that visit. Facts
that came in the same message have the same time; others are those in force then, unless
the station had been silent about them for longer than they may be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.readings import max_gap
from analytics.steps import ordered
from historian.port import Historian
from plant.assets import Device, Scene
from plant.batch import INT64_MAX, INT64_MIN, Batch, Form, Mask, Origin, Sample
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import usable
from plant.tags import Kind, Role, Tag

READ_ROLES = (Role.IDENTIFIER, Role.PART)
"""The roles that name a product; a station with both is asked for the first."""

MOST_VISITS = 60
_HOUR = 3600 * SECOND
_LOOK_BACK = tuple(hours * _HOUR for hours in (1, 8, 24, 7 * 24))
"""How far back a product is looked for, step by step, in ns."""
_RECENT = tuple(hours * _HOUR for hours in (0.25, 4, 24))

_FACTS = frozenset(
    (
        Role.PROCESS_VALUE,
        Role.SETPOINT,
        Role.CYCLE_TIME,
        Role.DURATION,
        Role.VERDICT,
        Role.TRUTH,
        Role.DECISION,
        Role.PRODUCT,
        Role.JOB,
        Role.ORDER,
        Role.LOCATION,
    )
)
_PLAIN = frozenset((Kind.ANALOG, Kind.EVENT, Kind.TEXT))


@dataclass(frozen=True, slots=True)
class Fact:
    """What a station said at a visit; the sample keeps its own time and quality."""

    tag: Tag
    sample: Sample


@dataclass(frozen=True, slots=True)
class Visit:
    """A product at a station, by the sample that told of it. `until`: when the next was told of, None = not yet."""

    device: Device
    tag: Tag
    sample: Sample
    until: int | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of one product, in order of time. `since`: from when on it was looked for, ns UTC."""

    identifier: str
    since: int
    visits: tuple[Visit, ...]
    simulated: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A product that was seen lately: when and where last, and at how many stations."""

    identifier: str
    time: int
    device: Device
    stations: int


def stations(scene: Scene) -> list[tuple[Device, Tag]]:
    """Return the devices that tell which product they have, in order of declaration, with the tag that does."""
    named = ((device, device.role(Role.IDENTIFIER) or device.role(Role.PART)) for device in scene.devices)
    return [(device, tag) for device, tag in named if tag is not None]


def recent(scene: Scene, historian: Historian, now: int, *, most: int) -> list[Seen]:
    """Return the products that were seen last, the newest first."""
    named = stations(scene)
    if not named:
        return []
    seen: list[Seen] = []
    for back in _RECENT:
        samples = historian.history([tag.path for _, tag in named], now - round(back), now + 1)
        seen = _seen(samples, {tag.path: device for device, tag in named}, most)
        if len(seen) >= most:
            break
    return seen


def _seen(samples: Batch, devices: dict[str, Device], most: int) -> list[Seen]:
    last: dict[str, Sample] = {}
    where: dict[str, set[str]] = {}
    for sample in samples.take(usable(samples.quality)).samples():
        name = str(sample.value)
        if name:
            where.setdefault(name, set()).add(sample.path)
            if name not in last or sample.time > last[name].time:
                last[name] = sample
    newest = sorted(last.items(), key=lambda item: -item[1].time)[:most]
    return [Seen(name, sample.time, devices[sample.path], len(where[name])) for name, sample in newest]


def trace(scene: Scene, historian: Historian, identifier: str, now: int) -> Trace:
    """Look one product up at every station, back in time until nothing more is found of it."""
    named = stations(scene)
    found: list[Visit] = []
    since = now
    for back in _LOOK_BACK:
        known, since = len(found), now - back
        found = list(_visits(named, historian, identifier, (since, now + 1)))
        # One step further than the last find: a product may have waited between two stations.
        if known and len(found) == known:
            break
    visits = tuple(sorted(found, key=lambda visit: visit.sample.time)[-MOST_VISITS:])
    told = any(visit.sample.origin & Origin.SIMULATED or visit.tag.simulated for visit in visits)
    return Trace(identifier, since, visits, simulated=scene.simulated or told)


def _visits(named: Sequence[tuple[Device, Tag]], historian: Historian, identifier: str, span: Span) -> Iterator[Visit]:
    samples = historian.history([tag.path for _, tag in named], *span)
    for device, tag in named:
        told = ordered(samples.of(tag.path))
        told = told.take(usable(told.quality))
        here = _says(told, identifier)
        begins = here & ~np.append([False], here[:-1])[: len(here)]
        others = np.flatnonzero(~here)
        for row in np.flatnonzero(begins)[-MOST_VISITS:].tolist():
            after = int(np.searchsorted(others, row))
            until = int(told.time[others[after]]) if after < len(others) else None
            [sample] = told.take(slice(row, row + 1)).samples()
            yield Visit(device, tag, sample, until, _facts(device, tag, historian, sample.time))


def _says(told: Batch, identifier: str) -> Mask:
    texts = [n for n, text in enumerate(told.texts) if text == identifier]
    same: Mask = (told.form == Form.TEXT) & np.isin(told.raw, texts)
    if identifier.isdecimal() and INT64_MIN <= int(identifier) <= INT64_MAX:
        same |= (told.form == Form.INTEGER) & (told.raw == int(identifier))
    return same


def _facts(device: Device, identity: Tag, historian: Historian, moment: int) -> tuple[Fact, ...]:
    told = {tag.path: tag for tag in device.tags if tag is not identity and _tells_of_products(tag)}
    found = {sample.path: sample for sample in historian.before(list(told), moment + 1).samples()} if told else {}
    fresh = ((tag, found.get(path)) for path, tag in told.items())
    return tuple(Fact(tag, sample) for tag, sample in fresh if sample is not None and _believed(tag, sample, moment))


def _tells_of_products(tag: Tag) -> bool:
    return tag.role in _FACTS or (tag.role is None and tag.kind in _PLAIN)


def _believed(tag: Tag, sample: Sample, moment: int) -> bool:
    gap = max_gap(tag)
    return gap is None or moment - sample.time <= gap * SECOND
