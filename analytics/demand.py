"""Peak demand and the cost of energy by time of day.

Demand is energy over an interval, as the utility meters it: in blocks of 15 minutes by the
clock, or in any 15 minutes (sliding). Between readings the running total is a straight line,
so the sliding maximum is reached where an interval begins or ends at a reading, and is exact.
Only intervals that lie wholly in known time count: half an interval shows half a peak.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

import numpy as np

from analytics.counters import MICRO, Increments
from analytics.energy import UNIT
from analytics.energy_states import Shared, within
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from plant.batch import Ints
from plant.calendar import Span, zone_of
from plant.clock import SECOND, iso
from plant.text import Text
from plant.units import convert

QUARTER = 900 * SECOND
"""The usual demand interval, in ns."""


class Demand(StrEnum):
    """How demand intervals lie in time."""

    BLOCKS = "blocks"
    """One after the other, beginning at multiples of their length since midnight UTC."""
    SLIDING = "sliding"


@dataclass(frozen=True, slots=True)
class Peak:
    """The interval with the most energy: its span in ns UTC and the energy in kWh."""

    span: Span
    energy: float


def peak(meter: Increments, unit: str, *, kind: Demand = Demand.BLOCKS, interval: int = QUARTER) -> Peak | None:
    """Return the peak of a meter's window, or None where no interval is known throughout.

    `interval`: ns. Raises ValueError unless it is positive, UnitError for a unit of no energy.
    """
    if interval <= 0:
        raise ValueError("a demand interval lasts longer than nothing")
    convert(0.0, unit, UNIT)
    start = _starts(meter, kind, interval)
    start = start[meter.known.within(start, start + interval) == interval]
    if not len(start):
        return None
    energy = within(meter, start, start + interval)
    first = int(energy.argmax())
    return Peak((int(start[first]), int(start[first]) + interval), convert(int(energy[first]) / MICRO, unit, UNIT))


def _starts(meter: Increments, kind: Demand, interval: int) -> Ints:
    begin, end = meter.window
    if kind is Demand.BLOCKS:
        starts = np.arange(-(-begin // interval) * interval, end - interval + 1, interval, dtype=np.int64)
    else:
        edges = np.concatenate((meter.since, meter.time, meter.known.start, meter.known.stop, [begin, end]))
        starts = np.unique(np.concatenate((edges, edges - interval)))
    return starts[(starts >= begin) & (starts + interval <= end)]


def peak_indicator(found: Peak | None, basis: Basis, *, interval: int = QUARTER) -> Indicator:
    """Compute peak demand in kW; no value where no interval is known throughout."""
    origin = Text() if found is None else Text("", " … ".join(iso(moment) for moment in found.span))
    hours = interval / (3600 * SECOND)
    inputs = quantities({"ENX": None if found is None else found.energy, "TX": hours}, {"ENX": origin})
    return evaluate(FORMULAS["peak-demand"], inputs, basis)


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the day at one price. `price`: per kWh; `hours`: local wall times, over midnight if need be."""

    name: Text
    price: float
    hours: tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices by time of day in one zone; `source`: the contract or notice they are from.

    Raises ValueError on an unknown zone, or where the bands do not cover each minute of the
    day exactly once.
    """

    zone: str
    bands: tuple[Band, ...]
    source: Text = Text()

    def __post_init__(self) -> None:
        zone_of(self.zone)
        minutes = np.zeros(1440, np.int64)
        for band in self.bands:
            for begin, end in band.hours:
                for first, last in _on_one_day(_minute(begin), _minute(end)):
                    minutes[first:last] += 1
        if (minutes != 1).any():
            wrong = int(np.flatnonzero(minutes != 1)[0])
            what = "no price" if not minutes[wrong] else "more than one price"
            raise ValueError(f"the tariff has {what} at {wrong // 60:02}:{wrong % 60:02}")

    def spans(self, window: Span) -> Iterator[tuple[int, Span]]:
        """Yield every stretch of a window with the index of its band, in order of time.

        Wall times are read on each local date, so a day with a clock change has its 23 or 25 hours.
        """
        zone = zone_of(self.zone)
        edges = sorted(
            (first, n)
            for n, band in enumerate(self.bands)
            for begin, end in band.hours
            for first, _ in _on_one_day(_minute(begin), _minute(end))
        )
        day = datetime.fromtimestamp(window[0] // SECOND, zone).date()
        found: list[tuple[int, int]] = []
        while not found or found[-1][0] < window[1]:
            found += [
                (_ns(datetime.combine(day, time(minute // 60, minute % 60), zone)), band) for minute, band in edges
            ]
            day += timedelta(days=1)
        found.sort()
        for (start, band), (stop, _) in itertools.pairwise(found):
            span = max(start, window[0]), min(stop, window[1])
            if span[0] < span[1]:
                yield band, span


def by_band(meter: Increments, unit: str, tariff: Tariff) -> Shared:
    """Share a meter's energy out by the bands of a tariff, named by their number, over any split of a window.

    Energy metered across a gap is spread evenly over the gap, for it has to be paid for.
    """
    spread = _spread(meter)
    parts = dict.fromkeys(map(str, range(len(tariff.bands))), 0)
    for band, (start, stop) in tariff.spans(meter.window):
        parts[str(band)] += int(within(spread, np.array([start]), np.array([stop]))[0])
    return Shared(unit=unit, parts=parts, unplaced=meter.total - sum(parts.values()))


def costs(bands: Shared, tariff: Tariff) -> list[float]:
    """Return what the energy of each band of a tariff cost."""
    return [bands.kilowatt_hours({str(n)}) * band.price for n, band in enumerate(tariff.bands)]


def cost_indicator(bands: Shared, tariff: Tariff, basis: Basis) -> Indicator:
    """Compute what energy cost that was shared out by the bands of a tariff."""
    energy = [bands.kilowatt_hours({str(n)}) for n in range(len(tariff.bands))]
    terms = [f"{kwh:.6g} kWh × {band.price:g}" for kwh, band in zip(energy, tariff.bands, strict=True)]
    origin = Text(
        "；".join(f"{band.name.of('zh')} {term}" for band, term in zip(tariff.bands, terms, strict=True)),
        "; ".join(f"{band.name.of('en')} {term}" for band, term in zip(tariff.bands, terms, strict=True)),
    )
    found = evaluate(FORMULAS["energy-cost"], quantities({"COST": costs(bands, tariff)}, {"COST": origin}), basis)
    return replace(found, note=tariff.source) if found.value is not None else found


def cost(meter: Increments, unit: str, tariff: Tariff, basis: Basis) -> Indicator:
    """Compute what the energy of one meter's window cost; see `by_band`."""
    return cost_indicator(by_band(meter, unit, tariff), tariff, basis)


def _spread(meter: Increments) -> Increments:
    # The same increments, all of them taken to be spread evenly over their stretch.
    return Increments(
        meter.window, meter.time, meter.since, meter.micro, np.zeros_like(meter.reading), meter.known, meter.known_good
    )


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _on_one_day(begin: int, end: int) -> tuple[tuple[int, int], ...]:
    if begin < end:
        return ((begin, end),)
    return ((begin, 1440), (0, end)) if end else ((begin, 1440),)


def _ns(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND
