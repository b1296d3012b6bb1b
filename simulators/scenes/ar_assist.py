"""AR assistance: trainees learn with glasses that are rendered elsewhere, and experts repair from afar.

    four glasses in the training bay          ── sessions of ten minutes, one after the other
    two lines:  cut ─▶ bend ─▶ weld ─▶ out    ── control faults; a technician puts the glasses on and calls an expert

A session counts when it was completed, the picture followed the head soon enough, and did
not stand more than once a minute. The link decides all three. A repair with an expert's
eyes takes its time; one without them, by telephone and manual, takes `alone` times that;
one whose session was given up goes on alone with what is left.

Assumed, and why plausible: 30 Mbit/s of picture at 60 a second for rendered glasses, 6
Mbit/s at 30 for an expert's view; 27 ms spent in glasses and renderer; 60 ms motion to
photon put up with (glasses correct for the head's turn with what they have), 300 ms for a
mark to come back (the usual bound of conversation); repairs alone 1.8 times as long (field
service reports a third to a half of the time saved); a control fault every 2½ h of work on a
training line whose instructors provoke them. `remote` is the share of control faults for
which an expert is called: 0 before the glasses came.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import simpy

from simulators.faces.layout import Message, MqttLayout, OpcuaLayout
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Draw, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan
from simulators.kernel.station import Failure, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.network import Direction
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.ar_assist_session import Glasses, Result
from simulators.scenes.ar_assist_stream import StreamPlan
from simulators.scenes.packml_face import nameplate, unit_variables
from simulators.truth import What

TRAINING = ("trainee-1", "trainee-2", "trainee-3", "trainee-4")
MAINTENANCE = ("technician-1", "technician-2")
MACHINES: tuple[tuple[str, str, float, float], ...] = (
    ("cut", "Laser cutter", 24.0, 18.0),
    ("bend", "Press brake", 26.0, 9.0),
    ("weld", "Welding cell", 25.0, 14.0),
)
"""Name, model, ideal cycle in s, power while executing in kW; twice: lines 1 and 2."""

_CONTROLS = Cause(50, "controls")
_RENDERED = StreamPlan(rate=30.0, fps=60, pictures=Direction.DOWN, devices=0.027, limit=0.06)
_SHOWN = StreamPlan(rate=6.0, fps=30, pictures=Direction.UP, devices=0.1, limit=0.3)
_LESSON, _CHANGE = LogNormal(600, 0.25), Triangular(300, 600, 1500)


class AssistedCrew(Crew):
    """Technicians who call an expert to control faults; each has glasses of their own."""

    def __init__(
        self, floor: Floor, name: str, plan: CrewPlan, glasses: Sequence[Glasses], *, remote: float, alone: float
    ) -> None:
        super().__init__(floor, name, plan)
        self._free = simpy.Store(floor.env)
        self._free.items.extend(glasses)
        self._remote = remote
        self._alone = alone
        self._chance = floor.rng("crew", name, "expert")

    def attend(self, where: str, cause: str, work: float) -> Steps:
        """Wait for a technician; a control fault then takes what the expert, or the lack of one, makes of it."""
        if cause != _CONTROLS.id:
            yield from super().attend(where, cause, work)
            return
        floor, called = self._floor, self._floor.seconds()
        with_expert = self._chance.random() < self._remote
        with self._people.request() as someone:
            yield someone
            yield floor.env.timeout(self._plan.response.draw(self._rng))
            arrived = floor.seconds()
            left = (yield from self._with_expert(where, work)) if with_expert else work
            yield floor.env.timeout(left * self._alone)
        floor.record(What.REPAIR, where, cause=cause, waited=arrived - called, worked=floor.seconds() - arrived)

    def _with_expert(self, where: str, work: float) -> Generator[simpy.Event, Any, float]:
        """Hold a session; returns the seconds of work that are left to do alone."""
        glasses: Glasses = yield self._free.get()
        session = yield from glasses.work(where, work)
        yield self._free.put(glasses)
        return 0.0 if session.result is Result.COMPLETED else work * (1 - session.progress)


def build(setting: Setting) -> PlantModel:
    """Build the lines and the training bay.

    Parameters: `remote` (share of control faults with an expert), `alone` (factor on a repair
    without one).
    """
    floor = setting.floor
    remote = setting.number("remote", 1.0, high=1)
    alone = setting.number("alone", 1.8, low=1, high=20)
    for name in TRAINING:
        floor.env.process(_teach(floor, Glasses(floor, name, _RENDERED, setting.link(name)), _CHANGE))
    glasses = [Glasses(floor, name, _SHOWN, setting.link(name)) for name in MAINTENANCE]
    technicians = CrewPlan(people=len(glasses), response=Triangular(40, 90, 240))
    crew = AssistedCrew(floor, "technicians", technicians, glasses, remote=remote, alone=alone)
    logistics = Crew(floor, "logistics", CrewPlan(people=1, response=Triangular(20, 40, 90)))
    stations = [station for line in (1, 2) for station in _line(floor, line, crew, logistics)]
    return PlantModel(
        floor=floor, faces={"shop": _SHOP_FACE, "glasses": _GLASSES_FACE}, stations={s.name: s for s in stations}
    )


def _line(floor: Floor, line: int, crew: Crew, logistics: Crew) -> list[Station]:
    places = [Buffer(floor, 20), *(Buffer(floor, 8) for _ in MACHINES)]
    Supply(
        floor,
        JobPlan((("cabinet", 100), ("bracket", 100))),
        outlet=places[0],
        lot=100,
        handling=LogNormal(40, 0.3),
        crew=logistics,
    )
    stations = [
        Station(floor, f"{name}-{line}", _plan(cycle, power), inlet=places[i], outlet=places[i + 1], crew=crew)
        for i, (name, _, cycle, power) in enumerate(MACHINES)
    ]
    Shipping(floor, places[-1])
    for station in stations:
        scan(floor, station.machine, period=2.0)
    return stations


def _teach(floor: Floor, glasses: Glasses, change: Draw) -> Steps:
    """Teach one trainee after the other, as long as the shift lasts."""
    rng = floor.rng(glasses.name, "lessons")
    while True:
        yield floor.env.timeout(change.draw(rng))
        while not floor.planned:
            yield floor.opened()
        yield from glasses.work("training", _LESSON.draw(rng))


def _plan(cycle: float, power: float) -> StationPlan:
    return StationPlan(
        ideal={"": cycle},
        power=PowerDraw(off=0.05 * power, standby=0.3 * power, execute=power),
        slowness=LogNormal(1.03, 0.03),
        failures=(
            Failure(cause=_CONTROLS, every=Exponential(9_000), lasts=LogNormal(600, 0.4)),
            Failure(cause=Cause(20, "mechanical"), every=Exponential(10_800), lasts=LogNormal(300, 0.4)),
        ),
        defects={"dimension": 0.004},
        detects=0.9,
        patience=4.0,
    )


_NAMES = [(f"{name}-{line}", f"{name.capitalize()}{line}", model) for line in (1, 2) for name, model, *_ in MACHINES]

_SHOP_FACE = OpcuaLayout(
    "shop",
    tuple(variable for device, unit, _ in _NAMES for variable in unit_variables(unit, device)),
    nameplate={
        path: text for device, unit, model in _NAMES for path, text in nameplate(unit, model, device.upper()).items()
    },
)


def _messages(name: str) -> tuple[Message, ...]:
    ended = {
        "session": "session",
        "result": "result",
        "duration": "duration",
        "mtp": "mtp95",
        "freezes": "standstills",
    }
    return (
        Message(topic=f"ar/{name}/status", every=10.0, fields={k: f"{name}.{k}" for k in ("worn", "sessions")}),
        Message(topic=f"ar/{name}/stream", on=f"{name}.windows", fields={k: f"{name}.{k}" for k in ("mtp", "freezes")}),
        Message(
            topic=f"ar/{name}/session",
            on=f"{name}.sessions",
            fields={key: f"{name}.{signal}" for key, signal in ended.items()},
        ),
    )


_GLASSES_FACE = MqttLayout("glasses", tuple(m for name in (*TRAINING, *MAINTENANCE) for m in _messages(name)))
