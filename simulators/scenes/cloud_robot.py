"""Cloud robots: three assembly robots whose eyes are on the wrist and whose brain is across the link.

    feeder ─▶ [ place ] ─▶ [ press-in ] ─▶ [ fasten ] ─▶ out
                 │ frame ▲ decision      each decision: look ─▶ up ─▶ infer ─▶ down ─▶ act
                 └─ link ─┘ cloud

Parts hang in compliant carriers and never quite rest, so the pose a robot acts on is as old
as the frame it was seen in: an older decision misses by more. A decision acted on outside
the tolerance touches; the force limit stops the robot before anything breaks, and somebody
checks it when it was far off. A decision that has not come by `patience` is not acted on at
all. See `cloud_robot_mind` for the decision itself.

Assumed, and why plausible: a compressed colour-and-depth frame of 0.8 MB (1280 × 720,
16-bit depth); 60 ms of inference on a shared GPU; carriers that move 4 mm/s rms with a
memory of 0.8 s; a chamfer that forgives 2 mm; robots wait half a second at most; 9-11 s an
assembly step, each of which takes three to four decisions; robots change grippers themselves.
"""

from __future__ import annotations

from simulators.faces.layout import Message, MqttLayout, OpcuaLayout
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Steps
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.cloud_robot_mind import Mind, MindPlan, Outcome
from simulators.scenes.packml_face import nameplate, unit_variables

ROBOTS: tuple[tuple[str, str, dict[str, float], int], ...] = (
    ("place", "Robot 1, places the gearbox housing", {"gearbox-s": 9.0, "gearbox-l": 10.0}, 3),
    ("press-in", "Robot 2, presses the bearings in", {"gearbox-s": 9.5, "gearbox-l": 11.0}, 4),
    ("fasten", "Robot 3, drives the screws", {"gearbox-s": 9.0, "gearbox-l": 10.5}, 4),
)
"""Name, what it is, ideal cycle in s by product, decisions a part."""

_STOPS = {
    Outcome.TOUCHED: Failure(
        cause=Cause(70, "contact"), every=Constant(0), lasts=Triangular(2, 3, 5), severity=Severity.MICRO_STOP
    ),
    Outcome.FAR_OFF: Failure(cause=Cause(71, "collision-avoided"), every=Constant(0), lasts=Triangular(30, 60, 120)),
    Outcome.TOO_LATE: Failure(
        cause=Cause(72, "no-decision"), every=Constant(0), lasts=Constant(0.5), severity=Severity.MICRO_STOP
    ),
}


class CloudRobot(Station):
    """A station that asks the cloud before each step of its work."""

    def think_with(self, mind: Mind, decisions: int) -> None:
        """Say who decides, and how often a part."""
        self._mind = mind
        self._decisions = decisions

    def _work(self, seconds: float) -> Steps:
        for _ in range(self._decisions):
            yield from self._decide()
            yield from super()._work(seconds / self._decisions)

    def _decide(self) -> Steps:
        outcome = None
        while outcome is not Outcome.DONE:
            outcome = yield from self._mind.decide()
            if outcome in _STOPS:
                yield from self._fail(_STOPS[outcome])


def build(setting: Setting) -> PlantModel:
    """Build the line.

    Parameters: `frame` (MB a perception frame), `inference` (s), `motion` (mm/s rms of a part in
    its carrier), `tolerance` (mm), `patience` (s a robot waits for a decision).
    """
    floor = setting.floor
    plan = MindPlan(
        frame=round(setting.number("frame", 0.8, high=1000) * 1e6),
        inference=LogNormal(setting.number("inference", 0.06, low=1e-3, high=10), 0.15),
        motion=setting.number("motion", 4.0, high=1000),
        tolerance=setting.number("tolerance", 2.0, low=0.01, high=100),
        patience=setting.number("patience", 0.5, low=0.01, high=60),
    )
    crew = Crew(floor, "maintenance", CrewPlan(people=1, response=Triangular(20, 45, 120)))
    logistics = Crew(floor, "logistics", CrewPlan(people=1, response=Triangular(5, 15, 60)))
    places = [Buffer(floor, 30), *(Buffer(floor, 2) for _ in ROBOTS[1:]), Buffer(floor, 20)]
    jobs = JobPlan((("gearbox-s", 60), ("gearbox-l", 40)))
    Supply(floor, jobs, outlet=places[0], lot=100, handling=LogNormal(40, 0.3), crew=logistics)
    stations = []
    for i, (name, _, ideal, decisions) in enumerate(ROBOTS):
        robot = CloudRobot(floor, name, _plan(ideal), inlet=places[i], outlet=places[i + 1], crew=crew)
        robot.think_with(Mind(floor, name, plan, setting.link(name)), decisions)
        scan(floor, robot.machine)
        stations.append(robot)
    Shipping(floor, places[-1])
    return PlantModel(
        floor=floor, faces={"cell": _CELL_FACE, "minds": _MINDS_FACE}, stations={s.name: s for s in stations}
    )


def _plan(ideal: dict[str, float]) -> StationPlan:
    return StationPlan(
        ideal=ideal,
        power=PowerDraw(off=0.2, standby=0.6, execute=2.4),
        slowness=LogNormal(1.02, 0.02),
        failures=(Failure(cause=Cause(20, "gripper"), every=Exponential(14_400), lasts=LogNormal(300, 0.5)),),
        defects={"misfit": 0.001},
        detects=0.9,
        patience=4.0,
    )


def _unit(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


_CELL_FACE = OpcuaLayout(
    "cell",
    tuple(variable for name, *_ in ROBOTS for variable in unit_variables(_unit(name), name)),
    nameplate={
        path: text
        for name, model, *_ in ROBOTS
        for path, text in nameplate(_unit(name), model, f"{name.upper()}-0001").items()
    },
)

_MINDS_FACE = MqttLayout(
    "minds",
    tuple(
        Message(
            topic=f"cell/{name}/decision",
            on=f"{name}.decisions",
            fields={key: f"{name}.{key}" for key in ("decision", "reference", "age", "decisions", "late")},
        )
        for name, *_ in ROBOTS
    ),
)
