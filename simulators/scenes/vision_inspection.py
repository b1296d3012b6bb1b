"""Vision inspection: large images go to an edge server, and what it sees steers the process.

    [ mould ] ─▶ queue ─▶ [ camera ] ── image ──▶ edge server ── verdict ──▶ good, rework or scrap
        ▲                                              │
        └───────────── correction ◀────────────────────┘

A part can be sorted only when its verdict is back, so the time of an inspection is taking
the image, sending it up at the link's throughput, inferring, and the verdict's way down.
Where that is longer than the mould's takt, the queue fills and the mould waits. The mould
drifts; the server asks for a correction when too many of the last parts were defective, so
the later the verdicts come, the more parts the drift has spoiled by then.

An audit station measures every part again, a few seconds later, and publishes what it
really is beside what the camera made of it: misjudgement is the share of parts at which the
two disagree.

Assumed, and why plausible: 12 MB an image (a 12-megapixel sensor, 8 bit, raw), a takt of
1.6 s (a two-cavity mould for small parts), 0.12 s of inference on a GPU; misses and false
alarms of a well-trained classifier; an audit of every part, as is usual while a classifier
is being accepted. Only `image` (4-20 MB) is to be varied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from plant.clock import SECOND
from simulators.faces.layout import Message, MqttLayout, OpcuaLayout, StampLayout, Variable
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Floor
from simulators.kernel.inspection import Eyes, Inspection
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.parts import Buffer, JobPlan, Part, Verdict
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.network import Direction, Link
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.packml_face import nameplate, unit_variables
from simulators.truth import What

_EXPOSURE, _INFERENCE = Triangular(0.15, 0.2, 0.3), LogNormal(0.12, 0.2)
_VERDICT = 400  # octets
_PATIENCE = 60.0  # seconds; a part nobody judged by then is rejected, for nobody knows that it is good
_WATCHED, _TOO_MANY = 25, 4
_AUDIT = 5.0
_DRIFT = 0.1  # deviation of a random step per part, in units in which 1 doubles the defects


class Audit:
    """Measures judged parts again. Signals: `.part`, `.verdict` (the camera's), `.reference`, `.audited`, set last."""

    def __init__(self, floor: Floor, name: str) -> None:
        self._floor = floor
        self._part = floor.signals.add(f"{name}.part", "")
        self._verdict = floor.signals.add(f"{name}.verdict", "")
        self._reference = floor.signals.add(f"{name}.reference", "")
        self._audited = floor.signals.add(f"{name}.audited", 0)

    def examine(self, part: Part, verdict: Verdict) -> None:
        """Measure a part as it is now; a rework later on is another inspection."""
        serial, reference = part.id, "defective" if part.defect else "good"

        def publish() -> None:
            self._part.set(serial)
            self._verdict.set(str(verdict))
            self._reference.set(reference)
            self._audited.set(int(self._audited.true) + 1)

        self._floor.at(self._floor.seconds() + _AUDIT, publish)


class DriftingMould(Station):
    """A mould whose process wanders until it is corrected. Signals: `.offset`, `.corrections`."""

    offset = 0.0

    def correct(self) -> None:
        """Bring the process back to where it should be."""
        self.floor.record(What.EVENT, self.name, correction=self.offset)
        self.offset = 0.0
        corrections = self.floor.signals[f"{self.name}.corrections"]
        corrections.set(int(corrections.true) + 1)

    def _wear_in(self, part: Part) -> None:
        self.offset += _DRIFT * float(self._rng.standard_normal())
        self.floor.signals[f"{self.name}.offset"].set(self.offset)
        self.defect_factor = 1.0 + self.offset**2
        super()._wear_in(part)


class RemoteInspection(Inspection):
    """An inspection whose judgement is made across a link. Signals: `.image` (octets), `.upload`, `.wait` (s)."""

    def connect(self, link: Link, *, octets: int, on_drift: Callable[[], None], audit: Audit) -> None:
        """Say how images reach the server, whom it tells that the process drifts, and who measures parts again."""
        self._link = link
        self._octets = octets
        self._on_drift = on_drift
        self._audit = audit
        self._heard = True
        self._recent: deque[bool] = deque(maxlen=_WATCHED)
        signals = self.floor.signals
        self._image = signals.add(f"{self.name}.image", octets)
        self._upload = signals.add(f"{self.name}.upload", 0.0, digits=4)
        self._wait = signals.add(f"{self.name}.wait", 0.0, digits=4)

    def _content(self, part: Part) -> float:
        del part
        exposure = _EXPOSURE.draw(self._sight)
        upload, answer = self._ask(self.floor.now() + round(exposure * SECOND))
        self._heard = answer <= _PATIENCE
        waited = min(answer, _PATIENCE)
        self._image.set(self._octets)
        self._upload.set(min(upload, _PATIENCE))
        self._wait.set(waited)
        return exposure + waited

    def _ask(self, sent: int) -> tuple[float, float]:
        """Return the seconds until the server has the image, and until the camera has the verdict."""
        inference = _INFERENCE.draw(self._sight)
        try:
            upload = self._link.delivery(sent, self._octets, Direction.UP)
            judged = sent + round((upload + inference) * SECOND)
            return upload, upload + inference + self._link.delivery(judged, _VERDICT, Direction.DOWN)
        except TimeoutError:
            return inf, inf

    def _judge(self, part: Part) -> Verdict:
        verdict = super()._judge(part)
        if self._heard:
            return verdict
        self._shown_verdict.set(str(Verdict.SCRAP))
        self._shown_defect.set("no-verdict")
        self._shown_confidence.set(0.0)
        return Verdict.SCRAP

    def _count(self, part: Part, verdict: Verdict) -> None:
        self._audit.examine(part, verdict)
        self._recent.append(verdict is not Verdict.GOOD)
        super()._count(part, verdict)
        if sum(self._recent) >= _TOO_MANY:
            self._recent.clear()
            self._on_drift()


def build(setting: Setting) -> PlantModel:
    """Build the cell. Parameter: `image` in MB."""
    floor = setting.floor
    megabytes = setting.number("image", 12.0, low=0.01, high=100)
    crew = Crew(floor, "operators", CrewPlan(people=2, response=Triangular(10, 30, 90)))
    granules, queue, finished = Buffer(floor, 40), Buffer(floor, 6, "camera.queue"), Buffer(floor, 40)
    Supply(floor, JobPlan((("cap-38", 2000),)), outlet=granules, lot=2000, handling=LogNormal(20, 0.3), crew=crew)
    mould = DriftingMould(floor, "mould", _mould(), inlet=granules, outlet=queue, crew=crew)
    floor.signals.add("mould.offset", 0.0, digits=3)
    floor.signals.add("mould.corrections", 0)
    camera = RemoteInspection(floor, "camera", _camera(), _EYES, inlet=queue, outlet=finished, crew=crew)
    link, audit = setting.link("camera"), Audit(floor, "audit")
    camera.connect(link, octets=round(megabytes * 1e6), on_drift=mould.correct, audit=audit)
    Shipping(floor, finished)
    for station in (mould, camera):
        scan(floor, station.machine)
    floor.signals.add("camera.reflector", initial=True)
    radio = StampLayout("camera-radio", link.twin(), "camera.reflector")
    return PlantModel(
        floor=floor,
        faces={"mould": _MOULD_FACE, "camera": _CAMERA_FACE, "audit": _AUDIT_FACE, "camera-radio": radio},
        stations={"mould": mould, "camera": camera},
    )


def _mould() -> StationPlan:
    return StationPlan(
        ideal={"": 1.6},
        power=PowerDraw(off=0.5, standby=6.0, execute=21.0),
        slowness=LogNormal(1.02, 0.01),
        failures=(
            Failure(cause=Cause(20, "heater-band"), every=Exponential(21_600), lasts=LogNormal(480, 0.5)),
            Failure(
                cause=Cause(30, "ejector-stuck"),
                every=Exponential(1_500),
                lasts=Constant(12),
                severity=Severity.MICRO_STOP,
            ),
        ),
        defects={"short-shot": 0.004, "flash": 0.006},
        warm_up=10,
        warm_up_factor=6.0,
        patience=3.0,
    )


def _camera() -> StationPlan:
    return StationPlan(ideal={"": 0.6}, power=PowerDraw(off=0.1, standby=0.3, execute=0.5), patience=4.0)


_EYES = Eyes(misses={"": 0.002}, false_alarms=0.00004, repairable=0.3, bench=LogNormal(45, 0.3))

_MOULD_FACE = OpcuaLayout(
    "mould",
    (
        *unit_variables("Mould", "mould"),
        Variable("Mould.Process.Corrections", "mould.corrections"),
    ),
    nameplate=nameplate("Mould", "Injection mould 2-cavity", "MOULD-0001"),
)

_CAMERA_FACE = MqttLayout(
    "camera",
    (
        Message(
            topic="inspection/camera/status",
            every=1.0,
            fields={
                "state": "camera.state",
                "cause": "camera.cause",
                "inspected": "camera.total",
                "good": "camera.good",
                "scrap": "camera.reject",
                "rework": "camera.rework",
                "cycle": "camera.cycle",
                "product": "camera.product",
                "job": "camera.job",
                "queue": "camera.queue",
                "power": "camera.power",
                "energy": "camera.energy",
            },
        ),
        Message(
            topic="inspection/camera/result",
            on="camera.result",
            fields={
                "part": "camera.part",
                "verdict": "camera.verdict",
                "defect": "camera.defect",
                "confidence": "camera.confidence",
                "image": "camera.image",
                "upload": "camera.upload",
                "wait": "camera.wait",
            },
        ),
    ),
)

_AUDIT_FACE = MqttLayout(
    "audit",
    (
        Message(
            topic="inspection/audit/result",
            on="audit.audited",
            fields={
                "part": "audit.part",
                "verdict": "audit.verdict",
                "reference": "audit.reference",
                "audited": "audit.audited",
            },
        ),
    ),
)
