"""The hall: one-way streets in two loops, stations and charging bays beside them, access points above.

     ch0  N0──N1──N2──N3──N4──N5──N6──N7──N8──N9──N10  ch4      north avenue, westbound
          │  D0      D1  │       │      D2      D3  │           drops north of it
         W│             M│↑     m│↓                E│↑          streets 18 m long
          │  P0      P1  │       │      P2      P3  │           picks south of the other
     ch3  S0──S1──S2──S3──S4──S5──S6──S7──S8──S9──S10  ch7      south avenue, eastbound

Every node, with the edge that leads to it, is a zone for one vehicle. Stations and bays lie
on ways of their own beside a street, so a vehicle that stands there blocks nobody but who
wants the same place. The shortest round trip has more nodes than there are vehicles: they
cannot all wait for each other in a ring, because a waiting vehicle holds one node only.

Assumed, and why plausible: nodes 6 m apart (two vehicle lengths and a braking distance);
the hall of 72 m x 36 m with four access points, one for each 650 m², as radio planners
place them; steel racks between the avenues cost 8 dB, as measured for filled pallet racks.
"""

from __future__ import annotations

import heapq
import itertools
import math
from functools import cache

from configs.network_profile import AccessPoint, FloorPlan, Obstacle

Place = tuple[float, float]

PITCH = 6.0
"""Metres between neighbouring nodes."""

_COLUMNS = 11
_WEST, _UP, _DOWN, _EAST = 0, 4, 6, 10  # columns of the streets
_SOUTH_Y, _NORTH_Y = 6.0, 30.0

PICKS = ("P0", "P1", "P2", "P3")
DROPS = ("D0", "D1", "D2", "D3")
BAYS = tuple(f"C{i}" for i in range(8))


def _avenues() -> tuple[dict[str, Place], list[tuple[str, str]]]:
    places = {f"S{i}": (PITCH * (i + 1), _SOUTH_Y) for i in range(_COLUMNS)}
    places |= {f"N{i}": (PITCH * (i + 1), _NORTH_Y) for i in range(_COLUMNS)}
    ways = [(f"S{i}", f"S{i + 1}") for i in range(_COLUMNS - 1)]
    ways += [(f"N{i + 1}", f"N{i}") for i in range(_COLUMNS - 1)]
    for name, column, upward in (("W", _WEST, False), ("U", _UP, True), ("D", _DOWN, False), ("E", _EAST, True)):
        street = [f"{name}-{i}" for i in range(1, 4)]
        places |= {node: (PITCH * (column + 1), _SOUTH_Y + PITCH * i) for i, node in enumerate(street, 1)}
        path = [f"S{column}", *street, f"N{column}"]
        path = path if upward else path[::-1]
        ways += list(itertools.pairwise(path))
    return places, ways


def _map() -> tuple[dict[str, Place], dict[str, list[str]]]:
    places, ways = _avenues()
    beside = [(f"P{k}", f"S{i}", f"S{i + 1}", -4.0) for k, i in enumerate((1, 3, 7, 9))]
    beside += [(f"D{k}", f"N{i + 1}", f"N{i}", 4.0) for k, i in enumerate((1, 3, 7, 9))]
    for name, before, after, aside in beside:
        (x1, y), (x2, _) = places[before], places[after]
        places[name] = ((x1 + x2) / 2, y + aside)
        ways += [(before, name), (name, after)]
    west = ["N0", "W-3", "W-2", "W-1", "S0"]
    east = ["S10", "E-1", "E-2", "E-3", "N10"]
    for street, first, aside in ((west, 0, -4.0), (east, 4, 4.0)):
        for k, (before, after) in enumerate(itertools.pairwise(street)):
            (x, y1), (_, y2) = places[before], places[after]
            places[f"C{first + k}"] = (x + aside, (y1 + y2) / 2)
            ways += [(before, f"C{first + k}"), (f"C{first + k}", after)]
    onward: dict[str, list[str]] = {name: [] for name in places}
    for before, after in ways:
        onward[before].append(after)
    return places, onward


PLACES, ONWARD = _map()
"""Where each node is (metres), and which nodes can be driven to from it."""

RADIO = FloorPlan.model_validate(
    {
        "access-points": [
            AccessPoint(id=f"ap-{i}", x=x, y=y) for i, (x, y) in enumerate(((18, 10), (54, 10), (18, 26), (54, 26)), 1)
        ],
        "obstacles": [
            Obstacle(x1=9, y1=18, x2=27, y2=18, loss=8),
            Obstacle(x1=45, y1=18, x2=63, y2=18, loss=8),
        ],
    }
)
"""Access points, or radio heads, and the racks between the avenues."""


def distance(before: str, after: str) -> float:
    """Return the metres between two places as the crow flies."""
    return math.dist(PLACES[before], PLACES[after])


@cache
def route(start: str, goal: str) -> tuple[str, ...]:
    """Return the nodes of the shortest way, both ends included; every place can be reached."""
    best: dict[str, float] = {start: 0.0}
    came: dict[str, str] = {}
    front = [(0.0, start)]
    while front:
        so_far, here = heapq.heappop(front)
        if here == goal:
            break
        for following in ONWARD[here]:
            length = so_far + distance(here, following)
            if length < best.get(following, math.inf):
                best[following], came[following] = length, here
                heapq.heappush(front, (length, following))
    way = [goal]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def length(way: tuple[str, ...]) -> float:
    """Return the metres of a way."""
    return sum(distance(a, b) for a, b in itertools.pairwise(way))
