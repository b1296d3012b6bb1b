"""What a check may look at: the trainee's own line as it is seen, and as it really is.

An `Observation` is one sandbox at one moment. Everything is synchronous and read only, and
whatever is missing is None, an empty list or `exists` false; nothing here raises. The check
language (`expression`) reaches these names and no others.

`path` is a tag's path, whole or from below its line: `plc/temperature`. `config` is what the
trainee wrote, as field names to plain values; a field that was left out is there with its
default. Everything below `truth` stays inside the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Scalar = None | bool | int | float | str
Answer = int | float | str | tuple[int, ...]
"""What somebody answered: the number of an option (from 1) or of several, a number, or a text."""
Fields = Mapping[str, Any]


class SeenTag(Protocol):
    """A tag as the trainee's own line shows it. Times are seconds since 1970 UTC; `age` is in seconds."""

    @property
    def exists(self) -> bool:
        """The trainee's configuration has it."""

    @property
    def value(self) -> Scalar:
        """The newest value; None while there is none or it is bad."""

    @property
    def quality(self) -> str | None:
        """One of `good`, `uncertain`, `bad`."""

    @property
    def age(self) -> float | None:
        """How long ago its source dated the newest value."""

    @property
    def time(self) -> float | None:
        """When its source dated the newest value."""

    @property
    def unit(self) -> str | None:
        """As configured, in UCUM."""

    @property
    def simulated(self) -> bool:
        """It is marked as simulated."""

    def count(self, minutes: float) -> int:
        """Return how many samples of the last minutes are usable."""

    def mean(self, minutes: float) -> float | None:
        """Return the mean of the usable samples of the last minutes."""

    def min(self, minutes: float) -> float | None:
        """Return their least."""

    def max(self, minutes: float) -> float | None:
        """Return their greatest."""

    def within(self, value: float, minutes: float) -> float | None:
        """Return which share of all samples of the last minutes is at most `value`; one that is bad or lost is not."""


class SeenConfig(Protocol):
    """The configuration that the trainee's edge runs with."""

    @property
    def sources(self) -> Sequence[Fields]:
        """Every source."""

    @property
    def tags(self) -> Sequence[Fields]:
        """Every tag; its address fields stand among its own, and by themselves under `address`."""

    def source(self, id: str) -> Fields | None:  # noqa: A002 - the word that checks use
        """Return one source."""

    def tag(self, path: str) -> Fields | None:
        """Return one tag."""

    @property
    def alarms(self) -> Sequence[Fields]:
        """Every alarm that was written, not those that follow from the devices."""

    @property
    def energy(self) -> Fields:
        """What energy costs and stands for: tariff, grid factor, standard coal."""

    def text(self, file: str) -> str | None:
        """Return a file as the trainee wrote it."""


class SeenFigure(Protocol):
    """A figure as the page derives it. `low`, `high`: its interval, where it has one."""

    @property
    def value(self) -> float | None:
        """The number; None where there is none."""

    @property
    def status(self) -> str:
        """Whether it has a value, else why not."""

    @property
    def low(self) -> float | None:
        """The lower end of its interval."""

    @property
    def high(self) -> float | None:
        """The upper end of its interval."""

    @property
    def coverage(self) -> float | None:
        """Which share of the time in question is known."""

    @property
    def flags(self) -> Sequence[str]:
        """What a reader must know about it, e.g. `effectiveness-above-one`, `meter-reset`."""

    def input(self, symbol: str) -> float | None:
        """Return one input by its symbol, in the unit that its derivation shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLosses:
    """Planned busy time and where it went, in s. `largest`: the id of the largest loss, None where nothing was lost."""

    planned: float
    unknown: float
    breakdown: float
    setup: float
    waiting: float
    minor_stop: float
    reduced_speed: float
    defects: float
    start_up: float
    valuable: float
    largest: str | None


@dataclass(frozen=True, slots=True)
class SeenAlarm:
    """One alarm of the trainee's line. `device`: its id."""

    code: str
    device: str
    state: str
    acknowledged: bool
    shelved: bool


@dataclass(frozen=True, slots=True)
class SeenAnnotation:
    """What the trainee wrote about a stop."""

    device: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class TrueFault:
    """A fault as the simulator has it. Times: seconds since 1970 UTC; `ended` is None while it lasts."""

    kind: str
    target: str
    started: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says is wrong: the kind of fault, its target, and when it began (s since 1970 UTC).

    `made`: when they said so. `begun` is None where they did not say when the fault began.
    """

    cause: str
    place: str
    made: float
    begun: float | None = None

    @property
    def time(self) -> float | None:
        """When the fault began, as claimed."""
        return self.begun


class SeenCampaign(Protocol):
    """An acceptance campaign of the trainee, by the plan in force. `frozen`: when that was fixed, s since 1970 UTC.

    `shifts`, `improved`: of the improved side; `baseline`, `improved`: network profiles, None where there is none.
    """

    @property
    def id(self) -> str:
        """What it is called."""

    @property
    def scene(self) -> str | None:
        """The scene it is about."""

    @property
    def clause(self) -> str:
        """The clause it is held against."""

    @property
    def stage(self) -> str:
        """Where it stands: `planned`, `running`, `done`, `failed`, `cancelled`."""

    @property
    def revision(self) -> int:
        """The number of the plan in force, from 1."""

    @property
    def frozen(self) -> float:
        """When that plan was fixed."""

    @property
    def reason(self) -> str:
        """Why it was changed; empty for the first one."""

    @property
    def confidence(self) -> float:
        """The confidence that its intervals have."""

    @property
    def seed(self) -> int:
        """The seed by which both sides are simulated."""

    @property
    def shifts(self) -> int | None:
        """How many shifts are simulated."""

    @property
    def baseline(self) -> str | None:
        """The network of the plant before."""

    @property
    def improved(self) -> str | None:
        """The network of the plant now."""

    @property
    def package(self) -> bool:
        """There is a package of evidence of the plan in force."""

    @property
    def verified(self) -> bool:
        """There is one, and everything in it holds when it is computed anew."""

    def verdict(self, indicator: str | None = None) -> str | None:
        """Return what came out, of the clause or of one of its indicators; None before."""


class Truth(Protocol):
    """What really happens. Only graders see it."""

    @property
    def faults(self) -> Sequence[TrueFault]:
        """Every fault there was, hidden ones too."""

    def tag(self, path: str) -> Scalar:
        """Return what a tag would show now if it were collected and configured right."""

    def mean(self, path: str, minutes: float) -> float | None:
        """Return the mean over the last minutes of the same."""

    def share(self, path: str, value: float, minutes: float) -> float | None:
        """Return in which share of the last minutes a tag truly had a value."""

    def count(self, kind: str) -> int:
        """Return how many facts of a kind the record has, e.g. `part`."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a trainee hands in: answers by question, and claims.

    `begun`: when the attempt began, s since 1970 UTC; `elapsed`: how long ago, in s; both of plant time.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    begun: float = 0.0
    elapsed: float = 0.0

    def answer(self, id: str) -> Answer | None:  # noqa: A002 - the word that checks use
        """Return what was answered to a question."""
        return self.answers.get(id)


class Observation(Protocol):
    """One sandbox at one moment."""

    @property
    def submission(self) -> Submission:
        """What the trainee handed in."""

    @property
    def config(self) -> SeenConfig:
        """What the trainee wrote."""

    @property
    def truth(self) -> Truth:
        """What really happens."""

    def tag(self, path: str) -> SeenTag:
        """Return a tag as the trainee's line shows it."""

    def indicator(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        period: str | None = None,
    ) -> float | None:
        """Return a figure of the trainee's own data by the one KPI engine; None where it has no value.

        `device`: whose figure, that of a device, a line or a tag, or of a part as in `press#state=IDLE`; without it
        that of the scene. Without a length or a `period` of `vocabulary`: from the begin of the past to now.
        """

    def indicator_status(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        period: str | None = None,
    ) -> str | None:
        """Return the same figure's status, e.g. `valid` or `insufficient-data`."""

    def figure(
        self,
        id: str,  # noqa: A002 - the word that checks use
        device: str | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        period: str | None = None,
    ) -> SeenFigure | None:
        """Return the same figure with all that it can account for; None where there is no such figure."""

    def losses(
        self, device: str, minutes: float | None = None, hours: float | None = None, period: str | None = None
    ) -> SeenLosses | None:
        """Return where planned time of a device or line went; None where its signals do not say."""

    def alarms(self, code: str | None = None, device: str | None = None) -> Sequence[SeenAlarm]:
        """Return the alarms that are not normal."""

    def annotations(self, device: str | None = None) -> Sequence[SeenAnnotation]:
        """Return what was written about stops."""

    def messages(self, source: str | None = None) -> int:
        """Return how many protocol messages the trainee's edge exchanged."""

    def campaigns(self) -> Sequence[SeenCampaign]:
        """Return the trainee's acceptance campaigns; none where the lab has no part in them."""
