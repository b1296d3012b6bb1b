"""The post: every message between a vehicle and the manager crosses the radio where the vehicle is then.

    vehicle ─▶ [up: one after the other, again when lost] ─▶ (relay: a real broker) ─▶ manager
            ◀─ [down] ◀──────────────────────────────────── (relay)              ◀─

MQTT runs on one TCP connection a vehicle: a lost message is sent again after a time-out that
doubles, and all behind it wait. Where the vehicle is decides each try anew, so a message that
got stuck on a handover gets through when the vehicle is on its next access point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import simpy

from simulators.kernel.floor import Floor, Steps
from simulators.network import Direction, Link
from simulators.vda5050 import Factsheet, InstantActions, Message, Order, State, Visualization

OCTETS: dict[type[Message], int] = {
    Order: 1800,
    InstantActions: 350,
    State: 1400,
    Visualization: 320,
    Factsheet: 1600,
}
"""Assumed lengths: what the JSON of this hall's messages comes to."""

_RETRY, _LONGEST_RETRY = 0.2, 60.0  # s: common TCP stacks' least retransmission time-out, and RFC 6298's cap


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """One vehicle's end of the radio. `where`: its position now. `receive`: takes orders and instant actions."""

    name: str
    link: Link
    where: Callable[[], tuple[float, float]]
    receive: Callable[[Order | InstantActions], None]
    refuse: Callable[[str], None]


class Post:
    """Carries messages both ways; see `simulators.vda5050.Exchange` for the relay."""

    def __init__(self, floor: Floor) -> None:
        self.relay: Callable[[Message], None] | None = None
        self.listen: Callable[[State], None] = lambda _state: None
        self._floor = floor
        self._terminals: dict[str, Terminal] = {}
        self._queues: dict[tuple[str, Direction], simpy.Store] = {}

    @property
    def vehicles(self) -> tuple[str, ...]:
        """The vehicles that have a terminal."""
        return tuple(self._terminals)

    def connect(self, terminal: Terminal) -> None:
        """Give a vehicle a terminal."""
        self._terminals[terminal.name] = terminal
        for direction in Direction:
            queue = self._queues[terminal.name, direction] = simpy.Store(self._floor.env)
            self._floor.env.process(self._carry(terminal, direction, queue))

    def send(self, message: Message) -> None:
        """Send a message to the vehicle it names, or from it."""
        down = isinstance(message, (Order, InstantActions))
        self._queues[message.vehicle, Direction.DOWN if down else Direction.UP].put(message)

    def glimpse(self, message: Visualization) -> bool:
        """Send a message that nobody sends again; tell whether it arrived."""
        terminal = self._terminals[message.vehicle]
        size = OCTETS[Visualization]
        delay = terminal.link.delay(self._floor.now(), size, Direction.UP, position=terminal.where())
        if delay is not None and self.relay is not None:
            self.relay(message)
        return delay is not None

    def beat(self, vehicle: str, octets: int) -> float | None:
        """Return how long a heartbeat sent to a vehicle now takes, None when it is lost."""
        terminal = self._terminals[vehicle]
        return terminal.link.delay(self._floor.now(), octets, Direction.DOWN, position=terminal.where())

    def hand_over(self, message: Message) -> None:
        """Give a message to whom it is for; vehicles nobody knows get none."""
        if isinstance(message, State):
            if message.vehicle in self._terminals:
                self.listen(message)
        elif isinstance(message, (Order, InstantActions)) and message.vehicle in self._terminals:
            self._terminals[message.vehicle].receive(message)

    def refuse(self, vehicle: str, reason: str) -> None:
        """Tell a vehicle that what it was sent is no message."""
        if vehicle in self._terminals:
            self._terminals[vehicle].refuse(reason)

    def online(self, vehicle: str) -> bool:
        """Tell whether a vehicle is switched on."""
        return self._floor.signals.devices[vehicle].online

    def _carry(self, terminal: Terminal, direction: Direction, queue: simpy.Store) -> Steps:
        env, last = self._floor.env, 0.0
        while True:
            message: Message = yield queue.get()
            size, wait = OCTETS[type(message)], _RETRY
            while True:
                delay = terminal.link.delay(self._floor.now(), size, direction, position=terminal.where())
                if delay is not None:
                    break
                yield env.timeout(wait)
                wait = min(2 * wait, _LONGEST_RETRY)
            last = max(last, env.now + delay)
            self._floor.at(last, lambda arrived=message: self._arrive(arrived))  # type: ignore[misc]

    def _arrive(self, message: Message) -> None:
        if self.relay is not None:
            self.relay(message)
        else:
            self.hand_over(message)
