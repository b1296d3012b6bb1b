"""The time model of ISO 22400-2: where a unit's time went, in exact nanoseconds.

    calendar time CT
    └─ planned operation time POT                     inside shifts
       ├─ planned down time PDOT                      breaks
       └─ planned busy time PBT
          ├─ unknown time UT                          nothing known: neither running nor stopped
          ├─ actual unit down time ADOT               free, but given nothing to do
          └─ actual unit busy time AUBT
             ├─ actual unit delay time ADET           stopped by itself, or held up by others
             └─ actual unit processing time AUPT
                ├─ actual unit set-up time AUST
                └─ actual production time APT

Every sum in this tree holds exactly. Which PackML state is which element is the table
`PACKML_TO_ISO22400`; a plant may use another one. `SEMI_E10` is the alternative reading for
semiconductor lines, where operations time counts from POT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

import numpy as np

from analytics.spans import Spans
from analytics.states import Intervals
from plant.batch import Mask
from plant.calendar import Plan
from plant.clock import SECOND
from plant.packml import PackState


class TimeElement(StrEnum):
    """What planned busy time of a unit is made of."""

    PRODUCTION = "production"
    SETUP = "set-up"
    DELAY = "delay"
    DOWN = "down"


class E10State(StrEnum):
    """The six basic equipment states of SEMI E10."""

    PRODUCTIVE = "productive"
    STANDBY = "standby"
    ENGINEERING = "engineering"
    SCHEDULED_DOWN = "scheduled-down"
    UNSCHEDULED_DOWN = "unscheduled-down"
    NONSCHEDULED = "nonscheduled"


_S = PackState

PACKML_TO_ISO22400: Mapping[PackState, TimeElement] = {
    # Making parts.
    _S.EXECUTE: TimeElement.PRODUCTION,
    # Getting ready for an order, or finishing one: busy with it, but adding no value.
    _S.RESETTING: TimeElement.SETUP,
    _S.STARTING: TimeElement.SETUP,
    _S.COMPLETING: TimeElement.SETUP,
    # Stopped during an order for a cause inside the machine …
    _S.HOLDING: TimeElement.DELAY,
    _S.HELD: TimeElement.DELAY,
    _S.UNHOLDING: TimeElement.DELAY,
    _S.ABORTING: TimeElement.DELAY,
    _S.ABORTED: TimeElement.DELAY,
    _S.CLEARING: TimeElement.DELAY,
    # … or outside it: blocked or starved.
    _S.SUSPENDING: TimeElement.DELAY,
    _S.SUSPENDED: TimeElement.DELAY,
    _S.UNSUSPENDING: TimeElement.DELAY,
    # Able to work, without an order.
    _S.IDLE: TimeElement.DOWN,
    _S.COMPLETE: TimeElement.DOWN,
    _S.STOPPING: TimeElement.DOWN,
    _S.STOPPED: TimeElement.DOWN,
}

SEMI_E10: Mapping[PackState, E10State] = {
    _S.EXECUTE: E10State.PRODUCTIVE,
    _S.COMPLETING: E10State.PRODUCTIVE,
    # E10 counts set-up and change-over as scheduled down time.
    _S.RESETTING: E10State.SCHEDULED_DOWN,
    _S.STARTING: E10State.SCHEDULED_DOWN,
    _S.HOLDING: E10State.UNSCHEDULED_DOWN,
    _S.HELD: E10State.UNSCHEDULED_DOWN,
    _S.UNHOLDING: E10State.UNSCHEDULED_DOWN,
    _S.ABORTING: E10State.UNSCHEDULED_DOWN,
    _S.ABORTED: E10State.UNSCHEDULED_DOWN,
    _S.CLEARING: E10State.UNSCHEDULED_DOWN,
    # Able to produce, but without material, operator or order.
    _S.SUSPENDING: E10State.STANDBY,
    _S.SUSPENDED: E10State.STANDBY,
    _S.UNSUSPENDING: E10State.STANDBY,
    _S.IDLE: E10State.STANDBY,
    _S.COMPLETE: E10State.STANDBY,
    _S.STOPPING: E10State.STANDBY,
    _S.STOPPED: E10State.STANDBY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeModel:
    """How states become times and stops; one object, so that no two views can differ.

    `micro_stop`: ns; a delay shorter than this is a minor stop, one of this length or more
    is a stop in its own right. `start_up`: ns after production resumes from a set-up or from
    standing without an order; rejects within it are start-up rejects.
    """

    elements: Mapping[PackState, TimeElement] = field(default_factory=lambda: PACKML_TO_ISO22400, hash=False)
    micro_stop: int = 300 * SECOND
    start_up: int = 0

    def of(self, intervals: Intervals, element: TimeElement) -> Mask:
        """Return which intervals are of one time element."""
        table = np.zeros(len(PackState) + 1, np.bool_)
        table[[int(state) for state, e in self.elements.items() if e is element]] = True
        return table[intervals.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The time elements of one unit in ns; times of several units or windows add up."""

    calendar: int = 0
    operation: int = 0
    busy: int = 0
    production: int = 0
    setup: int = 0
    delay: int = 0
    down: int = 0

    def __add__(self, other: Times) -> Times:
        return Times(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def planned_down(self) -> int:
        """PDOT: breaks within shifts."""
        return self.operation - self.busy

    @property
    def processing(self) -> int:
        """AUPT: production and set-up."""
        return self.production + self.setup

    @property
    def unit_busy(self) -> int:
        """AUBT: processing and delay."""
        return self.processing + self.delay

    @property
    def known(self) -> int:
        """The part of planned busy time of which something is known."""
        return self.unit_busy + self.down

    @property
    def unknown(self) -> int:
        """UT: the rest of planned busy time."""
        return self.busy - self.known

    def symbols(self) -> dict[str, float]:
        """Return the elements in seconds by their symbols."""
        ns = {
            "CT": self.calendar,
            "POT": self.operation,
            "PDOT": self.planned_down,
            "PBT": self.busy,
            "UT": self.unknown,
            "AUBT": self.unit_busy,
            "AUPT": self.processing,
            "APT": self.production,
            "AUST": self.setup,
            "ADET": self.delay,
            "ADOT": self.down,
        }
        return {symbol: value / SECOND for symbol, value in ns.items()}


def times(intervals: Intervals, plan: Plan, *, model: TimeModel, measured: Spans) -> Times:
    """Return the time elements of a plan's window.

    `measured`: the part of planned busy time in which the unit was observed; the rest of it,
    and what the intervals do not know, is unknown time.
    """
    inside = measured.within(intervals.start, intervals.stop)
    part = {element: int(inside[model.of(intervals, element)].sum()) for element in TimeElement}
    return Times(
        calendar=plan.window[1] - plan.window[0],
        operation=Spans.of(plan.operation).total,
        busy=Spans.of(plan.busy).total,
        production=part[TimeElement.PRODUCTION],
        setup=part[TimeElement.SETUP],
        delay=part[TimeElement.DELAY],
        down=part[TimeElement.DOWN],
    )


@dataclass(frozen=True, slots=True)
class E10Times:
    """Time by SEMI E10 state in ns; `unknown` is operations time of which nothing is known."""

    total: int
    states: Mapping[str, int] = field(hash=False)
    unknown: int

    def __add__(self, other: E10Times) -> E10Times:
        states = {name: self.states[name] + other.states[name] for name in self.states}
        return E10Times(self.total + other.total, states, self.unknown + other.unknown)

    @property
    def operations(self) -> int:
        """Total time without nonscheduled time."""
        return self.total - self.states[E10State.NONSCHEDULED]

    @property
    def uptime(self) -> int:
        """Productive, standby and engineering time."""
        return sum(self.states[s] for s in (E10State.PRODUCTIVE, E10State.STANDBY, E10State.ENGINEERING))


def e10_times(intervals: Intervals, plan: Plan, *, table: Mapping[PackState, E10State] = SEMI_E10) -> E10Times:
    """Return the time of a plan's window by SEMI E10 state; outside shifts it is nonscheduled."""
    operation = Spans.of(plan.operation)
    inside = operation.within(intervals.start, intervals.stop)
    states: dict[str, int] = dict.fromkeys(E10State, 0)
    for state, e10 in table.items():
        states[e10] += int(inside[intervals.state == state].sum())
    unknown = operation.total - sum(states.values())
    total = plan.window[1] - plan.window[0]
    states[E10State.NONSCHEDULED] = total - operation.total
    return E10Times(total, states, unknown)
