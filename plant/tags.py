"""A tag is one signal of one device: what it is called, what it means, how far to trust it.

Tags are declared once, in configuration. Samples carry only the tag's path; unit, range,
role and description stay here, so no reading can disagree with its own declaration.

Analytics never asks for a tag by name. It asks a device for a *role* (`state`,
`good-count`, `energy`), so a plant with other names needs configuration only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from plant.packml import PackState
from plant.text import Text

_SEGMENT = re.compile(r"[^\s/#+\\\x00-\x1f]{1,64}")
LEVELS = ("site", "scene", "line", "device", "signal")
"""The five levels of a path, after ISA-95: site, area (scene), line, equipment, signal."""


class Kind(StrEnum):
    """What sort of quantity a tag carries; decides how it may be summed, shown and stored."""

    ANALOG = "analog"
    STATE = "state"
    COUNTER = "counter"
    ENERGY = "energy"
    EVENT = "event"
    TEXT = "text"


class Role(StrEnum):
    """What a tag means to analytics, whatever the plant calls it."""

    # machine
    STATE = "state"
    MODE = "mode"
    STOP_REASON = "stop-reason"
    ALARM = "alarm"
    SPEED = "speed"
    IDEAL_CYCLE = "ideal-cycle"
    CYCLE_TIME = "cycle-time"
    # production
    GOOD_COUNT = "good-count"
    REJECT_COUNT = "reject-count"
    REWORK_COUNT = "rework-count"
    TOTAL_COUNT = "total-count"
    JOB = "job"
    PRODUCT = "product"
    PART = "part"
    PLANNED_COUNT = "planned-count"
    HEADCOUNT = "headcount"
    BUFFER_LEVEL = "buffer-level"
    BLOCKED = "blocked"
    STARVED = "starved"
    # energy
    ENERGY = "energy"
    POWER = "power"
    CONSUMPTION = "consumption"
    # network
    LATENCY = "latency"
    LATENCY_UP = "latency-up"
    LATENCY_DOWN = "latency-down"
    LOSS = "loss"
    JITTER = "jitter"
    CLOCK_ERROR = "clock-error"
    SIGNAL_STRENGTH = "signal-strength"
    LINK_EVENT = "link-event"
    # control
    SETPOINT = "setpoint"
    PROCESS_VALUE = "process-value"
    COMMAND = "command"
    DEADLINE_MISSED = "deadline-missed"
    CONTROL_CYCLES = "control-cycles"
    CORRECT_CYCLES = "correct-cycles"
    # vision and decisions
    VERDICT = "verdict"
    TRUTH = "reference-verdict"
    DECISION = "decision"
    DURATION = "duration"
    # material and vehicles
    POSITION_X = "position-x"
    POSITION_Y = "position-y"
    HEADING = "heading"
    BATTERY = "battery"
    ORDER = "order"
    TRANSPORT_COUNT = "transport-count"
    EVENT_NUMBER = "event-number"
    STOCK = "stock"
    LOCATION = "location"
    # sessions and identifiers
    SESSION = "session"
    FREEZE_COUNT = "freeze-count"
    IDENTIFIER = "identifier"
    IDENTIFIED_COUNT = "identified-count"
    # the collectors' own health
    HEALTH = "health"
    CONDITION = "condition"


class OnDecrease(StrEnum):
    """What a falling counter means."""

    RESET = "reset"
    """The device restarted or was zeroed: counting goes on from zero."""
    ROLLOVER = "rollover"
    """The counter passed its largest value, `CounterPolicy.modulus` - 1."""
    ERROR = "error"
    """It cannot happen; the interval counts as unknown."""


@dataclass(frozen=True, slots=True)
class CounterPolicy:
    """How a cumulative tag may step back, and how fast it can possibly grow.

    `modulus`: number of distinct values before it wraps (ROLLOVER only), in raw counts.
    `largest_step`: growth per second that is still believable; None = no limit.
    """

    on_decrease: OnDecrease = OnDecrease.RESET
    modulus: int = 2**32
    largest_step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One declared signal.

    `path`: `site/scene/line/device/signal`. `unit`: UCUM code, `1` when dimensionless.
    `low`, `high`: values outside are kept but marked uncertain. `deadband`: smallest change
    worth recording, in `unit`. `min_interval`: seconds between two samples worth recording.
    `stale_after`: seconds of silence until the tag reads bad.
    `states`: raw value (as text) to PackML state, for kind `state`.
    `label`: tells apart several tags of one role on a device, e.g. the cause of a reject.
    """

    path: str
    kind: Kind
    role: Role | None = None
    label: str = ""
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    deadband: float = 0.0
    min_interval: float = 0.0
    stale_after: float = 10.0
    description: Text = Text()
    counter: CounterPolicy = CounterPolicy()
    states: dict[str, PackState] = field(default_factory=dict, hash=False, compare=False)
    simulated: bool = False

    def __post_init__(self) -> None:
        check_path(self.path)

    @property
    def device(self) -> str:
        """The path of the device: all but the last segment."""
        return self.path.rpartition("/")[0]

    @property
    def signal(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]


def check_path(path: str) -> None:
    r"""Raise ValueError unless `path` has five segments free of blanks, `/`, `#`, `+` and `\`.

    `#` and `+` are MQTT wildcards, and a path must be usable as a topic; line protocol cannot
    say that a name ends in a backslash.
    """
    segments = path.split("/")
    if len(segments) != len(LEVELS):
        raise ValueError(f"{path!r} has {len(segments)} segments; expected {'/'.join(LEVELS)}")
    for level, segment in zip(LEVELS, segments, strict=True):
        if not _SEGMENT.fullmatch(segment):
            raise ValueError(f"{path!r}: {level} {segment!r} is empty, too long, or has a blank, #, + or backslash")
