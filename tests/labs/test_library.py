"""A course is read whole, or everything that is wrong with it is said at once, with place and advice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labs.course import LabKey, lab_key
from labs.library import read_library
from labs.scenery import Scenes
from labs.text import Language
from provenline.main import app

EXAMPLE = Path(__file__).parent / "example"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


def change(course: Path, old: str, new: str, file: str = "course.yaml") -> None:
    text = (course / file).read_text("utf-8")
    assert old in text
    (course / file).write_text(text.replace(old, new, 1), "utf-8")


def faults(course: Path) -> list[str]:
    library = read_library([course.parent], Scenes())
    assert bool(library.faults) is ("example" not in library.courses)
    return [str(fault) for fault in library.faults]


def test_the_example_is_sound() -> None:
    library = read_library([EXAMPLE], Scenes())
    assert library.faults == ()
    lab = library.lab(LabKey("example", "belt-speed"))
    assert lab is not None
    assert lab.document.points == 7
    assert list(lab.files) == ["scene.yaml"]
    assert set(lab.texts) == set(Language)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("scene: first-light", "scene: first-ligth", "there is no scene 'first-ligth' (did you mean 'first-light'?)"),
        ("past: 0", "past: 0\n      network: 6g", "labs[0].line.network: there is no network profile '6g'"),
        (
            "past: 0",
            "past: 0\n      faults: [{kind: jan, target: press}]",
            "faults[0].kind: no kind of fault 'jan'",
        ),
        ("past: 0", "past: 0\n      faults: [{kind: jam, target: pres}]", "line.faults[0]: jam: no 'pres'; there are"),
        ("text: belt-speed", "text: belt", "labs[0].text: there is no belt.zh-CN.md"),
        ("id: repair", "id: mend", "step:mend: this step has no text"),
        ("id: repair", "id: mend", "step:repair: the lab has no such step"),
        ("tag('conveyor/speed').quality", "tag('conveyor/speed').qualty", "did you mean 'quality'?"),
        ("truth.tag('conveyor/speed')", "truth.tag('conveyor/sped')", "has no tag 'conveyor/sped' (did you mean"),
        ("truth.mean('conveyor/speed', 2)", "truth.mean('conveyor/speed'", "questions[0].answer: not an expression"),
        ("id: still-watched", "id: speed-right", "'speed-right' is a check or question of this lab already"),
        ("id: factor", "id: speed", "'speed' is a check or question of this lab already"),
        ("points: 3", "points: 0", "labs[0].steps[1].checks[0].points"),
        ("cost: 1", "cost: 6", "the hints cost 6, the step has 5 points"),
        ("answer: 2", "answer: 4", "answer 4 is none of the 3 options"),
        ("files: start/belt-speed", "files: start/belt", "there is nothing in start/belt"),
        ("id: example", "id: other", "the folder is called 'example'"),
        ("minutes: 20", "minuts: 20", "unknown key (did you mean 'minutes'?)"),
        ("zh: 显示的带速是实际的多少倍？, ", "", "labs[0].steps[0].questions[0].ask.zh: missing"),
        ("pass: 0.6", "pass: 1.6", "pass: "),
    ],
)
def test_what_is_wrong_is_said_where_it_is(course: Path, old: str, new: str, says: str) -> None:
    change(course, old, new)
    found = faults(course)
    assert [fault for fault in found if says in fault], found


def missing(name: str) -> Callable[[Path], None]:
    return lambda course: (course / name).unlink()


def linked(course: Path) -> None:
    (course / "belt-speed.en.md").unlink()
    (course / "belt-speed.en.md").symlink_to("/etc/hostname")


def linked_start(course: Path) -> None:
    (course / "start/belt-speed/other.yaml").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (missing("course.yaml"), None),
        (missing("belt-speed.en.md"), "there is no belt-speed.en.md"),
        (missing("scripts/belt-speed/right.yaml"), "scripts/belt-speed/right.yaml: missing"),
        (missing("scripts/belt-speed/empty.yaml"), "scripts/belt-speed/empty.yaml: missing"),
        (missing("scripts/belt-speed/wrong-limit.yaml"), "scripts/belt-speed/wrong-*.yaml: missing"),
        (missing("scripts/belt-speed/limit/scene.yaml"), "there is no limit/scene.yaml beside the script"),
        (linked, "there is no belt-speed.en.md"),
        (linked_start, "only plain .yaml files"),
        (lambda c: change(c, "factor: 2", "facto: 2", "scripts/belt-speed/right.yaml"), "the lab has no such question"),
        (lambda c: change(c, "full", "none", "scripts/belt-speed/right.yaml"), "expects 'full'"),
        (
            lambda c: change(c, "speed-right,", "sped,", "scripts/belt-speed/wrong-limit.yaml"),
            "no check or question 'sped'",
        ),
        (lambda c: change(c, ".quality ==", ".quality =", "scripts/belt-speed/right.yaml"), "not an expression"),
        (lambda c: change(c, "- wait", "- wayt", "scripts/belt-speed/right.yaml"), "unknown key"),
        (lambda c: change(c, "## step:look", "![x](gone.png)\n\n## step:look", "belt-speed.en.md"), "no such picture"),
        (lambda c: change(c, "# Why", "Why", "belt-speed.en.md"), "has no title"),
    ],
)
def test_what_is_missing_or_astray_is_said(course: Path, damage: Callable[[Path], None], says: str | None) -> None:
    damage(course)
    found = faults(course) if says else [str(fault) for fault in read_library([course], Scenes()).faults]
    if says is None:
        assert found == []  # a folder without a course.yaml is no course
    else:
        assert [fault for fault in found if says in fault], found


def test_all_faults_are_said_at_once(course: Path) -> None:
    change(course, "scene: first-light", "scene: none")
    change(course, "cost: 1", "cost: 9")
    change(course, "near(tag", "neer(tag")
    (course / "belt-speed.en.md").unlink()
    (course / "scripts/belt-speed/empty.yaml").unlink()
    assert len(faults(course)) == 5


def test_the_command_lists_and_checks(course: Path) -> None:
    run = CliRunner()
    listed = run.invoke(app, ["lab", "list", str(course)])
    assert "example/belt-speed" in listed.output
    assert "no faults" in run.invoke(app, ["lab", "check", str(course)]).output
    change(course, "scene: first-light", "scene: none")
    refused = run.invoke(app, ["lab", "check", str(course)])
    assert refused.exit_code == 1
    assert "labs[0].line.scene" in refused.output
    assert "1 fault" in refused.output
    assert run.invoke(app, ["lab", "check", str(course / "scripts")]).exit_code == 1


def test_a_second_course_of_an_id_is_a_fault(course: Path) -> None:
    library = read_library([course, EXAMPLE])
    assert "there is a course 'example' already" in str(library.faults[0])
    assert library.courses["example"].folder == course


def test_a_key_is_course_and_lab() -> None:
    assert lab_key("a/b") == LabKey("a", "b")
    for wrong in ("a", "a/", "/b", "a/b/c"):
        with pytest.raises(ValueError, match="not course/lab"):
            lab_key(wrong)
