"""Every lab of every packaged course, by its scripts: the right run earns everything, the empty one nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labs.library import PACKAGED, Lab, read_library
from provenline.lab_running import run_scripts, scripts_of
from provenline.main import app
from tests.labs.tiny_course import tiny_lab

LIBRARY = read_library([PACKAGED])


def test_every_lab_has_a_right_an_empty_and_a_wrong_run() -> None:
    def kinds(lab: Lab) -> set[str]:
        return {file.stem.partition("-")[0] for file in scripts_of(lab)}

    assert [str(lab.key) for lab in LIBRARY.labs if not {"right", "empty", "wrong"} <= kinds(lab)] == []


@pytest.mark.timeout(1500)  # a dozen sandboxes each
@pytest.mark.parametrize("course", sorted(LIBRARY.courses))
def test_each_scripted_run_of_a_course_earns_what_it_should(course: str) -> None:
    labs = LIBRARY.courses[course].labs.values()
    found = asyncio.run(run_scripts([(lab, file) for lab in labs for file in scripts_of(lab)], at_once=3))
    assert found
    assert [f"{one.lab} {one.script}: {one.problem}" for one in found if not one.ok] == []


def test_a_run_that_earns_something_else_is_said_and_ends_with_1(tmp_path: Path) -> None:
    lab = tiny_lab(tmp_path)
    script = tmp_path / "optimist.yaml"
    script.write_text("expect: full\n", encoding="utf-8")
    command = ["lab", "run", "tiny/scale", "--script", str(script), "--courses", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, command)
    (said,) = json.loads(result.stdout)
    assert (result.exit_code, said["lab"], said["as_expected"]) == (1, str(lab.key), False)
    assert "0 of 4 points" in said["problem"]


def test_a_folder_is_graded_as_an_attempt(tmp_path: Path) -> None:
    tiny_lab(tmp_path)
    mine = tmp_path / "mine"
    mine.mkdir()
    start = tmp_path / "tiny" / "start" / "scale" / "scene.yaml"
    right = start.read_text(encoding="utf-8").replace("scale: 0.01", "scale: 0.001")
    (mine / "scene.yaml").write_text(right, encoding="utf-8")
    answers = tmp_path / "answers.yaml"
    answers.write_text("order: 1\n", encoding="utf-8")
    command = ["lab", "grade", "tiny/scale", str(mine), "--answers", str(answers), "--minutes", "5"]
    result = CliRunner().invoke(app, [*command, "--courses", str(tmp_path), "--json"])
    assert result.exit_code == 0
    assert {one["id"]: one["passed"] for one in json.loads(result.stdout)["outcomes"]} == {
        "right": True,
        "order": False,
    }
