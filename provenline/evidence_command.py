"""`provenline evidence …`: verify a package anywhere, look into one, take one out, show the signing key."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from evidence.limits import within_limits
from evidence.signing import Signer
from evidence.verify import Result, Verification, verify
from plant.errors import ProvenlineError
from provenline.acceptance import base, campaigns, coloured, explained
from provenline.screen import err, out

app = typer.Typer(help="Verify, show and export evidence packages. 核验、查看、导出证据包。", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="Folder of campaigns, keys and samples.", show_default=False)]

_SHOWN = {
    Result.HOLDS: "[green]✓ holds[/]",
    Result.FAILS: "[red]✗ FAILS[/]",
    Result.NOT_MADE: "[yellow]– not made[/]",
    Result.ABSENT: "[dim]· absent[/]",
}


@app.command(name="verify")
def verify_packages(
    files: Annotated[list[Path], typer.Argument(help="Packages (.zip).", exists=True, dir_okay=False)],
    key: Annotated[list[str] | None, typer.Option(help="Fingerprint of a key you trust; again for more.")] = None,
    language: Annotated[str, typer.Option(help="zh or en.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    memory: Annotated[int, typer.Option(min=512, help="MiB that may be used at most.")] = 8192,
) -> None:
    """Check everything in packages, and compute every figure and verdict anew. Exit 0 only when all hold."""
    results = []
    within_limits(memory << 20)
    with Progress(console=err, transient=True) as progress:
        for file in files:
            bar = progress.add_task(file.name, total=1.0)
            shown = partial(_shown, progress, bar)
            results.append(verify(file, trusted=[one.lower() for one in key or []], progress=shown))
            progress.remove_task(bar)
    if as_json:
        out.print_json(json.dumps([_plain(one, language) for one in results], ensure_ascii=False))
    else:
        for one in results:
            _print(one, language)
    if not all(one.holds for one in results):
        raise typer.Exit(1)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    language: Annotated[str, typer.Option(help="zh or en.")] = "en",
) -> None:
    """Show what a package says, after the same checks as `verify`."""
    found = verify(file)
    _print(found, language)
    if found.finding is None:
        raise typer.Exit(1)
    table = Table("indicator", "verdict", "estimate", "interval", "bound", box=None, pad_edge=False)
    for one in found.finding["findings"]:
        interval = "–" if one["interval"] is None else " … ".join(_number(value) for value in one["interval"])
        name = one["name"]["en" if language.startswith("en") else "zh"]
        table.add_row(
            name, coloured(one["verdict"]), _number(one["estimate"]), interval, f"{one['op']} {_number(one['bound'])}"
        )
    out.print(table)
    if not found.holds:
        raise typer.Exit(1)


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="ID", help="Campaign.")],
    into: Annotated[Path, typer.Option("--out", help="File to write.")],
    data: Data = None,
) -> None:
    """Copy a finished campaign's package."""
    with explained():
        package = campaigns(data).open(name).package
        if not package.exists():
            raise ProvenlineError(f"campaign {name} has no package yet; run: provenline acceptance run {name}")
        if into.exists():
            raise ProvenlineError(f"{into} is there already; evidence is not overwritten")
        shutil.copyfile(package, into)
    out.print(str(into))


@app.command()
def key(data: Data = None) -> None:
    """Show the fingerprint of the key that this machine signs with; give it to whoever verifies."""
    with explained():
        signer = Signer.load(base(data) / "keys" / "evidence.pem")
    out.print(signer.fingerprint)


def _shown(progress: Progress, bar: TaskID, done: float) -> None:
    progress.update(bar, completed=done)


def _print(found: Verification, language: str) -> None:
    table = Table(title=escape(found.file), title_justify="left", box=None, show_header=False)
    for column in ("step", "result", "details"):
        table.add_column(column, overflow="fold")
    for check in found.checks:
        details = "\n".join(escape(one.of(language)) for one in check.details)
        table.add_row(check.step.value, _SHOWN[check.result], details)
    out.print(table)
    if found.simulated:
        out.print("[yellow]SIMULATED DATA · 仿真数据[/]")
    verdict = (found.finding or {}).get("verdict", "")
    whole = "[green]everything holds[/]" if found.holds else "[red]NOT VERIFIED[/]"
    out.print(f"{whole}; verdict: {coloured(verdict)}\n")


def _plain(found: Verification, language: str) -> dict[str, object]:
    return {
        "file": found.file,
        "holds": found.holds,
        "signer": found.signer,
        "simulated": found.simulated,
        "verdict": (found.finding or {}).get("verdict"),
        "checks": [
            {"step": one.step, "result": one.result, "details": [text.of(language) for text in one.details]}
            for one in found.checks
        ],
    }


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value or "–")
