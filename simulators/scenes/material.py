"""Material: bins from the dock to the line, known by reader, scale and call, or from paper.

    supplier ─▶ dock gate ─▶ [ store ] ─▶ aisle gate ─▶ [ lineside ] ─▶ assembler
                  │ reader, scale           │ reader, scale   │ empty: call
                  └──────────── link ───────┴─────────────────┘

Six materials, each with a place in the store and one at the line. An empty bin is a call; a
driver who knows of it brings a full one. The assembler takes one piece of each material for
every product and starves when one is missing, so a call that comes late stops the line. A
driver whom the records send to an apparently empty place has to look for the bin.

*Real-time* means: a movement is quantified in the records, or a call is on the terminal,
within `agreed` seconds of when it happened; the stock system publishes that figure, too.
*Accurate* means: the record equals the true stock at a cycle count, one place every four
minutes in turn.

Assumed, and why plausible: `agreed` 50 ms, what is left for the network when a truck passes
a 1 m gate at 2 m/s in 0.5 s, nine tenths of which reading takes; a bin stays 1 s on the scale; 50
pieces a bin and 6 s a product as in small assembly lines; a tag read rate of 99.95 %
(vendors of portals promise 99.9 % and more); a counting scale with a deviation of 18 g for
pieces of 120 g; on paper a round of 10 min, 9 s to type a card, 0.3 % of cards lost, 1 % typed wrongly.
"""

from __future__ import annotations

from collections import deque

from simulators.faces.layout import Layout, Message, Metric, MqttLayout, OpcuaLayout, SparkplugLayout
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.material_reports import GATES, ByMessage, OnPaper, Panel, Reports
from simulators.scenes.material_stock import Movement, Stock
from simulators.scenes.packml_face import nameplate, unit_variables

MATERIALS = ("housing", "board", "gasket", "screw-set", "cable", "label")
PLACES = (*(f"store-{m}" for m in MATERIALS), *(f"line-{m}" for m in MATERIALS))

_FULL = 50
_BINS_AT_LINE, _BINS_IN_STORE, _REORDER, _PALLET = 3, 8, 5, 8
_COUNT_EVERY = 240.0
_SEARCH = Triangular(60, 120, 240)


class Logistics:
    """Suppliers, store, drivers and the shelf at the line."""

    def __init__(self, floor: Floor, stock: Stock, reports: Reports, crew: Crew) -> None:
        self._floor, self._stock, self._reports, self._crew = floor, stock, reports, crew
        self._rng = floor.rng("logistics")
        self._bins = 0
        self._store: dict[str, deque[tuple[str, int]]] = {m: deque() for m in MATERIALS}
        self._line: dict[str, deque[int]] = {m: deque() for m in MATERIALS}
        self._ordered: set[str] = set()
        self._came = {m: floor.env.event() for m in MATERIALS}
        for material in MATERIALS:
            for _ in range(_BINS_IN_STORE):
                self._store[material].append(self._filled())
            self._line[material].extend(self._filled()[1] for _ in range(_BINS_AT_LINE))
            stock.begin(f"store-{material}", sum(pieces for _, pieces in self._store[material]))
            stock.begin(f"line-{material}", sum(self._line[material]))

    def feed(self, jobs: JobPlan, outlet: Buffer) -> Steps:
        """Put one piece of each material together for every product of `jobs`."""
        for part in jobs.parts():
            for material in MATERIALS:
                while not self._line[material]:
                    yield self._came[material]
                self._use(material)
            yield outlet.put(part)

    def _use(self, material: str) -> None:
        bins = self._line[material]
        bins[0] -= 1
        self._stock.use(f"line-{material}")
        if not bins[0]:
            bins.popleft()
            self._reports.emptied(material, self._called)

    def _called(self, material: str) -> None:
        self._floor.env.process(self._bring(material))

    def _bring(self, material: str) -> Steps:
        place = f"store-{material}"
        while not self._store[material]:
            yield self._floor.env.timeout(30.0)  # the driver waits for the supplier
        work = LogNormal(60, 0.3).draw(self._rng)
        if self._stock.recorded[place] < _FULL:
            work += _SEARCH.draw(self._rng)  # the records know of no full bin
        carrier, pieces = self._store[material].popleft()
        self._order(material)
        yield from self._crew.attend("line", "material", work)
        target = f"line-{material}"
        self._stock.leave(place, pieces)
        self._stock.arrive(target, pieces)
        self._pass("aisle", Movement(bin=carrier, origin=place, target=target, pieces=pieces, at=self._floor.now()))
        self._line[material].append(pieces)
        self._came[material].succeed()
        self._came[material] = self._floor.env.event()

    def _order(self, material: str) -> None:
        if len(self._store[material]) < _REORDER and material not in self._ordered:
            self._ordered.add(material)
            self._floor.env.process(self._supply(material))

    def _supply(self, material: str) -> Steps:
        yield self._floor.env.timeout(Triangular(300, 480, 720).draw(self._rng))
        for _ in range(_PALLET):
            yield self._floor.env.timeout(Triangular(4, 6, 12).draw(self._rng))
            carrier, pieces = self._filled()
            place = f"store-{material}"
            self._stock.arrive(place, pieces)
            self._pass("dock", Movement(bin=carrier, origin="", target=place, pieces=pieces, at=self._floor.now()))
            self._store[material].append((carrier, pieces))
        self._ordered.discard(material)

    def _pass(self, gate: str, movement: Movement) -> None:
        self._reports.moved(gate, movement)

    def _filled(self) -> tuple[str, int]:
        self._bins += 1
        short = int(self._rng.integers(1, 5)) if self._rng.random() < 0.15 else 0
        return f"BIN-{self._bins:06d}", _FULL - short


def build(setting: Setting) -> PlantModel:
    """Build the plant.

    Parameters: `round` (s between a runner's rounds; 0 = messages), `window` (s a bin stays on
    the scale), `agreed` (s within which an event has to be visible).
    """
    floor = setting.floor
    round_, window = setting.number("round", 0.0, high=7200), setting.number("window", 1.0, low=0.05, high=60)
    stock, panel = Stock(floor, PLACES), Panel(floor)
    floor.signals.add("stock.agreed", setting.number("agreed", 0.05, low=0.001, high=3600))
    for gate in GATES:
        floor.signals.add(f"{gate}-scale.pieces", 0)
        floor.signals.add(f"{gate}-scale.weight", 0.0, digits=3)
    reports: Reports = (
        OnPaper(floor, stock, panel, round_=round_)
        if round_
        else ByMessage(floor, stock, panel, link=setting.link, window=window)
    )
    drivers = Crew(floor, "drivers", CrewPlan(people=3, response=Triangular(5, 15, 40)))
    maintenance = Crew(floor, "maintenance", CrewPlan(people=1, response=Triangular(20, 60, 180)))
    logistics = Logistics(floor, stock, reports, drivers)
    kits, finished = Buffer(floor, 2, "assembler.kits"), Buffer(floor, 20)
    floor.env.process(logistics.feed(JobPlan((("controller-4", 400),)), kits))
    assembler = Station(floor, "assembler", _assembler(), inlet=kits, outlet=finished, crew=maintenance)
    Shipping(floor, finished)
    scan(floor, assembler.machine)
    floor.every(_COUNT_EVERY, stock.count)
    faces: dict[str, Layout] = {"assembler": _ASSEMBLER_FACE, "readers": _READERS_FACE, "scales": _SCALES_FACE}
    return PlantModel(floor=floor, faces=faces, stations={"assembler": assembler})


def _assembler() -> StationPlan:
    return StationPlan(
        ideal={"": 6.0},
        power=PowerDraw(off=0.2, standby=1.1, execute=3.4),
        slowness=LogNormal(1.03, 0.02),
        failures=(
            Failure(cause=Cause(20, "screwdriver"), every=Exponential(14_400), lasts=LogNormal(300, 0.5)),
            Failure(
                cause=Cause(30, "misfeed"), every=Exponential(1_200), lasts=Constant(10), severity=Severity.MICRO_STOP
            ),
        ),
        defects={"missing-screw": 0.003},
        detects=0.95,
        patience=3.0,
    )


_ASSEMBLER_FACE = OpcuaLayout(
    "assembler",
    unit_variables("Assembler", "assembler"),
    nameplate=nameplate("Assembler", "Assembly cell controller-4", "ASSEMBLER-0001"),
)

_READERS_FACE = SparkplugLayout(
    name="material-readers",
    group="Material",
    metrics=(
        *(
            Metric(gate, name, f"{gate}.{signal}")
            for gate in GATES
            for name, signal in (("Bin", "bin"), ("Target", "target"), ("Moves", "moves"))
        ),
        Metric("shelf", "Material", "shelf.material"),
        Metric("shelf", "Calls", "shelf.calls"),
    ),
)

_SCALES_FACE = MqttLayout(
    "scales",
    (
        *(
            Message(
                topic=f"material/{gate}/scale",
                on=f"{gate}-scale.pieces",
                fields={"pieces": f"{gate}-scale.pieces", "weight": f"{gate}-scale.weight"},
            )
            for gate in GATES
        ),
        Message(
            topic="material/count",
            on="count.recorded",
            fields={"place": "count.place", "counted": "count.counted", "recorded": "count.recorded"},
        ),
        Message(
            topic="material/stock",
            every=10.0,
            fields={"agreed": "stock.agreed", **{place: f"stock.{place}" for place in PLACES}},
        ),
    ),
)
