"""VDA 5050 messages as JSON, in version 2.1 (`uagv/v2`) and 3.0 (`vda5050/v3`).

The versions differ in the names of a few fields and in what may be left out; the fields
written here are the required ones of the version's schema and those optional ones that the
vehicles know. Reading is tolerant of fields it does not need, and strict about the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from plant.clock import from_iso, iso
from simulators.vda5050 import (
    MANUFACTURER,
    Action,
    ActionState,
    ActionStatus,
    ConnectionState,
    Edge,
    Factsheet,
    InstantActions,
    Message,
    Node,
    Order,
    State,
    VehicleError,
    Visualization,
)

Document = dict[str, Any]
_LARGEST = 256 * 1024
"""Octets of a message that is still read."""


class Version(Enum):
    """A version of the specification: its major number and name, and the first level of its topics."""

    V2 = ("v2", "2.1.0", "uagv")
    V3 = ("v3", "3.0.0", "vda5050")

    @property
    def major(self) -> str:
        """The second level of topics."""
        return self.value[0]

    @property
    def number(self) -> str:
        """The full version."""
        return self.value[1]

    @property
    def interface(self) -> str:
        """The first level of topics that the specification names."""
        return self.value[2]


@dataclass(slots=True)
class Headers:
    """Counts the messages of one topic."""

    last: int = -1

    def take(self) -> int:
        """Return the next header id."""
        self.last = (self.last + 1) % 2**32
        return self.last


def kind_of(message: Message) -> str:
    """Return the last topic level of a message."""
    return _KINDS[type(message)]


_KINDS: dict[type[Message], str] = {
    Order: "order",
    InstantActions: "instantActions",
    State: "state",
    Visualization: "visualization",
    Factsheet: "factsheet",
}


# ----------------------------------------------------------------------------- writing
def write(message: Message, header: int, version: Version) -> bytes:
    """Return a message as JSON."""
    match message:
        case Order():
            body, time = _order(message), message.issued
        case InstantActions():
            body, time = {"actions": [_action(a) for a in message.actions]}, message.issued
        case State():
            body, time = _state(message, version), message.time
        case Visualization():
            body, time = _position(message, version), message.time
        case Factsheet():
            body, time = _factsheet(message, version), message.time
    return orjson.dumps({**_head(message.vehicle, time, header, version), **body})


def write_connection(vehicle: str, state: ConnectionState, *, time: int, header: int, version: Version) -> bytes:
    """Return a connection message as JSON."""
    word = "CONNECTIONBROKEN" if state is ConnectionState.BROKEN and version is Version.V2 else str(state)
    return orjson.dumps({**_head(vehicle, time, header, version), "connectionState": word})


def _head(vehicle: str, time: int, header: int, version: Version) -> Document:
    return {
        "headerId": header,
        "timestamp": iso(time),
        "version": version.number,
        "manufacturer": MANUFACTURER,
        "serialNumber": vehicle,
    }


def _order(order: Order) -> Document:
    return {
        "orderId": order.id,
        "orderUpdateId": order.update,
        "nodes": [
            {
                "nodeId": n.id,
                "sequenceId": n.sequence,
                "released": n.released,
                "nodePosition": {"x": n.x, "y": n.y, "mapId": "hall"},
                "actions": [_action(a) for a in n.actions],
            }
            for n in order.nodes
        ],
        "edges": [
            {
                "edgeId": e.id,
                "sequenceId": e.sequence,
                "released": e.released,
                "startNodeId": e.start,
                "endNodeId": e.end,
                "actions": [],
            }
            for e in order.edges
        ],
    }


def _action(action: Action) -> Document:
    return {"actionType": action.kind, "actionId": action.id, "blockingType": "HARD", "actionParameters": []}


def _state(state: State, version: Version) -> Document:
    three = version is Version.V3
    own = [a for a in state.actions if not (three and a.instant)]
    document: Document = {
        "orderId": state.order,
        "orderUpdateId": state.update,
        "lastNodeId": state.last_node,
        "lastNodeSequenceId": state.last_sequence,
        "nodeStates": [{"nodeId": n.id, "sequenceId": n.sequence, "released": n.released} for n in state.nodes],
        "edgeStates": [{"edgeId": e.id, "sequenceId": e.sequence, "released": e.released} for e in state.edges],
        "driving": state.driving,
        "paused": state.paused,
        "newBaseRequest": state.wants_base,
        "actionStates": [_action_state(a) for a in own],
        "operatingMode": "AUTOMATIC",
        "loads": [{"loadId": load, "loadType": "pallet"} for load in state.loads],
        "errors": [_error(e) for e in state.errors],
        **_position(state, version),
    }
    power = {"charging": state.charging}
    if three:
        document["instantActionStates"] = [_action_state(a) for a in state.actions if a.instant]
        document["powerSupply"] = {"stateOfCharge": state.battery, **power}
        document["safetyState"] = {"activeEmergencyStop": "NONE", "fieldViolation": False}
    else:
        document["batteryState"] = {"batteryCharge": state.battery, **power}
        document["safetyState"] = {"eStop": "NONE", "fieldViolation": False}
        document["information"] = []
    return document


def _error(error: VehicleError) -> Document:
    return {
        "errorType": error.kind,
        "errorLevel": error.level,
        "errorDescription": error.description,
        "errorReferences": [{"referenceKey": key, "referenceValue": value} for key, value in error.about],
    }


def _action_state(action: ActionState) -> Document:
    return {"actionId": action.id, "actionType": action.kind, "actionStatus": str(action.status)}


def _position(where: State | Visualization, version: Version) -> Document:
    place = {"x": where.x, "y": where.y, "theta": where.theta, "mapId": where.map}
    if version is Version.V3:
        return {"mobileRobotPosition": {**place, "localized": True}}
    return {"agvPosition": {**place, "positionInitialized": True}}


def _factsheet(sheet: Factsheet, version: Version) -> Document:
    three = version is Version.V3
    kinds = ("pick", "drop", "startCharging", "stopCharging")
    instant = ("startPause", "stopPause", "cancelOrder", "stateRequest", "factsheetRequest")
    actions = [{"actionType": kind, "actionScopes": ["NODE"]} for kind in kinds]
    actions += [{"actionType": kind, "actionScopes": ["INSTANT"]} for kind in instant]
    type_ = {
        "seriesName": "provenline simulated carrier",
        ("mobileRobotKinematics" if three else "agvKinematic"): "DIFFERENTIAL" if three else "DIFF",
        ("mobileRobotClass" if three else "agvClass"): "CARRIER",
        "maxLoadMass": sheet.load,
        "localizationTypes": ["NATURAL"],
        "navigationTypes": ["VIRTUAL_LINE_GUIDED"],
    }
    sizes: Document = {
        "length": sheet.length,
        "width": sheet.width,
        ("maximumSpeed" if three else "speedMax"): sheet.speed,
        ("minimumSpeed" if three else "speedMin"): 0.0,
        ("maximumAcceleration" if three else "accelerationMax"): sheet.acceleration,
        ("maximumDeceleration" if three else "decelerationMax"): sheet.acceleration,
        ("minimumHeight" if three else "heightMin"): sheet.height,
        ("maximumHeight" if three else "heightMax"): sheet.height,
    }
    limits: Document = {"maximumStringLengths" if three else "maxStringLens": {}}
    limits |= {"maximumArrayLengths" if three else "maxArrayLens": {}}
    timing = {("minimumOrderInterval" if three else "minOrderInterval"): 0.1}
    timing |= {("minimumStateInterval" if three else "minStateInterval"): 0.1}
    return {
        "typeSpecification": type_,
        "physicalParameters": sizes,
        "protocolLimits": {**limits, "timing": timing},
        "protocolFeatures": {
            "optionalParameters": [],
            ("mobileRobotActions" if three else "agvActions"): actions,
        },
        ("mobileRobotGeometry" if three else "agvGeometry"): {},
        "loadSpecification": {},
    }


# ----------------------------------------------------------------------------- reading
def read(kind: str, vehicle: str, payload: bytes) -> Message:
    """Read an order, instant actions or a state of either version. Raises ValueError when it is none."""
    if len(payload) > _LARGEST:
        raise ValueError(f"longer than {_LARGEST} octets")
    document = orjson.loads(payload)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    try:
        return _READERS[kind](vehicle, document)
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is missing") from error
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"a field has the wrong form: {error}") from error


def _read_order(vehicle: str, document: Document) -> Order:
    return Order(
        vehicle=vehicle,
        id=_text(document["orderId"]),
        update=_count(document["orderUpdateId"]),
        nodes=tuple(_read_node(n) for n in document["nodes"]),
        edges=tuple(_read_edge(e) for e in document["edges"]),
        issued=from_iso(document["timestamp"]),
    )


def _read_node(node: Document) -> Node:
    place = node.get("nodePosition") or {}
    x, y = place.get("x"), place.get("y")
    return Node(
        id=_text(node["nodeId"]),
        sequence=_count(node["sequenceId"]),
        released=node["released"] is True,
        x=None if x is None else float(x),
        y=None if y is None else float(y),
        actions=tuple(_read_action(a) for a in node.get("actions", ())),
    )


def _read_edge(edge: Document) -> Edge:
    return Edge(
        id=_text(edge["edgeId"]),
        sequence=_count(edge["sequenceId"]),
        released=edge["released"] is True,
        start=edge.get("startNodeId", ""),
        end=edge.get("endNodeId", ""),
    )


def _read_action(action: Document) -> Action:
    return Action(_text(action["actionId"]), _text(action["actionType"]))


def _read_instant(vehicle: str, document: Document) -> InstantActions:
    actions = document.get("actions", document.get("instantActions"))  # the latter in 1.x
    if actions is None:
        raise KeyError("actions")
    return InstantActions(vehicle, tuple(_read_action(a) for a in actions), from_iso(document["timestamp"]))


def _read_state(vehicle: str, document: Document) -> State:
    place = document.get("agvPosition") or document["mobileRobotPosition"]
    power = document.get("batteryState") or document["powerSupply"]
    instant = document.get("instantActionStates", ())
    return State(
        vehicle=vehicle,
        time=from_iso(document["timestamp"]),
        order=document["orderId"],
        update=_count(document["orderUpdateId"]),
        last_node=document["lastNodeId"],
        last_sequence=_count(document["lastNodeSequenceId"]),
        nodes=tuple(_read_node(n) for n in document["nodeStates"]),
        edges=tuple(_read_edge(e) for e in document["edgeStates"]),
        actions=tuple(
            ActionState(a["actionId"], a.get("actionType", ""), ActionStatus(a["actionStatus"]), among is instant)
            for among in (document["actionStates"], instant)
            for a in among
        ),
        driving=document["driving"] is True,
        paused=document.get("paused") is True,
        wants_base=document.get("newBaseRequest") is True,
        x=float(place["x"]),
        y=float(place["y"]),
        theta=float(place["theta"]),
        map=place["mapId"],
        battery=float(power.get("batteryCharge", power.get("stateOfCharge", 0.0))),
        charging=power["charging"] is True,
        loads=tuple(_text(load.get("loadId", "")) for load in document.get("loads", ())),
        errors=tuple(
            VehicleError(e["errorType"], e["errorLevel"], e.get("errorDescription", "")) for e in document["errors"]
        ),
    )


_READERS: dict[str, Callable[[str, Document], Message]] = {
    "order": _read_order,
    "instantActions": _read_instant,
    "state": _read_state,
}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} where a name belongs")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} where a count belongs")
    return value
