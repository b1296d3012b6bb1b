"""`provenline fault`: break something in a running demonstration, see what could be broken, or mend it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from plant.errors import ProvenlineError
from provenline.process import fail
from provenline.screen import out
from provenline.steering import steered
from simulators.control_client import ControlClient
from simulators.faults import FaultKind, FaultOffer, PlannedFault, RefusedFault
from simulators.network.interference import Area

T = TypeVar("T")

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
_SHOWN = 6
"""Targets of a kind that are listed when no kind is asked for."""


@app.command()
def fault(
    scene: Annotated[str, typer.Argument(help="Scene of the running demonstration.")],
    kind: Annotated[str | None, typer.Argument(help="Kind of fault; without one, what there is.")] = None,
    target: Annotated[str | None, typer.Argument(help="What it is done to; without one, what it could be.")] = None,
    size: Annotated[float | None, typer.Option(help="How much; what it means depends on the kind.")] = None,
    lasts: Annotated[float | None, typer.Option("--for", help="Seconds of plant time; else until it is ended.")] = None,
    other: Annotated[str, typer.Option("--with", help="The other one of two mis-wired signals.")] = "",
    area: Annotated[str | None, typer.Option(help="Where a jammer is heard: x,y,radius in metres.")] = None,
    end: Annotated[int | None, typer.Option(help="End the fault of this number.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of the demonstration.", show_default=False)] = None,
) -> None:
    """Break something in a running demonstration; what the faults were stands in no telemetry."""
    try:
        if end is not None:
            _talk(data, lambda control: control.end(scene, end))
            out.print(f"✓ fault {end} of {scene} is over")
        elif kind is None or target is None:
            _list(data, scene, kind)
        else:
            chosen = PlannedFault(
                kind=_kind(kind), target=target, size=size, lasts=lasts, with_=other, area=_area(area)
            )
            number = _talk(data, lambda control: control.inject(scene, chosen))
            out.print(f"✓ fault {number}: {kind} of {target}; mend it with: provenline fault {scene} --end {number}")
    except ProvenlineError as error:
        fail(str(error))


def _talk(data: Path | None, say: Callable[[ControlClient], Awaitable[T]]) -> T:
    folder = data or Path(os.environ.get("PROVENLINE_DATA", "~/.local/share/provenline")).expanduser() / "demo"

    async def talk() -> T:
        async with ControlClient.connect(steered(folder)) as control:
            return await say(control)

    return asyncio.run(talk())


def _list(data: Path | None, scene: str, kind: str | None) -> None:
    async def ask(control: ControlClient) -> tuple[tuple[FaultOffer, ...], dict[int, PlannedFault]]:
        return await control.offers(scene), await control.active(scene)

    offers, active = _talk(data, ask)
    if kind is not None:
        _kind(kind)
    table = Table("kind", "", "size", "targets", box=None, pad_edge=False)
    for offer in offers:
        if kind in (None, offer.id):
            names = [target.id for target in offer.targets]
            shown = names if kind else names[:_SHOWN]
            more = f" … {len(names)} in all" if len(names) > len(shown) else ""
            size = offer.kind.size
            usual = f"{size.default:g} {size.unit} ({size.name.en})" if size else ""
            table.add_row(offer.id, f"{offer.kind.name.zh} / {offer.kind.name.en}", usual, ", ".join(shown) + more)
    out.print(table)
    for number, each in active.items():
        out.print(f"fault {number}: {each.kind} of {each.target}")


def _kind(name: str) -> FaultKind:
    if name not in set(FaultKind):
        raise RefusedFault(f"no kind of fault {name!r}; there are {', '.join(FaultKind)}")
    return FaultKind(name)


def _area(text: str | None) -> Area | None:
    if text is None:
        return None
    try:
        x, y, radius = (float(part) for part in text.split(","))
    except ValueError:
        raise RefusedFault(f"area {text!r} is not x,y,radius in metres, e.g. 30,20,8") from None
    return Area(x, y, radius)
