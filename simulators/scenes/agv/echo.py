"""What a vehicle measures of its link while it drives: small packets to the fleet manager and back, by its own clock.

    t0  sent ── up, at the place it is then ──▶ manager ── down, at the place it is by now ──▶  t0 + rtt  told

A packet that is not back after `GIVE_UP` is lost, which cannot be known sooner; so an echo is told
of when it is back or given up, and dated by when it was sent. Where the vehicle was then is
what its position says. Echoes go a way of their own through the same radio: what is
measured here changes nothing for orders, states and heartbeats.

Assumed, and why plausible: an echo every 2 s and 64 octets, as keep-alive packets of such modems are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from simulators.kernel.floor import Floor, Steps
from simulators.network import Direction, Link
from simulators.network.floor import Position

PERIOD = 2.0
"""Seconds between echoes."""

GIVE_UP = 1.0
"""Seconds after which an echo counts as lost; that is the round trip told of it."""

_OCTETS = 64


class Echo:
    """One vehicle's echoes. Signals: `<name>.lost`, `.signal` (dBm) and `.rtt` (us), set in this order."""

    def __init__(self, floor: Floor, name: str, link: Link, where: Callable[[], Position]) -> None:
        self._floor = floor
        self._link = link.twin()
        self._where = where
        self._lost = floor.signals.add(f"{name}.lost", 0.0, digits=0)
        self._signal = floor.signals.add(f"{name}.signal", 0.0, digits=1)
        self._rtt = floor.signals.add(f"{name}.rtt", 0.0, digits=1)
        floor.every(PERIOD, self._send)

    def _send(self) -> None:
        self._floor.env.process(self._measure())

    def _measure(self) -> Steps:
        sent, signal = self._floor.now(), self._link.signal(self._where())
        rtt = yield from self._round_trip()
        self._lost.set(float(rtt is None), time=sent)
        self._signal.set(signal, time=sent)
        self._rtt.set((GIVE_UP if rtt is None else rtt) * 1e6, time=sent)

    def _round_trip(self) -> Generator[Any, Any, float | None]:
        """Wait until a packet is back and return how long it was away, or until it is given up and return None."""
        env, away = self._floor.env, 0.0
        for direction in Direction:
            delay = self._link.delay(self._floor.now(), _OCTETS, direction, position=self._where())
            if delay is None or away + delay >= GIVE_UP:
                yield env.timeout(GIVE_UP - away)
                return None
            yield env.timeout(delay)
            away += delay
        return away
