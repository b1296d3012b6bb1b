"""`provenline reload`: have a running centre take over its changed configuration."""

from __future__ import annotations

import httpx
import typer

from dashboard_api.operations import RELOAD
from plant.errors import ProvenlineError
from provenline.console import OFFLINE, DataFolder, answer, asking
from provenline.screen import out

app = typer.Typer()

Names = dict[str, list[str]]
_MARKS = {"added": "+", "changed": "~", "removed": "-", "kept": "="}


@app.command()
def reload(data: DataFolder = None) -> None:
    """Take over a changed configuration while the centre runs; faulty ones are refused with every fault.

    不停机重新加载配置。
    """
    change = asking(data, _reload)
    for name, mark in _MARKS.items():
        for source in change[name]:
            out.print(f"{mark} {source}", soft_wrap=True, markup=False)
    for setting in change["at_next_start"]:
        out.print(f"  takes effect at the next start: {setting}", soft_wrap=True, markup=False)
    out.print("✓ reloaded")


async def _reload(client: httpx.AsyncClient) -> Names:
    if str(client.base_url).rstrip("/") == OFFLINE:
        raise ProvenlineError("no centre runs on this data folder; it reads its configuration when it starts")
    change: Names = await answer(client, "POST", RELOAD)
    return change
