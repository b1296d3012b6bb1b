"""Alarms as a scene's document declares them: what raises each, how urgent it is, and what to do about it.

    alarms:
      - id: oil-hot
        name: {zh: 油温高, en: Oil too hot}
        when: {type: limit, tag: line-1/press/oil-temperature, high: 65, high_high: 72, hysteresis: 3}
        on_delay: 5s
        suppress: {device: line-1/press, in: [stopped]}
        consequence: {zh: …, en: what happens if nobody acts}
        response: {zh: …, en: what the operator is to do}

Places are written below the scene: `line/device/tag`, `line/device`, `line`. An alarm that asks
nothing of anybody is no alarm, so `response` is required.
"""

from __future__ import annotations

import itertools
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from configs.base import Identifier, Seconds, State, Strict, Words, duration

_SEGMENT = r"[a-z0-9][a-z0-9-]{0,47}"
TagPlace = Annotated[str, Field(pattern=rf"^{_SEGMENT}/{_SEGMENT}/{_SEGMENT}$", description="line/device/tag")]
DevicePlace = Annotated[str, Field(pattern=rf"^{_SEGMENT}/{_SEGMENT}$", description="line/device")]
UnitPlace = Annotated[str, Field(pattern=rf"^{_SEGMENT}(/{_SEGMENT}){{0,2}}$", description="line, device or tag")]

INDICATORS = (
    "allocation-efficiency",
    "availability",
    "defect-rate",
    "effectiveness",
    "energy",
    "energy-per-good-piece",
    "good-output",
    "latency-p50",
    "latency-p90",
    "latency-p95",
    "latency-p99",
    "latency-p99-9",
    "latency-p99-99",
    "latency-p99-999",
    "loss-ratio",
    "mtbf",
    "mttr",
    "nee",
    "oee",
    "ooe",
    "output",
    "quality-ratio",
    "quality-ratio-by-pieces",
    "rework-ratio",
    "scrap-ratio",
    "setup-ratio",
    "technical-efficiency",
    "teep",
    "utilization",
    "utilization-efficiency",
)
"""The figures of a running window that an alarm can watch."""

SHIFT: Final = "shift"
_SHORTEST, _LONGEST = 60.0, 86_400.0


class Urgency(StrEnum):
    """How soon an operator has to act."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Derived(StrEnum):
    """Alarms that a scene has without being told."""

    SILENT = "silent"
    """A device of which nothing usable has been heard for the shortest `stale_after` of its tags."""
    ABORTED = "aborted"
    """A machine in the PackML state ABORTED, which it leaves only when somebody clears it."""


class RunRule(StrEnum):
    """A test of a control chart for special causes; `analytics.runs` says what each looks for."""

    WE_1 = "western-electric-1"
    WE_2 = "western-electric-2"
    WE_3 = "western-electric-3"
    WE_4 = "western-electric-4"
    NELSON_1 = "nelson-1"
    NELSON_2 = "nelson-2"
    NELSON_3 = "nelson-3"
    NELSON_4 = "nelson-4"
    NELSON_5 = "nelson-5"
    NELSON_6 = "nelson-6"
    NELSON_7 = "nelson-7"
    NELSON_8 = "nelson-8"


class LimitCondition(Strict):
    """A value beyond a limit; over when it is back by more than `hysteresis`. In the tag's unit.

    Each limit is an alarm of its own; the outer ones are one step more urgent.
    """

    type: Literal["limit"]
    tag: TagPlace
    high_high: float | None = None
    high: float | None = None
    low: float | None = None
    low_low: float | None = None
    hysteresis: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> LimitCondition:
        given = [limit for limit in (self.low_low, self.low, self.high, self.high_high) if limit is not None]
        if not given:
            raise ValueError("give at least one of high_high, high, low, low_low")
        if any(upper <= lower for lower, upper in itertools.pairwise(given)):
            raise ValueError("limits rise from low_low over low and high to high_high")
        below, above = self.low if self.low is not None else self.low_low, self.high
        above = above if above is not None else self.high_high
        if below is not None and above is not None and self.hysteresis >= above - below:
            raise ValueError(f"hysteresis {self.hysteresis} leaves nothing normal between {below} and {above}")
        return self


class RateCondition(Strict):
    """A value that changes faster than `per_second` (in the tag's unit), measured over at most `over`."""

    type: Literal["rate"]
    tag: TagPlace
    per_second: float = Field(gt=0)
    over: Annotated[Seconds, Field(gt=0, le=3600)] = 10.0
    hysteresis: float = Field(default=0.0, ge=0)


class StateCondition(Strict):
    """A machine in one of some PackML states, by its tag of role `state`."""

    type: Literal["state"]
    device: DevicePlace
    states: tuple[State, ...] = Field(alias="in", min_length=1)


class StaleCondition(Strict):
    """Nothing usable heard of a tag, or of any tag of a device, for `after` (default: its `stale_after`)."""

    type: Literal["stale"]
    tag: TagPlace | None = None
    device: DevicePlace | None = None
    after: Annotated[Seconds, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> StaleCondition:
        if (self.tag is None) == (self.device is None):
            raise ValueError("give either tag or device")
        return self


def _window(value: object) -> object:
    return value if value == SHIFT else duration(value)


def _window_length(value: float | str) -> float | str:
    if not isinstance(value, str) and not _SHORTEST <= value <= _LONGEST:
        raise ValueError("a window is the running `shift`, or 1min to 24h up to now")
    return value


class FigureCondition(Strict):
    """A figure of the running shift, or of the time up to now, above or below a limit.

    `of`: the line, device or delay tag it is about; the scene when left out. Shares are
    numbers from 0 to 1.
    """

    type: Literal["kpi"]
    indicator: str
    of: UnitPlace | None = None
    above: float | None = None
    below: float | None = None
    hysteresis: float = Field(default=0.0, ge=0)
    window: Annotated[
        float | Literal["shift"],
        BeforeValidator(_window, json_schema_input_type=float | str),
        AfterValidator(_window_length),
    ] = SHIFT

    @model_validator(mode="after")
    def _one_of(self) -> FigureCondition:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either above or below")
        return self


class ControlCondition(Strict):
    """Values that break a rule of a chart of individuals whose limits were learned before.

    `mean` and `sigma` are those of the stable process, in the tag's unit.
    """

    type: Literal["spc"]
    tag: TagPlace
    mean: float
    sigma: float = Field(gt=0)
    rules: tuple[RunRule, ...] = Field(default=(RunRule.WE_1, RunRule.WE_2, RunRule.WE_3, RunRule.WE_4), min_length=1)


Condition = Annotated[
    LimitCondition | RateCondition | StateCondition | StaleCondition | FigureCondition | ControlCondition,
    Field(discriminator="type"),
]


class SuppressConfig(Strict):
    """Suppression by design: the alarm says nothing while a machine is `in` some states, or `not_in` some."""

    device: DevicePlace
    within: tuple[State, ...] = Field(default=(), alias="in")
    without: tuple[State, ...] = Field(default=(), alias="not_in")

    @model_validator(mode="after")
    def _one_of(self) -> SuppressConfig:
        if bool(self.within) == bool(self.without):
            raise ValueError("give either in or not_in, with at least one state")
        return self


class AlarmConfig(Strict):
    """One alarm as it was rationalized. `max_shelving`: longest time it may be put aside, at most a day."""

    id: Identifier
    name: Words
    when: Condition
    priority: Urgency = Urgency.MEDIUM
    on_delay: Seconds = 0.0
    off_delay: Seconds = 0.0
    suppress: SuppressConfig | None = None
    consequence: Words = Words()
    response: Words
    latching: bool = False
    max_shelving: Annotated[Seconds, Field(gt=0, le=86_400)] = 28_800.0

    @model_validator(mode="after")
    def _asks_for_something(self) -> AlarmConfig:
        if not self.response.zh and not self.response.en:
            raise ValueError("say in response what the operator is to do; an alarm that needs no response is none")
        return self
