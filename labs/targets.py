"""What could be broken in the lines of a class: in its course's labs, and in those where its members are now."""

from __future__ import annotations

from collections.abc import Iterable

from labs.desk import LabDesk
from labs.library import Lab
from labs.roll import Class
from labs.sandboxes import FaultChoice
from plant.text import Text


def of_class(desk: LabDesk, group: Class) -> tuple[FaultChoice, ...]:
    """Return what could be broken in the lines of a class, whether anybody works on one or not. Blocks."""
    if desk.scenery is None:
        return ()
    course = desk.library.courses.get(group.course)
    labs: list[Lab] = list(course.labs.values()) if course else []
    for attempt in desk.register.work.running():
        lab = desk.library.lab(attempt.key)
        if lab is not None and not set(group.members).isdisjoint(attempt.people):
            labs.append(lab)
    lines = {(lab.folder, lab.document.line.scene): lab for lab in labs}
    return merged(choice for lab in lines.values() for choice in desk.scenery.choices(lab.folder, lab.document.line))


def merged(choices: Iterable[FaultChoice]) -> tuple[FaultChoice, ...]:
    """Return choices of several lines as of one: each kind once, with all its targets, the first name of each."""
    names: dict[str, Text] = {}
    targets: dict[str, dict[str, Text]] = {}
    for choice in choices:
        names.setdefault(choice.kind, choice.name)
        targets[choice.kind] = dict(choice.targets) | targets.get(choice.kind, {})
    return tuple(FaultChoice(kind, name, tuple(targets[kind].items())) for kind, name in names.items())


def named(choices: Iterable[FaultChoice], kind: str, target: str) -> tuple[Text, Text] | None:
    """Return what a kind of fault and its target are called; None where there is no such choice."""
    for choice in choices:
        if choice.kind == kind and target in (known := dict(choice.targets)):
            return choice.name, known[target]
    return None
