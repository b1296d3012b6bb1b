"""What figures need to know beyond the data: prices, factors, tolerances, and what was agreed.

    site    energy: tariff, grid factor, standard coal         of the site
    scene   agreed: service, floor, fleet, visible time, …     of one scene
    tag     tolerance: lower, upper, target                    of one process value

Nothing here has a hidden value: what is not written has no figure. Whoever writes a price or a
factor says where it is from, and that goes with every figure made by it.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.base import Seconds, Strict, Words

_DAY = 24 * 60
MOST_CELLS = 250_000
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class HoursConfig(Strict):
    """From … to … in local wall time; an end not later than the start lies after midnight."""

    start: time
    end: time

    @property
    def minutes(self) -> frozenset[int]:
        """The minutes of a day that lie in it."""
        first, last = (moment.hour * 60 + moment.minute for moment in (self.start, self.end))
        return frozenset(m % _DAY for m in range(first, last if first < last else last + _DAY))


class BandConfig(Strict):
    """A part of the day at one price, in CNY per kWh."""

    name: Words
    price: Amount
    hours: tuple[HoursConfig, ...] = Field(min_length=1, max_length=48)


class TariffConfig(Strict):
    """Prices by time of day in the site's zone. `source`: the contract or notice they are from."""

    bands: tuple[BandConfig, ...] = Field(min_length=1, max_length=24)
    source: Words

    @model_validator(mode="after")
    def _whole_day(self) -> TariffConfig:
        times = [0] * _DAY
        for band in self.bands:
            for hours in band.hours:
                for minute in hours.minutes:
                    times[minute] += 1
        wrong = next((minute for minute, count in enumerate(times) if count != 1), None)
        if wrong is not None:
            what = "no price" if not times[wrong] else "more than one price"
            raise ValueError(f"the tariff has {what} at {wrong // 60:02}:{wrong % 60:02}")
        return self


class GridFactorConfig(Strict):
    """kg CO₂ per kWh of one year and scope. `region`: for a regional average. `source`: the notice it is from."""

    value: float = Field(gt=0, le=2)
    year: int = Field(ge=2000, le=2100)
    scope: Literal["national", "regional", "without-traded-renewables", "fossil"]
    region: str = Field(default="", max_length=64)
    source: Words


class StandardCoalConfig(Strict):
    """kg of standard coal per kWh of electricity, and where that stands."""

    factor: Positive
    source: Words


class EnergyConfig(Strict):
    """What energy costs and what it stands for; without `standard_coal`, the equivalent value of GB/T 2589-2020."""

    tariff: TariffConfig | None = None
    grid_factor: GridFactorConfig | None = None
    standard_coal: StandardCoalConfig | None = None


class ServiceConfig(Strict):
    """What the application asks of its link (3GPP TS 22.104): messages every `interval`, within `deadline`.

    `survival`: how long it goes on without a timely message.
    """

    interval: Annotated[Seconds, Field(gt=0)]
    deadline: Annotated[Seconds, Field(gt=0)]
    survival: Seconds


class FloorConfig(Strict):
    """The floor a link has to cover, in metres: a cell is covered when `share` of its probes are within `limit`."""

    width: Positive
    depth: Positive
    cell: Positive
    limit: Annotated[Seconds, Field(gt=0)]
    share: float = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="after")
    def _bounded(self) -> FloorConfig:
        if (self.width / self.cell) * (self.depth / self.cell) > MOST_CELLS:
            raise ValueError(f"more than {MOST_CELLS} cells; make them larger")
        return self


class FleetConfig(Strict):
    """What transport costs beside energy, in CNY an hour. `vehicles_per_person`: how many vehicles one person minds."""

    vehicle_hour: Amount
    labour_hour: Amount
    vehicles_per_person: Positive


class AgreedConfig(Strict):
    """What was agreed for one scene.

    `visible_within`: an event counts as seen in time. `link_window`: a stop this soon after a
    link event counts as following it. `accepted`: verdicts that let a piece pass, in lower case.
    """

    service: ServiceConfig | None = None
    floor: FloorConfig | None = None
    fleet: FleetConfig | None = None
    visible_within: Annotated[Seconds, Field(gt=0)] | None = None
    link_window: Annotated[Seconds, Field(gt=0)] = 10.0
    accepted: frozenset[str] = frozenset(("good", "ok", "pass"))


class WarningConfig(Strict):
    """How a signal is watched for wear, while its machine runs.

    `healthy`: the time before a window in which all was well, by which drift is judged.
    `block`: samples are averaged over it. `shift`: the smallest change worth a warning, in standard
    deviations of a block. `false_alarm_every`: how rarely a healthy signal may warn. `limit`:
    the value at which the part is worn out; its remaining life is told.
    """

    healthy: Annotated[Seconds, Field(gt=0)] = 4 * 3600.0
    block: Annotated[Seconds, Field(gt=0)] = 60.0
    shift: float = Field(default=1.0, ge=0.1, le=10)
    false_alarm_every: Annotated[Seconds, Field(gt=0)] = 7 * 86_400.0
    limit: float | None = None

    @model_validator(mode="after")
    def _enough(self) -> WarningConfig:
        if self.healthy < 20 * self.block:
            raise ValueError("healthy lasts at least 20 blocks, or it does not show how much the signal varies")
        if not 2 <= self.false_alarm_every / self.block <= 1e12:
            raise ValueError("false_alarm_every lasts at least two blocks")
        return self


class ToleranceConfig(Strict):
    """What a process value may be, in the tag's unit. One side may be missing; `target` where it is not the middle."""

    lower: float | None = None
    upper: float | None = None
    target: float | None = None

    @model_validator(mode="after")
    def _sides(self) -> ToleranceConfig:
        if self.lower is None and self.upper is None:
            raise ValueError("a tolerance has at least one limit")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("the lower limit lies below the upper one")
        return self
