"""Courses read from their folders, ready to be shown, opened and judged.

    <folder>/<course>/course.yaml, texts, pictures, start/, scripts/

A course that has a fault is not in the library; what is wrong with it is in `faults`, all of
it. Nothing of a course is run, and no file outside its folder is read, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from configs.reading import Place, Reading, read
from configs.shape import shape_faults
from labs.checkup import document_faults, script_faults, truth_faults
from labs.course import CourseDocument, LabDocument, LabKey, LineDocument
from labs.text import LabText, Language, read_text
from plant.errors import Fault

if TYPE_CHECKING:
    from labs.sandboxes import FaultChoice

PACKAGED = Path(__file__).parent / "courses"
"""The courses that ship with the product."""
COURSE = "course.yaml"
PICTURES = "/api/v1/labs/courses/{course}/pictures/"
"""Where a course's pictures are served; ends in `/`."""
MOST_COURSES = 200
_MOST_FILES = 40
_MOST_CHARACTERS = 400_000


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


@dataclass(frozen=True, slots=True)
class Library:
    """All sound courses by id, in order, and what is wrong with the others."""

    courses: Mapping[str, Course]
    faults: tuple[Fault, ...] = ()

    def lab(self, key: LabKey) -> Lab | None:
        """Return one lab; None where there is none of that key."""
        course = self.courses.get(key.course)
        return course.labs.get(key.lab) if course else None

    @property
    def labs(self) -> tuple[Lab, ...]:
        """Every lab of every course."""
        return tuple(lab for course in self.courses.values() for lab in course.labs.values())


class Scenery(Protocol):
    """Knows which lines there are and what can be broken in them; see `scenery`."""

    def faults(self, reading: Reading, place: Place, line: LineDocument, folder: Path) -> Iterable[Fault]:
        """Yield what is wrong with a line that stands at `place` of a course document in `folder`."""

    def paths(self, folder: Path, line: LineDocument) -> frozenset[str] | None:
        """Return the tag paths of a line, `device/signal`; None where there is no such line."""

    def choices(self, folder: Path, line: LineDocument) -> tuple[FaultChoice, ...]:
        """Return what could be broken in a line; nothing where there is no such line."""


def read_library(folders: Iterable[Path], scenery: Scenery | None = None) -> Library:
    """Read every course below some folders, the first of an id goes before later ones.

    Without `scenery` the lines and the tags in expressions are not looked up.
    """
    courses: dict[str, Course] = {}
    faults: list[Fault] = []
    for folder in folders:
        for place in _courses(folder):
            course, found = read_course(place, scenery)
            faults += found
            if course is not None and course.id in courses:
                faults.append(Fault(str(place / COURSE), "id", f"there is a course {course.id!r} already", "rename it"))
            elif course is not None:
                courses[course.id] = course
    return Library(dict(sorted(courses.items(), key=lambda item: item[1].document.order)), tuple(faults))


def read_course(folder: Path, scenery: Scenery | None = None) -> tuple[Course | None, tuple[Fault, ...]]:
    """Read one course. Returns None for one that has faults, and all of them."""
    name = folder.name
    if not _regular(folder, folder / COURSE):
        return None, (Fault(f"{name}/{COURSE}", "", "there is no such file", "begin a course with it"),)
    reading = read(folder / COURSE, f"{name}/{COURSE}")
    document, faults = _document(reading, name)
    if document is None:
        return None, tuple(faults)
    faults += document_faults(reading, document)
    labs: dict[str, Lab] = {}
    for number, entry in enumerate(document.labs):
        lab, found = _lab(reading, ("labs", number), LabKey(document.id, entry.id), entry, folder)
        labs[entry.id] = lab
        faults += [*found, *script_faults(folder, name, entry)]
        if scenery is not None:
            faults += scenery.faults(reading, ("labs", number, "line"), entry.line, folder)
            faults += truth_faults(reading, ("labs", number), entry, scenery.paths(folder, entry.line))
    ordered = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.path)))
    return (None if faults else Course(document, folder, labs)), ordered


def _courses(folder: Path) -> Iterator[Path]:
    if (folder / COURSE).is_file():
        yield folder
        return
    if folder.is_dir():
        found = sorted(place for place in folder.glob("[!.]*") if (place / COURSE).is_file())
        yield from found[:MOST_COURSES]


def _document(reading: Reading, name: str) -> tuple[CourseDocument | None, list[Fault]]:
    if reading.faults:
        return None, list(reading.faults)
    if not isinstance(reading.data, dict):
        return None, [reading.fault((), "not a mapping of keys to values", "begin with `type: course`")]
    try:
        document = CourseDocument.model_validate(reading.data)
    except ValidationError as error:
        return None, list(shape_faults(reading, error, CourseDocument))
    if document.id != name:
        return document, [reading.fault(("id",), f"the folder is called {name!r}", "call both the same")]
    return document, []


# ------------------------------------------------------------------------------------ one lab
def _lab(reading: Reading, place: Place, key: LabKey, entry: LabDocument, folder: Path) -> tuple[Lab, list[Fault]]:
    texts: dict[Language, LabText] = {}
    faults: list[Fault] = []
    for language in Language:
        file = folder / f"{entry.text}.{language}.md"
        name = f"{folder.name}/{entry.text}.{language}.md"
        try:
            text = _text(folder, file, key.course)
        except FileNotFoundError:
            fault = reading.fault((*place, "text"), f"there is no {file.name}", "each text is in zh-CN and in en")
            faults.append(fault)
            continue
        except (OSError, ValueError) as error:
            faults.append(Fault(name, "", f"cannot be read: {error}", "save it as UTF-8"))
            continue
        texts[language] = text
        faults += _text_faults(name, text, entry, folder)
    files, wrong = _files(reading, (*place, "files"), folder, entry.files)
    return Lab(key, entry, folder, files, texts), [*faults, *wrong]


def _text(folder: Path, file: Path, course: str) -> LabText:
    if not _regular(folder, file):
        raise FileNotFoundError(file)
    return read_text(file.read_text(encoding="utf-8"), pictures=PICTURES.format(course=course))


def _text_faults(name: str, text: LabText, entry: LabDocument, folder: Path) -> Iterator[Fault]:
    known = [step.id for step in entry.steps]
    for step in known:
        if step not in text.steps:
            yield Fault(name, f"step:{step}", "this step has no text", f"write `## step:{step} Title`")
    for step in text.steps:
        if step not in known:
            yield Fault(name, f"step:{step}", "the lab has no such step", f"there are {', '.join(known)}")
    for step in text.repeated:
        yield Fault(name, f"step:{step}", "begins twice", "join the two")
    for picture in text.pictures:
        if not _regular(folder, folder / picture):
            yield Fault(name, picture, "there is no such picture", "put it beside course.yaml")
    if not text.title:
        yield Fault(name, "", "has no title", "begin with `# Title`")


def _files(reading: Reading, place: Place, folder: Path, start: str | None) -> tuple[dict[str, str], list[Fault]]:
    """Read the configuration that trainees begin with."""
    if start is None:
        return {}, []
    root = folder / start
    found = sorted(file for file in root.rglob("*") if file.is_file()) if _within(folder, root) else []
    if not found:
        return {}, [reading.fault(place, f"there is nothing in {start}", "put at least a scene.yaml there")]
    if len(found) > _MOST_FILES:
        return {}, [reading.fault(place, f"more than {_MOST_FILES} files in {start}")]
    files: dict[str, str] = {}
    faults: list[Fault] = []
    for file in found:
        name = file.relative_to(root).as_posix()
        try:
            if not _regular(folder, file) or file.suffix != ".yaml":
                raise ValueError("only plain .yaml files can be edited")
            if file.stat().st_size > _MOST_CHARACTERS:
                raise ValueError(f"longer than {_MOST_CHARACTERS} bytes")
            files[name] = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            faults.append(reading.fault(place, f"{start}/{name}: {error}"))
    return files, faults


def _within(folder: Path, place: Path) -> bool:
    return place.is_dir() and place.resolve().is_relative_to(folder.resolve())


def _regular(folder: Path, file: Path) -> bool:
    """Say whether a file is a plain one in the folder: neither a link nor reached through one."""
    return file.is_file() and not file.is_symlink() and file.resolve().is_relative_to(folder.resolve())
