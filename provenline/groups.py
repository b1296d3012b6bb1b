"""Groups of commands that are imported when one of them is asked for: `calc` must not wait for servers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

GROUPS = {
    "acceptance": "provenline.acceptance",
    "audit": "provenline.audit_command",
    "backup": "provenline.backup_command",
    "calc": "provenline.calc",
    "doctor": "provenline.doctor_command",
    "evidence": "provenline.evidence_command",
    "explain": "provenline.explain",
    "fault": "provenline.fault",
    "kpi": "provenline.kpi",
    "lab": "provenline.lab_command",
    "opcua": "provenline.opcua_command",
    "reload": "provenline.reload_command",
    "restore": "provenline.restore_command",
    "retention": "provenline.retention_command",
    "user": "provenline.user_command",
}
"""Name of a group to the module whose `app` it is."""


class Groups(TyperGroup):
    """The commands of the main module and, beside them, `GROUPS`."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's own context
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *GROUPS})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer's own context and command
        """Return a command, importing its group now."""
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        command = typer.main.get_command(import_module(GROUPS[cmd_name]).app)
        command.name = cmd_name
        return command
