"""An alarm's definition together with what raises it, what holds it back, and what suppresses it.

AlarmRule ── definition   what people rationalized
          ── watched      OfTag: samples · OfSilence: their absence · OfFigure: an indicator
          ── delays       how long the condition must hold, or be gone
          ── suppression  machine states in which the alarm says nothing, by design
"""

from __future__ import annotations

from dataclasses import dataclass, field

from analytics.alarms.conditions import InState, Limit, OutOfControl, Rate
from analytics.alarms.detection import Delays
from analytics.alarms.states import Definition

Condition = Limit | Rate | InState | OutOfControl


@dataclass(frozen=True, slots=True, kw_only=True)
class OfTag:
    """Samples of one tag against a condition; `unit` is the tag's, for people."""

    path: str
    condition: Condition
    unit: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSilence:
    """Nothing usable heard of any of some tags for `after` seconds."""

    paths: tuple[str, ...]
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OfFigure:
    """An indicator, by its key `scope:id`, of the running shift (`window` 0) or of the last `window` seconds."""

    scene: str
    key: str
    limit: Limit
    window: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A machine's state tag and the states in which an alarm is suppressed.

    Once the tag has been silent for `stale_after` seconds nobody knows the state, and the
    alarm speaks again.
    """

    path: str
    within: InState
    stale_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One alarm, complete."""

    definition: Definition
    watched: OfTag | OfSilence | OfFigure
    delays: Delays = field(default_factory=Delays)
    suppression: Suppression | None = None
