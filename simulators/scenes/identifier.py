"""Identifier: every product gets one, and a worker collects data under it; by handheld, or at a desk.

    blanks ─▶ [ marker ] ─▶ [ bench ] ─▶ good
                 │ register    │ resolve, then submit the product's data
                 └──── link ───┴──── resolution service

The marker engraves `88.<secondary>.<enterprise>/<code>` and registers it. At the bench a
worker inspects the product, resolves its identifier and submits what was collected. With a
handheld that is a scan and two exchanges across the link, at the bench. Without one, the
worker walks to a wired PC `desk` metres away with `batch` products at a time, and types each
identifier; the service does not know a mistyped one, so it is typed again.

Efficiency is products collected and resolved per hour of the station's planned time. The
registry is that of the real service (`simulators.identifiers`), called within the model.

Assumed, and why plausible: 20 s of inspection as at a final check of small devices; 1.2 m/s
of walking; 3 characters a second and 0.4 % of them wrong, a practised typist with a code
that means nothing; 0.8-2.5 s to aim a scanner; 3 ms in the service, many times what its
benchmark shows; a desk 12 m away as where one PC serves a bay.
"""

from __future__ import annotations

from simulators.faces.layout import Layout, Message, MqttLayout, OpcuaLayout, Variable
from simulators.identifiers import Code, Handle, Registry
from simulators.identifiers.registry import HandleValue
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan, Part, Verdict
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.network import Direction, Link
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.packml_face import nameplate, unit_variables
from simulators.truth import What

PREFIX = "88.1021.150"

_SERVICE = 0.003
_REGISTRATION, _QUESTION, _VALUES, _DATA, _RECEIPT = 500, 120, 600, 1200, 80  # octets
_INSPECTION = LogNormal(20.0, 0.25)
_AIM = Triangular(0.8, 1.2, 2.5)
_WALKING, _TYPING, _MISTYPED = 1.2, 3.0, 0.004  # m/s, characters a second, share of characters
_CONFIRM = Triangular(1.5, 2.5, 5.0)


def identifier_of(part: Part) -> str:
    """Return the identifier that a part bears."""
    return f"{PREFIX}/PL-{part.product.upper()}-{part.id}"


class Exchange:
    """Questions to the service across a link."""

    def __init__(self, setting: Setting, station: str) -> None:
        self._link: Link = setting.link(station)

    def ask(self, now: int, question: int, answer: int) -> float:
        """Return how many seconds a question of so many octets, begun at `now`, takes until its answer is here."""
        up = self._link.delivery(now, question, Direction.UP) + _SERVICE
        return up + self._link.delivery(now + round(up * 1e9), answer, Direction.DOWN)


class Marker(Station):
    """A machine that engraves and registers. Signals: `.identifier`, `.answer` (response code), `.latency` (s)."""

    def connect(self, exchange: Exchange, registry: Registry) -> None:
        """Say how the service is reached."""
        self._exchange, self._registry = exchange, registry
        signals = self.floor.signals
        self._identifier = signals.add(f"{self.name}.identifier", "")
        self._latency = signals.add(f"{self.name}.latency", 0.0, digits=5)
        self._answer = signals.add(f"{self.name}.answer", 0)

    def _content(self, part: Part) -> float:
        engraving = super()._content(part)
        latency = self._exchange.ask(self.floor.now() + round(engraving * 1e9), _REGISTRATION, _RECEIPT)
        self._latency.set(latency)
        return engraving + latency

    def _judge(self, part: Part) -> Verdict:
        name = identifier_of(part)
        answer = self._registry.register(Handle(name, (HandleValue(1, "PRODUCT", part.product),)))
        self._identifier.set(name)
        self._answer.set(int(answer.code))
        return super()._judge(part) if answer.code is Code.SUCCESS else Verdict.SCRAP


class Bench(Station):
    """A worker who collects. Signals: `.identifier`, `.answer`, `.identification` (s), `.attempts`, `.resolved`."""

    def equip(self, exchange: Exchange, registry: Registry, *, desk: float, batch: int) -> None:
        """Give the worker a handheld, or with `desk` > 0 a PC so many metres away."""
        self._exchange, self._registry = exchange, registry
        self._desk, self._batch = desk, batch
        self._served = 0
        signals = self.floor.signals
        self._identifier = signals.add(f"{self.name}.identifier", "")
        self._identification = signals.add(f"{self.name}.identification", 0.0, digits=3)
        self._attempts = signals.add(f"{self.name}.attempts", 0)
        self._answer = signals.add(f"{self.name}.answer", 0)
        self._resolved = signals.add(f"{self.name}.resolved", 0)

    def _content(self, part: Part) -> float:
        inspection = _INSPECTION.draw(self._rng)
        name = identifier_of(part)
        took, tries = self._at_desk(name) if self._desk else self._by_handheld(inspection)
        self._served += 1
        self._took, self._tries = took, tries
        return inspection + took

    def _judge(self, part: Part) -> Verdict:
        name = identifier_of(part)
        code = self._registry.resolve(name).code
        self.floor.record(What.EVENT, self.name, identifier=name, seconds=self._took, tries=self._tries)
        self._identifier.set(name)
        self._identification.set(self._took)
        self._attempts.set(int(self._attempts.true) + self._tries)
        self._answer.set(int(code))
        self._resolved.set(int(self._resolved.true) + (code is Code.SUCCESS))
        return Verdict.GOOD if code is Code.SUCCESS else Verdict.REWORK

    def _by_handheld(self, after: float) -> tuple[float, int]:
        aim = _AIM.draw(self._rng)
        began = self.floor.now() + round((after + aim) * 1e9)
        resolved = self._exchange.ask(began, _QUESTION, _VALUES)
        submitted = self._exchange.ask(began + round(resolved * 1e9), _DATA, _RECEIPT)
        return aim + resolved + submitted, 1

    def _at_desk(self, name: str) -> tuple[float, int]:
        took = 2 * self._desk / _WALKING if self._served % self._batch == 0 else 0.0
        tries = 0
        while True:
            tries += 1
            took += len(name) / _TYPING + _CONFIRM.draw(self._rng)
            if self._registry.resolve(self._typed(name)).code is Code.SUCCESS:
                return took, tries

    def _typed(self, name: str) -> str:
        wrong = self._rng.random(len(name)) < _MISTYPED
        return "".join("?" if bad else character for character, bad in zip(name, wrong, strict=True))


def build(setting: Setting) -> PlantModel:
    """Build the line. Parameters: `desk` (m to a wired PC; 0 = a handheld), `batch` (products a walk)."""
    floor = setting.floor
    desk = setting.number("desk", 0.0, high=1000)
    batch = int(setting.number("batch", 4, low=1, high=1000))
    crew = Crew(floor, "maintenance", CrewPlan(people=1, response=Triangular(20, 60, 180)))
    blanks, marked, finished = Buffer(floor, 20), Buffer(floor, 8, "bench.queue"), Buffer(floor, 20)
    jobs = JobPlan((("sensor-a", 300), ("sensor-b", 200)))
    Supply(floor, jobs, outlet=blanks, lot=500, handling=LogNormal(30, 0.3), crew=crew)
    registry = Registry(None)
    marker = Marker(floor, "marker", _marker(), inlet=blanks, outlet=marked, crew=crew)
    marker.connect(Exchange(setting, "marker"), registry)
    bench = Bench(floor, "bench", _bench(), inlet=marked, outlet=finished, crew=crew)
    bench.equip(Exchange(setting, "bench"), registry, desk=desk, batch=batch)
    Shipping(floor, finished)
    for station in (marker, bench):
        scan(floor, station.machine)
    faces: dict[str, Layout] = {"marker": _MARKER_FACE, "bench": _BENCH_FACE}
    return PlantModel(floor=floor, faces=faces, stations={"marker": marker, "bench": bench})


def _marker() -> StationPlan:
    return StationPlan(
        ideal={"": 9.0},
        power=PowerDraw(off=0.1, standby=0.5, execute=1.8),
        slowness=LogNormal(1.02, 0.02),
        failures=(
            Failure(cause=Cause(20, "laser"), every=Exponential(28_800), lasts=LogNormal(420, 0.5)),
            Failure(
                cause=Cause(30, "focus"), every=Exponential(1_800), lasts=Constant(8), severity=Severity.MICRO_STOP
            ),
        ),
        patience=3.0,
    )


def _bench() -> StationPlan:
    return StationPlan(ideal={"": 20.0}, power=PowerDraw(off=0.02, standby=0.05, execute=0.08), patience=4.0)


_MARKER_FACE = OpcuaLayout(
    "marker",
    (
        *unit_variables("Marker", "marker"),
        Variable("Marker.Identifier.Handle", "marker.identifier"),
        Variable("Marker.Identifier.ResponseCode", "marker.answer"),
        Variable("Marker.Identifier.Latency", "marker.latency"),
    ),
    nameplate=nameplate("Marker", "Laser marker 20 W", "MARKER-0001"),
)

_BENCH_FACE = MqttLayout(
    "bench",
    (
        Message(
            topic="identifier/bench/status",
            every=1.0,
            fields={
                "state": "bench.state",
                "cause": "bench.cause",
                "total": "bench.total",
                "good": "bench.good",
                "rework": "bench.rework",
                "queue": "bench.queue",
                "power": "bench.power",
                "energy": "bench.energy",
            },
        ),
        Message(
            topic="identifier/bench/collected",
            on="bench.resolved",
            fields={
                "identifier": "bench.identifier",
                "answer": "bench.answer",
                "seconds": "bench.identification",
                "attempts": "bench.attempts",
                "resolved": "bench.resolved",
            },
        ),
    ),
)
