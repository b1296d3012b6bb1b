"""Where planned time was lost: stops, Nakajima's big losses, and how often machines fail.

    planned busy time
    − unknown                          not measured
    − breakdown                        delay of the machine's own, not minor
    − set-up and adjustment
    − waiting                          blocked, starved, or without an order, not minor
    − idling and minor stops           any delay shorter than `TimeModel.micro_stop`
    − reduced speed                    production time beyond ideal time; negative when faster
    − process defects, start-up loss   ideal time of rejects, in and after a start
    = valuable time                    ideal time of good pieces

The steps sum exactly to planned time, over any split of it. Nakajima (1988) has six losses;
waiting is kept apart from them because nobody repairs a machine that has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from analytics.counters import MICRO
from analytics.oee import Sums
from analytics.spans import Spans
from analytics.states import Intervals
from analytics.station import Signals, counts
from analytics.time_model import TimeElement, TimeModel
from plant.batch import Ints, Mask
from plant.calendar import Plan
from plant.clock import SECOND
from plant.packml import PackState
from plant.text import Text


class Loss(StrEnum):
    """The steps of the waterfall between planned busy time and valuable time, in order."""

    UNKNOWN = "unknown"
    BREAKDOWN = "breakdown"
    SETUP = "set-up"
    WAITING = "waiting"
    MINOR_STOP = "minor-stop"
    REDUCED_SPEED = "reduced-speed"
    DEFECTS = "defects"
    START_UP = "start-up"


LOSS_NAMES: dict[Loss, Text] = {
    Loss.UNKNOWN: Text("未知", "Unknown"),
    Loss.BREAKDOWN: Text("故障停机", "Breakdown"),
    Loss.SETUP: Text("换型与调整", "Set-up and adjustment"),
    Loss.WAITING: Text("等待", "Waiting"),
    Loss.MINOR_STOP: Text("空转与短暂停机", "Idling and minor stops"),
    Loss.REDUCED_SPEED: Text("速度降低", "Reduced speed"),
    Loss.DEFECTS: Text("过程不良", "Process defects"),
    Loss.START_UP: Text("启动损失", "Start-up loss"),
}


class StopKind(IntEnum):
    """What a run of stopped time is, before its length is looked at."""

    RUNNING = 0
    UNKNOWN = 1
    BREAKDOWN = 2
    SETUP = 3
    WAITING = 4
    HELD_UP = 5
    """Delayed by others: blocked or starved."""


_HELD_UP = (PackState.SUSPENDING, PackState.SUSPENDED, PackState.UNSUSPENDING)
_LOSS_OF: dict[StopKind, Loss] = {
    StopKind.BREAKDOWN: Loss.BREAKDOWN,
    StopKind.SETUP: Loss.SETUP,
    StopKind.WAITING: Loss.WAITING,
    StopKind.HELD_UP: Loss.WAITING,
}


@dataclass(frozen=True, slots=True, eq=False)
class Stops:
    """Runs of time without production, one row each; times in ns UTC.

    `start`, `stop`: as long as the run is seen, also beyond the window. `planned`: ns of it
    in measured planned time. `loss`: a `Loss` per row. `begins`: whether it begins in the
    window, in planned time, which is when it is counted.
    """

    start: Ints
    stop: Ints
    planned: Ints
    loss: npt.NDArray[np.str_]
    begins: Mask

    def __len__(self) -> int:
        return len(self.start)

    def of(self, loss: Loss) -> Mask:
        """Return which stops are of one loss."""
        return np.equal(self.loss, loss.value)


def stops(states: Intervals, plan: Plan, *, model: TimeModel, measured: Spans) -> Stops:
    """Return the stops that reach into the window or begin in it.

    `states` should reach `model.micro_stop` beyond the window on both sides; then a stop
    that crosses its edge is judged by its length, not by the part inside.
    """
    start, stop, kind = _runs(states, _kinds(states, model))
    short = (stop - start < model.micro_stop) & np.isin(kind, (StopKind.BREAKDOWN, StopKind.HELD_UP))
    names = np.array([_LOSS_OF.get(k, Loss.UNKNOWN).value for k in StopKind])
    loss = np.where(short, Loss.MINOR_STOP.value, names[kind])
    planned = measured.within(start, stop)
    begins = Spans.of(plan.busy).holds(start)
    kept = (kind > StopKind.UNKNOWN) & ((planned > 0) | begins)
    return Stops(start[kept], stop[kept], planned[kept], loss[kept], begins[kept])


_KIND_OF: dict[TimeElement, StopKind] = {
    TimeElement.PRODUCTION: StopKind.RUNNING,
    TimeElement.SETUP: StopKind.SETUP,
    TimeElement.DELAY: StopKind.BREAKDOWN,
    TimeElement.DOWN: StopKind.WAITING,
}


def _kinds(states: Intervals, model: TimeModel) -> npt.NDArray[np.int8]:
    table = np.full(len(PackState) + 1, StopKind.UNKNOWN, np.int8)
    for state, element in model.elements.items():
        held_up = element is TimeElement.DELAY and state in _HELD_UP
        table[state] = StopKind.HELD_UP if held_up else _KIND_OF[element]
    return table[states.state]


def _runs(states: Intervals, kinds: npt.NDArray[np.int8]) -> tuple[Ints, Ints, npt.NDArray[np.int8]]:
    if not len(states):
        return states.start, states.stop, kinds
    first = np.flatnonzero(np.concatenate(([True], kinds[1:] != kinds[:-1])))
    last = np.concatenate((first[1:] - 1, [len(kinds) - 1]))
    return states.start[first], states.stop[last], kinds[first]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """From planned busy time to valuable time, in femtoseconds so that it adds up exactly.

    Waterfalls of windows that follow each other, and of machines side by side, add.
    """

    planned: int = 0
    unknown: int = 0
    breakdown: int = 0
    setup: int = 0
    waiting: int = 0
    minor_stop: int = 0
    reduced_speed: int = 0
    defects: int = 0
    start_up: int = 0
    valuable: int = 0

    def __add__(self, other: Waterfall) -> Waterfall:
        return Waterfall(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def losses(self) -> dict[Loss, float]:
        """The losses in seconds, in the order of the waterfall."""
        amounts = {
            Loss.UNKNOWN: self.unknown,
            Loss.BREAKDOWN: self.breakdown,
            Loss.SETUP: self.setup,
            Loss.WAITING: self.waiting,
            Loss.MINOR_STOP: self.minor_stop,
            Loss.REDUCED_SPEED: self.reduced_speed,
            Loss.DEFECTS: self.defects,
            Loss.START_UP: self.start_up,
        }
        return {loss: amount / (SECOND * MICRO) for loss, amount in amounts.items()}


def waterfall(signals: Signals, found: Sums, stood: Stops, *, model: TimeModel, measured: Spans) -> Waterfall | None:
    """Return the loss waterfall of a station from its sums and stops.

    None where counts or the ideal cycle are missing, for then nothing says what speed and
    rejects have cost.
    """
    counted, spent = found.counts, found.times
    if counted.ideal_produced is None or counted.ideal_good is None:
        return None
    lost = {loss: int(stood.planned[stood.of(loss)].sum()) * MICRO for loss in _OF_TIME}
    start_up = _start_up(signals, model, measured)
    return Waterfall(
        planned=spent.busy * MICRO,
        unknown=spent.unknown * MICRO,
        breakdown=lost[Loss.BREAKDOWN],
        setup=lost[Loss.SETUP],
        waiting=lost[Loss.WAITING],
        minor_stop=lost[Loss.MINOR_STOP],
        reduced_speed=spent.known * MICRO - sum(lost.values()) - counted.ideal_produced,
        defects=counted.ideal_produced - counted.ideal_good - start_up,
        start_up=start_up,
        valuable=counted.ideal_good,
    )


_OF_TIME = (Loss.BREAKDOWN, Loss.SETUP, Loss.WAITING, Loss.MINOR_STOP)


def _start_up(signals: Signals, model: TimeModel, measured: Spans) -> int:
    # Ideal time of what was rejected shortly after production resumed.
    if signals.states is None or not model.start_up or not signals.scrap:
        return 0
    start, _, kind = _runs(signals.states, _kinds(signals.states, model))
    resumed = start[1:][(kind[1:] == StopKind.RUNNING) & np.isin(kind[:-1], (StopKind.SETUP, StopKind.WAITING))]
    starting = Spans.of((moment, moment + model.start_up) for moment in resumed.tolist())
    rejects = Signals(states=signals.states, scrap=signals.scrap, total=signals.scrap, ideal=signals.ideal)
    return counts(rejects, measured.both(starting)).ideal_produced or 0
