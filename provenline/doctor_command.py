"""`provenline doctor`: every finding in the language of this shell, and an exit code for scripts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from configs.loader import PACKAGED
from provenline import doctor_aside, doctor_machine, doctor_network, doctor_retention, doctor_stores
from provenline.console import DataFolder
from provenline.doctor import Check, Weight, examine, language, patient
from provenline.screen import out

app = typer.Typer()

CHECKS: tuple[Check, ...] = (
    doctor_machine.configuration,
    doctor_machine.secrets,
    doctor_machine.data_folder,
    doctor_machine.disk,
    doctor_machine.memory,
    doctor_machine.clock,
    doctor_machine.versions,
    doctor_machine.leftovers,
    doctor_stores.databases,
    doctor_stores.store,
    doctor_stores.audit,
    doctor_stores.outbox,
    doctor_aside.batches,
    doctor_aside.refused,
    doctor_aside.segments,
    doctor_stores.said_of_themselves,
    doctor_retention.retention,
    doctor_network.port,
    doctor_network.certificates,
    doctor_network.reachable,
)
_MARKS = {Weight.FAULT: "[red]✗[/red]", Weight.WARNING: "[yellow]![/yellow]", Weight.NOTE: "·"}


@app.command()
def doctor(
    data: DataFolder = None,
    config: Annotated[Path, typer.Option(help="Folder with the configuration.")] = PACKAGED,
    deep: Annotated[bool, typer.Option("--deep", help="Read every sample's segment to its end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a finding, in both languages.")] = False,
) -> None:
    """Say what is wrong here and what to do; exit code 1 when something is, 0 otherwise. Changes nothing.

    体检：指出问题与处理办法；有故障时退出码为 1。
    """
    folder = data or Path(os.environ.get("PROVENLINE_DATA", "~/.local/share/provenline")).expanduser()
    tongue = language()
    worst, count = Weight.NOTE, 0
    for finding in examine(patient(config, folder, deep=deep), CHECKS):
        worst, count = max(worst, finding.weight), count + 1
        if as_json:
            print(json.dumps(asdict(finding) | {"weight": finding.weight.name.lower()}, ensure_ascii=False))  # noqa: T201 - for machines
            continue
        out.print(_MARKS[finding.weight], end=" ")
        out.print(finding.what.of(tongue), soft_wrap=True, markup=False)
        out.print(f"  → {finding.advice.of(tongue)}", soft_wrap=True, markup=False)
    if not count and not as_json:
        out.print("✓ 一切正常" if tongue == "zh" else "✓ all is well")
    if worst is Weight.FAULT:
        raise typer.Exit(1)
