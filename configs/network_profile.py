"""A network profile: what a link does to packets, written down with where each figure comes from.

A profile repeats published percentiles as they stand; the simulator fits its model to them.
`source` cites the publication, `assumed` lists what no source gives, in words a reader can
object to. Delays are milliseconds, as the publications have them; throughput is Mbit/s.
"""

from __future__ import annotations

from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from configs.base import Identifier, Seconds, Strict, Words
from plant.errors import ConfigError, Fault

_MILLISECONDS = Annotated[float, Field(gt=0, le=60_000)]
Percentiles = dict[Annotated[float, Field(ge=0, le=100)], _MILLISECONDS]
"""Percent to milliseconds; 100 is the largest value seen."""

_LIMIT = 1 << 16  # octets of a profile file


class Delay(Strict):
    """Percentiles of delay over the packets that arrived: of each direction, or of the round trip.

    Where only the round trip is published, each way takes its share of the usual (median)
    round trip, and the variation happens on one way at a time: on the way up only (an uplink
    that waits for its grant), or on either.
    """

    up: Percentiles | None = None
    down: Percentiles | None = None
    round_trip: Percentiles | None = Field(default=None, alias="round-trip")
    up_share: float = Field(default=0.5, alias="up-share", gt=0, lt=1, description="of the median round trip")
    variation: Literal["up", "either"] = Field(default="either", description="where a round trip's variation happens")

    @field_validator("up", "down", "round_trip")
    @classmethod
    def _rising(cls, percentiles: dict[float, float] | None) -> dict[float, float] | None:
        if percentiles is None:
            return None
        ordered = dict(sorted(percentiles.items()))
        if not {50.0, 99.0} <= ordered.keys():
            raise ValueError("percentiles 50 and 99 are needed at least")
        for (lower, a), (upper, b) in pairwise(ordered.items()):
            if b < a:
                raise ValueError(f"percentile {upper:g} ({b:g} ms) is below percentile {lower:g} ({a:g} ms)")
        return ordered

    @model_validator(mode="after")
    def _one_form(self) -> Delay:
        one_way = self.up is not None and self.down is not None
        if one_way == (self.round_trip is not None) or (self.up is None) != (self.down is None):
            raise ValueError("give up and down, or round-trip")
        return self


class Loss(Strict):
    """Packets lost in bursts (Gilbert–Elliott with certain loss in the bad state).

    `ratio`: share of packets lost on the path the delay is given for. `burst`: mean number
    of consecutive packets lost when they are `interval` apart.
    """

    ratio: float = Field(ge=0, lt=0.5)
    burst: float = Field(default=1.0, ge=1, le=1000)


class Roaming(Strict):
    """Gaps while a station changes its access point; everything sent meanwhile is lost.

    `every`: mean time between gaps of a station that moves without a known position; with a
    position and a floor plan, gaps happen where the strongest access point changes.
    `gap`: percentiles of the gap's length, milliseconds.
    """

    every: Seconds = Field(gt=0)
    gap: Percentiles


class Coverage(Strict):
    """What a weak signal does. Between `good` and `lost` (dBm) the effect grows in proportion.

    At `lost` delays are `slowdown` times as long and a further `loss` share of packets is
    lost; below it nothing arrives. Throughput falls to `throughput` of its value.
    """

    good: float = Field(le=0)
    lost: float = Field(le=0)
    slowdown: float = Field(ge=1, le=100)
    loss: float = Field(ge=0, lt=1)
    throughput: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Coverage:
        if self.lost >= self.good:
            raise ValueError("lost must be a weaker signal than good")
        return self


class Throughput(Strict):
    """Mbit/s of payload each way."""

    up: float = Field(gt=0)
    down: float = Field(gt=0)


class NetworkProfile(Strict):
    """One kind of link.

    `interval`: spacing of the packets the percentiles were measured with; the state of the
    link changes at this pace. `correlation`: of two states that far apart.
    """

    type: Literal["network-profile"]
    id: Identifier
    name: Words
    source: str = Field(min_length=1)
    assumed: tuple[str, ...] = ()
    interval: Seconds = Field(gt=0)
    correlation: float = Field(ge=0, lt=1)
    delay: Delay
    loss: Loss
    roaming: Roaming | None = None
    coverage: Coverage | None = None
    throughput: Throughput


class AccessPoint(Strict):
    """A base station or access point. `power`: dBm received at one metre."""

    id: Identifier
    x: float
    y: float
    power: float = Field(default=-30.0, le=60)


class Obstacle(Strict):
    """A wall or rack seen from above: a straight line from (x1, y1) to (x2, y2) that costs `loss` dB."""

    x1: float
    y1: float
    x2: float
    y2: float
    loss: float = Field(ge=0)


class FloorPlan(Strict):
    """Where the access points stand; metres. `exponent`: of the path loss, 2 in free space, 3 in a full hall."""

    access_points: tuple[AccessPoint, ...] = Field(alias="access-points", min_length=1)
    obstacles: tuple[Obstacle, ...] = ()
    exponent: float = Field(default=2.8, ge=1.5, le=6)
    hysteresis: float = Field(default=6.0, ge=0, description="dB by which another point must be stronger to be taken")


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that come with the program, sorted."""
    folder = resources.files("configs") / "network"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def network_profile(name: str) -> NetworkProfile:
    """Return the profile called `name`. Raises ConfigError when there is none, naming those there are."""
    if name not in profile_names():
        hint = f"there are {', '.join(profile_names())}"
        raise ConfigError((Fault("configs/network", "", f"no network profile is called {name!r}", hint),))
    return read_profile(Path(str(resources.files("configs") / "network" / f"{name}.yaml")))


def read_profile(path: Path) -> NetworkProfile:
    """Read a profile from a YAML file. Raises ConfigError with every fault in it."""
    try:
        with path.open("rb") as file:
            text = file.read(_LIMIT + 1)
    except OSError as error:
        raise ConfigError((Fault(str(path), "", error.strerror or str(error)),)) from error
    if len(text) > _LIMIT:
        raise ConfigError((Fault(str(path), "", f"larger than {_LIMIT} bytes"),))
    try:
        return NetworkProfile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError((Fault(str(path), "", str(error)),)) from error
    except ValidationError as error:
        faults = (Fault(str(path), ".".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors())
        raise ConfigError(tuple(faults)) from error
