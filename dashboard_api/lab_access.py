"""What the lab routes share: the desk that answers, whose attempt it is, and how refusals are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, HTTPException, Path

from dashboard_api.access import Actor, Permission, Refusal, Responses, requires
from dashboard_api.query import CentreHere
from labs.course import LabKey
from labs.desk import LabDesk
from labs.library import Course, Lab
from labs.sandboxes import NoSandbox
from labs.work import Attempt
from plant.errors import ProvenlineError, Unavailable

REFUSED: Responses = {
    404: {"model": Refusal, "description": "there is no such thing"},
    409: {"model": Refusal, "description": "not possible now, and why"},
    503: {"model": Refusal, "description": "there is no room for another line now; try again later"},
}

Id = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
AttemptId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Learner = Annotated[Actor, Depends(requires(Permission.LAB_LEARN))]
Teacher = Annotated[Actor, Depends(requires(Permission.LAB_TEACH))]


async def lab_desk_here(centre: CentreHere) -> LabDesk:
    """Return the lab desk of the centre that answers, once it has read its courses."""
    if centre.labs is None:
        raise HTTPException(404, "this centre gives no labs")
    await centre.labs.ready.wait()
    return centre.labs


LabDeskHere = Annotated[LabDesk, Depends(lab_desk_here)]


@contextmanager
def answering() -> Iterator[None]:
    """Answer 409 with the reason where something cannot be, 503 where there is no room."""
    try:
        yield
    except Unavailable as error:
        raise HTTPException(503, str(error)) from error
    except NoSandbox as error:
        raise HTTPException(404, str(error)) from error
    except ProvenlineError as error:
        raise HTTPException(409, str(error)) from error


def course_here(course: Id, _: Learner, desk: LabDeskHere) -> Course:
    """Return the course of a path, to who may learn: who may not is refused before anything is looked up."""
    found = desk.library.courses.get(course)
    if found is None:
        raise HTTPException(404, f"there is no course {course!r}")
    return found


def lab_here(course: Id, lab: Id, _: Learner, desk: LabDeskHere) -> Lab:
    """Return the lab of a path, to who may learn."""
    found = desk.library.lab(LabKey(course, lab))
    if found is None:
        raise HTTPException(404, f"there is no lab {course}/{lab}")
    return found


def own_attempt(attempt: AttemptId, who: Learner, desk: LabDeskHere) -> Attempt:
    """Return one's own attempt or a partner's, or one that is practised without a name by whoever knows its id."""
    found = desk.register.work.attempt(attempt)
    if found is None or (found.named and who.name not in found.people):
        raise HTTPException(404, "there is no such attempt of yours")
    return found


def any_attempt(attempt: AttemptId, _: Teacher, desk: LabDeskHere) -> Attempt:
    """Return anybody's attempt, for instructors."""
    found = desk.register.work.attempt(attempt)
    if found is None:
        raise HTTPException(404, "there is no such attempt")
    return found


CourseHere = Annotated[Course, Depends(course_here)]
LabHere = Annotated[Lab, Depends(lab_here)]
Own = Annotated[Attempt, Depends(own_attempt)]
Anybodys = Annotated[Attempt, Depends(any_attempt)]
