"""Wireless control: a coating line whose drive, tank and dryer are controlled across a link.

    panels ─▶ [ coater: speed · level · temperature ] ─▶ good, or scrap
                    │ samples ▲ commands
                    └── link ─┘ controller

What the link does to the line, and nothing else does: a late or lost command leaves the
last one in force while the load changes, so the value strays; a panel coated outside its
tolerance is scrap; an actuator that hears nothing for `hold` stops the line, which spoils
the panel in it and takes a restart. Efficiency is good panels per hour of planned time.

Assumed, and why plausible: a drive controlled every 50 ms (drives over industrial Ethernet
run at 4-32 ms; over radio, 50 ms is what vendors of wireless I/O offer), a level every
200 ms, a dryer every 500 ms; a safety time-out of six drive cycles.
"""

from __future__ import annotations

from configs.sources import ModbusAddress, ModbusFormat, ModbusTable
from simulators.faces.layout import ModbusLayout, OpcuaLayout, Register, StampLayout, Variable
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Steps
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan, Part, Verdict
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.network.route import Beside
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.control_loop import ControlLoop, LoopPlan
from simulators.scenes.packml_face import nameplate, unit_variables

PRODUCT_TOLERANCE = {"speed": 0.06, "level": 0.08, "dryer": 0.03}
"""Relative deviation that a panel stands while it is coated."""

LOOPS = (
    LoopPlan(
        name="speed",
        setpoint=18.0,
        tolerance=0.03,
        cycle=0.05,
        lag=0.5,
        gain=2.2,
        reset=0.6,
        load=0.03,
        load_lag=1.5,
        step=0.12,
        step_every=45.0,
        hold=0.3,
    ),
    LoopPlan(
        name="level",
        setpoint=240.0,
        tolerance=0.04,
        cycle=0.2,
        lag=9.0,
        self_regulating=False,
        gain=4.0,
        reset=12.0,
        load=0.06,
        load_lag=5.0,
        step=0.12,
        step_every=120.0,
        hold=2.0,
    ),
    LoopPlan(
        name="dryer",
        setpoint=145.0,
        tolerance=0.015,
        cycle=0.5,
        lag=35.0,
        gain=9.0,
        reset=30.0,
        load=0.03,
        load_lag=20.0,
        step=0.06,
        step_every=400.0,
        hold=5.0,
    ),
)


class Coater(Station):
    """A station whose pace and quality are those of its control loops."""

    loops: tuple[ControlLoop, ...] = ()
    _marked = False

    def _content(self, part: Part) -> float:
        for loop in self.loops:
            loop.take_worst()
        self._marked = False
        # The panel has to pass the coating head; the drive's speed now decides how long that takes.
        return self.plan.ideal_of(part.product) / max(0.3, self.loops[0].x)

    def _judge(self, part: Part) -> Verdict:
        spoiled = [loop.plan.name for loop in self.loops if loop.take_worst() > PRODUCT_TOLERANCE[loop.plan.name]]
        if self._marked or spoiled:
            part.defect = "stop-mark" if self._marked else f"{spoiled[0]}-deviation"
        return Verdict.SCRAP if part.defect else Verdict.GOOD

    def _fail(self, failure: Failure) -> Steps:
        self._marked = True
        yield from super()._fail(failure)


def build(setting: Setting) -> PlantModel:
    """Build the line.

    Parameters: `restart` (factor on the time a stop for lack of commands takes), `local` (1 = the
    controllers stand in the machine, and the link carries no command).
    """
    floor = setting.floor
    restart = setting.number("restart", 1.0, low=0.1, high=20)
    local = setting.number("local", 0, high=1) > 0
    blind = Failure(
        cause=Cause(70, "command-timeout"),
        every=Constant(0),
        lasts=Triangular(2.0 * restart, 3.0 * restart, 5.0 * restart),
        severity=Severity.MICRO_STOP,
    )
    crew = Crew(floor, "maintenance", CrewPlan(people=1, response=Triangular(20, 60, 180)))
    blanks, finished = Buffer(floor, 40, "coater.magazine"), Buffer(floor, 40)
    Supply(floor, JobPlan((("panel-600", 400),)), outlet=blanks, lot=400, handling=LogNormal(40, 0.3), crew=crew)
    coater = Coater(floor, "coater", _coater(), inlet=blanks, outlet=finished, crew=crew)
    Shipping(floor, finished)
    links = {plan.name: setting.link(plan.name) for plan in LOOPS}
    coater.loops = tuple(
        ControlLoop(floor, plan, Beside() if local else links[plan.name], on_blind=lambda: coater.jam(blind))
        for plan in LOOPS
    )
    scan(floor, coater.machine)
    for loop in coater.loops:
        floor.every(1.0, loop.show)
        floor.every(60.0, loop.note)
    floor.signals.add("speed.reflector", initial=True)
    radio = StampLayout("drive-radio", links["speed"].twin(), "speed.reflector")
    return PlantModel(
        floor=floor,
        faces={"coater": _COATER_FACE, "plc": _PLC_FACE, "drive-radio": radio},
        stations={"coater": coater},
    )


def _coater() -> StationPlan:
    return StationPlan(
        ideal={"": 4.0},
        power=PowerDraw(off=0.4, standby=9.0, execute=24.0),
        failures=(Failure(cause=Cause(20, "nozzle"), every=Exponential(14_400), lasts=LogNormal(420, 0.5)),),
        patience=3.0,
    )


_COATER_FACE = OpcuaLayout(
    "coater",
    (*unit_variables("Coater", "coater"), Variable("Coater.Process.MagazineLevel", "coater.magazine")),
    nameplate=nameplate("Coater", "Curtain coater 600", "COATER-0001"),
)


def _loop_registers(loop: str, unit: int) -> tuple[Register, ...]:
    """Map one loop: each is a unit of its own with the same registers."""
    codings: tuple[tuple[str, int, ModbusFormat], ...] = (
        ("pv", 0, ModbusFormat.FLOAT32),
        ("sp", 2, ModbusFormat.FLOAT32),
        ("round-trip", 4, ModbusFormat.FLOAT32),
        ("tolerance", 6, ModbusFormat.FLOAT32),
        ("deadline", 8, ModbusFormat.FLOAT32),
        ("cycles", 10, ModbusFormat.UINT32),
        ("late", 12, ModbusFormat.UINT32),
        ("correct", 14, ModbusFormat.UINT32),
    )
    return tuple(
        Register(
            f"{loop}.{signal}",
            ModbusAddress.model_validate(
                {"unit": unit, "table": ModbusTable.INPUT, "register": at, "format": form, "order": "CDAB"}
            ),
        )
        for signal, at, form in codings
    )


_PLC_FACE = ModbusLayout("plc", tuple(r for unit, p in enumerate(LOOPS, 1) for r in _loop_registers(p.name, unit)))
