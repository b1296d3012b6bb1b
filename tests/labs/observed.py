"""A line for tests: what it shows and what is true are plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labs.observation import Fields, Scalar, SeenAlarm, SeenAnnotation, SeenLosses, Submission, TrueFault


@dataclass(frozen=True)
class Shown:
    exists: bool = False
    value: Scalar = None
    quality: str | None = None
    age: float | None = None
    time: float | None = None
    unit: str | None = None
    simulated: bool = True

    def count(self, minutes: float) -> int:
        return int(minutes) if self.exists else 0

    def mean(self, minutes: float) -> float | None:
        return self.value if isinstance(self.value, (int, float)) else None

    min = max = mean

    def within(self, value: float, minutes: float) -> float | None:
        return float(self.value <= value) if isinstance(self.value, (int, float)) else None


@dataclass(frozen=True)
class Written:
    sources: Sequence[Fields] = ()
    tags: Sequence[Fields] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    alarms: Sequence[Fields] = ()
    energy: Fields = field(default_factory=dict)

    def source(self, id: str) -> Fields | None:  # noqa: A002
        return next((one for one in self.sources if one["id"] == id), None)

    def tag(self, path: str) -> Fields | None:
        return next((one for one in self.tags if one["path"] == path), None)

    def text(self, file: str) -> str | None:
        return self.files.get(file)


@dataclass(frozen=True)
class Figured:
    value: float | None = None
    status: str = "ok"
    low: float | None = None
    high: float | None = None
    coverage: float | None = 1.0
    flags: Sequence[str] = ()
    inputs: Mapping[str, float] = field(default_factory=dict)

    def input(self, symbol: str) -> float | None:
        return self.inputs.get(symbol)


@dataclass(frozen=True)
class Real:
    values: Mapping[str, Scalar] = field(default_factory=dict)
    faults: Sequence[TrueFault] = ()

    def tag(self, path: str) -> Scalar:
        return self.values.get(path)

    def mean(self, path: str, minutes: float) -> float | None:
        value = self.values.get(path)
        return value if isinstance(value, (int, float)) else None

    def share(self, path: str, value: float, minutes: float) -> float | None:
        return None if path not in self.values else float(self.values[path] == value)

    def count(self, kind: str) -> int:
        return 3 if kind == "part" else 0


@dataclass(frozen=True)
class Campaigned:
    id: str
    outcomes: Mapping[str | None, str]
    scene: str = "material"
    clause: str = "material"
    stage: str = "done"
    revision: int = 1
    frozen: float = 0.0
    reason: str = ""
    confidence: float = 0.95
    seed: int = 7
    shifts: int = 3
    baseline: str | None = None
    improved: str = "5g-sa-sub6"
    package: bool = True
    verified: bool = True

    def verdict(self, indicator: str | None = None) -> str | None:
        return self.outcomes.get(indicator)


@dataclass(frozen=True)
class Observed:
    """An observation. `shown` and `figures` are by path and by id."""

    shown: Mapping[str, Shown] = field(default_factory=dict)
    config: Written = Written()
    truth: Real = Real()
    figures: Mapping[str, float] = field(default_factory=dict)
    derived: Mapping[tuple[str, str | None, str | None], Figured] = field(default_factory=dict)
    lost: Mapping[str, SeenLosses] = field(default_factory=dict)
    standing: Sequence[SeenAlarm] = ()
    written: Sequence[SeenAnnotation] = ()
    exchanged: int = 0
    carried_out: Sequence[Campaigned] = ()
    submission: Submission = Submission()

    def tag(self, path: str) -> Shown:
        return self.shown.get(path, Shown())

    def indicator(self, id, device=None, minutes=None, hours=None, period=None) -> float | None:  # noqa: A002
        return self.figures.get(id)

    def indicator_status(self, id, device=None, minutes=None, hours=None, period=None) -> str | None:  # noqa: A002
        return "ok" if id in self.figures else "insufficient-data"

    def figure(self, id, device=None, minutes=None, hours=None, period=None) -> Figured | None:  # noqa: A002
        return self.derived.get((id, device, period))

    def losses(self, device, minutes=None, hours=None, period=None) -> SeenLosses | None:
        return self.lost.get(device)

    def alarms(self, code=None, device=None) -> Sequence[SeenAlarm]:
        return [one for one in self.standing if code in (None, one.code) and device in (None, one.device)]

    def annotations(self, device=None) -> Sequence[SeenAnnotation]:
        return [one for one in self.written if device in (None, one.device)]

    def messages(self, source=None) -> int:
        return self.exchanged

    def campaigns(self) -> Sequence[Campaigned]:
        return self.carried_out
