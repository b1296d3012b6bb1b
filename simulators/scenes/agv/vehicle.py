"""A vehicle: takes orders, drives what is released, reports what it does, stops when nobody speaks to it.

Everything it knows of the world comes by message. At the end of the released part of its order
it stands until an update arrives; without a heartbeat for `patience` seconds it stands as
well, wherever it is, and drives on by itself when heartbeats are back.

Assumed, and why plausible: a heartbeat every 0.5 s and a patience of three of them, as
wireless safety links of vehicles are set (0.5-2 s); 14 s for a roller-top transfer of a
pallet; orders are refused farther than 1 m from their first node.
"""

from __future__ import annotations

import math
from collections import deque

from plant.packml import PackState
from simulators.kernel.draws import LogNormal
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.machine import Cause
from simulators.scenes.agv.drive import CHARGING, NO_HEARTBEAT, NO_TRANSPORT, PAUSED, ZONE, Drive
from simulators.scenes.agv.hall import PLACES, Place
from simulators.scenes.agv.post import Post
from simulators.scenes.agv.shown import MAP, Shown
from simulators.truth import What
from simulators.vda5050 import (
    Action,
    ActionState,
    ActionStatus,
    Edge,
    Factsheet,
    InstantActions,
    Node,
    Order,
    State,
    VehicleError,
    Visualization,
)

BEAT = 0.5
"""Seconds between heartbeats."""

_OCTETS = 64
_DEVIATION = 1.0
_FARTHEST = 10_000.0  # m from the map's origin
_SILENCE = 25.0  # the specification asks for a state every 30 s at least
_HANDLING = LogNormal(14, 0.2)
_LEVELS = {"WARNING": 1, "FATAL": 4}
_S = PackState


class Vehicle:
    """One vehicle. Signals: `<name>.<field>` for each field of `configs.sources.Vda5050Address`.

    `<name>.report` and `.seen` are set when a state, or any position, has been composed;
    `.transports` counts the loads that were dropped.
    """

    def __init__(self, drive: Drive, post: Post, home: str, *, patience: float) -> None:
        self.drive = drive
        self.name = drive.name
        self.floor: Floor = drive.floor
        self.transports = 0
        self._post = post
        self._patience = patience
        self._order, self._update = "", 0
        self._last_node, self._last_sequence = home, 0
        self._nodes: deque[Node] = deque()
        self._edges: deque[Edge] = deque()
        self._todo: deque[Action] = deque()
        self._actions: dict[str, ActionState] = {}
        self._loads: tuple[str, ...] = ()
        self._errors: tuple[VehicleError, ...] = ()
        self._issued = 0
        self._under_way = self._busy = False
        self._heard, self._on_air, self._missed = 0.0, deque[float](), 0
        self._reported = 0.0
        self._news = self.floor.env.event()
        self._rng = self.floor.rng(self.name, "handling")
        self._shown = Shown(self.floor, self.name, home)
        self.floor.at(1.0, self._shown.connect)
        self.floor.env.process(self._work())

    @property
    def zones(self) -> frozenset[str]:
        """The zones the vehicle is physically in: its last node's, and while it drives the next one's."""
        return frozenset([self._last_node, self._nodes[0].id] if self._under_way else [self._last_node])

    # ------------------------------------------------------------------------- what it hears
    def receive(self, message: Order | InstantActions) -> None:
        """Take an order, an update of it, or instant actions."""
        if not self._post.online(self.name):
            return
        if isinstance(message, InstantActions):
            for action in message.actions:
                done = self._at_once(action)
                status = ActionStatus.FINISHED if done else ActionStatus.FAILED
                self._actions[action.id] = ActionState(action.id, action.kind, status, instant=True)
        else:
            self._take(message)
        self.report()
        self._wake()

    def refuse(self, reason: str) -> None:
        """Report that a message could not be read."""
        self._errors = (VehicleError("validationError", "WARNING", reason[:200]),)
        self.report()

    def _take(self, order: Order) -> None:
        fault = self._fault(order)
        if fault is not None:
            self._errors = (fault,)
            return
        if order.id == self._order and order.update == self._update:
            return  # a repetition
        self._errors = ()
        if order.id != self._order:
            self._actions.clear()
            self._last_node, self._last_sequence = order.nodes[0].id, order.nodes[0].sequence
            self._todo.extend(order.nodes[0].actions)
            known = order.nodes
        else:
            while self._nodes and not self._nodes[-1].released:  # the old horizon
                for action in self._nodes.pop().actions:
                    self._actions.pop(action.id, None)
            while self._edges and not self._edges[-1].released:
                self._edges.pop()
            known = order.nodes[1:]
        self._order, self._update, self._issued = order.id, order.update, order.issued
        self._nodes.extend(order.nodes[1:])
        self._edges.extend(order.edges)
        for action in (a for node in known for a in node.actions):
            self._actions[action.id] = ActionState(action.id, action.kind, ActionStatus.WAITING)

    def _fault(self, order: Order) -> VehicleError | None:
        """Return what is wrong with an order, None when it can be taken."""
        about = (("topic", "order"), ("orderId", order.id), ("orderUpdateId", str(order.update)))
        if not _is_path(order):
            return VehicleError("validationError", "WARNING", "nodes and edges do not make a path", about)
        first = order.nodes[0]
        if order.id == self._order:
            base = [n for n in self._nodes if n.released]
            end = base[-1].sequence if base else self._last_sequence
            if order.update == self._update or (order.update > self._update and first.sequence == end):
                return None
            return VehicleError("orderUpdateError", "WARNING", "this does not continue the order", about)
        if self._nodes or self._todo or self._busy:
            return VehicleError("orderUpdateError", "WARNING", "another order is being carried out", about)
        place = _place(first)
        if first.id != self._last_node and (place is None or math.dist(place, self.drive.where()) > _DEVIATION):
            return VehicleError("noRouteError", "WARNING", f"node {first.id[:80]} is too far away", about)
        return None

    def _at_once(self, action: Action) -> bool:
        match action.kind:
            case "startPause":
                self.drive.hold(PAUSED)
            case "stopPause":
                self.drive.release(PAUSED)
            case "factsheetRequest":
                body = self.drive.body
                self._post.send(Factsheet(self.name, self._time(), body.speed, body.acceleration))
            case "cancelOrder" if self._nodes or self._todo:
                keep = 1 if self._under_way else 0  # an edge that was entered is driven to its end
                self._nodes, self._edges = deque(list(self._nodes)[:keep]), deque(list(self._edges)[:keep])
                self._todo.clear()
                for id_, state in self._actions.items():
                    if state.status is ActionStatus.WAITING:
                        self._actions[id_] = ActionState(id_, state.kind, ActionStatus.FAILED)
            case "stateRequest":
                pass  # what is received is answered by a state anyway
            case _:
                return False
        return True

    def listen(self) -> None:
        """Await the heartbeat that is sent now; without any for too long, stand still."""
        now = self.floor.seconds()
        while self._on_air and self._on_air[0] <= now:
            self._heard = max(self._heard, self._on_air.popleft())
        if self.drive.charging:
            self._heard = now
            self.drive.release(NO_HEARTBEAT)
            return
        delay = self._post.beat(self.name, _OCTETS)
        if delay is not None:
            self._on_air.append(now + delay)
        if now - self._heard > 1.5 * BEAT:
            self._missed += 1
            self._shown.missed.set(self._missed)
        if now - self._heard > self._patience:
            self.drive.hold(NO_HEARTBEAT)
        else:
            self.drive.release(NO_HEARTBEAT)

    # ------------------------------------------------------------------------- what it does
    def _work(self) -> Steps:
        while True:
            if self._todo:
                yield from self._perform(self._todo.popleft())
            elif self._nodes and self._nodes[0].released:
                yield from self._drive_on()
            else:
                yield from self._rest()

    def _drive_on(self) -> Steps:
        yield from self.drive.show(_S.EXECUTE)
        node = self._nodes[0]
        self._under_way = True
        if not self._shown.driving.true:
            self.report()
        yield from self.drive.travel(_place(node) or self.drive.where(), self._goes_on)
        self._under_way = False
        self._nodes.popleft()
        self._edges.popleft()
        self._last_node, self._last_sequence = node.id, node.sequence
        self._todo.extend(a for a in node.actions if self._actions[a.id].status is ActionStatus.WAITING)
        self.report()

    def _goes_on(self) -> bool:
        return not self._nodes[0].actions and len(self._nodes) > 1 and self._nodes[1].released

    def _perform(self, action: Action) -> Steps:
        self._busy = True
        self._tell(action, ActionStatus.RUNNING)
        status = ActionStatus.FINISHED
        if action.kind in ("pick", "drop"):
            yield from self.drive.show(_S.EXECUTE)
            yield self.floor.env.timeout(_HANDLING.draw(self._rng))
            self._loads = (f"pallet-{self._order}",) if action.kind == "pick" else ()
            if action.kind == "drop":
                self.transports += 1
                self._shown.transports.set(self.transports)
                self.drive.told.set(self.drive.told.true)
                self.floor.record(What.EVENT, self.name, event="transport", order=self._order)
        elif action.kind in ("startCharging", "stopCharging"):
            self.drive.battery()
            self.drive.charging = action.kind == "startCharging"
        else:
            self._errors = (VehicleError("unsupportedAction", "WARNING", action.kind[:200]),)
            status = ActionStatus.FAILED
        self._busy = False
        self._tell(action, status)

    def _rest(self) -> Steps:
        began, waits = self.floor.seconds(), bool(self._nodes)
        cause = ZONE if waits else CHARGING if self.drive.charging else NO_TRANSPORT
        yield from self.drive.show(_S.COMPLETE if cause is CHARGING else _S.SUSPENDED, cause)
        if self._shown.driving.true:
            self.report()
        if self._todo or (self._nodes and self._nodes[0].released):
            return  # it came while the unit changed its state
        self._news = self.floor.env.event()
        yield self._news
        if waits:
            self._note_wait(began, cause)

    def _note_wait(self, began: float, cause: Cause) -> None:
        """Record a wait, and how much of it the grant was already on its way."""
        now = self.floor.seconds()
        issued = (self._issued - self.floor.start) / 1e9
        under_way = max(0.0, min(now - began, now - issued))
        self.floor.record(What.EVENT, self.name, event="wait", cause=cause.id, seconds=now - began, link=under_way)

    def _wake(self) -> None:
        if not self._news.triggered:
            self._news.succeed()

    def _tell(self, action: Action, status: ActionStatus) -> None:
        self._actions[action.id] = ActionState(action.id, action.kind, status)
        self.report()

    # ------------------------------------------------------------------------- what it says
    def report(self) -> None:
        """Compose a state and send it."""
        if not self._post.online(self.name):
            return
        shown = self._shown
        shown.locate(self.drive)
        shown.battery.set(self.drive.battery())
        shown.charging.set(self.drive.charging)
        shown.driving.set(self.drive.moving or self._under_way)
        shown.paused.set(self.drive.held_by(PAUSED))
        shown.errors.set(len(self._errors))
        shown.level.set(max((_LEVELS[e.level] for e in self._errors), default=0))
        shown.order.set(self._order)
        shown.last_node.set(self._last_node)
        shown.loads.set(", ".join(self._loads))
        self._reported = self.floor.seconds()
        self._post.send(
            State(
                vehicle=self.name,
                time=self._time(),
                order=self._order,
                update=self._update,
                last_node=self._last_node,
                last_sequence=self._last_sequence,
                nodes=tuple(self._nodes),
                edges=tuple(self._edges),
                actions=tuple(self._actions.values()),
                driving=shown.driving.true is True,
                paused=shown.paused.true is True,
                wants_base=bool(self._nodes) and not self._nodes[0].released,
                x=float(shown.x.value),
                y=float(shown.y.value),
                theta=float(shown.theta.value),
                map=MAP,
                battery=float(shown.battery.value),
                charging=self.drive.charging,
                loads=self._loads,
                errors=self._errors,
            )
        )
        shown.reported()

    def show(self) -> None:
        """Let itself be seen while driving, and say that it is still there."""
        self.drive.battery()
        self.drive.told.set(self.drive.told.true)
        if self.floor.seconds() - self._reported > _SILENCE:
            self.report()
        elif self.drive.moving and self._post.online(self.name):
            shown = self._shown
            shown.locate(self.drive)
            x, y, theta = float(shown.x.value), float(shown.y.value), float(shown.theta.value)
            if self._post.glimpse(Visualization(vehicle=self.name, time=self._time(), x=x, y=y, theta=theta, map=MAP)):
                shown.seen.set(0)

    def _time(self) -> int:
        return self.floor.now() + self.floor.signals.devices[self.name].clock_error


def _is_path(order: Order) -> bool:
    """Tell whether an order is a chain of known places, released up to one of them."""
    nodes, edges = order.nodes, order.edges
    released = [node.released for node in nodes]
    return (
        len(nodes) == len(edges) + 1
        and released[0]
        and released == sorted(released, reverse=True)
        and released[1:] == [edge.released for edge in edges]
        and [edge.sequence for edge in edges] == [node.sequence + 1 for node in nodes[:-1]]
        and [edge.sequence for edge in edges] == [node.sequence - 1 for node in nodes[1:]]
        and all(_place(node) is not None for node in nodes[1:])
    )


def _place(node: Node) -> Place | None:
    if node.x is None or node.y is None:
        return PLACES.get(node.id)
    return (node.x, node.y) if max(abs(node.x), abs(node.y)) < _FARTHEST else None
