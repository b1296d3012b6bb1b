"""`provenline backup`: everything a centre holds, in one file, while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.schema import InfluxConfig
from plant.clock import SystemClock, iso
from plant.errors import ConfigError, ProvenlineError
from provenline import __version__
from provenline.backup import back_up
from provenline.backup_archive import Manifest
from provenline.console import DataFolder, answer, asking, folder
from provenline.process import fail
from provenline.screen import err, out
from provenline.trust import AUDIT

app = typer.Typer()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Archive to write; it must not exist.")],
    data: DataFolder = None,
    config: Annotated[Path, typer.Option(help="Folder with the configuration.")] = PACKAGED,
    keys: Annotated[bool, typer.Option("--keys", help="Put private keys and the write token in too.")] = False,
) -> None:
    """Back a centre up, also while it runs: samples, accounts, audit log, notes, alarms, campaigns, configuration.

    备份监测中心，无需停机。
    """
    configuration = _configuration(config)
    manifest = Manifest(
        made=iso(SystemClock().now()),
        version=__version__,
        site=configuration.site.id if configuration else "",
        keys=keys,
        elsewhere=_elsewhere(configuration),
    )
    try:
        taken = back_up(file, data=folder(data), configuration=config, manifest=manifest)
    except ProvenlineError as error:
        fail(str(error))
    if (folder(data) / AUDIT).is_file():
        told = {"file": str(file.absolute()), "files": taken.files, "bytes": taken.bytes, "keys": keys}
        asking(data, lambda client: answer(client, "POST", "/api/v1/audit/backups", told))
    out.print(f"✓ {file}: {taken.files} files, {taken.bytes / 1e6:.1f} MB", soft_wrap=True)
    for name in taken.keys_left_out:
        out.print(f"  left out, for it holds a key: {name}", soft_wrap=True, markup=False)
    if manifest.elsewhere:
        err.print(f"[yellow]the samples are not in it, they are in {manifest.elsewhere}[/yellow]", soft_wrap=True)
    if not taken.together:
        err.print("[yellow]changes did not pause: records of the last second may be without their like[/yellow]")


def _configuration(config: Path) -> Configuration | None:
    try:
        return load(config)
    except ConfigError as error:  # what is worth keeping does not depend on it
        err.print(f"[yellow]the configuration has {len(error.faults)} faults; it is kept as it is[/yellow]")
        return None


def _elsewhere(configuration: Configuration | None) -> str:
    settings = configuration.centre.historian if configuration else None
    return settings.url if isinstance(settings, InfluxConfig) else ""
