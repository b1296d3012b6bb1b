"""What vehicles and their fleet manager say to each other: the messages of VDA 5050, free of their JSON.

An order is a path of nodes and edges. Its front part is released and may be driven, the rest
is the announced horizon; the manager moves the border by updates of the same order, so a
zone grant is an order update. A vehicle at the end of its released part stands and waits.

`simulators.faces.vda5050_json` writes these messages as versions 2.1 and 3.0 have them.
Source: VDA 5050 2.1.0 and 3.0.0, clauses on order, state, instant actions and connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MANUFACTURER = "provenline-sim"
"""Says on every topic that the vehicle is simulated."""


class ActionStatus(StrEnum):
    """How far an action is."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class ConnectionState(StrEnum):
    """What a vehicle says about its link; `broken` is spelled differently in each version."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    BROKEN = "CONNECTION_BROKEN"


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do at a node, or at once: `kind` is VDA 5050's actionType."""

    id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place on the way. `x`, `y` in metres, None where an order leaves them out."""

    id: str
    sequence: int
    released: bool
    x: float | None = None
    y: float | None = None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The way between two nodes; its sequence number lies between theirs."""

    id: str
    sequence: int
    released: bool
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order or an update of it. `issued`: ns UTC."""

    vehicle: str
    id: str
    update: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    issued: int


@dataclass(frozen=True, slots=True)
class InstantActions:
    """What a vehicle is to do at once, whatever its order says."""

    vehicle: str
    actions: tuple[Action, ...]
    issued: int


@dataclass(frozen=True, slots=True)
class ActionState:
    """An action the vehicle knows of, and how far it is. `instant`: it came outside an order."""

    id: str
    kind: str
    status: ActionStatus
    instant: bool = False


@dataclass(frozen=True, slots=True)
class VehicleError:
    """Something wrong that the vehicle reports: VDA 5050's errorType, errorLevel, description and references."""

    kind: str
    level: str
    description: str
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that a vehicle reports. `time`: ns UTC by its own clock; `battery`: percent; `theta`: radians.

    `loads`: the ids of what it carries.
    """

    vehicle: str
    time: int
    order: str
    update: int
    last_node: str
    last_sequence: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    actions: tuple[ActionState, ...]
    driving: bool
    paused: bool
    wants_base: bool
    x: float
    y: float
    theta: float
    map: str
    battery: float
    charging: bool
    loads: tuple[str, ...]
    errors: tuple[VehicleError, ...]

    @property
    def idle(self) -> bool:
        """Whether the order, if there was one, is done: nothing to drive and nothing to do is left."""
        done = (ActionStatus.FINISHED, ActionStatus.FAILED)
        return not self.nodes and not self.edges and all(a.status in done for a in self.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visualization:
    """Where a vehicle is between two states."""

    vehicle: str
    time: int
    x: float
    y: float
    theta: float
    map: str


@dataclass(frozen=True, slots=True)
class Factsheet:
    """What a vehicle is. Speeds in m/s, accelerations in m/s², lengths in m, masses in kg."""

    vehicle: str
    time: int
    speed: float
    acceleration: float
    length: float = 1.3
    width: float = 0.8
    height: float = 0.35
    load: float = 600.0


Message = Order | InstantActions | State | Visualization | Factsheet


class Exchange(Protocol):
    """Where messages that have crossed the radio arrive.

    Without a relay they reach the other side at once. With one they are given to it, and
    come back by `hand_over` when they have been through a broker.
    """

    relay: Callable[[Message], None] | None

    @property
    def vehicles(self) -> tuple[str, ...]:
        """The serial numbers of the vehicles."""

    def hand_over(self, message: Message) -> None:
        """Give a message to whom it is for."""

    def refuse(self, vehicle: str, reason: str) -> None:
        """Tell a vehicle that what it was sent is no message."""

    def online(self, vehicle: str) -> bool:
        """Tell whether a vehicle is switched on."""
