"""What an attempt is worth: points earned, less what hints cost, never below nothing.

    step   max(0, what its checks and questions earned − what its hints cost)
    lab    the sum of its steps, and what finding its hidden faults earned
    course the best grade of each lab; passed from `pass` of all its points on

A hint costs whoever has read it in every later attempt of that lab, too: reading stays read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from labs.checking import DIAGNOSIS, Outcome
from labs.course import CourseDocument, LabDocument, StepDocument

HintKey = tuple[str, int]
"""A step and the number of its hint, from 0."""


@dataclass(frozen=True, slots=True)
class StepGrade:
    """What one step is worth. `earned` before, `points` after hints were paid."""

    id: str
    earned: float
    hints: int
    points: float
    of: int


@dataclass(frozen=True, slots=True)
class Grade:
    """What one attempt is worth. `diagnosis`: of its points, those for hidden faults."""

    steps: tuple[StepGrade, ...]
    diagnosis: float
    points: float
    of: int

    @property
    def share(self) -> float:
        """Points earned of points possible, 0 to 1."""
        return self.points / self.of


@dataclass(frozen=True, slots=True)
class CourseResult:
    """What a course is worth. `passed`: a certificate can be had."""

    points: float
    of: int
    passed: bool

    @property
    def share(self) -> float:
        """Points earned of points possible, 0 to 1."""
        return self.points / self.of


def grade(lab: LabDocument, outcomes: Iterable[Outcome], hints: Collection[HintKey]) -> Grade:
    """Return what an attempt's outcomes are worth when those hints were read.

    Outcomes of checks that the lab does not have count for nothing.
    """
    earned = {outcome.id: max(0.0, min(float(outcome.points), outcome.of)) for outcome in outcomes}
    steps = tuple(_step(step, earned, hints) for step in lab.steps)
    found = min(earned.get(DIAGNOSIS, 0.0), lab.diagnosis.points) if lab.diagnosis else 0.0
    return Grade(steps, found, round(sum(step.points for step in steps) + found, 2), lab.points)


def _step(step: StepDocument, earned: Mapping[str, float], hints: Collection[HintKey]) -> StepGrade:
    sums = sum(min(earned.get(one.id, 0.0), one.points) for one in (*step.checks, *step.questions))
    cost = sum(hint.cost for number, hint in enumerate(step.hints) if (step.id, number) in hints)
    return StepGrade(step.id, sums, cost, max(0.0, sums - cost), step.points)


def course_result(course: CourseDocument, best: Mapping[str, float]) -> CourseResult:
    """Return what a course is worth. `best`: the most points in each lab, by its id."""
    points = round(sum(min(best.get(lab.id, 0.0), lab.points) for lab in course.labs), 2)
    return CourseResult(points, course.points, points >= course.pass_ * course.points - 1e-9)
