"""The alarms of a running plant: what its data raises, what people do about it, and a log of both.

    observe(batch) ──▶ inbox ──evaluate, a few times a second──▶ Watch ──▶ Desk ──▶ AlarmLog
    acknowledge, shelve, …  ─────────────────────────────────────────▶ Desk ──▶ AlarmLog

Only the present raises alarms. A row that is replayed, older than what is known of its tag,
or on its way for longer than `LATE` (an outbox that empties after an outage, a device that
tells what it had stored) is past and says nothing, not even that its device is there.

After a restart the log tells what stands; it is not raised again. What people do is on the
disk before it is shown. What data does is shown in any case: while the disk takes nothing,
events wait, for a full disk must not silence an alarm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from analytics.alarms.desk import Desk, replay
from analytics.alarms.flood import FloodMeter
from analytics.alarms.log import AlarmLog
from analytics.alarms.performance import TEN_MINUTES
from analytics.alarms.rules import AlarmRule
from analytics.alarms.states import Action, Alarm, Event, Refused
from analytics.alarms.watch import Done, Watch
from analytics.indicator import Indicator
from plant.batch import Batch, Origin
from plant.clock import SECOND, Clock
from plant.errors import Unavailable

log = structlog.get_logger(__name__)

LATE = 60 * SECOND
"""How long a sample may be on its way and still be about the present, in ns."""

_MOST_WAITING = 200_000
"""Rows in the inbox at which they are followed at once, whoever brings them."""
_MOST_UNWRITTEN = 100_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something that people did to several alarms: `refused` says why, by id."""

    done: tuple[str, ...]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """All alarms at one moment. `number` rises with every change; `flood`: since when, ns UTC, or None.

    `lately`: annunciations in the last ten minutes.
    """

    number: int
    alarms: tuple[Alarm, ...]
    flood: int | None
    lately: int


class Annunciator:
    """The alarms of some rules with their log; safe to use from any thread. The log stays its owner's to close."""

    def __init__(self, rules: Iterable[AlarmRule], alarm_log: AlarmLog, *, clock: Clock) -> None:
        self.rules = {rule.definition.id: rule for rule in rules}
        self.log = alarm_log
        self._clock = clock
        self._lock, self._door = threading.RLock(), threading.Lock()
        now = clock.now()
        self._desk = self._restored()
        self._watch = Watch(self.rules.values(), self._desk.alarms, start=now)
        self._flood = FloodMeter()
        self._flood.look(now, alarm_log.annunciations((now - 2 * TEN_MINUTES, now + 1)))
        self._inbox: list[Batch] = []
        self._waiting = 0
        self._unwritten: list[Event] = []
        self._number = 1

    @property
    def number(self) -> int:
        """A number that rises with every change of any alarm."""
        return self._number

    @property
    def panel(self) -> Panel:
        """All alarms as they are now."""
        with self._lock:
            return Panel(
                number=self._number,
                alarms=tuple(self._desk.alarms.values()),
                flood=self._flood.since,
                lately=self._flood.count,
            )

    def figures_wanted(self) -> frozenset[tuple[str, float]]:
        """Return which figures are watched, as scene id and window in seconds, 0 for the running shift."""
        return self._watch.figures_wanted()

    def observe(self, batch: Batch) -> None:
        """Take in samples as they are stored; they are followed by the next `evaluate`. Cheap, and never raises."""
        now = self._clock.now()
        present = (batch.origin & Origin.REPLAYED) == 0
        present &= (now - batch.received <= LATE) & (batch.received - batch.time <= LATE)
        if not present.any():
            return
        # A device whose clock is ahead must not make later samples look old.
        rows = self._watch.watched(batch.take(present))
        if not len(rows):
            return
        with self._door:
            self._inbox.append(replace(rows, time=np.minimum(rows.time, now)))
            self._waiting += len(rows)
            full = self._waiting >= _MOST_WAITING
        if full:
            self.evaluate()

    def evaluate(self) -> None:
        """Follow what has come in and the time that has passed. Blocks; call it from a worker thread."""
        with self._lock:
            with self._door:
                batches, self._inbox, self._waiting = self._inbox, [], 0
            now = self._clock.now()
            happened = self._watch.samples(Batch.concat(batches), now) if batches else []
            happened += self._watch.time_passes(now)
            self._happened(happened, now)

    def take_figures(self, found: Iterable[Indicator], window: float) -> None:
        """Follow figures of one window, in seconds, 0 for the running shift."""
        with self._lock:
            now = self._clock.now()
            self._happened(self._watch.figures(found, window, now), now)

    def people(self, alarms: Sequence[str], action: Callable[[int], Action]) -> Outcome:
        """Let somebody do something to alarms; those it is not possible for are refused, the others are done.

        `action`: what is done, given the moment in ns UTC. It is in the log when this returns;
        raises Unavailable, with nothing done, when the log takes nothing.
        """
        with self._lock:
            made = action(self._clock.now())
            desk, done = self._desk, list[str]()
            events, refused = list[Event](), dict[str, str]()
            for name in dict.fromkeys(alarms):
                known = desk.alarms.get(name)
                moved = replace(made, time=max(made.time, known.time)) if known else made
                try:
                    desk, new = desk.after(name, moved)
                except Refused as refusal:
                    refused[name] = str(refusal)
                    continue
                events += new
                done.append(name)
            if events:
                self.log.add([*self._unwritten, *events])
                self._unwritten = []
                self._show(desk, events, made.time)
            return Outcome(tuple(done), refused)

    def _restored(self) -> Desk:
        definitions = [rule.definition for rule in self.rules.values()]
        known = [event for event in self.log.standing() if event.alarm in self.rules]
        # Where the configuration changed, what it no longer allows, such as a long shelving, is over.
        return replay(
            definitions, known, 0, refused=lambda why: log.info("an alarm event no longer holds", reason=str(why))
        )

    def _happened(self, happened: list[Done], now: int) -> None:
        desk, events = self._desk.at(now)
        everything = list(events)
        for name, action in happened:
            desk, new = desk.after(name, replace(action, time=max(action.time, desk.alarms[name].time)))
            everything += new
        if everything or self._unwritten:
            self._unwritten = [*self._unwritten, *everything][-_MOST_UNWRITTEN:]
            try:
                self.log.add(self._unwritten)
                self._unwritten = []
            except Unavailable as error:
                log.warning("alarm events wait for the disk", events=len(self._unwritten), reason=str(error))
        self._show(desk, everything, now)

    def _show(self, desk: Desk, events: Sequence[Event], now: int) -> None:
        turned = self._flood.look(now, events)
        self._desk = desk
        if events or turned:
            self._number += 1
