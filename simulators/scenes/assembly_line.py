"""A small assembly line: a press, a conveyor with an energy meter, a camera that judges.

    blanks ─▶ [ press ] ─▶ ═══ conveyor ═══ ─▶ [ vision ] ─▶ good
               OPC UA          Modbus             MQTT    └─▶ scrap · rework bench ─┐
                                 ▲                                                  │
                                 └──────────────────────────────────────────────────┘

Two products share the line; the press is set up for each. Assumed figures are those of a
light automatic press cell: 4 s a stroke, a breakdown every two hours of work, a jam every
twelve minutes, one percent of defects that grows with the wear of the die.
"""

from __future__ import annotations

from configs.sources import ModbusAddress, ModbusFormat, ModbusTable
from simulators.faces.layout import Message, ModbusLayout, MqttLayout, OpcuaLayout, Register, Variable
from simulators.kernel.conveyor import Conveyor
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular, Weibull
from simulators.kernel.floor import Floor
from simulators.kernel.inspection import Eyes, Inspection
from simulators.kernel.instruments import Gauge, Thermometer, scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.packml_face import nameplate, unit_variables

HOUR, MINUTE = 3600.0, 60.0


def build(setting: Setting) -> PlantModel:
    """Build the line. Parameters: `maintainers`, `failure-factor` (on time between failures), `lot`."""
    floor = setting.floor
    people = int(setting.number("maintainers", 1, low=1, high=20))
    reliability = setting.number("failure-factor", 1.0, low=0.01, high=100)
    lot = int(setting.number("lot", 600, low=1, high=100_000))
    maintenance = Crew(floor, "maintenance", CrewPlan(people=people, response=Triangular(20, 60, 180)))
    operators = Crew(floor, "operators", CrewPlan(people=1, response=Triangular(5, 15, 60)))
    blanks, belt = Buffer(floor, 60, "press.magazine"), Buffer(floor, 14, "conveyor.level")
    queue, finished = Buffer(floor, 4, "vision.queue"), Buffer(floor, 50)
    supply = JobPlan((("bracket-a", lot), ("bracket-b", lot // 2 or 1)))
    Supply(floor, supply, outlet=blanks, lot=120, handling=LogNormal(70, 0.4), crew=operators)
    press = Station(floor, "press", _press(reliability), inlet=blanks, outlet=belt, crew=maintenance)
    conveyor = Conveyor(
        floor,
        "conveyor",
        _conveyor(reliability),
        transit=24.0,
        speed=0.25,
        inlet=belt,
        outlet=queue,
        crew=maintenance,
    )
    vision = Inspection(floor, "vision", _vision(reliability), _EYES, inlet=queue, outlet=finished, crew=operators)
    Shipping(floor, finished)
    _instruments(floor, press, conveyor, vision)
    return PlantModel(
        floor=floor,
        faces={"press": _PRESS_FACE, "plc": _PLC_FACE, "vision": _VISION_FACE},
        stations={s.name: s for s in (press, conveyor, vision)},
    )


# ---------------------------------------------------------------------------- stations
def _press(reliability: float) -> StationPlan:
    return StationPlan(
        ideal={"bracket-a": 4.0, "bracket-b": 4.6},
        power=PowerDraw(off=0.12, standby=1.8, execute=11.5),
        slowness=LogNormal(1.06, 0.03),
        failures=(
            Failure(
                cause=Cause(20, "hydraulic-pressure"),
                every=Weibull(3.2 * HOUR * reliability, 1.4),
                lasts=LogNormal(11 * MINUTE, 0.6),
            ),
            Failure(
                cause=Cause(21, "die-sensor"),
                every=Exponential(4.5 * HOUR * reliability),
                lasts=LogNormal(5 * MINUTE, 0.5),
            ),
            Failure(
                cause=Cause(30, "misfeed"),
                every=Exponential(12 * MINUTE * reliability),
                lasts=LogNormal(14, 0.5),
                severity=Severity.MICRO_STOP,
            ),
        ),
        setup=LogNormal(4 * MINUTE, 0.25),
        defects={"crack": 0.004, "burr": 0.008},
        detects=0.25,
        warm_up=8,
        warm_up_factor=8.0,
    )


def _conveyor(reliability: float) -> StationPlan:
    return StationPlan(
        ideal={"": 2.0},
        power=PowerDraw(off=0.03, standby=0.15, execute=0.75),
        failures=(
            Failure(
                cause=Cause(40, "motor-overload"),
                every=Exponential(9 * HOUR * reliability),
                lasts=LogNormal(8 * MINUTE, 0.5),
            ),
            Failure(
                cause=Cause(41, "part-skewed"),
                every=Exponential(35 * MINUTE * reliability),
                lasts=LogNormal(20, 0.4),
                severity=Severity.MICRO_STOP,
            ),
        ),
        patience=5.0,
    )


def _vision(reliability: float) -> StationPlan:
    return StationPlan(
        ideal={"": 2.5},
        power=PowerDraw(off=0.05, standby=0.22, execute=0.34),
        slowness=LogNormal(1.1, 0.05),
        failures=(
            Failure(
                cause=Cause(50, "lens-dirty"),
                every=Exponential(3 * HOUR * reliability),
                lasts=Constant(45),
                severity=Severity.MICRO_STOP,
            ),
        ),
        defects={"scratch": 0.002},
        patience=6.0,
    )


_EYES = Eyes(
    misses={"crack": 0.03, "": 0.01},
    false_alarms=0.002,
    repairable=0.35,
    bench=LogNormal(90, 0.4),
)


def _instruments(floor: Floor, press: Station, conveyor: Conveyor, vision: Inspection) -> None:
    scan(
        floor,
        press.machine,
        (
            Gauge(floor, "press.force", idle=0.0, busy=412.0, noise=4.0, digits=1),
            Thermometer(floor, "press.oil", idle=31.0, busy=52.0, lag=900.0, noise=0.15),
        ),
    )
    scan(
        floor,
        conveyor.machine,
        (
            Thermometer(floor, "conveyor.motor", idle=24.0, busy=58.0, lag=420.0, noise=0.2),
            Gauge(floor, "conveyor.voltage", idle=231.0, busy=229.5, noise=0.7, digits=1),
        ),
    )
    scan(floor, vision.machine, (Thermometer(floor, "vision.light", idle=26.0, busy=41.0, lag=300.0, noise=0.1),))


# ------------------------------------------------------------------------------- faces
_PRESS_FACE = OpcuaLayout(
    "press",
    (
        *unit_variables("Press", "press"),
        Variable("Press.Process.Force", "press.force"),
        Variable("Press.Process.OilTemperature", "press.oil"),
        Variable("Press.Process.MagazineLevel", "press.magazine"),
    ),
    nameplate=nameplate("Press", "Servo press 400 kN", "PRESS-0001"),
)

_F = ModbusFormat
_HOLDING, _INPUT = ModbusTable.HOLDING, ModbusTable.INPUT


def _register(signal: str, table: ModbusTable, register: int, **coding: object) -> Register:
    return Register(signal, ModbusAddress.model_validate({"table": table, "register": register, **coding}))


# Two units on one line, as delivered: a PLC that swaps words, and a meter that swaps everything.
_PLC_FACE = ModbusLayout(
    "plc",
    (
        _register("conveyor.state", _HOLDING, 0, format=_F.UINT16),
        _register("conveyor.reason", _HOLDING, 1, format=_F.UINT16),
        _register("conveyor.speed", _HOLDING, 2, format=_F.INT16, scale=0.001),
        _register("conveyor.motor", _HOLDING, 3, format=_F.INT16, scale=0.1),
        _register("conveyor.level", _HOLDING, 4, format=_F.UINT16),
        _register("conveyor.total", _HOLDING, 10, format=_F.UINT32, order="CDAB"),
        _register("conveyor.good", _HOLDING, 12, format=_F.UINT32, order="CDAB"),
        _register("conveyor.product", _HOLDING, 20, format=_F.STRING, length=8),
        _register("conveyor.running", ModbusTable.COIL, 0, format=_F.BIT),
        _register("conveyor.running", _HOLDING, 30, format=_F.BIT, bit=5),
        _register("conveyor.power", _INPUT, 0, unit=2, format=_F.FLOAT32, order="CDAB"),
        _register("conveyor.voltage", _INPUT, 2, unit=2, format=_F.UINT16, scale=0.1),
        _register("conveyor.energy", _INPUT, 4, unit=2, format=_F.UINT32, order="DCBA", scale=0.001),
        _register("conveyor.energy", _INPUT, 8, unit=2, format=_F.FLOAT64, order="CDAB"),
    ),
)

_VISION_FACE = MqttLayout(
    "vision",
    (
        Message(
            topic="cell/vision/status",
            every=1.0,
            fields={
                "state": "vision.state",
                "cause": "vision.cause",
                "inspected": "vision.total",
                "good": "vision.good",
                "scrap": "vision.reject",
                "rework": "vision.rework",
                "queue": "vision.queue",
                "power": "vision.power",
                "energy": "vision.energy",
                "temperature": "vision.light",
                "product": "vision.product",
            },
        ),
        Message(
            topic="cell/vision/result",
            on="vision.result",
            fields={
                "part": "vision.part",
                "verdict": "vision.verdict",
                "defect": "vision.defect",
                "confidence": "vision.confidence",
                "cycle": "vision.cycle",
            },
        ),
    ),
)
