"""Calls in the workshop: how long until somebody knows, and how programmes reach the machines.

    machine stands ─┬─ its terminal ── link ──▶ server ── link ──▶ handheld ─▶ glance ─┐
                    └─ nobody is told: found on a worker's round ─────────────────────┴▶ known ─▶ walk ─▶ work

Whichever comes first counts, so a connected machine in a dead corner is no worse off than
one that is not connected. A programme comes over the machine's link, or is carried there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from plant.clock import SECOND
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Draw, LogNormal, Triangular
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.machine import CHANGEOVER
from simulators.kernel.parts import Buffer, Part
from simulators.network import Direction, Link
from simulators.network.floor import Position
from simulators.truth import What

_CALL = 300  # octets of a JSON call with its topic
_GLANCE = Triangular(4, 8, 25)  # s from the vibration to having read it
_CARRY = Triangular(30, 90, 240)  # s to the office and back with a memory stick


@dataclass(frozen=True, slots=True)
class Terminal:
    """A device on the link, at a place on the floor plan."""

    link: Link
    position: Position

    def takes(self, now: int, octets: int, direction: Direction) -> float:
        """Return the seconds until a message sent at `now` has arrived; infinite when it never does."""
        try:
            return self.link.delivery(now, octets, direction, position=self.position)
        except TimeoutError:
            return math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A place that calls for people: its terminal (None = not connected) and whom it calls.

    `handheld` is the device that shows the call, `receiver` its terminal.
    """

    terminal: Terminal | None
    handheld: str
    receiver: Terminal


class CalledCrew(Crew):
    """People who come once they know. Signals of each handheld: `.calls`, `.place`, `.cause`, `.notice` (s).

    `.notice` is how long ago the place began to call when somebody knew; `.calls` is set last.
    With a connected place, programmes of `programme` octets are loaded at a changeover, and
    `programmes.load` (s) and `programmes.loads` say so.
    """

    def __init__(
        self, floor: Floor, name: str, plan: CrewPlan, posts: dict[str, Post], *, rounds: float, programme: int = 0
    ) -> None:
        super().__init__(floor, name, plan)
        self._posts = posts
        self._rounds = rounds
        self._programme = programme
        self._chance = floor.rng("crew", name, "notice")
        for handheld in sorted({post.handheld for post in posts.values()}):
            _declare_handheld(floor, handheld)

    def attend(self, where: str, cause: str, work: float) -> Steps:
        """Wait until somebody knows, then for someone, then for the work."""
        floor, post = self._floor, self._posts[where]
        # Both are drawn always: connecting a machine must not change anybody else's luck.
        seen, glance = self._rounds * float(self._chance.random()), _GLANCE.draw(self._chance)
        carried = _CARRY.draw(self._chance)
        waited = min(seen, self._told(post) + glance)
        yield floor.env.timeout(waited)
        self._show(post, where, cause, waited)
        if cause == CHANGEOVER.id and self._programme:
            work += self._loaded(post, where, carried)
        yield from super().attend(where, cause, work)

    def _told(self, post: Post) -> float:
        if post.terminal is None:
            return math.inf
        now = self._floor.now()
        up = post.terminal.takes(now, _CALL, Direction.UP)
        if math.isinf(up):
            return up
        return up + post.receiver.takes(now + round(up * SECOND), _CALL, Direction.DOWN)

    def _loaded(self, post: Post, where: str, carried: float) -> float:
        """Return how long the machine's next programme takes to be there."""
        floor = self._floor
        over_link = math.inf if post.terminal is None else self._download(post.terminal)
        load = min(carried, over_link)
        floor.record(What.EVENT, where, load=load, carried=carried <= over_link)
        if over_link < carried:
            floor.signals["programmes.load"].set(load)
            loads = floor.signals["programmes.loads"]
            loads.set(int(loads.true) + 1)
        return load

    def _download(self, terminal: Terminal) -> float:
        return terminal.takes(self._floor.now(), self._programme, Direction.DOWN)

    def _show(self, post: Post, where: str, cause: str, waited: float) -> None:
        floor, signals = self._floor, self._floor.signals
        floor.record(What.EVENT, where, cause=cause, notice=waited)
        signals[f"{post.handheld}.place"].set(where)
        signals[f"{post.handheld}.cause"].set(cause)
        signals[f"{post.handheld}.notice"].set(waited)
        calls = signals[f"{post.handheld}.calls"]
        calls.set(int(calls.true) + 1)


def _declare_handheld(floor: Floor, name: str) -> None:
    """Declare what a handheld shows; its battery lasts the shift and is then changed."""
    for signal, initial in (("place", ""), ("cause", "")):
        floor.signals.add(f"{name}.{signal}", initial)
    floor.signals.add(f"{name}.notice", 0.0, digits=2)
    floor.signals.add(f"{name}.calls", 0)
    battery = floor.signals.add(f"{name}.battery", 100.0, digits=1)
    floor.every(60.0, lambda: battery.set(100.0 - (floor.seconds() % 28_800) / 28_800 * 70))


class Rack:
    """A line's blanks, which come by the rack: an empty rack calls for the next one.

    Signals of the line's call terminal: `.calls`, `.waiting`.
    """

    def __init__(
        self, floor: Floor, terminal: str, parts: Iterable[Part], *, size: int, handling: Draw, outlet: Buffer
    ) -> None:
        self.made = 0
        self._floor = floor
        self._terminal = terminal
        self._parts = parts
        self._size = size
        self._handling = handling
        self._outlet = outlet
        self._rng = floor.rng(terminal, "rack")
        self._calls = floor.signals.add(f"{terminal}.calls", 0)
        self._waiting = floor.signals.add(f"{terminal}.waiting", initial=False)

    def supplied_by(self, crew: Crew) -> None:
        """Begin: every further rack is brought by `crew`."""
        self._floor.env.process(self._run(crew))

    def _run(self, crew: Crew) -> Steps:
        for part in self._parts:
            if self.made and self.made % self._size == 0:
                self._waiting.set(value=True)
                self._calls.set(int(self._calls.true) + 1)
                yield from crew.attend(self._terminal, "material", self._handling.draw(self._rng))
                self._waiting.set(value=False)
            yield self._outlet.put(part)
            self.made += 1


HANDLING = LogNormal(50, 0.3)
"""Seconds to set a full rack down and take the empty one away."""
