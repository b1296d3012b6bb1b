"""`provenline lab …`: which labs there are, and whether they are sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from labs.awards import look_up, read_code
from labs.library import PACKAGED, read_library
from labs.register import FILE
from labs.scenery import Scenes
from plant.clock import iso
from plant.errors import Fault, ProvenlineError
from provenline import lab_runs
from provenline.console import DataFolder, folder
from provenline.process import fail
from provenline.screen import err, out

app = typer.Typer(
    help="Hands-on labs: list, check, run, grade. 实训课程：列出、检查、运行、评分。", no_args_is_help=True
)

Courses = Annotated[list[Path] | None, typer.Argument(help="Folders of courses, or of one course.", show_default=False)]


@app.command(name="list")
def list_labs(folders: Courses = None) -> None:
    """List courses and their labs: planned minutes, points, the scene each works on."""
    library = read_library(folders or [PACKAGED])
    table = Table("lab", "", "minutes", "points", "scene", box=None, pad_edge=False)
    for lab in library.labs:
        name = f"{lab.document.name.zh} / {lab.document.name.en}"
        table.add_row(str(lab.key), name, str(lab.document.minutes), str(lab.document.points), lab.document.line.scene)
    out.print(table)
    _show(library.faults)


@app.command()
def check(folders: Courses = None) -> None:
    """Check courses: every fault at once, with its place and what to do; runs nothing of them."""
    chosen = folders or [PACKAGED]
    library = read_library(chosen, Scenes())
    _show(library.faults)
    where = ", ".join(str(folder) for folder in chosen)
    if library.faults:
        fail(f"{len(library.faults)} fault{'s' if len(library.faults) > 1 else ''} in {where}")
    if not library.courses:
        fail(f"there is no course in {where}; a course is a folder with a course.yaml")
    out.print(f"✓ {where}: {len(library.courses)} courses, {len(library.labs)} labs, no faults", soft_wrap=True)


app.command(name="run")(lab_runs.run)
app.command(name="grade")(lab_runs.grade)


@app.command()
def certificate(
    code: Annotated[str, typer.Argument(help="As it stands on the certificate.")], data: DataFolder = None
) -> None:
    """Say whether a certificate is genuine, and whose it is; exit code 1 when it is not. The centre may be running."""
    register = folder(data) / FILE
    if not register.is_file():
        fail(f"there is no register of labs {register}; name the centre's data folder with --data")
    try:
        found = look_up(register, code)
    except ProvenlineError as error:
        fail(str(error))
    if found is None:
        fail(f"there is no certificate {read_code(code)}")
    course = f"{found.course_name.zh} / {found.course_name.en}"
    out.print(f"✓ {found.code}: {found.name}, {course}, {found.points:g} / {found.of}, {iso(found.at)}", soft_wrap=True)


def _show(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        err.print(f"[red]✗[/red] {escape(str(fault))}", soft_wrap=True)
