"""`provenline audit`: read the audit log and have it checked, beside a running centre and without one."""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path
from typing import Annotated

import orjson
import typer

from dashboard_api.audit import Head, Record, records, verify
from plant.errors import ProvenlineError
from provenline.console import DataFolder, audit_file
from provenline.process import fail
from provenline.screen import out

app = typer.Typer(help="The audit log: who did what, and that nothing was altered. 审计日志。", no_args_is_help=True)


@app.command(name="verify")
def check(
    head: Annotated[str | None, typer.Option(help="A head noted earlier, SEQ:HASH; it must still fit.")] = None,
    data: DataFolder = None,
) -> None:
    """Walk the whole chain; name what was altered, removed, moved or cut off, and print the head, to be noted."""
    try:
        noted = Head.of(head) if head else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        found = verify(audit_file(data), noted=noted)
    except ProvenlineError as error:
        fail(str(error))
    for fault in found.faults:
        out.print(f"✗ {fault}", soft_wrap=True, markup=False)
    if found.faults:
        fail(f"{len(found.faults)} faults in {found.records} records")
    out.print(f"✓ {found.records} records, unbroken; head {found.head}", soft_wrap=True)


@app.command()
def show(
    most: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 20,
    text: Annotated[str, typer.Option(help="Only those with this in who, what or whom.")] = "",
    data: DataFolder = None,
) -> None:
    """Show the newest records."""
    chosen: deque[Record] = deque(maxlen=most)
    chosen.extend(r for r in records(audit_file(data)) if text in f"{r.actor} {r.action} {r.subject}")
    for record in chosen:
        who = f"{record.actor or '–'} ({record.role or record.kind}, {record.address or '–'})"
        change = f"{record.before} → {record.after}"
        line = f"{record.seq}  {record.time[:19]}Z  {who}  {record.action}  {record.subject}  {change}"
        out.print(line, soft_wrap=True, markup=False)


@app.command()
def export(
    into: Annotated[Path | None, typer.Option("--out", help="File; standard output when not given.")] = None,
    data: DataFolder = None,
) -> None:
    """Write every record, the oldest first, one JSON object a line."""
    lines = (orjson.dumps(r.payload(), option=orjson.OPT_APPEND_NEWLINE) for r in records(audit_file(data)))
    if into is None:
        sys.stdout.buffer.writelines(lines)
        return
    try:
        with into.open("xb") as file:
            file.writelines(lines)
    except OSError as error:
        fail(f"{into}: {error.strerror}")
    out.print(f"✓ {into}", soft_wrap=True)
