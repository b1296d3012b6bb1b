"""What is wrong with a course beyond its shape: names used twice, points that do not add up, expressions, scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from configs.reading import Place, Reading
from configs.shape import nearest
from labs.course import CourseDocument, LabDocument, Number, StepDocument
from labs.expression import ExpressionError, parse
from labs.script import Script, examine_script
from plant.errors import Fault

RIGHT, EMPTY, WRONG = "right.yaml", "empty.yaml", "wrong-*.yaml"


def document_faults(reading: Reading, course: CourseDocument) -> Iterator[Fault]:
    """Yield what is wrong within a course document."""
    yield from _twice(reading, ("labs",), [lab.id for lab in course.labs], "a lab of this id")
    for number, lab in enumerate(course.labs):
        yield from _lab(reading, ("labs", number), lab)


def _lab(reading: Reading, place: Place, lab: LabDocument) -> Iterator[Fault]:
    steps = (*place, "steps")
    yield from _twice(reading, steps, [step.id for step in lab.steps], "a step of this id")
    owners: dict[str, Place] = {}
    for number, step in enumerate(lab.steps):
        here = (*steps, number)
        for group, ids in (("checks", step.checks), ("questions", step.questions)):
            for position, one in enumerate(ids):
                at = (*here, group, position)
                if one.id in owners:
                    yield reading.fault(
                        (*at, "id"), f"{one.id!r} is a check or question of this lab already", "rename it"
                    )
                owners.setdefault(one.id, at)
        yield from _hints(reading, here, step)
        for at, text in _texts(here, step):
            yield from _expression(reading, at, text)
    if lab.points == 0:
        yield reading.fault(place, "there is nothing to earn", "add a check or a question")
    if lab.diagnosis is not None and not lab.line.faults:
        yield reading.fault((*place, "diagnosis"), "nothing is broken in this line", "add line.faults")


def _hints(reading: Reading, place: Place, step: StepDocument) -> Iterator[Fault]:
    cost = sum(hint.cost for hint in step.hints)
    if cost > step.points:
        message = f"the hints cost {cost}, the step has {step.points} points"
        yield reading.fault((*place, "hints"), message, "a hint cannot cost what nobody can earn")


def _texts(place: Place, step: StepDocument) -> Iterator[tuple[Place, str]]:
    """Yield every expression of a step and where it stands."""
    for number, check in enumerate(step.checks):
        yield (*place, "checks", number, "passes"), check.passes
    for number, question in enumerate(step.questions):
        if isinstance(question, Number):
            for key in ("answer", "within"):
                if isinstance(text := getattr(question, key), str):
                    yield (*place, "questions", number, key), text


def truth_faults(reading: Reading, place: Place, lab: LabDocument, paths: Collection[str] | None) -> Iterator[Fault]:
    """Yield a fault for each tag whose truth an expression asks for and that the line, which has `paths`, has not."""
    if paths is None:
        return
    for number, step in enumerate(lab.steps):
        for at, text in _texts((*place, "steps", number), step):
            for path in _truths(text):
                if not any(path == known or path.endswith(f"/{known}") for known in paths):
                    hint = nearest(path, paths) or "write device/signal"
                    yield reading.fault(at, f"the scene {lab.line.scene} has no tag {path!r}", hint)


def _truths(text: str) -> tuple[str, ...]:
    try:
        return parse(text).truths
    except ExpressionError:
        return ()


def _expression(reading: Reading, place: Place, text: str) -> Iterator[Fault]:
    try:
        parse(text)
    except ExpressionError as error:
        around = text.strip()[max(0, error.at - 12) : error.at + 20]
        yield reading.fault(place, f"{error}, at …{around}…" if around else str(error))


def _twice(reading: Reading, place: Place, ids: Iterable[str], what: str) -> Iterator[Fault]:
    known = list(ids)
    for name, count in Counter(known).items():
        if count > 1:
            last = len(known) - 1 - known[::-1].index(name)
            yield reading.fault((*place, last, "id"), f"there is {what} already: {name!r}", "rename it")


# ------------------------------------------------------------------------------------- scripts
def script_faults(folder: Path, name: str, lab: LabDocument) -> Iterator[Fault]:
    """Yield what is wrong with the scripts by which a lab is tested."""
    place = folder / "scripts" / lab.id
    where = f"{name}/scripts/{lab.id}"
    for file, does in ((RIGHT, "earns every point"), (EMPTY, "does nothing")):
        if not (place / file).is_file():
            yield Fault(f"{where}/{file}", "", "missing", f"a run that {does} tests the lab")
    if not any(place.glob(WRONG)):
        yield Fault(f"{where}/{WRONG}", "", "missing", "add a typical mistake, and what it should earn")
    for script in sorted(place.glob("*.yaml")):
        yield from _script(script, f"{where}/{script.name}", lab)


def _script(path: Path, name: str, lab: LabDocument) -> Iterator[Fault]:
    if path.is_symlink():
        yield Fault(name, "", "is a link", "put the file itself there")
        return
    script, faults, reading = examine_script(path, name)
    yield from faults
    if script is None:
        return
    wanted = {RIGHT: "full", EMPTY: "none"}.get(path.name)
    if wanted is not None and script.expect != wanted:
        yield reading.fault(("expect",), f"a script of this name expects {wanted!r}")
    if path.name == EMPTY and script.do:
        yield reading.fault(("do",), "an empty run does nothing")
    yield from _acts(reading, path.parent, script, lab)


def _acts(reading: Reading, folder: Path, script: Script, lab: LabDocument) -> Iterator[Fault]:
    questions = {one.id: one for step in lab.steps for one in step.questions}
    parts = {*questions, *(check.id for step in lab.steps for check in step.checks)}
    for number, act in enumerate(script.do):
        place: Place = ("do", number)
        for file in (act.apply or {}).values():
            if not (folder / file).is_file():
                yield reading.fault((*place, "apply"), f"there is no {file} beside the script")
        for question, answer in (act.answer or {}).items():
            at = (*place, "answer", question)
            if question not in questions:
                yield reading.fault(at, "the lab has no such question", f"there are {', '.join(questions) or 'none'}")
            elif isinstance(questions[question], Number) and isinstance(answer, str):
                yield from _expression(reading, at, answer)
        if act.wait is not None:
            yield from _expression(reading, (*place, "wait", "until"), act.wait.until)
        if act.claim is not None and act.claim.begun is not None:
            yield from _expression(reading, (*place, "claim", "begun"), act.claim.begun)
        if act.hint is not None and not ((step := lab.step(act.hint)) and step.hints):
            yield reading.fault((*place, "hint"), f"there is no hint in a step {act.hint!r}")
    failed = script.expect.failed if not isinstance(script.expect, str) else ()
    for name in failed:
        if name not in parts and not (name == "diagnosis" and lab.diagnosis):
            yield reading.fault(("expect", "failed"), f"the lab has no check or question {name!r}")
