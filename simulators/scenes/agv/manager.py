"""The fleet manager: gives transports to vehicles, and zones, one owner each, to those that drive there.

It knows the vehicles by their states alone. Whenever one has passed a node it gets back the
zones behind, and releases the next nodes of whoever has waited longest: up to `ahead` nodes
in front of the vehicle, as far as they are free. An order or update that no state confirms
within ten seconds is sent again, from where the vehicle's released part ends.

Assumed, and why plausible: two zones ahead (12 m, more than a braking distance and short
enough to share crossings); a vehicle below 30 % goes to charge until 80 %, and one without a
transport charges meanwhile; calls are served in order of age, by the nearest free vehicle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from simulators.kernel.draws import Exponential
from simulators.kernel.floor import Floor
from simulators.scenes.agv.hall import DROPS, PICKS, PLACES, length, route
from simulators.scenes.agv.post import Post
from simulators.truth import What
from simulators.vda5050 import Action, Edge, Node, Order, State

LOW, ENOUGH = 30.0, 80.0
_HORIZON = 3  # announced nodes beyond the released ones
_UNCONFIRMED = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """Something to fetch at `pick` and bring to `drop`, asked for at `since` (model s)."""

    pick: str
    drop: str
    since: float


class Calls:
    """The stations' calls: each relation has one load under way at most, and calls again a while after it came."""

    def __init__(self, floor: Floor, pause: float) -> None:
        self.open: list[Call] = []
        self._floor = floor
        self._pause = Exponential(pause)
        self._rng = floor.rng("calls")
        for i, pick in enumerate(PICKS):
            for drop in (DROPS[i], DROPS[(i + 1) % 4], DROPS[(i + 2) % 4]):
                self._later(pick, drop)

    def delivered(self, call: Call) -> None:
        """Let the relation call again, some time from now."""
        self._floor.record(What.EVENT, call.drop, event="delivered", took=self._floor.seconds() - call.since)
        self._later(call.pick, call.drop)

    def _later(self, pick: str, drop: str) -> None:
        at = self._floor.seconds() + self._pause.draw(self._rng)
        self._floor.at(at, lambda: self.open.append(Call(pick, drop, at)))


class Zones:
    """Who owns each zone."""

    def __init__(self) -> None:
        self.owner: dict[str, str] = {}

    def take(self, zone: str, vehicle: str) -> bool:
        """Give a zone to a vehicle unless another has it; tell whether it is the vehicle's now."""
        return self.owner.setdefault(zone, vehicle) == vehicle

    def give_back(self, zone: str, vehicle: str) -> None:
        """Free a zone that a vehicle owns."""
        if self.owner.get(zone) == vehicle:
            del self.owner[zone]


@dataclass(slots=True)
class _Job:
    """An order under way. Indices count nodes of the route."""

    id: str
    way: tuple[str, ...]
    actions: dict[int, str]
    call: Call | None = None
    update: int = -1
    passed: int = 0
    granted: int = 0
    confirmed: int = -1
    base: int = 0
    """Where the vehicle's released part ends, as it says."""
    sent: float = 0.0

    @property
    def last(self) -> int:
        return len(self.way) - 1


@dataclass(slots=True)
class _Known:
    """What the manager knows of a vehicle. `asks`: since when it waits for a zone."""

    name: str
    home: str
    place: str
    battery: float = 100.0
    ready: bool = False
    must_charge: bool = False
    charging: bool = False
    asks: float = 0.0
    job: _Job | None = field(default=None)


class Manager:
    """Sends orders to the vehicles of `homes` (name to charging bay), through `post`."""

    def __init__(self, floor: Floor, post: Post, calls: Calls, homes: dict[str, str], *, ahead: int) -> None:
        self.zones = Zones()
        self._floor, self._post, self._calls, self._ahead = floor, post, calls, ahead
        self._fleet = {name: _Known(name, home, home) for name, home in homes.items()}
        self._orders = 0
        for name, home in homes.items():
            self.zones.take(home, name)
        post.listen = self.receive
        floor.every(1.0, self._dispatch)
        floor.every(_UNCONFIRMED / 2, self._chase)

    def receive(self, state: State) -> None:
        """Take a vehicle's state, and act on it."""
        known = self._fleet[state.vehicle]
        known.battery, known.charging = state.battery, state.charging
        job = known.job
        if job is None:
            known.ready = state.idle
        elif state.order == job.id:
            released = [n.sequence for n in state.nodes if n.released]
            job.confirmed = max(job.confirmed, state.update)
            job.base = max(released, default=state.last_sequence) // 2
            self._advance(known, job, state.last_sequence // 2)
            if state.idle and job.passed == job.last:
                self._finish(known, job)
        self._grant()
        self._dispatch()

    def _advance(self, known: _Known, job: _Job, passed: int) -> None:
        if not job.passed < passed <= job.granted:
            return
        still = set(job.way[passed : job.granted + 1])
        for zone in set(job.way[job.passed : passed]) - still:
            self.zones.give_back(zone, known.name)
        job.passed, known.place = passed, job.way[passed]

    def _finish(self, known: _Known, job: _Job) -> None:
        known.job, known.ready = None, True
        if job.call is not None:
            self._calls.delivered(job.call)

    # -------------------------------------------------------------------------- transports
    def _dispatch(self) -> None:
        for known in self._fleet.values():
            known.must_charge = known.battery < LOW or (known.must_charge and known.battery < ENOUGH)
        while self._floor.planned and self._calls.open:
            call = self._calls.open[0]
            free = [k for k in self._fleet.values() if k.ready and not k.must_charge]
            if not free:
                break
            known = min(free, key=lambda k: length(route(k.place, call.pick)))
            self._calls.open.pop(0)
            self._begin(known, (call.pick, call.drop), ("pick", "drop"), call)
        for known in self._fleet.values():
            if known.ready and not known.charging:
                self._begin(known, (known.home,), ("startCharging",), None)

    def _begin(self, known: _Known, goals: Sequence[str], kinds: Sequence[str], call: Call | None) -> None:
        self._orders += 1
        way: tuple[str, ...] = (known.place,)
        actions: dict[int, str] = {}
        if known.charging:
            actions[0] = "stopCharging"
        for goal, kind in zip(goals, kinds, strict=True):
            way += route(way[-1], goal)[1:]
            actions[len(way) - 1] = kind
        known.job, known.ready = _Job(f"T{self._orders:06d}", way, actions, call), False
        known.asks = self._floor.seconds()
        self._extend(known, known.job)

    # ------------------------------------------------------------------------------- zones
    def _grant(self) -> None:
        for known in sorted(self._fleet.values(), key=lambda k: (k.asks, k.name)):
            if known.job is not None:
                self._extend(known, known.job)

    def _extend(self, known: _Known, job: _Job) -> None:
        """Release what is free in front of a vehicle, and tell it if that is more than before."""
        before = job.granted
        while job.granted < min(job.passed + self._ahead, job.last):
            if not self.zones.take(job.way[job.granted + 1], known.name):
                break
            job.granted += 1
        if job.granted > before:
            known.asks = self._floor.seconds()
        if job.granted > before or job.update < 0:
            self._send(known, job, before)

    def _chase(self) -> None:
        for known in self._fleet.values():
            job = known.job
            if job and job.confirmed < job.update and self._floor.seconds() - job.sent > _UNCONFIRMED:
                self._send(known, job, job.base)

    def _send(self, known: _Known, job: _Job, first: int) -> None:
        # What was never confirmed is the order itself, whatever its update: it begins at the beginning.
        first = 0 if job.confirmed < 0 else first
        job.update += 1
        job.sent = self._floor.seconds()
        last = min(job.granted + _HORIZON, job.last)
        self._post.send(
            Order(
                vehicle=known.name,
                id=job.id,
                update=job.update,
                nodes=tuple(self._nodes(job, first, last)),
                edges=tuple(self._edges(job, first, last)),
                issued=self._floor.now(),
            )
        )

    def _nodes(self, job: _Job, first: int, last: int) -> Iterator[Node]:
        for i in range(first, last + 1):
            x, y = PLACES[job.way[i]]
            actions = (Action(f"{job.id}-{i}", job.actions[i]),) if i in job.actions else ()
            yield Node(id=job.way[i], sequence=2 * i, released=i <= job.granted, x=x, y=y, actions=actions)

    def _edges(self, job: _Job, first: int, last: int) -> Iterator[Edge]:
        for i, j in pairwise(range(first, last + 1)):
            start, end = job.way[i], job.way[j]
            released = j <= job.granted
            yield Edge(id=f"{start}-{end}", sequence=2 * i + 1, released=released, start=start, end=end)
