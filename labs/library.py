"""Courses read from their folders, ready to be shown, opened and judged.

    <folder>/<course>/course.yaml, texts, start/, scripts/, pictures

A course that has faults is not in the library; what is wrong with it is in `faults`, all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labs.course import CourseDocument, LabDocument, LabKey
from labs.text import LabText, Language

PACKAGED = Path(__file__).parent / "courses"
"""The courses that ship with the product."""
COURSE = "course.yaml"


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab of a course. `folder`: the course's own. `texts`: by language.

    `files`: what trainees edit, as it is at the start, by name; empty where the packaged
    configuration is used as it is.
    """

    key: LabKey
    document: LabDocument
    folder: Path
    files: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[Language, LabText] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Course:
    """One course. `labs`: by id, in order."""

    document: CourseDocument
    folder: Path
    labs: Mapping[str, Lab]

    @property
    def id(self) -> str:
        """What it is called in keys and routes."""
        return self.document.id
