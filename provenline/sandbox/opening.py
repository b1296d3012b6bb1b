"""From a lab to what its sandbox is made of."""

from __future__ import annotations

from pathlib import Path

from configs.loader import PACKAGED, packaged
from labs.library import Lab
from labs.scenery import planned, scene_of
from provenline.sandbox.limits import Limits
from provenline.sandbox.order import LinePlan, Order


def line_plan(lab: Lab, *, speed: float | None = None) -> LinePlan:
    """Return the line of a lab; `speed` replaces its own. Raises KeyError, ValueError and ConfigError for none."""
    line = lab.document.line
    own = line.scene not in packaged().scenes
    return LinePlan(
        plant=(lab.folder / line.scene).resolve() if own else PACKAGED,
        scene=scene_of(lab.folder, line).id,
        network=line.network,
        past=line.past,
        speed=line.speed if speed is None else speed,
        faults=tuple(planned(fault) for fault in line.faults),
    )


def order_of(plan: LinePlan, lab: Lab, owner: str, *, seed: int, folder: Path, socket: Path, limits: Limits) -> Order:
    """Return the order for a lab's sandbox; without files of the lab, its configuration is read only."""
    files = dict(lab.files) or None
    return Order(
        owner=owner,
        line=plan,
        seed=seed,
        folder=folder,
        socket=socket,
        files=files,
        limits=limits,
        campaigns=lab.document.line.campaigns,
    )
