"""The documents of a course: what its `course.yaml` may say.

    course.yaml            one `CourseDocument`: labs, their lines, steps, checks, questions, points
    <lab>.zh-CN.md, .en.md the texts; `## step:<id> Title` begins a step's
    start/<lab>/           the configuration that trainees begin with
    scripts/<lab>/         right, empty and wrong runs, so that the lab itself is tested

Only shape is checked here; `library` reads the whole folder and `checkup` looks at what refers
to what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from configs.base import Identifier, Seconds, Strict, Words

Points = Annotated[int, Field(gt=0, le=1_000)]
Passage = Annotated[str, Field(min_length=1, max_length=2_000)]
_LONGEST_PAST = 14 * 86_400.0


@dataclass(frozen=True, slots=True, order=True)
class LabKey:
    """Which lab of which course; written `modbus/map-registers`."""

    course: str
    lab: str

    def __str__(self) -> str:
        return f"{self.course}/{self.lab}"


def lab_key(text: str) -> LabKey:
    """Read `course/lab`. Raises ValueError."""
    course, slash, lab = text.partition("/")
    if not (course and slash and lab) or "/" in lab:
        raise ValueError(f"{text!r} is not course/lab")
    return LabKey(course, lab)


def _inside(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{path!r} is not a place inside the course; write e.g. start/map-registers")
    return path


Inside = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_inside)]
"""A file or folder below the course's own."""


class Said(Strict):
    """Words of a course, in Chinese and English; both are needed, and a single string serves neither."""

    zh: Passage
    en: Passage

    @property
    def words(self) -> Words:
        """The same where a text may be empty."""
        return Words(zh=self.zh, en=self.en)


# ------------------------------------------------------------------------------------ the line
class LineFault(Strict):
    """What is broken, as `provenline fault` names it. `at`: after the begin of the past."""

    kind: Identifier
    target: str = Field(min_length=1, max_length=200)
    at: Seconds = 0.0
    lasts: Seconds | None = None
    size: float | None = None
    with_: str = Field(default="", alias="with", max_length=200)
    area: tuple[float, float, float] | None = None


class LineDocument(Strict):
    """The line to work on. `past`: what ran before the trainee sees it. `speed`: plant seconds per second.

    `scene`: a packaged scene, or a folder of the course. `seed` `own` differs by trainee.
    """

    scene: str = Field(min_length=1, max_length=200)
    network: Identifier | None = None
    seed: Literal["own"] | Annotated[int, Field(ge=0, lt=2**53)] = "own"
    past: Annotated[Seconds, Field(le=_LONGEST_PAST)] = 0.0
    speed: float = Field(default=1.0, ge=0.1, le=60)
    faults: tuple[LineFault, ...] = Field(default=(), max_length=50)
    campaigns: bool = Field(default=False, description="whether acceptance campaigns can be planned and run on it")


# ----------------------------------------------------------------------------------- the steps
class Hint(Strict):
    """Help that costs points of its step."""

    text: Said
    cost: int = Field(default=0, ge=0, le=1_000)


class Check(Strict):
    """Something that must be true of the line. `why`: what to tell whose check failed."""

    id: Identifier
    points: Points
    passes: str = Field(min_length=1, max_length=2_000)
    why: Said


class _Question(Strict):
    id: Identifier
    points: Points
    ask: Said
    why: Said | None = None


class Choice(_Question):
    """Pick one. `answer` counts from 1."""

    kind: Literal["choice"]
    options: tuple[Said, ...] = Field(min_length=2, max_length=12)
    answer: int = Field(ge=1)

    @model_validator(mode="after")
    def _one_of_them(self) -> Choice:
        if self.answer > len(self.options):
            raise ValueError(f"answer {self.answer} is none of the {len(self.options)} options")
        return self


class Several(_Question):
    """Pick all that hold, and no other. `answer` counts from 1."""

    kind: Literal["several"]
    options: tuple[Said, ...] = Field(min_length=2, max_length=12)
    answer: frozenset[Annotated[int, Field(ge=1)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _some_of_them(self) -> Several:
        if max(self.answer) > len(self.options):
            raise ValueError(f"answer {max(self.answer)} is none of the {len(self.options)} options")
        return self


class Number(_Question):
    """A number. `answer`: an expression, so that it can come from the trainee's own line. `within`: off by at most."""

    kind: Literal["number"]
    unit: str = Field(default="", max_length=32)
    answer: float | Annotated[str, Field(min_length=1, max_length=2_000)]
    within: float | Annotated[str, Field(min_length=1, max_length=2_000)] = 0.0


class Word(_Question):
    """A word, or one of several ways to write it; case and spaces around it do not matter."""

    kind: Literal["word"]
    answer: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(min_length=1, max_length=20)


Question = Annotated[Choice | Several | Number | Word, Field(discriminator="kind")]


class StepDocument(Strict):
    """One step: what is checked and asked in it, and what help there is."""

    id: Identifier
    hints: tuple[Hint, ...] = Field(default=(), max_length=10)
    checks: tuple[Check, ...] = Field(default=(), max_length=30)
    questions: tuple[Question, ...] = Field(default=(), max_length=30)

    @property
    def points(self) -> int:
        """What can be earned in it."""
        return sum(one.points for one in (*self.checks, *self.questions))


class DiagnosisDocument(Strict):
    """Hidden faults to find, scored by `exercise`.

    `detect`, `diagnose`: the times within which a claim earns everything for speed; from twice that on, nothing.
    """

    points: Points
    detect: Annotated[Seconds, Field(gt=0)] = 300.0
    diagnose: Annotated[Seconds, Field(gt=0)] = 900.0


class LabDocument(Strict):
    """One lab. `minutes`: planned time. `text`: the begin of its Markdown files' names.

    `files`: the configuration that trainees edit; without it they get the packaged one, read only.
    """

    id: Identifier
    name: Said
    goals: tuple[Said, ...] = Field(min_length=1, max_length=10)
    minutes: int = Field(ge=1, le=600)
    text: Inside
    line: LineDocument
    files: Inside | None = None
    steps: tuple[StepDocument, ...] = Field(min_length=1, max_length=20)
    diagnosis: DiagnosisDocument | None = None

    @property
    def points(self) -> int:
        """What can be earned in it."""
        return sum(step.points for step in self.steps) + (self.diagnosis.points if self.diagnosis else 0)

    def step(self, id: str) -> StepDocument | None:  # noqa: A002 - what it is called in the document
        """Return one step; None where there is none of that id."""
        return next((step for step in self.steps if step.id == id), None)


class CourseDocument(Strict):
    """A course. `pass`: the share of its points that earns the certificate. `order`: its place in the list."""

    type: Literal["course"]
    id: Identifier
    name: Said
    summary: Said
    goals: tuple[Said, ...] = Field(min_length=1, max_length=10)
    order: int = Field(default=100, ge=0, le=1_000)
    pass_: float = Field(default=0.6, alias="pass", gt=0, le=1)
    labs: tuple[LabDocument, ...] = Field(min_length=1, max_length=30)

    @property
    def points(self) -> int:
        """What can be earned in all its labs."""
        return sum(lab.points for lab in self.labs)

    def lab(self, id: str) -> LabDocument | None:  # noqa: A002 - what it is called in the document
        """Return one lab; None where there is none of that id."""
        return next((lab for lab in self.labs if lab.id == id), None)
