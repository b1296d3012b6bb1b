"""`provenline restore`: a backup into an empty folder, or only a look at whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plant.errors import ProvenlineError
from provenline.backup_archive import Contents, examined
from provenline.process import fail
from provenline.restore import restore as restored
from provenline.screen import out

app = typer.Typer()


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="Archive that `provenline backup` wrote.")],
    data: Annotated[Path | None, typer.Option(help="Data folder to make; empty, or not there yet.")] = None,
    config: Annotated[Path | None, typer.Option(help="Folder for the configuration, likewise.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only read the archive to its end and compare.")] = False,
) -> None:
    """Restore a backup; it is checked first, and nothing is ever overwritten.

    恢复备份：先校验，绝不覆盖已有数据。
    """
    if not check and data is None:
        fail("name the data folder to make with --data, or only --check the archive")
    try:
        if check or data is None:
            _tell(file, examined(file))
            return
        done = restored(file, data=data, configuration=config)
    except ProvenlineError as error:
        fail(str(error))
    _tell(file, done.contents)
    out.print(f"✓ {data}: {done.files} files, audit log unbroken with {done.audit} records", soft_wrap=True)
    if config is not None:
        out.print(f"✓ {config}: the configuration", soft_wrap=True)
    if not done.contents.manifest.keys:
        out.print("  it came without keys: a certificate, signing key and write token are made anew at the next start")


def _tell(file: Path, contents: Contents) -> None:
    made = contents.manifest
    out.print(
        f"✓ {file} is whole: {made.site or 'a centre'}, {made.made}, version {made.version}, "
        f"{len(contents.files)} files, {contents.bytes / 1e6:.1f} MB",
        soft_wrap=True,
    )
