"""Vision inspection: large images go to an edge server, and what it sees steers the process.

    [ mould ] ─▶ queue ─▶ [ camera ] ── image ──▶ edge server ── verdict ──▶ good, rework or scrap
        ▲                                              │
        └───────────── correction ◀────────────────────┘

A part can be sorted only when its verdict is back, so the time of an inspection is taking
the image, sending it up at the link's throughput, inferring, and the verdict's way down.
Where that is longer than the mould's takt, the queue fills and the mould waits. The mould
drifts; the server asks for a correction when too many of the last parts were defective, so
the later the verdicts come, the more parts the drift has spoiled by then.

An audit measures every part afterwards and publishes what it really is: misjudgement is
the share of parts at which camera and audit disagree.

Assumed, and why plausible: 12 MB an image (a 12-megapixel sensor, 8 bit, raw), a takt of
1.6 s (a two-cavity mould for small parts), 0.12 s of inference on a GPU; misses and false
alarms of a well-trained classifier. Only `image` (4-20 MB) is to be varied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simulators.faces.layout import Message, MqttLayout, OpcuaLayout, Variable
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
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
_WATCHED, _TOO_MANY = 25, 4
_DRIFT = 0.1  # deviation of a random step per part, in units in which 1 doubles the defects


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
    """An inspection whose judgement is made across a link. Signals: `.upload`, `.wait` (s), `.reference`."""

    def connect(self, link: Link, *, octets: int, on_drift: Callable[[], None]) -> None:
        """Say how images reach the server, and whom it tells that the process drifts."""
        self._link = link
        self._octets = octets
        self._on_drift = on_drift
        self._recent: deque[bool] = deque(maxlen=_WATCHED)
        signals = self.floor.signals
        self._upload = signals.add(f"{self.name}.upload", 0.0, digits=4)
        self._wait = signals.add(f"{self.name}.wait", 0.0, digits=4)
        self._reference = signals.add(f"{self.name}.reference", "")

    def _content(self, part: Part) -> float:
        del part
        exposure = _EXPOSURE.draw(self._sight)
        sent = self.floor.now() + round(exposure * 1e9)
        upload = self._link.delivery(sent, self._octets, Direction.UP)
        inference = _INFERENCE.draw(self._sight)
        judged = sent + round((upload + inference) * 1e9)
        back = self._link.delivery(judged, _VERDICT, Direction.DOWN)
        self._upload.set(upload)
        self._wait.set(upload + inference + back)
        return exposure + upload + inference + back

    def _count(self, part: Part, verdict: Verdict) -> None:
        self._reference.set("defective" if part.defect else "good")
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
    camera.connect(setting.link("camera"), octets=round(megabytes * 1e6), on_drift=mould.correct)
    Shipping(floor, finished)
    for station in (mould, camera):
        scan(floor, station.machine)
    return PlantModel(
        floor=floor,
        faces={"mould": _MOULD_FACE, "camera": _CAMERA_FACE},
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
    (*unit_variables("Mould", "mould"), Variable("Mould.Process.Corrections", "mould.corrections")),
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
                "upload": "camera.upload",
                "wait": "camera.wait",
                "reference": "camera.reference",
            },
        ),
    ),
)
