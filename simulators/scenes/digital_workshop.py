"""Digital workshop: four machining lines, 35 devices of three protocols, and people who must know.

    rack ─▶ turn ─▶ mill ─▶ wash ─▶ gauge ─▶ out        four times: lines a, b, c, d
              machines stand for a person (chips, tools, filters), for the next rack, for the next programme

Most of what a small-batch line loses is waiting for somebody who does not know yet. Before
the devices are connected, a stopped machine and an empty rack are found on a worker's
round, and programmes are carried to the machine. A connected device calls over its link,
and loads over it. Nothing else differs between the two plants: machines fail, wear and cut
alike. Efficiency is good parts of the four lines per planned hour.

Assumed, and why plausible: a worker who minds a line passes each machine every three minutes; chips
need a hand every 25 minutes of cutting, tools every hour or so (small-batch turning and
milling of mixed parts); a lot is 48 parts; a programme with its set-up pictures is 25 MB;
parts take 28-36 s. `connected` is the share of the lines that are on the network.
"""

from __future__ import annotations

from simulators.kernel.crew import CrewPlan
from simulators.kernel.draws import Exponential, LogNormal, Triangular
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan
from simulators.kernel.station import Failure, Station, StationPlan
from simulators.kernel.supply import Shipping
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.digital_workshop_calls import HANDLING, CalledCrew, Post, Rack, Terminal
from simulators.scenes.digital_workshop_faces import BROKER_FACE, CELLS_FACE, FIELDBUS_FACE
from simulators.scenes.digital_workshop_plant import LINES, MACHINES, Utilities
from simulators.scenes.digital_workshop_survey import Survey, floor_plan

_BETWEEN = 5  # parts that find room between two machines
_RACK, _CHUTE = 48, 6
_PRODUCTS = (("housing", 48), ("flange", 48), ("shaft", 48))
_IDEAL = {
    "turn": {"housing": 34.0, "flange": 28.0, "shaft": 36.0},
    "mill": {"housing": 36.0, "flange": 32.0, "shaft": 28.0},
    "wash": {"": 24.0},
    "gauge": {"": 20.0},
}


def build(setting: Setting) -> PlantModel:
    """Build the workshop.

    Parameters: `connected` (share of the lines on the network), `rounds` (s between a worker's
    rounds), `programme` (MB), `power` (dBm of the radios at one metre).
    """
    floor = setting.floor
    connected = setting.number("connected", 1.0, high=1)
    rounds = setting.number("rounds", 180.0, low=10, high=36_000)
    programme = round(setting.number("programme", 25.0, high=10_000) * 1e6)
    plan = floor_plan(setting.number("power", -45.0, low=-120, high=30))
    floor.signals.add("programmes.load", 0.0, digits=2)
    floor.signals.add("programmes.loads", 0)

    def terminal(name: str, x: float, y: float) -> Terminal:
        return Terminal(setting.link(name, plan), (x, y))

    setters: dict[str, Post] = {}
    carriers: dict[str, Post] = {}
    carrier = terminal("carrier", 30.0, 20.0)
    for i, line in enumerate(LINES):
        on = (i + 0.5) / len(LINES) < connected
        y = 6.0 + 9.0 * i
        handheld = terminal(f"handheld-{line}", 24.0, y + 3)
        for j, machine in enumerate(MACHINES):
            own = terminal(f"{machine}-{line}", 10.0 + 9.0 * j, y) if on else None
            setters[f"{machine}-{line}"] = Post(terminal=own, handheld=f"handheld-{line}", receiver=handheld)
        call = terminal(f"andon-{line}", 6.0, y) if on else None
        carriers[f"andon-{line}"] = Post(terminal=call, handheld="carrier", receiver=carrier)
    people = CrewPlan(people=len(LINES), response=Triangular(10, 20, 60))
    crew = CalledCrew(floor, "setters", people, setters, rounds=rounds, programme=programme)
    bringers = CrewPlan(people=2, response=Triangular(30, 60, 120))
    logistics = CalledCrew(floor, "logistics", bringers, carriers, rounds=rounds)
    stations = [s for i, line in enumerate(LINES) for s in _line(setting, line, i, crew, logistics)]
    Survey(floor, setting.link("survey", plan))
    utilities = Utilities(floor, [s.machine for s in stations])
    floor.every(5.0, utilities.read)
    return PlantModel(
        floor=floor,
        faces={"cells": CELLS_FACE, "fieldbus": FIELDBUS_FACE, "broker": BROKER_FACE},
        stations={s.name: s for s in stations},
    )


def _line(setting: Setting, line: str, turn: int, crew: CalledCrew, logistics: CalledCrew) -> list[Station]:
    floor = setting.floor
    places = [Buffer(floor, _CHUTE), *(Buffer(floor, _BETWEEN) for _ in MACHINES)]
    # Each line begins with another product, so that not all change over at once.
    lots = _PRODUCTS[turn % 3 :] + _PRODUCTS[: turn % 3]
    parts = JobPlan(lots).parts()
    rack = Rack(floor, f"andon-{line}", parts, size=_RACK, handling=HANDLING, outlet=places[0])
    rack.supplied_by(logistics)
    stations = [
        Station(floor, f"{machine}-{line}", _plan(machine), inlet=places[j], outlet=places[j + 1], crew=crew)
        for j, machine in enumerate(MACHINES)
    ]
    Shipping(floor, places[-1])
    for station in stations:
        scan(floor, station.machine, period=2.0)
    return stations


def _stop(code: int, cause: str, *, every: float, lasts: float, cv: float = 0.4) -> Failure:
    return Failure(cause=Cause(code, cause), every=Exponential(every), lasts=LogNormal(lasts, cv))


_FAILURES = {
    "turn": (_stop(20, "chips", every=1_500, lasts=60), _stop(21, "tool-worn", every=4_800, lasts=150)),
    "mill": (_stop(20, "chips", every=1_800, lasts=60), _stop(22, "tool-broken", every=4_200, lasts=180)),
    "wash": (_stop(30, "filter-clogged", every=5_400, lasts=240),),
    "gauge": (_stop(40, "probe-soiled", every=3_600, lasts=45),),
}
_POWER = {"turn": 9.0, "mill": 12.0, "wash": 6.0, "gauge": 0.6}
_SETUP = {"turn": 120.0, "mill": 150.0}


def _plan(machine: str) -> StationPlan:
    execute = _POWER[machine]
    setup = _SETUP.get(machine)
    return StationPlan(
        ideal=_IDEAL[machine],
        power=PowerDraw(off=0.05 * execute, standby=0.35 * execute, execute=execute),
        slowness=LogNormal(1.04, 0.03),
        failures=_FAILURES[machine],
        setup=None if setup is None else LogNormal(setup, 0.3),
        defects={"turn": {"diameter": 0.006}, "mill": {"burr": 0.008}}.get(machine, {}),
        detects=0.98 if machine == "gauge" else 0.0,
        warm_up=2,
        warm_up_factor=3.0,
        patience=4.0,
    )
