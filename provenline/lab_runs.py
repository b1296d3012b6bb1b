"""`provenline lab run` and `provenline lab grade`: labs without a page, for those who write courses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from labs.course import lab_key
from labs.library import PACKAGED, Lab, Library, read_library
from plant.errors import ProvenlineError
from provenline.process import fail, log_plainly
from provenline.screen import err, out

if TYPE_CHECKING:
    from provenline.lab_running import Run

_NOT_AS_EXPECTED = 1

Key = Annotated[str | None, typer.Argument(metavar="[COURSE/LAB]", help="The lab; see `provenline lab list`.")]
Folders = Annotated[list[Path] | None, typer.Option("--courses", help="Folder of courses; again for more.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the lines that differ by trainee.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run(
    lab: Key = None,
    script: Annotated[Path | None, typer.Option(help="Script to run; default: all of the lab.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All scripts of all labs.")] = False,
    courses: Folders = None,
    at_once: Annotated[int, typer.Option(min=1, max=30, help="Sandboxes at a time.")] = 2,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Run scripted attempts, each on a sandbox of its own; exit code 1 when one does not earn what it should."""
    from provenline.lab_running import run_scripts, scripts_of  # noqa: PLC0415 - checking courses needs no servers

    log_plainly()
    if everything == (lab is not None):
        fail("name one lab, or give --all")
    library = _library(courses)
    labs = library.labs if lab is None else (_lab(library, lab),)
    if script is not None:
        if lab is None:
            fail("--script goes with one lab")
        chosen = [(labs[0], script)]
    else:
        chosen = [(one, file) for one in labs for file in scripts_of(one)]
    if not chosen:
        fail("there is no script to run; put one below scripts/<lab>/ of the course")
    try:
        found = asyncio.run(run_scripts(chosen, at_once=at_once, seed=seed))
    except ProvenlineError as error:
        fail(str(error))
    _print(found, as_json=as_json)
    if not all(one.ok for one in found):
        raise typer.Exit(_NOT_AS_EXPECTED)


def grade(
    lab: Annotated[str, typer.Argument(metavar="COURSE/LAB", help="The lab; see `provenline lab list`.")],
    folder: Annotated[Path, typer.Argument(help="Folder with the configuration to grade.", exists=True)],
    answers: Annotated[Path | None, typer.Option(help="YAML file: question to answer.", exists=True)] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="Plant minutes that the line runs first.")] = 2.0,
    speed: Annotated[float, typer.Option(min=0.1, max=120, help="Plant seconds a second.")] = 30.0,
    courses: Folders = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Grade a configuration and answers as a trainee's attempt: what is passed, and what each check saw."""
    from provenline.lab_running import grade_folder  # noqa: PLC0415 - as above

    log_plainly()
    chosen = _lab(_library(courses), lab)
    given = _answers(answers) if answers else {}
    try:
        found = asyncio.run(grade_folder(chosen, folder, given, minutes=minutes, speed=speed, seed=seed))
    except (ProvenlineError, ValueError) as error:
        fail(str(error))
    if found.grade is None:
        fail(found.problem)
    if as_json:
        out.print_json(json.dumps(_plain(found), ensure_ascii=False))
        return
    table = Table("", "check or question", "points", "seen", box=None, pad_edge=False)
    for outcome in found.outcomes:
        mark = "[green]✓[/green]" if outcome.passed else "[red]✗[/red]"
        table.add_row(mark, escape(outcome.id), f"{outcome.points:g} / {outcome.of}", escape(outcome.seen))
    out.print(table)
    out.print(f"{found.grade.points:g} / {found.grade.of}")


def _library(folders: list[Path] | None) -> Library:
    library = read_library(folders or [PACKAGED])
    for fault in library.faults:
        err.print(f"[red]✗[/red] {escape(str(fault))}", soft_wrap=True)
    if library.faults:
        fail("courses with faults cannot be run; see `provenline lab check`")
    return library


def _lab(library: Library, key: str) -> Lab:
    try:
        found = library.lab(lab_key(key))
    except ValueError as error:
        fail(str(error))
    if found is None:
        fail(f"there is no lab {key}; there are: {', '.join(str(lab.key) for lab in library.labs)}")
    return found


def _answers(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        fail(f"{file}: {error}")
    if not isinstance(found, dict):
        fail(f"{file}: write question: answer, one a line")
    return found


def _print(found: tuple[Run, ...], *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps([_plain(one) for one in found], ensure_ascii=False))
        return
    table = Table("", "lab", "script", "points", "s", "", box=None, pad_edge=False)
    for one in found:
        mark = "[green]✓[/green]" if one.ok else "[red]✗[/red]"
        points = "–" if one.grade is None else f"{one.grade.points:g} / {one.grade.of}"
        table.add_row(mark, one.lab, one.script, points, f"{one.seconds:.1f}", escape(one.problem))
    out.print(table)


def _plain(one: Run) -> dict[str, object]:
    return {
        "lab": one.lab,
        "script": one.script,
        "as_expected": one.ok,
        "problem": one.problem,
        "points": None if one.grade is None else one.grade.points,
        "of": None if one.grade is None else one.grade.of,
        "outcomes": [
            {"id": o.id, "passed": o.passed, "points": o.points, "of": o.of, "seen": o.seen} for o in one.outcomes
        ],
        "seconds": round(one.seconds, 3),
    }
